"""How a camera is, from what its process reports and its relay shows. Pure: the clock is handed in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from passerby.gateway.messages import StatusReport
from passerby.gateway.states import Phase, WorkerCounts
from passerby.gateway.values import FAULTS, CoverReason

TELL_S = 1.0
"""A state that flickers is told once in this time."""
LATE_S = 1.0
"""Pictures that were covered whole because the detector was late make one interval until none came for this long."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a camera stands.

    Attributes:
        phase: Where.
        reasons: Why it is covered; empty when veiled.
    """

    phase: Phase
    reasons: tuple[CoverReason, ...] = ()


def standing_of(status: StatusReport | None, slate: CoverReason | None, whole: CoverReason | None) -> Standing:
    """Return where a camera stands whose process is kept running.

    Args:
        status: The last one of its process; None before the first.
        slate: Why its relay shows slates, or None.
        whole: Why the picture that was relayed last is covered whole, or None.
    """
    if slate is not None:
        return Standing(Phase.STARTING if slate is CoverReason.START else Phase.SLATE, (slate,))
    if status is not None and status.reasons:
        starting = status.reasons == (CoverReason.START,)
        return Standing(Phase.STARTING if starting else Phase.COVERED, status.reasons)
    if whole is not None:
        starting = status is None or whole is CoverReason.START
        return Standing(Phase.STARTING if starting else Phase.COVERED, (whole,))
    return Standing(Phase.VEILED)


class StandingLog:
    """Where a camera stands, since when, and whether it was told."""

    def __init__(self) -> None:
        self.standing = Standing(Phase.STARTING)
        self.since_ns = 0
        self._told: Standing | None = None
        self._told_s = -math.inf

    def note(self, standing: Standing, now_s: float, wall_ns: int) -> bool:
        """Note where it stands at this moment; return whether to tell it now."""
        if standing != self.standing:
            self.standing, self.since_ns = standing, wall_ns
        if standing == self._told or now_s - self._told_s < TELL_S:
            return False
        self._told, self._told_s = standing, now_s
        return True


@dataclass(frozen=True, slots=True)
class _Fault:
    began_ns: int
    text: str


class FaultIntervals:
    """The faults of a camera that are open, as intervals, and the last one: the newest open one, or else the last that was."""

    def __init__(self) -> None:
        self._open: dict[CoverReason, _Fault] = {}
        self._last = _Fault(0, "")

    @property
    def open(self) -> tuple[CoverReason, ...]:
        """Return those that began and did not end."""
        return tuple(self._open)

    @property
    def last_text(self) -> str:
        """Return the reason and the detail of the last one, or nothing."""
        return self._last.text

    @property
    def last_ns(self) -> int:
        """Return when the last one began, ns since 1970; 0 for never."""
        return self._last.began_ns

    def begin(self, reason: CoverReason, detail: str, wall_ns: int) -> bool:
        """Note that one is there; return whether it began just now. What is no fault never begins."""
        if reason not in FAULTS or reason in self._open:
            return False
        self._last = self._open[reason] = _Fault(wall_ns, f"{reason}: {detail}" if detail else str(reason))
        return True

    def end(self, reason: CoverReason) -> int | None:
        """Note that one is over; return when it began, ns since 1970, or None where it was not open."""
        ended = self._open.pop(reason, None)
        if ended is not None and self._open:
            # one that came and went must not hide why the camera is covered still
            self._last = list(self._open.values())[-1]
        return ended.began_ns if ended is not None else None


class LateWatch:
    """Makes one interval of the pictures that were covered whole because the detector was late, rather than one fault each."""

    def __init__(self) -> None:
        self._count = 0
        self._late_s = -math.inf

    def note(self, count: int, now_s: float) -> bool | None:
        """Note how many there were up to now; return True where more came, False where none came for a while, else None."""
        if count != self._count:
            self._count, self._late_s = count, now_s
            return True
        return False if now_s - self._late_s > LATE_S else None


class WorkerAccount:
    """What a camera's processes reported: the present one, and the sums over all of them.

    Attributes:
        status: The last one of the present process.
        rate_step: One picture of so many is shown, as the present process reported.
        begin_step: The same as any process reported last: what a new one begins with.
        people: Found at once lately, as any process reported last; the same.
        selftest_ns: When the last self-test passed, ns since 1970.
    """

    def __init__(self) -> None:
        self.status: StatusReport | None = None
        self.rate_step = self.begin_step = 1
        self.people = self.selftest_ns = 0
        self._counts = WorkerCounts()
        self._before = WorkerCounts()

    @property
    def counts(self) -> WorkerCounts:
        """Return the counts of the present process, plus those of the processes before it."""
        return self._counts.after(self._before)

    @property
    def reasons(self) -> tuple[CoverReason, ...]:
        """Return why the present process covers its pictures whole."""
        return self.status.reasons if self.status else ()

    @property
    def sealing(self) -> str:
        """Return whether the present process keeps faces, in a sentence; empty where it does not seal."""
        return self.status.sealing if self.status else ""

    @property
    def lookahead_ms(self) -> float:
        """Return the look-ahead at the present rate; 0 before the first status."""
        return self.status.lookahead_ms if self.status else 0.0

    def take(self, status: StatusReport) -> None:
        """Note a status of the present process."""
        self.status, self._counts, self.people = status, status.counts, status.people

    def take_rate(self, step: int) -> None:
        """Note that the present process takes one picture of so many."""
        self.rate_step = self.begin_step = step

    def process_began(self) -> None:
        """Forget what only held for the process before."""
        self.status, self.rate_step = None, 1

    def process_ended(self) -> None:
        """Add the counts of the present process to the sums."""
        counts = self.counts
        self._before, self._counts = replace(counts, sealed=counts.sealed.broken_off()), WorkerCounts()
