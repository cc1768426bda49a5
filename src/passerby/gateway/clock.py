"""The clock that is handed to whatever measures time, so that a test can move it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The machine's two clocks; the defaults are the real ones.

    Attributes:
        monotonic_ns: CLOCK_MONOTONIC in ns, which all processes of a machine share: for spans and for stream time.
        wall_ns: Wall time, ns since 1970: for people, file names and the register. It may jump.
    """

    monotonic_ns: Callable[[], int] = time.monotonic_ns
    wall_ns: Callable[[], int] = time.time_ns

    def now_s(self) -> float:
        """Return CLOCK_MONOTONIC in seconds."""
        return self.monotonic_ns() / 1e9


MACHINE = Clock()
"""The machine's own clocks."""
