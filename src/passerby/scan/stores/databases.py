"""SQLite files with columns of vectors: sqlite-vec, sqlite-vss, Chroma, and tables whose blobs are as long as descriptors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from passerby.errors import ScanError
from passerby.scan.stores.pickled import width_of
from passerby.scan.stores.sqlite_pages import SqlitePages, SqliteRow, SqliteTable
from passerby.scan.stores.vectors import (
    NARROWEST,
    SAMPLE,
    WIDEST,
    StoreFacts,
    as_finding,
    speaks_of_faces,
    speaks_of_vectors,
    unit_length,
)
from passerby.scan.values import Observation, TargetFile, Unread

_VEC0 = re.compile(r"using\s+vec0\b", re.I)
_VEC0_COLUMN = re.compile(r"([\w\"`\[\]]{1,100})\s{1,100}(?:float|f32|int8|bit)\s*\[\s*(\d{1,5})\s*\]", re.I)
_VSS0 = re.compile(r"using\s+vss0\s*\(", re.I)
_VSS0_COLUMN = re.compile(r"([\w\"`]{1,100})\s{0,100}\(\s{0,100}(\d{1,5})\s*\)")
_METRIC = re.compile(r"distance_metric\s*=\s*(cosine|l2|l1)", re.I)
_MOST_TABLES = 300
_TYPES = {"<f4": 4, "<f8": 8, "<f2": 2}
_FEWEST = 3
"""Rows that a column of an unspeaking name must have before their lengths say anything."""


@dataclass(slots=True)
class _Column:
    """What was seen of one column: how long its blobs and texts are, and a few of them until their widths are taken."""

    name: str
    blobs: Counter[int] = field(default_factory=Counter)
    texts: int = 0
    sample: list[bytes] = field(default_factory=list)


def read_database(file: TargetFile) -> Iterator[Observation]:
    """Yield the columns of vectors of an SQLite file: how many, how wide, of what length; names and values stay inside."""
    with file.open() as stream:
        try:
            pages = SqlitePages(stream)
            tables = list(pages.tables())
        except (ScanError, IndexError) as exc:
            yield Unread(
                file.path, exc.message if isinstance(exc, ScanError) else "database of SQLite breaks off in its schema"
            )
            return
        for table in tables[:_MOST_TABLES]:
            yield from _virtual(file, pages, table, tables) if not table.root else _plain(file, pages, table)
    if not pages.whole or len(tables) > _MOST_TABLES:
        yield Unread(file.path, "is a database of SQLite of which only the first pages were read")


def _virtual(
    file: TargetFile, pages: SqlitePages, table: SqliteTable, tables: list[SqliteTable]
) -> Iterator[Observation]:
    """Yield the vectors of a table that an extension keeps; its rows are counted in the table beside it."""
    inner = table.sql.partition("(")[2]
    if _VEC0.search(table.sql):
        form, columns = "a table of sqlite-vec", _VEC0_COLUMN.findall(inner)
    elif _VSS0.search(table.sql):
        form, columns = "a table of sqlite-vss", _VSS0_COLUMN.findall(inner)
    else:
        return
    beside = next(
        (one for one in tables if one.root and one.name in (f"{table.name}_rowids", f"{table.name}_data")), None
    )
    count = sum(1 for _ in pages.rows(beside.root)) if beside else None
    metric = _METRIC.search(inner)
    for name, width in columns:
        faces = speaks_of_faces(name) or speaks_of_faces(table.name)
        stated = metric[1].lower() if metric else ""
        yield from as_finding(
            file, StoreFacts(form, int(width), count, at_least=not pages.whole, metric=stated, faces=faces)
        )


def _plain(file: TargetFile, pages: SqlitePages, table: SqliteTable) -> Iterator[Observation]:
    columns = [_Column(name) for name in table.columns()]
    for row in pages.rows(table.root):
        for number, column in enumerate(columns[: len(row.types)]):
            _take(column, row, number)
    for column in columns:
        speaking = speaks_of_vectors(column.name) or speaks_of_vectors(table.name)
        faces = speaks_of_faces(column.name) or speaks_of_faces(table.name)
        found = _width(column, speaking=speaking)
        if found:
            width, unit = found
            count = sum(column.blobs.values()) or column.texts
            facts = StoreFacts("an SQLite table", width, count, at_least=not pages.whole, unit=unit, faces=faces)
            yield from as_finding(file, facts)


def _take(column: _Column, row: SqliteRow, number: int) -> None:
    kind = row.types[number]
    length = row.length(number)
    if kind < 12 or length < NARROWEST * 2:
        return
    if kind % 2:
        column.texts += 1
    else:
        column.blobs[length] += 1
    if len(column.sample) < SAMPLE:
        column.sample.append(row.value(number))


def _width(column: _Column, *, speaking: bool) -> tuple[int, bool | None] | None:
    """Return how wide a column's vectors are and whether they have length one, or None where it holds none."""
    if not column.blobs:
        return _text_width(column.sample) if speaking and column.sample else None
    length, count = column.blobs.most_common(1)[0]
    rows = [value for value in column.sample if len(value) == length]
    if not rows or count < 0.9 * sum(column.blobs.values()):
        return None
    fitting = _fitting(rows, length)
    certain = next((one for one in fitting if one[1]), None)
    if not speaking:
        return certain if count >= _FEWEST else None
    pickled = width_of(rows[0])
    return (pickled, None) if pickled else certain or next(iter(fitting), None)


def _fitting(rows: list[bytes], length: int) -> list[tuple[int, bool | None]]:
    """Return the widths that blobs of one length may have, with whether the vectors would then have length one."""
    fitting: list[tuple[int, bool | None]] = []
    for kind, size in _TYPES.items():
        if length % size == 0 and NARROWEST <= length // size <= WIDEST:
            vectors = np.frombuffer(b"".join(rows), kind).reshape(len(rows), -1)
            fitting.append((length // size, unit_length(vectors)))
    return fitting


def _text_width(sample: list[bytes]) -> tuple[int, bool | None] | None:
    """Return the width of vectors that are written as numbers with commas between them."""
    rows = []
    for value in sample:
        numbers = value.decode("ascii", "replace").strip(" []{}()\n").split(",")
        try:
            rows.append([float(number) for number in numbers])
        except ValueError:
            return None
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        return None
    return widths.pop(), unit_length(np.array(rows, np.float64))
