"""Files that are veiled at once, each in a process of its own, with speed and time left; the others wait in order."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from passerby.config import processes_for

COMMAND = (sys.executable, "-P", "-m", "passerby.desk.jobs.work")
"""Without the current folder among the places where Python looks for modules."""
_END_S = 10.0


class JobPhase(StrEnum):
    """How far a file is."""

    WAITING = "waiting"
    VEILING = "veiling"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class VeilOrder:
    """One file to be veiled.

    Attributes:
        source: The file.
        target: Its output; must not exist.
        tracks: The output's sidecar.
        held: Descriptor that the process needs to find the source, where that is in memory.
    """

    source: Path
    target: Path
    tracks: Path
    held: int | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """What is known of a job.

    Attributes:
        phase: How far it is.
        frames: Done of ``of``; both passes count half.
        of: Frames in all, as far as is known.
        checking: The output stands, and is looked at once more.
        speed: Frames a second.
        left_s: Until it is done, by the speed so far; None where nothing is known.
        faces: Tracks of faces that were found, once it is done.
        notes: Sentences about the output, once it is done.
        error: Why it failed.
        kind: Of error, by its class.
        hint: What helps.
    """

    phase: JobPhase = JobPhase.WAITING
    frames: float = 0.0
    of: int | None = None
    checking: bool = False
    speed: float = 0.0
    left_s: float | None = None
    faces: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""
    kind: str = ""
    hint: str = ""


@dataclass(slots=True, eq=False)
class _VeilJob:
    order: VeilOrder
    state: JobState = field(default_factory=JobState)
    process: subprocess.Popen[str] | None = None
    began_s: float = 0.0
    thread: threading.Thread | None = None


class VeilJobs:
    """Veils files; a context, which ends what still runs and leaves nothing half done.

    Args:
        most: Files at once; None takes what memory and processors allow.
        command: Of one process, which reads an order and tells progress as :mod:`work` does.
        clock: Seconds.
        changed: Called, in a thread of the job, when something was told of it or it is over.
    """

    def __init__(
        self,
        most: int | None = None,
        *,
        command: Sequence[str] = COMMAND,
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._most = most
        self._command, self._clock, self._changed = command, clock, changed
        self._lock = threading.Lock()
        self._jobs: dict[int, _VeilJob] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, order: VeilOrder) -> int:
        """Veil a file as soon as there is a place, and return the job's number."""
        with self._lock:
            number = len(self._jobs) + 1
            self._jobs[number] = _VeilJob(order)
            self._fill()
        return number

    def state(self, number: int) -> JobState:
        """Return what is known of a job.

        Raises:
            LookupError: there is none.
        """
        with self._lock:
            return self._jobs[number].state

    @property
    def busy(self) -> bool:
        """Return whether a file is being veiled, or waits for it."""
        with self._lock:
            return any(job.state.phase in {JobPhase.WAITING, JobPhase.VEILING} for job in self._jobs.values())

    def stop(self, number: int) -> None:
        """Stop a job; nothing of its output is left. One that is over stays as it is.

        Raises:
            LookupError: there is none.
        """
        with self._lock:
            job = self._jobs[number]
            if job.state.phase is JobPhase.WAITING:
                job.state = JobState(JobPhase.STOPPED)
            elif job.state.phase is JobPhase.VEILING and job.process is not None:
                job.state = replace(job.state, phase=JobPhase.STOPPED, left_s=None)
                job.process.terminate()

    def close(self) -> None:
        """Stop everything, and wait until it has ended."""
        with self._lock:
            self._closed = True
            numbers = [*self._jobs]
        for number in numbers:
            self.stop(number)
        for job in self._jobs.values():
            if job.process is not None:
                try:
                    job.process.wait(_END_S)
                except subprocess.TimeoutExpired:
                    job.process.kill()
            if job.thread is not None:
                job.thread.join()

    def _fill(self) -> None:
        """Begin what waits, as far as there are places. Called with the lock held."""
        going = sum(job.state.phase is JobPhase.VEILING for job in self._jobs.values())
        waiting = [job for job in self._jobs.values() if job.state.phase is JobPhase.WAITING]
        if self._closed or not waiting:
            return
        most = self._most or processes_for(going + len(waiting))
        for job in waiting[: max(0, most - going)]:
            self._begin(job, most)

    def _begin(self, job: _VeilJob, among: int) -> None:
        order = job.order
        held = () if order.held is None else (order.held,)
        try:
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", pass_fds=held
            )
        except OSError as exc:
            job.state = JobState(JobPhase.FAILED, error=f"no process can be started: {exc.strerror or exc}")
            return
        job.process, job.began_s, job.state = process, self._clock(), JobState(JobPhase.VEILING)
        named = {
            "source": str(order.source),
            "target": str(order.target),
            "tracks": str(order.tracks),
            "among": among,
            "held": order.held is not None,
        }
        job.thread = threading.Thread(target=self._listen, args=(job, json.dumps(named)), name="veil-job", daemon=True)
        job.thread.start()

    def _listen(self, job: _VeilJob, order: str) -> None:
        process = job.process
        if process is None or process.stdin is None or process.stdout is None:
            return
        try:
            process.stdin.write(order + "\n")
            process.stdin.flush()
            for line in process.stdout:
                self._hear(job, json.loads(line))
                self._changed()
        except (OSError, ValueError):
            process.kill()
        process.stdout.close()
        code = process.wait()
        with suppress(OSError):
            process.stdin.close()
        with self._lock:
            if job.state.phase is JobPhase.VEILING:
                job.state = replace(
                    job.state,
                    phase=JobPhase.FAILED,
                    left_s=None,
                    error=f"the process that veiled it ended ({f'signal {-code}' if code < 0 else f'exit code {code}'})",
                    hint="if memory ran out, veil fewer files at once",
                )
            self._fill()
        self._changed()

    def _hear(self, job: _VeilJob, told: dict[str, Any]) -> None:
        with self._lock:
            if job.state.phase is not JobPhase.VEILING:
                return
            if "veiled" in told:
                made = told["veiled"]
                notes = tuple(str(one) for one in made["notes"])
                job.state = replace(
                    job.state, phase=JobPhase.DONE, checking=False, frames=made["frames"], of=made["frames"], left_s=None,
                    faces=int(made["faces"]), notes=notes,
                )  # fmt: skip
            elif "error" in told:
                job.state = replace(
                    job.state,
                    phase=JobPhase.FAILED,
                    left_s=None,
                    error=str(told["error"]),
                    hint=str(told["hint"]),
                    kind=str(told.get("kind", "")),
                )
            elif "checking" in told:
                job.state = replace(job.state, checking=True, left_s=None)
            else:
                job.state = self._progress(job, float(told["frames"]), told["of"])

    def _progress(self, job: _VeilJob, frames: float, of: int | None) -> JobState:
        took_s = self._clock() - job.began_s
        speed = frames / took_s if took_s > 0 else 0.0
        left_s = (of - frames) / speed if of and speed and of >= frames else None
        return replace(job.state, frames=frames, of=of, speed=speed, left_s=left_s)
