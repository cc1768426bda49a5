"""Every figure that ``passerby veil`` is held to, beside its peer, in one run. See README.md.

python bench/veil.py                     all rows, from PASSERBY_FOOTAGE or, without it, from the demo clip
python bench/veil.py clips pictures      some rows
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import footage
from coverage import (
    BINS,
    KEY,
    Face,
    Score,
    Truth,
    clip_truth,
    covered_in_clip,
    covered_in_picture,
    is_key,
    picture_truth,
)
from passerby import __version__
from passerby.media import Frame
from passerby.veil.detect.detector import Detector
from passerby.veil.review.measured import MEASURED
from passerby.veil.run.live import LiveSettings, LiveVeil
from passerby.veil.run.watch import watch
from passerby.veil.settings import CoverSettings, FindSettings
from passerby.veil.track.policy import LIVE, TrackingPolicy
from peer import ROOT, deface, deface_keyed, deface_keyed_each, in_turn, key_picture, passerby, run

BARE = ROOT / "bench" / "bare.py"


@dataclass(frozen=True, slots=True)
class Bench:
    """One run: footage (None: the demo clip), a folder for temporary files, runs per timing, and whether to keep the misses."""

    data: Path | None
    work: Path
    runs: int
    record: bool


def row(figure: str, ours: str, peer: str, ratio: float, must: float) -> None:
    """Print one figure: ours, the peer's, their ratio, and the most it may be."""
    print(
        f"| {figure} | {ours} | {peer} | {ratio:.3f} | at most {must:.3g} | {'yes' if ratio <= must else 'NO'} |",
        flush=True,
    )


def score_clips(bench: Bench, make: Callable[[Path, Path], Sequence[str]]) -> Score:
    """Veil every annotated clip with a command and count what is exposed."""
    score = Score()
    for path, truth in annotated(bench):
        target = bench.work / f"out_{path.name}"
        run(make(path, target))
        for index, mask in enumerate(covered_in_clip(target)):
            score.add(path.name, mask, truth.get(index, []))
        target.unlink()
    return score


def annotated(bench: Bench) -> Iterable[tuple[Path, Truth]]:
    """Yield each annotated clip with its faces."""
    if bench.data is None:
        path = bench.work / "demo.mp4"
        yield path, footage.demo(path, 6.0)
        return
    for name, truth in sorted(clip_truth(bench.data).items()):
        yield bench.data / "videos_gt" / name, truth


def clips(bench: Bench) -> None:
    """Exposed face-frames and people in the annotated clips, and the covered area."""
    key = key_picture(bench.work)
    ours, peer = score_clips(bench, passerby), score_clips(bench, lambda a, b: deface_keyed(a, b, key))
    quality("clips", ours, peer, 1 / 5, 1.5)
    if bench.record and bench.data is not None:
        record(ours)
    row("clips: people with an exposed frame", f"{len(ours.people_exposed)} of {len(ours.people)}",
        f"{len(peer.people_exposed)} of {len(peer.people)}",
        len(ours.people_exposed) / max(1, len(peer.people_exposed)), 1 / 4)  # fmt: skip


def record(ours: Score) -> None:
    """Write the misses by size to where reports read them."""
    rows = [
        {"low_px": low, "high_px": None if high == BINS[-1][1] else high, "faces": n, "missed": missed}
        for (low, high), (n, missed) in ours.by_size.items()
    ]
    material = (
        "nine annotated clips of 640x360: photographs of crowds under a moving camera, by day, night and with shake"
    )
    text = json.dumps({"version": __version__, "material": material, "rows": rows}, indent=1)
    MEASURED.write_text(text + "\n", encoding="utf-8")


def thorough(bench: Bench) -> None:
    """The same with ``--thorough``, and its speed."""
    key = key_picture(bench.work)
    ours = score_clips(bench, lambda a, b: passerby(a, b, "--thorough"))
    peer = score_clips(bench, lambda a, b: deface_keyed(a, b, key))
    quality("--thorough, clips", ours, peer, 1 / 10, 2.0)
    path = next(iter(annotated(bench)))[0]
    mine, theirs = in_turn(
        [passerby(path, bench.work / "a.mp4", "--thorough"), [deface(), str(path), "-o", str(bench.work / "b.mp4")]],
        bench.runs,
    )
    row("--thorough, time", f"{mine.wall_s:.1f} s", f"{theirs.wall_s:.1f} s", mine.wall_s / theirs.wall_s, 1)


