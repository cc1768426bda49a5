"""What the rows of ``bench/veil.py`` share: footage, covers of both tools, and how a quality row is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import footage
from coverage import BINS, LARGE_PX, Score, Truth, clip_truth, ratio_interval
from covers import ByPixels, Computed, Cover
from figures import Table
from passerby.config import WEIGHTS
from passerby.media import probe_clip
from passerby.veil.detect import Detector
from passerby.veil.detect.engine_openvino import OpenVinoEngine
from passerby.veil.settings import FindSettings


@dataclass(frozen=True)
class Bench:
    """One run.

    Attributes:
        data: Footage; None: the demo clip.
        work: A folder for temporary files.
        runs: Of each timing.
        computed: Take Passerby's cover by computing it instead of from outputs.
        table: Where figures go.
        only: Hard clips whose name holds this; empty is all.
        arithmetic: Of computed covers' network, as OpenVINO names it; None takes what Passerby takes here.
    """

    data: Path | None
    work: Path
    table: Table
    runs: int = 1
    computed: bool = False
    only: str = ""
    arithmetic: str | None = None

    @cached_property
    def detector(self) -> Detector:
        if self.arithmetic is None:
            return Detector(FindSettings())
        return Detector(FindSettings(), engine=OpenVinoEngine(WEIGHTS, threads=1, precision=self.arithmetic))

    def ours(self, *, thorough: bool = False) -> Cover:
        """Return how Passerby's cover is had."""
        if self.computed:
            return Computed(self.detector, FindSettings(thorough=thorough))
        return ByPixels(self.work, ("--thorough",) if thorough else ())

    def annotated(self) -> Iterable[tuple[Path, Truth]]:
        """Yield each annotated clip with its faces, those to be ignored too."""
        if self.data is None:
            path = self.work / "demo.mp4"
            yield path, footage.demo(path, 6.0)
            return
        for name, truth in sorted(clip_truth(self.data, ignored=True).items()):
            yield self.data / "videos_gt" / name, truth


def score_clips(clips: Iterable[tuple[Path, Truth]], cover: Cover) -> Score:
    """Count what a tool leaves bare in clips whose every face is known."""
    counted = Score()
    for path, truth in clips:
        counted.rates[path.name] = float(probe_clip(path).rate or 25)
        for index, mask in cover(path, None):
            counted.add(path.name, index, mask, truth.get(index, []))
    return counted


def percent(share: float, interval: tuple[float, float] | None = None) -> str:
    """Write a share, with the interval in which it lies in 95 of 100 draws.

    >>> percent(0.026, (0.01, 0.045))
    '2.60 % (1.0 to 4.5)'
    """
    between = f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else ""
    return f"{100 * share:.2f} %{between}"


def ratio(ours: float, other: float) -> float:
    return ours / max(other, 1e-9)


def quality(table: Table, name: str, ours: Score, peer: Score, must: float | None, area: float | None) -> None:
    """Print exposed faces, area, waste, and the misses by size."""
    low, high = ratio_interval(ours, peer)
    between = f"; ratio {low:.3f} to {high:.3f}"
    table.row(f"{name}: exposed faces, ratio", ratio(ours.exposed_share, peer.exposed_share), must,
              ours=percent(ours.exposed_share, ours.interval()) + between,
              other=percent(peer.exposed_share, peer.interval()))  # fmt: skip
    table.row(f"{name}: covered area, ratio", ratio(ours.area, peer.area), area,
              ours=percent(ours.area), other=percent(peer.area))  # fmt: skip
    table.row(f"{name}: waste, share of the cover away from any head", ours.waste,
              ours=percent(ours.waste), other=percent(peer.waste))  # fmt: skip
    mine, theirs = ours.by_size(), peer.by_size()
    for low_px, high_px in BINS:
        n, missed = mine[low_px, high_px]
        size = f"{low_px} px and up" if high_px == BINS[-1][1] else f"{low_px} to {high_px} px"
        table.row(f"{name}: exposed of {n} of {size}", missed / max(1, n), ours=percent(missed / max(1, n)),
                  other=percent(theirs[low_px, high_px][1] / max(1, n)))  # fmt: skip


def runs(table: Table, name: str, ours: Score, peer: Score) -> None:
    """Print for how long somebody stays exposed, and what share of the larger faces is."""
    table.row(f"{name}: longest exposed run, ms", ours.longest_run_ms(),
              ours=f"{ours.longest_run_ms():.0f} ms", other=f"{peer.longest_run_ms():.0f} ms")  # fmt: skip
    large, theirs = (one.of(lambda face: face.side > LARGE_PX) for one in (ours, peer))
    table.row(f"{name}: exposed of {len(large.faces)} above {LARGE_PX:.0f} px", large.exposed_share,
              ours=percent(large.exposed_share), other=percent(theirs.exposed_share))  # fmt: skip
