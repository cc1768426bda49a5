"""Tells how one camera is: events as they come, and its state for who asks. What is concluded is pure, in ``state``."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from passerby.gateway.clock import Clock
from passerby.gateway.messages import FaultReport, RateReport, SelfTestReport, StatusReport
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase
from passerby.gateway.stream import Relay
from passerby.gateway.supervision.state import (
    FaultIntervals,
    LateWatch,
    Standing,
    StandingLog,
    WorkerAccount,
    standing_of,
)
from passerby.gateway.values import FAULTS, CoverReason

Tell = Callable[[Event], None]


class CameraTeller:
    """The telling about one camera.

    Args:
        relay: Of the camera.
        tell: Takes events.
        clock: The machine's clocks.
    """

    def __init__(self, relay: Relay, tell: Tell, clock: Clock) -> None:
        self._relay, self._tell, self._clock = relay, tell, clock
        self._account, self._log = WorkerAccount(), StandingLog()
        self._faults, self._late = FaultIntervals(), LateWatch()

    # what happens

    def process_began(self) -> None:
        """Note that a process was started."""
        self._account.process_began()

    def process_ended(self, why: str) -> None:
        """Note that it is gone."""
        self._say(EventKind.PHASE, detail=f"process ended: {why}", ok=False)
        self.fault_began(CoverReason.WORKER, why)
        self._account.process_ended()

    def take(self, report: StatusReport | FaultReport | RateReport | SelfTestReport) -> None:
        """Take what the process says of itself."""
        match report:
            case StatusReport():
                self._account.take(report)
            case FaultReport(reason, True, detail):
                self.fault_began(reason, detail)
            case FaultReport(reason):
                self.fault_ended(reason)
            case RateReport(step):
                self._account.rate_step = step
                said = f"overload: one picture of {step} is shown" if step > 1 else "every picture is shown"
                self._say(EventKind.PHASE, reason=CoverReason.OVERLOAD, ok=step == 1, detail=said)
            case SelfTestReport(ok, detail):
                if ok:
                    self._account.selftest_ns = self._clock.wall_ns()
                self._say(EventKind.SELFTEST, ok=ok, detail=detail)
            case _:
                assert_never(report)

    def fault_began(self, reason: CoverReason, detail: str) -> None:
        """Note that a fault is there; told once."""
        if self._faults.begin(reason, detail, self._clock.wall_ns()):
            self._say(EventKind.FAULT_BEGAN, reason=reason, detail=detail, ok=False)

    def fault_ended(self, reason: CoverReason) -> None:
        """Note that it is over."""
        began_ns = self._faults.end(reason)
        if began_ns is not None:
            self._say(EventKind.FAULT_ENDED, reason=reason, began_ns=began_ns)

    def end_faults(self) -> None:
        """Note that nothing is wrong any more: nobody watches."""
        for reason in self._faults.open:
            self.fault_ended(reason)

    def tick(self, *, running: bool) -> None:
        """Note where the camera stands; to be called ten times a second.

        Args:
            running: Its process is kept running.
        """
        now_s = self._clock.now_s()
        late = self._late.note(self._relay.meter.whole_by_reason.get(CoverReason.DETECTOR_BEHIND, 0), now_s)
        if late:
            self.fault_began(CoverReason.DETECTOR_BEHIND, "pictures were not judged in time")
        elif late is False:
            self.fault_ended(CoverReason.DETECTOR_BEHIND)
        standing = Standing(Phase.STOPPED)
        if running:
            standing = standing_of(self._account.status, self._relay.slate, self._relay.whole)
        if self._log.note(standing, now_s, self._clock.wall_ns()):
            text = ", ".join(standing.reasons)
            reason = standing.reasons[0] if standing.reasons else None
            self._say(EventKind.PHASE, reason=reason, detail=f"{standing.phase} {text}".strip())

    def _say(
        self,
        kind: EventKind,
        *,
        reason: CoverReason | None = None,
        began_ns: int = 0,
        ok: bool = True,
        detail: str = "",
    ) -> None:
        name, now_ns = self._relay.config.name, self._clock.wall_ns()
        self._tell(Event(kind, name, now_ns, reason=reason, began_ns=began_ns, ok=ok, detail=detail))

    # what others ask

    @property
    def stall_reason(self) -> CoverReason:
        """Return what a slate says should the process fall silent now."""
        return next((reason for reason in self._account.reasons if reason in FAULTS), CoverReason.STALLED)

    def status(self, *, readers: int, restarts: int, pid: int) -> CameraStatus:
        """Return what the console shows.

        Args:
            readers: RTSP sessions and viewers now.
            restarts: Times that the process was started anew.
            pid: Process number, or 0.
        """
        relay, meter, account = self._relay, self._relay.meter, self._account
        width, height = relay.size if relay.parameters is not None else (0, 0)
        return CameraStatus(
            name=relay.config.name,
            phase=self._log.standing.phase,
            reasons=self._log.standing.reasons,
            since_ns=self._log.since_ns,
            width=width,
            height=height,
            counts=account.counts,
            whole_by_reason=tuple(sorted(meter.whole_by_reason.items())),
            slates=meter.slates,
            readers=readers,
            restarts=restarts,
            delay_p50_ms=meter.delay_ms(50),
            delay_p99_ms=meter.delay_ms(99),
            lookahead_ms=account.lookahead_ms,
            bitrate_kbps=meter.kbps,
            last_fault=self._faults.last_text,
            last_fault_ns=self._faults.last_ns,
            last_selftest_ns=account.selftest_ns,
            worker_pid=pid,
            rate_step=account.rate_step,
        )
