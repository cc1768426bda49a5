"""Secrets in buffers that can be overwritten, and the one derivation of the format.

Python's `bytes` cannot be overwritten and stay in memory until something else takes the place; what must be forgotten is
drawn into, derived into and kept in a `bytearray`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

SECRET_BYTES = 32
_SOURCE = Path("/dev/urandom")


def random_buffer(size: int = SECRET_BYTES) -> bytearray:
    """Return random bytes that were never anywhere else in this process, where the system lets them be read into place."""
    buffer = bytearray(size)
    filled = 0
    with suppress(OSError), _SOURCE.open("rb", buffering=0) as source, memoryview(buffer) as view:
        while filled < size:
            got = source.readinto(view[filled:])
            if not got:
                break
            filled += got
    if filled < size:  # Windows, or a system without the device
        buffer[:] = os.urandom(size)
    return buffer


def wipe(*buffers: bytearray) -> None:
    """Overwrite buffers with zeros, in place."""
    for buffer in buffers:
        buffer[:] = bytes(len(buffer))


def prefixed(*parts: bytes | bytearray) -> bytes:
    r"""Return parts one after the other, each after its length: no two lists of parts give the same bytes.

    Source: docs/seal-format.md, `lp`.

    >>> prefixed(b"ab", b"")
    b'\x00\x00\x00\x02ab\x00\x00\x00\x00'
    """
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def expand_into(key: bytearray, info: bytes, target: bytearray) -> None:
    """Derive 32 bytes from a uniformly random key into a buffer; the same buffer may be both.

    Source: RFC 5869, HKDF-Expand with SHA-256; section 3.3 on leaving the extract step out.
    """
    derived = bytearray(SECRET_BYTES)
    HKDFExpand(hashes.SHA256(), SECRET_BYTES, info).derive_into(key, derived)
    target[:] = derived
    wipe(derived)


def xor_into(target: bytearray, other: bytearray) -> None:
    """Make a buffer the XOR of itself and another of the same length."""
    for place, value in enumerate(other):
        target[place] ^= value
