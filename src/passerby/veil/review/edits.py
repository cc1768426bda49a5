"""Turns boxes that a person edited back into tracks, and finds which frames an edit changed.

Between two boxes of one track every frame gets a box: a box deleted in the middle of a track is drawn again on the line
between its neighbours, so that an edit never bares a face by accident. To end a cover, delete a track's first or last
boxes or all of them, or give what follows the gap another track number.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from passerby.errors import UsageError
from passerby.values import Track
from passerby.veil.review.sidecar import TrackBox, track_boxes

RUN_FRAMES = 16
"""Frames to a run. Source: a choice: shorter than any usual group of pictures, so few are re-encoded for nothing."""


def tracks_from_edited(marks: Iterable[TrackBox]) -> tuple[Track, ...]:
    """Return tracks without gaps, with straight lines between the boxes given.

    Args:
        marks: At most one box for each track and frame.

    Returns:
        In the order of their numbers, which are kept. The score of a box drawn by hand without a confidence is 1, of a
        box drawn between others 0.

    Raises:
        UsageError: a track has two boxes in one frame.
    """
    by_track: dict[int, dict[int, TrackBox]] = defaultdict(dict)
    for mark in marks:
        if mark.frame in by_track[mark.track]:
            raise UsageError(f"track {mark.track} must have one box in frame {mark.frame}, got two")
        by_track[mark.track][mark.frame] = mark
    return tuple(_track(number, found) for number, found in sorted(by_track.items()))


def _track(number: int, marks: dict[int, TrackBox]) -> Track:
    frames = sorted(marks)
    every = np.arange(frames[0], frames[-1] + 1)
    given = np.array([marks[frame].box for frame in frames], np.float64)
    xyxy = np.stack([np.interp(every, frames, given[:, edge]) for edge in range(4)], axis=1)
    score = np.zeros(len(every), np.float32)
    for frame in frames:
        mark = marks[frame]
        known = 0.0 if mark.kind == "carried" else 1.0
        score[frame - frames[0]] = known if mark.confidence is None else mark.confidence
    return Track(number, frames[0], xyxy.astype(np.float32), score)


def run_digests(tracks: Iterable[Track], frames: int, run_frames: int = RUN_FRAMES) -> tuple[str, ...]:
    """Return 64 bits of a digest of the boxes of each run of frames: it changes when a box is added, moved or removed.

    Args:
        tracks: All tracks of the clip.
        frames: Frames of the clip.
        run_frames: Frames to a run.

    Returns:
        16 hex digits for each run.

    >>> run_digests([], 40)
    ('e3b0c44298fc1c14', 'e3b0c44298fc1c14', 'e3b0c44298fc1c14')
    """
    runs: list[list[tuple[int, ...]]] = [[] for _ in range(-(-frames // run_frames))]
    for mark in track_boxes(tracks):
        if mark.frame < frames:
            hundredths = (round(edge * 100) for edge in mark.box)
            runs[mark.frame // run_frames].append((mark.frame, mark.track, *hundredths))
    return tuple(hashlib.sha256("\n".join(map(repr, sorted(run))).encode()).hexdigest()[:16] for run in runs)


def changed_intervals(
    old: tuple[str, ...], new: tuple[str, ...], frames: int, run_frames: int
) -> tuple[tuple[int, int], ...]:
    """Return where two lists of run digests differ.

    Args:
        old: As written in the header of the earlier sidecar.
        new: Of the edited tracks.
        frames: Frames of the clip.
        run_frames: Frames to a run, in both.

    Returns:
        Intervals (first, last) of frames, last included, apart from one another. All frames when the lists differ in
        length: then nothing is known.

    >>> changed_intervals(("a", "b", "c"), ("a", "x", "c"), 40, 16)
    ((16, 31),)
    """
    if frames <= 0:
        return ()
    if len(old) != len(new) or len(new) != -(-frames // run_frames):
        return ((0, frames - 1),)
    changed = [index for index, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    return merge_intervals((index * run_frames, min(frames, (index + 1) * run_frames) - 1) for index in changed)


def changed_frames(old: Iterable[Track], new: Iterable[Track]) -> tuple[tuple[int, int], ...]:
    """Return the frames in which two sets of tracks differ, to a hundredth of a pixel.

    Returns:
        Intervals (first, last) of frames, last included, apart from one another.
    """
    before, after = ({(m.frame, m.track, m.box) for m in track_boxes(tracks)} for tracks in (old, new))
    return merge_intervals((frame, frame) for frame in {mark[0] for mark in before ^ after})


def merge_intervals(intervals: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join intervals that overlap or touch.

    >>> merge_intervals([(5, 6), (0, 2), (3, 3)])
    ((0, 3), (5, 6))
    """
    joined: list[tuple[int, int]] = []
    for first, last in sorted(intervals):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def groups_changed(
    starts: tuple[int, ...], frames: int, changed: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """Return the groups of pictures that hold a changed frame.

    Args:
        starts: First frame of each group, rising, from 0.
        frames: Frames of the clip.
        changed: Intervals (first, last), last included, apart and rising.

    Returns:
        Intervals of whole groups, joined where they touch; every other group may be copied.

    >>> groups_changed((0, 25, 50), 75, ((30, 31),))
    ((25, 49),)
    """
    edges = (*starts, frames)
    groups = ((first, after - 1) for first, after in pairwise(edges))
    return merge_intervals(
        group for group in groups if any(first <= group[1] and last >= group[0] for first, last in changed)
    )


def append_tracks(tracks: Iterable[Track], more: Iterable[Track]) -> tuple[Track, ...]:
    """Return all tracks of both, the second ones numbered after the first: nothing of the first is lost.

    >>> from passerby.values import EMPTY_BOXES, EMPTY_SCORES
    >>> one = Track(3, 0, EMPTY_BOXES, EMPTY_SCORES)
    >>> [track.number for track in append_tracks([one], [one])]
    [3, 4]
    """
    first = tuple(tracks)
    number = max((track.number for track in first), default=0)
    return first + tuple(Track(number + at, track.first, track.xyxy, track.score) for at, track in enumerate(more, 1))
