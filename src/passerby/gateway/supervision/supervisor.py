"""Keeps one camera's process running and its relay fed, and tells how the camera is. Runs in the event loop.

The process itself is ``process``, what is concluded from its reports is ``state``, how long to wait for it is ``limits``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import CameraConfig
from passerby.gateway.messages import (
    CoverOrder,
    FaultReport,
    KeyOrder,
    Order,
    RateReport,
    Report,
    SealedReport,
    SelfTestReport,
    StartOrder,
    StatusReport,
    UncoverOrder,
    VeiledUnit,
)
from passerby.gateway.picture import Slates
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase
from passerby.gateway.stream import Relay
from passerby.gateway.supervision.limits import Backoff, SupervisionLimits
from passerby.gateway.supervision.process import COMMAND, COMPLAINT_LINES, WorkerProcess
from passerby.gateway.supervision.seal_link import SealLink
from passerby.gateway.supervision.state import (
    FaultIntervals,
    LateWatch,
    Standing,
    StandingLog,
    WorkerAccount,
    standing_of,
)
from passerby.gateway.values import FAULTS, CoverReason
from passerby.sealing import SealedCamera

_KEY_ASKED_S = 0.2
Tell = Callable[[Event], None]


class CameraSupervisor:
    """The supervision of one camera.

    Args:
        config: Of the camera.
        slates: Shared by all cameras.
        tell: Takes events.
        selftest_s: Time between two self-tests of the detector.
        cycle_offset: When its detector's cycles begin, 0 to 1, see ``passerby.veil.LiveSettings``.
        seal: What may be sealed.
        command: Started as the camera's process.
        limits: How patient to be with it.
        clock: The machine's clocks.
    """

    def __init__(
        self,
        config: CameraConfig,
        slates: Slates,
        tell: Tell,
        *,
        selftest_s: float = 60.0,
        cycle_offset: float = 0.0,
        seal: SealLink | None = None,
        command: Sequence[str] = COMMAND,
        limits: SupervisionLimits | None = None,
        clock: Clock = MACHINE,
    ) -> None:
        self.config = config
        self.relay = Relay(config, slates, self._want_key, clock=clock)
        self.restarts = 0
        self._slates, self._tell = slates, tell
        self._selftest_s, self._cycle_offset, self._seal = selftest_s, cycle_offset, seal or SealLink()
        self._sealed: SealedCamera | None = None
        self._renewing = False
        self._command, self._limits, self._clock = command, limits or SupervisionLimits(), clock
        self._held: dict[CoverReason, str] = {}
        self._account, self._log = WorkerAccount(), StandingLog()
        self._faults, self._late = FaultIntervals(), LateWatch()
        self._complaints: deque[str] = deque(maxlen=COMPLAINT_LINES)
        self._process: WorkerProcess | None = None
        self._task: asyncio.Task[None] | None = None
        self._key_asked_s = 0.0

    # life

    def start(self) -> None:
        """Begin to keep the camera's process running."""
        self._task = asyncio.create_task(self._keep_running(), name=f"supervisor-{self.config.name}")

    async def stop(self) -> None:
        """End the camera's process; it is killed when it does not go in time."""
        task, self._task = self._task, None
        if self._process is not None:
            self._process.tell_to_stop()
            if task is not None and self._process.pid and self._account.status is not None:
                # what it says last still counts: roots of what was sealed
                await asyncio.wait({task}, timeout=self._limits.stop_s + 2 * self._limits.watch_s)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for reason in self._faults.open:
            self._fault_ended(reason)

    async def reload(self, config: CameraConfig) -> None:
        """Restart the process with other settings; readers stay and see the slate meanwhile."""
        await self.stop()
        self.adopt(config)
        self.relay.lost(CoverReason.SETTINGS)
        self.start()

    def adopt(self, config: CameraConfig) -> None:
        """Take other settings that the process itself has no part in."""
        self.config = self.relay.config = config

    def follow_seal(self) -> None:
        """Renew the process where other things may be sealed than when it began; to be called every few seconds."""
        process = self._process
        if process is not None and self._account.status is not None and self._seal.allowed() != self._sealed:
            self._renewing = True
            process.tell_to_stop()

    async def _keep_running(self) -> None:
        backoff = Backoff(self._limits)
        while True:
            began_s = self._clock.now_s()
            self._renewing = False
            why = await self._run_once()
            self._account.process_ended()
            if self._task is not asyncio.current_task():
                return
            if self._renewing:
                self.relay.lost(CoverReason.SETTINGS)
                continue
            self._tell_now(EventKind.PHASE, detail=f"process ended: {why}", ok=False)
            self.relay.lost(CoverReason.WORKER)
            self._fault_began(CoverReason.WORKER, why)
            await asyncio.sleep(backoff.wait_s(self._clock.now_s() - began_s))
            self.restarts += 1

    async def _run_once(self) -> str:
        process = self._process = WorkerProcess(self._command, self._limits, self._clock, self._complaints)
        try:
            await process.start()
        except OSError as exc:
            return f"cannot start: {exc.strerror}"
        self._account.process_began()
        return await process.talk(self._greeting, self._take)

    # orders

    @property
    def held(self) -> frozenset[CoverReason]:
        """Return the covers that were asked for with ``hold`` and not released."""
        return frozenset(self._held)

    def hold(self, reason: CoverReason, detail: str = "") -> None:
        """Cover the camera whole until ``release``."""
        if self._held.get(reason) != detail:
            self._held[reason] = detail
            self._send(CoverOrder(reason, detail))

    def release(self, reason: CoverReason) -> None:
        """End what ``hold`` began."""
        if self._held.pop(reason, None) is not None:
            self._send(UncoverOrder(reason))

    def _greeting(self) -> Iterator[Order]:
        known, self._sealed = self._account, self._seal.allowed()
        config = self.config.for_process()
        yield StartOrder(
            config, self._selftest_s, self._cycle_offset, known.begin_step, known.people, seal=self._sealed
        )
        for reason, detail in self._held.items():
            yield CoverOrder(reason, detail)

    def _send(self, order: Order) -> None:
        if self._process is not None:
            self._process.send(order)

    def _want_key(self) -> None:
        now_s = self._clock.now_s()
        if now_s - self._key_asked_s > _KEY_ASKED_S:
            self._key_asked_s = now_s
            self._send(KeyOrder())

    # reports

    def _take(self, report: Report) -> None:
        match report:
            case VeiledUnit():
                self._accept(report)
            case StatusReport():
                self._account.take(report)
            case FaultReport(reason, True, detail):
                self._fault_began(reason, detail)
            case FaultReport(reason):
                self._fault_ended(reason)
            case RateReport(step):
                self._account.take_rate(step)
                lowered = f"rate lowered to one picture of {step}: this machine cannot keep up"
                said = lowered if step > 1 else "every picture is shown"
                self._tell_now(EventKind.PHASE, reason=CoverReason.OVERLOAD, ok=step == 1, detail=said)
            case SealedReport(roots, index):
                for root in roots:
                    self._tell_now(EventKind.SEALED, detail=root)
                self._seal.index(index)
            case SelfTestReport(ok, detail):
                if ok:
                    self._account.selftest_ns = self._clock.wall_ns()
                self._tell_now(EventKind.SELFTEST, ok=ok, detail=detail)
            case _:
                assert_never(report)

    def _accept(self, unit: VeiledUnit) -> None:
        slate = self.relay.slate
        self.relay.accept(unit)
        if slate is not None and self.relay.slate is None:
            self._fault_ended(CoverReason.WORKER)
            self._fault_ended(CoverReason.STALLED)
            loop, size = asyncio.get_running_loop(), self.relay.size
            loop.run_in_executor(None, self._slates.prepare, *size, self.config.shown, self.config.output)

    # what others are told

    def tick(self) -> None:
        """Send slates where they are due, and note changes of state; to be called ten times a second."""
        was, now_s = self.relay.slate, self._clock.now_s()
        self.relay.stall_reason = next((r for r in self._account.reasons if r in FAULTS), CoverReason.STALLED)
        self.relay.tick()
        if was is None and self.relay.slate is not None:
            self._fault_began(CoverReason.STALLED, "its process sends nothing")
        late = self._late.note(self.relay.meter.whole_by_reason.get(CoverReason.DETECTOR_BEHIND, 0), now_s)
        if late:
            self._fault_began(CoverReason.DETECTOR_BEHIND, "pictures were not judged in time")
        elif late is False:
            self._fault_ended(CoverReason.DETECTOR_BEHIND)
        standing = self._standing()
        if self._log.note(standing, now_s, self._clock.wall_ns()):
            text = ", ".join(standing.reasons)
            reason = standing.reasons[0] if standing.reasons else None
            self._tell_now(EventKind.PHASE, reason=reason, detail=f"{standing.phase} {text}".strip())

    def _standing(self) -> Standing:
        if self._task is None:
            return Standing(Phase.STOPPED)
        return standing_of(self._account.status, self.relay.slate, self.relay.whole)

    def _fault_began(self, reason: CoverReason, detail: str) -> None:
        if self._faults.begin(reason, detail, self._clock.wall_ns()):
            self._tell_now(EventKind.FAULT_BEGAN, reason=reason, detail=detail, ok=False)

    def _fault_ended(self, reason: CoverReason) -> None:
        began_ns = self._faults.end(reason)
        if began_ns is not None:
            self._tell_now(EventKind.FAULT_ENDED, reason=reason, began_ns=began_ns)

    def _tell_now(
        self,
        kind: EventKind,
        *,
        reason: CoverReason | None = None,
        began_ns: int = 0,
        ok: bool = True,
        detail: str = "",
    ) -> None:
        name, now_ns = self.config.name, self._clock.wall_ns()
        self._tell(Event(kind, name, now_ns, reason=reason, began_ns=began_ns, ok=ok, detail=detail))

    def camera_status(self, readers: int) -> CameraStatus:
        """Return what the console shows.

        Args:
            readers: RTSP sessions and viewers now.
        """
        meter = self.relay.meter
        shown = self.relay.parameters is not None
        return CameraStatus(
            name=self.config.name,
            phase=self._log.standing.phase,
            reasons=self._log.standing.reasons,
            since_ns=self._log.since_ns,
            width=self.relay.size[0] if shown else 0,
            height=self.relay.size[1] if shown else 0,
            counts=self._account.counts,
            whole_by_reason=tuple(sorted(meter.whole_by_reason.items())),
            slates=meter.slates,
            readers=readers,
            restarts=self.restarts,
            delay_p50_ms=meter.delay_ms(50),
            delay_p99_ms=meter.delay_ms(99),
            lookahead_ms=self._account.lookahead_ms,
            bitrate_kbps=meter.kbps,
            last_fault=self._faults.last_text,
            last_fault_ns=self._faults.last_ns,
            last_selftest_ns=self._account.selftest_ns,
            worker_pid=self._process.pid if self._process is not None else 0,
            rate_step=self._account.rate_step,
            sealing=self._account.sealing,
        )
