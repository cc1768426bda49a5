"""The sealing process: it holds the seeds and the piece keys of one camera's hour, and nothing else holds them.

It has no decoder and no network, is not dumpable, and ends with its hour or with the camera's process. It begins with patches
that were cut out elsewhere: a whole frame never comes here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import PasserbyError, SealError
from passerby.media import protect_process
from passerby_seal.camera.crossing import unpack_patches
from passerby_seal.camera.opened_hour import OpenedHour
from passerby_seal.camera.ring import RingReader
from passerby_seal.camera.talk import PLACE, ExitCode, HourCounts, HourOrder, HourReport, RingContent, order_bytes
from passerby_seal.refusals import StorageFullError

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
REPORT_S, BUSY_REPORT_S = 0.5, 0.1
"""The ring holds more than a second, so that it need not be told of every picture that was read."""
NICE = 10
"""Veiling goes first: sealing takes what it leaves, a tenth of a processor that is short. Source: a choice."""
FIRST_KILLED = 1000
"""Where memory is short this process ends, not one that veils. Source: the highest of oom_score_adj, proc(5)."""
_AT_ONCE = 64


def guard_process(parent: int) -> None:
    """Make this process unreadable, without core dumps and behind others in turn, and let it end with its parent.

    Args:
        parent: That one's process number.

    Raises:
        SealError: the system refuses, or the parent is gone; no seed may be made then.
    """
    protection = protect_process()
    if not protection.whole:
        raise SealError("process that seals must be undumpable, got: " + "; ".join(protection.missing))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        raise SealError(f"process that seals must have its parent {parent}, got {os.getppid()}")
    os.nice(NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{FIRST_KILLED}\n", "ascii")


@dataclass(frozen=True, slots=True)
class Pipes:
    """The ends that a sealing process has.

    Attributes:
        orders: Places in the ring come from there.
        reports: Counts go there.
    """

    orders: int
    reports: int


class HourLoop:
    """Takes what lies in the ring, in turn, until told to end.

    Args:
        hour: Seals.
        ring: Where patches lie.
        pipes: To the camera's process.
        order: What it is for.
    """

    def __init__(self, hour: OpenedHour, ring: RingReader, pipes: Pipes, order: HourOrder) -> None:
        self._hour, self._ring, self._pipes = hour, ring, pipes
        self._tree_s = order.tree_s
        self._rest = b""
        self._freed = 0
        self._reported_s = self._tree_at_s = time.monotonic()

    def run(self) -> ExitCode:
        """Seal until told to end, until the bucket takes nothing more, or until nothing can be written."""
        self._report()
        try:
            told = self._until_end()
            self._hour.close()
        except PasserbyError as exc:
            full = isinstance(exc, StorageFullError)
            self._hour.fail(storage=full)
            self._report(told=exc.message)
            return ExitCode.STORAGE if full else ExitCode.FAILED
        self._report(told=told)
        return ExitCode.DONE

    def _until_end(self) -> str:
        """Seal; return why no more goes into this bucket, empty where that was an order. The next process begins another."""
        try:
            while self._step():
                pass
        except StorageFullError:
            raise
        except PasserbyError as exc:
            return exc.message
        return ""

    def _step(self) -> bool:
        """Take what has come; return False where that was the end."""
        ready, _, _ = select.select([self._pipes.orders], [], [], REPORT_S)
        going = not ready or self._take_orders()
        now_s = time.monotonic()
        if going:
            self._hour.tick(time.monotonic_ns())
        if now_s - self._tree_at_s >= self._tree_s:
            self._tree_at_s = now_s
            self._hour.take_tree()
        if now_s - self._reported_s >= (BUSY_REPORT_S if ready else REPORT_S):
            self._report()
        return going

    def _take_orders(self) -> bool:
        data = os.read(self._pipes.orders, _AT_ONCE * PLACE.size)
        self._rest += data
        while len(self._rest) >= PLACE.size:
            position, size_bytes, said = PLACE.unpack_from(self._rest)
            self._rest = self._rest[PLACE.size :]
            if said == RingContent.END:
                return False
            with self._ring.view(position, size_bytes) as view:
                patches = unpack_patches(view)
            self._freed = position + size_bytes
            self._hour.take(patches)
        return bool(data)

    def _report(self, told: str = "") -> None:
        self._reported_s = time.monotonic()
        roots, index = self._hour.take_told()
        line = HourReport(self._freed, self._hour.counts, roots, index, told).to_line()
        while line:
            line = line[os.write(self._pipes.reports, line) :]


Open = Callable[[HourOrder], OpenedHour]


def main(argv: list[str], *, open_hour: Open = OpenedHour, guard: Callable[[int], None] = guard_process) -> int:
    """Run one camera's sealing process for one hour; return its exit code.

    Args:
        argv: The process number of who started it, and the numbers of ring and pipes.
        open_hour: Makes the bucket.
        guard: Protects this process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent, ring_fd, orders, reports = map(int, argv)
    pipes = Pipes(orders, reports)
    try:
        guard(parent)
        order = HourOrder.from_bytes(_read(orders, order_bytes(_read(orders, 4))))
        hour = open_hour(order)
    except PasserbyError as exc:
        with contextlib.suppress(OSError):
            os.write(reports, HourReport(0, HourCounts(), told=exc.message).to_line())
        return ExitCode.STORAGE if isinstance(exc, StorageFullError) else ExitCode.REFUSED
    return HourLoop(hour, RingReader(ring_fd), pipes, order).run()


def _read(fd: int, size_bytes: int) -> bytes:
    data = b""
    while len(data) < size_bytes and (more := os.read(fd, size_bytes - len(data))):
        data += more
    return data
