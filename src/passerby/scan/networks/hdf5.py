"""HDF5 as Keras writes it: attributes of the root group, names and shapes of data sets. Data are never read.

Source: The HDF Group, "HDF5 File Format Specification", version 3.0: superblock 0 to 3, groups as symbol tables (what h5py writes
unless it is asked otherwise), object headers 1 and 2, data spaces, attributes. Groups kept in fractal heaps stay unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from passerby.scan.networks.network import MOST_NAME, MOST_PARAMETERS, BrokenModelError, Parameter
from passerby.scan.networks.paged import PagedFile

HDF5_MARK = b"\x89HDF\r\n\x1a\n"
_MOST_DEPTH = 24
_MOST_STEPS = 400_000
_MOST_ATTRIBUTE = 16 << 20
_NOWHERE = 0xFFFFFFFFFFFFFFFF
_DATASPACE, _LINK, _ATTRIBUTE, _CONTINUATION, _SYMBOLS = 0x01, 0x06, 0x0C, 0x10, 0x11


class _Message(NamedTuple):
    kind: int
    start: int
    size: int


@dataclass(slots=True)
class Hdf5Contents:
    """What a file says.

    Attributes:
        texts: Attributes of the root group that are one text.
        parameters: Data sets, with the groups that lead to them.
    """

    texts: dict[str, bytes] = field(default_factory=dict)
    parameters: list[Parameter] = field(default_factory=list)


class _Hdf5:
    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        self._file = PagedFile(stream, size_bytes)
        self._left = _MOST_STEPS
        self.contents = Hdf5Contents()

    def number(self, at: int, size: int = 8) -> int:
        self._left -= 1
        if self._left < 0:
            raise BrokenModelError("it has too many parts")
        data = self._file.bytes_at(at, size) if 0 <= at < self._file.size_bytes else b""
        if len(data) < size:
            raise BrokenModelError("an address leads out of it")
        return int.from_bytes(data, "little")

    def text(self, at: int, most: int = MOST_NAME) -> str:
        if not 0 <= at < self._file.size_bytes:
            raise BrokenModelError("an address leads out of it")
        return self._file.bytes_at(at, most).split(b"\0", 1)[0].decode("utf-8", "replace")

    def root(self) -> int:
        """Return where the root group's header is."""
        version = self.number(8, 1)
        if version in (0, 1):
            if self.number(13, 1) != 8 or self.number(14, 1) != 8:
                raise BrokenModelError("its addresses are not of 8 bytes")
            return self.number(64 + 4 * (version == 1))
        if version in (2, 3):
            return self.number(36)
        raise BrokenModelError("its version of HDF5 is not known")

    def messages(self, header: int) -> Iterator[_Message]:
        if self._file.bytes_at(header, 4) == b"OHDR":
            yield from self._new_messages(header)
            return
        if self.number(header, 1) != 1:
            raise BrokenModelError("an object's header is of an unknown version")
        blocks = [(header + 16, self.number(header + 8, 4))]
        while blocks:
            at, size = blocks.pop(0)
            end = at + size
            while at + 8 <= end:
                kind, length = self.number(at, 2), self.number(at + 2, 2)
                if kind == _CONTINUATION:
                    blocks.append((self.number(at + 8), self.number(at + 16)))
                yield _Message(kind, at + 8, length)
                at += 8 + length

    def _new_messages(self, header: int) -> Iterator[_Message]:
        flags = self.number(header + 5, 1)
        at = header + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        blocks = [(at + width, self.number(at, width), 0)]
        extra = 2 if flags & 4 else 0
        while blocks:
            at, size, tail = blocks.pop(0)
            end = at + size - tail
            while at + 4 + extra <= end:
                kind, length = self.number(at, 1), self.number(at + 1, 2)
                start = at + 4 + extra
                if kind == _CONTINUATION:
                    blocks.append((self.number(start) + 4, self.number(start + 8) - 4, 4))
                yield _Message(kind, start, length)
                at = start + length

    def walk(self, header: int, path: str, depth: int, met: set[int]) -> None:
        """Gather the data sets of a group and of those in it."""
        if depth > _MOST_DEPTH or header in met:
            return
        met.add(header)
        for message in self.messages(header):
            if message.kind == _SYMBOLS:
                heap = self.number(self.number(message.start + 8) + 24)
                self._tree(self.number(message.start), heap, (path, depth, met), 0)
            elif message.kind == _LINK:
                self._link(message, path, depth, met)
            elif message.kind == _DATASPACE and path:
                if len(self.contents.parameters) >= MOST_PARAMETERS:
                    raise BrokenModelError(f"it has more than {MOST_PARAMETERS:,} tensors")
                self.contents.parameters.append(Parameter(path, self.space(message.start)))
            elif message.kind == _ATTRIBUTE and not path:
                self._attribute(message.start)

    def _tree(self, at: int, heap: int, state: tuple[str, int, set[int]], depth: int) -> None:
        """Follow a B-tree of version 1 to its symbol nodes."""
        mark = self._file.bytes_at(at, 4)
        if mark == b"SNOD":
            for place in range(self.number(at + 6, 2)):
                entry = at + 8 + 40 * place
                self._enter(self.text(heap + self.number(entry)), self.number(entry + 8), state)
        elif mark == b"TREE" and depth < _MOST_DEPTH:
            for place in range(self.number(at + 6, 2)):
                self._tree(self.number(at + 24 + 8 + 16 * place), heap, state, depth + 1)
        else:
            raise BrokenModelError("a group's tree is broken")

    def _enter(self, name: str, header: int, state: tuple[str, int, set[int]]) -> None:
        path, depth, met = state
        if header != _NOWHERE:
            self.walk(header, f"{path}/{name}"[-MOST_NAME:].strip("/"), depth + 1, met)

    def _link(self, message: _Message, path: str, depth: int, met: set[int]) -> None:
        """Follow a link that stands in a group's header; soft and foreign ones are passed over."""
        flags = self.number(message.start + 1, 1)
        at = message.start + 2
        if flags & 8:
            if self.number(at, 1) != 0:
                return
            at += 1
        at += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = self.number(at, width)
        name = self.text(at + width, min(length, MOST_NAME))
        self._enter(name, self.number(at + width + length), (path, depth, met))

    def space(self, at: int) -> tuple[int, ...]:
        version, rank = self.number(at, 1), self.number(at + 1, 1)
        start = at + (8 if version == 1 else 4)
        return tuple(self.number(start + 8 * side) for side in range(min(rank, 16)))

    def _attribute(self, at: int) -> None:
        """Keep an attribute that is one text, of fixed length or in the global heap."""
        version = self.number(at, 1)
        sizes = [self.number(at + 2 + 2 * place, 2) for place in range(3)]
        start = at + (9 if version == 3 else 8)
        if version == 1:
            sizes = [size + -size % 8 for size in sizes]
        name = self.text(start, min(sizes[0], MOST_NAME))
        kind = start + sizes[0]
        data = kind + sizes[1] + sizes[2]
        type_of, length = self.number(kind, 1) & 15, self.number(kind + 4, 4)
        if self.space(kind + sizes[1]):
            return
        if type_of == 3:
            self.contents.texts[name] = self._bytes(data, length)
        elif type_of == 9:
            length, heap, index = self.number(data, 4), self.number(data + 4), self.number(data + 12, 4)
            self.contents.texts[name] = self._heap_object(heap, index, length)

    def _heap_object(self, heap: int, index: int, length: int) -> bytes:
        if self._file.bytes_at(heap, 4) != b"GCOL":
            raise BrokenModelError("a heap is broken")
        at, end = heap + 16, heap + self.number(heap + 8)
        while at + 16 <= end:
            number, size = self.number(at, 2), self.number(at + 8)
            if number == index:
                return self._bytes(at + 16, min(size, length))
            if not number:
                break
            at += 16 + size + -size % 8
        raise BrokenModelError("a heap lacks an object")

    def _bytes(self, at: int, length: int) -> bytes:
        if length > _MOST_ATTRIBUTE or at + length > self._file.size_bytes:
            raise BrokenModelError("an attribute reaches beyond its end, or is too long")
        return self._file.bytes_at(at, length).rstrip(b"\0")


def read_hdf5(stream: BinaryIO, size_bytes: int) -> Hdf5Contents:
    """Return texts and data sets of an HDF5 file.

    Raises:
        BrokenModelError: it is none, or exceeds a bound.
    """
    file = _Hdf5(stream, size_bytes)
    if stream.read(8) != HDF5_MARK:
        raise BrokenModelError("its first bytes are not HDF5's")
    file.walk(file.root(), "", 0, set())
    return file.contents
