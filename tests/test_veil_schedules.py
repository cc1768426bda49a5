"""Whatever happens to the rate of pictures and to passes, who was detected stays covered; what moves goes by time."""

from __future__ import annotations

import numpy as np
import pytest
from tests.veil_schedules import schedule, veiled

from passerby.values import Boxes, Detections
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.policy import LIVE
from passerby.veil.track.tracker import Tracker

WIDTH, HEIGHT, HZ = 640, 360, 12.5
A, B = (100.0, 100.0, 60.0), (160.0, 100.0, 60.0)
"""Left, top and side of two faces."""


def test_in_a_crowd_nobody_who_was_detected_is_half_bare_at_whatever_rates() -> None:
    """Schedules in which 15 face-frames were more than a tenth bare, and 3 more than half, when pictures and cycles counted."""
    seen = [veiled(schedule(seed), first=400 * seed) for seed in (1, 2, 7, 10, 13)]
    partly = {at: share for one in seen for at, share in one.shares.items()}
    assert sum(one.faces for one in seen) > 1800
    assert sum(one.whole for one in seen) < 0.2 * sum(one.pictures for one in seen)
    assert np.mean([area for one in seen for area in one.areas]) < 0.35
    assert not {at: share for at, share in partly.items() if share > 0.5}
    assert len(partly) <= 3, partly


class Drawn:
    """A tracker of a stream before which nothing moves but faces, every sixth frame of which goes through a detector."""

    def __init__(self) -> None:
        self.tracker = Tracker(MotionMeter(WIDTH, HEIGHT), LIVE, long_side_px=WIDTH, rate_hz=HZ, interval=6)
        tiles = len(MotionMeter(WIDTH, HEIGHT).centre)
        self._still = Motion(np.zeros((tiles, 2), np.float32), np.ones(tiles, np.float32), cut=False)
        self.frame, self.time_s = -1, 0.0

    def on(self, frames: int, *, step_s: float = 1 / HZ) -> None:
        """Go on so many frames, so long from one to the next."""
        for _ in range(frames):
            self.frame, self.time_s = self.frame + 1, self.time_s + step_s
            self.tracker.predict(self._still, time_ns=round(self.time_s * 1e9))

    def detect(
        self, *faces: tuple[float, float, float], frames: int = 6, step_s: float = 1 / HZ, faintly: int = 0
    ) -> None:
        """Go on, and detect faces in the last frame, the last few of them faintly."""
        self.on(frames, step_s=step_s)
        rows = np.array([(x, y, x + side, y + side) for x, y, side in faces], np.float32).reshape(-1, 4)
        score = np.where(np.arange(len(rows)) < len(rows) - faintly, 0.9, 0.05).astype(np.float32)
        self.tracker.update(Detections(rows, score))

    def hidden(self) -> Boxes:
        return self.tracker.hidden_at(self.frame)


def moved(face: tuple[float, float, float], x: float) -> tuple[float, float, float]:
    return face[0] + x, face[1], face[2]


def test_who_went_behind_somebody_is_covered_beside_them_wherever_they_go() -> None:
    drawn = Drawn()
    for _ in range(3):
        drawn.detect(A, B)
    assert not len(drawn.hidden()), "nobody is hidden"
    for step in range(1, 10):
        drawn.detect(moved(B, 12 * step))
        (box,) = drawn.hidden()
        assert box[0] <= B[0] + 12 * step - 15 < B[0] + 12 * step + 75 <= box[2]
    drawn.detect(moved(B, 120), moved(B, 175))
    assert not len(drawn.hidden()), "somebody came out who was not known"


def covers_all_of(boxes: Boxes, face: tuple[float, float, float]) -> bool:
    x, y, side = face
    inside = (boxes[:, :2] <= (x, y)).all(axis=1) & (boxes[:, 2:] >= (x + side, y + side)).all(axis=1)
    return bool(inside.any())


