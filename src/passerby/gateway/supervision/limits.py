"""How patient the serving process is with a camera's process, and how soon it starts the next."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SupervisionLimits:
    """Times of one camera's supervision, in seconds.

    Attributes:
        silent_s: A process that has told no status for this long is killed.
        start_s: ... and this long after its start: compiling a network takes a while on a small machine.
        watch_s: How often that is looked at.
        stop_s: Time in which a process that was told to stop ends by itself, before it is killed.
        leave_s: The same for one that hung up.
        backoff_s: Waits before the next start, after no failure in a row, one, two, ...; the last stays.
        sound_s: A process that lived this long was sound: the back-off begins anew.
    """

    silent_s: float = 6.0
    start_s: float = 45.0
    watch_s: float = 0.25
    stop_s: float = 2.0
    leave_s: float = 0.5
    backoff_s: tuple[float, ...] = (0.1, 0.25, 1.0, 2.0, 5.0, 10.0, 30.0)
    sound_s: float = 20.0


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 - not a secret


class Backoff:
    """Says how long to wait before the next start. Pure: it is told how long the process lived.

    Args:
        limits: The waits, and what counts as sound.
        jitter: A factor around 1, so that cameras that failed together do not start together.

    >>> backoff = Backoff(SupervisionLimits(), lambda: 1.0)
    >>> backoff.wait_s(0.5), backoff.wait_s(0.5), backoff.wait_s(60.0)
    (0.25, 1.0, 0.1)
    """

    def __init__(self, limits: SupervisionLimits, jitter: Callable[[], float] = _jitter) -> None:
        self._limits, self._jitter = limits, jitter
        self._failures = 0

    def wait_s(self, lived_s: float) -> float:
        """Return the wait after a process that lived so long."""
        self._failures = 0 if lived_s > self._limits.sound_s else self._failures + 1
        waits_s = self._limits.backoff_s
        return waits_s[min(self._failures, len(waits_s) - 1)] * self._jitter()
