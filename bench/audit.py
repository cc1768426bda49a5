"""Whether audits say what is true, and what they cost. See README.md.

python bench/audit.py [speed] [coverage] [alarms] [agreement] [exposure] [veil] [--runs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

import audit_exposure
from figures import Table
from passerby.audit.estimates import compare
from passerby.audit.scores.rates import Rate, rates_of
from passerby.audit.scores.resampling import draw_rates
from passerby.audit.scores.settings import ScoresSettings
from passerby.audit.scores.sums import BootstrapSample, Stratum, StratumSums

EFFECTS = (0.0, 0.1, 0.25, 0.5)
ERRORS = (10, 30, 100, 300)
GROUPS = (2, 4, 8)
PEOPLE = 120
"""Of each group; comparisons are all pairs of two of them, 7,140."""
ROWS, SUBJECTS = 10_000_000, 20_000
ROWS_ROLE = ("speed", "coverage", "alarms", "agreement", "exposure", "veil")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"{', '.join(ROWS_ROLE)}; without one: all")
    parser.add_argument("--runs", type=int, default=4000, help="logs drawn for each cell")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if wrong := [row for row in asked.rows if row not in ROWS_ROLE]:
        parser.error(f"rows must be of {', '.join(ROWS_ROLE)}, got {', '.join(wrong)}")
    table = Table(asked.json)
    table.begin("none: audits read logs")
    for row in asked.rows or ROWS_ROLE:
        rows = {"speed": speed, "coverage": coverage, "alarms": alarms, "agreement": agreement}
        {**rows, "exposure": audit_exposure.exposure, "veil": audit_exposure.veil}[row](table, asked.runs)


def draw(effect: float, errors: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return the numbers of the pairs that match wrongly, of all pairs of PEOPLE; ``errors`` are expected."""
    first, second = _PAIRS
    own = generator.standard_normal(PEOPLE)
    score = np.sqrt(effect / 2) * (own[first] + own[second])
    score += np.sqrt(1 - effect) * generator.standard_normal(len(first))
    return np.flatnonzero(score > stats.norm.isf(errors / len(first)))


_PAIRS = np.triu_indices(PEOPLE, 1)


def sums_of(wrong: NDArray[np.int64]) -> StratumSums:
    """Return what a log with these errors adds up to."""
    first, second = _PAIRS
    count, errors = len(first), len(wrong)
    rate = errors / count
    off = (
        np.bincount(first[wrong], minlength=PEOPLE) + np.bincount(second[wrong], minlength=PEOPLE) - rate * (PEOPLE - 1)
    )
    shared = errors * (1 - rate) ** 2 + (count - errors) * rate**2
    return StratumSums(errors, count, PEOPLE, float((off**2).sum()), float((off**4).sum()), shared)


def coverage(table: Table, runs: int) -> None:
    """How often the interval of a false match rate holds the true rate."""
    generator = np.random.default_rng(1)
    count = len(_PAIRS[0])
    for effect in EFFECTS:
        for errors in ERRORS:
            held = plain = 0
            for _ in range(runs):
                sums = sums_of(draw(effect, errors, generator))
                (rate,) = rates_of({Stratum(False, "a", "a"): sums})
                held += rate.low <= errors / count <= rate.high
                low, high = wilson(sums.errors, count)
                plain += low <= errors / count <= high
            most = 0.99 if errors == 10 else 0.97
            low, high = monte_carlo(held, runs)
            missed = max(0.0, 0.93 - high, low - most)
            name = f"interval holds the rate: effect {effect}, {errors} errors (93 to {100 * most:.0f} %)"
            table.row(
                name,
                missed,
                0.0,
                ours=f"{held / runs:.1%} ({low:.1%} to {high:.1%})",
                other=f"Wilson {plain / runs:.1%}",
            )


def wilson(errors: int, count: int) -> tuple[float, float]:
    """Return Wilson's interval, which takes comparisons as independent."""
    found = stats.binomtest(errors, count).proportion_ci(0.95, "wilson")
    return float(found.low), float(found.high)


def monte_carlo(held: int, runs: int) -> tuple[float, float]:
    """Return the limits that hold the true share in 99 of 100 such benches."""
    found = stats.binomtest(held, runs).proportion_ci(0.99, "exact")
    return float(found.low), float(found.high)


