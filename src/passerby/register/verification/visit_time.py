"""The time of a watcher's visit, and what it is for: what was seen in it is kept, so that the next visit goes on."""

from __future__ import annotations

import time
from collections.abc import Callable


class VisitTime:
    """How much of a visit's time is over.

    Args:
        within_s: All of it.
        clock: Seconds that only grow.
    """

    FOR_ENTRIES = 0.5
    """The share after which no more new entries are read."""
    FOR_OLD_BUNDLES = 0.8
    """The share after which no more old bundles are looked at; the rest is for what keeps the visit."""

    def __init__(self, within_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._within_s, self._clock = within_s, clock
        self._began_s = clock()

    def over(self, share: float) -> bool:
        """Return whether so much of it, from 0 to 1, is over."""
        return self._clock() - self._began_s >= share * self._within_s
