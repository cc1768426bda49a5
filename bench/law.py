"""Measures the law room: start, one deployment under five positions with reasons and changes, and 1,000 deployments.

    python bench/law.py [--deployments 1000] [--seed 1]

Two times are shown for each figure: by the wall, and of the processor alone, which other work on the machine hardly moves.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

started_ns = time.perf_counter_ns()
from passerby import law  # noqa: E402 - the import is what is measured first
from passerby.law.facts.check import find_problems  # noqa: E402

CASES = Path(__file__).parent.parent / "tests" / "law_cases" / "worked.yaml"
LIMIT_MS = 100
"""Source: one deployment, five positions, with reasons and changes, after start."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deployments", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    worked = [case["facts"] for case in yaml.safe_load(CASES.read_text(encoding="utf-8"))["cases"]]
    loaded_ms = (time.perf_counter_ns() - started_ns) / 1e6
    law.assess_all(worked[0])
    ready_ms = (time.perf_counter_ns() - started_ns) / 1e6
    print(f"import {loaded_ms:.0f} ms; ready, with every rule file read and grounded, after {ready_ms:.0f} ms\n")
    print(f"{'five positions, reasons and changes':40} {'wall ms':>24} {'processor ms':>24}")
    print(f"{'':40} {'median':>8}{'95 %':>8}{'most':>8} {'median':>8}{'95 %':>8}{'most':>8}")
    report("52 worked cases", [timed(facts) for facts in worked])
    several = list(deployments(worked, options.deployments, random.Random(options.seed)))  # noqa: S311 - a repeatable bench
    begun = time.perf_counter()
    report(f"{len(several)} deployments", [timed(facts) for facts in several])
    seconds = time.perf_counter() - begun
    vague = [
        {**facts, name: law.UNKNOWN}
        for facts in worked
        for name in ("authorisation", "objective", "space")
        if name in facts
    ]
    report("with one unknown fact, and its question", [timed(facts) for facts in vague])
    median_ms = statistics.median(cpu for _, cpu in map(timed, worked))
    print(f"\n{len(several)} deployments took {seconds:.1f} s, {len(several) / seconds:.0f} a second")
    print(
        f"limit {LIMIT_MS} ms, median of processor time {median_ms:.0f} ms: {'kept' if median_ms < LIMIT_MS else 'NOT kept'}"
    )


def timed(facts: dict[str, Any]) -> tuple[float, float]:
    """Return the time of one answer by the wall and of the processor, in milliseconds."""
    wall, processor = time.perf_counter(), time.process_time()
    law.assess_all(facts)
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
        yield {name: value for name, value in facts.items() if name not in {p.fact for p in find_problems(facts)}}


if __name__ == "__main__":
    main()
