"""Reading the index of a recording: for a request that stands in the public log, at its one camera, at most ten minutes at once.

There is no reading of a whole index, none across cameras, and nothing that follows a figure from one piece to the next.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from passerby.errors import StorageError
from passerby.register import ProvenEntry, RequestReceived, decode_entry
from passerby_seal.keys import CustodyKey
from passerby_seal.pointing.index_part import EVERY_NS, PartHeader, PointedFace, parse_part, rows_of
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


def read_index(folder: Path, request: ProvenEntry, asked: AskedSpan, key_of: KeyOf) -> list[PointedFace]:
    """Return where faces are in a camera's recordings and which pieces they lead to.

    Args:
        folder: Of the camera's recordings.
        request: Entry of a request that names the camera, proven to stand in the log.
        asked: From when to when.
        key_of: Gives the custodian's keys.

    Raises:
        NotOnRecordError: the entry is no request that names a camera, or no witness saw it.
        WrongCameraError: the index is another camera's, or another log's.
        WrongCustodyKeyError: the key is another hour's or another camera's.
        SealAlteredError: a part was altered, or moved here from another recording.
        SealFormatError: an index is none.
        StorageError: it cannot be read.
    """
    camera, origin = _camera_of(request), request.checkpoint.origin
    found: list[PointedFace] = []
    begin_ms, end_ms = (round(at.timestamp() * 1000) for at in (asked.begin, asked.end))
    for began, until, path in _indexes(folder):
        for header, box in _parts(path):
            if header.camera != camera or header.origin != origin:
                raise WrongCameraError(f"index must be of camera {camera} in {origin}, which the request names")
            if header.end_ms < begin_ms or header.begin_ms > end_ms:
                continue
            at = datetime.fromtimestamp(header.begin_ms / 1000, UTC)
            if not began <= at < until:
                raise SealAlteredError(f"index {path.name} must hold what begins in its recording, got a part of {at}")
            key = key_of(header)
            if key.public.digest != header.custody:
                raise WrongCustodyKeyError(
                    f"index {path.name} must be opened by the key of its camera in {header.hour}"
                )
            plain = key.open(box, header.info)
            if plain is None:
                raise SealAlteredError(f"index {path.name} must be as it was written")
            found += [row for row in rows_of(header, plain) if begin_ms <= row.at_ms <= end_ms]
    return found


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


def _camera_of(request: ProvenEntry) -> str:
    entry = decode_entry(request.entry)
    if not isinstance(entry, RequestReceived) or entry.camera is None:
        raise NotOnRecordError(
            f"index must be asked for by a request in the log that names its camera, got {entry.kind}",
            hint="a request that keeps its camera secret cannot point: it names the camera first",
        )
    if not request.witnesses:
        raise NotOnRecordError("request must be seen by witnesses before it counts, got one that none has signed")
    return entry.camera


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


def _parts(path: Path) -> Iterator[tuple[PartHeader, bytes]]:
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
