"""Hands entries to the writer of a log that many gateways share, from a thread of its own, in order.

Nothing leaves the queue before the log's own proof of it is here, so neither side's end loses an entry or doubles one. While
the writer is away everything waits on this machine's disk; how long cameras may run so is the grace time, counted from the oldest
entry that waits, over restarts too.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from passerby.errors import EntryError, RegisterError, StorageError, UsageError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import RegisterConfig
from passerby.gateway.publish.statements import StatedNow, Statements
from passerby.gateway.publish.submission_queue import QUEUE, SubmissionQueue
from passerby.register import Entry, FileSigner, SubmissionClient, VerifierKey, encode_entry

KEY = "gateway.key"
_AT_ONCE = 64
_AT_ONCE_BYTES = 400_000
_RETRY_S = (0.5, 1.0, 2.0, 5.0)
_log = logging.getLogger("passerby.gateway.register")


class SharedLogWriter:
    """This gateway's way to the shared log; a ``RegisterWriter``.

    Args:
        config: With an address.
        statements: Told what is durably on the way, and what of it was refused.
        clock: By which it is counted for how long the register cannot be written.

    Raises:
        RegisterError: queue or key cannot be opened.
        UsageError: the address or the certificates cannot be used.
    """

    def __init__(self, config: RegisterConfig, statements: Statements, clock: Clock = MACHINE) -> None:
        self.dropped = 0
        self.failing_since_s: float | None = None
        self.why = ""
        self._statements, self._clock = statements, clock
        home = config.path / "private"
        self._queue = SubmissionQueue(home / QUEUE)
        signer = own_key(home, config.gateway or socket.gethostname())
        self.key = str(signer.key)
        self.vkey = config.vkey or ""
        self._client = SubmissionClient(config.address or "", signer, VerifierKey.parse(self.vkey), ca=config.ca)
        for now in self._queue.jobs():
            self._statements.remember(now)
        self._waited: dict[int, Future[None]] = {}
        self._wake = threading.Condition()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="register-submitter", daemon=True)
        self._thread.start()

    def put(self, entries: Sequence[Entry], now: StatedNow | None = None) -> Future[None]:
        """Queue entries on disk, as ``RegisterWriter``, and remember what they say: they will be in the log, or be refused."""
        done: Future[None] = Future()
        told = now or StatedNow()
        try:
            spelled = [encode_entry(entry) for entry in entries]
            with self._wake:  # before the entries leave
                last = self._queue.put(spelled, told, self._clock.wall_ns() / 1e9)
                with contextlib.suppress(StorageError):  # what waits in the queue is remembered at the next start
                    self._statements.remember(told)
                self._waited[last] = done
                self._wake.notify_all()
        except RegisterError as exc:
            self.dropped += len(entries)
            if isinstance(exc, StorageError):
                self._failed(exc.message)
            done.set_exception(exc)
        return done

    def failing_s(self) -> float:
        """Return for how long entries wait, as ``RegisterWriter``; 0 while the writer answers."""
        since = self.failing_since_s
        return self._clock.now_s() - since if since is not None else 0.0

    def registered(self, cameras: set[str]) -> set[str]:
        """Return none, as ``RegisterWriter``: what was queued is remembered with it."""
        del cameras
        return set()

    def close(self, timeout_s: float = 5.0) -> None:
        """Hand over what waits, as far as the time allows; the rest stays on disk for the next start."""
        with self._wake:
            self._ending.set()
            self._wake.notify_all()
        self._thread.join(timeout_s)
        self._client.close()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._queue.close()

    def _run(self) -> None:
        tries = 0
        while True:
            try:
                batch = self._head()
                if not batch:
                    return
                self._hand_over(batch)
                tries = 0
                self._sound()
            except (RegisterError, OSError) as exc:
                hint = exc.hint if isinstance(exc, RegisterError) else None
                self._failed(f"{exc} ({hint})" if hint else str(exc))
                if self._ending.wait(_RETRY_S[min(tries, len(_RETRY_S) - 1)]):
                    return
                tries += 1

    def _head(self) -> list[tuple[int, bytes]]:
        """Wait for entries; none come at the end."""
        with self._wake:
            while not (batch := self._queue.head(_AT_ONCE, _AT_ONCE_BYTES)) and not self._ending.is_set():
                self._wake.wait()
            return batch

    def _hand_over(self, batch: list[tuple[int, bytes]]) -> None:
        refused = self._client.submit(self._queue.stream, batch)
        if refused is None:
            numbers = [number for number, _ in batch]
            self._queue.remove(numbers)
            for number in numbers:
                self._answer(number, None)
            return
        job = self._queue.job_of(refused.number)
        self._statements.forget(job.now)  # before it leaves the queue: a crash in between has it refused once more
        self._queue.remove(job.numbers)
        self.dropped += len(job.numbers)
        _log.error("the register refuses an entry: %s", refused.why)
        self._answer(job.numbers[-1], EntryError(refused.why))

    def _answer(self, number: int, error: EntryError | None) -> None:
        with self._wake:
            done = self._waited.pop(number, None)
        if done is None or done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def _failed(self, why: str) -> None:
        if self.failing_since_s is None:
            oldest_s = None
            with contextlib.suppress(StorageError):
                oldest_s = self._queue.oldest_s()
            now_s = self._clock.wall_ns() / 1e9
            self.failing_since_s = self._clock.now_s() - max(0.0, now_s - (now_s if oldest_s is None else oldest_s))
            _log.error("the register cannot be written: %s", why)
        self.why = why

    def _sound(self) -> None:
        if self.failing_since_s is not None:
            self.failing_since_s, self.why = None, ""
            _log.info("the register can be written again")


def own_key(home: Path, name: str) -> FileSigner:
    """Return this gateway's key; made at the first start.

    Raises:
        StorageError: it cannot be read or written.
        FormatError: the file holds no key.
        UsageError: it is another gateway's.
    """
    path = home / KEY
    if not path.exists():
        fresh = FileSigner.fresh(name)
        fresh.save(path)
        _log.warning("this gateway's key for the register: %s", fresh.key)
    signer = FileSigner.load(path)
    if signer.key.name != name:
        raise UsageError(
            f"gateway must be called {signer.key.name} as its key {path} is, got {name}",
            hint="write that name as register: gateway, or remove the key and admit the new one",
        )
    return signer
