"""Reading the index of a recording: for a request that stands in the public log, at its one camera, of the minutes it fixed.

A request's committed details fix at most ten minutes before anything is read, so that one entry never leads to more. There is no
reading of a whole index, none across cameras, and nothing that follows a figure from one piece to the next.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from passerby.errors import StorageError
from passerby.register import ProvenEntry, RequestReceived, commit, decode_entry
from passerby_seal.keys import CustodyKey
from passerby_seal.pieces import Pack, index_message
from passerby_seal.pointing.index_part import EVERY_NS, PartHeader, PointedFace, SignedPart, parse_part, rows_of
from passerby_seal.refusals import (
    IndexSpanError,
    NotOnRecordError,
    SealAlteredError,
    SealFormatError,
    WrongCameraError,
    WrongCustodyKeyError,
)

MOST = timedelta(minutes=10)
_SUFFIX = ".index"
_NAME = "%Y%m%dT%H%M%S"
_LENGTH = struct.Struct("!I")
_MOST_BYTES = 16 * 1024 * 1024
KeyOf = Callable[[PartHeader], CustodyKey]
"""Returns the custodian's key for a part's camera and hour, or raises where it was destroyed."""
PackOf = Callable[[PartHeader], Pack]
"""Returns the pack of a part's bucket, or raises where there is none."""


@dataclass(frozen=True, slots=True)
class RequestDetails:
    """What a request's commitment fixes, as its reveal will show it.

    Attributes:
        value: A JSON object; ``camera`` is the camera's identifier, ``begin`` and ``end`` are from when to when, with a zone.
        salt: Of the commitment.
    """

    value: str
    salt: str


