"""A log on an object store (S3, Google, Azure, or memory for tests) through ``obstore``, with conditional writes.

Writers are kept apart by a lease (see ``lease``): no file lock reaches across machines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PreconditionError,
)
from obstore.store import ObjectStore as Backend

from passerby.errors import LockedError, StorageError
from passerby.objects import refusal_of
from passerby.register.storage.lease import LEASE_S, Lease
from passerby.register.storage.store import Hold
from passerby.register.threads import call_together
from passerby.register.tiles import MAX_BUNDLE_BYTES
from passerby.values import utc_now

if TYPE_CHECKING:
    from obstore import UpdateVersion


class ObjectStore:
    """Files under a prefix of an object store.

    Args:
        backend: The store.
        name: Its address, for messages.
        prefix: With its final slash, or nothing.
        lease_s: How long a writer's lease counts.
        clock: The wall clock, by which a lease ends.
    """

    def __init__(
        self,
        backend: Backend,
        name: str,
        prefix: str = "",
        *,
        lease_s: float = LEASE_S,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._backend = backend
        self._name = name
        self._prefix = prefix
        self._lease_s = lease_s
        self._clock = clock
        self._doomed: deque[str] = deque()

    def __str__(self) -> str:
        return f"{self._name.rstrip('/')}/{self._prefix}".rstrip("/")

    def beside(self, prefix: str) -> ObjectStore:
        """Return the same store under a longer prefix."""
        prefix = f"{self._prefix}{prefix}/"
        return ObjectStore(self._backend, self._name, prefix, lease_s=self._lease_s, clock=self._clock)

    def get(self, path: str) -> bytes | None:
        """See ``LogSource.get``."""
        return self._get(path)[0]

    async def get_async(self, path: str) -> bytes | None:
        """As ``get``; who stops waiting for it hangs up."""
        try:
            found = await obstore.get_async(self._backend, self._prefix + path)
            self._check_size(path, found.meta["size"])
            return bytes(await found.bytes_async())
        except (BaseError, OSError) as exc:
            self._refuse_read(path, exc)
        return None

    def put_all(self, files: Mapping[str, bytes], *, guard: Callable[[], None] | None = None) -> None:
        """See ``Store.put_all``: an object is there whole or not at all, and the store vouches for it once it answers."""
        call_together([partial(self._put, guard, path, data) for path, data in files.items()])

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """See ``Store.swap``."""
        found, version = self._get(path)
        if found != old:
            raise LockedError(f"{self}/{path} was changed by another writer")
        self._replace(path, new, version)

    def remove(self, path: str) -> None:
        """See ``Store.remove``."""
        try:
            found = [
                item["path"] for page in obstore.list(self._backend, prefix=f"{self._prefix}{path}.p") for item in page
            ]
            obstore.delete(self._backend, [*found, f"{self._prefix}{path}"])
        except FileNotFoundError:
            return
        except (BaseError, OSError) as exc:
            raise _refusal(f"{self}/{path} cannot be deleted", exc) from exc

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
        return Lease(self, life_s=self._lease_s, clock=self._clock)

    def _get(self, path: str) -> tuple[bytes | None, UpdateVersion | None]:
        try:
            found = obstore.get(self._backend, self._prefix + path)
            self._check_size(path, found.meta["size"])
            version: UpdateVersion = {}
            if e_tag := found.meta.get("e_tag"):
                version["e_tag"] = e_tag
            if number := found.meta.get("version"):
                version["version"] = number
            return bytes(found.bytes()), version
        except (BaseError, OSError) as exc:
            self._refuse_read(path, exc)
        return None, None

    def _check_size(self, path: str, size: int) -> None:
        if size > MAX_BUNDLE_BYTES:
            raise StorageError(f"{self}/{path} must be at most {MAX_BUNDLE_BYTES} bytes, got {size}")

    def _refuse_read(self, path: str, error: Exception) -> None:
        """Raise what the store refused, in our words, but for an object that is not there."""
        if not isinstance(error, NotFoundError | FileNotFoundError):
            raise _refusal(f"{self}/{path} cannot be read", error) from error

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


def _refusal(what: str, error: Exception) -> StorageError:
    said, hint = refusal_of(error)
    return StorageError(f"{what}: {said}", hint=hint)
