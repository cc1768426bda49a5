"""At which sizes a picture goes through the detector, and how several inference passes become one list of faces.

An inference pass shows the detector the whole picture at one size, as it is or mirrored. Small faces are found in large passes,
faces that fill the picture in small ones. Passes alternate between plain and mirrored, and of one picture one is plain and the
other mirrored: what is no face seldom scores in both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from passerby.boxes import pairwise_iou
from passerby.values import Detections
from passerby.veil.detect.detector import FaceDetector, Rgb, wait_for

SAME_FACE = 0.5
"""Boxes of several passes with this intersection over union are one face. Source: docs/measures.md."""
LARGEST_PX = 1920
"""Longest side of a pass; beyond, memory and time grow with no gain for faces of 8 pixels and more. Source: a choice;
the densest pass of docs/measures.md ends there."""

Size = tuple[int, int]
"""Width and height, pixels."""
Scaled = Callable[[int, int], Rgb]
"""Gives the picture at a width and height in pixels."""


@dataclass(frozen=True, slots=True)
class InferencePass:
    """How the picture is shown to the detector once.

    Attributes:
        long_side_px: The picture's longer side, as the detector is shown it.
        mirrored: Left and right are swapped.
    """

    long_side_px: int
    mirrored: bool = False


class PendingPasses:
    """The inference passes of one picture, under way.

    Args:
        passes: Each with its detections to come and the width and height of the network's input, pixels.
        size: The picture's width and height, pixels.
        clock: Seconds that only rise.
    """

    def __init__(
        self,
        passes: Sequence[tuple[InferencePass, Future[Detections], Size]],
        size: Size,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._passes, self._size, self._clock = passes, size, clock
        self._began_s = self._ended_s = clock()
        for _, future, _ in passes:
            future.add_done_callback(self._end)

    @property
    def took_s(self) -> float:
        """Seconds from the start to the end of the pass that ended last."""
        return self._ended_s - self._began_s

    @property
    def age_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began_s

    def done(self, wait_s: float = 0.0) -> bool:
        """Whether every pass has ended, after waiting for it for this many seconds at most."""
        return not futures.wait([future for _, future, _ in self._passes], wait_s).not_done

    def _end(self, _: Future[Detections]) -> None:
        self._ended_s = max(self._ended_s, self._clock())

    def result(self) -> Detections:
        """Wait, and return the faces of all passes in the picture's pixels, those of one face joined.

        Raises:
            DetectorError: a pass failed or hangs.
        """
        found = [
            to_picture(wait_for(future), shown, input_size, self._size) for shown, future, input_size in self._passes
        ]
        return join_detections(found)


def pass_sizes_px(width: int, height: int, *, thorough: bool) -> tuple[int, ...]:
    """Return the longer sides of the passes of a picture, pixels, largest first.

    Normally one and two fifths of the picture's up to 1280, or its own up to 1408, and half of that; thorough, twice the
    picture's up to 1920, and a half and a quarter of that.

    Source: docs/measures.md (misses by size of face and of pass).

    >>> [pass_sizes_px(*size, thorough=False) for size in ((640, 360), (960, 540), (3840, 2160))]
    [(896, 448), (1280, 640), (1408, 704)]
    >>> pass_sizes_px(640, 360, thorough=True)
    (1280, 640, 320)
    """
    own = max(width, height)
    if thorough:
        top = min(2 * own, LARGEST_PX)
        return top, top // 2, top // 4
    top = max(min(own * 7 // 5, 1280), min(own, 1408))
    return top, top // 2


def start_passes(
    detector: FaceDetector,
    passes: Sequence[InferencePass],
    scaled: Scaled,
    size: Size,
    threshold: float,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> PendingPasses:
    """Begin to find the faces of one picture.

    Args:
        detector: Finds faces.
        passes: How the picture is shown to it.
        scaled: Gives the picture at any size.
        size: Its width and height, pixels.
        threshold: Least score that is reported, 0 to 1.
        clock: Seconds that only rise, for :attr:`PendingPasses.took_s`.
    """
    started = []
    pictures: dict[Size, Rgb] = {}
    for shown in passes:
        input_size = pass_size(shown.long_side_px, size, detector.multiple)
        rgb = pictures.get(input_size)
        if rgb is None:
            rgb = pictures[input_size] = scaled(*input_size)
        if shown.mirrored:
            rgb = mirror(rgb)
        started.append((shown, detector.infer(rgb, threshold), input_size))
    return PendingPasses(started, size, clock=clock)


def mirror(rgb: Rgb) -> Rgb:
    """Return a picture with left and right swapped, shape (H, W, 3), uint8, contiguous.

    >>> mirror(np.arange(6, dtype=np.uint8).reshape(1, 2, 3)).tolist()
    [[[3, 4, 5], [0, 1, 2]]]
    """
    mirrored = np.empty_like(rgb)
    for channel in range(3):  # five times as fast as copying triples
        mirrored[..., channel] = rgb[:, ::-1, channel]
    return mirrored


def pass_size(long_side_px: int, size: Size, multiple: int) -> Size:
    """Return width and height of a pass, pixels, rounded up to what the network takes.

    Args:
        long_side_px: As in :class:`InferencePass`.
        size: The picture's width and height, pixels.
        multiple: See :class:`FaceDetector`.

    >>> pass_size(640, (1920, 1080), 32)
    (640, 384)
    """
    scale = long_side_px / max(size)
    wide, high = (max(multiple, -(-round(side * scale) // multiple) * multiple) for side in size)
    return wide, high


def join_detections(found: Sequence[Detections]) -> Detections:
    """Join several lists: boxes of one face become their mean, weighted by score, with the best score.

    >>> a = Detections(np.array([[0, 0, 10, 10]], "f4"), np.array([0.3], "f4"))
    >>> b = Detections(np.array([[2, 0, 12, 10]], "f4"), np.array([0.9], "f4"))
    >>> join_detections([a, b]).xyxy.round(1).tolist(), join_detections([a, b]).score.tolist()
    ([[1.5, 0.0, 11.5, 10.0]], [0.8999999761581421])
    """
    xyxy = np.concatenate([one.xyxy for one in found])
    score = np.concatenate([one.score for one in found])
    order = np.argsort(-score, kind="stable")
    xyxy, score = xyxy[order], score[order]
    alike = pairwise_iou(xyxy) >= SAME_FACE
    free = np.ones(len(score), bool)
    leaders: list[int] = []
    leader_of = np.zeros(len(score), np.intp)
    for row in range(len(score)):
        if free[row]:
            same = alike[row] & free
            free &= ~same
            leader_of[same] = len(leaders)
            leaders.append(row)
    weight = score + 1e-6
    total = np.bincount(leader_of, weight, len(leaders))
    mean = [np.bincount(leader_of, xyxy[:, side] * weight, len(leaders)) / total for side in range(4)]
    return Detections(np.stack(mean, axis=1).astype(np.float32), score[leaders])


def to_picture(found: Detections, shown: InferencePass, input_size: Size, size: Size) -> Detections:
    """Return what a pass found in the pixels of the picture.

    Args:
        found: In the pixels of the network's input.
        shown: Whether they are mirrored.
        input_size: Width and height of the network's input, pixels.
        size: The picture's width and height, pixels.
    """
    xyxy = found.xyxy.copy()
    if shown.mirrored:
        xyxy[:, [0, 2]] = input_size[0] - xyxy[:, [2, 0]]
    xyxy *= np.array([size[0] / input_size[0], size[1] / input_size[1]] * 2, np.float32)
    return Detections(xyxy, found.score)
