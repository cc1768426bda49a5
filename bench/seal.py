"""What sealing reaches: how much is sealed, of whom, in how many bytes, how true to the source, at which cost.

python bench/seal.py [clips crossings] [--only WORD] [--crossings 1000] [--from SEED] [--json FILE]

``clips`` takes annotated and real clips of ``PASSERBY_FOOTAGE``; nothing of them is kept. ``crossings`` are drawn
(``tests/seal_crossings.py``).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from figures import Table
from passerby.veil import (
    CoverSettings,
    Detector,
    FindSettings,
    LiveSettings,
    LiveVeil,
    UncoveredFaces,
    VeiledFile,
    veil_file,
)
from passerby_seal.keys import Authority, AuthorityKey, Custodian, FileCustodyKey, SealPolicy
from passerby_seal.patches import Patch, PatchSealer, SealCounts, cut_patches, decode_piece
from passerby_seal.pieces import FILE_ORIGIN, BucketContext, OpenedPiece, PieceWriter, SealBucket

ROOT = Path(__file__).resolve().parent.parent
FEW = 0.05
"""Where at most this share of the picture is covered, the tighter limits hold."""
NIGHT, DENSEST = "mot20-05_night_square.mp4", "gt_dev_00_day.mp4"
WALKS = ("intel_one-by-one-person-detection.mp4",)
SEALED_DB, PATCH_DB = 32.0, 28.0


class Kept(bytearray):
    """A pack in memory."""

    def append(self, data: bytes) -> None:  # type: ignore[override]  # a sink takes bytes
        self.extend(data)


@dataclass(slots=True)
class Compared:
    """Pieces beside their source.

    Attributes:
        patches: Of pieces that are open, by number: what went in.
        pooled: Luma PSNR of each piece, dB.
        single: ... of each patch.
        seconds: How long each piece is.
    """

    patches: dict[int, list[Patch]] = field(default_factory=lambda: defaultdict(list))
    pooled: list[float] = field(default_factory=list)
    single: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def end(self, number: int, meta: Mapping[str, Any], data: bytes) -> None:
        """Decode a piece that ended and compare it."""
        before = self.patches.pop(number)
        errors = []
        for shown, patch in zip(decode_piece(OpenedPiece(number, dict(meta), data)), before, strict=True):
            off = shown.planes[0].astype(float) - patch.planes[0]
            errors.append(float(np.square(off).mean()))
        self.single += [decibels(error) for error in errors]
        self.pooled.append(decibels(float(np.mean(errors))))
        self.seconds.append((meta["end_ms"] - meta["begin_ms"]) / 1000)


class ComparedWriter:
    """Writes a piece, and keeps its plaintext until it ends."""

    def __init__(self, writer: PieceWriter, compared: Compared) -> None:
        self._writer, self._compared, self._data, self.number = writer, compared, bytearray(), writer.number

    def write(self, data: bytes) -> None:
        """Take more."""
        self._data += data
        self._writer.write(data)

    def close(self, meta: Mapping[str, object]) -> None:
        """End it."""
        self._writer.close(meta)
        self._compared.end(self.number, meta, bytes(self._data))


class ComparedBucket:
    """A bucket whose pieces are compared with their source as they end."""

    def __init__(self, bucket: SealBucket, compared: Compared) -> None:
        self._bucket, self._compared = bucket, compared

    def open_piece(self) -> ComparedWriter:
        """Begin a piece."""
        return ComparedWriter(self._bucket.open_piece(), self._compared)


def decibels(error: float) -> float:
    """Return PSNR of a mean squared error of luma, dB."""
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def policy() -> SealPolicy:
    """Return three of five authorities."""
    authorities = tuple(
        Authority(f"authority {n}", "court", AuthorityKey.make(name=f"authority {n}").public) for n in range(5)
    )
    return SealPolicy(
        3, authorities, Custodian("archive", "authority", FileCustodyKey.make(name="archive").public), 72 * 3600
    )


def seal(
    clip: Path, output: Path, detector: Detector, compared: Compared | None
) -> tuple[int, SealCounts, VeiledFile, float]:
    """Veil a clip with sealing; return bytes of the pack, counts, what was done and processor seconds."""
    kept, terms = Kept(), policy()
    key = terms.custodian.key
    assert key is not None
    began = time.process_time()
    counts = SealCounts()
    with SealBucket(BucketContext(FILE_ORIGIN, os.urandom(16).hex(), "2026-11-30T10"), terms, key, kept) as bucket:
        sealer = PatchSealer(bucket if compared is None else ComparedBucket(bucket, compared))  # type: ignore[arg-type]

        def told(faces: UncoveredFaces) -> None:
            cut = cut_patches(faces)
            counts.unsure += cut.unsure
            counts.small += cut.small
            for number, patch in zip(sealer.take(cut.patches), cut.patches, strict=True):
                if compared is not None and number >= 0:
                    compared.patches[number].append(patch)

        done = veil_file(clip, output, detector=detector, before_cover=told)
        sealer.close()
    counts.sealed, counts.behind = sealer.counts.sealed, sealer.counts.behind
    return len(kept), counts, done, time.process_time() - began


def is_same(one: VeiledFile, other: VeiledFile) -> bool:
    """Whether the same was covered."""
    shares = one.report.covered_share == other.report.covered_share and len(one.tracks) == len(other.tracks)
    return shares and all(np.array_equal(a.xyxy, b.xyxy) for a, b in zip(one.tracks, other.tracks, strict=True))


def clips(table: Table, only: str) -> None:
    """Print the rows of footage."""
    footage = os.environ.get("PASSERBY_FOOTAGE")
    if not footage:
        table.left_out("seal, clips", "PASSERBY_FOOTAGE is not set")
        return
    detector = Detector(FindSettings())
    few = np.zeros(2)
    spent = np.zeros(2)
    pooled: list[float] = []
    single: list[float] = []
    sizes = np.zeros(2)
    with tempfile.TemporaryDirectory() as folder:
        for clip in sorted(Path(footage).glob("videos*/*.mp4")):
            if only not in clip.name:
                continue
            output, compared = Path(folder) / "out.mp4", Compared()
            began = time.process_time()
            before = veil_file(clip, output, detector=detector)
            plain = (time.process_time() - began, output.read_bytes())
            output.unlink()
            packed, counts, done, sealed_s = seal(clip, output, detector, None)
            share, same = done.report.covered_share, is_same(before, done)
            output.unlink()
            seal(clip, output, detector, compared)
            output.unlink()
            all_faces = max(1, counts.sealed + counts.unsealed)
            rows(table, clip.name, share, (packed, len(plain[1])), (plain[0], sealed_s), counts)
            table.row(f"seal, {clip.name}: covers that differ from those without", float(not same), 0.0)
            pooled += compared.pooled
            single += compared.single
            if clip.name in WALKS:
                table.row(
                    "seal, one person walking past: 2 s over the median piece",
                    2 / float(np.median(compared.seconds)),
                    1.0,
                    ours=f"{np.median(compared.seconds):.2f} s",
                )
            if share <= FEW:
                few += [counts.unsealed, all_faces]
                spent += [sealed_s - plain[0], plain[0]]
                sizes += [packed, len(plain[1])]
    detector.close()
    if few[1]:
        table.row("seal, at most 5 % covered: unsealed share of covered face-frames", float(few[0] / few[1]), 0.01)
        table.row("seal, at most 5 % covered: processor time of sealing, of veiling", float(spent[0] / spent[1]), 0.05)
        table.row("seal, at most 5 % covered: bytes, of the veiled clips", float(sizes[0] / sizes[1]), 0.10)
    if pooled:
        table.row(
            "seal, dB that the worst piece is below 32",
            max(0.0, SEALED_DB - min(pooled)),
            0.0,
            ours=f"{min(pooled):.1f} dB",
        )
        low = float(np.percentile(single, 5))
        table.row(
            "seal, dB that the 5th percentile of patches is below 28",
            max(0.0, PATCH_DB - low),
            0.0,
            ours=f"{low:.1f} dB",
        )


def rows(
    table: Table,
    name: str,
    share: float,
    sizes: tuple[int, int],
    spent: tuple[float, float],
    counts: SealCounts,
) -> None:
    """Print the rows of one clip."""
    faces = max(1, counts.sealed + counts.unsealed)
    few = share <= FEW
    limit = 0.10 if few else {NIGHT: 0.75, DENSEST: 1.10}.get(name)
    ours = f"{sizes[0] / 1000:.0f} kB of {sizes[1] / 1000:.0f}, {share:.1%} of the picture covered"
    table.row(f"seal, {name}: bytes, of the veiled clip", sizes[0] / sizes[1], limit, ours=ours)
    ours = f"{counts.sealed} of {faces}; {counts.unsure} unsure, {counts.small} others', {counts.behind} too many"
    limit = 0.01 if few else {NIGHT: 0.5}.get(name)
    table.row(f"seal, {name}: unsealed share of covered face-frames", counts.unsealed / faces, limit, ours=ours)
    more = (spent[1] - spent[0]) / spent[0]
    table.row(f"seal, {name}: processor time of sealing, of veiling", more, None, ours=f"{spent[0]:.1f} s of veiling")


def crossings(table: Table, first: int, count: int) -> None:
    """Print the rows of drawn crossings."""
    sys.path.append(str(ROOT))
    drawn = importlib.import_module("tests.seal_crossings")
    mixed = pieces = 0
    faces = np.zeros(2)
    strange = np.zeros(2)
    wrong: list[int] = []
    for seed in range(first, first + count):
        passing = drawn.crossing(seed)
        counted = drawn.Counted(passing)
        veil = LiveVeil(
            drawn.WIDTH,
            drawn.HEIGHT,
            passing.rate_hz,
            drawn.CrossingDetector(passing),
            LiveSettings(cover=CoverSettings(), wait=True, lookahead_frames=14),
            before_cover=counted.take,
        )
        for frame in passing.bare():
            veil.push(frame)
        veil.flush()
        mixed += counted.mixed
        pieces += len(counted.owners)
        faces += [counted.sealed, counted.shown]
        strange += [counted.strange, counted.own]
        if counted.mixed:
            wrong.append(seed)
    table.row("seal, crossings: mixed pieces", mixed, 0.0, ours=f"of {pieces} in {count} crossings {wrong or ''}")
    table.row("seal, crossings: unsealed share of covered face-frames", float(1 - faces[0] / faces[1]), 0.10)
    table.row("seal, crossings: pixels of another's face, of all sealed", float(strange[0] / max(1, strange[1])), 0.0)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["clips", "crossings"])
    parser.add_argument("--only", default="")
    parser.add_argument("--crossings", type=int, default=1000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    table = Table(asked.json)
    table.begin("as they are by default")
    parts: dict[str, Callable[[], None]] = {
        "clips": lambda: clips(table, asked.only),
        "crossings": lambda: crossings(table, asked.first, asked.crossings),
    }
    for what in asked.what:
        parts[what]()


if __name__ == "__main__":
    main()
