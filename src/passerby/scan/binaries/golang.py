"""Programs written in Go: the modules that they are built of, which Go writes into them.

Source: Go, ``debug/buildinfo``; the form of Go 1.18 and later. Earlier ones hold pointers and are not read.
"""

from __future__ import annotations

from passerby.scan.binaries.gathered import Gathered
from passerby.scan.binaries.window import BinaryFaultError, Window

_MAGIC = b"\xff Go buildinf:"
_HEADER_BYTES, _ALIGNED = 32, 16
_INLINE = 2
_SEARCHED_BYTES = 1 << 20
"""It stands at the begin of the data that can be written. Source: Go's linker; its own reader searches as much."""
_MOST_MODULES = 10_000


def read_modules(data: Window, gathered: Gathered) -> None:
    """Gather modules out of the part of a program that holds data.

    Args:
        data: The part, as it stands in the file.
        gathered: Takes path and version of each module, the program's own first.

    Raises:
        BinaryFaultError: the list is cut off.
    """
    head = data.at(0, min(data.size_bytes, _SEARCHED_BYTES), "the data")
    place = head.find(_MAGIC)
    while place >= 0 and place % _ALIGNED:
        place = head.find(_MAGIC, place + 1)
    if place < 0 or len(head) < place + _HEADER_BYTES or not head[place + 15] & _INLINE:
        return
    _version, place = _text(head, place + _HEADER_BYTES)
    modules, _ = _text(head, place)
    # a mark of 16 bytes stands before and after the list
    for line in modules[16:-16].decode("utf-8", "replace").split("\n")[:_MOST_MODULES]:
        kind, *fields = line.split("\t")
        if kind in {"mod", "dep", "=>"} and len(fields) >= 2:
            gathered.modules.append((fields[0], fields[1]))


def _text(data: bytes, place: int) -> tuple[bytes, int]:
    length = shift = 0
    while True:
        if place >= len(data) or shift > 28:
            raise BinaryFaultError("the list of Go modules is cut off or wrong")
        length |= (data[place] & 0x7F) << shift
        shift += 7
        place += 1
        if data[place - 1] < 0x80:
            break
    if place + length > len(data):
        raise BinaryFaultError("the list of Go modules is cut off or wrong")
    return data[place : place + length], place + length
