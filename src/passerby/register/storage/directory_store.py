"""A log in a directory of a local disk. Every write is whole and durable when it returns.

Write beside, fsync the file, rename, fsync the directory; new directories are fsynced into their parents. Each call to the
system goes through ``Disk``, so that a test can break every one in turn.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

from passerby.errors import LockedError, StorageError
from passerby.files import flush_folder
from passerby.register.storage.folder import read_regular
from passerby.register.storage.store import Hold, as_storage_errors
from passerby.register.threads import call_together
from passerby.register.tiles import MAX_BUNDLE_BYTES, tile_path, tiles_beyond

_TEMPORARY = ".tmp-"


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
        call_together([partial(os.fsync, fd) for fd in fds])

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Put a file in another's place."""
        old.replace(new)

    def sync_directories(self, paths: Sequence[Path]) -> None:
        """Make the names in directories durable, all at once."""
        call_together([partial(flush_folder, path) for path in paths])


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
        """See ``LogSource.get``."""
        return read_regular(self._root, path, most_bytes=MAX_BUNDLE_BYTES)

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

    def remove(self, path: str) -> None:
        """See ``Store.remove``."""
        full = self._root / path
        partials = full.with_name(f"{full.name}.p")
        with as_storage_errors(f"{full} cannot be deleted"):
            for one in [full, *(partials.iterdir() if partials.is_dir() else ())]:
                one.unlink(missing_ok=True)
            if partials.is_dir():
                partials.rmdir()
                self._known.discard(partials)
            if full.parent.is_dir():
                flush_folder(full.parent)

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
            for level, index, keep in tiles_beyond(size):
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
