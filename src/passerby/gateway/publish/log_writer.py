"""Writes entries to the register from a thread of its own, in order, and knows since when it cannot.

An entry that the log refuses for its form is dropped and counted (it would block all that follow); one that cannot be written
is tried again until it can. A command of the operator that asks for the log gets it, and the writer takes it again afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from passerby.errors import EntryError, RegisterError, StorageError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.publish.statements import StatedNow
from passerby.register import (
    LOOKED_EVERY_S,
    CameraRegistered,
    Entry,
    Log,
    LogReader,
    is_wanted,
    wait_while_wanted,
)

WAITING = 20_000
_RETRY_S = (0.5, 1.0, 2.0, 5.0)
_log = logging.getLogger("passerby.gateway.register")
Job = tuple[list[Entry], "Future[None]"]


class RegisterWriter(Protocol):
    """The way of a gateway's entries into the register: its own log, or a writer that many gateways share.

    Attributes:
        failing_since_s: When it began that the register cannot be written, by the monotonic clock; None where it can.
        why: A sentence about that.
        dropped: Entries that were refused, or found no room.
        vkey: The log's key.
    """

    vkey: str

    failing_since_s: float | None
    why: str
    dropped: int

    def put(self, entries: Sequence[Entry], now: StatedNow | None = None) -> Future[None]:
        """Queue entries; the future is done when they are durable in the log, and fails when they are refused.

        Args:
            entries: In order.
            now: What they say of operator and camera.
        """

    def failing_s(self) -> float:
        """Return for how long the register cannot be written, 0 where it can."""

    def registered(self, cameras: set[str]) -> set[str]:
        """Return those of some cameras that stand in the register though nothing kept says so.

        Raises:
            RegisterError: it cannot be read.
        """

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is queued, as far as the time allows, and let go of the register."""


class LogWriter:
    """The one writer of the log in this process.

    Args:
        path: The log's folder; made where it is missing.
        origin: The log's name, for a new log.
        clock: By which it is counted for how long.

    Raises:
        RegisterError: the log cannot be made or opened.
    """

    def __init__(self, path: Path, origin: str, clock: Clock = MACHINE) -> None:
        self.path, self.dropped = path, 0
        self.failing_since_s: float | None = None
        self.why = ""
        self._clock = clock
        self._jobs: queue.Queue[Job | None] = queue.Queue(WAITING)
        self._ending = threading.Event()
        if not (path / "private").is_dir():
            Log.create(path, origin=origin).close()
        self._held: Log | None = Log.open(path)
        self.vkey = str(self._held.key)
        if self._held.origin != origin:
            found = self._held.origin
            self._held.close()
            raise StorageError(f"register at {path} must be the log {origin}, is {found}")
        self._thread = threading.Thread(target=self._run, name="register-link", daemon=True)
        self._thread.start()

    def put(self, entries: Sequence[Entry], now: StatedNow | None = None) -> Future[None]:
        """Queue entries in memory, as ``RegisterWriter``; who puts them remembers what they say when they are in the log."""
        del now
        done: Future[None] = Future()
        try:
            self._jobs.put_nowait((list(entries), done))
        except queue.Full:
            self.dropped += len(entries)
            done.set_exception(StorageError(f"register must take entries, {WAITING} are waiting"))
        return done

    def failing_s(self) -> float:
        """Return for how long the log cannot be written, 0 where it can."""
        since = self.failing_since_s
        return self._clock.now_s() - since if since is not None else 0.0

    def registered(self, cameras: set[str]) -> set[str]:
        """Look through the log, as ``RegisterWriter``."""
        if not cameras:
            return set()
        with contextlib.closing(LogReader.open(self.path)) as reader:
            entries = (entry for entry in reader.entries() if isinstance(entry, CameraRegistered))
            return {entry.camera for entry in entries if entry.camera in cameras}

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is queued and let go of the log; what cannot be written within the time is lost, and shows as silence."""
        with contextlib.suppress(queue.Full):
            self._jobs.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)
        self._ending.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                job = self._jobs.get(timeout=LOOKED_EVERY_S)
            except queue.Empty:
                self._lend()
                continue
            if job is None:
                break
            self._lend()
            self._write(*job)
        if self._held is not None:
            self._held.close()
            self._held = None

    def _lend(self) -> None:
        if not is_wanted(self.path):
            return
        if self._held is not None:
            with contextlib.suppress(RegisterError, OSError):
                self._held.close()
            self._held = None
        wait_while_wanted(self.path)

    def _write(self, entries: list[Entry], done: Future[None]) -> None:
        tries = 0
        while True:
            try:
                if self._held is None:
                    self._held = Log.open(self.path)
                self._held.append_many(entries, public_text=True)  # who wrote city.yml was asked
            except EntryError as exc:
                self.dropped += len(entries)
                _log.error("the register refuses an entry: %s", exc.message)
                done.set_exception(exc)
                return
            except (RegisterError, OSError) as exc:
                self._failed(str(exc))
                if self._ending.wait(_RETRY_S[min(tries, len(_RETRY_S) - 1)]):
                    done.set_exception(StorageError("register could not be written before the end"))
                    return
                tries += 1
                continue
            self._sound()
            done.set_result(None)
            return

    def _failed(self, why: str) -> None:
        if self._held is not None:
            with contextlib.suppress(RegisterError, OSError):
                self._held.close()
            self._held = None
        if self.failing_since_s is None:
            self.failing_since_s = self._clock.now_s()
            _log.error("the register cannot be written: %s", why)
        self.why = why

    def _sound(self) -> None:
        if self.failing_since_s is not None:
            self.failing_since_s, self.why = None, ""
            _log.info("the register can be written again")
