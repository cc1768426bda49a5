"""How large the faces of a stream were lately: one that is hidden in part is covered as large as it was.

Where somebody walks behind another head or a post, the detector's box shrinks to what it sees, and so does the margin around it;
what still shows beside it would be bare. No face becomes much smaller within a second by itself. Where tracking has begun anew
nobody knows how large anybody was: then tracks begin as if they had been half as large again.
"""

from __future__ import annotations

import numpy as np

from passerby.boxes import grow
from passerby.values import Boxes

HALF_LIFE_S = 3.0
"""After so long half of what a face was larger than it is now is forgotten. Chosen on drawn crossings (bench/chaos.py)."""
AT_FIRST = 1.5
"""So many times as large as it is a face may have been that was not tracked before. Chosen on the same."""


class KnownSizes:
    """Remembers width and height of each track.

    Args:
        rate_hz: Frames a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self._sizes: dict[int, tuple[float, float]] = {}
        self.set_rate(rate_hz)

    def set_rate(self, rate_hz: float) -> None:
        """Go on at another rate, frames a second."""
        self._kept = 0.5 ** (1 / (HALF_LIFE_S * rate_hz))

    def widened(self, boxes: Boxes, tracks: tuple[int, ...], *, anew: bool = False) -> Boxes:
        """Return the boxes of a frame, each at least as large as its track was lately, around the same middle.

        Args:
            boxes: Shape (N, 4), float32, pixels; frame after frame.
            tracks: The track of each. One that is not there is forgotten.
            anew: Tracking has begun anew a short time ago.

        >>> sizes = KnownSizes(12.5)
        >>> whole, half = np.array([[0, 0, 40, 60]], "f4"), np.array([[20, 0, 40, 60]], "f4")
        >>> [sizes.widened(box, (1,)).round().tolist() for box in (whole, half)]
        [[[0.0, 0.0, 40.0, 60.0]], [[10.0, 0.0, 50.0, 60.0]]]
        """
        if not len(boxes):
            self._sizes = {}
            return boxes
        now = boxes[:, 2:] - boxes[:, :2]
        unknown = now * np.float32(AT_FIRST if anew else 1)
        before = np.array([self._sizes.get(track, unknown[row]) for row, track in enumerate(tracks)], np.float32)
        more = np.maximum(0, before - now) * np.float32(self._kept)
        self._sizes = dict(zip(tracks, map(tuple, (now + more).tolist()), strict=True))
        return grow(boxes, np.asarray(more / 2, np.float32))
