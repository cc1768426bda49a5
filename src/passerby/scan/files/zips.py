"""Opens zips: by their directory, and by what stands before each member where the two differ or nothing points there.

Programs disagree on which of the two counts; what one of them would take out is read here, under every name it bears.
"""

from __future__ import annotations

import itertools
import zlib
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from passerby.scan.files.bounds import Budget
from passerby.scan.files.inflate import Packing, inflate_one
from passerby.scan.files.members import Held, PartFile, hold, pieces_of
from passerby.scan.files.zip_headers import (
    ENCRYPTED_FLAG,
    LOCAL,
    LOCAL_BYTES,
    STREAMED_FLAG,
    ZipEntry,
    find_directory,
    find_mark,
    read_directory,
    read_local,
)
from passerby.scan.values import MEMBER, TargetFile, Unread

_STORED, _DEFLATED, _LZMA, _AES = 0, 8, 14, 99
_PACKINGS = {_DEFLATED: Packing.DEFLATE, 12: Packing.BZIP2, _LZMA: Packing.LZMA, 93: Packing.ZSTD, 95: Packing.XZ}
_KNOWN = frozenset((_STORED, *_PACKINGS))
_PLAUSIBLE = _KNOWN | {_AES, 9}
_LZMA_END_FLAG = 1 << 1


def zip_members(file: TargetFile, budget: Budget) -> Iterator[TargetFile | Unread]:
    """Yield the files of a zip, in the order of its directory; small ones first where it says more than may be unpacked.

    Raises:
        SpentError: it may take no more.
        OSError: it cannot be read.
    """
    with file.open() as stream:
        yield from _Zip(file, stream, budget).members()


