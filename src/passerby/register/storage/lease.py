"""A lease on an object store: the right to write, for a while, to one writer.

No file lock reaches across machines there. A *lease* is an object that names its writer and the time until which it counts;
it is taken and renewed by swaps that fail if anyone else wrote in between. Clocks may differ: a lease is therefore only what
keeps honest writers apart. What makes a fork impossible is the head, which is swapped too: of two writers that both believe
in their lease, the second fails before it signs.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from passerby.errors import LockedError, StorageError
from passerby.register.fields import format_instant
from passerby.register.storage.store import Store
from passerby.values import utc_now

LEASE = "lease"
LEASE_S = 60.0
"""Source: longer than a slow batch by far; how long a log stays closed after its writer died without a word."""


class Lease:
    """The right to write, renewed until it is released.

    Args:
        store: Where the lease lies.
        life_s: How long it counts after it was taken or renewed last.
        clock: The wall clock, by which a lease ends.

    Raises:
        LockedError: another writer holds it.
        StorageError: the store does not answer.
    """

    def __init__(self, store: Store, *, life_s: float = LEASE_S, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._life_s = life_s
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._lost: LockedError | None = None
        self._lock = threading.Lock()
        self._held = self._take()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="register-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise LockedError if the lease is lost; renews one that is old."""
        with self._lock:
            if self._lost:
                raise self._lost
            if self._now() > self._until - self._life_s / 2:
                self._swap()

    def confirm(self) -> None:
        """Raise LockedError if the lease is lost by the store's word, whatever this machine's clock says."""
        with self._lock:
            if self._lost:
                raise self._lost
            self._swap()

    def release(self) -> None:
        """Let the next writer in; where the store does not answer, the lease runs out by itself."""
        self._stop.set()
        self._thread.join()
        with self._lock, suppress(LockedError, StorageError):
            if not self._lost:
                self._swap(life_s=0.0)

    def _take(self) -> bytes:
        found = self._store.get(LEASE)
        if found is not None:
            try:
                until = float(json.loads(found)["until"])
                ends = format_instant(datetime.fromtimestamp(until, UTC))
            except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError) as exc:
                raise LockedError(f"lease on {self._store} does not parse") from exc
            if until > self._now():
                raise LockedError(
                    f"another writer holds {self._store} until {ends}",
                    hint="one process writes a log; a lease of a writer that died runs out by itself",
                )
        self._until = self._now() + self._life_s
        fresh = self._spell(self._until)
        self._store.swap(LEASE, found, fresh)
        return fresh

    def _swap(self, life_s: float | None = None) -> None:
        until = self._now() + (self._life_s if life_s is None else life_s)
        fresh = self._spell(until)
        found = self._store.get(LEASE)
        if found is not None and self._owner.encode() in found:
            self._held = found  # an earlier renewal was done, though its answer was lost
        try:
            self._store.swap(LEASE, self._held, fresh)
        except LockedError as exc:
            self._lost = exc
            raise
        self._held, self._until = fresh, until

    def _now(self) -> float:
        return self._clock().timestamp()

    def _spell(self, until: float) -> bytes:
        return json.dumps({"owner": self._owner, "until": until}).encode()

    def _renew(self) -> None:
        while not self._stop.wait(self._life_s / 4):
            try:
                self.check()
            except LockedError:
                return  # the next ``check`` says so to the writer
            except StorageError:
                continue  # as long as the lease counts there is time to try again; ``check`` says the rest
