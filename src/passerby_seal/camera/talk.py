"""What a camera's process and its sealing process tell each other, over two pipes: places in the ring one way, counts the other.

No pixel goes over a pipe, and no key.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from pathlib import Path

from passerby.sealing import IndexPart
from passerby_seal.refusals import SealFormatError

PLACE = struct.Struct("<QII")
"""Position in the ring, size in bytes, and what lies there. Source: PIPE_BUF: so few bytes are written whole or not."""
_LENGTH = struct.Struct("<I")
_MOST_BYTES = 4 * 1024 * 1024


class RingContent(IntEnum):
    """What a place in the ring holds."""

    FRAME = 1
    """The patches of one frame."""
    END = 2
    """Nothing: close every piece and end."""


class ExitCode(IntEnum):
    """Why a sealing process ended."""

    DONE = 0
    FAILED = 70
    STORAGE = 74
    """Source: EX_IOERR."""
    REFUSED = 78
    """Policy or key of the hour cannot be used. Source: EX_CONFIG."""


@dataclass(frozen=True, slots=True)
class HourOrder:
    """What a sealing process is for: one camera, one hour.

    Attributes:
        origin: Of the log.
        camera: Its identifier there.
        hour: Number of it since 1970.
        policy: File of the authorities.
        policy_digest: What that file must say.
        custody: Folder of the custodian's public keys.
        folder: Where packs are written.
        offset_ns: Wall time less CLOCK_MONOTONIC.
        index: Make the index that a recording gets.
        tree_s: Time between two trees over what was sealed.
    """

    origin: str
    camera: str
    hour: int
    policy: str
    policy_digest: str
    custody: str
    folder: str
    offset_ns: int
    index: bool
    tree_s: float

    def to_bytes(self) -> bytes:
        """Return it with its length before it."""
        data = json.dumps(asdict(self)).encode()
        return _LENGTH.pack(len(data)) + data

    @classmethod
    def from_bytes(cls, data: bytes) -> HourOrder:
        """Return what ``to_bytes`` wrote, without the length.

        Raises:
            SealFormatError: it is something else.
        """
        try:
            return cls(**json.loads(data))
        except (ValueError, TypeError, RecursionError) as exc:
            raise SealFormatError(f"order to seal must fit this version, got {len(data)} other bytes") from exc

    @property
    def spool(self) -> Path:
        """Return the folder of the camera's packs."""
        return Path(self.folder) / self.camera


def order_bytes(head: bytes) -> int:
    """Return how many bytes follow the first four.

    Raises:
        SealFormatError: that cannot be.
    """
    size = int(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else 0
    if not 0 < size <= _MOST_BYTES:
        raise SealFormatError(f"order to seal must have a length, got {len(head)} bytes")
    return size


@dataclass(frozen=True, slots=True)
class HourCounts:
    """What a sealing process counted since it began: faces, once a picture.

    Attributes:
        sealed: In pieces that are closed.
        unsure: Not kept: two people may have been taken for one.
        small: Not kept: too few of their own pixels show.
        behind: Not kept: it could not keep up.
        storage: Not kept: nothing could be written.
        pieces: Closed.
        written_bytes: Of the pack.
    """

    sealed: int = 0
    unsure: int = 0
    small: int = 0
    behind: int = 0
    storage: int = 0
    pieces: int = 0
    written_bytes: int = 0

    @property
    def settled(self) -> int:
        """Return how many faces it has answered for."""
        return self.sealed + self.unsure + self.small + self.behind + self.storage


@dataclass(frozen=True, slots=True)
class HourReport:
    """What a sealing process says.

    Attributes:
        freed: Position in the ring up to which it has read.
        counts: Since it began.
        roots: Of trees made since the last report, hexadecimal.
        index: Parts of the index since then.
        told: A sentence for people, or empty.
    """

    freed: int
    counts: HourCounts
    roots: tuple[str, ...] = ()
    index: tuple[IndexPart, ...] = ()
    told: str = ""

    def to_line(self) -> bytes:
        """Return it as a line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> HourReport:
        """Return what ``to_line`` wrote.

        Raises:
            SealFormatError: it is something else.
        """
        try:
            found = json.loads(line)
            counts = HourCounts(**{field.name: int(found["counts"][field.name]) for field in fields(HourCounts)})
            index = tuple(IndexPart(int(part["begin_ns"]), str(part["data"])) for part in found["index"])
            roots = tuple(str(root) for root in found["roots"])
            return cls(int(found["freed"]), counts, roots, index, str(found["told"])[:300])
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            raise SealFormatError(f"report of sealing must fit this version, got {len(line)} other bytes") from exc


class Lines:
    """Cuts a byte stream into lines of bounded length."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes and return the lines that are whole now.

        Raises:
            SealFormatError: a line has no end.
        """
        self._rest += data
        *whole, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        if len(rest) > _MOST_BYTES:
            raise SealFormatError(f"report of sealing must be at most {_MOST_BYTES} bytes long")
        yield from whole
