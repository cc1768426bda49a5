"""One run of a camera's process: started with one end of a socket pair, greeted, heard, and ended whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence

from passerby.errors import ServiceError
from passerby.gateway.clock import Clock
from passerby.gateway.messages import Order, Report, StatusReport, StopOrder, encode_message, parse_report
from passerby.gateway.supervision.limits import SupervisionLimits
from passerby.gateway.wire import Decoder

COMMAND = (sys.executable, "-m", "passerby.gateway.worker")
"""What is started; the numbers of this process and of the socket follow."""
COMPLAINT_LINES = 20
_READ_BYTES = 256 * 1024
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "1048576", "OMP_NUM_THREADS": "1"}
"""Keeps a camera's process from hoarding freed memory by thread; glibc's own defaults are made for other programs."""


class WorkerProcess:
    """One run of a camera's process.

    Args:
        command: What is started.
        limits: How patient to be.
        clock: For the time since it was heard.
        complaints: Takes the last lines of its standard error; kept by who starts one process after the other.
    """

    def __init__(self, command: Sequence[str], limits: SupervisionLimits, clock: Clock, complaints: deque[str]) -> None:
        self._command, self._limits, self._clock, self._complaints = command, limits, clock, complaints
        self.pid = 0
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._heard_s = 0.0
        self._grace_s = limits.leave_s
        self._leaves_by_s = math.inf

    async def start(self) -> None:
        """Start it. Broken off while it starts, it is ended: a process that nobody knows of must not stay.

        Raises:
            OSError: it cannot be started.
        """
        self._socket, theirs = socket.socketpair()
        spawning = asyncio.ensure_future(_spawn(self._command, theirs))
        try:
            self._process = await asyncio.shield(spawning)
        except OSError:
            self._socket.close()
            raise
        except asyncio.CancelledError:
            self._socket.close()
            process = await spawning
            await self._end(process, asyncio.create_task(self._read_complaints(process)))
            raise
        finally:
            theirs.close()
        self.pid = self._process.pid
        self._heard_s = self._clock.now_s() + self._limits.start_s - self._limits.silent_s

    async def talk(self, greet: Callable[[], Iterable[Order]], take: Callable[[Report], None]) -> str:
        """Greet it and hear it until it ends, or until this is broken off; either way it is gone afterwards.

        Args:
            greet: Returns its first orders, in the moment in which they are sent.
            take: Takes each report; what it refuses with ``ServiceError`` ends the process.

        Returns:
            Why it ended.
        """
        process, sock = self._process, self._socket
        if process is None or sock is None:
            raise ServiceError("process must be started before it is talked to")
        complaining = asyncio.create_task(self._read_complaints(process))
        watching = asyncio.create_task(self._watch(process))
        try:
            reader, self._writer = await asyncio.open_connection(sock=sock)
            for order in greet():
                self.send(order)
            why = await self._hear(reader, take)
        finally:
            watching.cancel()
            try:
                await _to_its_end(self._end(process, complaining))
            finally:
                sock.close()
                await asyncio.gather(watching, return_exceptions=True)
        return f"{why}, exit code {process.returncode}"

    def send(self, order: Order) -> None:
        """Send an order; lost when nobody is there to take it."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode_message(order))

    def tell_to_stop(self) -> None:
        """Ask it to end; it is given the longer time for that, in which it is still heard, and killed then."""
        self._grace_s = self._limits.stop_s
        self._leaves_by_s = min(self._leaves_by_s, self._clock.now_s() + self._limits.stop_s)
        self.send(StopOrder())

    async def _hear(self, reader: asyncio.StreamReader, take: Callable[[Report], None]) -> str:
        decoder = Decoder()
        while True:
            try:
                data = await reader.read(_READ_BYTES)
            except OSError:
                data = b""
            if not data:
                return self._complaints[-1][:200] if self._complaints else "it closed its connection"
            try:
                for message in decoder.feed(data):
                    report = parse_report(message)
                    if isinstance(report, StatusReport):
                        self._heard_s = self._clock.now_s()
                    take(report)
            except ServiceError as exc:
                return f"it sent what is no message: {type(exc).__name__}"

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        while True:
            await asyncio.sleep(self._limits.watch_s)
            now_s = self._clock.now_s()
            gone = now_s - self._heard_s > self._limits.silent_s or now_s > self._leaves_by_s
            if gone and process.returncode is None:
                # SIGKILL also ends a process that was stopped
                process.kill()
                return

    async def _end(self, process: asyncio.subprocess.Process, complaining: asyncio.Task[None]) -> None:
        self.pid = 0
        if process.returncode is None:
            # let it go by itself first: a signal to a process that just ended would lose its exit code
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._grace_s):
                    await process.wait()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await self._hang_up()
        await process.wait()
        # its last words, which may still be on their way; the pipe closes after them
        await asyncio.wait([complaining], timeout=1.0)
        complaining.cancel()
        await asyncio.gather(complaining, return_exceptions=True)
        await asyncio.sleep(0.05)

    async def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _read_complaints(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while line := await process.stderr.read(4096):
            self._complaints.extend(line.decode("utf-8", "replace").splitlines()[-COMPLAINT_LINES:])


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Do work that is not broken off: who cancels it waits for it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _spawn(command: Sequence[str], theirs: socket.socket) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        str(os.getpid()),
        str(theirs.fileno()),
        pass_fds=[theirs.fileno()],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | _ENVIRONMENT,
    )
