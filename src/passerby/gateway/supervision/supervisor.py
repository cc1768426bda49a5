"""Keeps one camera's process running and its relay fed. Runs in the event loop.

The process itself is ``process``, what is told of it ``teller``, how long to wait for it ``limits``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence

from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import CameraConfig
from passerby.gateway.messages import (
    CoverOrder,
    KeyOrder,
    Order,
    Report,
    StartOrder,
    UncoverOrder,
    VeiledUnit,
)
from passerby.gateway.picture import Slates
from passerby.gateway.states import CameraStatus
from passerby.gateway.stream import Relay
from passerby.gateway.supervision.limits import Backoff, SupervisionLimits
from passerby.gateway.supervision.process import COMMAND, COMPLAINT_LINES, WorkerProcess
from passerby.gateway.supervision.teller import CameraTeller, Tell
from passerby.gateway.values import CoverReason

_KEY_ASKED_S = 0.2


class CameraSupervisor:
    """The supervision of one camera.

    Args:
        config: Of the camera.
        slates: Shared by all cameras.
        tell: Takes events.
        selftest_s: Time between two self-tests of the detector.
        cycle_offset: When its detector's cycles begin, 0 to 1, see ``passerby.veil.LiveSettings``.
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
        command: Sequence[str] = COMMAND,
        limits: SupervisionLimits | None = None,
        clock: Clock = MACHINE,
    ) -> None:
        self.config = config
        self.relay = Relay(config, slates, self._want_key, clock=clock)
        self.restarts = 0
        self._teller = CameraTeller(self.relay, tell, clock)
        self._slates = slates
        self._selftest_s, self._cycle_offset = selftest_s, cycle_offset
        self._command, self._limits, self._clock = command, limits or SupervisionLimits(), clock
        self._held: dict[CoverReason, str] = {}
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
        if self._process is not None:
            self._process.tell_to_stop()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._teller.end_faults()

    async def reload(self, config: CameraConfig) -> None:
        """Restart the process with other settings; readers stay and see the slate meanwhile."""
        await self.stop()
        self.adopt(config)
        self.relay.lost(CoverReason.SETTINGS)
        self.start()

    def adopt(self, config: CameraConfig) -> None:
        """Take other settings that the process itself has no part in."""
        self.config = self.relay.config = config

    async def _keep_running(self) -> None:
        backoff = Backoff(self._limits)
        while True:
            began_s = self._clock.now_s()
            why = await self._run_once()
            self.relay.lost(CoverReason.WORKER)
            self._teller.process_ended(why)
            await asyncio.sleep(backoff.wait_s(self._clock.now_s() - began_s))
            self.restarts += 1

    async def _run_once(self) -> str:
        process = self._process = WorkerProcess(self._command, self._limits, self._clock, self._complaints)
        try:
            await process.start()
        except OSError as exc:
            return f"cannot start: {exc.strerror}"
        self._teller.process_began()
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
        yield StartOrder(self.config.for_process(), self._selftest_s, self._cycle_offset)
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
        if isinstance(report, VeiledUnit):
            self._accept(report)
        else:
            self._teller.take(report)

    def _accept(self, unit: VeiledUnit) -> None:
        slate = self.relay.slate
        self.relay.accept(unit)
        if slate is not None and self.relay.slate is None:
            self._teller.fault_ended(CoverReason.WORKER)
            self._teller.fault_ended(CoverReason.STALLED)
            loop, size = asyncio.get_running_loop(), self.relay.size
            loop.run_in_executor(None, self._slates.prepare, *size, self.config.shown, self.config.output)

    # what others are told

    def tick(self) -> None:
        """Send slates where they are due, and note changes of state; to be called ten times a second."""
        was = self.relay.slate
        self.relay.stall_reason = self._teller.stall_reason
        self.relay.tick()
        if was is None and self.relay.slate is not None:
            self._teller.fault_began(CoverReason.STALLED, "its process sends nothing")
        self._teller.tick(running=self._task is not None)

    def camera_status(self, readers: int) -> CameraStatus:
        """Return what the console shows.

        Args:
            readers: RTSP sessions and viewers now.
        """
        pid = self._process.pid if self._process is not None else 0
        return self._teller.status(readers=readers, restarts=self.restarts, pid=pid)
