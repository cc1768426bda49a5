"""The process that reads files: jobs come in as lines of JSON, answers go out as lines; neither can hold anything that runs.

It is started on the parent's module path and never on the folder that it happens to be in, which may be a target.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from passerby.scan.files import ScanLimits, shown_path
from passerby.scan.run.answers import FileAnswers, answers_to_json
from passerby.scan.run.cache import AnswerCache, binding_of
from passerby.scan.run.reading import FileReader, Job, load_readers

READY, AT, DONE = b"ready", b"at", b"done"
"""What lines begin with: once; before each file in an archive; after each file of the target."""
MOST_DATA_BYTES = 1 << 30
"""Memory of its own; what needs more is named as not read."""
_TELL_S = 1.0


def command_for(readers: str, limits: ScanLimits, keep: Path | None) -> tuple[list[str], Mapping[str, str]]:
    """Return how the process is started: its arguments, and its environment.

    Args:
        readers: ``module:NAME`` of them.
        limits: Bounds of what is unpacked.
        keep: Folder of kept answers, if any.
    """
    binding = binding_of(load_readers(readers), limits).hex() if keep else ""
    told = json.dumps({"readers": readers, "limits": asdict(limits), "keep": str(keep or ""), "binding": binding})
    arguments = [sys.executable, "-P", "-m", "passerby.scan.run.worker", told]
    return arguments, {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


class _Answering:
    """Sends answers, and while one takes long that it goes on, and where.

    Args:
        handle: Where they go.
    """

    def __init__(self, handle: int) -> None:
        self._handle, self._at, self._told_s = handle, "", 0.0

    def ready(self) -> None:
        self._send(READY + b"\n")

    def take(self, job: Job) -> None:
        """Say from now on what this job does."""
        self._at = shown_path(job.path)
        self._told_s = time.monotonic()

    def begin(self, path: str) -> None:
        """Say which file in an archive is read next."""
        if path != self._at:
            self._at = path
            self._tell()

    def clock(self) -> float:
        """Return the time; unpacking asks it again and again, so whoever waits is told that it goes on."""
        now_s = time.monotonic()
        if now_s > self._told_s + _TELL_S:
            self._tell()
        return now_s

    def done(self, answers: FileAnswers, key: bytes) -> None:
        self._send(b"%b %b %b\n" % (DONE, key.hex().encode() or b"-", answers_to_json(answers)))

    def _tell(self) -> None:
        self._told_s = time.monotonic()
        self._send(b"%b %b\n" % (AT, json.dumps(self._at).encode()))

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]


def serve(told: str, jobs: BinaryIO, send: int) -> None:
    """Answer jobs until there are no more.

    Args:
        told: From :func:`command_for`.
        jobs: Lines of :func:`job_line`.
        send: Handle for answers.
    """
    settings = json.loads(told)
    limits = ScanLimits(**settings["limits"])
    keep, binding = settings["keep"], bytes.fromhex(settings["binding"])
    cache = AnswerCache(Path(keep), binding, write=False) if keep else None
    reader = FileReader(load_readers(settings["readers"]), limits, cache)
    answering = _Answering(send)
    answering.ready()
    for line in jobs:
        where, path, size_bytes, given_up = json.loads(line)
        job = Job(where, path, size_bytes, given_up=given_up)
        answering.take(job)
        answering.done(*reader.answer(job, answering.begin, answering.clock))


def job_line(job: Job) -> bytes:
    """Return a job as the process takes it."""
    return json.dumps([job.where, job.path, job.size_bytes, dict(job.given_up)]).encode() + b"\n"


def main(arguments: Sequence[str]) -> None:
    """Run as a process. Whatever else is printed goes to standard error, so that it cannot pass for an answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_DATA_BYTES, MOST_DATA_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    send = os.dup(1)
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError):
        serve(arguments[0], sys.stdin.buffer, send)


if __name__ == "__main__":
    main(sys.argv[1:])
