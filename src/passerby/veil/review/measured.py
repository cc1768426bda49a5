"""The share of faces that this version misses, by size, as its benchmark measured it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import passerby
from passerby.files import write_atomic

MEASURED = Path(__file__).parent.parent / "measured.json"
"""What ``bench/veil.py`` found; a file of another version counts as none."""
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
    """The benchmark's finding for one version.

    Attributes:
        version: Of Passerby.
        material: What it was measured on, in words.
        rows: By size.
    """

    version: str
    material: str
    rows: tuple[MissRow, ...]


def measured(path: Path = MEASURED) -> Measured | None:
    """Return the measured miss rates, or None when this version has none.

    Args:
        path: JSON: ``{"version", "material", "rows": [{"low_px", "high_px", "faces", "missed"}]}``.
    """
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["version"] != passerby.__version__:
        return None
    return Measured(found["version"], found["material"], tuple(MissRow(**row) for row in found["rows"]))


def write_measured(found: Measured, path: Path = MEASURED) -> None:
    """Write miss rates where reports read them; only the benchmark does so.

    Raises:
        OutputError: it cannot be written.
    """
    rows = [{"low_px": r.low_px, "high_px": r.high_px, "faces": r.faces, "missed": r.missed} for r in found.rows]
    text = json.dumps({"version": found.version, "material": found.material, "rows": rows}, indent=1) + "\n"
    write_atomic(path, text.encode())
