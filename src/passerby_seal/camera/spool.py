"""Where a camera's packs are written: one file for each bucket, whole up to the last record, whatever happens."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from passerby_seal.camera.hours import hour_number
from passerby_seal.refusals import StorageFullError

PACK, UNFINISHED = ".seal", ".part"
MIN_FREE_BYTES = 64 * 1024 * 1024
"""Below this nothing is sealed: the disk is wanted for other things. A crowd seals some 20 kB a second."""
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def free_bytes(folder: Path) -> int:
    """Return the free space of a folder's disk."""
    return shutil.disk_usage(folder).free


def pack_name(hour: str, bucket: bytes) -> str:
    """Return the name of a bucket's pack.

    >>> pack_name("2026-11-30T10", bytes(2))
    '2026-11-30T10-0000.seal'
    """
    return f"{hour}-{bucket.hex()}{PACK}"


def packed_hour(path: Path) -> int | None:
    """Return the number of the hour since 1970 that a pack holds, by its name; None for a file that is none.

    >>> packed_hour(Path("1970-01-01T02-00ff.seal")), packed_hour(Path("1970-01-01T02-00ff.seal.part")), packed_hour(Path("a"))
    (2, 2, None)
    """
    name = path.name.removesuffix(UNFINISHED)
    hour, dash, rest = name[:13], name[13:14], name[14:]
    if dash != "-" or not rest.endswith(PACK):
        return None
    try:
        return hour_number(hour)
    except ValueError:
        return None


class SpoolFile:
    """The pack that is being written: a sink of records.

    Args:
        folder: Of the camera; made where it is not there.
        name: Of the finished pack.
        free_bytes: Tells the free space below a folder.

    Raises:
        StorageFullError: there is no space, or it cannot be made.
    """

    def __init__(self, folder: Path, name: str, free_bytes: Callable[[Path], int] = free_bytes) -> None:
        self.path, self._finished = folder / f"{name}{UNFINISHED}", folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            free = free_bytes(folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(self.path, flags, 0o640) if free >= MIN_FREE_BYTES else -1
        except OSError as exc:
            raise _refused(exc) from exc
        if self._fd < 0:
            raise StorageFullError(f"faces cannot be kept: {MIN_FREE_BYTES >> 20} MiB must be free, are not")
        self.whole_bytes = 0
        self._closed = False

    def append(self, data: bytes) -> None:
        """Write records; what was not written whole is taken back.

        Raises:
            StorageFullError: they are not there.
        """
        try:
            # one write of the system, so that who reads meanwhile finds whole records
            written = os.write(self._fd, data)
        except OSError as exc:
            self._take_back()
            raise _refused(exc) from exc
        if written != len(data):
            self._take_back()
            raise _refused(OSError(errno.ENOSPC, "no space left"))
        self.whole_bytes += len(data)

    def _take_back(self) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self.whole_bytes)
            os.lseek(self._fd, self.whole_bytes, os.SEEK_SET)

    def sync(self) -> None:
        """Force what was written to the disk.

        Raises:
            StorageFullError: it did not come there.
        """
        try:
            os.fsync(self._fd)
        except OSError as exc:
            raise _refused(exc) from exc

    def finish(self) -> None:
        """Force it to the disk and give it its name; one without a record goes.

        Raises:
            StorageFullError: that is not possible; what was written stays under its unfinished name.
        """
        try:
            if self.whole_bytes:
                os.fsync(self._fd)
                self.path.rename(self._finished)
            else:
                self.path.unlink()
        except OSError as exc:
            raise _refused(exc) from exc
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close a pack that cannot be written on; it stays under its unfinished name, whole up to its last record."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):
                os.close(self._fd)


def _refused(exc: OSError) -> StorageFullError:
    said = "no space left" if exc.errno in _NO_SPACE else (exc.strerror or "write failed")
    return StorageFullError(f"faces cannot be kept: {said}")
