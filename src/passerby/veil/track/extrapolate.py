"""Tracks begin before a face's first detection and go on after its last: boxes are extrapolated back and on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import inflate
from passerby.values import EMPTY_BOXES, Boxes, Track
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.tracklet import Tracklet
from passerby.veil.track.woven import WovenFrames

GROWTH_PER_S = 0.19
"""A box that is propagated without a detection grows by this share of its side a second, on each side. Chosen on the annotated
development clips with ``bench/veil.py``; docs/measures.md holds no row of its own for it."""
SURE = 0.3
"""Best score from which a track of a clip is extrapolated whole. One below it goes half as far: the passes before and after it
contradict it, and each is believed for the frames nearer to it. Source: docs/measures.md."""


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """How far tracklets are extrapolated.

    Attributes:
        frames: Frames covered before the first and after the last detection, where the scene allows.
        growth: Share of its side that a box grows on each side with every frame away from a detection.
    """

    frames: int
    growth: float

    def frames_of(self, tracklet: Tracklet) -> int:
        """Return how many frames a tracklet of a clip is extrapolated: half as many where it is weak."""
        return self.frames if tracklet.best >= SURE else self.frames // 2


def complete(
    tracklets: Iterable[Tracklet],
    motions: Mapping[int, Motion | None],
    meter: MotionMeter,
    span: Extrapolation,
    woven: WovenFrames,
) -> tuple[Track, ...]:
    """Make tracks of tracklets: each is extrapolated back before its first and on after its last detection.

    Args:
        tracklets: Ended tracklets.
        motions: By frame of the clip: from the frame before.
        meter: Moves boxes.
        span: How far.
        woven: Frames that hold two fields.

    Returns:
        Tracks in the order of their first frames, numbered from 1.
    """
    tracklets = list(tracklets)
    extrapolate_back([t for t in tracklets if t.before is None], motions, meter, span)
    whole = []
    for tracklet in tracklets:
        earlier = tracklet.before if tracklet.before is not None else EMPTY_BOXES
        xyxy = np.concatenate([earlier, tracklet.boxes(), extrapolated_on(tracklet, span)])
        begin = tracklet.first - len(earlier)
        score = np.zeros(len(xyxy), np.float32)
        for frame, value in tracklet.hits:
            score[frame - begin] = value
        whole.append((begin, woven.span(begin, xyxy), score))
    whole.sort(key=lambda track: track[0])
    return tuple(Track(n, begin, xyxy, score) for n, (begin, xyxy, score) in enumerate(whole, start=1))


def extrapolate_back(
    tracklets: Sequence[Tracklet], motions: Mapping[int, Motion | None], meter: MotionMeter, span: Extrapolation
) -> None:
    """Tell the boxes of tracklets before their first detections (``Tracklet.before``).

    Args:
        tracklets: Ended, or at least as long as the span.
        motions: ``motions[i]`` leads from frame i - 1 to i.
        meter: Moves boxes.
        span: How far; a cut stops it earlier.
    """
    first = np.array([tracklet.first for tracklet in tracklets], np.intp)
    speed = first_speed(tracklets, motions, meter, span.frames)
    start = np.concatenate([EMPTY_BOXES, *(tracklet.path[0][:1] for tracklet in tracklets)])
    before = back_fill((start, first), motions, meter, span, speed=speed)
    for tracklet, boxes in zip(tracklets, before, strict=True):
        tracklet.before = boxes[max(0, len(boxes) - span.frames_of(tracklet)) :]


def extrapolate_back_with_scene(
    tracklet: Tracklet, motions: Mapping[int, Motion | None], meter: MotionMeter, span: Extrapolation
) -> None:
    """Tell the boxes of a tracklet before its first detection at once, before its own speed is known: it goes with the scene.

    Args:
        tracklet: Still has the box of its first detection.
        motions: As for ``extrapolate_back``; where one is missing, it stops.
        meter: Moves boxes.
        span: How far; a cut stops it earlier.
    """
    first = np.array([tracklet.hits[0][0]], np.intp)
    (tracklet.before,) = back_fill((tracklet.path[0][:1], first), motions, meter, span)


def extrapolated_on(tracklet: Tracklet, span: Extrapolation) -> Boxes:
    """Return the boxes after a tracklet's last detection that are covered.

    Returns:
        Shape (K, 4), float32, pixels, K up to the frames of the span.
    """
    after = tracklet.after()[: span.frames_of(tracklet)]
    return inflate(after, np.arange(1, len(after) + 1, dtype=np.float32) * span.growth)


def first_speed(
    tracklets: Sequence[Tracklet], motions: Mapping[int, Motion | None], meter: MotionMeter, frames: int
) -> NDArray[np.float32]:
    """Return how fast tracklets move against the scene in their first frames.

    Args:
        tracklets: Not forgotten in part.
        motions: ``motions[i]`` leads from frame i - 1 to i.
        meter: Moves boxes.
        frames: Over at most so many frames.

    Returns:
        Shape (N, 2), float32, x and y, pixels a frame.
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
        for frame in range(begin + 1, begin + length + 1):
            box = meter.propagate(box, motions.get(frame))
        off = np.concatenate([paths[row][length : length + 1] for row in rows]) - box
        speed[rows] = (off[:, :2] + off[:, 2:]) / (2 * length)
    return speed


def back_fill(
    first: tuple[Boxes, NDArray[np.intp]],
    motions: Mapping[int, Motion | None],
    meter: MotionMeter,
    span: Extrapolation,
    *,
    speed: NDArray[np.float32] | None = None,
) -> list[Boxes]:
    """Return each track's boxes in the frames before its first detection, earliest first.

    Args:
        first: Boxes at the first detections, shape (N, 4), float32, pixels, and their frames, shape (N,).
        motions: ``motions[i]`` leads from frame i - 1 to i; where one is missing, it stops.
        meter: Moves boxes.
        span: How far; a cut stops it earlier.
        speed: Shape (N, 2), float32: how fast each moves against the scene (``first_speed``), pixels a frame; None: not.

    Returns:
        N arrays of shape (K, 4), float32, pixels, K up to the frames of the span.
    """
    boxes, begins = first
    found: list[Boxes] = [EMPTY_BOXES] * len(boxes)
    for begin in np.unique(begins).tolist():
        rows = np.flatnonzero(begins == begin)
        now = boxes[rows]
        steps: list[Boxes] = []
        against = 0 if speed is None else np.concatenate([speed[rows], speed[rows]], axis=1)
        for frame in range(begin, max(0, begin - span.frames), -1):
            motion = motions.get(frame)
            if motion is None or motion.cut:
                break
            now = meter.propagate(now, motion, back=True) - against
            steps.append(inflate(now, np.full(len(rows), (len(steps) + 1) * span.growth, np.float32)))
        if steps:
            earliest_first = np.stack(steps[::-1], axis=1)
            for at, row in enumerate(rows.tolist()):
                found[row] = earliest_first[at]
    return found
