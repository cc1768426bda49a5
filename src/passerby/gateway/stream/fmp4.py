"""Fragmented MP4 with one H.264 track: ISO/IEC 14496-12 boxes, 14496-15 avcC.

Written here because each picture must leave at once (FFmpeg's muxer holds a fragment back until the next one comes) and because
the same bytes serve every viewer. Time scale is 1/90000 s. Fragments carry their own decode time, so that a file or viewer can
begin at any key frame.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from passerby.gateway.values import TICKS_PER_S
from passerby.media import NalType, ParameterSets, build_avcc

_MATRIX = struct.pack("!9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LEFT_OUT = frozenset({NalType.SPS, NalType.PPS, NalType.DELIMITER, NalType.SEI})
WHOLE_UUID = bytes.fromhex("70617373 6572 4279 8077 686f6c650001")
"""Of the box that says which pictures of a fragment are covered whole; drawn once, for ever."""
_SYNC, _NOT_SYNC = 0x02000000, 0x01010000


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a fragment.

    Attributes:
        nals: NAL units without start codes.
        ticks: How long it is shown, in 1/90000 s.
        key: It decodes alone.
    """

    nals: Sequence[bytes]
    ticks: int
    key: bool


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack("!I", len(body) + 8) + kind + body


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack("!I", version << 24 | flags), *parts)


def init_segment(parameters: ParameterSets) -> bytes:
    """Return ``ftyp`` and ``moov`` of a stream.

    Raises:
        BitstreamError: the parameter sets do not parse.
    """
    width, height = parameters.size
    avcc = _box(b"avcC", build_avcc([parameters.sps], [parameters.pps]))
    entry = _box(
        b"avc1",
        bytes(6) + struct.pack("!H", 1) + bytes(16),
        struct.pack("!HHIII", width, height, 0x480000, 0x480000, 0),
        struct.pack("!H", 1) + bytes(32) + struct.pack("!Hh", 24, -1),
        avcc,
    )
    tables = [_full(kind, 0, 0, struct.pack("!I", 0)) for kind in (b"stts", b"stsc", b"stco")]
    stbl = _box(
        b"stbl",
        _full(b"stsd", 0, 0, struct.pack("!I", 1), entry),
        *tables,
        _full(b"stsz", 0, 0, struct.pack("!II", 0, 0)),
    )
    dinf = _box(b"dinf", _full(b"dref", 0, 0, struct.pack("!I", 1), _full(b"url ", 0, 1)))
    minf = _box(b"minf", _full(b"vmhd", 0, 1, bytes(8)), dinf, stbl)
    mdia = _box(
        b"mdia",
        _full(b"mdhd", 0, 0, struct.pack("!IIIIHH", 0, 0, TICKS_PER_S, 0, 0x55C4, 0)),
        _full(b"hdlr", 0, 0, struct.pack("!I4s", 0, b"vide") + bytes(12) + b"Passerby\x00"),
        minf,
    )
    tkhd = _full(
        b"tkhd",
        0,
        3,
        struct.pack("!IIIII", 0, 0, 1, 0, 0) + bytes(8) + struct.pack("!hhhH", 0, 0, 0, 0),
        _MATRIX + struct.pack("!II", width << 16, height << 16),
    )
    mvhd = _full(
        b"mvhd",
        0,
        0,
        struct.pack("!IIII", 0, 0, TICKS_PER_S, 0) + struct.pack("!IHH", 0x10000, 0x100, 0) + bytes(8),
        _MATRIX + bytes(24) + struct.pack("!I", 2),
    )
    mvex = _box(b"mvex", _full(b"trex", 0, 0, struct.pack("!IIIII", 1, 1, 0, 0, 0)))
    ftyp = _box(b"ftyp", b"iso5" + struct.pack("!I", 512) + b"iso5iso6avc1mp41")
    return ftyp + _box(b"moov", mvhd, _box(b"trak", tkhd, mdia), mvex)


@dataclass(frozen=True, slots=True)
class WholeNote:
    """What stands in a fragment about pictures that are covered whole: from the first of them to the end of the last.

    Attributes:
        offset: From the fragment's first picture, in 1/90000 s.
        ticks: How long, in 1/90000 s.
        reason: Why, of ``CoverReason``.
    """

    offset: int
    ticks: int
    reason: str


def _note_box(note: WholeNote) -> bytes:
    """Return a box of our own, which players pass over: ISO/IEC 14496-12, section 11.1."""
    return _box(b"uuid", WHOLE_UUID, struct.pack("!II", note.offset, note.ticks), note.reason.encode("ascii"))


def read_note(moof: bytes) -> WholeNote | None:
    """Return what a ``moof`` says about pictures that are covered whole, or None where it says nothing.

    >>> read_note(_note_box(WholeNote(0, 90_000, "no_picture")))
    WholeNote(offset=0, ticks=90000, reason='no_picture')
    """
    at = moof.find(b"uuid" + WHOLE_UUID) - 4
    if at < 0:
        return None
    (length,) = struct.unpack_from("!I", moof, at)
    body = moof[at + 24 : at + length]
    if len(body) < 8:
        return None
    offset, ticks = struct.unpack_from("!II", body)
    return WholeNote(offset, ticks, body[8:].decode("ascii", "replace"))


def fragment(sequence: int, ticks: int, samples: Sequence[Sample], note: WholeNote | None = None) -> bytes:
    """Return ``moof`` and ``mdat`` of some pictures in a row.

    Args:
        sequence: Number of the fragment, growing from 1.
        ticks: Time of the first picture, in 1/90000 s.
        samples: At least one. Parameter sets, access unit delimiters and SEI are left out.
        note: Kept with them, for who reads recordings.
    """
    bodies, rows = [], []
    for sample in samples:
        kept = [nal for nal in sample.nals if nal[0] & 31 not in _LEFT_OUT]
        body = b"".join(struct.pack("!I", len(nal)) + nal for nal in kept)
        bodies.append(body)
        rows.append(struct.pack("!III", max(1, sample.ticks), len(body), _SYNC if sample.key else _NOT_SYNC))
    tfhd = _full(b"tfhd", 0, 0x020000, struct.pack("!I", 1))
    tfdt = _full(b"tfdt", 1, 0, struct.pack("!Q", ticks))
    mfhd = _full(b"mfhd", 0, 0, struct.pack("!I", sequence & 0xFFFFFFFF))
    # trun: data offset, then duration, size and flags of each sample
    run_bytes = 12 + 4 + 4 + 12 * len(rows)
    kept_note = _note_box(note) if note is not None else b""
    moof_bytes = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + run_bytes + len(kept_note)
    trun = _full(b"trun", 0, 0x000701, struct.pack("!Ii", len(rows), moof_bytes + 8), *rows)
    moof = _box(b"moof", mfhd, _box(b"traf", tfhd, tfdt, trun), kept_note)
    return moof + _box(b"mdat", *bodies)
