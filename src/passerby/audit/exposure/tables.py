"""Exposed faces as columns, and by property: size, light, interlacing, and what labels say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from passerby.audit.covers import FIELDS, LIGHT
from passerby.audit.estimates import compare, holm
from passerby.audit.exposure.figures import Faces, design_effect, drawn_rates, exposure_rate
from passerby.audit.exposure.results import DimensionTable
from passerby.audit.exposure.tally import COVERED, FaceFrame

SIZE = "size"
SIZES = ((8, 12), (12, 20), (20, 40), (40, None))
"""Classes of the shorter side of a face, pixels; the last has no end."""


def columns_of(faces: Sequence[FaceFrame], *, below: float = COVERED) -> Faces:
    """Return faces as columns; wrong are those that are covered by less than a share."""
    clips = {name: number for number, name in enumerate(dict.fromkeys(face.clip for face in faces))}
    people: dict[tuple[str, str], int] = {}
    return Faces(
        np.array([clips[face.clip] for face in faces], np.int64),
        np.array([people.setdefault((face.clip, face.person), len(people)) for face in faces], np.int64),
        np.array([face.covered < below for face in faces], np.float64),
    )


def tables_of(faces: Sequence[FaceFrame], columns: Faces, dimensions: Iterable[str]) -> tuple[DimensionTable, ...]:
    """Return exposed faces by size and by the values of other properties.

    Args:
        faces: All that count.
        columns: The same.
        dimensions: Properties besides the size, of frames or of labels.
    """
    tables = [_by_size(faces, columns)]
    labels = [dict(face.labels) for face in faces]
    for dimension in dimensions:
        values = [label.get(dimension) for label in labels]
        known = sorted({value for value in values if value is not None}, key=_order)
        number: dict[str | None, int] = {value: index for index, value in enumerate(known)}
        group = np.array([number.get(value, -1) for value in values], np.int64)
        tables.append(_table(dimension, known, group, columns))
    return _adjusted([table for table in tables if table.rates])


def _by_size(faces: Sequence[FaceFrame], columns: Faces) -> DimensionTable:
    group = np.digitize([face.side for face in faces], [low for low, _ in SIZES]) - 1
    names = [f"{low} px and more" if high is None else f"{low} to {high} px" for low, high in SIZES]
    return _table(SIZE, names, group, columns)


def _adjusted(tables: list[DimensionTable]) -> tuple[DimensionTable, ...]:
    """Return tables with their tests adjusted for their number."""
    asked = {table.dimension: table.equality for table in tables if table.equality}
    ps = dict(zip(asked, holm([one.p for one in asked.values()]), strict=True))
    return tuple(
        replace(table, equality=replace(table.equality, p=ps[table.dimension])) if table.equality else table
        for table in tables
    )


def _table(dimension: str, names: Sequence[str], group: NDArray[np.int64], columns: Faces) -> DimensionTable:
    present = [index for index in range(len(names)) if (group == index).any()]
    known = group >= 0
    seen = [exposure_rate(names[index], columns.of(group == index)) for index in present]
    effect = design_effect(seen)
    rates = [
        rate if rate.errors else exposure_rate(rate.name, columns.of(group == index), effect=effect)
        for rate, index in zip(seen, present, strict=True)
    ]
    equality = None
    if len(rates) > 1:
        place = np.searchsorted(np.array(present), group[known])
        equality = compare(rates, drawn_rates(columns.of(known), place, len(present)))
    return DimensionTable(dimension, dimension in {SIZE, LIGHT, FIELDS}, tuple(rates), int((~known).sum()), equality)


_KNOWN_ORDER = (
    "dark",
    "dim",
    "bright",
    "progressive",
    "interlaced",
    "none",
    "clear",
    "typical",
    "normal",
    "partial",
    "heavy",
)


def _order(value: str) -> tuple[int, str]:
    return (_KNOWN_ORDER.index(value) if value in _KNOWN_ORDER else len(_KNOWN_ORDER), value)
