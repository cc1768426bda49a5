"""Tracks reach beyond what was seen: back before a face's first sighting, and on after its last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import inflate
from passerby.values import EMPTY_BOXES, Boxes, Track
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.tracklet import Tracklet

GROWTH_PER_S = 0.19
"""A box that is carried without a sighting grows by this share of its side a second, on each side."""


def complete(
    tracklets: Iterable[Tracklet], motions: Sequence[Motion | None], meter: MotionMeter, *, reach: int, growth: float
) -> tuple[Track, ...]:
    """Make tracks of tracklets: each reaches back before its first and on after its last sighting.

    Args:
        tracklets: Ended tracklets.
        motions: One per frame of the clip: from the frame before.
        meter: Moves boxes.
        reach: Frames covered before the first and after the last sighting, where the scene allows.
        growth: Share of its side that a box grows on each side with every frame away from a sighting.

    Returns:
        Tracks in the order of their first frames, numbered from 1.
    """
    tracklets = list(tracklets)
    reach_back([t for t in tracklets if t.before is None], motions, meter, reach=reach, growth=growth)
    whole = []
    for tracklet in tracklets:
        earlier = tracklet.before if tracklet.before is not None else EMPTY_BOXES
        xyxy = np.concatenate([earlier, tracklet.boxes(), held_on(tracklet, reach, growth)])
        begin = tracklet.first - len(earlier)
        score = np.zeros(len(xyxy), np.float32)
        for index, value in tracklet.hits:
            score[index - begin] = value
        whole.append((begin, xyxy, score))
    whole.sort(key=lambda track: track[0])
    return tuple(Track(n, begin, xyxy, score) for n, (begin, xyxy, score) in enumerate(whole, start=1))


def reach_back(
    tracklets: Sequence[Tracklet], motions: Sequence[Motion | None], meter: MotionMeter, *, reach: int, growth: float
) -> None:
    """Tell the boxes of tracklets before their first sightings (``Tracklet.before``).

    Args:
        tracklets: Ended, or at least ``reach`` frames long.
        motions: ``motions[i]`` leads from frame i - 1 to i.
        meter: Moves boxes.
        reach: Most frames to go back; a cut stops it earlier.
        growth: Share of its side that a box grows on each side with every frame.
    """
    first = np.array([tracklet.first for tracklet in tracklets], np.intp)
    speed = first_speed(tracklets, motions, meter, reach)
    start = np.concatenate([EMPTY_BOXES, *(tracklet.path[0][:1] for tracklet in tracklets)])
    before = back_fill(start, first, motions, meter, reach=reach, growth=growth, speed=speed)
    for tracklet, boxes in zip(tracklets, before, strict=True):
        tracklet.before = boxes


def held_on(tracklet: Tracklet, reach: int, growth: float) -> Boxes:
    """Return the boxes after a tracklet's last sighting that are covered, shape (K, 4), K up to ``reach``."""
    after = tracklet.after()[:reach]
    return inflate(after, np.arange(1, len(after) + 1, dtype=np.float32) * growth)


def first_speed(
    tracklets: Sequence[Tracklet], motions: Sequence[Motion | None], meter: MotionMeter, frames: int
) -> NDArray[np.float32]:
    """Return how fast tracklets move against the scene in their first frames, shape (N, 2), x and y, pixels a frame.

    Args:
        tracklets: Not forgotten in part.
        motions: ``motions[i]`` leads from frame i - 1 to i.
        meter: Moves boxes.
        frames: Over at most so many frames.
    """
    speed = np.zeros((len(tracklets), 2), np.float32)
    paths = [tracklet.opening(frames + 1) for tracklet in tracklets]
    first = np.array([tracklet.first for tracklet in tracklets], np.intp)
    count = np.array([min(len(path) - 1, frames) for path in paths], np.intp)
    for begin, length in np.unique(np.stack([first, count], axis=1), axis=0).tolist():
        if not length:
            continue
        rows = np.flatnonzero((first == begin) & (count == length))
        box = np.concatenate([paths[row][:1] for row in rows])
        for index in range(begin + 1, begin + length + 1):
            box = meter.carry(box, motions[index])
        off = np.concatenate([paths[row][length : length + 1] for row in rows]) - box
        speed[rows] = (off[:, :2] + off[:, 2:]) / (2 * length)
    return speed


def back_fill(
    boxes: Boxes,
    first: NDArray[np.intp],
    motions: Sequence[Motion | None],
    meter: MotionMeter,
    *,
    reach: int,
    growth: float,
    speed: NDArray[np.float32] | None = None,
) -> list[Boxes]:
    """Return each track's boxes in the frames before its first sighting, earliest first.

    Args:
        boxes: Shape (N, 4): at the first sightings.
        first: Shape (N,): their frames, as indices into ``motions``.
        motions: ``motions[i]`` leads from frame i - 1 to i.
        meter: Moves boxes.
        reach: Most frames to go back; a cut stops it earlier.
        growth: Share of its side that a box grows on each side with every frame.
        speed: Shape (N, 2): how fast each moves against the scene (``first_speed``); None: not.

    Returns:
        N arrays of shape (K, 4), K up to ``reach``.
    """
    found: list[Boxes] = [EMPTY_BOXES] * len(boxes)
    for begin in np.unique(first).tolist():
        rows = np.flatnonzero(first == begin)
        now = boxes[rows]
        steps: list[Boxes] = []
        against = 0 if speed is None else np.concatenate([speed[rows], speed[rows]], axis=1)
        for index in range(begin, max(0, begin - reach), -1):
            motion = motions[index]
            if motion is None or motion.cut:
                break
            now = meter.carry(now, motion, back=True) - against
            steps.append(inflate(now, np.full(len(rows), (len(steps) + 1) * growth, np.float32)))
        if steps:
            earliest_first = np.stack(steps[::-1], axis=1)
            for at, row in enumerate(rows.tolist()):
                found[row] = earliest_first[at]
    return found
