"""Rows of ``bench/veil.py`` that say what stays bare and what is covered for nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from PIL import Image

import footage
import hard
from coverage import Mask, Score, Truth, picture_truth
from covers import covered_in_picture, is_key, peer_cover, peer_cover_of_picture
from heads import WASTEFUL, Eyed, score_by_eye
from passerby.media import Frame, probe_clip
from passerby.veil.detect import Detector
from passerby.veil.run import LiveSettings, LiveVeil
from passerby.veil.settings import CoverSettings, FindSettings
from passerby.veil.track import LIVE, TrackingPolicy
from peer import KEY, deface, in_turn, passerby, run
from veil_bench import Bench, percent, quality, ratio, runs, score_clips

MOST_FACES, MOST_BELOW_HALF = 4 / 216, 0.0
"""Faces drawn by eye that may be covered by less than 90 and 50 %, as shares: 4 and none of 216."""
MOST_IN_PAN = 4 / 221
MOST_WASTE, MOST_WASTE_HARD = 0.12, 0.25
AREA_BY_EYE = 0.0251
"""Covered share of the frames drawn by eye that may not be exceeded. Source: this row in float32 on 30 November 2026, before
tracks were mended for real footage."""
MOST_PEOPLE = 15 / 503
SPARE, SPARE_SHARE = 2, 0.005
"""Face-frames, or share of them, by which a hard clip may leave more bare than the peer does."""
INTERLACED_POINTS = 0.02


def real(bench: Bench) -> None:
    """Heads drawn by eye in real clips."""
    if bench.data is None or not (bench.data / "heads_by_eye").is_dir():
        bench.table.left_out("real clips, heads drawn by eye", "needs PASSERBY_FOOTAGE with heads_by_eye")
        return
    ours, peer = score_by_eye(bench.data, bench.ours()), score_by_eye(bench.data, peer_cover)
    few = [score.of(lambda face: face.side >= 12).under(0.5) for score in (ours.faces, peer.faces)]
    under(bench, "real, faces", ours.faces, peer.faces, (allowed(MOST_FACES, ours.faces), 0, None))
    bench.table.row("real, faces of 12 px and more under 50 %", few[0], 0, ours=str(few[0]), other=str(few[1]))
    under(bench, "real, people in the fast pan", ours.pan, peer.pan, (allowed(MOST_IN_PAN, ours.pan), 0, None))
    under(bench, "real, backs of heads", ours.backs, peer.backs, (None, None, None))
    bench.table.row("real: covered area", ours.heads.area, AREA_BY_EYE,
                    ours=percent(ours.heads.area), other=percent(peer.heads.area))  # fmt: skip
    bench.table.row("real: waste, share of the cover away from any head", ours.heads.waste, MOST_WASTE,
                    ours=percent(ours.heads.waste), other=percent(peer.heads.waste))  # fmt: skip
    waste_by_clip(bench, ours, peer)


def allowed(share: float, of: Score) -> int:
    """Return how many of the faces at hand a share of the whole truth allows: the larger part of it is kept closed."""
    return round(share * len(of.faces))


def under(bench: Bench, name: str, ours: Score, peer: Score, most: tuple[int | None, int | None, int | None]) -> None:
    """Print how many faces are covered by less than 90, 50 and 10 %."""
    n = len(ours.faces)
    for share, must in zip((0.9, 0.5, 0.1), most, strict=True):
        mine, theirs = ours.under(share), peer.under(share)
        intervals = (ours.interval(), peer.interval()) if share == 0.9 else (None, None)
        bench.table.row(f"{name}, of {n} under {share:.0%}", mine, must, ours=f"{mine}: {percent(mine / n, intervals[0])}",
                        other=f"{theirs}: {percent(theirs / n, intervals[1])}")  # fmt: skip


def waste_by_clip(bench: Bench, ours: Eyed, peer: Eyed) -> None:
    """Print area and waste of each real clip; two have a limit of their own."""
    for clip, area in ours.heads.areas.items():
        theirs = peer.heads.areas[clip]
        share, other = (a.wasted / max(1, a.covered) for a in (area, theirs))
        must = MOST_WASTE_HARD if clip in WASTEFUL else None
        words = [f"{percent(w)} of {percent(a.covered / a.seen)}" for w, a in ((share, area), (other, theirs))]
        bench.table.row(f"real: waste, {clip}", share, must, ours=words[0], other=words[1])


def hard_row(bench: Bench) -> None:
    """Drawn clips of what is hard to hold, and annotated ones made interlaced."""
    cover, shares = bench.ours(), {}
    kinds: dict[str, list[tuple[Score, Score]]] = {}
    drawn = ((clip.name, clip.kind, path, truth) for clip, path, truth in hard.hard_clips())
    for name, kind, path, truth in chain(drawn, interlaced(bench)):
        if bench.only not in name:
            continue
        ours, peer = score_clips([(path, truth)], cover), score_clips([(path, truth)], peer_cover)
        kinds.setdefault(kind, []).append((ours, peer))
        n, theirs, shares[name] = len(ours.faces), peer.exposed, ours.exposed_share
        most = theirs + max(SPARE, SPARE_SHARE * n)
        if name.startswith("interlaced"):
            even = shares.get(name.replace("interlaced", "progressive").removesuffix(" not flagged"), 1.0)
            most = min(most, (even + INTERLACED_POINTS) * n)
        bench.table.row(f"hard, {name}: exposed of {n}", ours.exposed, most, ours=saying(ours), other=saying(peer))
    for kind, pairs in kinds.items():
        mine, theirs = (sum(pair[which].exposed for pair in pairs) for which in (0, 1))
        n = sum(len(ours.faces) for ours, _ in pairs)
        bench.table.row(f"hard, {kind} together: exposed of {n}", mine, theirs, ours=str(mine), other=str(theirs))


def saying(one: Score) -> str:
    return f"{one.exposed} ({one.exposed_share:.1%}); area {one.area:.1%}, waste {one.waste:.0%}"


def interlaced(bench: Bench) -> Iterator[tuple[str, str, Path, Truth]]:
    """Yield the annotated clips with each two frames as the fields of one, and with every second frame alone, before it."""
    for path, truth in bench.annotated() if bench.data else ():
        rate = Fraction(probe_clip(path).rate or 25) / 2
        half = {index // 2: faces for index, faces in truth.items() if index % 2 == 0}
        alone, pairs = (bench.work / f"{kind}_{path.name}" for kind in ("progressive", "interlaced"))
        frames = list(footage.decoded(path))
        hard.encode(alone, frames[: len(frames) // 2 * 2 : 2], rate)
        hard.encode(pairs, hard.woven(frames), rate, flagged=True)
        yield f"progressive {path.stem}", "annotated, progressive", alone, half
        yield f"interlaced {path.stem}", "annotated, interlaced", pairs, half


def clips(bench: Bench) -> None:
    """Exposed face-frames and people in the annotated clips, and the covered area."""
    ours, peer = score_clips(bench.annotated(), bench.ours()), score_clips(bench.annotated(), peer_cover)
    quality(bench.table, "clips", ours, peer, 1 / 12, 1.4)
    people, theirs = len(ours.people_exposed), len(peer.people_exposed)
    bench.table.row(f"clips: people of {len(ours.people)} with an exposed frame", people,
                    round(MOST_PEOPLE * len(ours.people)), ours=str(people), other=str(theirs))  # fmt: skip
    runs(bench.table, "clips", ours, peer)


def thorough(bench: Bench) -> None:
    """The same with ``--thorough``, and its speed."""
    ours, peer = score_clips(bench.annotated(), bench.ours(thorough=True)), score_clips(bench.annotated(), peer_cover)
    quality(bench.table, "--thorough, clips", ours, peer, 1 / 10, 2.0)
    path = next(iter(bench.annotated()))[0]
    mine, theirs = in_turn(
        [passerby(path, bench.work / "a.mp4", "--thorough"), [deface(), str(path), "-o", str(bench.work / "b.mp4")]],
        bench.runs,
    )
    bench.table.row("--thorough, time against deface", ratio(mine.wall_s, theirs.wall_s), 1,
                    ours=f"{mine.wall_s:.1f} s", other=f"{theirs.wall_s:.1f} s")  # fmt: skip


def pictures(bench: Bench) -> None:
    """Exposed faces in the annotated pictures."""
    if bench.data is None:
        bench.table.left_out("pictures", "needs PASSERBY_FOOTAGE")
        return
    truth = sorted(picture_truth(bench.data).items())
    inputs, veiled = bench.work / "pictures", bench.work / "veiled"
    inputs.mkdir()
    sources = [inputs / f"{number}.png" for number in range(len(truth))]
    for source, (name, _) in zip(sources, truth, strict=True):
        with Image.open(bench.data / name) as image:
            image.convert("RGB").save(source, compress_level=1)
    run(passerby(inputs, veiled))
    ours, peer = Score(), Score()
    for source, (name, faces) in zip(sources, truth, strict=True):
        ours.add(name, 0, covered_in_picture(veiled / source.name), faces)
        peer.add(name, 0, peer_cover_of_picture(source), faces)
    quality(bench.table, "pictures", ours, peer, 1 / 7, 1.25)


def dense(bench: Bench) -> None:
    """Real clips without annotations, against the densest pass of the same weights, looked over by eye."""
    if bench.data is None:
        bench.table.left_out("real clips, densest pass", "needs PASSERBY_FOOTAGE")
        return
    sources = sorted((bench.data / "videos").glob("*.mp4"))
    dense_detector = Detector(FindSettings(floats=True))
    truths = [(source, footage.reference(source, dense_detector)) for source in sources]
    ours, peer = score_clips(truths, bench.ours()), score_clips(truths, peer_cover)
    quality(bench.table, "real clips, densest pass", ours, peer, 1 / 4, None)


def live(bench: Bench) -> None:
    """Annotated clips as streams, at their own pace, against the same as files; passes as they are, and as they are when slow."""
    if bench.data is None:
        bench.table.left_out("streams", "needs PASSERBY_FOOTAGE")
        return
    file = score_clips(bench.annotated(), bench.ours())
    slow = replace(LIVE, slow_share=0.0, quick_share=0.0)
    for name, policy in (("streams", LIVE), ("streams, larger pass every second cycle", slow)):
        stream, whole, frames = Score(), 0, 0
        for path, truth in bench.annotated():
            for index, (mask, reason) in enumerate(streamed(path, bench.detector, policy)):
                frames, whole = frames + 1, whole + (reason is not None)
                # what is covered whole is no merit
                if reason is None:
                    stream.add(path.name, index, mask, truth.get(index, []))
        bench.table.row(f"{name}: frames of {frames} covered whole, not counted", whole, ours=str(whole))
        quality(bench.table, f"{name} against files", stream, file, 1.3, 1.3)


def streamed(path: Path, detector: Detector, policy: TrackingPolicy) -> Iterable[tuple[Mask, str | None]]:
    """Feed a clip to a live veil at its own pace; yield what is covered in each frame, and why it is covered whole or None."""
    with av.open(str(path)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
    with closing(footage.decoded(path)) as decoded:
        frames = [frame.reformat(format="yuv420p") for frame in decoded]
    settings = LiveSettings(cover=CoverSettings(fill=KEY), policy=policy)
    veil, began = LiveVeil(frames[0].width, frames[0].height, rate, detector, settings), time.monotonic()
    out = []
    for index, frame in enumerate(frames):
        time.sleep(max(0.0, began + index / rate - time.monotonic()))
        out += veil.push(Frame(index, time.monotonic_ns(), Fraction(1, 10**9), frame, corrupt=False))
    for one in (*out, *veil.flush()):
        yield is_key(np.asarray(one.picture.to_ndarray(format="rgb24"), np.uint8)), one.reason


ROWS: dict[str, Callable[[Bench], None]] = {
    "real": real, "hard": hard_row, "clips": clips, "pictures": pictures, "dense": dense, "live": live, "thorough": thorough,
}  # fmt: skip
