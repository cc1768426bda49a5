"""Files as the readers get them: one on a disk, one held in memory."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from passerby.errors import ScanError
from passerby.scan.values import MEMBER, TargetFile
from passerby.values import Digest, digest_bytes

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_KEPT_BYTES = 1 << 16
"""So much is kept once it was read: most source files are shorter, and are then opened once."""
_SHOWN_CHARACTERS = 2000


def shown_path(path: str) -> str:
    r"""Return a path as it is shown and compared: control characters, surrogates and direction marks are escaped.

    One of more than 2000 characters is shortened in its middle, so that its end still says what sort of file it is.

    >>> shown_path("a/b\x1b[2J.onnx")
    'a/b\\x1b[2J.onnx'
    """
    if len(path) > _SHOWN_CHARACTERS:
        path = f"{path[: _SHOWN_CHARACTERS // 2]}…{path[-_SHOWN_CHARACTERS // 2 :]}"
    if path.isprintable():
        return path
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in path)


def file_name(path: str) -> str:
    """Return the last part of a path of a target.

    >>> file_name("a.zip!/b/c.onnx"), file_name("a/b.zip")
    ('c.onnx', 'b.zip')
    """
    return path.rpartition(MEMBER)[2].rpartition("/")[2]


def read_bounded(file: TargetFile, most_bytes: int) -> bytes:
    """Return all of a file.

    Raises:
        ScanError: it is longer than ``most_bytes``.
    """
    with file.open() as stream:
        data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ScanError(f"file must be at most {most_bytes} bytes to be read whole, got more: {file.path}")
    return data


def stream_digest(stream: BinaryIO, size_bytes: int) -> Digest:
    """Return the SHA-256 digest of a stream; of one that has grown, of so many bytes."""
    state = hashlib.sha256()
    while size_bytes > 0 and (piece := stream.read(min(1 << 20, size_bytes))):
        state.update(piece)
        size_bytes -= len(piece)
    return Digest("sha256:" + state.hexdigest())


class DiskFile:
    """A regular file on a disk; links are not followed.

    Args:
        where: The file.
        path: As it is shown, relative to the target.

    Raises:
        OSError: from each call, when the file cannot be read or is no regular file any more.
    """

    def __init__(self, where: Path | str, path: str) -> None:
        self._where = where
        self.path = shown_path(path)
        self.name = file_name(self.path)
        status = os.lstat(where)
        _check_regular(status)
        self.size_bytes = status.st_size
        self._start: bytes | None = None

    def head(self, count_bytes: int = 4096) -> bytes:
        """Return the first bytes, fewer where the file ends."""
        start = self._read_start()
        if count_bytes <= len(start) or len(start) < _KEPT_BYTES:
            return start[:count_bytes]
        with self.open() as file:
            return file.read(count_bytes)

    def _read_start(self) -> bytes:
        if self._start is None:
            handle = os.open(self._where, _FLAGS)
            try:
                _check_regular(os.fstat(handle))
                self._start = os.read(handle, _KEPT_BYTES)
            finally:
                os.close(handle)
        return self._start

    def open(self) -> BinaryIO:
        """Return it as a stream that can be read and sought."""
        if self._start is not None and len(self._start) == self.size_bytes < _KEPT_BYTES:
            return io.BytesIO(self._start)
        handle = os.open(self._where, _FLAGS)
        try:
            _check_regular(os.fstat(handle))
            return os.fdopen(handle, "rb")
        except BaseException:
            os.close(handle)
            raise

    def read(self, most_bytes: int) -> bytes:
        """Return all of it.

        Raises:
            ScanError: it is longer than ``most_bytes``.
        """
        if self.size_bytes < _KEPT_BYTES and self.size_bytes <= most_bytes:
            start = self._read_start()
            if len(start) == self.size_bytes:
                return start
        return read_bounded(self, most_bytes)

    @functools.cached_property
    def _digest(self) -> Digest:
        with self.open() as file:
            return stream_digest(file, self.size_bytes)

    def digest(self) -> Digest:
        """Return its SHA-256 digest, computed once."""
        return self._digest


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is no regular file any more")


class BytesFile:
    """A file that is held in memory, such as a small member of an archive.

    Args:
        data: All of it.
        path: As it is shown, relative to the target.
    """

    def __init__(self, data: bytes, path: str) -> None:
        self._data = data
        self.path = shown_path(path)
        self.name = file_name(self.path)
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
        return read_bounded(self, most_bytes)

    @functools.cached_property
    def _digest(self) -> Digest:
        return digest_bytes(self._data)

    def digest(self) -> Digest:
        """Return its SHA-256 digest, computed once."""
        return self._digest
