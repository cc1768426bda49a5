"""Frames between those that are watched: a fast camera is watched at about twelve frames a second, and boxes move evenly between.

Nobody moves unevenly within a twelfth of a second so far that the margin of a cover does not hold it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from passerby.values import Boxes

WATCHED_PER_S = Fraction(25, 2)
"""Frames that are watched in a second of a fast clip. Source: docs/measures.md (Motion)."""


def watched_every(rate: Fraction | None) -> int:
    """Return how many frames of a clip make one that is watched, 1 and more; 1 where the rate is unknown.

    >>> [watched_every(Fraction(rate)) for rate in (10, 15, 24, 30, 60)]
    [1, 1, 2, 2, 5]
    """
    return max(1, round(rate / WATCHED_PER_S)) if rate else 1


def spread(first: int, boxes: Boxes, every: int) -> tuple[int, Boxes]:
    """Return the boxes of all frames from those of watched ones.

    Before the first and after the last box the same goes on up to the next watched frame, where it is known that there is none.

    Args:
        first: The first watched frame, counting watched ones only.
        boxes: Shape (K, 4): in each watched frame from there on.
        every: How many frames make one that is watched.

    Returns:
        The first frame, counting all, which may be negative; and shape (L, 4).

    >>> spread(3, np.array([[0, 0, 8, 8], [2, 0, 10, 8]], "f4"), 2)[1][:, 0].tolist()
    [0.0, 0.0, 1.0, 2.0, 2.0]
    """
    if every == 1 or not len(boxes):
        return first * every, boxes
    # in whole numbers, so that a box is the same from whichever end it is told
    steps = np.clip(np.arange(1 - every, len(boxes) * every), 0, (len(boxes) - 1) * every)
    low = steps // every
    share = (steps % every / every).astype(np.float32)[:, None]
    high = np.minimum(low + 1, len(boxes) - 1)
    return first * every + 1 - every, boxes[low] * (1 - share) + boxes[high] * share
