"""What is asked of a bucket, and its answers as errors that readers and writers of files know."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from passerby.errors import StoreError, UnreadableError
from passerby.objects.backend import connect, refusal_of
from passerby.objects.reading import Blocks, KeptBlocks, RangeFile
from passerby.values import digest_bytes, digest_file

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_DIGEST = "passerbysha256"
"""The name under which an object's digest stands with it. Source: letters and digits are what S3, Google and Azure all take."""
_AT_ONCE_BYTES = 32 << 20
"""Up to so many bytes are written on the condition that nothing stands there; more go up in parts, which know no condition."""
_MOST_OPENED = 8


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a store says of an object.

    Attributes:
        size_bytes: Its size.
        version: The store's name of what stands there now (entity tag).
        written_s: When it was written, seconds since 1970.
        digest: That was written with it, or None.
    """

    size_bytes: int
    version: str | None
    written_s: float
    digest: str | None


class Bucket:
    """A bucket of an object store. Safe to use from several threads.

    Args:
        root: Its address.
        backend: The store; None reaches for it by the address.
    """

    def __init__(self, root: str, backend: ObjectStore | None = None) -> None:
        self._root = root
        self._backend = connect(root) if backend is None else backend
        self._kept = KeptBlocks()
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[str, ObjectFacts], Blocks] = OrderedDict()

    def known(self, key: str) -> ObjectFacts:
        """Ask for what is known of an object.

        Raises:
            FileNotFoundError: there is none.
            UnreadableError: it may not be read.
            StoreError: the store does not answer, or refuses.
        """
        with self._asking("read", key):
            found = obstore.get(self._backend, key, options={"head": True})
            meta, digest = found.meta, found.attributes.get(_DIGEST)
            return ObjectFacts(
                meta["size"], meta["e_tag"] or meta["version"], meta["last_modified"].timestamp(), digest
            )

    def first_bytes(self, key: str, most: int) -> bytes:
        """Return the first bytes of an object; errors as of ``known``."""
        try:
            with self._asking("read", key):
                return bytes(obstore.get(self._backend, key, options={"range": (0, most)}).bytes())
        except StoreError:
            if self.known(key).size_bytes:
                raise
            return b""  # an empty object has no range

    def file(self, key: str) -> IO[Any]:
        """Open what stands there now as a file; errors as of ``known``, also when it is read."""
        known = self.known(key)
        place = (key, known)
        with self._lock:
            blocks = self._opened.pop(place, None)
            if blocks is None:
                blocks = Blocks(known.size_bytes, functools.partial(self._fetch, key, known.version), self._kept)
            self._opened[place] = blocks
            while len(self._opened) > _MOST_OPENED:
                self._opened.popitem(last=False)
        return RangeFile(blocks, f"{self._root}/{key}")  # type: ignore[return-value]  # a raw file has all of it

    def keys_below(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield names and sizes of objects, sorted by name; errors as of ``known``."""
        with self._asking("listed", prefix):
            for page in obstore.list(self._backend, prefix=prefix or None, chunk_size=1000):
                yield from ((item["path"], item["size"]) for item in page)

    def write(self, key: str, data: bytes | Path, *, overwrite: bool) -> None:
        """Write an object whole, with its digest.

        Raises:
            FileExistsError: there is one, and it is another.
            StoreError: the store does not answer, or refuses.
        """
        size = len(data) if isinstance(data, bytes) else data.stat().st_size
        digest = digest_bytes(data) if isinstance(data, bytes) else digest_file(data)
        alone = not overwrite and size <= _AT_ONCE_BYTES
        if not overwrite and not alone and self._digest_at(key):
            raise FileExistsError(17, "it exists already", f"{self._root}/{key}")
        try:
            with self._asking("written", key):
                obstore.put(
                    self._backend,
                    key,
                    data,
                    attributes={_DIGEST: digest},
                    mode="create" if alone else "overwrite",
                    use_multipart=False if alone else None,
                )
        except FileExistsError:
            if self._digest_at(key) != digest:  # else the answer to the first attempt was lost
                raise

    def _digest_at(self, key: str) -> str | None:
        """Return the digest of what stands there, or a word where none was written with it; None where nothing is."""
        try:
            return self.known(key).digest or "unknown"
        except FileNotFoundError:
            return None

    def _fetch(self, key: str, version: str | None, start: int, end: int) -> bytes:
        with self._asking("read", key):
            found = obstore.get(self._backend, key, options={"range": (start, end), "if_match": version})
            data = bytes(found.bytes())
        if len(data) != end - start:
            raise UnreadableError(f"{self._root}/{key} is cut off")
        return data

    @contextmanager
    def _asking(self, what: str, key: str) -> Iterator[None]:
        try:
            yield
        except (NotFoundError, FileNotFoundError) as exc:
            if what == "read" and "NoSuchBucket" not in str(exc):
                raise FileNotFoundError(2, "there is no such object", f"{self._root}/{key}") from exc
            self._refuse(what, key, exc)
        except AlreadyExistsError as exc:
            raise FileExistsError(17, "it exists already", f"{self._root}/{key}") from exc
        except PreconditionError as exc:
            raise UnreadableError(
                f"{self._root}/{key} was changed while it was read", hint="repeat the command"
            ) from exc
        except (PermissionDeniedError, UnauthenticatedError) as exc:
            if what == "read":
                said, hint = refusal_of(exc)
                raise UnreadableError(f"{self._root}/{key} cannot be read: {said}", hint=hint) from exc
            self._refuse(what, key, exc)
        except (BaseError, OSError) as exc:
            self._refuse(what, key, exc)

    def _refuse(self, what: str, key: str, exc: Exception) -> NoReturn:
        said, hint = refusal_of(exc)
        raise StoreError(f"{self._root}/{key} cannot be {what}: {said}", hint=hint) from exc
