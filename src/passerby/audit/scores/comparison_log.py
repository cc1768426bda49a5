"""Reads a comparison log, CSV or Parquet, in pieces: its columns are checked first, its rows as they come.

A row is one comparison of two pictures. ``subject`` and ``reference`` name the person on each; where it is mated they are one.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from passerby.audit.scores.settings import ScoresSettings
from passerby.errors import AuditError

_NEEDED = ("score", "mated", "group", "subject")
_BATCH_ROWS = 50_000
_PIECES = {
    "POLARS_CSV_CHUNK_SIZE": "500000",
    "POLARS_CSV_CHUNK_PREFETCH_LIMIT": "2",
    "POLARS_ROW_GROUP_PREFETCH_SIZE": "2",
}
"""How much Polars reads ahead: bytes of CSV, and pieces; otherwise memory grows with processors (``bench/audit.py speed``)."""
_MORSEL_ROWS = 10_000
_MOST_NAMES = 20
_TRUE, _FALSE = ("1", "true", "t", "yes"), ("0", "false", "f", "no")


@dataclass(frozen=True, slots=True)
class ComparisonRows:
    """Some rows, as numbers; all arrays have shape (N,).

    Attributes:
        score: float64.
        mated: bool.
        subject: int64, index into :attr:`ComparisonLog.persons`.
        reference: int64; the subject again where the log names no references.
        cross: int64, index into :attr:`ComparisonLog.crossings`.
        row: uint64, a hash of all columns, equal for rows that are.
    """

    score: NDArray[np.float64]
    mated: NDArray[np.bool_]
    subject: NDArray[np.int64]
    reference: NDArray[np.int64]
    cross: NDArray[np.int64]
    row: NDArray[np.uint64]


class ComparisonLog:
    """A comparison log whose columns, people and groups are known; rows come in pieces, as often as they are asked for.

    Args:
        path: The file; its first bytes say whether it is Parquet.
        settings: Which columns are crossed with the group.

    Attributes:
        rows: How many.
        groups: Names, sorted.
        persons: Names, sorted.
        group_of: Shape (persons,), int64: each person's group.
        crossings: Values of the crossed columns that occur together, sorted; one empty tuple where none are crossed.
        has_reference: Whether the second person of a comparison is named.
        low, high: Least and greatest score.

    Raises:
        AuditError: the file cannot be read, a column is missing, or values cannot be used.
    """

    def __init__(self, path: Path, settings: ScoresSettings) -> None:
        self._path, self._settings = path, settings
        _read_small_pieces()
        self._frame = _scan(path)
        names = self._frame.collect_schema().names()
        if missing := [name for name in (*_NEEDED, *settings.by) if name not in names]:
            got = ", ".join(map(_shown, names[:_MOST_NAMES])) + (" and more" if len(names) > _MOST_NAMES else "")
            separator = next((mark for mark in ";\t|" if len(names) == 1 and mark in names[0]), None)
            raise AuditError(
                f"log must have the columns {', '.join((*_NEEDED, *settings.by))}, got {got}",
                hint=f"add or rename: {', '.join(missing)}"
                if separator is None
                else f"separate columns by a comma, not by {separator!r}, and write numbers with a point",
            )
        self.has_reference = "reference" in names
        with _reading(path):
            self._check_values()
            self._read_people(names)

    def batches(self) -> Iterator[ComparisonRows]:
        """Yield all rows in the file's order."""
        people = pl.Enum(self.persons)
        frame = self._frame.select(
            pl.col("score").cast(pl.Float64).alias("score"),
            _mated(self._frame.collect_schema()["mated"]).alias("mated"),
            _text("subject").cast(people).to_physical().cast(pl.Int64).alias("subject"),
            (_text("reference") if self.has_reference else _text("subject"))
            .cast(people)
            .to_physical()
            .cast(pl.Int64)
            .alias("reference"),
            self._cross().alias("cross"),
            pl.struct(pl.all()).hash().alias("row"),
        )
        with _reading(self._path):
            for part in frame.collect_batches(chunk_size=_BATCH_ROWS, engine="streaming"):
                yield ComparisonRows(**{name: part[name].to_numpy() for name in part.columns})

    def _cross(self) -> pl.Expr:
        if not self._settings.by:
            return pl.lit(0, pl.Int64)
        joined = pl.concat_str([_text(name) for name in self._settings.by], separator="\x1f")
        return joined.cast(pl.Enum(["\x1f".join(one) for one in self.crossings])).to_physical().cast(pl.Int64)

    def _collect(self, *columns: pl.Expr) -> pl.DataFrame:
        return self._frame.select(*columns).collect(engine="streaming")

    def _check_values(self) -> None:
        schema = self._frame.collect_schema()
        if self._frame.head(1).collect().is_empty():
            raise AuditError(f"log must hold comparisons, got none: {self._path}")
        if not schema["score"].is_numeric():
            raise AuditError(
                f"column score must hold numbers, got {schema['score']}", hint=_first_wrong(self._frame, "score")
            )
        score = pl.col("score").cast(pl.Float64)
        named = [name for name in (*_NEEDED[1:], "reference", *self._settings.by) if name in schema.names()]
        row = self._collect(
            pl.len().alias("rows"),
            score.min().alias("low"),
            score.max().alias("high"),
            (score.is_null() | ~score.is_finite()).sum().alias("no score"),
            _mated(schema["mated"]).is_null().sum().alias("no mated"),
            _mated(schema["mated"]).sum().alias("mated"),
            score.filter(_mated(schema["mated"])).mean().alias("mean mated"),
            score.filter(~_mated(schema["mated"])).mean().alias("mean other"),
            ((score >= 0) & (score <= 1)).sum().alias("unit"),
            (score > 2).sum().alias("large"),
            *[(pl.col(name).is_null() | (_text(name) == "")).sum().alias(f"empty {name}") for name in named],
        ).row(0, named=True)
        self.rows, self.low, self.high = row["rows"], row["low"], row["high"]
        if row["no score"]:
            raise AuditError(
                f"each score must be a finite number, got {row['no score']} of {self.rows} that are not",
                hint="leave out what was not compared",
            )
        if row["no mated"]:
            raise AuditError(
                f"mated must be 0 or 1 in each row, got another value in {row['no mated']} of {self.rows}",
                hint="write 1 where both pictures are of one person, 0 where they are of two",
            )
        for name in named:
            if row[f"empty {name}"] and not (name == "reference" and row["empty reference"] == self.rows):
                raise AuditError(f"{name} must be named in each row, got {row[f'empty {name}']} of {self.rows} without")
        self._check_scales(row)
        if self.has_reference:
            self._check_pairs(_mated(schema["mated"]))

    def _check_pairs(self, mated: pl.Expr) -> None:
        same = _text("subject") == _text("reference")
        row = self._collect((mated & ~same).sum().alias("two"), (~mated & same).sum().alias("one")).row(0, named=True)
        if row["two"]:
            raise AuditError(
                f"a mated comparison must name one person twice, got {row['two']} with another reference",
                hint="subject and reference are people, not pictures",
            )
        if row["one"]:
            raise AuditError(
                f"a non-mated comparison must be of two people, got {row['one']} with the same person twice"
            )

    def _check_scales(self, row: dict[str, float]) -> None:
        if not 0 < row["mated"] < self.rows:
            what = "mated" if row["mated"] else "non-mated"
            raise AuditError(
                f"log must hold mated and non-mated comparisons, got {what} only",
                hint="rates of one kind have no trade-off to judge",
            )
        few = min(row["unit"], row["large"])
        if few > 0.001 * self.rows and row["unit"] + row["large"] > 0.999 * self.rows and self.high >= 10:
            raise AuditError(
                f"all scores must be on one scale, got {row['unit']:.0f} from 0 to 1 and {row['large']:.0f} up to {self.high:g}",
                hint="split the log by device, or bring the scores to one scale",
            )
        mated, other = row["mean mated"], row["mean other"]
        if (mated > other) != self._settings.higher_is_closer:
            said, is_so = ("higher", "lower") if self._settings.higher_is_closer else ("lower", "higher")
            raise AuditError(
                f"{said} scores must be closer, got mated ones with a mean of {mated:.4g} and others of {other:.4g}",
                hint=f"use --{is_so}-is-closer, or see whether mated is the wrong way round",
            )

    def _read_people(self, names: list[str]) -> None:
        frames = [self._frame.select(_text("subject").alias("person"), _text("group").alias("group"))]
        if self.has_reference:
            group = _text("reference_group") if "reference_group" in names else pl.lit(None, pl.String)
            frames.append(self._frame.select(_text("reference").alias("person"), group.alias("group")))
        people: dict[str, set[str | None]] = {}
        for frame in frames:
            for person, group_name in frame.unique().collect(engine="streaming").rows():
                people.setdefault(person, set()).add(group_name)
        self._take_people(people)
        self.crossings: list[tuple[str, ...]] = [()]
        if self._settings.by:
            found = self._frame.select(_text(name) for name in self._settings.by).unique().collect(engine="streaming")
            self.crossings = sorted(found.rows())

    def _take_people(self, people: dict[str, set[str | None]]) -> None:
        known = {person: sorted(group for group in groups if group is not None) for person, groups in people.items()}
        for person in sorted(known):
            if len(known[person]) > 1:
                groups = " and ".join(map(_shown, known[person]))
                raise AuditError(f"a person must be of one group, got {_shown(person)} in {groups}")
        if unknown := sorted(person for person, groups in known.items() if not groups):
            raise AuditError(
                f"the group of each person must be known, got {len(unknown)} references that are never subjects, such as "
                f"{_shown(unknown[0])}",
                hint="add a column reference_group",
            )
        self.persons: list[str] = sorted(known)
        self.groups: list[str] = sorted({groups[0] for groups in known.values()})
        number = {group: index for index, group in enumerate(self.groups)}
        self.group_of = np.array([number[known[person][0]] for person in self.persons], np.int64)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise AuditError(f"log cannot be read: {path}: {exc.strerror or exc}") from exc
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as exc:
        said = str(exc).strip().splitlines()[0]
        raise AuditError(f"log must be CSV with a line of names, or Parquet, got {path}: {said}") from exc


