"""Folders of many files: how busy several at once keep the processors, and what is left of a run that was killed.

    .venv/bin/python bench/folders.py jobs [--pictures 400] [--clips 40] [--runs 3] [--json FILE]
    .venv/bin/python bench/folders.py killed [--pictures 1000] [--clips 200] [--kills 2] [--seed N] [--json FILE]

All files are made of the package's portrait. ``load before`` says whether the machine was idle: only then do times mean anything.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import av
import numpy as np
from PIL import Image

from figures import Table
from passerby.config import PORTRAIT
from passerby.media import MANIFEST_SUFFIX, expand_inputs
from passerby.values import digest_file
from passerby.veil.tools.demo_clip import demo_clip

PICTURES = (".jpg", ".png", ".webp", ".tif", ".gif", ".bmp", ".heic", ".avif")
CONTAINERS = (".mp4", ".mov", ".mkv", ".flv", ".ts")
FILL = (0x70, 0x70, 0x70)
LEAST_COVERED = 0.01
SAMPLE_S = 0.03


def main() -> None:
    """Measure what was asked for, and exit with 1 where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("jobs", "killed"))
    parser.add_argument("--pictures", type=int)
    parser.add_argument("--clips", type=int)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, dest="file")
    asked = parser.parse_args()
    table = Table(asked.file)
    table.begin("with its defaults")
    with tempfile.TemporaryDirectory(prefix="passerby-bench-") as work:
        given = {"jobs": (400, 40), "killed": (1000, 200)}[asked.what]
        counts = (_given(asked.pictures, given[0]), _given(asked.clips, given[1]))
        if asked.what == "jobs":
            jobs(table, Path(work), counts, asked.runs)
        else:
            chance = random.Random(asked.seed)  # noqa: S311 - when to kill is no secret
            killed(table, Path(work), counts, asked.kills, chance)
    sys.exit(any(figure.holds is False for figure in table.figures))


def _given(told: int | None, usual: int) -> int:
    return usual if told is None else told


def jobs(table: Table, work: Path, counts: tuple[int, int], runs: int) -> None:
    """One after another against two at once, in turn."""
    pictures, clips = work / "pictures", work / "clips"
    with Image.open(PORTRAIT) as portrait:
        for number in range(counts[0]):
            side = (640, 960, 1280)[number % 3]
            save(portrait.convert("RGB").resize((side, side)), pictures / f"{number:04}.jpg")
    if counts[1]:
        demo_clip(made(clips / "0000.mp4"), 4.0, (640, 360))
    for number in range(1, counts[1]):
        shutil.copy(clips / "0000.mp4", clips / f"{number:04}.mp4")
    for folder, must in ((pictures, 1 / 1.7), (clips, 1.0)):
        if not folder.exists():
            continue
        ratios, idle = [], []
        for turn in range(runs):
            alone, _ = timed(veil(folder, work / f"alone{turn}{folder.name}", "--jobs", "1"))
            two, share = timed(veil(folder, work / f"two{turn}{folder.name}", "--jobs", "2"))
            ratios.append(two / alone)
            idle.append(1 - share)
            print(f"{folder.name}: {alone:.1f} s alone, {two:.1f} s two at once, {share:.1%} busy", file=sys.stderr)
        table.row(f"{folder.name}, two at once against one after another: time", median(ratios), must)
        table.row(f"{folder.name}, two at once: share of two processors with nothing to do", median(idle), 0.05)


def timed(command: Sequence[str]) -> tuple[float, float]:
    """Run a command, and return its seconds and which share of two processors it had work for.

    A thread that waits for a processor that others hold counts as work, so that a machine that is not idle tells the same.
    """
    began, seen = time.monotonic(), []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        seen.append(min(2, sum(runnable(pid) for pid in family(process.pid))))
        time.sleep(SAMPLE_S)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - began, sum(seen) / (2 * len(seen))


