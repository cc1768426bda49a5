"""Windows programs and libraries (PE): what they need, import and export, and what their version resource says.

Source: Microsoft, PE Format; VS_VERSIONINFO.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from typing import NamedTuple

from passerby.scan.binaries.dotnet import read_assembly
from passerby.scan.binaries.gathered import Gathered
from passerby.scan.binaries.golang import read_modules
from passerby.scan.binaries.marks import Marks
from passerby.scan.binaries.version import read_version
from passerby.scan.binaries.window import BinaryFaultError, Window

MAGIC = b"MZ"
_EXPORTS, _IMPORTS, _RESOURCES, _DELAYED, _CLR = 0, 1, 2, 13, 14
_VERSION = 16
_WRITABLE = 0x80000000
_MOST_LIBRARIES = 4096
_MOST_NAMES = 300_000
"""Source: a choice; the largest libraries of Windows export 60,000."""
_MOST_RESOURCES = 4096
_MOST_VERSION_BYTES = 1 << 16


class _PeSection(NamedTuple):
    address: int
    length: int
    offset: int


class _Pe:
    """One file's layout: its sections and tables."""

    def __init__(self, window: Window) -> None:
        (start,) = window.unpack("<I", 0x3C, "the header")
        if window.at(start, 4, "the header") != b"PE\0\0":
            raise BinaryFaultError("it begins like a program of Windows and is none")
        count, header_bytes = window.unpack("<HxxxxxxxxxxxxH", start + 6, "the header")
        (magic,) = window.unpack("<H", start + 24, "the header")
        if magic not in (0x10B, 0x20B):
            raise BinaryFaultError("its optional header is of no known kind")
        self.window, self.wide = window, magic == 0x20B
        tables_at = start + 24 + (112 if self.wide else 96)
        (self.base,) = window.unpack("<Q" if self.wide else "<I", start + 24 + (24 if self.wide else 28), "the header")
        (tables,) = window.unpack("<I", tables_at - 4, "the header")
        self._tables = [window.unpack("<II", tables_at + 8 * index, "the header") for index in range(min(tables, 16))]
        sections = []
        self.data: tuple[int, int] | None = None
        for index in range(count):
            fields = window.unpack("<8xIIII12xI", start + 24 + header_bytes + 40 * index, "a section's header")
            sections.append(_PeSection(fields[1], max(fields[0], fields[2]), fields[3]))
            if fields[4] & _WRITABLE and self.data is None:
                self.data = (fields[3], fields[2])
        self._sections = sorted(sections)
        self._addresses = [section.address for section in self._sections]

    def table(self, index: int) -> tuple[int, int]:
        """Return address and length of a table; zeros where there is none."""
        address, count_bytes = self._tables[index] if index < len(self._tables) else (0, 0)
        return address, count_bytes

    def offset_of(self, address: int) -> int:
        place = bisect.bisect_right(self._addresses, address) - 1
        if place < 0:
            if address < self.window.size_bytes:
                return address
            raise BinaryFaultError("a table lies outside the sections")
        section = self._sections[place]
        if address >= section.address + section.length:
            raise BinaryFaultError("a table lies outside the sections")
        return section.offset + address - section.address

    def unpack(self, layout: str, address: int) -> tuple[int, ...]:
        return self.window.unpack(layout, self.offset_of(address), "a table")

    def text(self, address: int) -> str:
        return self.window.text(self.offset_of(address))


def read_pe(window: Window, marks: Marks, gathered: Gathered) -> None:
    """Gather what a PE file names. A broken table becomes a fault, and hides no other.

    Raises:
        BinaryFaultError: its headers cannot be read.
    """
    pe = _Pe(window)
    parts: tuple[Callable[[_Pe, Marks, Gathered], None], ...] = (
        _read_exports,
        _read_imports,
        _read_delayed,
        _read_resources,
        _read_clr,
        _read_go,
    )
    for part in parts:
        try:
            part(pe, marks, gathered)
        except BinaryFaultError as exc:
            gathered.faults.append(str(exc))


