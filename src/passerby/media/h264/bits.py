"""Bits of an H.264 unit, one after another: the one reader that every parser here uses. ITU-T H.264 (08/2021), clause 9.1."""

from __future__ import annotations

import re

from passerby.errors import BitstreamError

_ESCAPE = re.compile(rb"\x00\x00\x03")
_LONGEST = 31
"""Leading zeros of the longest number. Source: clause 7.2, no ue(v) reaches 2**32 - 1."""


def unescape(unit: bytes) -> bytes:
    r"""Return a unit's payload: without its head byte and without emulation prevention.

    >>> unescape(b"\x67\x00\x00\x03\x01").hex()
    '000001'
    """
    return _ESCAPE.sub(b"\x00\x00", unit[1:])


class BitReader:
    """Bits of a unit's payload, most significant first.

    Args:
        payload: As ``unescape`` returns it.
    """

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def bits(self, count: int) -> int:
        """Read ``count`` bits.

        Raises:
            BitstreamError: There are not so many.
        """
        if count > self._left:
            raise BitstreamError("H.264 unit must be whole, got one that ends early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """Read one bit."""
        return bool(self.bits(1))

    def ue(self, most: int | None = None) -> int:
        r"""Read an Exp-Golomb number.

        Args:
            most: The largest that the specification allows here; None where any may stand.

        Raises:
            BitstreamError: It is larger, or the bits end.

        >>> BitReader(b"\x28").ue()
        4
        """
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > _LONGEST:
                raise BitstreamError(f"H.264 number must have at most {_LONGEST} leading zeros, got more")
        number = (1 << zeros) - 1 + self.bits(zeros)
        if most is not None and number > most:
            raise BitstreamError(f"H.264 number must be at most {most} here, got {number}")
        return number

    def se(self) -> int:
        """Read a signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)
