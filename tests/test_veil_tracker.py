"""One tracker for files and streams: what is final stays so, numbers rise for ever, and memory stays flat."""

from __future__ import annotations

import pickle

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.values import Boxes, Detections
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.policy import LIVE, TrackingPolicy
from passerby.veil.track.tracker import Tracker

FRAMES, EVERY, HZ = 60, 5, 5
WIDTH, HEIGHT = 640, 360

detection = st.tuples(st.integers(0, 5), st.integers(-6, 6), st.floats(0.03125, 0.875, width=32))
cycles = st.lists(st.lists(detection, max_size=4, unique_by=lambda one: one[0]), min_size=12, max_size=12)
cuts_in = st.sets(st.integers(1, FRAMES - 1), max_size=2)
failed_in = st.sets(st.integers(0, 11), max_size=4)
Cycles = list[list[tuple[int, int, float]]]


def tracker(policy: TrackingPolicy) -> Tracker:
    return Tracker(MotionMeter(WIDTH, HEIGHT), policy, long_side_px=WIDTH, rate_hz=HZ, interval=EVERY)


def motion_in(frame: int, cuts: set[int]) -> Motion | None:
    tiles = len(MotionMeter(WIDTH, HEIGHT).centre)
    still, sure = np.zeros((tiles, 2), np.float32), np.ones(tiles, np.float32)
    return None if frame == 0 else Motion(still, sure, cut=frame in cuts)


def found_in(cycle: list[tuple[int, int, float]]) -> Detections:
    rows = [(100.0 * place + off, 40.0 + off, score) for place, off, score in cycle]
    xyxy = np.array([(x, y, x + 12, y + 12) for x, y, _ in rows], np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array([score for _, _, score in rows], np.float32))


@given(cycles, cuts_in, failed_in)
@settings(max_examples=150, deadline=None)
def test_what_was_final_is_what_is_covered_in_the_end(found: Cycles, cuts: set[int], failed: set[int]) -> None:
    """Faces at six places, detected or not in each cycle, off by a little and more or less sure; passes fail, scenes end."""
    tracked = tracker(TrackingPolicy(max_age=2, extrapolate_s=1.0, confirmation_s=2.4))
    final: list[Boxes] = []
    for frame in range(FRAMES):
        tracked.predict(motion_in(frame, cuts))
        if frame % EVERY or frame // EVERY in failed:
            continue
        tracked.update(found_in(found[frame // EVERY]))
        final += tracked.finalise()
        assert len(final) <= frame
    tracked.finish()
    final += tracked.finalise_rest()
    tracks = tracked.tracks()
    assert len(final) == FRAMES
    assert [track.number for track in tracks] == list(range(1, len(tracks) + 1))
    for frame, boxes in enumerate(final):
        covered = [track.xyxy[frame - track.first] for track in tracks if track.first <= frame <= track.last]
        assert sorted(boxes.tolist()) == sorted(np.array(covered, np.float32).reshape(-1, 4).tolist())


@given(cycles, cuts_in, failed_in, st.integers(5, 12))
@settings(max_examples=150, deadline=None)
def test_numbers_of_a_stream_rise_for_ever(found: Cycles, cuts: set[int], failed: set[int], lookahead: int) -> None:
    """A number that is gone never comes back; new ones are above all before them, and no two tracks share one."""
    tracked = tracker(LIVE)
    highest, gone, before = 0, set[int](), set[int]()
    for frame in range(FRAMES):
        tracked.predict(motion_in(frame, cuts))
        if frame % EVERY == 0 and frame // EVERY not in failed:
            tracked.update(found_in(found[frame // EVERY]))
        leaving = frame - lookahead
        if not 0 <= leaving <= tracked.inferred:
            continue
        boxes, numbers = tracked.boxes_at(leaving)
        tracked.forget(leaving)
        assert len(boxes) == len(numbers) == len(set(numbers))
        fresh = sorted(number for number in numbers if number > highest)
        assert fresh == list(range(highest + 1, highest + 1 + len(fresh)))
        gone |= before - set(numbers)
        alive = {one.number for one in (*tracked.active, *tracked.ended)}
        assert not (gone - alive) & set(numbers)
        highest, before = highest + len(fresh), set(numbers)


def test_memory_of_a_stream_is_flat() -> None:
    tracked, sizes = tracker(LIVE), []
    for frame in range(1500):
        tracked.predict(motion_in(frame, set()))
        if frame % EVERY == 0:
            tracked.update(found_in([(1, 0, 0.9)]))
        if frame >= 10:
            boxes, numbers = tracked.boxes_at(frame - 10)
            assert (len(boxes), numbers) == (1, (1,))
            tracked.forget(frame - 10)
        if frame % 100 == 99:
            sizes.append(len(pickle.dumps(tracked)))
    assert max(sizes[4:]) < 1.05 * sizes[3]


def test_memory_of_a_clip_grows_with_its_tracks_alone() -> None:
    tracked, sizes = tracker(TrackingPolicy()), []
    for frame in range(600):
        tracked.predict(motion_in(frame, set()))
        if frame % EVERY == 0:
            tracked.update(Detections())
            tracked.finalise()
        if frame % 100 == 99:
            sizes.append(len(pickle.dumps(tracked)))
    assert max(sizes[1:]) < 1.05 * sizes[1]
