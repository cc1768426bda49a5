"""Frames between those that are watched: of a fast clip some are left out, and boxes move evenly over them.

Nobody moves so unevenly within an eighth of a second that the margin of a cover does not hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np

from passerby.values import Boxes

LEAST_GAP_S = Fraction(6, 100)
"""Least time between two frames that are watched: of 25 and 30 frames a second every second one. Source: docs/measures.md."""
MOST_GAP_S = Fraction(15, 100)
"""A frame that comes so long after the last watched one is watched, where the clip is slower than its mean."""


def watched_every(rate: Fraction) -> int:
    """Return how many frames of a clip make one that is watched, by its mean frame rate.

    >>> [watched_every(Fraction(rate)) for rate in (10, 15, 25, 30, 60)]
    [1, 1, 2, 2, 4]
    """
    return ceil(LEAST_GAP_S * rate)


def spread(first: int, boxes: Boxes, watched: Sequence[int], end: int) -> tuple[int, Boxes]:
    """Return the boxes of all frames from those of watched ones.

    Before the first and after the last box the same goes on up to the next watched frame, where it is known that there is none.

    Args:
        first: Which watched frame has the first box.
        boxes: Shape (K, 4): one for each watched frame from there on.
        watched: Which frames of the clip are watched, rising.
        end: One past the last frame of the clip, or of what is known of it.

    Returns:
        The first frame of the clip that has a box, and shape (L, 4).

    >>> spread(1, np.array([[0, 0, 8, 8], [2, 0, 10, 8]], "f4"), [0, 2, 4, 6], 8)[1][:, 0].tolist()
    [0.0, 0.0, 1.0, 2.0, 2.0]
    """
    count = len(boxes)
    if not count:
        return 0, boxes
    begin = watched[first - 1] + 1 if first else 0
    stop = watched[first + count] if first + count < len(watched) else end
    if stop - begin == count:
        return begin, boxes
    own, frames = np.array(watched[first : first + count]), np.arange(begin, stop)
    low = np.clip(np.searchsorted(own, frames, side="right") - 1, 0, count - 1)
    high = np.minimum(low + 1, count - 1)
    gap = own[high] - own[low]
    share = np.where(gap > 0, np.maximum(frames - own[low], 0) / np.maximum(gap, 1), 0).astype(np.float32)[:, None]
    return begin, boxes[low] * (1 - share) + boxes[high] * share
