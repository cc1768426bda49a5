"""NAL units: split, joined, told apart. ITU-T H.264 (08/2021), clauses 7.3.1, 7.3.2.3.1, 7.3.3, annex B.

A stream holds its units after start codes (annex B: RTP cameras, what an encoder writes) or after their lengths (files).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum

from passerby.errors import BitstreamError
from passerby.media.h264.bits import BitReader, unescape

_START_CODE = re.compile(rb"\x00\x00\x01")
_USER_DATA_UNREGISTERED = 5
"""Payload type of a message of user data. Source: annex D."""
_HEAD_BYTES = 24
"""The head of a slice as far as it is read here, three numbers and emulation prevention, is never longer."""


class NalType(IntEnum):
    """nal_unit_type, table 7-1, as far as these are told apart."""

    SLICE = 1
    IDR = 5
    SEI = 6
    SPS = 7
    PPS = 8
    DELIMITER = 9
    END_OF_SEQUENCE = 10
    END_OF_STREAM = 11
    FILLER = 12


def nal_type(unit: bytes | memoryview) -> int:
    """Return nal_unit_type, 0 to 31; compare it with ``NalType``.

    Raises:
        BitstreamError: The unit is empty or its forbidden bit is set.
    """
    if not len(unit) or unit[0] & 0x80:
        raise BitstreamError("H.264 unit must begin with a head byte, got none or a broken one")
    return unit[0] & 0x1F


def nal_units(annex_b: bytes) -> list[bytes]:
    r"""Split bytes whose units stand after start codes; no unit of the result is empty or ends with zeros.

    >>> [unit.hex() for unit in nal_units(bytes.fromhex("00000001 67aa 000001 68bb 00"))]
    ['67aa', '68bb']
    """
    marks = [match.span() for match in _START_CODE.finditer(annex_b)]
    ends = [start for start, _ in marks[1:]] + [len(annex_b)]
    units = (annex_b[start:end].rstrip(b"\x00") for (_, start), end in zip(marks, ends, strict=False))
    return [unit for unit in units if unit]


def split_lengths(packet: memoryview, length_bytes: int) -> Iterator[memoryview]:
    """Split a packet whose units stand after their lengths.

    Args:
        packet: One picture.
        length_bytes: Size of each length, 1 to 4.

    Raises:
        BitstreamError: The lengths do not add up to the packet.
    """
    at, end = 0, len(packet)
    while at < end:
        start = at + length_bytes
        if start > end:
            raise BitstreamError("H.264 packet must be whole, got a length that is cut off")
        at = start + int.from_bytes(packet[at:start], "big")
        if at > end:
            raise BitstreamError("H.264 unit must end within its packet, got a longer one")
        yield packet[start:at]


def with_lengths(units: Sequence[bytes] | Sequence[memoryview]) -> bytes:
    """Join units, each after its length in four bytes."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def message_types(unit: bytes) -> set[int]:
    """Return the payload types of a unit of messages (SEI).

    Raises:
        BitstreamError: The unit ends early.
    """
    payload = unescape(unit)
    types, at = set(), 0
    while at < len(payload) and payload[at:] != b"\x80":
        numbers = []
        for _ in range(2):
            number = 0
            while at < len(payload) and payload[at] == 255:
                number, at = number + 255, at + 1
            if at >= len(payload):
                raise BitstreamError("H.264 message must be whole, got one that is cut off")
            numbers.append(number + payload[at])
            at += 1
        types.add(numbers[0])
        at += numbers[1]
    return types


def is_user_data(unit: bytes) -> bool:
    """Tell whether a unit is a message of user data (where x264 writes its settings)."""
    return nal_type(unit) == NalType.SEI and len(unit) > 1 and unit[1] == _USER_DATA_UNREGISTERED


def without_user_data(annex_b: bytes) -> bytes:
    """Drop user data from units after start codes; bytes without any come back as they are."""
    units = nal_units(annex_b)
    if not any(is_user_data(unit) for unit in units):
        return annex_b
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units if not is_user_data(unit))


def slice_head(unit: memoryview) -> tuple[int, int]:
    """Return (first_mb_in_slice, pic_parameter_set_id) of a slice.

    Raises:
        BitstreamError: The slice ends early or switches streams.
    """
    reader = BitReader(unescape(bytes(unit[:_HEAD_BYTES])))
    first = reader.ue()
    if reader.ue() % 5 > 2:
        raise BitstreamError("H.264 slice must be of type I, P or B, got one that switches streams")
    return first, reader.ue()
