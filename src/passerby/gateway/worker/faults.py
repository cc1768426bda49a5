"""What is wrong with a camera right now, since when, and when it is sound again. Pure: the clock is handed in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from passerby.gateway.values import FAULTS, CoverReason

HOLD_S = 1.0
"""A fault ends when it has not been seen for this long: no flicker between cover and picture."""
Tell = Callable[[CoverReason, bool, int, str], None]
"""Called with the reason, whether it began (else it ended), the wall time in ns at which it began, and a sentence."""


@dataclass(slots=True)
class _Active:
    began_ns: int
    seen_s: float
    held: bool
    hold_s: float


class Faults:
    """The reasons for a full cover that hold now. Safe to use from several threads.

    Args:
        tell: Called once when a reason begins and once when it ends.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._active: dict[CoverReason, _Active] = {}
        # guards _active; held while telling, so that begin and end of one reason are told in order
        self._lock = threading.RLock()

    def strike(
        self, reason: CoverReason, now_s: float, wall_ns: int, detail: str = "", *, hold_s: float = HOLD_S
    ) -> None:
        """Note that something is wrong at this moment; it counts until it was not noted for ``hold_s``."""
        self._note(reason, now_s, wall_ns, detail, held=False, hold_s=hold_s)

    def hold(self, reason: CoverReason, now_s: float, wall_ns: int, detail: str = "") -> None:
        """Note that something is wrong until ``lift`` is called."""
        self._note(reason, now_s, wall_ns, detail, held=True, hold_s=0.0)

    def lift(self, reason: CoverReason, now_s: float) -> None:
        """Note that what was held is over."""
        with self._lock:
            active = self._active.get(reason)
            if active is not None and active.held:
                active.held, active.seen_s = False, now_s

    def expire(self, now_s: float) -> None:
        """End what has not been seen for long enough."""
        with self._lock:
            for reason, active in list(self._active.items()):
                if not active.held and now_s - active.seen_s >= active.hold_s:
                    del self._active[reason]
                    self._tell(reason, False, active.began_ns, "")

    @property
    def reasons(self) -> tuple[CoverReason, ...]:
        """Return what holds now: faults first, in the order in which they began."""
        with self._lock:
            active = self._active
            return tuple(sorted(active, key=lambda reason: (reason not in FAULTS, active[reason].began_ns)))

    def _note(self, reason: CoverReason, now_s: float, wall_ns: int, detail: str, *, held: bool, hold_s: float) -> None:
        with self._lock:
            active = self._active.get(reason)
            if active is None:
                self._active[reason] = _Active(wall_ns, now_s, held, hold_s)
                self._tell(reason, True, wall_ns, detail)
            else:
                active.seen_s, active.held = now_s, active.held or held
                active.hold_s = max(active.hold_s, hold_s)