def family(pid: int) -> list[int]:
    """Return a process and all that it started."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [one for child in children.read_text().split() for one in family(int(child))]
        except OSError:  # it ended meanwhile
            continue
    return found


def runnable(pid: int) -> int:
    """Return how many threads of a process run or wait for a processor."""
    count = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            count += thread.read_text().rpartition(") ")[2][0] == "R"
        except OSError:
            continue
    return count


def killed(table: Table, work: Path, counts: tuple[int, int], kills: int, chance: random.Random) -> None:
    """A folder of mixed formats, killed at random, and finished by the same command."""
    source, target = work / "in", work / "out"
    every = fill(source, counts)
    share = [chance.uniform((k + 0.2) / (kills + 1), (k + 0.9) / (kills + 1)) for k in range(kills)]
    for number, part in enumerate(share, 1):
        stood = kill_at(veil(source, target), target, round(part * every), chance.uniform(0, 0.5))
        print(f"kill {number}: {stood} of {every} outputs stood", file=sys.stderr)
    done = subprocess.run(veil(source, target), capture_output=True, text=True, check=False)
    table.row("files that the last run failed", done.stderr.count("error:") + (done.returncode != 0), 0)
    wrong = faults(source, target)
    for what, names in sorted(wrong.items()):
        print(f"{what}: {', '.join(names[:5])}", file=sys.stderr)
    table.row(f"of {every} outputs, those missing", len(wrong["missing"]), 0)
    for what in ("too many", "not as its manifest says", "unlike others of the same input", "not covered"):
        table.row(f"of {every} outputs, those {what}", len(wrong[what]), 0)
    again = subprocess.run(veil(source, target), capture_output=True, text=True, check=False)
    table.row("files written by one run more", len(again.stdout.splitlines()) + again.returncode, 0)


def fill(folder: Path, counts: tuple[int, int]) -> int:
    """Make pictures and clips of all formats that are read, and return how many."""
    suffixes = [suffix for suffix in PICTURES if takes(folder.parent / "try", suffix)]
    clip = folder.parent / "clip.mp4"
    demo_clip(clip, 0.8, (320, 180))
    with Image.open(PORTRAIT) as portrait:
        for number in range(counts[0]):
            side = 128 + 32 * (number // len(suffixes) % 3)
            name = f"{number % 7}/{number:04}{suffixes[number % len(suffixes)]}"
            save(portrait.convert("RGB").resize((side, side)), folder / name)
    for number in range(counts[1]):
        remux(clip, made(folder / f"{number % 7}/clip{number:04}{CONTAINERS[number % len(CONTAINERS)]}"))
    print(f"pictures: {' '.join(suffixes)}; clips: {' '.join(CONTAINERS)}", file=sys.stderr)
    return sum(counts)


def takes(folder: Path, suffix: str) -> bool:
    """Say whether this format can be made here, and Passerby reads it."""
    path = made(folder / f"a{suffix}")
    try:
        save(Image.new("RGB", (64, 64)), path)
    except (OSError, ValueError, KeyError):
        return False
    return bool(expand_inputs([str(path)]).sources)


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format of its name."""
    if path.suffix in {".heic", ".avif"}:
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            pass
        else:
            register_heif_opener()
    picture.save(made(path))


def made(path: Path) -> Path:
    """Make the folder of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def remux(source: Path, target: Path) -> None:
    """Put a clip's stream into another container."""
    with av.open(str(source)) as read, av.open(str(target), "w") as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        for packet in read.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                write.mux(packet)


def veil(source: Path, target: Path, *more: str) -> list[str]:
    """Return the command."""
    return [sys.executable, "-m", "passerby", "veil", str(source), "-o", str(target), "--quiet", *more]


def kill_at(command: Sequence[str], target: Path, count: int, more_s: float) -> int:
    """Kill a command with all its processes once so many outputs were made, and return how many stand."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while len(outputs(target)) < count and process.poll() is None:
        time.sleep(0.1)
    time.sleep(more_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return len(outputs(target))


def outputs(target: Path) -> list[Path]:
    """Return all outputs, without manifests and without what a killed process left under its hidden name."""
    return [
        path
        for path in target.rglob("*")
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(MANIFEST_SUFFIX)
    ]


def faults(source: Path, target: Path) -> dict[str, list[str]]:
    """Compare outputs with inputs and manifests, and with each other: what was made of the same bytes has the same bytes."""
    wrong: dict[str, list[str]] = defaultdict(list)
    alike: dict[tuple[str, str], list[Path]] = defaultdict(list)
    made_of: dict[str, list[str]] = defaultdict(list)
    for path in outputs(target):
        told = json.loads(path.with_name(path.name + MANIFEST_SUFFIX).read_text(encoding="utf-8"))
        made_of[str(path.parent.relative_to(target) / told["inputs"][0]["name"])].append(path.name)
        digest = digest_file(path)
        if digest != told["outputs"][0]["digest"]:
            wrong["not as its manifest says"].append(path.name)
        alike[told["inputs"][0]["digest"], path.suffix].append(path)
    for path in source.rglob("*"):
        if path.is_file() and not made_of[str(path.relative_to(source))]:
            wrong["missing"].append(path.name)
    wrong["too many"] += [name for names in made_of.values() for name in names[1:]]
    for same in alike.values():
        first = digest_file(same[0])
        wrong["unlike others of the same input"] += [path.name for path in same if digest_file(path) != first]
        if covered(same[0]) < LEAST_COVERED:
            wrong["not covered"] += [path.name for path in same]
    return wrong


def covered(path: Path) -> float:
    """Return which share of a picture, or of a clip's frames, has the colour of covers; it must decode to its end."""
    with av.open(str(path)) as container:
        shares = [
            float(np.mean(np.abs(frame.to_ndarray(format="rgb24").astype(int) - FILL).max(axis=2) < 12))
            for frame in container.decode(video=0)
        ]
    return min(shares)


if __name__ == "__main__":
    main()
