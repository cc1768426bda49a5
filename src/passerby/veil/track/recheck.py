"""Says whether what a pass found fits what the passes before it let expect; where it does not, one more is needed in between.

A face that moves evenly with the picture or against it is where it was expected. One that crossed, turned up, went, grew or was
taken for another is not: then nobody knows where it was in the frames between, and these must be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from passerby.boxes import centres, mean_sides
from passerby.values import Boxes, Detections
from passerby.veil.track.association import SURE, SURE_AT_ONCE, Association, differ
from passerby.veil.track.motion import Motion
from passerby.veil.track.policy import SMALL_SHARE

ZOOM = 0.25
"""Natural logarithm of the largest change of scale of the scene between two passes. Chosen, not measured."""


def contradicts(association: Association, found: Detections, size: tuple[int, int], *, torn: bool) -> bool:
    """Whether sure faces are elsewhere, or of another size, than expected; too small ones are not asked for.

    Args:
        association: At the frame of the detections, not updated with them.
        found: Faces in it, pixels.
        size: Width and height of the picture, pixels.
        torn: The picture was torn meanwhile (``Motion.torn``): who went may have been fast, also who moved with the scene before.
    """
    least_px = SMALL_SHARE * max(size)
    expected, pairs = association.expected, association.pairs(found)
    large = mean_sides(found.xyxy, least_px2=1) >= least_px
    for row, tracklet in enumerate(association.active):
        if (
            tracklet.best < SURE_AT_ONCE
            or tracklet.missed
            or mean_sides(expected[row : row + 1], least_px2=1)[0] < least_px
        ):
            continue
        at = pairs.get(row)
        if at is None:
            if (tracklet.strays or torn) and _inside(expected[row : row + 1], size):
                return True
        elif differ(expected[row : row + 1], found.xyxy[at : at + 1]):
            return True
    taken = set(pairs.values())
    return any(large[at] and found.score[at] >= SURE_AT_ONCE and at not in taken for at in range(len(found)))


def agrees(association: Association, found: Detections, size: tuple[int, int], *, since: int) -> bool:
    """Whether a pass finds the faces that the pass before it found, where they are expected, and no others.

    What either of the two found surely must be found by the other, unless it has left the picture. What neither did says nothing.

    Args:
        association: At the frame of the detections, not updated with them.
        found: Faces in it, pixels.
        size: Width and height of the picture, pixels.
        since: The frame of the pass before.
    """
    expected, pairs = association.expected, association.pairs(found)
    for row, tracklet in enumerate(association.active):
        at, (last, score) = pairs.get(row), tracklet.hits[-1]
        box = expected[row : row + 1]
        if at is None:
            if last == since and score >= SURE and _inside(box, size):
                return False
        elif max(score, float(found.score[at])) >= SURE and (last != since or differ(box, found.xyxy[at : at + 1])):
            return False
    taken = set(pairs.values())
    return all(at in taken for at in range(len(found)) if found.score[at] >= SURE)


def moved_too_much(motions: Sequence[Motion | None]) -> bool:
    """Whether the scene grew or shrank by more between two passes than boxes that are shifted can follow."""
    scale = np.cumsum([0.0, *(0.0 if motion is None else motion.zoom for motion in motions)])
    return bool(scale.max() - scale.min() > ZOOM)


def _inside(box: Boxes, size: tuple[int, int]) -> bool:
    x, y = centres(box)[0]
    return bool(0 <= x < size[0] and 0 <= y < size[1])
