"""Opens what applications bring along: Electron's ``asar``, and archives that stand behind a program or a script.

Source: github.com/electron/asar, "Format"; Microsoft, "PE Format"; System V ABI, "ELF Header".
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator

from passerby.scan.files.bounds import Budget
from passerby.scan.files.members import PartFile
from passerby.scan.values import MEMBER, TargetFile, Unread

_MOST_ASAR_HEADER_BYTES = 64 << 20
_SEARCHED_BYTES = 1 << 20
_LEAST_BYTES = 1 << 16
"""Behind a program stand signatures as well; what is shorter is named by nobody."""
_BEHIND_SCRIPT = re.compile(rb"\n(?=\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|[^\n\0]{1,99}\0{20})")
_INSTALLERS = (
    (b"NullsoftInst", "NSIS"),
    (b"Inno Setup", "Inno Setup"),
    (b"zlb\x1a", "Inno Setup"),
    (b"idska32\x1a", "Inno Setup"),
    (b"InstallShield", "InstallShield"),
    (b"MEI\x0c\x0b\x0a\x0b\x0e", "PyInstaller"),
)


def asar_members(file: TargetFile, budget: Budget) -> Iterator[TargetFile | Unread]:
    """Yield the files of an ``asar``; those that are marked as unpacked lie beside it.

    Raises:
        SpentError: it may take no more.
        ValueError, RecursionError: it is damaged.
    """
    with file.open() as stream:
        _, header_bytes, _, json_bytes = struct.unpack("<4I", stream.read(16))
        if json_bytes > min(header_bytes, _MOST_ASAR_HEADER_BYTES):
            raise ValueError("its header is too long")
        tree = json.loads(stream.read(json_bytes))
    if not isinstance(tree, dict) or not isinstance(tree.get("files"), dict):
        raise ValueError("its header lists no files")  # noqa: TRY004 - of the file, not of a caller
    pending = [("", tree)]
    while pending:
        folder, node = pending.pop()
        for name, entry in node["files"].items():
            where = f"{folder}/{name}" if folder else name
            if isinstance(entry, dict) and isinstance(entry.get("files"), dict):
                pending.append((where, entry))
                continue
            budget.begin_member()
            yield from _asar_member(file, f"{file.path}{MEMBER}{where}", entry, 8 + header_bytes, budget)


def _asar_member(
    file: TargetFile, where: str, entry: object, start: int, budget: Budget
) -> Iterator[TargetFile | Unread]:
    if not isinstance(entry, dict) or "link" in entry or entry.get("unpacked") is True:
        return
    size, offset = entry.get("size"), entry.get("offset")
    if (
        not isinstance(size, int)
        or not isinstance(offset, str)
        or not offset.isdecimal()
        or len(offset) > 18
        or size < 0
    ):
        yield Unread(where, "its entry in the asar has no place or length")
        return
    place = start + int(offset)
    there = min(size, max(0, file.size_bytes - place))
    budget.spend(there)
    yield PartFile(file, place, there, where)
    if there < size:
        yield Unread(where, "the archive ends in the middle of it")


def appended_place(file: TargetFile) -> int | None:
    """Return where something stands behind a program or a script, or None where nothing does.

    Raises:
        OSError: it cannot be read.
    """
    head = file.head()
    place: int | None = None
    try:
        if head.startswith(b"MZ"):
            place = _end_of_windows_program(file, head)
        elif head.startswith(b"\x7fELF"):
            place = _end_of_linux_program(head)
        elif head.startswith(b"#!"):
            found = _BEHIND_SCRIPT.search(file.head(min(file.size_bytes, _SEARCHED_BYTES)))
            place = found.end() if found else None
    except struct.error:
        return None
    return place if place is not None and 0 < place <= file.size_bytes - _LEAST_BYTES else None


def appended_members(file: TargetFile, budget: Budget) -> Iterator[TargetFile | Unread]:
    """Yield what stands behind a program as one file; where it is an installer's own format, say so.

    Raises:
        SpentError: it may take no more.
    """
    place = appended_place(file)
    if place is None:
        return
    budget.begin_member()
    size = file.size_bytes - place
    part = PartFile(file, place, size, f"{file.path}{MEMBER}behind the program")
    yield part
    start = part.head()
    named = next((name for mark, name in _INSTALLERS if mark in start or mark in _tail(part)), "")
    if named:
        said = f"{size} bytes of {named} stand behind the program: not read; install it on a machine of its own and scan that"
        yield Unread(file.path, said)


def _tail(file: TargetFile) -> bytes:
    with file.open() as stream:
        stream.seek(max(0, file.size_bytes - 4096))
        return stream.read(4096)


def _end_of_windows_program(file: TargetFile, head: bytes) -> int | None:
    at = struct.unpack_from("<I", head, 60)[0]
    if at > _SEARCHED_BYTES:
        return None
    head = file.head(min(file.size_bytes, at + 8192))
    if head[at : at + 4] != b"PE\0\0":
        return None
    count, _, _, _, optional = struct.unpack_from("<HIIIH", head, at + 6)
    magic = struct.unpack_from("<H", head, at + 24)[0]
    end = 0
    for index in range(min(count, 96)):
        size, place = struct.unpack_from("<II", head, at + 24 + optional + index * 40 + 16)
        end = max(end, place + size)
    signed, length = struct.unpack_from("<II", head, at + 24 + (144 if magic == 0x20B else 128))
    return None if end == signed and signed + length >= file.size_bytes - 8 else end


def _end_of_linux_program(head: bytes) -> int:
    if len(head) < 64:
        return 0
    wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
    if wide:
        table = struct.unpack_from(f"{order}Q", head, 40)[0]
        size, count = struct.unpack_from(f"{order}HH", head, 58)
    else:
        table = struct.unpack_from(f"{order}I", head, 32)[0]
        size, count = struct.unpack_from(f"{order}HH", head, 46)
    return int(table + size * count)
