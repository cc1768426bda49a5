"""The address of an object as a path, so that whatever reads a file reads an object too."""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from passerby.errors import UnreadableError, UsageError

if TYPE_CHECKING:
    from passerby.objects.bucket import Bucket

    _Here = Path
else:
    _Here = type(Path())

_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "memory"})
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


def is_address(place: str) -> bool:
    """Say whether a text is the address of something on an object store.

    >>> is_address("s3://bucket/folder/"), is_address("folder/a.mp4"), is_address("rtsp://camera/1")
    (True, False, False)
    """
    found = _ADDRESS.match(place)
    return found is not None and found[1].lower() in _SCHEMES


class StoredPath(_Here):
    """The address of an object; nothing but reading, looking and writing whole works on it."""

    def __str__(self) -> str:
        return f"{self.bucket_url}/{self.key}".rstrip("/")

    def __repr__(self) -> str:
        return f"StoredPath({str(self)!r})"

    def __fspath__(self) -> str:
        """Refuse to be taken for a file of this machine."""
        raise TypeError(f"{self} is no file of this machine")

    @property
    def key(self) -> str:
        """What the store calls it, without its bucket."""
        return "/".join(self.parts[2:])

    def open(self, mode: str = "r", *_: object, **__: object) -> IO[Any]:  # type: ignore[override]
        """Open the object for reading; ``rb`` is the only mode.

        Raises:
            FileNotFoundError: there is none.
            UnreadableError: it may not be read.
            StoreError: the store does not answer, or refuses.
        """
        if mode != "rb":
            raise ValueError(f"an object is opened with 'rb', got {mode!r}")
        return self._bucket.file(self.key)

    def first_bytes(self, most: int) -> bytes:
        """Return the first bytes, in one request.

        Raises:
            UnreadableError: there is no such object, or it may not be read.
            StoreError: the store does not answer, or refuses.
        """
        try:
            return self._bucket.first_bytes(self.key, most)
        except FileNotFoundError as exc:
            raise UnreadableError(f"there is no object {self}") from exc

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002 - the base class's signature
        """Say how large it is, and when it was written.

        Raises:
            FileNotFoundError: there is none.
            StoreError: the store does not answer, or refuses.
        """
        known = self._bucket.known(self.key)
        when = int(known.written_s)
        return os.stat_result((stat.S_IFREG | 0o400, 0, 0, 1, 0, 0, known.size_bytes, when, when, when))

    def exists(self, **_: object) -> bool:
        """Say whether there is such an object."""
        try:
            self._bucket.known(self.key)
        except FileNotFoundError:
            return False
        return True

    def is_file(self, **_: object) -> bool:
        """Say whether there is such an object."""
        return self.exists()

    def is_dir(self, **_: object) -> bool:
        """Say whether there are objects below it."""
        return next(self.below(), None) is not None

    def resolve(self, strict: bool = False) -> Self:  # noqa: ARG002 - the base class's signature
        """Return itself: an address has no other names."""
        return self

    def version_and_digest(self) -> tuple[str | None, str | None]:
        """Return the store's name of the present version, and the digest that was written with it, each where there is one.

        Raises:
            FileNotFoundError: there is none.
            StoreError: the store does not answer, or refuses.
        """
        known = self._bucket.known(self.key)
        return known.version, known.digest

    def below(self) -> Iterator[Self]:
        """Yield the objects below it, sorted by name; what a store's console makes in place of a folder is none.

        Raises:
            StoreError: the store does not answer, or refuses.
        """
        prefix = f"{self.key}/" if self.key else ""
        for key, size_bytes in self._bucket.keys_below(prefix):
            found = self.joinpath(key.removeprefix(prefix))
            if size_bytes or (key != self.key and found.exists()):
                yield found

    def write_atomic(self, data: bytes | Path, *, overwrite: bool) -> None:
        """Write an object, which is there whole or not at all.

        Args:
            data: What is in it, or the file that holds it.
            overwrite: Replace one that is there.

        Raises:
            UsageError: there is one.
            StoreError: the store does not answer, or refuses.
        """
        try:
            self._bucket.write(self.key, data, overwrite=overwrite)
        except FileExistsError as exc:
            message = f"output exists already: {self}"
            raise UsageError(message, hint="add --overwrite, or choose another name") from exc

    @property
    def bucket_url(self) -> str:
        """The address of its bucket."""
        return f"{self.parts[0]}//{self.parts[1]}"

    @property
    def _bucket(self) -> Bucket:
        return _opened(self.bucket_url)


@functools.cache
def _opened(root: str) -> Bucket:
    from passerby.objects.bucket import Bucket  # most commands reach for no store, and need not load its client

    return Bucket(root)


def place_named(text: str | Path) -> Path:
    """Return what a person means by a place: the address of an object, or a path of this machine.

    Raises:
        UsageError: an address names no bucket, or no object can have it.

    >>> place_named("s3://bucket/a b/c.mp4").name, place_named("folder/c.mp4").name
    ('c.mp4', 'c.mp4')
    """
    if isinstance(text, Path):
        return text
    if not is_address(text):
        return Path(text)
    scheme, _, rest = text.partition("://")
    bucket, *names = rest.rstrip("/").split("/")
    if ":" in bucket:  # what stands before it is not said: it would be in logs
        raise UsageError(
            f"an address must hold no key and no password, got one of {scheme.lower()}://",
            hint="credentials come from the environment",
        )
    if not bucket or not all(names) or {".", ".."} & set(names):
        raise UsageError(f"an address must be like s3://bucket/folder/name, without empty parts, got {text}")
    return StoredPath(f"{scheme.lower()}:", bucket, *names)