def quality(name: str, ours: Score, peer: Score, must: float, area: float) -> None:
    """Print exposed faces, area, and the misses by size."""
    row(f"{name}: exposed faces", f"{ours.exposed_share:.2%}", f"{peer.exposed_share:.2%}",
        ours.exposed_share / max(peer.exposed_share, 1e-9), must)  # fmt: skip
    row(f"{name}: covered area", f"{ours.area:.2%}", f"{peer.area:.2%}", ours.area / max(peer.area, 1e-9), area)
    for low, high in BINS:
        (n, mine), (_, theirs) = ours.by_size[low, high], peer.by_size[low, high]
        size = f"{low} px and up" if high == BINS[-1][1] else f"{low} to {high} px"
        print(f"|   of {n} of {size} | {mine / max(1, n):.2%} | {theirs / max(1, n):.2%} | | | |", flush=True)


def pictures(bench: Bench) -> None:
    """Exposed faces in the annotated pictures."""
    if bench.data is None:
        print("| pictures | needs PASSERBY_FOOTAGE | | | | |")
        return
    truth = sorted(picture_truth(bench.data).items())
    inputs, veiled = bench.work / "pictures", bench.work / "veiled"
    inputs.mkdir()
    sources = [inputs / f"{number}.png" for number in range(len(truth))]
    for source, (name, _) in zip(sources, truth, strict=True):
        with Image.open(bench.data / name) as image:
            image.convert("RGB").save(source, compress_level=1)
    run(passerby(inputs, veiled))
    run(deface_keyed_each(sources, key_picture(bench.work)))
    ours, peer = Score(), Score()
    for source, (name, faces) in zip(sources, truth, strict=True):
        ours.add(name, covered_in_picture(veiled / source.name), faces)
        peer.add(name, covered_in_picture(source.with_stem(f"{source.stem}_anonymized")), faces)
    quality("pictures", ours, peer, 1 / 3, 1.5)


def speed(bench: Bench) -> None:
    """The whole command with start-up against deface's."""
    for path in timed_clips(bench):
        mine, theirs = in_turn(
            [
                passerby(path, bench.work / "a.mp4"),
                [deface(), str(path), "-o", str(bench.work / "b.mp4")],
            ],
            bench.runs,
        )
        row(f"speed: {path.name}", f"{mine.wall_s:.1f} s ({mine.cpu_s:.1f} s of processor)",
            f"{theirs.wall_s:.1f} s ({theirs.cpu_s:.1f} s)", mine.wall_s / theirs.wall_s, 1 / 8)  # fmt: skip


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


def real(bench: Bench) -> None:
    """Real clips without annotations, against the densest pass of the same weights, looked over by eye."""
    if bench.data is None:
        print("| real clips | needs PASSERBY_FOOTAGE | | | | |")
        return
    detector = Detector(FindSettings(floats=True))
    key, ours, peer = key_picture(bench.work), Score(), Score()
    for source in sorted((bench.data / "videos").glob("*.mp4")):
        truth: dict[int, list[Face]] = footage.reference(source, detector)
        for score, make in ((ours, passerby), (peer, lambda a, b: deface_keyed(a, b, key))):
            target = bench.work / "out.mp4"
            run(make(source, target))
            before = score.exposed
            for index, mask in enumerate(covered_in_clip(target)):
                score.add(source.name, mask, truth.get(index, []))
            faces = sum(map(len, truth.values()))
            print(f"|   {source.name} ({faces} faces) exposed | {score.exposed - before} | | | | |", flush=True)
            target.unlink()
    quality("real clips", ours, peer, 1 / 4, 1e9)


def live(bench: Bench) -> None:
    """Annotated clips as streams, at their own pace, against the same as files; looks as they are, and as they are when slow."""
    if bench.data is None:
        print("| streams | needs PASSERBY_FOOTAGE | | | | |")
        return
    detector, file = Detector(FindSettings()), score_clips(bench, passerby)
    slow = replace(LIVE, slow_share=0.0, quick_share=0.0)
    for name, policy in (("", LIVE), (", larger pass every second cycle", slow)):
        stream, whole, frames = Score(), 0, 0
        for path, truth in annotated(bench):
            for index, (mask, reason) in enumerate(streamed(path, detector, policy)):
                frames, whole = frames + 1, whole + (reason is not None)
                # what is covered whole is no merit
                if reason is None:
                    stream.add(path.name, mask, truth.get(index, []))
        print(f"|   streams{name}: frames covered whole, not counted | {whole} of {frames} | | | | |", flush=True)
        quality(f"streams{name}", stream, file, 1.3, 1.3)