@pytest.mark.parametrize("hidden", [True, False])
def test_what_is_faintly_detected_near_somebody_hidden_is_covered_as_large_as_they_were(hidden: bool) -> None:
    drawn = Drawn()
    for _ in range(3):
        drawn.detect(*[A, B][not hidden :])
    for step in range(1, 8):
        drawn.detect(moved(B, 12 * step))
    assert len(drawn.hidden()) == hidden
    behind, part = moved(B, 96), (B[0] + 96.0 - 40.0, B[1] + 40.0, 24.0)
    far = (B[0] + 96.0 + 240.0, B[1], 24.0)
    drawn.detect(behind, part, far, faintly=2)
    boxes, _ = drawn.tracker.boxes_at(drawn.frame)
    whole = (part[0] + 12 - A[2] / 2, part[1] + 12 - A[2] / 2, A[2])
    assert covers_all_of(boxes, whole) == hidden
    assert not covers_all_of(boxes, far), "too far away to be them"


def test_who_comes_out_in_part_is_covered_as_large_as_who_was_hidden_until_detected() -> None:
    drawn, behind, part = Drawn(), moved(B, 96), (B[0] + 96.0 - 40.0, B[1] + 18.0, 24.0)
    for _ in range(3):
        drawn.detect(A, B)
    for step in range(1, 8):
        drawn.detect(moved(B, 12 * step))
    drawn.detect(behind, part)
    assert not len(drawn.hidden()), "they came out"
    whole = (part[0] + 12 - A[2] / 2, part[1] + 12 - A[2] / 2, A[2])
    for frame in (drawn.frame - 3, drawn.frame):
        boxes, _ = drawn.tracker.boxes_at(frame)
        assert covers_all_of(boxes, whole), frame


def test_who_comes_back_or_stays_away_is_hidden_no_more() -> None:
    for back in (True, False):
        drawn = Drawn()
        for _ in range(3):
            drawn.detect(A, B)
        drawn.detect(B)
        assert len(drawn.hidden()) == 1
        if back:
            drawn.detect(A, B)
            assert not len(drawn.hidden())
        else:
            drawn.detect(B, frames=100)
            drawn.detect(B)
            assert not len(drawn.hidden()), "eight seconds are over"


def test_who_went_behind_one_who_goes_behind_another_is_covered_beside_that_one() -> None:
    drawn, third = Drawn(), moved(B, 60)
    for _ in range(3):
        drawn.detect(A, B, third)
    drawn.detect(B, third)
    drawn.detect(third)
    assert len([box for box in drawn.hidden() if box[2] >= third[0] + third[2]]) == 2


@pytest.mark.parametrize("step_s", [0.08, 0.16, 0.32])
def test_who_is_missed_is_covered_where_they_went_however_few_pictures_show_it(step_s: float) -> None:
    """Nobody stands beside; 60 pixels a second, and no pass for a second: counted in pictures that would be a fifth of a side."""
    drawn = Drawn()
    for pass_ in range(4):
        drawn.detect(moved(A, 28.8 * pass_))
    last_x = A[0] + 28.8 * 3
    if step_s > 1 / HZ:
        drawn.tracker.set_rate(1 / step_s, 3)
    drawn.detect(frames=round(0.96 / step_s), step_s=step_s)
    (box,), _ = drawn.tracker.boxes_at(drawn.frame)
    assert box[0] <= last_x + 1, "they may have stayed"
    assert box[2] >= last_x + A[2] + 0.95 * 57.6, "and may have gone on"
    assert box[2] <= last_x + A[2] + 1.5 * 57.6


def test_where_they_were_expected_and_where_they_were_found_is_covered_in_between() -> None:
    drawn = Drawn()
    for _ in range(3):
        drawn.detect(A)
    drawn.detect(moved(A, 150))
    (box,), _ = drawn.tracker.boxes_at(drawn.frame - 3)
    assert box[0] <= A[0]
    assert box[2] >= A[0] + 75 + A[2]


@pytest.mark.parametrize(("step_s", "tracks"), [(0.08, 2), (0.32, 1)])
def test_after_a_longer_time_somebody_may_have_walked_farther(step_s: float, tracks: int) -> None:
    """Six sides: too far for half a second, not for two."""
    drawn = Drawn()
    for _ in range(3):
        drawn.detect(A)
    drawn.tracker.set_rate(1 / step_s, 6)
    drawn.detect(moved(A, 6 * A[2]), step_s=step_s)
    assert len(drawn.tracker.active) == tracks
