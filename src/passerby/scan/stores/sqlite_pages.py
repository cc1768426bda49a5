"""Reads the tables of an SQLite file page by page, within bounds: which columns, how many rows, how long each value is.

SQLite itself is not asked: it would want a path, write beside the file or hold it in memory, and run what a schema says.

Source: sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from passerby.errors import ScanError

MAGIC = b"SQLite format 3\0"
_MOST_PAGES = 5_000
_MOST_PAYLOAD = 1 << 16
_MOST_COLUMNS = 2_000
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)
_LEAF, _INTERIOR = 0x0D, 0x05
_CONSTRAINT = re.compile(r"(?i)(?:constraint|primary|unique|check|foreign)\b")
_IDENTIFIER = re.compile(r"""\s*(?:"([^"]*)"|`([^`]*)`|\[([^\]]*)\]|'([^']*)'|([\w$]+))""")


@dataclass(frozen=True, slots=True)
class SqliteTable:
    """One table of the schema.

    Attributes:
        name: As the schema has it; for comparison alone, never shown.
        root: Its first page; 0 for a virtual table.
        sql: The statement that made it.
    """

    name: str
    root: int
    sql: str

    def columns(self) -> list[str]:
        """Return the names of its columns, in order."""
        inner = self.sql.partition("(")[2].rpartition(")")[0]
        parts = _split(inner)
        names = []
        for part in parts:
            found = _IDENTIFIER.match(part)
            if found and not _CONSTRAINT.match(part.strip()):
                names.append(next(group for group in found.groups() if group is not None))
        return names


class SqlitePages:
    """The pages of one file, of which at most five thousand are read.

    Args:
        stream: The file; read and sought, never written.

    Raises:
        ScanError: it is no SQLite file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        head = stream.read(100)
        size = struct.unpack_from(">H", head, 16)[0] if len(head) == 100 and head.startswith(MAGIC) else 0
        self._size = 1 << 16 if size == 1 else size
        if not 512 <= self._size <= 1 << 16:
            raise ScanError("file must be a database of SQLite, got something else")
        self._usable = self._size - head[20]
        self._left = _MOST_PAGES
        self.whole = True

    def _page(self, number: int) -> bytes:
        if self._left <= 0 or number < 1:
            self.whole = self.whole and number >= 1
            return b""
        self._left -= 1
        self._stream.seek((number - 1) * self._size)
        return self._stream.read(self._size)

    def tables(self) -> Iterator[SqliteTable]:
        """Yield the tables that the schema names."""
        for row in self.rows(1):
            values = row.values()
            kind, name, _, root, sql = [*values, None, None, None, None, None][:5]
            if kind == b"table" and isinstance(name, bytes) and isinstance(sql, bytes):
                number = root if isinstance(root, int) else 0
                yield SqliteTable(name.decode("utf-8", "replace"), number, sql.decode("utf-8", "replace"))

    def rows(self, root: int) -> Iterator[SqliteRow]:
        """Yield the rows of a table, in order; it ends early, with ``whole`` false, when the pages are used up."""
        left = [root]
        seen: set[int] = set()
        while left:
            number = left.pop()
            if number in seen:
                continue
            seen.add(number)
            page = self._page(number)
            start = 100 if number == 1 else 0
            if len(page) < start + 12:
                self.whole = self.whole and self._left > 0
                continue
            kind, count = page[start], struct.unpack_from(">H", page, start + 3)[0]
            begin = start + (12 if kind == _INTERIOR else 8)
            cells = [int.from_bytes(page[at : at + 2]) for at in range(begin, min(begin + 2 * count, len(page) - 1), 2)]
            if kind == _INTERIOR:
                children = [int.from_bytes(page[at : at + 4]) for at in cells]
                left += reversed([*children, int.from_bytes(page[start + 8 : start + 12])])
            elif kind == _LEAF:
                yield from (self._row(page, at) for at in cells)

    def _row(self, page: bytes, at: int) -> SqliteRow:
        length, at = varint(page, at)
        _, at = varint(page, at)
        limit = self._usable - 35
        if length <= limit:
            return SqliteRow(page[at : at + length])
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (self._usable - 4)
        local = local if local <= limit else least
        data = bytearray(page[at : at + local])
        following = int.from_bytes(page[at + local : at + local + 4])
        while following and len(data) < min(length, _MOST_PAYLOAD):
            further = self._page(following)
            if len(further) < 4:
                break
            following = int.from_bytes(further[:4])
            data += further[4 : self._usable]
        return SqliteRow(bytes(data[:length]))


class SqliteRow:
    """One row: the type and length of each value, and its bytes as far as they were read.

    Args:
        payload: As it lies in the file.
    """

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        end, at = varint(payload, 0)
        self.types: list[int] = []
        self._start = end
        while at < min(end, len(payload)) and len(self.types) < _MOST_COLUMNS:
            kind, at = varint(payload, at)
            self.types.append(kind)

    def length(self, column: int) -> int:
        """Return how many bytes a value has."""
        kind = self.types[column]
        return _SIZES[kind] if kind < 12 else (kind - 12) // 2

    def value(self, column: int) -> bytes:
        """Return a value's bytes, fewer where they were not read."""
        at = self._start + sum(self.length(before) for before in range(column))
        return self._payload[at : at + self.length(column)]

    def values(self) -> list[bytes | int | None]:
        """Return all values: texts and blobs as bytes, whole numbers as such, others as None."""
        found: list[bytes | int | None] = []
        for column, kind in enumerate(self.types):
            if kind >= 12:
                found.append(self.value(column))
            elif kind in (8, 9):
                found.append(kind - 8)
            else:
                found.append(int.from_bytes(self.value(column), signed=True) if 1 <= kind <= 6 else None)
        return found


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, and the place after it.

    >>> varint(bytes([0x81, 0x00]), 0)
    (128, 2)
    """
    value = 0
    for count in range(9):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        if count == 8:
            return value << 8 | byte, at
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value, at


def _split(text: str) -> list[str]:
    """Return what stands between the commas that lie in no bracket."""
    parts = [""]
    depth = 0
    for piece in re.split(r"([(),])", text[:_MOST_PAYLOAD]):
        if piece == "," and depth == 0:
            parts.append("")
            continue
        depth += (piece == "(") - (piece == ")")
        parts[-1] += piece
    return parts
