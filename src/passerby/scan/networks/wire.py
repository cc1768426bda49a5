"""Protocol buffers as they lie in a file: fields one after another, without loading what they hold.

Source: protobuf.dev, "Encoding". Numbers are read as unsigned 64-bit; groups are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from passerby.scan.networks.network import MOST_NAME, BrokenModelError
from passerby.scan.networks.paged import PagedFile

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MOST_FIELDS = 1_000_000
"""Fields of one file that are read: a few seconds."""


class Field(NamedTuple):
    """One field.

    Attributes:
        number: Of the field in its message.
        wire: How it is written.
        value: The number; of bytes, where they begin.
        end: Of bytes, where they end; of numbers, as ``value``.
    """

    number: int
    wire: int
    value: int
    end: int


class WireFile(PagedFile):
    """A file of fields.

    Args:
        stream: Seekable; stays open.
        size_bytes: Of the file.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        super().__init__(stream, size_bytes)
        self._left = MOST_FIELDS

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """Return a number and where it ends.

        Raises:
            BrokenModelError: it has no end, or more than 64 bits.
        """
        data = self.bytes_at(at, 10 if end - at > 10 else end - at)
        if data and data[0] < 0x80:
            return data[0], at + 1
        value = 0
        for index, byte in enumerate(data):
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, at + index + 1
        raise BrokenModelError("it ends in the middle of a number")

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Yield the fields of a message.

        Raises:
            BrokenModelError: a field reaches beyond the message, or there are too many.
        """
        at = start
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise BrokenModelError(f"it has more than {MOST_FIELDS:,} fields")
            key, at = self.varint(at, end)
            number, wire = key >> 3, key & 7
            if wire == VARINT:
                value, at = self.varint(at, end)
                yield Field(number, wire, value, value)
                continue
            length = 8 if wire == FIXED64 else 4
            if wire == BYTES:
                length, at = self.varint(at, end)
            elif wire not in (FIXED64, FIXED32):
                raise BrokenModelError("it holds a field of a kind that is not used")
            if not number or length > end - at:
                raise BrokenModelError("a field reaches beyond its end")
            yield Field(number, wire, at, at + length)
            at += length

    def parts(self, whole: Field) -> Iterator[Field]:
        """Yield those fields of a message that are bytes: texts and messages.

        Raises:
            BrokenModelError: as :meth:`fields` does.
        """
        return (one for one in self.fields(whole.value, whole.end) if one.wire == BYTES)

    def text(self, field: Field) -> str:
        """Return a field as text, cut where it is too long for a name."""
        return self.bytes_at(field.value, min(field.end - field.value, MOST_NAME)).decode("utf-8", "replace")

    def numbers(self, field: Field, most: int = 64) -> list[int]:
        """Return whole numbers of a repeated field: one where it is unpacked, up to ``most`` where it is packed."""
        if field.wire == VARINT:
            return [signed(field.value)]
        values: list[int] = []
        at = field.value
        while field.wire == BYTES and at < field.end and len(values) < most:
            value, at = self.varint(at, field.end)
            values.append(signed(value))
        return values


def signed(value: int) -> int:
    """Return an unsigned 64-bit number as a signed one.

    >>> signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >= 1 << 63 else value
