"""Reading in a folder that somebody else filled: it may hold links out of it, pipes that never end, and devices.

Each part of a path is opened from the folder before it, and none that is a link; only a regular file is read, up to a bound.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from passerby.errors import StorageError


def read_regular(folder: Path, path: str, *, most_bytes: int) -> bytes | None:
    """Read a regular file below a folder that others may fill: no link on the way is followed, nothing else is opened.

    Args:
        folder: It may be reached by a link itself: whoever names it chose it.
        path: Of the file, from there, its parts parted by slashes.
        most_bytes: That are read; a longer file is refused before.

    Returns:
        What is in it; None where nothing stands under that name.

    Raises:
        StorageError: a part of it is a link, a pipe, a device or a socket, it is too long, or the system says no.
    """
    here = folder
    parts = path.split("/")
    try:
        with _opened(folder, os.O_DIRECTORY) as root, ExitStack() as way:
            at = root
            for part in parts[:-1]:
                here /= part
                _refuse_kind(here, part, at, wanted=stat.S_IFDIR)
                at = way.enter_context(_opened(part, os.O_DIRECTORY | os.O_NOFOLLOW, at))
            here /= parts[-1]
            _refuse_kind(here, parts[-1], at, wanted=stat.S_IFREG)
            # between the look and the opening it may have become a pipe or a device: neither may hold this process
            with _opened(parts[-1], os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, at) as handle:
                status = os.fstat(handle)
                if not stat.S_ISREG(status.st_mode):
                    raise _unreadable(here, status.st_mode, stat.S_IFREG)
                if status.st_size > most_bytes:
                    raise StorageError(f"{here} must be at most {most_bytes} bytes, got {status.st_size}")
                return _read_up_to(handle, most_bytes)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise StorageError(f"{here} cannot be read: {exc.strerror}") from exc


def _refuse_kind(path: Path, part: str, folder: int, *, wanted: int) -> None:
    mode = os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_IFMT(mode) == wanted:
        return
    if wanted == stat.S_IFDIR and stat.S_ISREG(mode):
        raise NotADirectoryError
    raise _unreadable(path, mode, wanted)


def _unreadable(path: Path, mode: int, wanted: int) -> StorageError:
    what = {
        stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder",
        stat.S_IFREG: "a file", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    }  # fmt: skip
    return StorageError(
        f"{path} must be a {'folder' if wanted == stat.S_IFDIR else 'file'}, got {what.get(stat.S_IFMT(mode), 'neither')}",
        hint="what others put into a folder is read without following links",
    )


@contextmanager
def _opened(path: Path | str, flags: int, folder: int | None = None) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def _read_up_to(handle: int, most_bytes: int) -> bytes:
    """A file that grows meanwhile, or says nothing of its length as those of /proc do, gives no more either."""
    found = bytearray()
    while len(found) < most_bytes and (piece := os.read(handle, min(1 << 20, most_bytes - len(found)))):
        found += piece
    return bytes(found)
