"""Rows of ``bench/audit.py`` on ``audit veil``: whether its intervals hold true rates, and what it costs beside veiling."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from figures import Table
from footage import decoded, write
from passerby.audit.exposure.figures import Faces, difference, exposure_rate
from passerby.veil.tools.demo_clip import demo_clip
from peer import run

EFFECTS = (0.0, 0.1, 0.25, 0.5)
ERRORS = (10, 30, 100, 300)
CLIPS, PEOPLE, FRAMES = 20, 12, 10
"""People of each clip, and frames of each."""
SIZES = {
    "8 clips of one size": np.full(8, PEOPLE),
    "20 clips of one size": np.full(CLIPS, PEOPLE),
    "20 clips of 3 to 60 people": np.round(np.geomspace(3, 60, CLIPS)).astype(int),
    "40 clips of 3 to 60 people": np.round(np.geomspace(3, 60, 2 * CLIPS)).astype(int),
}
CLIP_EFFECTS, RATES = (0.0, 0.1, 0.25), (0.02, 0.1)
FEW_CLIPS = 10
MINUTES, RATE = 10, 25


def drawn(
    person_effect: float,
    clip_effect: float,
    rate: float,
    generator: np.random.Generator,
    sizes: NDArray[np.int64] = SIZES["20 clips of one size"],
) -> Faces:
    """Draw faces of people in clips, exposed at a known rate; shares of the variance are their person's and their clip's."""
    clip = np.repeat(np.arange(len(sizes)), sizes)
    level = np.sqrt(person_effect) * generator.standard_normal(len(clip))
    level += np.sqrt(clip_effect) * generator.standard_normal(len(sizes))[clip]
    person = np.repeat(np.arange(len(clip)), FRAMES)
    rest = np.sqrt(1 - person_effect - clip_effect) * generator.standard_normal(len(person))
    return Faces(clip[person], person, (level[person] + rest > stats.norm.isf(rate)).astype(np.float64))


def exposure(table: Table, runs: int) -> None:
    """How often both intervals of a rate hold the true one, and how often equal tools are said to differ."""
    generator = np.random.default_rng(3)
    count = CLIPS * PEOPLE * FRAMES
    for effect in EFFECTS:
        for errors in ERRORS:
            held = alarms = 0
            for _ in range(runs):
                faces = drawn(effect, 0.0, errors / count, generator)
                rate = exposure_rate("all", faces)
                held += rate.low <= errors / count <= rate.high
                other = drawn(effect, 0.0, errors / count, generator)
                alarms += difference("a", "b", Faces(faces.clip, faces.person, other.wrong - faces.wrong)).p < 0.05
            _held(table, f"people holds: effect {effect}, {errors} errors", held, runs, few=errors == 10)
            low = float(stats.binomtest(alarms, runs).proportion_ci(0.99, "exact").low)
            table.row(f"exposure, equal tools said to differ: effect {effect}, {errors} errors", low, 0.05,
                      ours=f"{alarms / runs:.1%}", other="5 % at most")  # fmt: skip
    for name, sizes in SIZES.items():
        for clip_effect in CLIP_EFFECTS:
            for share in RATES:
                found = [exposure_rate("all", drawn(0.25, clip_effect, share, generator, sizes)) for _ in range(runs)]
                limits = [(rate.clip_low, rate.clip_high) for rate in found]
                told = [(low, high) for low, high in limits if low is not None and high is not None]
                held = sum(low <= share <= high for low, high in told)
                row = f"clips holds: {name}, {clip_effect:.0%} of the variance theirs, {share:.0%} exposed"
                _held(table, row, held, len(told), few=len(sizes) < FEW_CLIPS)


def _held(table: Table, name: str, held: int, runs: int, *, few: bool) -> None:
    most = 0.99 if few else 0.97
    found = stats.binomtest(held, runs).proportion_ci(0.99, "exact")
    missed = max(0.0, 0.93 - float(found.high), float(found.low) - most)
    shown = f"{held / runs:.1%} ({found.low:.1%} to {found.high:.1%})"
    table.row(f"exposure, interval over {name} (93 to {100 * most:.0f} %)", missed, 0.0, ours=shown)


def veil(table: Table, _runs: int) -> None:
    """The audit of a clip of ten minutes with labels beside veiling the same clip, each as a whole command."""
    with tempfile.TemporaryDirectory() as folder:
        clip, labels = Path(folder) / "ten.mp4", Path(folder) / "labels.csv"
        faces = ten_minutes(clip, labels)
        output = str(Path(folder) / "out.mp4")
        veiled = run([sys.executable, "-m", "passerby", "veil", str(clip), "-o", output, "--quiet", "--no-manifest"])
        audited = run(
            [sys.executable, "-m", "passerby", "audit", "veil", str(labels), "--json", str(Path(folder) / "a.json")]
        )
        found = json.loads((Path(folder) / "a.json").read_text(encoding="utf-8"))
        told = f"{audited.wall_s:.0f} s, {audited.cpu_s:.0f} s of processors, {audited.peak_mb:.0f} MB; {faces:,} faces"
        other = f"veiling {veiled.wall_s:.0f} s, {veiled.cpu_s:.0f} s of processors, {veiled.peak_mb:.0f} MB"
        frames = found["frames"]
        table.row(f"audit of {frames:,} annotated frames ({MINUTES} minutes), time against veiling them",
                  audited.wall_s / veiled.wall_s, 1.0, ours=told, other=other)  # fmt: skip
        table.row("the same, processor time", audited.cpu_s / veiled.cpu_s, None, ours=told, other=other)


def ten_minutes(clip: Path, labels: Path) -> int:
    """Write the drawn demo clip again and again with its labels; return how many faces they name."""
    seconds = 20.0
    part = clip.with_name("part.mp4")
    truth = demo_clip(part, seconds)
    times = round(MINUTES * 60 / seconds)
    write(clip, (frame for _ in range(times) for frame in decoded(part)), Fraction(RATE))
    part.unlink()
    faces = 0
    with labels.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["video", "frame", "track", "x", "y", "w", "h"])
        for number in range(times):
            for index, frame in enumerate(truth):
                for person, (x0, y0, x1, y1) in zip(frame.person, frame.xyxy.tolist(), strict=True):
                    place = (x0, y0, x1 - x0, y1 - y0)
                    rows.writerow(
                        [clip.name, number * len(truth) + index, f"{number}-{person}", *(f"{v:.1f}" for v in place)]
                    )
                    faces += 1
    return faces
