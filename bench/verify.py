"""How much each detector of ``passerby verify`` sees of what veiling left, and how often it is wrong. See README.md.

python bench/verify.py [veiled] [bare] [--sizes] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from coverage import BINS, COVERED, SMALLEST_PX, Face, clip_truth
from covers import covered_in_clip
from passerby.media import ClipReader, scaled_luma, scaled_rgb
from passerby.values import Detections
from passerby.veil.detect.detector import Detector, Rgb
from passerby.veil.detect.passes import InferencePass, start_passes
from passerby.veil.detect.yunet import open_yunet
from passerby.veil.review.places import VerifyDetection, group_detections
from passerby.veil.review.verification import SETTINGS_BY_WEIGHTS, USUAL, VERIFY_EVERY_FRAMES, VerifySettings, covered
from passerby.veil.settings import CoverSettings, FindSettings
from peer import passerby, run

LEAST = 0.1
"""Detections below are not asked for where ``verify`` says nothing of a variant."""
USUAL_FILL = "#{:02x}{:02x}{:02x}".format(*CoverSettings().fill)


@dataclass(frozen=True, slots=True)
class Examined:
    """What one detector found in one frame, covers left out, and the faces there with their covered share (0 to 1).

    ``took_s`` is processor time, that of scaling the picture among it.
    """

    clip: str
    frame: int
    time_s: float
    found: Detections
    faces: list[tuple[Face, float]]
    took_s: float


@dataclass(frozen=True, slots=True)
class Variant:
    """A detector with its passes; ``settings`` where ``verify`` takes it so."""

    name: str
    detector: Detector
    passes: Callable[[int, int], Sequence[InferencePass]]
    settings: VerifySettings | None = None

    @property
    def least(self) -> float:
        """Score from which detections are asked for, as ``verify`` asks: weaker ones would move the boxes that they join."""
        return self.settings.faint if self.settings else LEAST

    @property
    def steps(self) -> list[float]:
        """Thresholds to measure."""
        taken = {self.settings.faint, self.settings.seems_left} if self.settings else set()
        return sorted({n / 10 for n in range(1, 9) if n / 10 >= self.least} | taken)


def variants(*, sizes: bool) -> Iterator[Variant]:
    """Yield the two that ``verify`` takes; with ``sizes`` also the second one at other sizes."""
    yield Variant("CenterFace", Detector(FindSettings(floats=True)), USUAL.passes, USUAL)
    second = open_yunet()
    settings = SETTINGS_BY_WEIGHTS[second.digest]
    yield Variant("YuNet", second, settings.passes, settings)
    for share in (1.0, 1.4, 2.0) if sizes else ():
        for other in (None, (share / 2, True), (share, True)):

            def passes(
                width: int, height: int, shares: Sequence[tuple[float, bool] | None] = ((share, False), other)
            ) -> list[InferencePass]:
                return [InferencePass(round(max(width, height) * s[0]), s[1]) for s in shares if s]

            told = f"YuNet at {share:g}" + (f" and {other[0]:g} mirrored" if other else "")
            yield Variant(told, second, passes)


def lies_on(box: list[float], face: Face) -> bool:
    """Tell whether a detection lies on a face: 0.3 of both in common, or its middle within and its area a third to thrice."""
    wide = min(box[2], face.x + face.w) - max(box[0], face.x)
    high = min(box[3], face.y + face.h) - max(box[1], face.y)
    shared = max(0.0, wide) * max(0.0, high)
    area = (box[2] - box[0]) * (box[3] - box[1])
    near_x = abs((box[0] + box[2]) / 2 - face.x - face.w / 2) < face.w / 2
    near_y = abs((box[1] + box[3]) / 2 - face.y - face.h / 2) < face.h / 2
    alike = 1 / 3 < area / (face.w * face.h) < 3
    return shared >= 0.3 * (area + face.w * face.h - shared) or (near_x and near_y and alike)


def detections_in(
    path: Path, name: str, variant: Variant, faces: dict[int, list[tuple[Face, float]]]
) -> Iterator[Examined]:
    """Yield what a detector finds in a clip, examined as ``verify`` does."""
    with ClipReader(path) as clip:
        for frame in clip.frames():
            if frame.index % VERIFY_EVERY_FRAMES:
                continue
            picture = frame.picture
            size = (picture.width, picture.height)

            def scaled(width: int, height: int, picture: av.VideoFrame = picture) -> Rgb:
                return scaled_rgb(picture, width, height)

            began_s = time.process_time()
            found = start_passes(variant.detector, variant.passes(*size), scaled, size, variant.least).result()
            took_s = time.process_time() - began_s
            bare = ~covered(scaled_luma(picture, *size), found.xyxy)
            kept = Detections(found.xyxy[bare], found.score[bare])
            yield Examined(name, frame.index, frame.time_s, kept, faces.get(frame.index, []), took_s)


def veiled(variant: Variant, footage: Path, work: Path) -> list[Examined]:
    """Examine the veiled clips; the covered share of each face comes from an output with the key colour."""
    seen = []
    for name, truth in sorted(clip_truth(footage).items()):
        keyed, usual = work / f"key_{name}", work / f"usual_{name}"
        if not keyed.exists():
            run(passerby(footage / "videos_gt" / name, keyed))
            run(passerby(footage / "videos_gt" / name, usual, "--fill", USUAL_FILL))
        faces = {}
        for index, mask in enumerate(covered_in_clip(keyed)):
            rows = [face for face in truth.get(index, []) if face.side >= SMALLEST_PX]
            faces[index] = [(face, share(mask, face)) for face in rows]
        seen += list(detections_in(usual, name, variant, faces))
    return seen


def share(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]], face: Face) -> float:
    """Return the covered share of a face; 1 where it lies outside the picture."""
    rows = slice(max(0, round(face.y)), max(0, round(face.y + face.h)))
    part = mask[rows, max(0, round(face.x)) : max(0, round(face.x + face.w))]
    return float(part.mean()) if part.size else 1.0


def bare(variant: Variant, footage: Path) -> list[Examined]:
    """Examine the clips as they are."""
    seen = []
    for name, truth in sorted(clip_truth(footage).items()):
        faces = {n: [(face, 0.0) for face in rows if face.side >= SMALLEST_PX] for n, rows in truth.items()}
        seen += list(detections_in(footage / "videos_gt" / name, name, variant, faces))
    return seen


def row_veiled(name: str, seen: list[Examined], threshold: float) -> dict[str, Any]:
    """Return how many uncovered faces are seen from a threshold on, and how many places are not one."""
    exposed = hit = 0
    rows: dict[str, list[VerifyDetection]] = {}
    for one in seen:
        left = [face for face, part in one.faces if part < COVERED]
        boxes = one.found.xyxy[one.found.score >= threshold].tolist()
        exposed += len(left)
        hit += sum(any(lies_on(box, face) for box in boxes) for face in left)
        for box in boxes:
            on_one = "on one" if any(lies_on(box, face) for face in left) else "other"
            place = (box[0], box[1], box[2], box[3])
            rows.setdefault(one.clip, []).append(VerifyDetection(one.frame, one.time_s, place, 1, 1, on_one))
    places = Counter("on one" in place.detectors for few in rows.values() for place in group_detections(few))
    minutes = sum({one.clip: one.time_s for one in seen}.values()) / 60
    return {
        "clips": "veiled",
        "detector": name,
        "from": threshold,
        "uncovered": exposed,
        "of these seen": hit,
        "places": places.total(),
        "places on one": places[True],
        "others a minute": round(places[False] / minutes),
    }


def row_bare(name: str, seen: list[Examined], threshold: float) -> dict[str, Any]:
    """Return the share of faces seen by size, and boxes on no annotated face."""
    found = {size: [0, 0] for size in BINS}
    stray = 0
    for one in seen:
        boxes = one.found.xyxy[one.found.score >= threshold].tolist()
        for face, _ in one.faces:
            row = found[next(size for size in BINS if size[0] <= face.side < size[1])]
            row[0] += 1
            row[1] += any(lies_on(box, face) for box in boxes)
        stray += sum(not any(lies_on(box, face) for face, _ in one.faces) for box in boxes)
    large = [found[size] for size in BINS if size[0] >= 20]
    return {
        "clips": "bare",
        "detector": name,
        "from": threshold,
        **{f"seen from {low} px, %": percent(hit, n) for (low, _), (n, hit) in found.items()},
        "seen of 20 px and more, %": percent(sum(hit for _, hit in large), sum(n for n, _ in large)),
        "boxes a frame on none": round(stray / max(1, len(seen)), 2),
        "ms a frame": round(1000 * float(np.mean([one.took_s for one in seen])), 1),
    }


def row_beside(
    first: list[Examined], name: str, second: list[Examined], below: float, threshold: float
) -> dict[str, Any]:
    """Return how many faces of 20 px and more that the first detector leaves below a score the second sees."""
    left = hit = 0
    for one, two in zip(first, second, strict=True):
        surely = one.found.xyxy[one.found.score >= below].tolist()
        boxes = two.found.xyxy[two.found.score >= threshold].tolist()
        rest = [f for f, _ in one.faces if f.side >= 20 and not any(lies_on(box, f) for box in surely)]
        left += len(rest)
        hit += sum(any(lies_on(box, face) for box in boxes) for face in rest)
    return {
        "clips": "bare, 20 px and more",
        "CenterFace below": below,
        "faces": left,
        "detector": name,
        "from": threshold,
        "of these seen": hit,
    }


def percent(part: int, whole: int) -> float:
    """Return a share in per cent, 0 of nothing."""
    return round(100 * part / max(1, whole), 1)


def measured(kinds: Sequence[str], footage: Path, work: Path, *, sizes: bool) -> Iterator[dict[str, Any]]:
    """Yield every row."""
    first: list[Examined] = []
    for variant in variants(sizes=sizes):
        if "veiled" in kinds:
            seen = veiled(variant, footage, work)
            yield from (row_veiled(variant.name, seen, threshold) for threshold in variant.steps)
        if "bare" in kinds:
            seen = bare(variant, footage)
            yield from (row_bare(variant.name, seen, threshold) for threshold in variant.steps)
            first = first or seen
            if first is not seen:
                for below in (USUAL.faint, USUAL.seems_left):
                    yield from (row_beside(first, variant.name, seen, below, threshold) for threshold in variant.steps)


def main() -> None:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], "veiled", "bare"], help="which rows; all without")
    parser.add_argument("--sizes", action="store_true", help="the second detector at other sizes, too")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    asked = parser.parse_args()
    footage = os.environ.get("PASSERBY_FOOTAGE")
    if not footage:
        sys.exit("PASSERBY_FOOTAGE must name the footage; see bench/README.md")
    rows = []
    with tempfile.TemporaryDirectory(prefix="passerby-bench-") as work:
        for row in measured(asked.rows or ["veiled", "bare"], Path(footage), Path(work), sizes=asked.sizes):
            rows.append(row)
            if not asked.json:
                print(" | ".join(["", *(f"{key} {value}" for key, value in row.items()), ""]).strip(), flush=True)
    if asked.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
