"""Reads parts of a binary within bounds: nothing outside the file, nothing without end."""

from __future__ import annotations

import struct
from typing import BinaryIO

MOST_BYTES = 512 << 20
"""What may be read of one binary, over all its parts. Source: a choice; symbol tables of the largest libraries take 100 MB."""
MOST_TABLE_BYTES = 128 << 20
"""The longest single table."""
MOST_NAME_BYTES = 4096
"""The longest name. Source: a choice; mangled C++ names are rarely longer than 1,000."""


class BinaryFaultError(Exception):
    """A part of a binary cannot be read; the message says which, without a full stop."""


class Window:
    """A binary, or one slice of it.

    Args:
        file: Can be read and sought.
        size_bytes: How long the slice is.
        start: Where it begins.
    """

    def __init__(self, file: BinaryIO, size_bytes: int, start: int = 0) -> None:
        self._file, self.size_bytes, self._start = file, size_bytes, start
        self._left_bytes = MOST_BYTES

    def at(self, offset: int, count_bytes: int, what: str = "it") -> bytes:
        """Return bytes of a known place.

        Raises:
            BinaryFaultError: the file ends before them, or too much was read.
        """
        if offset < 0 or count_bytes < 0 or offset + count_bytes > self.size_bytes:
            raise BinaryFaultError(f"{what} lies outside the file, which is cut off or wrong")
        if count_bytes > MOST_TABLE_BYTES:
            raise BinaryFaultError(f"{what} is longer than {MOST_TABLE_BYTES} bytes and was not read")
        self._left_bytes -= count_bytes
        if self._left_bytes < 0:
            raise BinaryFaultError(f"more than {MOST_BYTES} bytes of it would have to be read: the rest was not")
        self._file.seek(self._start + offset)
        data = self._file.read(count_bytes)
        if len(data) != count_bytes:
            raise BinaryFaultError(f"{what} lies outside the file, which is cut off or wrong")
        return data

    def unpack(self, layout: str, offset: int, what: str = "it") -> tuple[int, ...]:
        """Return numbers of a known place.

        Raises:
            BinaryFaultError: the file ends before them.
        """
        return struct.unpack(layout, self.at(offset, struct.calcsize(layout), what))

    def text(self, offset: int, what: str = "a name") -> str:
        """Return a name that ends in a zero byte.

        Raises:
            BinaryFaultError: it begins outside the file.
        """
        if not 0 <= offset < self.size_bytes:
            raise BinaryFaultError(f"{what} lies outside the file, which is cut off or wrong")
        name = b""
        while b"\0" not in name and len(name) < min(MOST_NAME_BYTES, self.size_bytes - offset):
            name += self.at(offset + len(name), min(256, self.size_bytes - offset - len(name)), what)
        return decode_name(name.partition(b"\0")[0])

    def slice(self, offset: int, size_bytes: int) -> Window:
        """Return a part of it as a window of its own.

        Raises:
            BinaryFaultError: it is not all inside.
        """
        if offset < 0 or size_bytes < 0 or offset + size_bytes > self.size_bytes:
            raise BinaryFaultError("a slice lies outside the file, which is cut off or wrong")
        return Window(self._file, size_bytes, self._start + offset)


def decode_name(name: bytes) -> str:
    """Return a name as text: what is no UTF-8 is escaped, so that different bytes stay different."""
    return name.decode("utf-8", "backslashreplace")