def alarms(table: Table, runs: int) -> None:
    """How often equal groups are said to differ, and how often a planted difference is found."""
    generator = np.random.default_rng(2)
    runs = max(200, runs // 4)
    for groups in GROUPS:
        for effect in EFFECTS:
            for errors in (2, *ERRORS[:3]):
                rejected = sum(_differ([errors] * groups, effect, generator) for _ in range(runs))
                low, _ = monte_carlo(rejected, runs)
                name = f"equal groups said to differ: {groups} groups, effect {effect}, {errors} errors"
                table.row(name, low, 0.05, ours=f"{rejected / runs:.1%}", other="5 % at most")
    for effect in EFFECTS:
        found = sum(_differ([60, 60, 60, 240], effect, generator) for _ in range(200))
        table.row(
            f"one group at four times the rate, not found: effect {effect}",
            1 - found / 200,
            0.2,
            ours=f"{found / 200:.0%} found",
            other="",
        )


def _differ(errors: list[int], effect: float, generator: np.random.Generator) -> bool:
    first, second = _PAIRS
    strata: dict[Stratum, StratumSums] = {}
    samples = []
    for index, expected in enumerate(errors):
        wrong = draw(effect, expected, generator)
        stratum = Stratum(False, f"g{index}", f"g{index}")
        strata[stratum] = sums_of(wrong)
        pairs = np.stack((first, second), axis=1).astype(np.int32) + index * PEOPLE
        right = np.delete(pairs, wrong, axis=0)
        kept = right[generator.choice(len(right), 1500, replace=False)]
        samples.append(BootstrapSample(stratum, pairs[wrong], kept, len(right) / len(kept)))
    settings = ScoresSettings(threshold=0.0, replicates=300, seed=int(generator.integers(1 << 30)))
    rates: tuple[Rate, ...] = rates_of(strata)
    found = compare(rates, draw_rates(samples, PEOPLE * len(errors), settings))
    return found is not None and found.p < 0.05


def speed(table: Table, _runs: int) -> None:
    """Processor time and memory of the whole command, CSV and Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("parquet", "csv"):
            path = Path(folder) / f"log.{kind}"
            _write(path)
            seconds, peak_mb = measured(_MEASURED, "audit", "scores", str(path), "--threshold", "3.3")
            name = f"audit scores, 10 million rows as {kind}"
            table.row(f"{name}, bootstrap included: processor time, s", seconds, 60.0, ours=f"{seconds:.1f} s")
            table.row(f"{name}: memory, MB", peak_mb, 500.0, ours=f"{peak_mb:.0f} MB")
            seconds, _ = measured(_ALONE, str(path))
            table.row(f"{name}, dyadic intervals alone: processor time, s", seconds, 10.0, ours=f"{seconds:.1f} s")


_MEASURED = """
import sys, time
from passerby.cli import main
try:
    main(sys.argv[1:])
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    print("USED", time.process_time(), int(peak) / 1024, file=sys.stderr)
"""
_ALONE = """
import sys, time
from pathlib import Path
from passerby.audit.scores.comparison_log import ComparisonLog
from passerby.audit.scores.rates import rates_of
from passerby.audit.scores.settings import ScoresSettings
from passerby.audit.scores.sums import add_up
settings = ScoresSettings(threshold=3.3)
rates_of(add_up(ComparisonLog(Path(sys.argv[1]), settings), settings).strata)
print("USED", time.process_time(), 0, file=sys.stderr)
"""


def measured(code: str, *arguments: str) -> tuple[float, float]:
    """Run code in a process of its own; return its processor time in seconds and its peak of memory in MB."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    words = next(line for line in done.stderr.splitlines() if line.startswith("USED")).split()
    return float(words[1]), float(words[2])


def _write(path: Path) -> None:
    generator = np.random.default_rng(0)
    subject, reference = generator.integers(0, SUBJECTS, ROWS), generator.integers(0, SUBJECTS, ROWS)
    mated = generator.random(ROWS) < 0.1
    reference = np.where(mated, subject, np.where(reference == subject, (reference + 1) % SUBJECTS, reference))
    frame = pl.DataFrame(
        {
            "score": np.round(generator.standard_normal(ROWS) + 3 * mated, 6),
            "mated": mated.astype(np.int8),
            "group": subject % 8,
            "subject": subject,
            "reference": reference,
        }
    ).with_columns(
        (pl.lit("g") + pl.col("group").cast(pl.String)).alias("group"),
        (pl.lit("p") + pl.col("subject").cast(pl.String)).alias("subject"),
        (pl.lit("p") + pl.col("reference").cast(pl.String)).alias("reference"),
    )
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)


def agreement(table: Table, _runs: int) -> None:
    """How far variances lie from those of awslabs/cis-matching-tasks, kept as vectors (tests/vectors/make_audit_variance.py)."""
    from passerby.audit.scores.comparison_log import ComparisonLog
    from passerby.audit.scores.sums import add_up

    vectors = json.loads(
        (Path(__file__).parent.parent / "tests/vectors/audit_variance.json").read_text(encoding="utf-8")
    )
    worst = 0.0
    settings = ScoresSettings(threshold=vectors["threshold"])
    with tempfile.TemporaryDirectory() as folder:
        for case in vectors["cases"]:
            path = Path(folder) / "log.csv"
            _log_of(case["rows"]).write_csv(path)
            strata = add_up(ComparisonLog(path, settings), settings).strata
            for mated, name in ((True, "miss"), (False, "match")):
                sums = strata[Stratum(mated, "all", "all")]
                ours = (sums.squares - sums.shared) / sums.comparisons**2
                worst = max(worst, abs(ours / case[f"variance_{name}"] - 1))
    table.row(
        "variances beside awslabs/cis-matching-tasks, largest relative difference",
        worst,
        1e-9,
        ours=f"{worst:.1e}",
        other="its plug-in",
    )


def _log_of(rows: list[tuple[str, str, float]]) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "score": [score for _, _, score in rows],
        "mated": [int(one == two) for one, two, _ in rows],
        "group": "all",
        "subject": [one for one, _, _ in rows],
        "reference": [two for _, two, _ in rows],
        "reference_group": "all",
        "row": range(len(rows)),
    }
    return pl.DataFrame(columns)


if __name__ == "__main__":
    main()
