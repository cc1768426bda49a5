"""The share of faces that this version misses, by size: what reports and the citizen's page take of the model card's figures."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import passerby
from passerby.config import MEASURED as MEASURED

Z_95 = 1.959964
"""Source: the standard normal distribution, 97.5th percentile."""


@dataclass(frozen=True, slots=True)
class MissRow:
    """Measured misses in one class of size.

    Attributes:
        low_px: Shorter side, from here on.
        high_px: Below this, or None.
        faces: Annotated faces.
        missed: Of these, less than 90 % covered.
    """

    low_px: int
    high_px: int | None
    faces: int
    missed: int

    @property
    def rate(self) -> float:
        """Share missed, 0 to 1."""
        return self.missed / self.faces if self.faces else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share missed, as if each face were independent. Source: Wilson 1927, JASA 22:209."""
        if not self.faces:
            return (0.0, 1.0)
        n, p, z2 = self.faces, self.rate, Z_95 * Z_95
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z_95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return (max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one version.

    Attributes:
        version: Of Passerby.
        material: What it was measured on, in words.
        rows: By size.
        date: Of the measurement, ISO 8601; empty where it is not told.
        not_by: Properties of people by which nothing was measured, or too little for a claim.
    """

    version: str
    material: str
    rows: tuple[MissRow, ...]
    date: str = ""
    not_by: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Share of all faces that was missed, 0 to 1."""
        return sum(row.missed for row in self.rows) / max(1, sum(row.faces for row in self.rows))


def read_measured(path: Path = MEASURED) -> Measured | None:
    """Return the measured miss rates, or None when this version has none.

    Args:
        path: JSON of ``passerby audit veil``: ``{"version", "material", "rows": [{"low_px", "high_px", "faces", "missed"}]}`` and
            more.
    """
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["version"] != passerby.__version__:
        return None
    return Measured(
        found["version"],
        found["material"],
        tuple(MissRow(**row) for row in found["rows"]),
        found.get("date", ""),
        (*found.get("not_measured", ()), *found.get("smoke_tests", ())),
    )
