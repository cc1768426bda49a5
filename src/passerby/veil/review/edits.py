"""Turns boxes that a person edited back into tracks, and finds which frames an edit changed.

Between two boxes of one track every frame gets a box: a box deleted in the middle of a track is drawn again on the line
between its neighbours, so that an edit never bares a face by accident. To end a cover, delete a track's first or last
boxes or all of them, or give what follows the gap another track number.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from passerby.errors import UsageError
from passerby.values import Track
from passerby.veil.review.sidecar import TrackBox, track_boxes
from passerby.veil.settings import CoverSettings

RUN_DIGEST_FRAMES = 16
"""Frames to a run. Source: a choice: shorter than any usual group of pictures, so few are re-encoded for nothing."""


def tracks_from_edited(boxes: Iterable[TrackBox]) -> tuple[Track, ...]:
    """Return tracks without gaps, with straight lines between the boxes given.

    Args:
        boxes: At most one box for each track and frame.

    Returns:
        In the order of their numbers, which are kept. The score of a box drawn by hand without a confidence is 1, of a
        box drawn between others 0.

    Raises:
        UsageError: a track has two boxes in one frame.
    """
    by_track: dict[int, dict[int, TrackBox]] = defaultdict(dict)
    for one in boxes:
        if one.frame in by_track[one.track]:
            raise UsageError(f"track {one.track} must have one box in frame {one.frame}, got two")
        by_track[one.track][one.frame] = one
    return tuple(_track(number, found) for number, found in sorted(by_track.items()))


def _track(number: int, boxes: dict[int, TrackBox]) -> Track:
    frames = sorted(boxes)
    every = np.arange(frames[0], frames[-1] + 1)
    given = np.array([boxes[frame].box for frame in frames], np.float64)
    xyxy = np.stack([np.interp(every, frames, given[:, edge]) for edge in range(4)], axis=1)
    score = np.zeros(len(every), np.float32)
    for frame in frames:
        one = boxes[frame]
        known = 0.0 if one.kind == "carried" else 1.0
        score[frame - frames[0]] = known if one.confidence is None else one.confidence
    return Track(number, frames[0], xyxy.astype(np.float32), score)


def run_digests(
    tracks: Iterable[Track],
    frames: int,
    run_frames: int = RUN_DIGEST_FRAMES,
    cover: CoverSettings | None = None,
    *,
    numbered: bool = False,
) -> tuple[str, ...]:
    """Return 64 bits of a digest of what is covered in each run of frames: it changes when a box is added, moved or removed.

    Args:
        tracks: All tracks of the clip.
        frames: Frames of the clip.
        run_frames: Frames to a run.
        cover: Which tracks are left clear, and which are covered otherwise; None is none.
        numbered: Tell the tracks' numbers too, as sidecars of before the desk did.

    Returns:
        16 hex digits for each run.

    >>> run_digests([], 40)
    ('e3b0c44298fc1c14', 'e3b0c44298fc1c14', 'e3b0c44298fc1c14')
    """
    runs: list[list[tuple[int | str, ...]]] = [[] for _ in range(-(-frames // run_frames))]
    keep, soft = (frozenset[int](), {}) if cover is None else (cover.keep, dict(cover.soft))
    for one in track_boxes(track for track in tracks if track.number not in keep):
        if one.frame < frames:
            row = (one.frame, *([one.track] if numbered else []), *(round(edge * 100) for edge in one.box))
            runs[one.frame // run_frames].append((*row, str(soft[one.track])) if one.track in soft else row)
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
