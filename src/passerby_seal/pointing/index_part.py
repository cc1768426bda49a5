"""Parts of the index of a recording: which place in which frame leads to which piece. Locked to the custodian as they are made.

Such an index is a log of movements. So whoever makes it cannot read it, it says nothing of who goes on from one piece to another,
and each part holds at most a minute. Source: docs/seal-format.md, "Index of a recording".
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass

import rfc8785

from passerby.sealing import IndexPart
from passerby_seal.keys import SealingKey, prefixed
from passerby_seal.refusals import SealFormatError

INDEX_FORMAT = "passerby-index/1"
_LABEL = b"passerby-seal/1 index"
_ROW = struct.Struct(">IHHHHI")
"""Milliseconds since the part began; left, top, right, bottom in 65535ths of the picture; number of the piece."""
EVERY_NS = 500_000_000
"""A piece is noted so often: nobody walks out of the box of his head in between. Source: a choice."""
PART_NS = 60 * 10**9
MOST_ROWS = 50_000
_HEADER_BYTES = 4096
_LENGTH = struct.Struct(">I")
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares of the picture's width and height, 0 to 1."""


@dataclass(frozen=True, slots=True)
class PartHeader:
    """What stands before a part, readable by all, and bound to it.

    Attributes:
        begin_ms: Wall time of its first row, ms since 1970.
        end_ms: Of its last.
        bucket: In hex.
        camera: Identifier in the register.
        custody: Digest of the custodian's public key.
        format: Of the part.
        hour: UTC, as in the pack.
        number: Of the part in the bucket.
        origin: Of the log.
    """

    begin_ms: int
    end_ms: int
    bucket: str
    camera: str
    custody: str
    format: str
    hour: str
    number: int
    origin: str

    def to_bytes(self) -> bytes:
        """Return it as canonical JSON."""
        made: bytes = rfc8785.dumps(asdict(self))
        return made

    @classmethod
    def from_bytes(cls, data: bytes) -> PartHeader:
        """Return what ``to_bytes`` wrote.

        Raises:
            SealFormatError: it is something else.
        """
        try:
            found = cls(**json.loads(data))
            texts = (found.bucket, found.camera, found.custody, found.hour, found.origin)
            kept = found.to_bytes() == data and all(isinstance(text, str) for text in texts)
            fits = kept and found.format == INDEX_FORMAT and 0 <= found.begin_ms <= found.end_ms and found.number >= 0
        except (ValueError, TypeError, RecursionError) as exc:
            raise SealFormatError("header of an index must be canonical JSON of its fields") from exc
        if not fits:
            raise SealFormatError(f"header of an index must be of {INDEX_FORMAT} and begin before it ends")
        return found

    @property
    def info(self) -> bytes:
        """Return what binds the box to this header."""
        return prefixed(_LABEL, self.to_bytes())


@dataclass(frozen=True, slots=True)
class PointedFace:
    """One row: a place in one frame, and the piece that it leads to.

    Attributes:
        at_ms: Wall time, ms since 1970.
        box: Where.
        bucket: In hex.
        piece: Its number there.
    """

    at_ms: int
    box: Box
    bucket: str
    piece: int


MakeHeader = Callable[[int, int, int], PartHeader]
"""Returns the header of a part of its number, its begin and its end in ms."""


class IndexWriter:
    """Makes the index of one bucket, part by part.

    Args:
        header: Makes headers.
        key: The custodian's of this camera and hour.
    """

    def __init__(self, header: MakeHeader, key: SealingKey) -> None:
        self._header, self._key = header, key
        self._number = 0
        self._rows: list[tuple[int, Box, int]] = []
        self._noted_ns: dict[int, int] = {}

    def note(self, wall_ns: int, box: Box, piece: int) -> None:
        """Note where a face is that goes into a piece; most notes of one piece are left out."""
        if wall_ns - self._noted_ns.get(piece, wall_ns - EVERY_NS) >= EVERY_NS:
            self._noted_ns[piece] = wall_ns
            self._rows.append((wall_ns // 10**6, box, piece))

    def due(self, wall_ns: int) -> IndexPart | None:
        """Return the part that is complete now, or None."""
        if not self._rows:
            return None
        begin_ms = self._rows[0][0]
        return self.close() if wall_ns - begin_ms * 10**6 >= PART_NS or len(self._rows) >= MOST_ROWS else None

    def close(self) -> IndexPart | None:
        """Return what was noted and is in no part yet, or None."""
        rows, self._rows = self._rows, []
        if not rows:
            return None
        begin_ms, end_ms = rows[0][0], rows[-1][0]
        self._noted_ns = {piece: at_ms * 10**6 for at_ms, _, piece in rows}
        header = self._header(self._number, begin_ms, end_ms)
        self._number += 1
        plain = b"".join(_ROW.pack(at_ms - begin_ms, *map(_ticks, box), piece) for at_ms, box, piece in rows)
        data = prefixed(header.to_bytes()) + self._key.seal(plain, header.info)
        return IndexPart(begin_ms * 10**6, base64.b64encode(data).decode())


def _ticks(share: float) -> int:
    return round(min(max(share, 0.0), 1.0) * 65535)


def parse_part(data: bytes) -> tuple[PartHeader, bytes]:
    """Return a part's header and its box.

    Raises:
        SealFormatError: it is no part.
    """
    size = int(_LENGTH.unpack_from(data)[0]) if len(data) >= _LENGTH.size else _HEADER_BYTES + 1
    if size > _HEADER_BYTES or _LENGTH.size + size >= len(data):
        raise SealFormatError(f"part of an index must be a header and a box, got {len(data)} other bytes")
    end = _LENGTH.size + size
    return PartHeader.from_bytes(data[_LENGTH.size : end]), data[end:]


def rows_of(header: PartHeader, plain: bytes | bytearray) -> list[PointedFace]:
    """Return the rows of a part that was opened.

    Raises:
        SealFormatError: they are none.
    """
    if len(plain) % _ROW.size:
        raise SealFormatError(f"part of an index must be rows of {_ROW.size} bytes, got {len(plain)} bytes")
    found = []
    for after_ms, left, top, right, bottom, piece in _ROW.iter_unpack(plain):
        box = (left / 65535, top / 65535, right / 65535, bottom / 65535)
        found.append(PointedFace(header.begin_ms + after_ms, box, header.bucket, piece))
    return found
