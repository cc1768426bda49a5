"""Boxes of a track from frame to frame: lines between those that are known, corrections that fade, pieces that are cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.boxes import BoxTuple
from passerby.desk.project.edits import DrawnStyle
from passerby.desk.project.state import DeskTrack
from passerby.values import Boxes, Track


def known_frames(track: Track) -> frozenset[int]:
    """Return the frames in which a track was detected or drawn."""
    return frozenset((np.flatnonzero(track.score > 0) + track.first).tolist())


def between(number: int, boxes: Mapping[int, ArrayLike]) -> Track:
    """Return a track on straight lines between boxes, by frame; scores are 1 where one is given, 0 in between."""
    frames = sorted(boxes)
    every = np.arange(frames[0], frames[-1] + 1)
    given = np.array([boxes[frame] for frame in frames], np.float64)
    xyxy = np.stack([np.interp(every, frames, given[:, edge]) for edge in range(4)], axis=1)
    score = np.zeros(len(every), np.float32)
    score[np.array(frames) - frames[0]] = 1
    return Track(number, frames[0], xyxy.astype(np.float32), score)


def corrected(track: Track, frame: int, box: BoxTuple, known: frozenset[int]) -> Track:
    """Return a track with one box put right.

    By how much it was off fades to nothing on the way to the next known box on each side; where none follows, all the rest of the
    track moves along. A frame outside the track makes it longer, on a straight line.

    Args:
        track: As it was.
        frame: Of the box.
        box: Pixels.
        known: Frames whose boxes are right.
    """
    if not track.first <= frame <= track.last:
        return _longer(track, frame, box)
    left = max((one for one in known if one < frame), default=None)
    right = min((one for one in known if one > frame), default=None)
    every = np.arange(track.first, track.last + 1)
    stops = [(left, 0.0)] if left is not None else []
    stops += [(frame, 1.0)]
    stops += [(right, 0.0)] if right is not None else []
    share = np.interp(every, [at for at, _ in stops], [value for _, value in stops])
    at = frame - track.first
    off = np.array(box, np.float64) - track.xyxy[at]
    xyxy = (track.xyxy + share[:, None] * off).astype(np.float32)
    score = track.score.copy()
    score[at] = 1
    return Track(track.number, track.first, _with_area(xyxy, track.xyxy), score)


def _longer(track: Track, frame: int, box: BoxTuple) -> Track:
    earlier = frame < track.first
    edge, near = (track.first, track.xyxy[0]) if earlier else (track.last, track.xyxy[-1])
    way = between(track.number, {frame: box, edge: near})
    if earlier:
        xyxy, score = [way.xyxy[:-1], track.xyxy], [way.score[:-1], track.score]
    else:
        xyxy, score = [track.xyxy, way.xyxy[1:]], [track.score, way.score[1:]]
    return Track(track.number, min(frame, track.first), np.concatenate(xyxy), np.concatenate(score))


def _with_area(xyxy: Boxes, before: Boxes) -> Boxes:
    """Return boxes, or what they were where they would have no area: then nothing is left out either."""
    good = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    return np.where(good[:, None], xyxy, before).astype(np.float32)


def piece(one: DeskTrack, number: int, first: int, last: int) -> DeskTrack:
    """Return what a track has in the frames from first to last, under a number."""
    rows = slice(first - one.first, last - one.first + 1)
    track = Track(number, first, one.track.xyxy[rows], one.track.score[rows])
    return replace(one, track=track, known=frozenset(frame for frame in one.known if first <= frame <= last))


def first_twice_seen(tracks: Sequence[DeskTrack]) -> tuple[int, int, int] | None:
    """Return two tracks that are known to be there in one frame, and the frame: they are not one person."""
    in_order = sorted(tracks, key=lambda one: one.seen)
    for one, other in pairwise(in_order):
        if other.seen[0] <= one.seen[1]:
            return one.number, other.number, other.seen[0]
    return None


def differing(old: Iterable[DeskTrack], new: Iterable[DeskTrack]) -> tuple[int, ...]:
    """Return the frames in which something else is covered, or in another style; numbers of tracks mean nothing here."""
    was, now = ({id(one): one for one in tracks if not one.kept} for tracks in (old, new))
    rows = [_rows(one, -1) for key, one in was.items() if key not in now]
    rows += [_rows(one, 1) for key, one in now.items() if key not in was]
    if not rows:
        return ()
    every = np.concatenate(rows)
    boxes, which = np.unique(every[:, 1:], axis=0, return_inverse=True)
    off = np.bincount(which.ravel(), weights=every[:, 0]) != 0
    return tuple(np.unique(boxes[off, 0]).astype(int).tolist())


def _rows(one: DeskTrack, sign: int) -> NDArray[np.float64]:
    """Return sign, frame, style and box of each frame."""
    count = len(one.track.xyxy)
    told = np.array([get_args(DrawnStyle).index(one.style)] * count, np.float64)
    frames = np.arange(one.first, one.last + 1)
    return np.column_stack([np.full(count, sign), frames, told, np.round(one.track.xyxy.astype(np.float64), 2)])
