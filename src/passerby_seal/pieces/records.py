"""The records of a pack, one after the other, each within its bounds: nothing of a chunk's ciphertext is taken into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from passerby_seal.pieces.layout import (
    HEAD_BYTES,
    LENGTHS,
    MAGIC,
    MOST_BYTES,
    MOST_RECORDS,
    RecordKind,
)
from passerby_seal.pieces.source import PackSource
from passerby_seal.refusals import SealCutError, SealFormatError

_PEEKED = 160
"""Enough for the whole of every record but header and chunk, and for what stands before a chunk's ciphertext."""


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """One record and where it is.

    Attributes:
        kind: What it is.
        offset: Of its body.
        length: Of its body.
        start: Its body, or the first part of it.
    """

    kind: RecordKind
    offset: int
    length: int
    start: bytes


def records_of(source: PackSource, *, unfinished: bool) -> Iterator[FoundRecord]:
    """Give a pack's records.

    Args:
        source: The pack.
        unfinished: Stop before a record that is cut off, instead of refusing it.

    Raises:
        SealFormatError: it is no pack, or beyond the format's bounds.
        SealCutError: it ends within a record.
    """
    if source.size > MOST_BYTES:
        raise SealFormatError(f"pack must be at most {MOST_BYTES} bytes, got {source.size}")
    magic = source.read_at(0, len(MAGIC))
    if magic != MAGIC[: len(magic)]:
        raise SealFormatError(f"pack must begin with {MAGIC!r}, got {magic!r}")
    if len(magic) < len(MAGIC):
        raise SealCutError(f"pack must begin with {len(MAGIC)} bytes of its format, is cut off within them")
    at = len(MAGIC)
    for _ in range(MOST_RECORDS):
        if at == source.size:
            return
        start = source.read_at(at, HEAD_BYTES + _PEEKED)
        whole = at + HEAD_BYTES <= source.size
        found = _checked(start, at + HEAD_BYTES) if whole else None
        if found is None or found.offset + found.length > source.size:
            if unfinished:
                return
            raise SealCutError(f"pack must hold whole records, ends within the one at {at}")
        yield found
        at = found.offset + found.length
    if at != source.size:
        raise SealFormatError(f"pack must have at most {MOST_RECORDS} records, got more")


def _checked(start: bytes, offset: int) -> FoundRecord:
    """Return the record whose head this is."""
    try:
        kind = RecordKind(start[0])
    except ValueError as exc:
        raise SealFormatError(f"record must be of a known type, got {start[0]} at {offset - HEAD_BYTES}") from exc
    length = int.from_bytes(start[1:HEAD_BYTES], "big")
    least, most = LENGTHS[kind]
    if not least <= length <= most:
        raise SealFormatError(f"record of type {kind.name.lower()} must have {least} to {most} bytes, got {length}")
    return FoundRecord(kind, offset, length, start[HEAD_BYTES : HEAD_BYTES + min(length, _PEEKED)])