def streamed(path: Path, detector: Detector, policy: TrackingPolicy) -> Iterable[tuple[NDArray[np.bool_], str | None]]:
    """Feed a clip to a live veil at its own pace; yield what is covered in each frame, and why it is covered whole or None."""
    with av.open(str(path)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
        frames = [frame.reformat(format="yuv420p") for frame in container.decode(video=0)]
    settings = LiveSettings(cover=CoverSettings(fill=KEY), policy=policy)
    veil, began = LiveVeil(frames[0].width, frames[0].height, rate, detector, settings), time.monotonic()
    out = []
    for index, frame in enumerate(frames):
        time.sleep(max(0.0, began + index / rate - time.monotonic()))
        out += veil.push(Frame(index, time.monotonic_ns(), Fraction(1, 10**9), frame, corrupt=False))
    for one in (*out, *veil.flush()):
        yield is_key(np.asarray(one.picture.to_ndarray(format="rgb24"), np.uint8)), one.reason


def bare(bench: Bench) -> None:
    """Time against bare decode and encode."""
    small, large = bench.work / "768x432.mp4", bench.work / "1080p.mp4"
    source = longest(bench)
    footage.write(small, footage.decoded(source, 600), Fraction(25), (768, 432))
    footage.write(large, footage.decoded(source, 400), Fraction(25), (1920, 1080))
    for path, must in ((large, 1.5), (small, 3.0)):
        against_bare(f"time, {path.stem}, all encoded anew", path, bench, ("--full-reencode",), must)


def rare(bench: Bench) -> None:
    """Footage in which one group of pictures in ten holds a face."""
    if bench.data is None:
        print("| sparse footage | needs PASSERBY_FOOTAGE | | | | |")
        return
    source = longest(bench)
    watched = watch(source, Detector(FindSettings()), TrackingPolicy())
    for name, size, groups in (("1080p", (1920, 1080), 20), ("768x432", None, 40)):
        path = bench.work / "sparse.mp4"
        footage.sparse(source, watched, path, size, groups)
        against_bare(f"time, {name}, faces in 1 of 10 groups of pictures", path, bench, (), 1.0)


def longest(bench: Bench) -> Path:
    """Return the longest real clip."""
    return next(iter(timed_clips(bench)))


def against_bare(name: str, path: Path, bench: Bench, more: Sequence[str], must: float) -> None:
    """Print the time of veiling one clip beside that of decoding and encoding it."""
    mine, limit = in_turn(
        [
            passerby(path, bench.work / "a.mp4", *more),
            [sys.executable, str(BARE), str(path), str(bench.work / "b.mp4")],
        ],
        bench.runs,
    )
    row(name, f"{mine.wall_s:.1f} s ({mine.cpu_s:.1f} s of processor)", f"{limit.wall_s:.1f} s ({limit.cpu_s:.1f} s)",
        mine.wall_s / limit.wall_s, must)  # fmt: skip


def memory(bench: Bench) -> None:
    """Peak memory of 10 seconds against 10 minutes, and at 1080p."""
    source = longest(bench)
    short, long, large = (bench.work / name for name in ("short.mp4", "long.mp4", "1080p.mp4"))
    frames = [frame.reformat(640, 360, "yuv420p") for frame in footage.decoded(source, 250)]
    footage.write(short, frames, Fraction(25))
    footage.write(long, (frame for _ in range(60) for frame in frames), Fraction(25))
    footage.write(large, footage.decoded(source, 250), Fraction(25), (1920, 1080))
    costs = [run(passerby(path, bench.work / "a.mp4", "--full-reencode")) for path in (short, long, large)]
    row("memory, 10 min against 10 s", f"{costs[1].peak_mb:.0f} MB", f"{costs[0].peak_mb:.0f} MB",
        costs[1].peak_mb / costs[0].peak_mb, 1.15)  # fmt: skip
    row("memory at 1080p against 700 MB", f"{costs[2].peak_mb:.0f} MB", "700 MB", costs[2].peak_mb / 700, 1)


ROWS: dict[str, Callable[[Bench], None]] = {
    "clips": clips, "pictures": pictures, "speed": speed, "real": real, "live": live, "bare": bare, "rare": rare,
    "thorough": thorough, "memory": memory,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="which rows; all without")
    parser.add_argument(
        "--runs", type=int, default=1, help="runs of each timed command, taken in turn; the median counts"
    )
    parser.add_argument("--record", action="store_true", help="write the misses of clips to measured.json, for reports")
    told = parser.parse_args()
    data = os.environ.get("PASSERBY_FOOTAGE")
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(Path(data) if data else None, Path(work), told.runs, told.record)
        print("| figure | passerby | peer or limit | ratio | must reach | reached |\n|---|---|---|---|---|---|")
        for name in told.rows or ROWS:
            ROWS[name](bench)


if __name__ == "__main__":
    main()
