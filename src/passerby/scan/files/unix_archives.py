"""Opens ``ar`` (Debian packages, static libraries), ``cpio`` and RPM packages.

Source: ar(5), cpio(5) of libarchive; "RPM Package File Structure", Linux Standard Base Core 5.0.
"""

from __future__ import annotations

from collections.abc import Iterator

from passerby.scan.files.bounds import Budget
from passerby.scan.files.inflate import inflate_all
from passerby.scan.files.kinds import packing_of
from passerby.scan.files.members import ByteSource, FileSource, Held, StreamSource, pieces_of
from passerby.scan.values import MEMBER, TargetFile, Unread

_AR_MAGIC, _AR_HEADER = 8, 60
_MOST_NAMES_BYTES = 16 << 20
_MOST_NAME_BYTES = 1 << 16
_NEW_HEADER, _OLD_HEADER = 110, 76
_REGULAR = 0o100000
_KIND = 0o170000
_LEAD_BYTES, _RPM_HEADER = 96, 16
_MOST_RPM_HEADER_BYTES = 256 << 20


def ar_members(file: TargetFile, budget: Budget) -> Iterator[TargetFile | Unread]:
    """Yield the members of an ``ar``, with the long names that GNU's and BSD's give.

    Raises:
        SpentError: it may take no more.
        ValueError: it is damaged.
    """
    source = FileSource(file, budget)
    source.skip(_AR_MAGIC)
    names = b""
    while header := source.read(_AR_HEADER):
        if len(header) < _AR_HEADER or header[58:] != b"`\n":
            raise ValueError("a header of the ar archive is damaged: the rest was not read")
        name, size = header[:16].rstrip(b" "), _digits(header[48:58], 10)
        budget.begin_member()
        if name == b"//":
            names = source.read(min(size, _MOST_NAMES_BYTES))
            source.skip(size - len(names) + size % 2)
            continue
        odd = size % 2
        if name.startswith(b"#1/"):
            length = min(_digits(name[3:], 10), size, _MOST_NAME_BYTES)
            name, size = source.read(length).rstrip(b"\0"), size - length
        elif name[:1] == b"/" and name[1:].isdigit():
            name = names[_digits(name[1:], 10) :].split(b"\n")[0].rstrip(b"/")
        elif len(name) > 1:
            name = name.removesuffix(b"/")
        yield from _given(source.member(f"{file.path}{MEMBER}{_text(name)}", size))
        source.skip(odd)


def cpio_members(source: ByteSource, path: str, budget: Budget) -> Iterator[TargetFile | Unread]:
    """Yield the regular files of a ``cpio`` in its ASCII forms; what follows its end is given as one more file.

    Raises:
        SpentError: it may take no more.
        ValueError: it is damaged.
    """
    while True:
        magic = source.read(6)
        if magic in {b"070701", b"070702"}:
            rest = source.read(_NEW_HEADER - 6)
            mode, size, length = (_digits(rest[at : at + 8], 16) for at in (8, 48, 88))
            name = _cpio_name(source, length)
            source.skip(-(_NEW_HEADER + length) % 4)
            padding = -size % 4
        elif magic == b"070707":
            rest = source.read(_OLD_HEADER - 6)
            mode, length, size = _digits(rest[12:18], 8), _digits(rest[53:59], 8), _digits(rest[59:70], 8)
            name = _cpio_name(source, length)
            padding = 0
        else:
            raise ValueError("a header of the cpio archive is damaged: the rest was not read")
        if name == "TRAILER!!!":
            yield from _after_trailer(source, path)
            return
        budget.begin_member()
        if mode & _KIND == _REGULAR:
            yield from _given(source.member(f"{path}{MEMBER}{name}", size))
        else:
            source.skip(size)
        source.skip(padding)


def _after_trailer(source: ByteSource, path: str) -> Iterator[TargetFile | Unread]:
    """The first disk of a system joins a small archive and a compressed one."""
    where = f"{path}{MEMBER}after the trailer"
    held = source.remainder(where, padding=b"\0")
    if held.file is not None and held.file.size_bytes:
        yield from _given(held)


def _cpio_name(source: ByteSource, length: int) -> str:
    if not 0 < length <= _MOST_NAME_BYTES:
        raise ValueError("a name in the cpio archive has an impossible length: the rest was not read")
    return _text(source.read(length).rstrip(b"\0"))


def rpm_members(file: TargetFile, budget: Budget) -> Iterator[TargetFile | Unread]:
    """Yield the files of an RPM package: its headers are left out, its payload is a compressed ``cpio``.

    Raises:
        SpentError: it may take no more.
        ValueError, OSError: it is damaged.
    """
    with file.open() as stream:
        place = _LEAD_BYTES
        for padded in (True, False):
            stream.seek(place)
            header = stream.read(_RPM_HEADER)
            if len(header) < _RPM_HEADER or not header.startswith(b"\x8e\xad\xe8"):
                raise ValueError("a header of the RPM package is damaged")
            size = int.from_bytes(header[8:12], "big") * 16 + int.from_bytes(header[12:16], "big")
            if size > _MOST_RPM_HEADER_BYTES:
                raise ValueError("a header of the RPM package is too long")
            place += _RPM_HEADER + size + (-size % 8 if padded else 0)
        stream.seek(place)
        start = stream.read(16)
        stream.seek(place)
        pieces = pieces_of(stream, file.size_bytes)
        packing = packing_of(start)
        source = StreamSource(inflate_all(packing, pieces) if packing else pieces, budget)
        yield from cpio_members(source, file.path, budget)
        if source.damage:
            yield Unread(file.path, source.damage)


def _given(held: Held) -> Iterator[TargetFile | Unread]:
    if held.file is not None:
        yield held.file
    if held.damage:
        yield Unread(held.path, held.damage)


def _digits(data: bytes, base: int) -> int:
    text = data.split(b"\0")[0].strip()
    if not text or not text.isalnum():
        raise ValueError("a number in a header is none: the rest was not read")
    return int(text, base)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
