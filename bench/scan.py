"""What `passerby scan` must reach: packages, models, speed, memory, and archives that somebody made to break it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Figure, Table
from passerby.config import processors
from scan_hostile import hostile
from scan_speed import FILES, MODELS, speed

ROWS = ("packages", "models", "speed", "hostile")


def beside(table: Table, name: str) -> None:
    """Take the rows of another script, which needs a registry and environments of its own."""
    script = Path(__file__).with_name(f"scan_{name}.py")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        subprocess.run([sys.executable, str(script), "--json", str(file)], check=False)
        if not file.exists():
            table.left_out(name, f"{script.name} gave no rows")
            return
        for row in json.loads(file.read_text("utf-8")):
            table.add(Figure(row["figure"], row["value"], row["must"], row["holds"]))


def main() -> int:
    """Measure what was asked for; end with 1 where a row does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", default=ROWS, help=f"of {', '.join(ROWS)}; all by default")
    parser.add_argument("--files", type=int, default=FILES, help="source files; the limit on time shrinks with them")
    parser.add_argument("--models", type=int, default=MODELS, help="models of 100 MB")
    parser.add_argument("--workers", type=int, default=processors(), help="processes that read")
    parser.add_argument("--only", default="", help="hostile archives of which the kind holds this word")
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    if unknown := set(told.rows) - set(ROWS):
        parser.error(f"rows must be of {', '.join(ROWS)}, got {', '.join(sorted(unknown))}")
    table = Table(told.json)
    table.begin("none: nothing is veiled here")
    with tempfile.TemporaryDirectory(prefix="passerby-bench-") as folder:
        if "speed" in told.rows:
            speed(table, Path(folder), files=told.files, models=told.models, workers=told.workers)
        if "hostile" in told.rows:
            hostile(table, Path(folder), told.only)
    for name in ("packages", "models"):
        if name in told.rows:
            beside(table, name)
    return 1 if any(figure.holds is False for figure in table.figures) else 0


if __name__ == "__main__":
    sys.exit(main())
