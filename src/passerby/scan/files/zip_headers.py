"""What a zip says of its members: in its directory at the end, and once more before each.

Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

END = b"PK\x05\x06"
LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"
_TAIL_BYTES = 65_557
LOCAL_BYTES = 30
_CENTRAL_BYTES = 46
_FULL = 0xFFFFFFFF
_MOST_PLACE = 1 << 62
"""No file is longer, and no system seeks beyond."""
UTF8_FLAG = 1 << 11
ENCRYPTED_FLAG = 1
STREAMED_FLAG = 1 << 3
"""Sizes and CRC follow the data."""


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One member as one of its two headers states it.

    Attributes:
        name: Of the member.
        other_name: A second name in the same header (Info-ZIP's Unicode path), or the same.
        flags: General purpose bits.
        method: How it is compressed.
        crc: CRC-32 of what is in it.
        packed: Bytes in the zip.
        size: Bytes when unpacked.
        start: Where its local header stands in the file.
        data: Where its bytes begin; 0 in the directory, which does not know.
    """

    name: str
    other_name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int
    data: int = 0

    def with_size(self, count: int) -> ZipEntry:
        """Return it with another length, of a member that is stored as it is."""
        return replace(self, packed=count, size=count)


@dataclass(frozen=True, slots=True)
class ZipDirectory:
    """Where the directory stands.

    Attributes:
        start: Its first byte in the file.
        size: Its length.
        before: Bytes before the zip, which its own places do not count.
        end: One past the end record with its comment.
    """

    start: int
    size: int
    before: int
    end: int


def find_directory(stream: BinaryIO, size_bytes: int) -> ZipDirectory | None:
    """Return where the directory of a zip is said to be, by its last end record that fits; None where there is none."""
    at = max(0, size_bytes - _TAIL_BYTES)
    stream.seek(at)
    tail = stream.read(_TAIL_BYTES)
    place = tail.rfind(END)
    while place >= 0:
        found = _directory(stream, tail, place, at)
        if found is not None:
            return found
        place = tail.rfind(END, 0, place)
    return None


def _directory(stream: BinaryIO, tail: bytes, place: int, at: int) -> ZipDirectory | None:
    record = tail[place : place + 22]
    if len(record) < 22:
        return None
    size, offset, comment = struct.unpack("<IIH", record[12:22])
    stop, end = at + place, at + place + 22 + comment
    # PyTorch writes the wide record always, others where they must: the directory ends before it
    wide = _wide(stream, tail, place, at)
    if wide is not None:
        stop = wide[2]
        if _FULL in {size, offset} or record[10:12] == b"\xff\xff":
            size, offset, _ = wide
    start = stop - size
    if start < offset:
        return None
    return ZipDirectory(start, size, start - offset, end)


def _wide(stream: BinaryIO, tail: bytes, place: int, at: int) -> tuple[int, int, int] | None:
    locator = tail[place - 20 : place] if place >= 20 else b""
    if not locator.startswith(_LOCATOR64):
        return None
    stated = struct.unpack("<Q", locator[8:16])[0]
    for where in (stated, at + place - 20 - 56):
        if not 0 <= where <= _MOST_PLACE:
            continue
        stream.seek(where)
        record = stream.read(56)
        if record.startswith(_END64) and len(record) == 56:
            size, offset = struct.unpack("<QQ", record[40:56])
            return size, offset, where
    return None


def read_directory(stream: BinaryIO, directory: ZipDirectory) -> Iterator[ZipEntry]:
    """Yield the entries of a directory, as far as they go.

    Raises:
        ValueError: something else stands there.
    """
    place, stop = directory.start, directory.start + directory.size
    while place < stop:
        stream.seek(place)
        header = stream.read(_CENTRAL_BYTES)
        if len(header) < _CENTRAL_BYTES or not header.startswith(CENTRAL):
            raise ValueError("the zip's directory is damaged")
        flags, method = struct.unpack("<HH", header[8:12])
        crc, packed, size, names, extras, comment = struct.unpack("<IIIHHH", header[16:34])
        offset = struct.unpack("<I", header[42:46])[0]
        rest = stream.read(names + extras)
        if len(rest) < names + extras:
            raise ValueError("the zip's directory ends early")
        extra = rest[names:]
        size, packed, offset = _wide_sizes(extra, size, packed, offset)
        name = _name(rest[:names], flags)
        yield ZipEntry(name, _unicode_name(extra) or name, flags, method, crc, packed, size, directory.before + offset)
        place += _CENTRAL_BYTES + names + extras + comment


def read_local(stream: BinaryIO, start: int) -> ZipEntry | None:
    """Return what stands before a member, or None where no such header is."""
    if start > _MOST_PLACE:
        return None
    stream.seek(start)
    header = stream.read(LOCAL_BYTES)
    if len(header) < LOCAL_BYTES or not header.startswith(LOCAL):
        return None
    flags, method = struct.unpack("<HH", header[6:10])
    crc, packed, size, names, extras = struct.unpack("<IIIHH", header[14:30])
    rest = stream.read(names + extras)
    if len(rest) < names + extras:
        return None
    extra = rest[names:]
    size, packed, _ = _wide_sizes(extra, size, packed, 0)
    name = _name(rest[:names], flags)
    data = start + LOCAL_BYTES + names + extras
    return ZipEntry(name, _unicode_name(extra) or name, flags, method, crc, packed, size, start, data)


def find_mark(stream: BinaryIO, mark: bytes, start: int, end: int) -> int:
    """Return where some bytes stand next, from a place on and before another; -1 where they do not."""
    kept = b""
    place = start
    while place < end:
        stream.seek(place)
        data = stream.read(min(1 << 18, end - place))
        if not data:
            break
        found = (kept + data).find(mark)
        if found >= 0:
            return place - len(kept) + found
        place += len(data)
        kept = data[-len(mark) + 1 :]
    return -1


def _wide_sizes(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    wide = _extra(extra, 0x0001)
    values = [size, packed, offset]
    for index, value in enumerate(values):
        if value == _FULL and len(wide) >= 8:
            values[index], wide = struct.unpack("<Q", wide[:8])[0], wide[8:]
    return values[0], values[1], values[2]


def _unicode_name(extra: bytes) -> str:
    data = _extra(extra, 0x7075)
    return data[5:].decode("utf-8", "surrogateescape") if len(data) > 5 and data[0] == 1 else ""


def _extra(extra: bytes, wanted: int) -> bytes:
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == wanted:
            return extra[4 : 4 + length]
        extra = extra[4 + length :]
    return b""


def _name(data: bytes, flags: int) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape") if flags & UTF8_FLAG else data.decode("cp437")
