"""Parts of the index of a recording: which place in which frame leads to which piece. Locked to the custodian as they are made.

Such an index is a log of movements. So whoever makes it cannot read it, it says nothing of who goes on from one piece to another,
and nobody sees from outside when somebody passed: each minute has a part, also where nobody came, and its length tells only how
many rows it has room for. Source: docs/seal-format.md, "Index of a recording".
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import rfc8785

from passerby.sealing import INDEX_NS, IndexPart
from passerby_seal.keys import SealingKey, prefixed
from passerby_seal.refusals import SealFormatError

INDEX_FORMAT = "passerby-index/1"
_LABEL = b"passerby-seal/1 index"
_ROW = struct.Struct(">IHHHHI")
"""Milliseconds since the minute began; left, top, right, bottom in 65535ths of the picture; number of the piece."""
EVERY_NS = 500_000_000
"""A piece is noted so often: nobody walks out of the box of his head in between. Source: a choice."""
LATE_NS = 15 * 10**9
"""A minute's part is made so long after it: pictures come late. Source: the look-ahead and the way, with room."""
ROOM = 256
"""Rows of the smallest part; each larger one has room for twice as many. Source: two people who stay a whole minute."""
MOST_ROWS = ROOM << 8
_HEADER_BYTES = 4096
SIGNATURE_BYTES = 64
_LENGTH = struct.Struct(">I")
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares of the picture's width and height, 0 to 1."""


