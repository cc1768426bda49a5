"""How the data of a piece is laid out: one small H.264 stream, and where and when each of its pictures was.

    data     = u8(1) || number(length of headers) || headers || picture ...
    picture  = signed(order) || signed(ms) || signed(x) || signed(y) || signed(width) || signed(height)
               || number(length) || units

``headers`` are sequence and picture parameter sets, ``units`` the picture's, in the order of decoding; both in the format of
H.264's Annex B, without the first start code (0, 0, 0, 1) of ``units``. The six signed numbers are differences to the picture
before, of which the first is all zeros: place in the order of showing, time since the piece began, box in the frame in units of
two pixels. A number is unsigned LEB128; signed ones are folded (0, -1, 1, -2, ...) first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from passerby_seal.refusals import SealFormatError

VERSION = 1
START_CODE = b"\0\0\0\1"
SEI = 6
"""Type of the units that x264 writes its own name into. Source: ITU-T H.264, table 7-1."""
MOST_DIGITS = 9
"""No number takes more bytes of 7 bits each."""


@dataclass(frozen=True, slots=True)
class Placement:
    """When and where a picture of a piece was.

    Attributes:
        order: Counts from 0 in the order of showing.
        ms: Since the piece began.
        x: Left edge of the box, in units of two pixels, as the three below.
        y: Top edge.
        width: Of the box.
        height: Of the box.
    """

    order: int = 0
    ms: int = 0
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0


def number(value: int) -> bytes:
    """Return a number, 0 and more, as unsigned LEB128.

    >>> number(300).hex()
    'ac02'
    """
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def head_bytes(headers: bytes) -> bytes:
    """Return the beginning of a piece's data."""
    headers = without_sei(headers)
    return bytes([VERSION]) + number(len(headers)) + headers


def picture_bytes(shown: Placement, before: Placement, units: bytes) -> bytes:
    """Return one picture; ``before`` is the one in front of it."""
    units = without_sei(units).removeprefix(START_CODE)
    steps = (now - then for now, then in zip(astuple(shown), astuple(before), strict=True))
    return b"".join(number(_folded(step)) for step in steps) + number(len(units)) + units


def without_sei(units: bytes) -> bytes:
    """Return units of H.264 in Annex B without supplemental information, each after a start code of four bytes."""
    split = [unit.rstrip(b"\0") for unit in units.split(b"\0\0\1")]
    return b"".join(START_CODE + unit for unit in split if unit and unit[0] & 31 != SEI)


def read_pictures(data: bytes) -> tuple[bytes, Iterator[tuple[Placement, bytes]]]:
    """Return the headers of a piece's data and its pictures, in the order of decoding, as Annex B.

    Raises:
        SealFormatError: it is cut off or of another version; of pictures, when they are reached.
    """
    if not data or data[0] != VERSION:
        raise SealFormatError(f"data of a piece must begin with version {VERSION}, got {data[:1].hex() or 'nothing'}")
    length, at = _read(data, 1)
    headers, at = _bytes(data, at, length)
    return headers, _pictures(data, at)


def _pictures(data: bytes, at: int) -> Iterator[tuple[Placement, bytes]]:
    shown = Placement()
    while at < len(data):
        values = []
        for before in astuple(shown):
            step, at = _read(data, at)
            values.append(before + (step >> 1 ^ -(step & 1)))
        shown = Placement(*values)
        length, at = _read(data, at)
        units, at = _bytes(data, at, length)
        yield shown, START_CODE + units


def _folded(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for digit in range(MOST_DIGITS):
        if at + digit >= len(data):
            raise SealFormatError("data of a piece must hold whole numbers, ends within one")
        byte = data[at + digit]
        value |= (byte & 0x7F) << 7 * digit
        if byte < 0x80:
            return value, at + digit + 1
    raise SealFormatError(f"numbers of a piece must have at most {MOST_DIGITS} digits, got more")


def _bytes(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(data):
        raise SealFormatError(f"data of a piece must hold {length} more bytes, got {len(data) - at}")
    return data[at : at + length], at + length
