"""``avcC`` records: the parameter sets as a file's header holds them. ISO/IEC 14496-15, clause 5.3.3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from passerby.errors import BitstreamError

_EXTENDED = frozenset({100, 110, 122, 144})
"""Profiles whose record goes on after its sets. Source: ISO/IEC 14496-15, clause 5.3.3.1.2."""


@dataclass(frozen=True, slots=True)
class AvcConfig:
    """What an ``avcC`` record says.

    Attributes:
        length_bytes: Size of the length before each unit.
        sps: Whole units.
        pps: Whole units.
    """

    length_bytes: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]


def parse_avcc(record: bytes) -> AvcConfig:
    """Read an ``avcC`` record.

    Raises:
        BitstreamError: It is none.
    """
    if len(record) < 7 or record[0] != 1:
        raise BitstreamError("avcC record must be of version 1, got none")
    sps, at = _read_sets(record, 6, record[5] & 31)
    if at >= len(record):
        raise BitstreamError("avcC record must be whole, got one that is cut off")
    pps, _ = _read_sets(record, at + 1, record[at])
    return AvcConfig((record[4] & 3) + 1, sps, pps)


def _read_sets(record: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    """Return so many units that stand after lengths of two bytes, and where they end."""
    units = []
    for _ in range(count):
        end = at + 2 + int.from_bytes(record[at : at + 2], "big")
        if end > len(record):
            raise BitstreamError("avcC record must be whole, got one that is cut off")
        units.append(record[at + 2 : end])
        at = end
    return tuple(units), at


def build_avcc(sps: Sequence[bytes], pps: Sequence[bytes]) -> bytes:
    """Write an ``avcC`` record for units with lengths of four bytes; 4:2:0 with 8 bits.

    Profile and level are the highest of the sets, so that a player that can do these can do all.

    Args:
        sps: 1 to 31 whole units.
        pps: 1 to 255 whole units.

    Raises:
        BitstreamError: There is no set, or there are too many.
    """
    if not sps or len(sps) > 31 or not pps or len(pps) > 255:
        raise BitstreamError("avcC record must hold 1 to 31 and 1 to 255 parameter sets, got other numbers")
    lead = max(sps, key=lambda unit: (unit[1], unit[3]))
    level = max(unit[3] for unit in sps)
    head = bytes((1, lead[1], lead[2], level, 0xFF, 0xE0 | len(sps)))
    body = b"".join(len(unit).to_bytes(2, "big") + unit for unit in sps)
    tail = bytes((len(pps),)) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in pps)
    high = bytes((0xFD, 0xF8, 0xF8, 0)) if lead[1] in _EXTENDED else b""
    return head + body + tail + high
