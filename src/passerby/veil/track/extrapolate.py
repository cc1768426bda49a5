"""Tracks reach beyond what was seen: back before a face's first sighting, and on after its last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.values import EMPTY_BOXES, Boxes, Track
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.tracklet import Trail

GROWTH_PER_S = 0.19
"""A box that is carried without a sighting grows by this share of its side a second, on each side."""


def complete(
    trails: Iterable[Trail], motions: Sequence[Motion | None], meter: MotionMeter, *, reach: int, growth: float
) -> tuple[Track, ...]:
    """Make tracks of trails: each reaches back before its first and on after its last sighting.

    Args:
        trails: Ended trails.
        motions: One per frame of the clip: from the frame before.
        meter: Moves boxes.
        reach: Frames covered before the first and after the last sighting, where the scene allows.
        growth: Share of its side that a box grows on each side with every frame away from a sighting.

    Returns:
        Tracks in the order of their first frames, numbered from 1.
    """
    trails = list(trails)
    reach_back([t for t in trails if t.before is None], motions, meter, reach=reach, growth=growth)
    whole = []
    for trail in trails:
        earlier = trail.before if trail.before is not None else EMPTY_BOXES
        xyxy = np.concatenate([earlier, trail.boxes(), held_on(trail, reach, growth)])
        begin = trail.first - len(earlier)
        score = np.zeros(len(xyxy), np.float32)
        for index, value in trail.hits:
            score[index - begin] = value
        whole.append((begin, xyxy, score))
    whole.sort(key=lambda track: track[0])
    return tuple(Track(n, begin, xyxy, score) for n, (begin, xyxy, score) in enumerate(whole, start=1))


def reach_back(
    trails: Sequence[Trail], motions: Sequence[Motion | None], meter: MotionMeter, *, reach: int, growth: float
) -> None:
    """Tell the boxes of trails before their first sightings (``Trail.before``).

    Args:
        trails: Ended, or at least ``reach`` frames long.
        motions: ``motions[i]`` leads from frame i - 1 to i.
        meter: Moves boxes.
        reach: Most frames to go back; a cut stops it earlier.
        growth: Share of its side that a box grows on each side with every frame.
    """
    first = np.array([trail.first for trail in trails], np.intp)
    speed = first_speed(trails, motions, meter, reach)
    start = np.concatenate([EMPTY_BOXES, *(trail.path[0][:1] for trail in trails)])
    before = back_fill(start, first, motions, meter, reach=reach, growth=growth, speed=speed)
    for trail, boxes in zip(trails, before, strict=True):
        trail.before = boxes


def held_on(trail: Trail, reach: int, growth: float) -> Boxes:
    """Return the boxes after a trail's last sighting that are covered, shape (K, 4), K up to ``reach``."""
    after = trail.after()[:reach]
    return swell(after, np.arange(1, len(after) + 1, dtype=np.float32) * growth)


def first_speed(
    trails: Sequence[Trail], motions: Sequence[Motion | None], meter: MotionMeter, frames: int
) -> NDArray[np.float32]:
    """Return how fast trails move against the scene in their first frames, shape (N, 2), x and y, pixels a frame.

    Args:
        trails: Not forgotten in part.
        motions: ``motions[i]`` leads from frame i - 1 to i.
        meter: Moves boxes.
        frames: Over at most so many frames.
    """
    speed = np.zeros((len(trails), 2), np.float32)
    paths = [trail.opening(frames + 1) for trail in trails]
    first = np.array([trail.first for trail in trails], np.intp)
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
            steps.append(swell(now, np.full(len(rows), (len(steps) + 1) * growth, np.float32)))
        if steps:
            earliest_first = np.stack(steps[::-1], axis=1)
            for at, row in enumerate(rows.tolist()):
                found[row] = earliest_first[at]
    return found


def swell(boxes: Boxes, share: NDArray[np.float32]) -> Boxes:
    """Grow each box on every side by a share of its side.

    Args:
        boxes: Shape (N, 4).
        share: Shape (N,).
    """
    more = (boxes[:, 2:] - boxes[:, :2]) * share[:, None]
    return np.concatenate([boxes[:, :2] - more, boxes[:, 2:] + more], axis=1).astype(np.float32)
