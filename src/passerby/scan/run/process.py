"""One process that reads files, as the scan sees it: started when it is needed, and anew after it is gone."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO

from passerby.errors import ScanError
from passerby.scan.run.answers import FileAnswers, answers_from_json
from passerby.scan.run.reading import Job
from passerby.scan.run.settings import ScanSettings
from passerby.scan.run.worker import AT, DONE, READY, command_for, job_line

_ROOM_BYTES = 32 << 10
"""Of jobs on the way: less than any pipe holds, so that neither side waits for the other."""
_START_S = 60.0
_MOST_LINE_BYTES = 256 << 20


class GoneError(Exception):
    """The process is no more.

    Args:
        reason: What ended it.
        at: The file in an archive that was read; empty where it was the file of the target.
        late: It was ended because it took too long.
    """

    def __init__(self, reason: str, at: str, *, late: bool) -> None:
        super().__init__(reason)
        self.reason, self.at, self.late = reason, at, late


class ReadingProcess:
    """A process that answers jobs in their order.

    Args:
        readers: ``module:NAME`` of them.
        settings: Limits, and where answers are kept.
    """

    def __init__(self, readers: str, settings: ScanSettings) -> None:
        self._command = command_for(readers, settings.limits, settings.keep)
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._lock = threading.Lock()
        self._on_the_way: list[int] = []
        self._at, self._late, self._killed = "", False, False
        self._allowed_s = _START_S
        self._until_s: float | None = None

    def has_room(self) -> bool:
        """Return whether one more job may be sent without waiting."""
        return not self._on_the_way or sum(self._on_the_way) < _ROOM_BYTES

    def send(self, job: Job) -> None:
        """Send a job; :meth:`receive` tells of a process that is gone.

        Raises:
            ScanError: it cannot be started.
        """
        process = self._started()
        line = job_line(job)
        self._on_the_way.append(len(line))
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.write(line)
                process.stdin.flush()

    def allow(self, seconds: float) -> None:
        """Say how long it may be silent from now on."""
        self._allowed_s = seconds
        self._until_s = time.monotonic() + seconds

    def receive(self) -> tuple[FileAnswers, bytes]:
        """Return the answers to the first job that has none yet, and the key of its content.

        Raises:
            GoneError: the process ended first.
        """
        while True:
            word, rest = self._line()
            try:
                if word == AT:
                    self._at = str(json.loads(rest))
                    self.allow(self._allowed_s)
                    continue
                if word == DONE:
                    key, _, data = rest.partition(b" ")
                    answered = answers_from_json(data), b"" if key == b"-" else bytes.fromhex(key.decode())
                    self._on_the_way.pop(0)
                    self._at, self._until_s = "", None
                    return answered
            except ValueError as exc:  # what it sends is no answer: it is as good as gone
                raise self._gone() from exc
            raise self._gone()

    def kill_if_late(self) -> None:
        """End it where it was silent for too long; called by another thread."""
        until_s = self._until_s
        if until_s is not None and time.monotonic() > until_s:
            self._late = True
            self._kill()

    def kill(self) -> None:
        """End it at once and for good; called by another thread."""
        self._killed = True
        self._kill()

    def end(self) -> None:
        """Let it end, since no more jobs come."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
            process.kill()
            process.wait()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        self._on_the_way.clear()
        self._at, self._until_s, self._late = "", None, False

    def _kill(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def _line(self) -> tuple[bytes, bytes]:
        if self._process is None or self._process.stdout is None:
            return b"", b""
        line = self._process.stdout.readline(_MOST_LINE_BYTES)
        if not line.endswith(b"\n"):
            return b"", b""
        word, _, rest = line.rstrip(b"\n").partition(b" ")
        return word, rest

    def _gone(self) -> GoneError:
        at, late = self._at, self._late
        code = 0
        if self._process is not None:
            self._process.kill()
            code = self._process.wait()
        self.end()
        return GoneError(_ending(code), at, late=late)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None:
            return self._process
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        arguments, environment = self._command
        with self._lock:
            if self._killed:
                raise GoneError("ended", "", late=False)
            self._process = process = subprocess.Popen(
                arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        self.allow(_START_S)
        if self._line()[0] != READY:
            self._errors.seek(0)
            said = self._errors.read()[-2000:].decode("utf-8", "replace").strip().rpartition("\n")[2]
            gone = self._gone()
            if self._killed:
                raise gone
            raise ScanError(f"a process that reads files must start, got: {said or gone.reason}")
        self._until_s = None
        return process


def _ending(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