def _read_exports(pe: _Pe, marks: Marks, gathered: Gathered) -> None:
    address, _ = pe.table(_EXPORTS)
    if not address:
        return
    fields = pe.unpack("<IIHHIIIIIII", address)
    if fields[4]:
        gathered.own.append(pe.text(fields[4]))
    count, names_at = fields[7], fields[9]
    for index in range(_bounded(count, "exported")):
        (name_at,) = pe.unpack("<I", names_at + 4 * index)
        if marks.by_symbol(name := pe.text(name_at)):
            gathered.exported.add(name)


def _bounded(count: int, what: str) -> int:
    if count > _MOST_NAMES:
        raise BinaryFaultError(f"it claims {count} {what} names, more than {_MOST_NAMES}: they were not read")
    return count


def _read_imports(pe: _Pe, marks: Marks, gathered: Gathered) -> None:
    address, _ = pe.table(_IMPORTS)
    left = _MOST_NAMES
    for index in range(_MOST_LIBRARIES if address else 0):
        lookup, _time, _chain, name_at, thunks = pe.unpack("<IIIII", address + 20 * index)
        if not name_at:
            return
        gathered.libraries.append(pe.text(name_at))
        for name in _imported(pe, lookup or thunks, 0):
            left -= 1
            if left < 0:
                raise BinaryFaultError(f"it imports more than {_MOST_NAMES} names: the rest was not read")
            if marks.by_symbol(name):
                gathered.imported.add(name)


def _read_delayed(pe: _Pe, marks: Marks, gathered: Gathered) -> None:
    address, _ = pe.table(_DELAYED)
    left = _MOST_NAMES
    for index in range(_MOST_LIBRARIES if address else 0):
        attributes, name_at, _handle, _thunks, lookup = pe.unpack("<IIIII", address + 32 * index)
        if not name_at:
            return
        base = 0 if attributes & 1 else pe.base
        gathered.libraries.append(pe.text(name_at - base))
        for name in _imported(pe, lookup - base, base):
            left -= 1
            if left < 0:
                raise BinaryFaultError(f"it imports more than {_MOST_NAMES} names: the rest was not read")
            if marks.by_symbol(name):
                gathered.imported.add(name)


def _imported(pe: _Pe, address: int, base: int) -> Iterator[str]:
    step, layout, by_number = (8, "<Q", 1 << 63) if pe.wide else (4, "<I", 1 << 31)
    for index in range(_MOST_NAMES):
        (entry,) = pe.unpack(layout, address + step * index)
        if not entry:
            return
        if not entry & by_number:
            yield pe.text((entry & 0x7FFFFFFF) - base + 2)


def _read_resources(pe: _Pe, _marks: Marks, gathered: Gathered) -> None:
    address, _ = pe.table(_RESOURCES)
    if not address:
        return
    budget = [_MOST_RESOURCES]
    for kind, of_kind in _entries(pe, address, 0, budget):
        if kind != _VERSION or not of_kind & 1 << 31:
            continue
        for _name, of_name in _entries(pe, address, of_kind & 0x7FFFFFFF, budget):
            if of_name & 1 << 31:
                for _language, leaf in _entries(pe, address, of_name & 0x7FFFFFFF, budget):
                    data_at, count_bytes = pe.unpack("<II", address + leaf)
                    read_version(
                        pe.window.at(
                            pe.offset_of(data_at), min(count_bytes, _MOST_VERSION_BYTES), "the version resource"
                        ),
                        gathered,
                    )


def _entries(pe: _Pe, address: int, place: int, budget: list[int]) -> Iterator[tuple[int, int]]:
    named, numbered = pe.unpack("<12xHH", address + place)
    for index in range(named + numbered):
        budget[0] -= 1
        if budget[0] < 0:
            raise BinaryFaultError(f"it holds more than {_MOST_RESOURCES} resources: the rest was not read")
        kind, entry = pe.unpack("<II", address + place + 16 + 8 * index)
        yield kind, entry


def _read_clr(pe: _Pe, marks: Marks, gathered: Gathered) -> None:
    address, _ = pe.table(_CLR)
    if address:
        metadata_at, count_bytes = pe.unpack("<8xII", address)
        read_assembly(pe.window.slice(pe.offset_of(metadata_at), count_bytes), marks, gathered)


def _read_go(pe: _Pe, _marks: Marks, gathered: Gathered) -> None:
    if pe.data:
        read_modules(pe.window.slice(*pe.data), gathered)
