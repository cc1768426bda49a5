"""A log on an object store (S3, Google, Azure, or memory for tests) through ``obstore``, with conditional writes.

No file lock reaches across machines there. A writer holds a *lease*, an object that names it and the time until which it
counts; it is taken and renewed by swaps that fail if anyone else wrote in between. Clocks may differ: a lease is therefore
only what keeps honest writers apart. What makes a fork impossible is the head, which is swapped too: of two writers that
both believe in their lease, the second fails before it signs.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore as Backend

from passerby.errors import LockedError, StorageError
from passerby.register.tiles.store import Hold
from passerby.register.tiles.together import together
from passerby.register.words import format_instant

if TYPE_CHECKING:
    from obstore import UpdateVersion

LEASE = "lease"
LEASE_S = 60.0
"""Source: longer than a slow batch by far; how long a log stays closed after its writer died without a word."""


class ObjectStore:
    """Files under a prefix of an object store."""

    def __init__(self, backend: Backend, name: str, prefix: str = "") -> None:
        self._backend = backend
        self._name = name
        self._prefix = prefix
        self._doomed: deque[str] = deque()

    def __str__(self) -> str:
        return f"{self._name.rstrip('/')}/{self._prefix}".rstrip("/")

    def beside(self, prefix: str) -> ObjectStore:
        """Return the same store under a longer prefix."""
        return ObjectStore(self._backend, self._name, f"{self._prefix}{prefix}/")

    def get(self, path: str) -> bytes | None:
        """See ``Source.get``."""
        return self._get(path)[0]

    def put_all(self, files: Mapping[str, bytes], *, guard: Callable[[], None] | None = None) -> None:
        """See ``Store.put_all``: an object is there whole or not at all, and the store vouches for it once it answers."""
        together([partial(self._put, guard, path, data) for path, data in files.items()])

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """See ``Store.swap``."""
        found, version = self._get(path)
        if found != old:
            raise LockedError(f"{self}/{path} was changed by another writer")
        self._replace(path, new, version)

    def drop_partials(self, paths: Iterable[str]) -> None:
        """See ``Store.drop_partials``."""
        self._doomed.extend(f"{self._prefix}{path}.p" for path in paths)

    def tidy(self, most: int | None = None) -> None:
        """See ``Store.tidy``; one request deletes a whole tile's, so ``most`` only says whether one or all."""
        while self._doomed:
            prefix = self._doomed.popleft()
            try:
                for page in obstore.list(self._backend, prefix=prefix):
                    obstore.delete(self._backend, [item["path"] for item in page])
            except (BaseError, OSError):
                continue  # dead weight, as the interface says
            if most is not None:
                return

    def drop_beyond(self, size: int) -> None:
        """See ``Store.drop_beyond``: left alone here, where another writer's clock may think that the lease is its own."""

    def hold(self) -> Hold:
        """See ``Store.hold``."""
        return Lease(self)

    def _get(self, path: str) -> tuple[bytes | None, UpdateVersion | None]:
        try:
            found = obstore.get(self._backend, self._prefix + path)
            version: UpdateVersion = {}
            if e_tag := found.meta.get("e_tag"):
                version["e_tag"] = e_tag
            if number := found.meta.get("version"):
                version["version"] = number
            return bytes(found.bytes()), version
        except (NotFoundError, FileNotFoundError):
            return None, None
        except (BaseError, OSError) as exc:
            raise _refusal(f"{self}/{path} cannot be read", exc) from exc

    def _put(self, guard: Callable[[], None] | None, path: str, data: bytes) -> None:
        if guard is None:
            try:
                obstore.put(self._backend, self._prefix + path, data)
            except (BaseError, OSError) as exc:
                raise _refusal(f"{self}/{path} cannot be written", exc) from exc
            return
        found, version = self._get(path)
        if found == data:
            return
        if found is not None:
            guard()  # what is there may be a newer writer's; the swap below fails if it came after this
        self._replace(path, data, version)

    def _replace(self, path: str, data: bytes, version: UpdateVersion | None) -> None:
        """Write what is there in a version, or not there at all."""
        try:
            obstore.put(self._backend, self._prefix + path, data, mode=version or "create")
        except (AlreadyExistsError, PreconditionError) as exc:
            if self.get(path) != data:
                raise LockedError(f"{self}/{path} was changed by another writer") from exc
        except (BaseError, OSError) as exc:
            raise _refusal(f"{self}/{path} cannot be written", exc) from exc


class Lease:
    """The right to write, renewed until it is released."""

    def __init__(self, store: ObjectStore, *, life_s: float = LEASE_S) -> None:
        self._store = store
        self._life_s = life_s
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
            if time.time() > self._until - self._life_s / 2:
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
            except (ValueError, KeyError, TypeError) as exc:
                raise LockedError(f"lease on {self._store} does not parse") from exc
            if until > time.time():
                ends = format_instant(datetime.fromtimestamp(until, UTC).replace(microsecond=0))
                raise LockedError(
                    f"another writer holds {self._store} until {ends}",
                    hint="one process writes a log; a lease of a writer that died runs out by itself",
                )
        self._until = time.time() + self._life_s
        fresh = self._spell(self._until)
        self._store.swap(LEASE, found, fresh)
        return fresh

    def _swap(self, life_s: float | None = None) -> None:
        until = time.time() + (self._life_s if life_s is None else life_s)
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


def _refusal(what: str, error: Exception) -> StorageError:
    """What the store said, in one line, and what to do about it."""
    line, _, rest = str(error).partition("\n")
    said = re.search(r"<Message>([^<]{1,200})</Message>", f"{line}{rest[:2000]}")
    plain = re.sub(r" in [0-9.]+[nµm]?s\b|Generic \w+ error: |<.*", "", line).strip(" :")
    return StorageError(f"{what}: {plain[:300]}{f' ({said[1]})' if said else ''}", hint=_hint(error))


def _hint(error: Exception) -> str:
    text = str(error)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or "169.254.169.254" in text:
        return "give credentials in the environment that may list the bucket, and get, put and delete its objects"
    if isinstance(error, NotFoundError | FileNotFoundError):
        return "make the bucket first"
    if "builder error" in text:
        return "an endpoint with http:// needs AWS_ALLOW_HTTP=true"
    if "redirect" in text:
        return "set the bucket's region, for example AWS_REGION=eu-central-1"
    return "see that the store answers, and that the endpoint in the environment is right"
