"""Ends a desk that nobody looks at any more: who opened it by a click has no window in which to stop it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

IDLE_S = 3600.0
"""Each page that is open asks every few seconds. Source: a choice; browsers put pages to sleep that nobody looks at."""


class IdleWatch:
    """Knows when a desk was last asked for something.

    Args:
        is_busy: Says whether it works on something.
        end: Ends it.
        idle_s: How long it waits.
        clock: Seconds; must stand still while the machine sleeps.
    """

    def __init__(
        self,
        is_busy: Callable[[], bool],
        end: Callable[[], None],
        *,
        idle_s: float = IDLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_busy, self._end, self._idle_s, self._clock = is_busy, end, idle_s, clock
        self._asked_s = clock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="desk-idle", daemon=True)

    def asked(self) -> None:
        """Note a request."""
        self._asked_s = self._clock()

    def over(self) -> bool:
        """Return whether it has been left alone for long enough."""
        if self._is_busy():
            self.asked()
        return self._clock() - self._asked_s >= self._idle_s

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no more."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(min(30.0, self._idle_s)):
            if self.over():
                self._end()
                return
