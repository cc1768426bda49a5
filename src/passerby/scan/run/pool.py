"""Processes that read files side by side. One that dies or hangs is replaced, and the file that did it is found out and named."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from passerby.errors import PasserbyError, ScanError
from passerby.scan.files import shown_path
from passerby.scan.run.answers import FileAnswers
from passerby.scan.run.process import GoneError, ReadingProcess
from passerby.scan.run.reading import Job
from passerby.scan.run.settings import ScanSettings
from passerby.scan.values import Unread

_BATCH_FILES, _BATCH_BYTES = 64, 1 << 20
_BYTES_PER_SECOND = 10 << 20
_MOST_GIVEN_UP = 4
"""Files in one archive that may hang or crash a reader before the rest of it is given up."""
_WATCH_S = 0.2


@dataclass(frozen=True, slots=True)
class Done:
    """A job with its answers.

    Attributes:
        job: As it was submitted.
        answers: Of it.
        key: Of its content, empty where that was not computed.
    """

    job: Job
    answers: FileAnswers
    key: bytes


class WorkerPool:
    """Reads jobs in several processes. Answers come in any order.

    Args:
        readers: ``module:NAME`` of them.
        settings: Limits, times, and where answers are kept.
        count: How many processes.
    """

    def __init__(self, readers: str, settings: ScanSettings, count: int) -> None:
        self._jobs: queue.Queue[list[Job] | None] = queue.Queue(count * 2)
        self._done: queue.SimpleQueue[Done | PasserbyError | None] = queue.SimpleQueue()
        self._batch: list[Job] = []
        self._batch_bytes = 0
        self._busy = count
        self._closed = threading.Event()
        self._hands = [_Hand(readers, settings, self._jobs, self._done) for _ in range(count)]
        for hand in self._hands:
            hand.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._closed.wait(_WATCH_S):
            for hand in self._hands:
                hand.end_what_hangs()

    def submit(self, job: Job) -> Iterator[Done]:
        """Hand in a job; yield what is done meanwhile.

        Raises:
            ScanError: the processes cannot be started.
        """
        self._batch.append(job)
        self._batch_bytes += job.size_bytes
        if len(self._batch) >= _BATCH_FILES or self._batch_bytes >= _BATCH_BYTES:
            batch, self._batch, self._batch_bytes = self._batch, [], 0
            yield from self._put(batch)

    def finish(self) -> Iterator[Done]:
        """Yield what is still to come.

        Raises:
            ScanError: the processes cannot be started.
        """
        yield from self._put(self._batch)
        for _ in self._hands:
            yield from self._put(None)
        while self._busy:
            yield from self._taken(self._done.get())

    def close(self) -> None:
        """End all processes at once."""
        self._closed.set()
        for hand in self._hands:
            hand.close()
        with suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()
        for _ in self._hands:  # after all was taken out, so that each finds one
            self._jobs.put(None)
        for hand in self._hands:
            hand.join()

    def _put(self, batch: list[Job] | None) -> Iterator[Done]:
        while True:
            try:
                self._jobs.put(batch, timeout=0.05)
                break
            except queue.Full:
                yield from self._at_hand()
        yield from self._at_hand()

    def _at_hand(self) -> Iterator[Done]:
        while not self._done.empty():
            yield from self._taken(self._done.get())

    def _taken(self, one: Done | PasserbyError | None) -> Iterator[Done]:
        if one is None:
            self._busy -= 1
        elif isinstance(one, PasserbyError):
            raise one
        else:
            yield one


class _Hand(threading.Thread):
    """Gives one process its jobs and takes its answers."""

    def __init__(
        self,
        readers: str,
        settings: ScanSettings,
        jobs: queue.Queue[list[Job] | None],
        done: queue.SimpleQueue[Done | PasserbyError | None],
    ) -> None:
        super().__init__(daemon=True)
        self._settings, self._jobs, self._done = settings, jobs, done
        self._process = ReadingProcess(readers, settings)
        self._closed = False

    def run(self) -> None:
        try:
            while not self._closed and (batch := self._jobs.get()) is not None:
                self._read(deque(batch))
        except PasserbyError as exc:
            self._done.put(exc)
        except Exception as exc:  # noqa: BLE001 - nobody sees a thread end, and files would be missing without a word
            self._done.put(ScanError(f"a thread that hands out files must go on, got {type(exc).__name__}: {exc}"))
        finally:
            self._process.end()
            self._done.put(None)

    def close(self) -> None:
        """End the process; the thread ends by that, or by the next None."""
        self._closed = True
        self._process.kill()

    def end_what_hangs(self) -> None:
        """End the process where the readers take too long; called by another thread."""
        self._process.kill_if_late()

    def _read(self, pending: deque[Job]) -> None:
        while pending and not self._closed:
            sent = 0
            try:
                while pending:
                    while sent < len(pending) and self._process.has_room():
                        self._process.send(pending[sent])
                        sent += 1
                    self._process.allow(self._seconds_for(pending[0]))
                    answers, key = self._process.receive()
                    self._done.put(Done(pending.popleft(), answers, key))
                    sent -= 1
            except GoneError as gone:
                if not self._closed:
                    self._blame(pending, gone)

    def _seconds_for(self, job: Job) -> float:
        return self._settings.file_seconds + job.size_bytes / _BYTES_PER_SECOND

    def _blame(self, pending: deque[Job], gone: GoneError) -> None:
        """Give up the file that was read when the process ended. A crash may come from outside, so it gets a second chance."""
        job = pending.popleft()
        at = gone.at or shown_path(job.path)
        if gone.late:
            reason = f"a reader took longer than {self._seconds_for(job):.0f} seconds for it: given up"
        elif job.tries == 0:
            pending.appendleft(replace(job, tries=1))
            return
        else:
            reason = f"reading it ended the process ({gone.reason}), twice: given up"
        if at in job.given_up or len(job.given_up) == _MOST_GIVEN_UP:
            whole = Unread(shown_path(job.path), f"{reason}, and with it all that is packed in it")
            self._done.put(
                Done(job, FileAnswers(unread=[whole], files=1, size_bytes=job.size_bytes, lasting=False), b"")
            )
            return
        pending.appendleft(replace(job, given_up={**job.given_up, at: reason}, tries=0))
