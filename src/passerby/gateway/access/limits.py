"""Slows down whoever asks too often: token buckets by address or name, bounded in number."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """Lets each key do ``burst`` things at once and ``per_s`` a second after.

    Args:
        burst: At once.
        per_s: Regained each second.
        keys: Keys that are remembered; the least recent goes first.
        clock: Seconds.
    """

    def __init__(
        self, burst: float, per_s: float, keys: int = 4096, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.burst, self.per_s = burst, per_s
        self._keys, self._clock = keys, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, key: str, cost: float = 1.0) -> bool:
        """Return whether a key may do one more thing now, and count it if so."""
        now = self._clock()
        left, at = self._left.pop(key, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.per_s)
        allowed = left >= cost
        self._left[key] = (left - cost if allowed else left, now)
        while len(self._left) > self._keys:
            self._left.popitem(last=False)
        return allowed

    def give_back(self, key: str) -> None:
        """Uncount one thing of a key."""
        left, at = self._left.get(key, (self.burst, self._clock()))
        self._left[key] = (min(self.burst, left + 1.0), at)

    def wait_s(self, key: str) -> int:
        """Return after how many seconds a refused key may come again, at least 1."""
        left, at = self._left.get(key, (self.burst, 0.0))
        have = min(self.burst, left + (self._clock() - at) * self.per_s)
        return max(1, int((1.0 - have) / self.per_s + 0.999))
