"""Assemblies of .NET: which of the catalogue's namespaces and assemblies they name. Source: ECMA-335, II.24.2."""

from __future__ import annotations

from passerby.scan.binaries.gathered import Gathered
from passerby.scan.binaries.marks import Marks
from passerby.scan.binaries.window import BinaryFaultError, Window

_MOST_STREAMS = 64


def read_assembly(metadata: Window, marks: Marks, gathered: Gathered) -> None:
    """Gather what an assembly's heap of names holds: its own types and those that it refers to.

    Raises:
        BinaryFaultError: the heap cannot be read.
    """
    if metadata.at(0, 4, "the metadata") != b"BSJB":
        raise BinaryFaultError("its metadata begin wrong")
    (length,) = metadata.unpack("<I", 12, "the metadata")
    place = 16 + length
    (streams,) = metadata.unpack("<2xH", place, "the metadata")
    place += 4
    for _ in range(min(streams, _MOST_STREAMS)):
        offset, count_bytes = metadata.unpack("<II", place, "the metadata")
        name = metadata.text(place + 8)
        if name == "#Strings":
            heap = metadata.at(offset, count_bytes, "the heap of names")
            gathered.namespaces |= {name for name in marks.namespaces if b"\0" + name.encode() + b"\0" in heap}
        place += 8 + (len(name) + 4 & ~3)
