"""Detectors that answer as a test says, and small clips and streams to show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from passerby.errors import DetectorError, WeightsError
from passerby.media import Frame
from passerby.values import Detections, Digest
from passerby.veil.tools.demo_clip import demo_frames

SIZE = (320, 192)
FILL = (255, 0, 255)
TIME_BASE = Fraction(1, 10**9)
Answer = Callable[[int], Detections]


class Scripted:
    """Answers with faces in the picture's pixels; boxes lie in the middle, so that mirrored passes agree.

    Args:
        answer: What is found, from how often it was asked.
        hang: Never answer.
        weights: What is wrong with the weights.
    """

    multiple = 32

    def __init__(self, answer: Answer, *, hang: bool = False, weights: str | None = None) -> None:
        self.runs_on, self.digest = "scripted", Digest("sha256:0")
        self.doubt: float | None = None
        self.answer, self.hang, self.weights = answer, hang, weights
        self.widths: list[int] = []

    @property
    def asked(self) -> int:
        return len(self.widths)

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert 0 < threshold < 1
        assert rgb.dtype == np.uint8
        future: Future[Detections] = Future()
        self.widths.append(rgb.shape[1])
        if self.hang:
            return future
        try:
            found = self.answer(self.asked)
            scale = np.array([rgb.shape[1] / SIZE[0], rgb.shape[0] / SIZE[1]] * 2, np.float32)
            future.set_result(Detections(found.xyxy * scale, found.score))
        except DetectorError as error:
            future.set_exception(error)
        return future

    def prepare(self, sizes: Sequence[tuple[int, int]] = ()) -> None:
        """Nothing to do."""

    def check_weights(self) -> None:
        """Raise what the test says."""
        if self.weights is not None:
            raise WeightsError(self.weights)

    def rest(self) -> None:
        """It took nothing."""


class OnDemand(Scripted):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__(nothing)
        self.waiting: list[Future[Detections]] = []

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        future = super().infer(rgb, threshold)
        late: Future[Detections] = Future()
        late.add_done_callback(lambda _: future.result())
        self.waiting.append(late)
        return late

    def say(self, found: Detections) -> None:
        for future in self.waiting:
            future.set_result(found)
        self.waiting = []


def nothing(_: int) -> Detections:
    return Detections()


def broken(_: int) -> Detections:
    raise DetectorError("detector failed")


def face(x0: float, y0: float, x1: float, y1: float, score: float = 0.9) -> Detections:
    return Detections(np.array([[x0, y0, x1, y1]], np.float32), np.array([score], np.float32))


def pictures(count: int) -> Iterator[av.VideoFrame]:
    for index, (picture, _) in enumerate(demo_frames(count / 25, SIZE)):
        frame = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24").reformat(
            format="yuv420p"
        )
        frame.pts = index
        yield frame


def still() -> av.VideoFrame:
    """Return a grey frame, in which nothing moves however often it is shown."""
    return av.VideoFrame.from_ndarray(np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, np.uint8), format="yuv420p")


def bare(picture: av.VideoFrame, time_ns: int, *, corrupt: bool = False) -> Frame:
    return Frame(0, time_ns, TIME_BASE, picture, corrupt)
