"""Linux and Android programs and libraries (ELF): what they need, and which of the catalogue's symbols they name.

Source: System V Application Binary Interface, chapters 4 and 5; the GNU hash table as glibc's ``elf/dl-lookup.c`` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from passerby.scan.binaries.gathered import Gathered
from passerby.scan.binaries.golang import read_modules
from passerby.scan.binaries.marks import Marks
from passerby.scan.binaries.symbols import symbols_in
from passerby.scan.binaries.window import MOST_NAME_BYTES, BinaryFaultError, Window, decode_name

MAGIC = b"\x7fELF"
_LOAD, _DYNAMIC = 1, 2
_WRITABLE = 2
_NEEDED, _HASH, _NAMES, _SYMBOLS, _NAMES_BYTES, _SONAME, _GNU_HASH = 1, 4, 5, 6, 10, 14, 0x6FFFFEF5
_SYMTAB = 2
_MOST_ENTRIES = 1 << 16


class _Elf:
    """One file's layout: word size, byte order, segments."""

    def __init__(self, window: Window) -> None:
        ident = window.at(0, 16, "the header")
        if ident[4] not in (1, 2) or ident[5] not in (1, 2):
            raise BinaryFaultError("the header is of no known word size or byte order")
        self.window, self.wide, self.order = window, ident[4] == 2, "<>"[ident[5] - 1]
        words = "QQQIHHHHHH" if self.wide else "IIIIHHHHHH"
        header = window.unpack(self.order + "HHI" + words, 16, "the header")
        self.segments_at, self.sections_at = header[4], header[5]
        self.segment_count, self.section_count = header[9], header[11]
        self._loaded: list[tuple[int, int, int]] = []
        self.dynamic: tuple[int, int] | None = None
        self.data: tuple[int, int] | None = None
        for kind, flags, offset, address, count_bytes in self._segments():
            if kind == _LOAD:
                if flags & _WRITABLE and self.data is None:
                    self.data = (offset, count_bytes)
                self._loaded.append((address, offset, count_bytes))
            elif kind == _DYNAMIC and self.dynamic is None:
                self.dynamic = (offset, count_bytes)

    def _segments(self) -> Iterator[tuple[int, int, int, int, int]]:
        layout = self.order + ("IIQQQQQQ" if self.wide else "IIIIIIII")
        step = 56 if self.wide else 32
        for index in range(self.segment_count):
            fields = self.window.unpack(layout, self.segments_at + index * step, "a segment's header")
            # flags, offset, address and length of a segment, in either order of fields
            places = (1, 2, 3, 5) if self.wide else (6, 1, 2, 4)
            flags, offset, address, count_bytes = (fields[place] for place in places)
            yield fields[0], flags, offset, address, count_bytes

    def offset_of(self, address: int) -> int:
        for begin, offset, count_bytes in self._loaded:
            if begin <= address < begin + count_bytes:
                return offset + address - begin
        raise BinaryFaultError("a table lies outside the segments")

    def sections(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield kind, offset, length and linked section of each section."""
        step = 64 if self.wide else 40
        layout = self.order + ("IIQQQQIIQQ" if self.wide else "IIIIIIIIII")
        for index in range(self.section_count):
            fields = self.window.unpack(layout, self.sections_at + index * step, "a section's header")
            yield fields[1], fields[4], fields[5], fields[6]

    def symbol_type(self) -> np.dtype[np.void]:
        if self.wide:
            fields = [
                ("name", "u4"),
                ("info", "u1"),
                ("other", "u1"),
                ("section", "u2"),
                ("value", "u8"),
                ("size", "u8"),
            ]
        else:
            fields = [
                ("name", "u4"),
                ("value", "u4"),
                ("size", "u4"),
                ("info", "u1"),
                ("other", "u1"),
                ("section", "u2"),
            ]
        return np.dtype([(name, self.order + kind) for name, kind in fields])


def read_elf(window: Window, marks: Marks, gathered: Gathered) -> None:
    """Gather what an ELF file names. What is broken becomes a fault, and hides no other part.

    Raises:
        BinaryFaultError: its header or its segments cannot be read.
    """
    elf = _Elf(window)
    _attempt(lambda: _read_dynamic(elf, marks, gathered), gathered)
    _attempt(lambda: _read_static(elf, marks, gathered), gathered)
    if elf.data:
        data = elf.data
        _attempt(lambda: read_modules(window.slice(*data), gathered), gathered)


def _attempt(read: Callable[[], None], gathered: Gathered) -> None:
    try:
        read()
    except BinaryFaultError as exc:
        gathered.faults.append(str(exc))


def _read_dynamic(elf: _Elf, marks: Marks, gathered: Gathered) -> None:
    if elf.dynamic is None:
        return
    offset, count_bytes = elf.dynamic
    word = 8 if elf.wide else 4
    entries = np.frombuffer(
        elf.window.at(
            offset, min(count_bytes, _MOST_ENTRIES * 2 * word) // (2 * word) * (2 * word), "the dynamic table"
        ),
        np.dtype(f"{elf.order}u{word}"),
    ).reshape(-1, 2)
    single: dict[int, int] = {}
    needed: list[int] = []
    for tag, value in entries.tolist():
        if tag == 0:
            break
        if tag == _NEEDED:
            needed.append(value)
        single.setdefault(tag, value)
    if _NAMES not in single:
        return
    names_at = elf.offset_of(single[_NAMES])
    names = elf.window.at(names_at, single.get(_NAMES_BYTES, 0), "the table of names")
    gathered.libraries += [_name_at(names, place) for place in needed]
    if _SONAME in single:
        gathered.own.append(_name_at(names, single[_SONAME]))
    if _SYMBOLS in single and any(literal in names for literal in marks.literals()):
        kind = elf.symbol_type()
        table = elf.window.at(
            elf.offset_of(single[_SYMBOLS]), _symbol_count(elf, single) * kind.itemsize, "the symbol table"
        )
        _take(np.frombuffer(table, kind), names, marks, gathered)


def _name_at(names: bytes, place: int) -> str:
    if place >= len(names):
        raise BinaryFaultError("a needed library's name lies outside the table of names")
    return decode_name(names[place : place + MOST_NAME_BYTES].partition(b"\0")[0])


def _symbol_count(elf: _Elf, dynamic: dict[int, int]) -> int:
    if _HASH in dynamic:
        return elf.window.unpack(elf.order + "II", elf.offset_of(dynamic[_HASH]), "the hash table")[1]
    if _GNU_HASH not in dynamic:
        raise BinaryFaultError("the symbol table has no stated length")
    at = elf.offset_of(dynamic[_GNU_HASH])
    buckets, first, blooms, _shift = elf.window.unpack(elf.order + "IIII", at, "the hash table")
    buckets_at = at + 16 + blooms * (8 if elf.wide else 4)
    words = np.dtype(f"{elf.order}u4")
    highest = int(np.frombuffer(elf.window.at(buckets_at, buckets * 4, "the hash table"), words).max(initial=0))
    if highest < first:
        return first
    chain_at = buckets_at + buckets * 4 + (highest - first) * 4
    most = min(elf.window.size_bytes - chain_at, 4 << 16) // 4 * 4
    ends = np.flatnonzero(np.frombuffer(elf.window.at(chain_at, most, "the hash table"), words) & 1)
    if not ends.size:
        raise BinaryFaultError("the hash table has no end")
    return highest + int(ends[0]) + 1


def _read_static(elf: _Elf, marks: Marks, gathered: Gathered) -> None:
    if not elf.sections_at:
        return
    sections = list(elf.sections())
    for section_kind, offset, count_bytes, link in sections:
        if section_kind != _SYMTAB or link >= len(sections):
            continue
        names = elf.window.at(*sections[link][1:3], "the table of names")
        if any(literal in names for literal in marks.literals()):
            kind = elf.symbol_type()
            table = elf.window.at(offset, count_bytes // kind.itemsize * kind.itemsize, "the symbol table")
            _take(np.frombuffer(table, kind), names, marks, gathered)


def _take(table: np.ndarray, names: bytes, marks: Marks, gathered: Gathered) -> None:
    for name, index in symbols_in(names, table["name"], marks):
        (gathered.exported if table["section"][index] else gathered.imported).add(name)
