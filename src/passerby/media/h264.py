"""H.264 as bytes: NAL units of an Annex B stream, parameter sets, picture size. ITU-T H.264, annex B and section 7.3.2.1.

Pure functions on bytes; nothing is decoded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from passerby.errors import ServiceError

IDR, SEI, SPS, PPS, AUD = 5, 6, 7, 8, 9
_START = re.compile(rb"\x00\x00\x01")


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """Return the NAL units of an Annex B stream, without start codes and trailing zeros.

    >>> [u.hex() for u in nal_units(bytes.fromhex("00000001 67aa 000001 68bb 00"))]
    ['67aa', '68bb']
    """
    starts = [m.end() for m in _START.finditer(annex_b)]
    for index, start in enumerate(starts):
        end = starts[index + 1] - 3 if index + 1 < len(starts) else len(annex_b)
        unit = annex_b[start:end].rstrip(b"\x00")
        if unit:
            yield unit


def kind_of(unit: bytes) -> int:
    """Return the type of a NAL unit, 1 to 31."""
    return unit[0] & 31


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameter sets of a stream, without start codes."""

    sps: bytes
    pps: bytes

    @property
    def codec(self) -> str:
        """Return the codec string of RFC 6381, such as ``avc1.640020``."""
        return "avc1." + self.sps[1:4].hex()

    @property
    def profile_level_id(self) -> str:
        """Return ``profile-level-id`` of RFC 6184."""
        return self.sps[1:4].hex().upper()

    @property
    def sprop(self) -> str:
        """Return ``sprop-parameter-sets`` of RFC 6184."""
        return ",".join(base64.b64encode(part).decode("ascii") for part in (self.sps, self.pps))

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height as shown, in pixels.

        Raises:
            ServiceError: the sequence parameter set does not parse.
        """
        return _size_of(self.sps)


def parameters_of(units: list[bytes]) -> Parameters | None:
    """Return the parameter sets among some NAL units, or None when either is missing."""
    sps = next((u for u in units if kind_of(u) == SPS), None)
    pps = next((u for u in units if kind_of(u) == PPS), None)
    return Parameters(sps, pps) if sps and pps else None


class _Bits:
    """Reads bits of a NAL unit, emulation prevention bytes removed."""

    def __init__(self, unit: bytes) -> None:
        data = unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value, self._left = int.from_bytes(data, "big"), len(data) * 8

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ServiceError("parameter set must be whole, got a truncated one")
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + (self.take(zeros) if zeros else 0)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138}


def _size_of(sps: bytes) -> tuple[int, int]:
    bits = _Bits(sps)
    profile = bits.take(8)
    bits.take(16)
    bits.ue()
    chroma = 1
    if profile in _HIGH:
        chroma = _skip_high(bits)
    bits.ue()
    _skip_order_count(bits)
    bits.ue()
    bits.take(1)
    width, height_units = (bits.ue() + 1) * 16, bits.ue() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    height = height_units * 16 * (2 - frames_only)
    if bits.take(1):
        left, right, top, bottom = (bits.ue() for _ in range(4))
        step_x = 2 if chroma in {1, 2} else 1
        step_y = (2 if chroma == 1 else 1) * (2 - frames_only)
        width, height = width - step_x * (left + right), height - step_y * (top + bottom)
    return width, height


def _skip_high(bits: _Bits) -> int:
    chroma = bits.ue()
    if chroma == 3:
        bits.take(1)
    bits.ue()
    bits.ue()
    bits.take(1)
    if bits.take(1):
        raise ServiceError("parameter set must have no scaling matrix, got one")
    return chroma


def _skip_order_count(bits: _Bits) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.take(1)
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()