@dataclass(frozen=True, slots=True)
class PartHeader:
    """What stands before a part, readable by all, and bound to it.

    Attributes:
        bucket: In hex.
        camera: Identifier in the register.
        custody: Digest of the custodian's public key.
        format: Of the part.
        hour: UTC, as in the pack.
        minute: Whose rows it holds, counted since 1970.
        number: Of the part in the bucket.
        origin: Of the log.
    """

    bucket: str
    camera: str
    custody: str
    format: str
    hour: str
    minute: int
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
            counted = kept and found.minute >= 0 and found.number >= 0
            fits = counted and found.format == INDEX_FORMAT and hour_text(found.minute // 60) == found.hour
        except (ValueError, TypeError, OverflowError, OSError, RecursionError) as exc:
            raise SealFormatError("header of an index must be canonical JSON of its fields") from exc
        if not fits:
            raise SealFormatError(f"header of an index must be of {INDEX_FORMAT} and of a minute in its hour")
        return found

    @property
    def begin_ms(self) -> int:
        """Return when its minute begins, ms since 1970."""
        return self.minute * INDEX_NS // 10**6

    @property
    def end_ms(self) -> int:
        """Return when its minute ends."""
        return (self.minute + 1) * INDEX_NS // 10**6

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


MakeHeader = Callable[[int, int], PartHeader]
"""Returns the header of a part of its number and its minute."""
Sign = Callable[[bytes], bytes]
"""Returns the bucket's signature over a part."""


class IndexWriter:
    """Makes the index of one bucket, a part a minute.

    Args:
        header: Makes headers.
        key: The custodian's of this camera and hour.
        sign: Signs as the bucket.
        minutes: Of the bucket, from the one in which it begins to the end of its hour, counted since 1970.
    """

    def __init__(self, header: MakeHeader, key: SealingKey, sign: Sign, minutes: range) -> None:
        self._header, self._key, self._sign, self._minutes = header, key, sign, minutes
        self._number = 0
        self._rows: dict[int, list[tuple[int, Box, int]]] = {}
        self._noted_ns: dict[int, int] = {}
        self._now = minutes.start

    def note(self, wall_ns: int, box: Box, piece: int) -> None:
        """Note where a face is that goes into a piece; most notes of one piece are left out, and all of a minute that is made."""
        minute, since_ns = divmod(wall_ns, INDEX_NS)
        noted = wall_ns - self._noted_ns.get(piece, wall_ns - EVERY_NS) < EVERY_NS
        if noted or minute not in self._minutes[self._number :]:
            return
        rows = self._rows.setdefault(minute, [])
        if len(rows) < MOST_ROWS:
            self._noted_ns[piece] = wall_ns
            self._now = max(self._now, minute)
            rows.append((since_ns // 10**6, box, piece))

    def due(self, wall_ns: int) -> list[IndexPart]:
        """Return the parts of the minutes that are over, whether anybody came or not."""
        self._now = max(self._now, wall_ns // INDEX_NS)
        return self._made(range(self._minutes.start, (wall_ns - LATE_NS) // INDEX_NS))

    def close(self) -> list[IndexPart]:
        """Return the parts of all minutes that have begun."""
        return self._made(range(self._minutes.start, self._now + 1))

    def _made(self, begun: range) -> list[IndexPart]:
        return [self._part(minute) for minute in self._minutes[self._number :] if minute in begun]

    def _part(self, minute: int) -> IndexPart:
        rows = self._rows.pop(minute, [])
        self._noted_ns = {piece: at_ns for piece, at_ns in self._noted_ns.items() if at_ns // INDEX_NS > minute}
        header = self._header(self._number, minute)
        self._number += 1
        room = ROOM
        while room < len(rows):
            room *= 2
        plain = _LENGTH.pack(len(rows)) + b"".join(
            _ROW.pack(at_ms, *map(_ticks, box), piece) for at_ms, box, piece in rows
        )
        box = self._key.seal(plain.ljust(_LENGTH.size + room * _ROW.size, b"\0"), header.info)
        part = prefixed(header.to_bytes()) + box
        return IndexPart(minute * INDEX_NS, base64.b64encode(part + self._sign(part)).decode())


def _ticks(share: float) -> int:
    return round(min(max(share, 0.0), 1.0) * 65535)


def hour_text(hour: int) -> str:
    """Return an hour since 1970 as packs name it.

    >>> hour_text(0)
    '1970-01-01T00'
    """
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H")


@dataclass(frozen=True, slots=True)
class SignedPart:
    """A part as it lies beside a recording.

    Attributes:
        header: Readable by all.
        box: The rows, locked to the custodian.
        signed: The bytes that the bucket signed.
        signature: The bucket's.
    """

    header: PartHeader
    box: bytes
    signed: bytes
    signature: bytes


def parse_part(data: bytes) -> SignedPart:
    """Return a part, taken apart.

    Raises:
        SealFormatError: it is no part.
    """
    size = int(_LENGTH.unpack_from(data)[0]) if len(data) >= _LENGTH.size else _HEADER_BYTES + 1
    end = _LENGTH.size + size
    if size > _HEADER_BYTES or end + SIGNATURE_BYTES >= len(data):
        raise SealFormatError(f"part of an index must be header, box and signature, got {len(data)} other bytes")
    signed, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    return SignedPart(PartHeader.from_bytes(data[_LENGTH.size : end]), signed[end:], signed, signature)


def rows_of(header: PartHeader, plain: bytes | bytearray) -> list[PointedFace]:
    """Return the rows of a part that was opened.

    Raises:
        SealFormatError: they are none.
    """
    count = int(_LENGTH.unpack_from(plain)[0]) if len(plain) >= _LENGTH.size else MOST_ROWS + 1
    end = _LENGTH.size + count * _ROW.size
    if count > MOST_ROWS or end > len(plain) or any(plain[end:]):
        raise SealFormatError(f"part of an index must be a count, rows and zeros, got {len(plain)} other bytes")
    found = []
    for after_ms, left, top, right, bottom, piece in _ROW.iter_unpack(plain[_LENGTH.size : end]):
        if header.begin_ms + after_ms >= header.end_ms:
            raise SealFormatError(f"row of an index must lie within its minute, got {after_ms} ms after it began")
        box = (left / 65535, top / 65535, right / 65535, bottom / 65535)
        found.append(PointedFace(header.begin_ms + after_ms, box, header.bucket, piece))
    return found
