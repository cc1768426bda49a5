"""How large the faces of a stream were lately, and how many: one that is hidden in part is covered as large as it was.

Where somebody walks behind another head or a post, the detector's box shrinks to what it sees, and so does the margin around it;
what still shows beside it would be bare. No face becomes much smaller within a second by itself. Where tracking has begun anew
nobody knows how large anybody was: then tracks begin as if they had been half as large again. Nor does anybody know then who is
hidden: while fewer are found than were there, less is asked of a face. Counts and times only, nothing of who.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from passerby.boxes import grow
from passerby.values import Boxes, Detections

HALF_LIFE_S = 3.0
"""After so long half of what a face was larger than it is now is forgotten. Chosen on drawn crossings (bench/chaos.py)."""
AT_FIRST = 1.5
"""So many times as large as it is a face may have been that was not tracked before. Chosen on the same."""
ANEW_S = 3.0
"""So long after tracking began anew it is not known how large faces were. Chosen, not measured."""
COUNTS = 0.4
"""Score from which somebody counts as found. Chosen, not measured."""
KEPT_S = 10.0
"""So long somebody counts who is not found any more: most people who walk behind others come out sooner.
Source: docs/measures.md."""


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
            anew: Tracking has begun anew a short time ago, or somebody is missing since.

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


class Company:
    """Remembers how many were found at once; one for a camera, whatever breaks.

    Args:
        faces: Found at once before, by another process.
        time_ns: When that was, ns of the clock of the frames.

    Attributes:
        lately: How many were found at once lately, at most, when a pass was taken in last.

    >>> company = Company(3)
    >>> [company.most(s * 10**9) for s in (4, 10, 11)]
    [3, 3, 0]
    """

    def __init__(self, faces: int = 0, time_ns: int = 0) -> None:
        # the most first, each with the time at which so many were found last
        self._found: deque[tuple[int, int]] = deque([(faces, time_ns)] if faces else [])
        self.lately = faces

    def take(self, found: Detections, time_ns: int) -> bool:
        """Take in a pass over the frame of this time, ns; return whether anybody is missing who was there lately."""
        faces = int((found.score >= COUNTS).sum())
        self.lately = self.most(time_ns)
        missing = faces < self.lately
        while self._found and self._found[-1][0] <= faces:
            self._found.pop()
        self._found.append((faces, time_ns))
        return missing

    def most(self, time_ns: int) -> int:
        """Return how many were found at once lately, at most, at a time, ns, not before those taken in."""
        while self._found and time_ns - self._found[0][1] > KEPT_S * 1e9:
            self._found.popleft()
        return self._found[0][0] if self._found else 0
