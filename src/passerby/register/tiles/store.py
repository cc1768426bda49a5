"""Where a log's files lie: a directory, or an object store. Every write is whole and durable when it returns.

A directory: write beside, fsync the file, rename, fsync the directory; new directories are fsynced into their parents.
Each call to the system goes through ``Disk``, so that a test can break every one in turn.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

from passerby.errors import LockedError, StorageError
from passerby.register.tiles.tiles import beyond, tile_path
from passerby.register.tiles.together import together

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
        """Mark the partial tiles of tiles that are full for ``tidy``."""

    def tidy(self, most: int | None = None) -> None:
        """Delete what was marked, ``most`` files at a time or all. Failing to is no error: they are only dead weight."""

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
        """Raise LockedError if the right is lost, as far as is known here."""

    def confirm(self) -> None:
        """Raise LockedError if the right is lost, asking anew.

        Raises:
            StorageError: nobody answers.
        """

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

    def fsync_all(self, fds: Sequence[int]) -> None:
        """Make files durable, all at once: the file system's journal is then written once for all of them.

        Source: two files and their two directories on ext4: a third of the time of one after the other (bench/register.py).
        """
        together([partial(os.fsync, fd) for fd in fds])

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Put a file in another's place."""
        old.replace(new)

    def sync_directories(self, paths: Sequence[Path]) -> None:
        """Make the names in directories durable, all at once."""
        together([partial(_sync_directory, path) for path in paths])


class DirectoryStore:
    """A directory on a local disk."""

    def __init__(self, root: Path, *, disk: Disk | None = None, mode: int = 0o644) -> None:
        self._root = root
        self._disk = disk or Disk()
        self._mode = mode
        self._known: set[Path] = set()
        self._doomed: deque[Path] = deque()

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
        targets = [self._root / path for path in files]
        staged: list[int] = []
        try:
            for target, data in zip(targets, files.values(), strict=True):
                self._make_directory(target.parent)
                staged.append(self._disk.create(_beside(target), self._mode))
                self._disk.write(staged[-1], data)
            self._disk.fsync_all(staged)
            for target in targets:
                self._disk.rename(_beside(target), target)
            self._disk.sync_directories(sorted({target.parent for target in targets}))
        except OSError as exc:
            self._known.clear()
            _clear(targets)
            what = targets[0] if len(targets) == 1 else self._root
            raise StorageError(f"{what} cannot be written: {exc.strerror or exc}") from exc
        finally:
            for fd in staged:
                self._disk.close(fd)

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """See ``Store.swap``."""
        if self.get(path) != old:
            raise LockedError(f"{self._root / path} was changed by another writer")
        self.put_all({path: new})

    def drop_partials(self, paths: Iterable[str]) -> None:
        """See ``Store.drop_partials``."""
        self._doomed.extend(self._root / f"{path}.p" for path in paths)

    def tidy(self, most: int | None = None) -> None:
        """See ``Store.tidy``."""
        while self._doomed and (most is None or most > 0):
            directory = self._doomed[0]
            names = list(islice(directory.iterdir(), most)) if directory.is_dir() else []
            try:
                for path in names:
                    path.unlink()
                if len(names) != most:
                    directory.rmdir()
            except OSError:
                names = []  # a reader's folder or a stray file: it stays
            if len(names) != most:
                self._known.discard(self._doomed.popleft())
            most = None if most is None else most - len(names)

    def drop_beyond(self, size: int) -> None:
        """See ``Store.drop_beyond``."""
        with as_storage_errors(f"{self._root} cannot be put in order"):
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

    def _make_directory(self, path: Path) -> None:
        if path in self._known:
            return
        if path != self._root:
            self._make_directory(path.parent)
        if not path.is_dir():
            self._disk.mkdir(path)
        # also where it is there already: an earlier try may have been cut off between the two
        self._disk.sync_directories([path.parent])
        self._known.add(path)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _beside(target: Path) -> Path:
    return target.with_name(_TEMPORARY + target.name)


def _clear(targets: Iterable[Path]) -> None:
    """Half-written files would keep a full disk full."""
    for target in targets:
        with suppress(OSError):
            _beside(target).unlink()


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

    def confirm(self) -> None:
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
