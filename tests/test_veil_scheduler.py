"""When a frame goes through the detector: evenly, at cuts, sooner where faces went missing, never for nothing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.veil.detect.passes import InferencePass
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.policy import LIVE, TrackingPolicy
from passerby.veil.track.scheduler import PassScheduler
from passerby.veil.track.tracklet import Tracklet

SIZE = (640, 360)
INTERVAL = 6
METER = MotionMeter(*SIZE)


def grey(level: int = 90) -> NDArray[np.uint8]:
    return np.full((METER.grey_height, METER.grey_width), level, np.uint8)


def motion(*, cut: bool = False, across_px: float = 0) -> Motion:
    tiles = len(METER.centre)
    return Motion(np.tile(np.array([across_px, 0], np.float32), (tiles, 1)), np.ones(tiles, np.float32), cut=cut)


def scheduler(policy: TrackingPolicy = LIVE, *, thorough: bool = False) -> PassScheduler:
    return PassScheduler(METER, policy, size=SIZE, rate_hz=12.5, interval=INTERVAL, thorough=thorough)


def run(
    planned: PassScheduler, frames: int, *, moving: bool = True, cut_at: int | None = None, small: bool = True
) -> dict[int, tuple[InferencePass, ...]]:
    """Return the passes of each frame that is due, where the picture changes from frame to frame or not."""
    found = {}
    for frame in range(frames):
        now = grey(20 + 7 * frame % 200 if moving else 90)
        moved = None if frame == 0 else motion(cut=frame == cut_at)
        if planned.due(frame, moved, now):
            found[frame] = planned.plan(frame, now, small=small)
    return found


def test_in_a_fast_pan_passes_come_twice_as_often_in_clips_only() -> None:
    for policy, across_px, frames in (
        (TrackingPolicy(), 12, [0, 3, 6, 9]),
        (TrackingPolicy(), 8, [0, 6]),
        (LIVE, 12, [0, 6]),
    ):
        planned, at = scheduler(policy), []
        for frame in range(12):
            if planned.due(frame, motion(across_px=across_px) if frame else None, grey(20 + 7 * frame)):
                planned.plan(frame, grey(20 + 7 * frame), small=True)
                at.append(frame)
        assert at == frames


def sure_face(score: float = 0.9) -> Tracklet:
    return Tracklet.begin(0, np.zeros((1, 4), np.float32), score)


@pytest.mark.parametrize("policy", [LIVE, TrackingPolicy()])
def test_passes_come_at_the_first_frame_evenly_and_at_cuts(policy: TrackingPolicy) -> None:
    assert list(run(scheduler(policy), 30)) == [0, 6, 12, 18, 24]
    assert 10 in run(scheduler(policy), 20, cut_at=10)


def test_a_still_picture_is_inferred_by_time_alone_in_clips_and_evenly_in_streams() -> None:
    assert list(run(scheduler(TrackingPolicy(still_s=1.6)), 61, moving=False)) == [0, 20, 40, 60]
    assert list(run(scheduler(LIVE), 25, moving=False)) == [0, 6, 12, 18, 24]


def test_a_failed_pass_is_made_up_for_at_once() -> None:
    planned = scheduler()
    run(planned, 1)
    planned.retry(2)
    assert not planned.due(1, motion(), grey())
    assert planned.due(2, motion(), grey())


def test_where_many_sure_faces_went_missing_the_next_pass_comes_sooner() -> None:
    faces = [sure_face() for _ in range(3)]
    for policy, lost, sooner in (
        (TrackingPolicy(), faces[:2], True),
        (TrackingPolicy(), faces[:1], False),
        (TrackingPolicy(), [sure_face(0.2)] * 3, False),
        (LIVE, faces, False),
    ):
        planned = scheduler(policy)
        planned.plan(0, grey(), small=True)
        planned.note_lost(lost, faces)
        assert planned.due(INTERVAL // 2, motion(), grey(200)) is sooner


def test_a_late_frame_is_inferred_where_half_the_interval_is_over() -> None:
    planned = scheduler(TrackingPolicy(interval_s=0.48))
    assert planned.due(0, None, grey(), time_s=Fraction(0))
    planned.plan(0, grey(), small=True, time_s=Fraction(0))
    assert not planned.due(1, motion(), grey(200), time_s=Fraction(8, 100)), "as even as frames are"
    assert planned.due(2, motion(), grey(200), time_s=Fraction(8, 100) + Fraction(16, 100))
    assert not planned.due(3, motion(), grey(200), time_s=Fraction(32, 100)), "not late"


def test_the_larger_pass_is_taken_less_often_in_calm_scenes_and_while_passes_are_slow() -> None:
    def larger(planned: PassScheduler, *, small: bool) -> float:
        found = run(planned, 24 * INTERVAL, small=small)
        return sum(len(passes) > 1 for passes in found.values()) / len(found)

    assert larger(scheduler(), small=True) == 1
    assert larger(scheduler(), small=False) == pytest.approx(1 / 3, abs=0.05)
    slow = scheduler()
    slow.note_speed(0.6 * INTERVAL / 12.5)
    assert larger(slow, small=True) == 0.5
    slow.note_speed(0.4 * INTERVAL / 12.5)
    assert larger(slow, small=True) == 0.5, "between the two shares it stays as it is"
    slow.note_speed(0.2 * INTERVAL / 12.5)
    assert larger(slow, small=True) == 1


def test_a_new_scene_is_seen_at_both_sizes_in_clips_however_short_it_is() -> None:
    """A scene of one frame got the smaller pass alone, and a face of 21 px of 640 in it was bare."""
    planned = scheduler(TrackingPolicy())
    cuts = (3, 4, 9, 21)
    sizes = {}
    for frame in range(40):
        change = motion(cut=frame in cuts) if frame else None
        if planned.due(frame, change, grey(90 + frame)):
            sizes[frame] = len(planned.plan(frame, grey(90 + frame), small=False))
    assert all(sizes[frame] == 2 for frame in cuts)
    assert 1 in sizes.values()


def test_each_size_is_taken_plain_and_mirrored_in_turn_and_the_two_not_alike() -> None:
    cycles = list(run(scheduler(), 5 * INTERVAL).values())
    for before, after in pairwise(cycles):
        assert [one.mirrored for one in before] == [not one.mirrored for one in after]
        assert before[0].mirrored != before[1].mirrored
    assert all(len(one) == 6 for one in run(scheduler(thorough=True), 13).values())


def test_an_offset_makes_passes_come_sooner_never_later() -> None:
    planned = scheduler(replace(LIVE, interval_s=0.48))
    due = []
    for frame in range(40):
        if planned.due(frame, motion() if frame else None, grey()):
            planned.plan(frame, grey(), small=True)
            planned.keep_offset(frame * 80_000_000, 0.25)
            due.append(frame)
    gaps = np.diff(due)
    assert gaps.max() <= INTERVAL
    assert (gaps == INTERVAL).sum() >= len(gaps) - 1
    assert {frame % INTERVAL for frame in due[1:]} == {3}
