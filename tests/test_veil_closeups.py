"""A second look: what is seen again when it is enlarged stays as sure as it was, anything else no longer makes a track."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from passerby.errors import DetectorError
from passerby.values import Detections, Digest
from passerby.veil.detect.closeups import CLOSEUPS, FACE_PX, NOT_AGAIN, enlarged, examine_closely
from passerby.veil.settings import FindSettings
from passerby.veil.track.policy import TrackingPolicy, policy_for

SIZE = (320, 180)
WHITE, GREY = 255, 90
BOTH_PX = sum(look.side_px**2 for look in CLOSEUPS)


class Whites:
    """A detector that finds what is white, and takes nothing grey for a face; it counts what it is shown."""

    multiple, runs_on, digest = 32, "whites", Digest("sha256:0")
    doubt: float | None = None

    def __init__(self, *, fails: bool = False) -> None:
        self.shown: list[int] = []
        self._fails = fails

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert rgb.flags.c_contiguous
        self.shown.append(rgb.shape[0])
        future: Future[Detections] = Future()
        if self._fails:
            future.set_exception(DetectorError("detector failed"))
            return future
        rows, columns = np.nonzero(rgb[..., 0] > 200)
        boxes = [(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)] if len(rows) else []
        score = np.full(len(boxes), 0.9, np.float32)
        assert (score >= threshold).all()
        future.set_result(Detections(np.array(boxes, np.float32).reshape(-1, 4), score))
        return future


def scene(*squares: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return a picture with squares: x, y, side, brightness."""
    rgb = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for x, y, side, level in squares:
        rgb[max(0, y) : y + side, max(0, x) : x + side] = level
    return rgb


def found(*squares: tuple[int, int, int, int], score: float = 0.2) -> Future[Detections]:
    future: Future[Detections] = Future()
    boxes = np.array([(x, y, x + side, y + side) for x, y, side, _ in squares], np.float32)
    future.set_result(Detections(boxes.reshape(-1, 4), np.full(len(squares), score, np.float32)))
    return future


def looked(detector: Whites, *squares: tuple[int, int, int, int], most_px: int = 10**9) -> list[float]:
    rgb = scene(*squares)
    again = examine_closely(
        detector, found(*squares), lambda *_: rgb, SIZE, lambda one: np.ones(len(one), bool), most_px=most_px
    )
    return [round(float(score), 4) for score in again.score]


@given(st.integers(-8, 310), st.integers(-8, 170), st.integers(6, 60))
def test_a_face_anywhere_and_of_any_size_is_seen_again(x: int, y: int, side: int) -> None:
    """Also one that the picture's edge cuts in half."""
    inside = min(side, SIZE[0] - x, SIZE[1] - y, x + side, y + side)
    if inside < 0.75 * side:
        return
    assert looked(Whites(), (x, y, side, WHITE)) == [0.2]


def test_what_no_look_sees_again_no_longer_makes_a_track() -> None:
    detector = Whites()
    assert looked(detector, (40, 40, 14, GREY), (200, 90, 14, WHITE)) == [NOT_AGAIN, 0.2]
    assert detector.shown == [CLOSEUPS[0].side_px] * 2 + [CLOSEUPS[1].side_px], (
        "what the first look sees needs no second"
    )


def test_a_look_does_not_take_a_neighbour_for_the_face() -> None:
    assert looked(Whites(), (100, 60, 14, GREY), (122, 60, 14, WHITE))[0] == NOT_AGAIN


def test_only_so_much_is_looked_at_the_largest_first() -> None:
    """What is not looked at stays as it was: in doubt it is covered."""
    detector = Whites()
    assert looked(detector, (40, 40, 10, GREY), (200, 90, 30, GREY), most_px=BOTH_PX) == [0.2, NOT_AGAIN]
    assert looked(Whites(), (40, 40, 10, GREY), most_px=BOTH_PX - 1) == [0.2]


def test_without_doubt_the_picture_is_not_even_asked_for() -> None:
    def never(width: int, height: int) -> NDArray[np.uint8]:
        raise AssertionError(f"asked for {width}x{height}")

    one = (40, 40, 14, GREY)
    again = examine_closely(Whites(), found(one), never, SIZE, lambda f: np.zeros(len(f), bool), most_px=10**9)
    assert again.score.tolist() == pytest.approx([0.2])


def test_a_look_that_fails_fails_the_cycle() -> None:
    with pytest.raises(DetectorError):
        looked(Whites(fails=True), (40, 40, 14, GREY))


def test_a_piece_holds_the_box_at_one_size() -> None:
    rgb = scene((50, 50, 20, WHITE))
    piece = enlarged(Image.fromarray(rgb), np.array([50, 50, 70, 70], np.float32), 96)
    rows, columns = np.nonzero(piece[..., 0] > 128)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == pytest.approx((FACE_PX, FACE_PX), abs=2)


def test_doubts_are_what_could_make_a_track_and_is_not_sure() -> None:
    boxes = np.array([(0, 0, side, side) for side in (14, 14, 14, 14, 56)], np.float32)
    given_ = Detections(boxes, np.array([0.05, 0.15, 0.29, 0.31, 0.15], np.float32))
    assert TrackingPolicy().doubts(given_, 640).tolist() == [False, True, True, False, False]
    assert not policy_for(FindSettings(threshold=0.05)).doubts(given_, 640).any(), (
        "who sets a threshold gets what it says"
    )
