"""Where a log's files lie: a directory, or an object store. Every write is whole and durable when it returns.

A directory: write beside, fsync the file, rename, fsync the directory; new directories are fsynced into their parents.
Each call to the system goes through ``Disk``, so that a test can break every one in turn.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from passerby.errors import LockedError, StorageError
from passerby.register.tiles import beyond, tile_path

_TEMPORARY = ".tmp-"


class Source(Protocol):
    """Where a log can be read from."""

    def get(self, path: str) -> bytes | None:
        """Return a file's bytes, or None where there is none.

        Raises:
            StorageError: it cannot be read.
        """

    def __str__(self) -> str: ...


class Store(Source, Protocol):
    """Where a log can be written to."""

    def put_all(self, files: Mapping[str, bytes], *, guard: Callable[[], None] | None = None) -> None:
        """Write files, each whole, replacing what was there; durable when this returns.

        Args:
            files: By path.
            guard: Where writers are kept apart by a lease: called before something else is replaced, to raise if it is lost.

        Raises:
            LockedError: another writer was here.
            StorageError: one of them could not be written; each is then there as before, or as wanted.
        """

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """Write one file that must hold ``old`` before; durable when this returns.

        Raises:
            LockedError: it holds something else: another writer was here.
            StorageError: it could not be written.
        """

    def drop_partials(self, paths: Iterable[str]) -> None:
        """Delete the partial tiles of tiles that are full. Failing to is no error: they are only dead weight."""

    def drop_beyond(self, size: int) -> None:
        """Delete tiles that a log of this size does not have: a batch that was never promised left them.

        Readers never ask for them, and the next batch replaces them; this only keeps the directory free of contradictions.
        """

    def hold(self) -> Hold:
        """Keep other writers out until the hold is let go.

        Raises:
            LockedError: another writer holds the log.
            StorageError: the lock cannot be made.
        """


class Hold(Protocol):
    """The right to write, and to no one else."""

    def check(self) -> None:
        """Raise LockedError if the right is lost."""

    def release(self) -> None:
        """Let the next writer in."""


class Disk:
    """The calls to the system that writing needs."""

    def mkdir(self, path: Path) -> None:
        """Make a directory; it may be there already."""
        path.mkdir(exist_ok=True)

    def create(self, path: Path, mode: int) -> int:
        """Open a fresh file for writing and return its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)

    def write(self, fd: int, data: bytes) -> None:
        """Write all bytes."""
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def fsync(self, fd: int) -> None:
        """Make a file durable."""
        os.fsync(fd)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Put a file in another's place."""
        old.replace(new)

    def sync_directory(self, path: Path) -> None:
        """Make a directory's names durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


class DirectoryStore:
    """A directory on a local disk."""

    def __init__(self, root: Path, *, disk: Disk | None = None, mode: int = 0o644) -> None:
        self._root = root
        self._disk = disk or Disk()
        self._mode = mode
        self._known: set[Path] = set()

    def __str__(self) -> str:
        return str(self._root)

    def get(self, path: str) -> bytes | None:
        """See ``Source.get``."""
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            raise StorageError(f"{self._root / path} cannot be read: {exc.strerror}") from exc

    def put_all(self, files: Mapping[str, bytes], *, guard: Callable[[], None] | None = None) -> None:
        """See ``Store.put_all``."""
        del guard  # the lock of a directory cannot be lost
        try:
            touched = {self._write(self._root / path, data) for path, data in files.items()}
            for directory in sorted(touched):
                self._disk.sync_directory(directory)
        except OSError as exc:
            self._known.clear()
            raise StorageError(f"{self._root} cannot be written: {exc.strerror or exc}") from exc

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """See ``Store.swap``."""
        if self.get(path) != old:
            raise LockedError(f"{self._root / path} was changed by another writer")
        self.put_all({path: new})

    def drop_partials(self, paths: Iterable[str]) -> None:
        """See ``Store.drop_partials``."""
        for path in paths:
            directory = self._root / f"{path}.p"
            shutil.rmtree(directory, ignore_errors=True)
            self._known.discard(directory)

    def drop_beyond(self, size: int) -> None:
        """See ``Store.drop_beyond``."""
        for level, index, keep in beyond(size):
            full = self._root / tile_path(level, index)
            full.unlink(missing_ok=True)
            partials = full.with_name(f"{full.name}.p")
            for path in partials.iterdir() if partials.is_dir() else ():
                if not path.name.isdecimal() or int(path.name) > keep:
                    path.unlink(missing_ok=True)

    def hold(self) -> Hold:
        """See ``Store.hold``."""
        return FileHold(self._root / "lock")

    def _write(self, target: Path, data: bytes) -> Path:
        self._make_directory(target.parent)
        temporary = target.with_name(_TEMPORARY + target.name)
        fd = self._disk.create(temporary, self._mode)
        try:
            self._disk.write(fd, data)
            self._disk.fsync(fd)
        finally:
            self._disk.close(fd)
        self._disk.rename(temporary, target)
        return target.parent

    def _make_directory(self, path: Path) -> None:
        if path in self._known:
            return
        if path != self._root:
            self._make_directory(path.parent)
        if not path.is_dir():
            self._disk.mkdir(path)
        # also where it is there already: an earlier try may have been cut off between the two
        self._disk.sync_directory(path.parent)
        self._known.add(path)


class FileHold:
    """An exclusive ``flock``; the system lets it go when the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise StorageError(f"{path} cannot be made: {exc.strerror}") from exc
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(self._fd)
            raise LockedError(
                f"another writer holds {path.parent}", hint="one process writes a log; let the others go through it"
            ) from exc

    def check(self) -> None:
        """Nothing can take it away."""

    def release(self) -> None:
        """Let the next writer in."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def write_whole(path: Path, data: bytes) -> None:
    """Write one file outside a log, whole and durable, replacing what was there.

    Raises:
        StorageError: it cannot be written; then it is as it was.
    """
    DirectoryStore(path.parent).put_all({path.name: data})


@contextmanager
def as_storage_errors(what: str) -> Iterator[None]:
    """Turn the system's errors into ours, for the few plain file jobs outside a store.

    Raises:
        StorageError: the system said no.
    """
    try:
        yield
    except OSError as exc:
        raise StorageError(f"{what}: {exc.strerror or exc}") from exc
