"""Measures the law room: its speed, its properties over random deployments, and its answers to cases kept elsewhere.

    python bench/law.py [speed] [properties] [--deployments 1000] [--draws 100000] [--seed 1] [--scenarios FILE] [--json FILE]

Without words both are measured; ``--scenarios`` compares a file of worked cases as well (`id`, `facts`, `expected` by position;
`on` for a day). Two times are shown for each figure of speed: by the wall, and of the processor alone, which other work on the
machine hardly moves.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import yaml

started_ns = time.perf_counter_ns()
from law_properties import run, without_clashes  # noqa: E402 - the import is what is measured first
from passerby import law  # noqa: E402

CASES = Path(__file__).parent.parent / "tests" / "law_cases" / "worked.yaml"
LIMIT_MS = 100
"""Source: one deployment, five positions, layers included, with reasons and changes, after start."""
LIMIT_S = 20
"""Source: 1,000 deployments on two idle cores."""
CORES = 2
AGREE_WITH_NOT_PROHIBITED = set(law.Outcome) - {law.Outcome.PROHIBITED, law.Outcome.OUT_OF_SCOPE}
"""A case says ``not-prohibited`` where its source only says that the ban does not bite."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", help="speed, properties; both when none is named")
    parser.add_argument("--deployments", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenarios", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    unknown = set(options.rows) - {"speed", "properties"}
    if unknown:
        parser.error(f"rows must be speed or properties, got {', '.join(sorted(unknown))}")
    rows = options.rows or ([] if options.scenarios else ["speed", "properties"])
    figures: dict[str, Any] = {}
    if "speed" in rows:
        figures["speed"] = speed(options.deployments, options.seed)
    if "properties" in rows:
        figures["properties"] = properties(options.draws, options.seed)
    if options.scenarios:
        figures["scenarios"] = scenarios(options.scenarios)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    kept = all(row["kept"] for row in figures.values() if "kept" in row)
    print("\nall limits kept" if kept else "\nNOT kept")
    return 0 if kept else 1


def speed(count: int, seed: int) -> dict[str, Any]:
    worked = [case["facts"] for case in yaml.safe_load(CASES.read_text(encoding="utf-8"))["cases"]]
    loaded_ms = (time.perf_counter_ns() - started_ns) / 1e6
    law.assess_all(worked[0])
    ready_ms = (time.perf_counter_ns() - started_ns) / 1e6
    print(f"import {loaded_ms:.0f} ms; ready, with every rule file read and grounded, after {ready_ms:.0f} ms\n")
    print(f"{'five positions, reasons and changes':40} {'wall ms':>24} {'processor ms':>24}")
    print(f"{'':40} {'median':>8}{'95 %':>8}{'most':>8} {'median':>8}{'95 %':>8}{'most':>8}")
    worked_times = [timed(facts) for facts in worked]
    report(f"{len(worked)} worked cases", worked_times)
    vague = [
        {**facts, name: law.UNKNOWN}
        for facts in worked
        for name in ("authorisation", "objective", "space")
        if name in facts
    ]
    report("with one unknown fact, and its question", [timed(facts) for facts in vague])
    layered = [timed({**facts, "member_state": "SE"}, date(2026, 11, 29)) for facts in worked]
    report("with a day and a national layer", layered)
    several = list(deployments(worked, count, random.Random(seed)))  # noqa: S311 - a repeatable bench
    begun = time.perf_counter()
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(_answer, several, chunksize=50))
    seconds = time.perf_counter() - begun
    median_ms = statistics.median(cpu for _, cpu in worked_times)
    layered_ms = statistics.median(cpu for _, cpu in layered)
    kept = max(median_ms, layered_ms) < LIMIT_MS and seconds * 1000 / count < LIMIT_S
    print(f"\n{count} deployments on {CORES} cores took {seconds:.1f} s, start included (limit {LIMIT_S} s for 1,000)")
    print(f"limit {LIMIT_MS} ms, median of processor time {median_ms:.0f} ms, with a layer {layered_ms:.0f} ms")
    return {"median_ms": median_ms, "layered_ms": layered_ms, "seconds": seconds, "deployments": count, "kept": kept}


def properties(draws: int, seed: int) -> dict[str, Any]:
    begun = time.perf_counter()
    checked, failed = run(draws, seed * 1_000_000, CORES)
    seconds = time.perf_counter() - begun
    print(
        f"\n{checked} random deployments, all positions, layers, Member States and days: {len(failed)} counterexamples"
    )
    print(f"in {seconds:.0f} s")
    for one in failed[:10]:
        print(f"  {one.position} on {one.on} with {one.layer}: {one.broken}\n    {one.facts}")
    return {"checked": checked, "failed": [asdict(one) for one in failed[:100]], "seconds": seconds, "kept": not failed}


def scenarios(path: Path) -> dict[str, Any]:
    """Compare cases kept elsewhere; what differs is for a reader to argue, so that no limit is set here."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    cases = content["cases"] if isinstance(content, dict) else content
    right, all_of = Counter[str](), Counter[str]()
    different: list[dict[str, Any]] = []
    for case in cases:
        for position, wanted in case["expected"].items():
            verdict = law.assess(case["facts"], position=position, on=case.get("on"))
            allowed = AGREE_WITH_NOT_PROHIBITED if wanted == law.Outcome.NOT_PROHIBITED else {law.Outcome(wanted)}
            all_of[position] += 1
            if verdict.outcome in allowed:
                right[position] += 1
            else:
                strict = {str(outcome) for outcome in verdict.possible}
                different.append({"id": case["id"], "position": position, "wanted": wanted, "got": sorted(strict)})
    print(f"\n{len(cases)} cases of {path.name}")
    for position in all_of:
        print(f"  {position:18} {right[position]:4} of {all_of[position]}")
    for one in different:
        print(f"    {one['id']}, {one['position']}: wanted {one['wanted']}, got {' or '.join(one['got'])}")
    return {"right": dict(right), "of": dict(all_of), "different": different}


def _answer(facts: dict[str, Any]) -> int:
    return len(law.assess_all(facts))


def timed(facts: dict[str, Any], on: date | None = None) -> tuple[float, float]:
    """Return the time of one answer by the wall and of the processor, in milliseconds, once its rules are grounded."""
    law.assess_all(facts, on=on)
    wall, processor = time.perf_counter(), time.process_time()
    law.assess_all(facts, on=on)
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - processor) * 1e3


def report(name: str, times: list[tuple[float, float]]) -> None:
    cells = []
    for column in (0, 1):
        values = sorted(pair[column] for pair in times)
        cells.append(
            "".join(f"{v:8.1f}" for v in (statistics.median(values), values[int(len(values) * 0.95)], values[-1]))
        )
    print(f"{name:40} {cells[0]} {cells[1]}")


def deployments(worked: list[dict[str, Any]], count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Yield worked cases with up to three facts changed at random, such as people ask about in turn."""
    vocabulary = law.vocabulary()
    safe = ("authorisation", "authoriser", "registered", "fria", "limits_set", "targeted", "national_law", "notified", "space",
            "human_verifiers", "urgent", "decision_solely_on_output", "member_state", "strictly_necessary")  # fmt: skip
    for _ in range(count):
        facts = dict(chance.choice(worked))
        for name in chance.sample(safe, chance.randint(0, 3)):
            facts[name] = chance.choice(vocabulary[name].domain())
        yield without_clashes(facts)


if __name__ == "__main__":
    sys.exit(main())
