"""Slows down whoever asks too often, and divides places that many want: bounded, without a word of who asks what."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from passerby.errors import AccessError


class TooManyError(AccessError):
    """Somebody asks, guesses or holds too much; ``wait_s`` says when to come again."""

    def __init__(self, wait_s: int, message: str = "") -> None:
        super().__init__(message or f"too many requests, come again in {wait_s} s")
        self.wait_s = wait_s


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

    def left(self, key: str) -> float:
        """Return how many things a key may do now."""
        left, at = self._left.get(key, (self.burst, 0.0))
        return min(self.burst, left + (self._clock() - at) * self.per_s)

    def give_back(self, key: str) -> None:
        """Uncount one thing of a key."""
        left, at = self._left.get(key, (self.burst, self._clock()))
        self._left[key] = (min(self.burst, left + 1.0), at)

    def wait_s(self, key: str) -> int:
        """Return after how many seconds a refused key may come again, at least 1."""
        return max(1, int((1.0 - self.left(key)) / self.per_s + 0.999))


class Shares:
    """Divides places. The last quarter is for those who hold less than an even share, so that nobody can take them all.

    Args:
        most: Places.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """Return how many are taken."""
        return self._held.total()

    def take(self, holder: str) -> bool:
        """Take a place; return whether there was one for this holder.

        >>> shares = Shares(8)
        >>> [shares.take("a") for _ in range(7)], shares.take("b")
        ([True, True, True, True, True, True, False], True)
        """
        held, taken = self._held[holder], self.taken
        even = self.most // (len(self._held.keys() - {holder}) + 2)
        if taken >= self.most or (4 * taken >= 3 * self.most and held >= even):
            self._held += Counter()
            return False
        self._held[holder] = held + 1
        return True

    def give_back(self, holder: str) -> None:
        """Give one place back."""
        self._held[holder] -= 1
        if self._held[holder] <= 0:
            del self._held[holder]