class _Zip:
    """One zip while it is read."""

    def __init__(self, file: TargetFile, stream: BinaryIO, budget: Budget) -> None:
        self._file, self._stream, self._budget = file, stream, budget
        self._covered = array("Q")
        """Pairs of places: of members that the directory names, and of the directory."""

    def members(self) -> Iterator[TargetFile | Unread]:
        directory = find_directory(self._stream, self._file.size_bytes)
        named = False
        if directory is None:
            yield Unread(
                self._file.path, "the zip has no directory: members were searched for by what stands before each"
            )
        else:
            named = True
            self._covered.extend((directory.start, min(directory.end, self._file.size_bytes)))
            entries: list[ZipEntry] = []
            try:
                for entry in read_directory(self._stream, directory):
                    self._budget.begin_member()
                    entries.append(entry)
            except ValueError as exc:
                yield Unread(self._file.path, f"{exc}: members were searched for by what stands before each as well")
            yield from self._named(entries)
        spans = sorted(zip(self._covered[::2], self._covered[1::2], strict=True))
        if any(start < before for (_, before), (start, _) in itertools.pairwise(spans)):
            yield Unread(self._file.path, "members of the zip overlap: one byte belongs to several", hides=False)
        place = 0
        for start, end in (*spans, (self._file.size_bytes, self._file.size_bytes)):
            if start - place >= LOCAL_BYTES:
                yield from self._nameless(place, start, named=named)
            place = max(place, end)

    def _named(self, entries: list[ZipEntry]) -> Iterator[TargetFile | Unread]:
        if not self._budget.fits(sum(entry.size for entry in entries)):
            entries.sort(key=lambda entry: (entry.size, entry.start, entry.name))
        for entry in entries:
            self._budget.check_time()
            yield from self._member(entry)

    def _member(self, entry: ZipEntry) -> Iterator[TargetFile | Unread]:
        local = read_local(self._stream, entry.start)
        where = f"{self._file.path}{MEMBER}{entry.name}"
        if local is None:
            yield Unread(where, "nothing stands where the zip's directory says that it is")
            return
        names = list(dict.fromkeys((entry.name, entry.other_name, local.name, local.other_name)))
        if len(names) > 1:
            others = ", ".join(names[1:])
            yield Unread(where, f"the zip names it otherwise in another place: {others}; read under each", hides=False)
        packed = entry.packed if entry.method != _STORED else max(entry.packed, entry.size)
        self._covered.extend((entry.start, min(self._file.size_bytes, local.data + packed)))
        if not entry.size and not entry.packed and entry.name.endswith("/"):
            return
        flags = entry.flags | local.flags
        yield from self._taken(entry, local.data, names, encrypted=bool(flags & ENCRYPTED_FLAG))
        if local.method != entry.method and local.method in _KNOWN:
            yield Unread(where, "the zip states two ways of compression: read in both", hides=False)
            yield from self._taken(local, local.data, names, encrypted=False)

    def _nameless(self, start: int, end: int, *, named: bool) -> Iterator[TargetFile | Unread]:
        """Search a part of the file that belongs to no member of the directory."""
        place = start
        while (place := find_mark(self._stream, LOCAL, place, end)) >= 0:
            self._budget.check_time()
            local = read_local(self._stream, place)
            place += len(LOCAL)
            if local is None or not local.name.strip("\0") or "\0" in local.name or local.method not in _PLAUSIBLE:
                continue
            self._budget.begin_member()
            if local.flags & STREAMED_FLAG and local.method == _STORED:
                after = find_mark(self._stream, b"PK", local.data, end)
                local = local.with_size((after if after >= 0 else end) - local.data)
            if named:
                where = f"{self._file.path}{MEMBER}{local.name}"
                yield Unread(where, "the zip's directory does not name it: read all the same", hides=False)
            if local.size or local.packed or local.flags & STREAMED_FLAG:
                encrypted = bool(local.flags & ENCRYPTED_FLAG)
                yield from self._taken(local, local.data, [local.name], encrypted=encrypted)
            place = max(place, min(local.data + local.packed, end))

    def _taken(self, entry: ZipEntry, data: int, names: list[str], *, encrypted: bool) -> Iterator[TargetFile | Unread]:
        """Yield a member under each of its names, with what is odd about it."""
        where = f"{self._file.path}{MEMBER}{names[0]}"
        held = self._held(entry, data, where)
        if held.file is None:
            yield Unread(where, held.damage)
            return
        stated = bool(not entry.flags & STREAMED_FLAG or entry.crc)
        matches = not held.damage and (not stated or held.crc == entry.crc)
        if encrypted or entry.method not in _KNOWN:
            if encrypted and entry.method == _STORED:
                matches = _crc(held.file) == entry.crc
            what = "it is encrypted" if encrypted else f"compression method {entry.method} is not read"
            yield Unread(where, f"the zip says that {what}, and it can be read" if matches else what, hides=not matches)
            if not matches:
                return
        elif held.damage:
            yield Unread(where, held.damage)
        elif stated:
            yield from _differences(entry, held, held.file.size_bytes, where)
        yield held.file
        for name in names[1:]:
            yield PartFile(held.file, 0, held.file.size_bytes, f"{self._file.path}{MEMBER}{name}")

    def _held(self, entry: ZipEntry, data: int, where: str) -> Held:
        left = max(0, self._file.size_bytes - data)
        if entry.method == _STORED:
            wanted = max(entry.packed, entry.size)
            self._budget.spend(min(wanted, left))
            damage = "" if wanted <= left else "the zip ends in the middle of it"
            return Held(PartFile(self._file, data, min(wanted, left), where), damage, entry.crc, where)
        self._stream.seek(data)
        packed = pieces_of(self._stream, left)
        if entry.method == _LZMA:
            packed = _with_lzma_header(packed, entry)
        return hold(inflate_one(_PACKINGS.get(entry.method, Packing.DEFLATE), packed), where, self._budget)


def _differences(entry: ZipEntry, held: Held, size_bytes: int, where: str) -> Iterator[Unread]:
    if size_bytes != entry.size:
        yield Unread(where, f"the zip states {entry.size} bytes, and it has {size_bytes}", hides=False)
    if held.crc != entry.crc:
        yield Unread(where, "its checksum is another than the zip states", hides=False)


def _with_lzma_header(packed: Iterator[bytes], entry: ZipEntry) -> Iterator[bytes]:
    """Turn what zips write before LZMA into what stands before it elsewhere."""
    start = next(packed, b"")
    count = int.from_bytes(start[2:4], "little")
    size = b"\xff" * 8 if entry.flags & _LZMA_END_FLAG else entry.size.to_bytes(8, "little")
    yield start[4 : 4 + count] + size + start[4 + count :]
    yield from packed


def _crc(file: TargetFile) -> int:
    crc = 0
    with file.open() as stream:
        for piece in pieces_of(stream, file.size_bytes):
            crc = zlib.crc32(piece, crc)
    return crc
