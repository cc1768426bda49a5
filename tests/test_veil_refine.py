"""The larger pass, only where the smaller one leaves a doubt: nothing that it would find may lie outside what it is shown."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from passerby.boxes import pairwise_iou
from passerby.config import PORTRAIT
from passerby.errors import DetectorError
from passerby.values import Detections, Digest
from passerby.veil.detect.detector import Detector
from passerby.veil.detect.passes import InferencePass, Scaled, start_passes
from passerby.veil.detect.refine import LARGE_PX, MARGIN_PX, MOST_SHARE, SIDES_PX, CoarseToFinePasses, regions
from passerby.veil.settings import FindSettings

SIZE = (768, 432)
LARGER, SMALLER = 1088, 544
PASSES = InferencePass(LARGER), InferencePass(SMALLER)
Rgb = NDArray[np.uint8]


class Squares:
    """A detector that finds bright squares: surely those of 16 pixels and more, with a trace of a score the others."""

    runs_on, digest, multiple = "squares", Digest("sha256:0"), 32
    doubt: float | None = 0.01

    def __init__(self, *, fails_at: int = 0) -> None:
        self.shown: list[tuple[int, int]] = []
        self._fails_at = fails_at

    def infer(self, rgb: Rgb, threshold: float) -> Future[Detections]:
        assert rgb.flags.c_contiguous
        self.shown.append((rgb.shape[1], rgb.shape[0]))
        future: Future[Detections] = Future()
        if len(self.shown) == self._fails_at:
            future.set_exception(DetectorError("detector failed"))
            return future
        boxes = np.array([box(rgb[..., channel]) for channel in range(3) if rgb[..., channel].max()], np.float32)
        boxes = boxes.reshape(-1, 4)
        score = np.where(boxes[:, 2] - boxes[:, 0] >= 16, 0.5, 0.02).astype(np.float32)
        future.set_result(Detections(boxes[score >= threshold], score[score >= threshold]))
        return future


def box(channel: Rgb) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(channel)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def scaler(*squares: tuple[float, float, float]) -> Scaled:
    """Return what draws up to three squares (x, y, side in pixels of the picture), each in a channel of its own."""

    def scaled(width: int, height: int) -> Rgb:
        rgb = np.zeros((height, width, 3), np.uint8)
        for channel, (x, y, side) in enumerate(squares):
            left, right = (round(at * width / SIZE[0]) for at in (x, x + side))
            top, bottom = (round(at * height / SIZE[1]) for at in (y, y + side))
            rgb[top:bottom, left:right, channel] = 255
        return rgb

    return scaled


sides = st.sampled_from([192, 352, 608, 1088])
numbers = st.floats(-200, 1300)


@given(st.lists(st.tuples(numbers, numbers, st.floats(0, LARGE_PX), st.floats(0, LARGE_PX)), max_size=12), sides, sides)
def test_every_place_lies_in_one_part_with_a_margin(
    rows: list[tuple[float, float, float, float]], width: int, height: int
) -> None:
    places = np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)
    found = regions(places, width, height)
    if found is None:
        return
    for part in found:
        assert 0 <= part.x <= part.x + part.width <= width
        assert 0 <= part.y <= part.y + part.height <= height
        assert part.width in {*SIDES_PX, width}
        assert part.height in {*SIDES_PX, height}
    assert sum(part.width * part.height for part in found) <= MOST_SHARE * width * height
    for x0, y0, x1, y1 in places.tolist():
        left, right = max(0, x0 - MARGIN_PX), min(width, x1 + MARGIN_PX)
        top, bottom = max(0, y0 - MARGIN_PX), min(height, y1 + MARGIN_PX)
        if left < right and top < bottom:
            assert any(
                part.x <= left and right <= part.x + part.width and part.y <= top and bottom <= part.y + part.height
                for part in found
            )


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("squares", [[(60, 70, 14)], [(5, 5, 14), (740, 400, 14)], [(300, 200, 14), (340, 230, 50)]])
def test_parts_find_what_the_whole_would_in_the_same_place(
    squares: list[tuple[float, float, float]], *, mirrored: bool
) -> None:
    passes = InferencePass(LARGER, mirrored), InferencePass(SMALLER, not mirrored)
    detector = Squares()
    closer = CoarseToFinePasses(detector, passes, scaler(*squares), SIZE, 0.1).result()
    whole = start_passes(Squares(), passes, scaler(*squares), SIZE, 0.1).result()
    ours, theirs = (found.xyxy[np.argsort(found.xyxy[:, 0])] for found in (closer, whole))
    np.testing.assert_allclose(ours, theirs, atol=0.01)
    assert closer.score.tolist() == whole.score.tolist() == [0.5] * len(squares)
    assert (1088, 608) not in detector.shown


def test_where_nothing_leaves_a_doubt_nothing_is_looked_at_twice() -> None:
    for squares in ([], [(100, 100, 120)]):  # empty, or a face that the smaller pass judges as well
        detector = Squares()
        found = CoarseToFinePasses(detector, PASSES, scaler(*squares), SIZE, 0.1).result()
        assert len(found) == len(squares)
        assert detector.shown == [(544, 320)]


def test_a_face_that_is_followed_is_looked_at_closer_without_any_doubt() -> None:
    detector = Squares()
    followed = np.array([[100, 100, 120, 120]], np.float32)
    CoarseToFinePasses(detector, PASSES, scaler(), SIZE, 0.1, also=followed).result()
    assert detector.shown == [(544, 320), (192, 192)]


def test_a_trace_alone_is_no_detection() -> None:
    found = CoarseToFinePasses(Squares(), PASSES, scaler((100, 100, 8)), SIZE, 0.1).result()
    assert len(found) == 0


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_failed_pass_fails_both(fails_at: int) -> None:
    running = CoarseToFinePasses(Squares(fails_at=fails_at), PASSES, scaler((60, 70, 14)), SIZE, 0.1)
    with pytest.raises(DetectorError, match="detector failed"):
        running.result()


def test_a_hung_pass_is_given_up() -> None:
    class Hangs(Squares):
        def infer(self, rgb: Rgb, threshold: float) -> Future[Detections]:
            found = super().infer(rgb, threshold)
            return found if len(self.shown) == 1 else Future()

    running = CoarseToFinePasses(Hangs(), PASSES, scaler((60, 70, 14)), SIZE, 0.1, hang_s=0.1)
    with pytest.raises(DetectorError, match="no answer"):
        running.result()


def test_what_goes_wrong_between_the_passes_comes_out_with_the_result() -> None:
    def scaled(width: int, height: int) -> Rgb:
        if width > SMALLER:
            raise MemoryError("no room")
        return scaler((60, 70, 14))(width, height)

    running = CoarseToFinePasses(Squares(), PASSES, scaled, SIZE, 0.1)
    with pytest.raises(MemoryError, match="no room"):
        running.result()


def test_small_portraits_are_found_as_in_the_whole_picture() -> None:
    picture = Image.new("RGB", SIZE, (90, 110, 100))
    for x, y, side in ((40, 60, 26), (600, 300, 30), (380, 30, 22)):
        with Image.open(PORTRAIT) as portrait:
            picture.paste(portrait.convert("RGB").crop((120, 0, 340, 220)).resize((side, side)), (x, y))

    def scaled(width: int, height: int) -> Rgb:
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))

    detector = Detector(FindSettings())
    passes = InferencePass(LARGER), InferencePass(SMALLER, mirrored=True)
    whole = start_passes(detector, passes, scaled, SIZE, 0.105).result()
    closer = CoarseToFinePasses(detector, passes, scaled, SIZE, 0.105).result()
    sure = np.flatnonzero(whole.score > 0.3)
    assert len(sure) == 3
    for row in sure.tolist():
        alike = pairwise_iou(np.concatenate([whole.xyxy[row : row + 1], closer.xyxy]))[0, 1:]
        assert alike.max() > 0.6
        assert closer.score[alike.argmax()] == pytest.approx(whole.score[row], abs=0.15)
