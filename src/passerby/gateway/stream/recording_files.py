"""Recordings as files: their names, the one that is being written, the index beside one; which must go says ``retention``.

A file is header and fragments, each a group of pictures written in one piece; a power cut costs at most what was not yet
synchronised. Names are the wall time of the first picture, in UTC.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from passerby.gateway.stream.fmp4 import init_segment
from passerby.gateway.stream.gops import Gop
from passerby.gateway.values import TICKS_PER_S
from passerby.sealing import INDEX_NS, IndexPart

INDEX = ".index"
"""After the name of a recording: its index, encrypted parts one after the other, each after its length (32 bits, big endian)."""
_LENGTH = struct.Struct("!I")
_NAME = "%Y%m%dT%H%M%S"
OpenFile = Callable[[Path], BinaryIO]


def open_unbuffered(path: Path) -> BinaryIO:
    """Create a file that must not exist; each write to it is one write of the system.

    Raises:
        OSError: it cannot be made.
    """
    return path.open("xb", buffering=0)


def file_name(wall_ns: int) -> str:
    """Return the name of a recording that begins at a wall time.

    >>> file_name(1_500_000_000)
    '19700101T000001.500Z.mp4'
    """
    at = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
    return f"{at.strftime(_NAME)}.{wall_ns // 1_000_000 % 1000:03d}Z.mp4"


def began_ns(path: Path) -> int | None:
    """Return the wall time at which a recording begins, by its name; None for a file that is none.

    >>> began_ns(Path("19700101T000001.500Z.mp4"))
    1500000000
    """
    stem, dot, rest = path.name.partition(".")
    if not dot or not rest.endswith("Z.mp4") or not rest[:3].isdecimal():
        return None
    try:
        at = datetime.strptime(stem, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp()) * 1_000_000_000 + int(rest[:3]) * 1_000_000


class RecordingFile:
    """The recording that is being written.

    Args:
        folder: Of the camera; made where it is not there.
        first: The group of pictures that it begins with; it is not written yet.
        open_file: Makes the file.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, folder: Path, first: Gop, open_file: OpenFile = open_unbuffered) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.path = folder / file_name(first.wall_ns)
        self._first = first
        self._sequence = 0
        self._whole_bytes = 0
        self._file = open_file(self.path)

    def takes(self, gop: Gop, file_s: float) -> bool:
        """Return whether a group of pictures belongs into this file, of at most so many seconds."""
        age_s = (gop.ticks - self._first.ticks) / TICKS_PER_S
        return gop.parameters == self._first.parameters and 0 <= age_s < file_s

    def write(self, gop: Gop) -> None:
        """Write a group of pictures.

        Raises:
            OSError: it was not written whole.
        """
        if not self._sequence:
            self._append(init_segment(self._first.parameters))
        self._sequence += 1
        self._append(gop.fragment(self._sequence, self._first.ticks))
        self._whole_bytes = self._file.tell()

    def _append(self, data: bytes) -> None:
        if self._file.write(data) != len(data):
            raise OSError(errno.ENOSPC, "no space left")

    def sync(self) -> None:
        """Force what was written to the disk.

        Raises:
            OSError: it did not come there.
        """
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Force it to the disk and close it.

        Raises:
            OSError: it did not come there; it is closed all the same.
        """
        try:
            self.sync()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close a file that cannot be written on, at the end of its last whole fragment; what fails once may fail again."""
        with contextlib.suppress(OSError), self._file as file:
            file.truncate(self._whole_bytes)
            if not self._whole_bytes:
                self.path.unlink()


def recorded(folder: Path) -> list[Path]:
    """Return the recordings of a camera's folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if began_ns(path) is not None)


def index_of(recording: Path) -> Path:
    """Return the file of a recording's index.

    >>> index_of(Path("20261130T100000.000Z.mp4")).name
    '20261130T100000.000Z.mp4.index'
    """
    return recording.with_name(recording.name + INDEX)


def add_part(folder: Path, part: IndexPart) -> bool:
    """Write a part beside the recording in which its minute begins, or the first one that begins within it.

    So it is gone as soon as the earlier of two that share its minute. Return False where there is none.

    Raises:
        OSError: it cannot be written.
    """
    begun = [(began_ns(path) or 0, path) for path in recorded(folder)]
    within = [path for began, path in begun if 0 < began - part.begin_ns < INDEX_NS]
    beside = [path for began, path in begun if began <= part.begin_ns][-1:] or within
    try:
        data = base64.b64decode(part.data, validate=True)
    except binascii.Error:
        return False
    if not beside:
        return False
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(index_of(beside[0]), flags, 0o640)
    with open(descriptor, "ab", buffering=0) as file:  # noqa: PTH123  # a descriptor has no path
        whole_bytes = file.seek(0, os.SEEK_END)
        framed = _LENGTH.pack(len(data)) + data
        if file.write(framed) != len(framed):
            file.truncate(whole_bytes)
    return True


def delete_recording(recording: Path) -> None:
    """Delete a recording; its index goes first, so that none is left over.

    Raises:
        OSError: one of them stays.
    """
    index_of(recording).unlink(missing_ok=True)
    recording.unlink(missing_ok=True)


def delete_left_over(folder: Path) -> None:
    """Delete each index whose recording is gone: a part may come late.

    Raises:
        OSError: one stays.
    """
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            recording = path.with_name(path.name.removesuffix(INDEX))
            if path.name.endswith(INDEX) and began_ns(recording) is not None and not recording.exists():
                path.unlink(missing_ok=True)
