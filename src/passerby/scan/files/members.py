"""Members of archives as the readers get them, and where their bytes come from.

Nothing is ever written under a member's name: what is too long for memory goes to a temporary file that has none.
"""

from __future__ import annotations

import functools
import io
import os
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from passerby.scan.files.bounds import Budget
from passerby.scan.files.inflate import DAMAGED, PIECE_BYTES
from passerby.scan.files.target import BytesFile, file_name, read_bounded, shown_path, stream_digest
from passerby.scan.values import TargetFile
from passerby.values import Digest


class _RawPart(io.RawIOBase):
    """A part of something that can be read at any place.

    Args:
        read_at: Takes a place and a count, returns bytes, fewer only at the end.
        size_bytes: How long the part is.
        close: Called once when this is closed.
    """

    def __init__(self, read_at: Callable[[int, int], bytes], size_bytes: int, close: Callable[[], None]) -> None:
        super().__init__()
        self._read_at, self._size_bytes, self._close, self._place = read_at, size_bytes, close, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size_bytes}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a memoryview is all that io hands in
        count = min(len(buffer), max(0, self._size_bytes - self._place))
        data = self._read_at(self._place, count) if count else b""
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()


class _PlacedFile:
    """What files that are not whole in memory share."""

    def __init__(self, path: str, size_bytes: int) -> None:
        self.path = shown_path(path)
        self.name = file_name(self.path)
        self.size_bytes = size_bytes

    def open(self) -> BinaryIO:
        """Return it as a stream that can be read and sought."""
        raise NotImplementedError

    @functools.cached_property
    def _start(self) -> bytes:
        with self.open() as file:
            return file.read(4096)

    def head(self, count_bytes: int = 4096) -> bytes:
        """Return the first bytes, fewer where the file ends."""
        if count_bytes <= 4096:
            return self._start[:count_bytes]
        with self.open() as file:
            return file.read(count_bytes)

    def read(self, most_bytes: int) -> bytes:
        """Return all of it.

        Raises:
            ScanError: it is longer than ``most_bytes``.
        """
        return read_bounded(self, most_bytes)

    @functools.cached_property
    def _digest(self) -> Digest:
        with self.open() as file:
            return stream_digest(file, self.size_bytes)

    def digest(self) -> Digest:
        """Return its SHA-256 digest, computed once."""
        return self._digest


class PartFile(_PlacedFile):
    """A member that stands in its archive as it is, so that nothing has to be copied.

    Args:
        whole: The archive.
        start: Where the member begins.
        size_bytes: How long it is; the archive must be as long.
        path: As it is shown.
    """

    def __init__(self, whole: TargetFile, start: int, size_bytes: int, path: str) -> None:
        super().__init__(path, size_bytes)
        self._whole, self._offset = whole, start

    def open(self) -> BinaryIO:
        """Return it as a stream that can be read and sought."""
        stream = self._whole.open()

        def read_at(place: int, count: int) -> bytes:
            stream.seek(self._offset + place)
            return stream.read(count)

        return io.BufferedReader(_RawPart(read_at, self.size_bytes, stream.close), 1 << 16)


class SpilledFile(_PlacedFile):
    """A member that was unpacked to a temporary file without a name, which goes with this value.

    Args:
        handle: Of that file; taken over.
        size_bytes: How long it is.
        path: As it is shown.
    """

    def __init__(self, handle: int, size_bytes: int, path: str) -> None:
        super().__init__(path, size_bytes)
        self._handle = handle
        weakref.finalize(self, os.close, handle)

    def open(self) -> BinaryIO:
        """Return it as a stream that can be read and sought."""
        kept = self  # the handle lives as long as a stream does

        def read_at(place: int, count: int) -> bytes:
            return os.pread(kept._handle, count, place)

        return io.BufferedReader(_RawPart(read_at, self.size_bytes, lambda: None), 1 << 16)


@dataclass(frozen=True, slots=True)
class Held:
    """A member that was taken out.

    Attributes:
        file: It, as far as it could be unpacked; None where it is longer than it may be.
        damage: Why it is not whole, or empty.
        crc: CRC-32 of what was unpacked.
        path: Of it, for whoever names the damage.
    """

    file: TargetFile | None
    damage: str
    crc: int
    path: str


def hold(pieces: Iterable[bytes], path: str, budget: Budget) -> Held:
    """Take one member out of its archive: into memory, or where it is long into a temporary file without a name.

    What is damaged half-way is given as far as it goes.

    Raises:
        SpentError: the archive may take no more.
    """
    kept = bytearray()
    spill: BinaryIO | None = None
    size = crc = 0
    damage = ""
    most = budget.most_member_bytes()
    try:
        for piece in _until_damage(pieces):
            if isinstance(piece, str):
                damage = piece
                break
            size += len(piece)
            budget.spend(len(piece))
            if size > most:
                return Held(None, f"it unpacks to more than {most} bytes", crc, path)
            crc = zlib.crc32(piece, crc)
            if spill is None and size > budget.limits.held_bytes:
                spill = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - lives on in the value
                spill.write(kept)
                kept.clear()
            if spill is None:
                kept += piece
            else:
                spill.write(piece)
        if spill is None:
            return Held(BytesFile(bytes(kept), path), damage, crc, path)
        return Held(SpilledFile(os.dup(spill.fileno()), size, path), damage, crc, path)
    finally:
        if spill is not None:
            spill.close()


