"""Files as the readers get them: one on a disk, one held in memory."""

from __future__ import annotations

import functools
import io
import os
from pathlib import Path
from typing import BinaryIO

from passerby.errors import ScanError
from passerby.scan.values import MEMBER
from passerby.values import Digest, digest_bytes, digest_file


def shown_path(path: str) -> str:
    r"""Return a path as it is shown and compared: control characters, surrogates and direction marks are escaped.

    >>> shown_path("a/b\x1b[2J.onnx")
    'a/b\\x1b[2J.onnx'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in path)


def _name(path: str) -> str:
    return path.rpartition(MEMBER)[2].rpartition("/")[2]


class DiskFile:
    """A regular file on a disk; links are not followed.

    Args:
        where: The file.
        path: As it is shown, relative to the target.

    Raises:
        OSError: from each call, when the file cannot be read or is no regular file any more.
    """

    def __init__(self, where: Path, path: str) -> None:
        self._where = where
        self.path = shown_path(path)
        self.name = _name(self.path)
        self.size_bytes = where.lstat().st_size
        self._head = b""

    def head(self, count_bytes: int = 4096) -> bytes:
        """Return the first bytes, fewer where the file ends."""
        if len(self._head) < min(count_bytes, self.size_bytes):
            with self.open() as file:
                self._head = file.read(max(count_bytes, 4096))
        return self._head[:count_bytes]

    def open(self) -> BinaryIO:
        """Return it as a stream that can be read and sought."""
        handle = os.open(self._where, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        return os.fdopen(handle, "rb")

    def read(self, most_bytes: int) -> bytes:
        """Return all of it.

        Raises:
            ScanError: it is longer than ``most_bytes``.
        """
        with self.open() as file:
            data = file.read(most_bytes + 1)
        return _bounded(data, self.path, most_bytes)

    @functools.cached_property
    def _digest(self) -> Digest:
        return digest_file(self._where)

    def digest(self) -> Digest:
        """Return its SHA-256 digest, computed once."""
        return self._digest


class BytesFile:
    """A file that is held in memory, such as a small member of an archive.

    Args:
        data: All of it.
        path: As it is shown, relative to the target.
    """

    def __init__(self, data: bytes, path: str) -> None:
        self._data = data
        self.path = shown_path(path)
        self.name = _name(self.path)
        self.size_bytes = len(data)

    def head(self, count_bytes: int = 4096) -> bytes:
        """Return the first bytes, fewer where the file ends."""
        return self._data[:count_bytes]

    def open(self) -> BinaryIO:
        """Return it as a stream that can be read and sought."""
        return io.BytesIO(self._data)

    def read(self, most_bytes: int) -> bytes:
        """Return all of it.

        Raises:
            ScanError: it is longer than ``most_bytes``.
        """
        return _bounded(self._data, self.path, most_bytes)

    def digest(self) -> Digest:
        """Return its SHA-256 digest."""
        return digest_bytes(self._data)


def _bounded(data: bytes, path: str, most_bytes: int) -> bytes:
    if len(data) > most_bytes:
        raise ScanError(f"file must be at most {most_bytes} bytes to be read whole, got more: {path}")
    return data
