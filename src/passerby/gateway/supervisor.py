"""Starts a camera's process, hears it, restarts it, kills it when it hangs. One ``CameraSupervisor`` a camera, in the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import assert_never

from passerby.errors import ServiceError
from passerby.gateway.messages import (
    CoverOrder,
    FaultReport,
    KeyOrder,
    Order,
    RateReport,
    Report,
    SelfTestReport,
    StartOrder,
    StatusReport,
    StopOrder,
    UncoverOrder,
    VeiledUnit,
    encode_message,
    parse_report,
)
from passerby.gateway.picture import Slates
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase, WorkerCounts
from passerby.gateway.stream import Relay
from passerby.gateway.values import FAULTS, CameraConfig, CoverReason
from passerby.gateway.wire import Decoder

SILENT_S = 6.0
"""A worker that has told no status for this long is killed."""
START_S = 45.0
"""... and this long after its start: compiling a network takes a while on a small machine."""
BACKOFF_S = (0.1, 0.25, 1.0, 2.0, 5.0, 10.0, 30.0)
STOP_S, LEAVE_S = 2.0, 0.5
"""Time in which a process ends by itself that was told to stop, or that hung up, before it is killed."""
SOUND_S = 20.0
"""A worker that lived this long was sound: the back-off begins anew."""
_STDERR_LINES = 20
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "1048576", "OMP_NUM_THREADS": "1"}
"""Keeps a camera's process from hoarding freed memory by thread; glibc's own defaults are made for other programs."""
Tell = Callable[[Event], None]


class CameraSupervisor:
    """Keeps one camera's process alive and its relay fed.

    Args:
        config: Of the camera.
        slates: Shared.
        tell: Takes events.
        selftest_s: Time between two detector self-tests.
        cycle_offset: When its detector's cycles begin, 0 to 1, see ``passerby.veil.LiveSettings``.
    """

    def __init__(
        self, config: CameraConfig, slates: Slates, tell: Tell, selftest_s: float, cycle_offset: float = 0.0
    ) -> None:
        self.config = config
        self.relay = Relay(config, slates, self._want_key)
        self.status: StatusReport | None = None
        self.restarts = 0
        self.rate_step = 1
        self.pid = 0
        self.stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._slates, self._tell, self._selftest_s, self._cycle_offset = slates, tell, selftest_s, cycle_offset
        self._held: dict[CoverReason, str] = {}
        self._faults: dict[CoverReason, int] = {}
        self._counts = WorkerCounts()
        self._before = WorkerCounts()
        self._heard_s = 0.0
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._key_asked_s = 0.0
        self._last_fault = ("", 0)
        self._phase: tuple[Phase, tuple[CoverReason, ...], int] = (Phase.STARTING, (), 0)
        self._selftest_ns = 0
        self._told: tuple[Phase, tuple[CoverReason, ...]] | None = None
        self._told_s = self._late_s = 0.0
        self._late_count = 0

    # life

    def start(self) -> None:
        """Begin to keep the camera's process running."""
        self._task = asyncio.create_task(self._keep(), name=f"supervisor-{self.config.name}")

    async def stop(self) -> None:
        """End the camera's process; it is killed when it does not go within two seconds."""
        self._send(StopOrder())
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for reason in list(self._faults):
            self._fault(reason, False, "")

    async def reload(self, config: CameraConfig) -> None:
        """Restart the process with other settings; readers stay and see the slate meanwhile."""
        await self.stop()
        self.adopt(config)
        self.relay.lost(CoverReason.SETTINGS)
        self.start()

    def adopt(self, config: CameraConfig) -> None:
        """Take other settings that the process itself has no part in."""
        self.config = self.relay.config = config

    def hold(self, reason: CoverReason, detail: str = "") -> None:
        """Cover the camera whole until ``release``."""
        if self._held.get(reason) != detail:
            self._held[reason] = detail
            self._send(CoverOrder(reason, detail))

    def release(self, reason: CoverReason) -> None:
        """End what ``hold`` began."""
        if self._held.pop(reason, None) is not None:
            self._send(UncoverOrder(reason))

    async def _keep(self) -> None:
        failures = 0
        while True:
            began_s = time.monotonic()
            why = await self._run_once()
            self._tell_now(EventKind.PHASE, detail=f"process ended: {why}", ok=False)
            self.relay.lost(CoverReason.WORKER)
            self._fault(CoverReason.WORKER, True, why)
            self._before = self._counts.after(self._before)
            self._counts = WorkerCounts()
            failures = 0 if time.monotonic() - began_s > SOUND_S else failures + 1
            wait_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
            await asyncio.sleep(wait_s * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
            self.restarts += 1

    async def _run_once(self) -> str:
        ours, theirs = socket.socketpair()
        spawning = asyncio.ensure_future(_spawn(theirs))
        try:
            process = await asyncio.shield(spawning)
        except OSError as exc:
            ours.close()
            return f"cannot start: {exc.strerror}"
        except asyncio.CancelledError:
            # stopped while starting: a process that nobody knows of must not stay
            ours.close()
            process = await spawning
            await self._end(process, asyncio.create_task(self._read_stderr(process)))
            raise
        finally:
            theirs.close()
        self._process, self.pid, self.status, self.rate_step = process, process.pid, None, 1
        self._heard_s = time.monotonic() + START_S - SILENT_S
        complaints = asyncio.create_task(self._read_stderr(process))
        watching = asyncio.create_task(self._watch(process))
        try:
            reader, self._writer = await asyncio.open_connection(sock=ours)
            self._greet()
            why = await self._hear(reader)
        finally:
            watching.cancel()
            try:
                await _to_its_end(self._end(process, complaints))
            finally:
                ours.close()
                await asyncio.gather(watching, return_exceptions=True)
        return f"{why}, exit code {process.returncode}"

    async def _end(self, process: asyncio.subprocess.Process, complaints: asyncio.Task[None]) -> None:
        self.pid = 0
        if process.returncode is None:
            # let it go by itself first: a signal to a process that just ended would lose its exit code
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S if self._task is None else LEAVE_S):
                    await process.wait()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await self._hang_up()
        await process.wait()
        # its last words, which may still be on their way; the pipe closes after them
        await asyncio.wait([complaints], timeout=1.0)
        complaints.cancel()
        await asyncio.gather(complaints, return_exceptions=True)
        await asyncio.sleep(0.05)

    async def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        while True:
            await asyncio.sleep(0.25)
            if time.monotonic() - self._heard_s > SILENT_S and process.returncode is None:
                # SIGKILL also ends a process that was stopped
                process.kill()
                return

    async def _read_stderr(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while line := await process.stderr.read(4096):
            self.stderr.extend(line.decode("utf-8", "replace").splitlines()[-_STDERR_LINES:])

    # messages

    def _greet(self) -> None:
        self._send(StartOrder(self.config, self._selftest_s, self._cycle_offset))
        for reason, detail in self._held.items():
            self._send(CoverOrder(reason, detail))

    def _send(self, order: Order) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode_message(order))

    def _want_key(self) -> None:
        now_s = time.monotonic()
        if now_s - self._key_asked_s > 0.2:
            self._key_asked_s = now_s
            self._send(KeyOrder())

    async def _hear(self, reader: asyncio.StreamReader) -> str:
        decoder = Decoder()
        while True:
            try:
                data = await reader.read(256 * 1024)
            except OSError:
                data = b""
            if not data:
                return self.stderr[-1][:200] if self.stderr else "it closed its connection"
            try:
                for message in decoder.feed(data):
                    self._take(parse_report(message))
            except ServiceError as exc:
                return f"it sent what is no message: {type(exc).__name__}"

    def _take(self, report: Report) -> None:
        match report:
            case VeiledUnit():
                self._accept(report)
            case StatusReport():
                self._heard_s = time.monotonic()
                self.status, self._counts = report, report.counts
            case FaultReport(reason, began, detail):
                self._fault(reason, began, detail)
            case RateReport(step):
                self.rate_step = step
                said = f"overload: one picture of {step} is shown" if step > 1 else "every picture is shown"
                self._tell_now(EventKind.PHASE, reason=CoverReason.OVERLOAD, ok=step == 1, detail=said)
            case SelfTestReport(ok, detail):
                if ok:
                    self._selftest_ns = time.time_ns()
                self._tell_now(EventKind.SELFTEST, ok=ok, detail=detail)
            case _:
                assert_never(report)

    def _accept(self, unit: VeiledUnit) -> None:
        slate = self.relay.slate
        self.relay.accept(unit)
        if slate is not None and self.relay.slate is None:
            self._fault(CoverReason.WORKER, False, "")
            self._fault(CoverReason.STALLED, False, "")
            loop, size = asyncio.get_running_loop(), self.relay.size
            loop.run_in_executor(None, self._slates.prepare, *size, self.config.shown, self.config.encode)

    def _fault(self, reason: CoverReason, began: bool, detail: str) -> None:
        if reason not in FAULTS or began == (reason in self._faults):
            return
        now_ns = time.time_ns()
        if began:
            self._faults[reason] = now_ns
            self._last_fault = (f"{reason}: {detail}" if detail else str(reason), now_ns)
            self._tell_now(EventKind.FAULT_BEGAN, reason=reason, detail=detail, ok=False)
        else:
            since_ns = self._faults.pop(reason)
            self._tell_now(EventKind.FAULT_ENDED, reason=reason, began_ns=since_ns)

    def _tell_now(
        self,
        kind: EventKind,
        *,
        reason: CoverReason | None = None,
        began_ns: int = 0,
        ok: bool = True,
        detail: str = "",
    ) -> None:
        name = self.config.name
        self._tell(Event(kind, name, time.time_ns(), reason=reason, began_ns=began_ns, ok=ok, detail=detail))

    def tick(self) -> None:
        """Send slates where they are due, and note changes of state; to be called ten times a second."""
        was = self.relay.slate
        self.relay.stall_reason = next((r for r in self._worker_reasons() if r in FAULTS), CoverReason.STALLED)
        self.relay.tick()
        if was is None and self.relay.slate is not None:
            self._fault(CoverReason.STALLED, True, "its process sends nothing")
        self._watch_lateness()
        phase, reasons = self._now()
        if (phase, reasons) != self._phase[:2]:
            self._phase = (phase, reasons, time.time_ns())
        if (phase, reasons) != self._told and time.monotonic() - self._told_s >= 1.0:
            # a state that flickers is told once a second
            self._told, self._told_s = (phase, reasons), time.monotonic()
            text = ", ".join(reasons)
            self._tell_now(EventKind.PHASE, reason=reasons[0] if reasons else None, detail=f"{phase} {text}".strip())

    def _watch_lateness(self) -> None:
        """Report pictures that the veil covered whole because the detector was late as one interval, not one by one."""
        count, now_s = self.relay.whole_by_reason.get(CoverReason.DETECTOR_BEHIND, 0), time.monotonic()
        if count != self._late_count:
            self._late_count, self._late_s = count, now_s
            self._fault(CoverReason.DETECTOR_BEHIND, True, "pictures were not judged in time")
        elif now_s - self._late_s > 1.0:
            self._fault(CoverReason.DETECTOR_BEHIND, False, "")

    def _worker_reasons(self) -> tuple[CoverReason, ...]:
        return self.status.reasons if self.status else ()

    def _now(self) -> tuple[Phase, tuple[CoverReason, ...]]:
        if self._task is None:
            return Phase.STOPPED, ()
        slate, reasons = self.relay.slate, self._worker_reasons()
        if slate is not None:
            return (Phase.STARTING if slate is CoverReason.START else Phase.SLATE), (slate,)
        if reasons:
            return (Phase.STARTING if reasons == (CoverReason.START,) else Phase.COVERED), reasons
        if self.relay.whole is not None:
            starting = self.status is None or self.relay.whole is CoverReason.START
            return (Phase.STARTING if starting else Phase.COVERED), (self.relay.whole,)
        return Phase.VEILED, ()

    def camera_status(self, readers: int) -> CameraStatus:
        """Return what the console shows.

        Args:
            readers: RTSP sessions and viewers now.
        """
        phase, reasons, since_ns = self._phase
        delays = sorted(self.relay.delays_ms)
        return CameraStatus(
            name=self.config.name,
            phase=phase,
            reasons=reasons,
            since_ns=since_ns,
            width=self.relay.size[0] if self.relay.parameters else 0,
            height=self.relay.size[1] if self.relay.parameters else 0,
            counts=self._counts.after(self._before),
            whole_by_reason=tuple(sorted(self.relay.whole_by_reason.items())),
            slates=self.relay.counts.slates,
            readers=readers,
            restarts=self.restarts,
            delay_p50_ms=delays[len(delays) // 2] if delays else 0.0,
            delay_p99_ms=delays[len(delays) * 99 // 100] if delays else 0.0,
            lookahead_ms=self.status.lookahead_ms if self.status else 0.0,
            bitrate_kbps=self.relay.kbps,
            last_fault=self._last_fault[0],
            last_fault_ns=self._last_fault[1],
            last_selftest_ns=self._selftest_ns,
            worker_pid=self.pid,
            rate_step=self.rate_step,
        )


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Do work that is not broken off: who cancels it waits for it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _spawn(theirs: socket.socket) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "passerby.gateway.worker",
        str(os.getpid()),
        str(theirs.fileno()),
        pass_fds=[theirs.fileno()],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | _ENVIRONMENT,
    )
