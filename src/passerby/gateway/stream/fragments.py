"""Reads fragmented MP4 back: where fragments begin and what time they hold, without decoding. ISO/IEC 14496-12."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from passerby.gateway.stream.fmp4 import WholeNote, read_note

_HEAD = struct.Struct("!I4s")
_MOOF_MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fragment:
    """One ``moof`` and its ``mdat``.

    Attributes:
        offset: Where it begins in the file.
        length: Bytes of both boxes.
        ticks: Time of its first picture, in 1/90000 s.
        duration: In 1/90000 s.
        time_at: Where in the fragment its 64-bit decode time stands.
        whole: What it says about pictures that are covered whole; None where it says nothing.
    """

    offset: int
    length: int
    ticks: int
    duration: int
    time_at: int
    whole: WholeNote | None = None


def header_bytes(file: BinaryIO) -> int:
    """Return the length of what stands before the first fragment; 0 where there is none."""
    file.seek(0)
    at = 0
    while len(head := file.read(8)) == 8:
        length, kind = _HEAD.unpack(head)
        if kind == b"moof":
            return at
        if length < 8:
            return 0
        at += length
        file.seek(at)
    return at


def fragments(file: BinaryIO) -> Iterator[Fragment]:
    """Return the whole fragments of a file; what was cut off at its end is left out."""
    file.seek(0, 2)
    size = file.tell()
    at, moof = 0, b""
    moof_at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = _HEAD.unpack(file.read(8))
        if length < 8 or at + length > size:
            return
        if kind == b"moof" and length <= _MOOF_MAX_BYTES:
            moof_at, moof = at, _HEAD.pack(length, kind) + file.read(length - 8)
        elif kind == b"mdat" and moof:
            found = _times(moof)
            if found is not None:
                yield Fragment(moof_at, at + length - moof_at, *found, read_note(moof))
            moof = b""
        at += length


def _times(moof: bytes) -> tuple[int, int, int] | None:
    """Return time, duration and the place of the time in a ``moof`` as ``fmp4.fragment`` writes it; None for others."""
    at = moof.find(b"tfdt")
    run = moof.find(b"trun")
    if at < 0 or run < 0 or moof[at + 4] != 1 or run + 16 > len(moof):
        return None
    (ticks,) = struct.unpack_from("!Q", moof, at + 8)
    (count,) = struct.unpack_from("!I", moof, run + 8)
    if run + 16 + 12 * count > len(moof):
        return None
    duration = sum(struct.unpack_from("!I", moof, run + 16 + 12 * index)[0] for index in range(count))
    return ticks, duration, at + 8


def retimed(data: bytes, fragment: Fragment, ticks: int) -> bytes:
    """Return a fragment's bytes with another decode time."""
    return data[: fragment.time_at] + struct.pack("!Q", ticks) + data[fragment.time_at + 8 :]