@dataclass(frozen=True, slots=True)
class AskedSpan:
    """From when to when somebody points at figures.

    Attributes:
        begin: Aware.
        end: Aware; at most ten minutes later.
    """

    begin: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse what is not bounded.

        Raises:
            IndexSpanError: it is longer, or ends before it begins.
        """
        length = self.end - self.begin
        if not timedelta(0) < length <= MOST:
            raise IndexSpanError(f"index must be asked for up to {MOST.seconds // 60} minutes at once, got {length}")


def read_index(
    folder: Path, request: ProvenEntry, details: RequestDetails, key_of: KeyOf, pack_of: PackOf
) -> list[PointedFace]:
    """Return where faces are in a camera's recordings and which pieces they lead to, in the minutes that a request fixed.

    Args:
        folder: Of the camera's recordings.
        request: Entry of a request that names the camera, proven to stand in the log.
        details: What it commits to.
        key_of: Gives the custodian's keys.
        pack_of: Gives the packs.

    Raises:
        NotOnRecordError: the entry is no request that names a camera, no witness saw it, or it fixes other details.
        IndexSpanError: the request is for more than ten minutes.
        WrongCameraError: the index is another camera's, or another log's.
        WrongCustodyKeyError: the key is another hour's or another camera's.
        SealAlteredError: a part was altered, moved here from another recording, or not made by the process that sealed.
        SealFormatError: an index is none.
        StorageError: it cannot be read.
    """
    camera, asked = _fixed_by(request, details)
    origin = request.checkpoint.origin
    found: list[PointedFace] = []
    begin_ms, end_ms = (round(at.timestamp() * 1000) for at in (asked.begin, asked.end))
    for began, until, path in _indexes(folder):
        for part in _parts(path):
            header = part.header
            if header.camera != camera or header.origin != origin:
                raise WrongCameraError(f"index must be of camera {camera} in {origin}, which the request names")
            if header.end_ms <= begin_ms or header.begin_ms > end_ms:
                continue
            minute = datetime.fromtimestamp(header.begin_ms / 1000, UTC)
            if not began - timedelta(minutes=1) < minute < until:
                raise SealAlteredError(f"index {path.name} must hold what begins in its recording, got {minute}")
            found += [row for row in _opened(part, key_of, pack_of) if begin_ms <= row.at_ms <= end_ms]
    return found


def _opened(part: SignedPart, key_of: KeyOf, pack_of: PackOf) -> list[PointedFace]:
    header = part.header
    pack = pack_of(header)
    context = pack.context
    said = (context.bucket.hex(), context.camera, pack.binding.custody, context.hour, context.origin)
    if said != (header.bucket, header.camera, header.custody, header.hour, header.origin):
        raise SealAlteredError(f"part {header.number} of an index must be of the bucket {context.bucket.hex()[:8]}")
    pack.verify(part.signature, index_message(pack.binding, part.signed), f"part {header.number} of an index")
    key = key_of(header)
    if key.public.digest != header.custody:
        raise WrongCustodyKeyError(f"index must be opened by the key of its camera in {header.hour}")
    plain = key.open(part.box, header.info)
    if plain is None:
        raise SealAlteredError(f"part {header.number} of an index must be as it was written")
    return rows_of(header, plain)


def pieces_at(rows: list[PointedFace], at: datetime, x: float, y: float) -> set[tuple[str, int]]:
    """Return the bucket and number of each piece that a place in one frame leads to.

    Args:
        rows: As ``read_index`` returned them.
        at: When the frame was taken; aware.
        x: From the left, as a share of the width.
        y: From the top, as a share of the height.
    """
    at_ms, near_ms = at.timestamp() * 1000, EVERY_NS / 10**6
    return {
        (row.bucket, row.piece)
        for row in rows
        if abs(row.at_ms - at_ms) <= near_ms and row.box[0] <= x <= row.box[2] and row.box[1] <= y <= row.box[3]
    }


def _fixed_by(request: ProvenEntry, details: RequestDetails) -> tuple[str, AskedSpan]:
    """Return camera and span that a request fixed."""
    entry = decode_entry(request.entry)
    if not isinstance(entry, RequestReceived) or entry.camera is None:
        raise NotOnRecordError(
            f"index must be asked for by a request in the log that names its camera, got {entry.kind}",
            hint="a request that keeps its camera secret cannot point: it names the camera first",
        )
    if not request.witnesses:
        raise NotOnRecordError("request must be seen by witnesses before it counts, got one that none has signed")
    if commit(details.value, details.salt) != entry.details.digest:
        raise NotOnRecordError("details must be those that the request in the log fixed, got others")
    try:
        said = json.loads(details.value)
        camera, begin, end = (str(said[name]) for name in ("camera", "begin", "end"))
        asked = AskedSpan(*(datetime.fromisoformat(at).astimezone(UTC) for at in (begin, end)))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as exc:
        raise NotOnRecordError("details of a request must be JSON and name camera, begin and end") from exc
    if camera != entry.camera:
        raise WrongCameraError(f"details must be of camera {entry.camera}, which the request names, got {camera}")
    return camera, asked


def _indexes(folder: Path) -> Iterator[tuple[datetime, datetime, Path]]:
    """Yield each recording's index, with when the recording and the next one begin; one whose recording is gone is none."""
    try:
        recordings = sorted((began, path) for path in folder.iterdir() if (began := _began(path)) is not None)
    except OSError as exc:
        raise StorageError(f"recordings in {folder} cannot be read: {exc.strerror}") from exc
    ends = [*(began for began, _ in recordings), datetime.max.replace(tzinfo=UTC)]
    for (began, path), until in zip(recordings, ends[1:], strict=True):
        index = path.with_name(path.name + _SUFFIX)
        if index.exists():
            yield began, until, index


def _began(recording: Path) -> datetime | None:
    stem, _, rest = recording.name.partition(".")
    if not rest.endswith("Z.mp4"):
        return None
    try:
        return datetime.strptime(stem, _NAME).replace(tzinfo=UTC) + timedelta(milliseconds=int(rest[:3]))
    except ValueError:
        return None


def _parts(path: Path) -> Iterator[SignedPart]:
    try:
        with path.open("rb") as file:
            while head := file.read(_LENGTH.size):
                size = int(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else _MOST_BYTES + 1
                data = file.read(size) if size <= _MOST_BYTES else b""
                if len(data) != size:
                    raise SealFormatError(f"index {path.name} must end with a whole part, is cut off")
                yield parse_part(data)
    except OSError as exc:
        raise StorageError(f"index {path.name} cannot be read: {exc.strerror}") from exc
