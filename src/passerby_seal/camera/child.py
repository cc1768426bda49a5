"""One run of a sealing process, seen from the camera's process: started, given patches, heard, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from passerby_seal.camera.hours import HourTimes
from passerby_seal.camera.ring import PatchRing
from passerby_seal.camera.talk import PLACE, HourCounts, HourOrder, HourReport, Lines, RingContent
from passerby_seal.refusals import SealFormatError

COMMAND = (sys.executable, "-P", "-m", "passerby_seal.camera")
"""What is started, never from the folder in which the gateway runs; the numbers of this process, ring and pipes follow."""
_READ_BYTES = 64 * 1024
_KEPT = ("PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


class HourProcess:
    """One run of a sealing process. Start it in a thread that lives as long as this process: it dies with that thread.

    Args:
        order: What it is for.
        ring_bytes: Of the memory shared with it.
        command: What is started.

    Attributes:
        times: How it puts frames into its hour.
        counts: What it reported last.
        sent: Faces given to it.
        told: What it said last for people.
        ended: It has closed its pipe: nothing more comes.
        given_up: Nothing is given to it any more.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, order: HourOrder, ring_bytes: int, command: Sequence[str] = COMMAND) -> None:
        self.times = HourTimes(order.hour, order.offset_ns)
        self.counts, self.sent, self.told = HourCounts(), 0, ""
        self.ended = self.given_up = False
        self._ring = PatchRing(ring_bytes)
        self._lines = Lines()
        theirs_in, self._orders = os.pipe()
        self.reports, theirs_out = os.pipe()
        given = (self._ring.fd, theirs_in, theirs_out)
        try:
            self._process = subprocess.Popen(
                [*command, str(os.getpid()), *map(str, given)],
                pass_fds=given,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _KEPT if name in os.environ} | _ENVIRONMENT,
            )
        except OSError:
            self._ring.close()
            os.close(self._orders)
            os.close(self.reports)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        os.set_blocking(self._orders, False)
        os.set_blocking(self.reports, False)
        self._write(order.to_bytes())

    @property
    def pid(self) -> int:
        """Return its process number."""
        return self._process.pid

    def _write(self, data: bytes) -> bool:
        try:
            return os.write(self._orders, data) == len(data)
        except (BlockingIOError, BrokenPipeError):
            return False

    def reserve(self, size_bytes: int) -> tuple[int, memoryview] | None:
        """Return a position and memory for a frame's patches, or None where it is behind."""
        return self._ring.reserve(size_bytes)

    def send(self, position: int, size_bytes: int, faces: int) -> bool:
        """Say that a frame's patches lie where ``reserve`` gave room; return False where it is too far behind. Never waits."""
        sent = self._write(PLACE.pack(position, size_bytes, RingContent.FRAME))
        if sent:
            # what it was not told of it never frees: the next frame goes there
            self._ring.commit(position, size_bytes)
            self.sent += faces
        return sent

    def end(self) -> None:
        """Let it close its pieces and end."""
        self._write(PLACE.pack(0, 0, RingContent.END))

    def hear(self) -> list[HourReport]:
        """Return what it has said since the last time; ``ended`` is true after the last."""
        heard = []
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.reports, _READ_BYTES):
                try:
                    heard += [HourReport.from_line(line) for line in self._lines.feed(data)]
                except SealFormatError:
                    self.kill()
            self.ended = True
        for report in heard:
            self._ring.free(report.freed)
            self.counts, self.told = report.counts, report.told
        return heard

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)

    def close(self) -> int:
        """Let go of what was shared with it, now that it has closed its pipe and is given up; return its exit code."""
        self.kill()
        code = self._process.wait()
        self._ring.close()
        os.close(self._orders)
        os.close(self.reports)
        return code