def _read_small_pieces() -> None:
    """Have Polars hold little at a time, in this process from now on; what the user has set himself stays."""
    for name, value in _PIECES.items():
        os.environ.setdefault(name, value)
    if "POLARS_IDEAL_MORSEL_SIZE" not in os.environ:
        pl.Config.set_streaming_chunk_size(_MORSEL_ROWS)


def _scan(path: Path) -> pl.LazyFrame:
    with _reading(path):
        with path.open("rb") as file:
            start = file.read(4)
        if not start:
            raise AuditError(f"log must hold comparisons, got an empty file: {path}")
        frame = pl.scan_parquet(path) if start == b"PAR1" else pl.scan_csv(path, infer_schema_length=10_000)
        frame.collect_schema()
        return frame


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


@functools.cache
def _mated(kind: pl.DataType) -> pl.Expr:
    if kind == pl.Boolean:
        return pl.col("mated")
    if kind.is_numeric():
        return pl.when(pl.col("mated") == 1).then(True).when(pl.col("mated") == 0).then(False)
    word = _text("mated").str.to_lowercase()
    return pl.when(word.is_in(_TRUE)).then(True).when(word.is_in(_FALSE)).then(False)


def _first_wrong(frame: pl.LazyFrame, name: str) -> str:
    wrong = frame.with_row_index("row").filter(pl.col(name).cast(pl.Float64, strict=False).is_null()).head(1).collect()
    return (
        f"row {wrong['row'][0] + 1} has {_shown(str(wrong[name][0]))}" if len(wrong) else "write numbers with a point"
    )


def _shown(text: str) -> str:
    return ascii(text[:60])
