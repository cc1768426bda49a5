"""Boxes that hide a face in both fields of an interlaced frame.

Faces are detected in one field, and their boxes are right for its moment. The other field was taken half a frame earlier or
later; which, flags say, and flags lie. So a box spans the places half way to the frame before and half way to the one after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.values import Boxes


class WovenFrames:
    """Which frames of one clip or stream hold two fields."""

    def __init__(self) -> None:
        self._changes: list[tuple[int, bool]] = []

    def __bool__(self) -> bool:
        """Whether any frame does that is not forgotten."""
        return bool(self._changes)

    def holds(self, frame: int) -> bool:
        """Whether a frame holds two fields that is not forgotten; of one not noted yet, what was noted last."""
        said = [woven for first, woven in self._changes if first <= frame]
        return bool(said) and said[-1]

    def note(self, frame: int, *, woven: bool) -> None:
        """Say of this frame, and of those after it until told otherwise, whether they hold two fields."""
        if woven != (bool(self._changes) and self._changes[-1][1]):
            self._changes.append((frame, woven))

    def forget(self, frame: int) -> None:
        """Drop what says nothing of this frame and later ones."""
        while len(self._changes) > 1 and self._changes[1][0] <= frame:
            del self._changes[0]
        if len(self._changes) == 1 and not self._changes[0][1]:
            self._changes.clear()

    def span(self, first: int, boxes: Boxes) -> Boxes:
        """Let the boxes of one face span both fields.

        Args:
            first: Frame of the first box.
            boxes: One a frame, shape (K, 4), float32, pixels.

        Returns:
            Shape (K, 4), float32, pixels; unchanged where a frame shows one moment.
        """
        if not self._changes or not len(boxes):
            return boxes
        woven = np.zeros(len(boxes), bool)
        for frame, holds in self._changes:
            woven[max(0, frame - first) :] = holds
        return np.where(woven[:, None], spanning(boxes), boxes) if woven.any() else boxes


def spanning(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return boxes that reach half way to the box before and half way to the one after; at the ends, as far as inwards.

    Args:
        boxes: One face's, one a frame, shape (K, 4), float32, pixels.

    >>> spanning(np.array([[0, 0, 10, 10], [4, 0, 14, 10]], np.float32)).tolist()
    [[-2.0, 0.0, 12.0, 10.0], [2.0, 0.0, 16.0, 10.0]]
    """
    if len(boxes) < 2:
        return boxes
    half = np.diff(boxes, axis=0) / 2
    low, high = boxes[:, :2], boxes[:, 2:]
    # by the corners, for a box may grow; by the middles, for one may be wider than the next: it moves as far all the same
    middle = (half[:, :2] + half[:, 2:]) / 2
    for by in (half, np.concatenate([middle, middle], axis=1)):
        for reached in (boxes + np.concatenate([by, by[-1:]]), boxes - np.concatenate([by[:1], by])):
            low, high = np.minimum(low, reached[:, :2]), np.maximum(high, reached[:, 2:])
    return np.concatenate([low, high], axis=1).astype(np.float32)
