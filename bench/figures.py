"""The table that a benchmark prints, line by line, and the file that ``--json`` writes: one entry for each line."""

from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import dataclass, field
from pathlib import Path

HEAD = "| figure | passerby | peer or limit | value | must be | holds |\n|---|---|---|---|---|---|"
WANTED = re.compile(r"avx2|avx512f|avx512_vnni|avx_vnni|amx_int8|amx_bf16|asimddp|i8mm")
"""Flags of a processor that decide how fast networks run on it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        figure: What was measured.
        value: The number, or words.
        must: The most it may be; None where nothing is asked.
        holds: Whether it is; None where nothing is asked.
    """

    figure: str
    value: float | str
    must: float | None
    holds: bool | None


@dataclass(slots=True)
class Table:
    """All figures of a run.

    Attributes:
        file: Where they are written as JSON, after every line; None for nowhere.
        figures: So far.

    >>> table = Table()
    >>> table.row("speed, a clip: against deface", 0.13, 0.10, ours="1.3 s", other="10.0 s")
    | speed, a clip: against deface | 1.3 s | 10.0 s | 0.13 | at most 0.1 | **NO** |
    >>> table.figures
    [Figure(figure='speed, a clip: against deface', value=0.13, must=0.1, holds=False)]
    """

    file: Path | None = None
    figures: list[Figure] = field(default_factory=list)

    def begin(self, covers: str) -> None:
        """Print the head, what runs here, and how Passerby's covers are had."""
        load = os.getloadavg()[0]
        self.say("processor", processor())
        self.say("load before", f"{load:.2f}")
        self.say("covers of Passerby", covers)
        print(HEAD, flush=True)

    def say(self, figure: str, value: str) -> None:
        """Print something that is no number of a row."""
        print(f"{figure}: {value}\n", flush=True)
        self._keep(Figure(figure, value, None, None))

    def row(self, figure: str, value: float, must: float | None = None, *, ours: str = "", other: str = "") -> None:
        """Print one figure.

        Args:
            figure: What was measured.
            value: The number that is judged.
            must: The most it may be.
            ours: What Passerby reached, in words.
            other: What the peer reached, or the limit.
        """
        holds = None if must is None else value <= must
        said = {None: "", True: "yes", False: "**NO**"}[holds]
        limit = "" if must is None else f"at most {must:.4g}"
        print(f"| {figure} | {ours} | {other} | {value:.4g} | {limit} | {said} |", flush=True)
        self._keep(Figure(figure, round(value, 6), None if must is None else round(must, 6), holds))

    def left_out(self, figure: str, why: str) -> None:
        """Print that a row was not measured."""
        print(f"| {figure} | {why} | | | | |", flush=True)
        self._keep(Figure(figure, why, None, None))

    def add(self, figure: Figure) -> None:
        """Take over a figure that another script printed."""
        self._keep(figure)

    def _keep(self, figure: Figure) -> None:
        self.figures.append(figure)
        if self.file:
            rows = [{"figure": f.figure, "value": f.value, "must": f.must, "holds": f.holds} for f in self.figures]
            self.file.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def processor() -> str:
    """Return the processor's name, family and model, how many may be used, and what makes networks fast on it.

    A virtual machine often hides the name; family and model still tell the generation.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors"
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    name = told.get("model name", platform.machine())
    place = f" (family {told['cpu family']}, model {told['model']})" if "cpu family" in told else ""
    flags = [f for f in (told.get("flags") or told.get("Features") or "").split() if WANTED.fullmatch(f)]
    amx = "" if any("amx" in f for f in flags) else ", no AMX"
    return f"{name}{place}, {len(os.sched_getaffinity(0))} processors, {' '.join(flags)}{amx}"
