"""Apple programs and libraries (Mach-O, also several in one file): what they load, and the catalogue's symbols in them.

Source: ``mach-o/loader.h``, ``mach-o/nlist.h`` and ``mach-o/fat.h`` of Apple's open source.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from passerby.scan.binaries.gathered import Gathered
from passerby.scan.binaries.golang import read_modules
from passerby.scan.binaries.marks import Marks
from passerby.scan.binaries.symbols import symbols_in
from passerby.scan.binaries.window import MOST_NAME_BYTES, BinaryFaultError, Window, decode_name

_THIN = {
    b"\xfe\xed\xfa\xce": (">", False),
    b"\xce\xfa\xed\xfe": ("<", False),
    b"\xfe\xed\xfa\xcf": (">", True),
    b"\xcf\xfa\xed\xfe": ("<", True),
}
_FAT = {b"\xca\xfe\xba\xbe": False, b"\xca\xfe\xba\xbf": True}
_LOADS = {0xC, 0x80000018, 0x8000001F, 0x20, 0x80000023}
_ID, _SYMTAB, _SEGMENTS, _WRITABLE = 0xD, 0x2, {0x1, 0x19}, 2
_MOST_SLICES = 32
"""More are no file for several processors but a class of Java, which begins with the same bytes and its version, 45 or more."""
_MOST_COMMANDS, _MOST_COMMANDS_BYTES = 1 << 16, 16 << 20


class _Part(NamedTuple):
    """One slice: its bytes, byte order, and whether its words have 8 bytes."""

    window: Window
    order: str
    wide: bool


def is_macho(head: bytes) -> bool:
    """Return whether a file begins like a Mach-O file.

    Args:
        head: At least its first 8 bytes.
    """
    if head[:4] in _FAT:
        return len(head) >= 8 and 0 < int.from_bytes(head[4:8], "big") <= _MOST_SLICES
    return head[:4] in _THIN


def read_macho(window: Window, marks: Marks, gathered: Gathered) -> None:
    """Gather what a Mach-O file names, over all its slices. A broken slice becomes a fault.

    Raises:
        BinaryFaultError: its header cannot be read.
    """
    magic = window.at(0, 4, "the header")
    if magic in _THIN:
        _read_slice(window, marks, gathered)
        return
    wide = _FAT.get(magic)
    if wide is None:
        raise BinaryFaultError("the header is of no known kind")
    (count,) = window.unpack(">I", 4, "the header")
    for index in range(min(count, _MOST_SLICES)):
        step, layout = (32, ">IIQQ") if wide else (20, ">IIII")
        try:
            _cpu, _subtype, offset, size_bytes = window.unpack(layout, 8 + index * step, "a slice's header")
            _read_slice(window.slice(offset, size_bytes), marks, gathered)
        except BinaryFaultError as exc:
            gathered.faults.append(str(exc))


def _read_slice(window: Window, marks: Marks, gathered: Gathered) -> None:
    magic = window.at(0, 4, "the header")
    if magic not in _THIN:
        raise BinaryFaultError("a slice is of no known kind")
    part = _Part(window, *_THIN[magic])
    for kind, command in _commands(part):
        try:
            _read_command(part, kind, command, marks, gathered)
        except BinaryFaultError as exc:
            gathered.faults.append(str(exc))


def _read_command(part: _Part, kind: int, command: bytes, marks: Marks, gathered: Gathered) -> None:
    if kind in _LOADS or kind == _ID:
        (gathered.own if kind == _ID else gathered.libraries).append(_library(command, part.order))
    elif kind in _SEGMENTS:
        _read_segment(part, command, gathered)
    elif kind == _SYMTAB:
        _read_symbols(part, command, marks, gathered)


def _commands(part: _Part) -> Iterator[tuple[int, bytes]]:
    count, commands_bytes = part.window.unpack(part.order + "II", 16, "the header")
    if commands_bytes > _MOST_COMMANDS_BYTES:
        raise BinaryFaultError(f"its load commands are longer than {_MOST_COMMANDS_BYTES} bytes and were not read")
    commands = part.window.at(32 if part.wide else 28, commands_bytes, "the load commands")
    if count > _MOST_COMMANDS:
        raise BinaryFaultError(f"it claims {count} load commands, more than {_MOST_COMMANDS}: they were not read")
    place = 0
    for _ in range(count):
        if place + 8 > len(commands):
            raise BinaryFaultError("its load commands end early")
        kind, length = struct.unpack_from(part.order + "II", commands, place)
        if length < 8 or place + length > len(commands):
            raise BinaryFaultError("a load command has a wrong length")
        yield kind, commands[place : place + length]
        place += length


def _read_segment(part: _Part, command: bytes, gathered: Gathered) -> None:
    if len(command) < (72 if part.wide else 56):
        raise BinaryFaultError("a load command has a wrong length")
    layout, first = ("QQ4xI", 40) if part.wide else ("II4xI", 32)
    at, count_bytes, protection = struct.unpack_from(part.order + layout, command, first)
    if protection & _WRITABLE:
        read_modules(part.window.slice(at, count_bytes), gathered)


def _read_symbols(part: _Part, command: bytes, marks: Marks, gathered: Gathered) -> None:
    if len(command) < 24:
        raise BinaryFaultError("a load command has a wrong length")
    symbols_at, symbols, names_at, names_bytes = struct.unpack_from(part.order + "IIII", command, 8)
    names = part.window.at(names_at, names_bytes, "the table of names")
    if any(literal in names for literal in marks.literals()):
        _take(part, (symbols_at, symbols), names, marks, gathered)


def _library(command: bytes, order: str) -> str:
    if len(command) < 12:
        raise BinaryFaultError("a load command has a wrong length")
    (start,) = struct.unpack_from(order + "I", command, 8)
    return decode_name(command[start : start + MOST_NAME_BYTES].partition(b"\0")[0])


def _take(part: _Part, table: tuple[int, int], names: bytes, marks: Marks, gathered: Gathered) -> None:
    fields = [
        ("name", "u4"),
        ("type", "u1"),
        ("section", "u1"),
        ("about", "u2"),
        ("value", "u8" if part.wide else "u4"),
    ]
    kind = np.dtype([(name, part.order + size) for name, size in fields])
    offset, count = table
    symbols = np.frombuffer(part.window.at(offset, count * kind.itemsize, "the symbol table"), kind)
    for name, index in symbols_in(names, symbols["name"], marks, b"_"):
        (gathered.exported if symbols["type"][index] & 0x0E else gathered.imported).add(name)
