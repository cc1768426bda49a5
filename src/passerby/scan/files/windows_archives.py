"""Opens Windows cabinets and installer packages (MSI). Nothing of an installer is run.

Source: Microsoft, [MS-CAB], and "Cabinet SDK"; [MS-CFB] for the container of an MSI, read by ``olefile``. What MSI does to the
names of its streams and how it keeps tables is not published; it is as Wine and libmsi read it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

import olefile

from passerby.scan.files.bounds import Budget
from passerby.scan.files.members import StreamSource, hold
from passerby.scan.values import MEMBER, TargetFile, Unread

_MOST_NAME_BYTES = 257
_STORED, _MSZIP = 0, 1
_OTHERS = {2: "Quantum", 3: "LZX"}
_OTHER_CABINETS = 0xFFFD
_WINDOW = 1 << 15
_MOST_TABLE_BYTES = 64 << 20
_NO_NAMES: Mapping[str, str] = MappingProxyType({})
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"


class _Folder(NamedTuple):
    """One compressed run of a cabinet."""

    start: int
    blocks: int
    method: int


class _Entry(NamedTuple):
    """One file of a cabinet: in which folder, from where, how long."""

    folder: int
    start: int
    size: int
    name: str


def cab_members(
    file: TargetFile, budget: Budget, names: Mapping[str, str] = _NO_NAMES
) -> Iterator[TargetFile | Unread]:
    """Yield the files of a cabinet: stored and MSZIP; of LZX and Quantum the names, as not read.

    Args:
        file: The cabinet.
        budget: Counts.
        names: What the files are called in truth, where an installer packs them under keys.

    Raises:
        SpentError: it may take no more.
        ValueError, struct.error, OSError: it is damaged.
    """
    with file.open() as stream:
        folders, entries, reserved = _directory(stream, budget)
        entries.sort()
        for index, folder in enumerate(folders):
            inside = [entry for entry in entries if entry.folder == index]
            if folder.method & 15 in _OTHERS:
                for entry in inside:
                    where = f"{file.path}{MEMBER}{names.get(entry.name, entry.name)}"
                    yield Unread(where, f"{_OTHERS[folder.method & 15]} compression of cabinets is not read")
                continue
            source = StreamSource(_blocks(stream, folder, reserved), budget)
            place = 0
            for entry in inside:
                where = f"{file.path}{MEMBER}{names.get(entry.name, entry.name)}"
                if entry.start < place:
                    yield Unread(where, "it overlaps another file of the cabinet: not read")
                    continue
                source.skip(entry.start - place)
                held = source.member(where, entry.size)
                place = entry.start + entry.size
                if held.file is not None:
                    yield held.file
                if held.damage:
                    yield Unread(where, held.damage)
            if source.damage:
                yield Unread(file.path, source.damage)
        for entry in entries:
            if entry.folder >= len(folders):
                where = f"{file.path}{MEMBER}{names.get(entry.name, entry.name)}"
                yield Unread(where, "part of it is in another cabinet: not read")


def _directory(stream: BinaryIO, budget: Budget) -> tuple[list[_Folder], list[_Entry], int]:
    header = stream.read(36)
    first, folder_count, file_count, flags = struct.unpack("<I6xHHH", header[16:32])
    reserved_folder = reserved_data = 0
    if flags & 4:
        size, reserved_folder, reserved_data = struct.unpack("<HBB", stream.read(4))
        stream.read(size)
    for _ in range(2 * bool(flags & 1) + 2 * bool(flags & 2)):
        _name(stream)
    folders = []
    for _ in range(folder_count):
        folders.append(_Folder(*struct.unpack("<IHH", stream.read(8))))
        stream.read(reserved_folder)
    stream.seek(first)
    entries = []
    for _ in range(file_count):
        budget.begin_member()
        size, start, folder, attributes = struct.unpack("<IIH4xH", stream.read(16))
        name = _name(stream).decode("utf-8" if attributes & 0x80 else "cp437", "surrogateescape")
        entries.append(_Entry(folder, start, size, name.replace("\\", "/")))
    return folders, entries, reserved_data


def _name(stream: BinaryIO) -> bytes:
    place = stream.tell()
    name, end, _ = stream.read(_MOST_NAME_BYTES).partition(b"\0")
    if not end:
        raise ValueError("a name in the cabinet does not end")
    stream.seek(place + len(name) + 1)
    return name


def _blocks(stream: BinaryIO, folder: _Folder, reserved: int) -> Iterator[bytes]:
    place, window = folder.start, b""
    for _ in range(folder.blocks):
        stream.seek(place)
        packed, size = struct.unpack("<HH", stream.read(8)[4:])
        stream.read(reserved)
        data = stream.read(packed)
        place += 8 + reserved + packed
        if len(data) < packed:
            raise EOFError("the cabinet ends in the middle of its data")
        if folder.method & 15 == _MSZIP:
            if not data.startswith(b"CK"):
                raise ValueError("a block of the cabinet is damaged")
            data = zlib.decompressobj(-zlib.MAX_WBITS, zdict=window).decompress(data[2:], _WINDOW)
        if len(data) != size:
            raise ValueError("a block of the cabinet has another length than it states")
        window = data
        yield data


def ole_members(file: TargetFile, budget: Budget) -> Iterator[TargetFile | Unread]:
    """Yield the streams of an MSI or another OLE file; those that are cabinets are opened, with the names the MSI gives.

    Raises:
        SpentError: it may take no more.
        ValueError, OSError: it is damaged.
    """
    with file.open() as stream:
        try:
            container = olefile.OleFileIO(stream)
            streams = {
                _stream_name("/".join(parts)): parts for parts in container.listdir(streams=True, storages=False)
            }
        except (IndexError, KeyError, TypeError, AttributeError, struct.error, RecursionError, OverflowError) as exc:
            raise ValueError("its directory is damaged") from exc
        names = _file_names(container, streams)
        for name, parts in streams.items():
            budget.begin_member()
            where = f"{file.path}{MEMBER}{name}"
            held = hold(_stream_pieces(container, stream, parts), where, budget)
            if held.damage:
                yield Unread(where, held.damage)
            if held.file is not None and held.file.head(4) == b"MSCF":
                yield from cab_members(held.file, budget, names)
            elif held.file is not None:
                yield held.file


def _stream_pieces(container: olefile.OleFileIO, stream: BinaryIO, parts: list[str]) -> Iterator[bytes]:
    """Yield a stream in pieces; long ones by their chain of sectors, since the library would hold them whole."""
    try:
        size = container.get_size(parts)
        if size < container.minisectorcutoff:
            yield container.openstream(parts).read()
            return
        entry = container.root
        for part in parts:
            entry = entry.kids_dict[part.lower()]
        sector, table = entry.isectStart, container.fat
        while size > 0:
            if not 0 <= sector < len(table):
                raise EOFError("it ends in the middle of its data")
            stream.seek((sector + 1) * container.sector_size)
            data = stream.read(min(size, container.sector_size))
            if not data:
                raise EOFError("it ends in the middle of its data")
            size -= len(data)
            sector = table[sector]
            yield data
    except (IndexError, KeyError, TypeError, AttributeError, struct.error) as exc:
        raise ValueError("a stream is damaged") from exc


def _stream_name(name: str) -> str:
    """Return the name of a stream as MSI means it: it packs two characters into one from U+3800 on.

    >>> _stream_name(chr(0x4840) + chr(0x3800 + 15 + (44 << 6)))
    '!Fi'
    """
    out = []
    for letter in name:
        code = ord(letter)
        if 0x3800 <= code < 0x4800:
            out += [_LETTERS[(code - 0x3800) & 63], _LETTERS[(code - 0x3800) >> 6]]
        elif 0x4800 <= code < 0x4840:
            out.append(_LETTERS[code - 0x4800])
        else:
            out.append("!" if code == 0x4840 else letter)
    return "".join(out)


def _file_names(container: olefile.OleFileIO, streams: Mapping[str, list[str]]) -> Mapping[str, str]:
    """Return the names of an MSI's files by the keys that its cabinets use; nothing where its tables are not as expected."""
    tables = {}
    for name in ("!_StringPool", "!_StringData", "!File"):
        if name not in streams or container.get_size(streams[name]) > _MOST_TABLE_BYTES:
            return {}
        try:
            tables[name] = container.openstream(streams[name]).read()
        except (OSError, IndexError, KeyError, TypeError, AttributeError, struct.error):
            return {}
    pool, data, rows = tables["!_StringPool"], tables["!_StringData"], tables["!File"]
    wide = len(pool) > 3 and bool(pool[3] & 0x80)
    texts = _strings(pool, data)
    reference = 3 if wide else 2
    for sequence in (2, 4):
        width = 5 * reference + 6 + sequence
        count = len(rows) // width
        if rows and not len(rows) % width:
            found = _named(rows, count, reference, texts)
            if found:
                return found
    return {}


def _named(rows: bytes, count: int, reference: int, texts: list[str]) -> dict[str, str]:
    """Columns stand one after another: the first is the key, the third the name, short and long."""
    column = count * reference
    found = {}
    for index in range(count):
        at = index * reference
        key = int.from_bytes(rows[at : at + reference], "little")
        name = int.from_bytes(rows[2 * column + at : 2 * column + at + reference], "little")
        if not 0 < key < len(texts) or not 0 < name < len(texts):
            return {}
        found[texts[key]] = texts[name].rpartition("|")[2]
    return found


def _strings(pool: bytes, data: bytes) -> list[str]:
    texts, place, index = [""], 0, 4
    while index + 4 <= len(pool):
        length, uses = struct.unpack_from("<HH", pool, index)
        index += 4
        if not length and uses and index + 4 <= len(pool):
            low, high = struct.unpack_from("<HH", pool, index)
            length, index = low | high << 16, index + 4
        texts.append(data[place : place + length].decode("utf-8", "replace"))
        place += length
    return texts