def _until_damage(pieces: Iterable[bytes]) -> Iterator[bytes | str]:
    try:
        yield from pieces
    except DAMAGED as exc:
        yield str(exc) or type(exc).__name__


def pieces_of(stream: BinaryIO, count_bytes: int) -> Iterator[bytes]:
    """Yield the next bytes of a stream in pieces, fewer where it ends."""
    while count_bytes > 0:
        piece = stream.read(min(PIECE_BYTES, count_bytes))
        if not piece:
            return
        count_bytes -= len(piece)
        yield piece


class FileSource:
    """Reads an archive that stands whole, so that its members can be parts of it.

    Args:
        whole: The archive.
        budget: Counts.
    """

    def __init__(self, whole: TargetFile, budget: Budget) -> None:
        self._whole, self._budget, self._place = whole, budget, 0
        self._stream = whole.open()
        weakref.finalize(self, self._stream.close)

    def read(self, count_bytes: int) -> bytes:
        """Return the next bytes, fewer where it ends."""
        data = self._stream.read(count_bytes)
        self._place += len(data)
        return data

    def skip(self, count_bytes: int) -> None:
        """Leave bytes out."""
        self._place += count_bytes
        self._stream.seek(self._place)

    def member(self, path: str, count_bytes: int) -> Held:
        """Take the next bytes as a member."""
        there = min(count_bytes, max(0, self._whole.size_bytes - self._place))
        self._budget.spend(there)
        damage = "" if there == count_bytes else "the archive ends in the middle of it"
        part = PartFile(self._whole, self._place, there, path)
        self.skip(count_bytes)
        return Held(part, damage, 0, path)

    def remainder(self, path: str, padding: bytes = b"") -> Held:
        """Take all that is left as one member, without padding before it."""
        while padding and (piece := self._stream.read(PIECE_BYTES)):
            rest = piece.lstrip(padding)
            self._place += len(piece) - len(rest)
            if rest:
                break
        self._stream.seek(self._place)
        return self.member(path, max(0, self._whole.size_bytes - self._place))


class StreamSource:
    """Reads an archive that is unpacked while it is read; nothing can be sought.

    Args:
        pieces: The unpacked bytes.
        budget: Counts.
    """

    def __init__(self, pieces: Iterator[bytes], budget: Budget) -> None:
        self._pieces, self._budget, self._rest = pieces, budget, b""
        self.damage = ""
        """Why it ended, where it is damaged; what came before was given."""

    def _next(self) -> bytes:
        rest, self._rest = self._rest, b""
        if rest or self.damage:
            return rest
        try:
            return next(self._pieces, b"")
        except DAMAGED as exc:
            self.damage = f"it is damaged: {str(exc) or type(exc).__name__}"
            return b""

    def _take(self, count_bytes: int) -> Iterator[bytes]:
        while count_bytes > 0:
            piece = self._next()
            if not piece:
                return
            if len(piece) > count_bytes:
                piece, self._rest = piece[:count_bytes], piece[count_bytes:]
            count_bytes -= len(piece)
            yield piece

    def read(self, count_bytes: int) -> bytes:
        """Return the next bytes, fewer where it ends; meant for headers."""
        data = b"".join(self._take(count_bytes))
        self._budget.spend(len(data))
        return data

    def unread(self, data: bytes) -> None:
        """Put bytes back that were read last."""
        self._rest = data + self._rest

    def skip(self, count_bytes: int) -> None:
        """Leave bytes out; they are unpacked all the same."""
        for piece in self._take(count_bytes):
            self._budget.spend(len(piece))

    def member(self, path: str, count_bytes: int) -> Held:
        """Take the next bytes as a member."""
        counted = 0

        def counting() -> Iterator[bytes]:
            nonlocal counted
            for piece in self._take(count_bytes):
                counted += len(piece)
                yield piece

        held = hold(counting(), path, self._budget)
        if held.file is None:
            self.skip(count_bytes - counted)
        elif not held.damage and counted < count_bytes:
            return Held(held.file, "the archive ends in the middle of it", held.crc, path)
        return held

    def remainder(self, path: str, padding: bytes = b"") -> Held:
        """Take all that is left as one member, without padding before it."""

        def all_of_it() -> Iterator[bytes]:
            first = True
            while piece := self._next():
                piece = piece.lstrip(padding) if first and padding else piece
                if piece:
                    first = False
                    yield piece

        return hold(all_of_it(), path, self._budget)


ByteSource = FileSource | StreamSource
