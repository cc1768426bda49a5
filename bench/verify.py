"""How much each detector of ``passerby verify`` sees of what veiling left, and how often it is wrong. See README.md.

python bench/verify.py [veiled] [bare]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from coverage import BINS, COVERED, SMALLEST_PX, Face, clip_truth
from covers import covered_in_clip
from passerby.media import ClipReader, scaled_luma, scaled_rgb
from passerby.values import Detections
from passerby.veil.detect.blazeface import BLAZEFACE_INSTALL, BLAZEFACE_NAME, open_blazeface
from passerby.veil.detect.detector import Detector, Rgb
from passerby.veil.detect.passes import start_passes
from passerby.veil.review.places import VerifyDetection, group_detections
from passerby.veil.review.verification import SETTINGS_BY_WEIGHTS, USUAL, VERIFY_EVERY_FRAMES, covered
from passerby.veil.settings import CoverSettings, FindSettings
from peer import passerby, run

USUAL_FILL = "#{:02x}{:02x}{:02x}".format(*CoverSettings().fill)


@dataclass(frozen=True, slots=True)
class Examined:
    """What one detector found in one frame, covers left out, and the faces there with their covered share (0 to 1)."""

    clip: str
    frame: int
    time_s: float
    found: Detections
    faces: list[tuple[Face, float]]


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
    path: Path, name: str, detector: Detector, faces: dict[int, list[tuple[Face, float]]]
) -> Iterator[Examined]:
    """Yield what a detector finds in a clip, examined as ``verify`` does."""
    settings = SETTINGS_BY_WEIGHTS.get(detector.digest, USUAL)
    with ClipReader(path) as clip:
        for frame in clip.frames():
            if frame.index % VERIFY_EVERY_FRAMES:
                continue
            picture = frame.picture
            size = (picture.width, picture.height)

            def scaled(width: int, height: int, picture: av.VideoFrame = picture) -> Rgb:
                return scaled_rgb(picture, width, height)

            found = start_passes(detector, settings.passes(*size), scaled, size, settings.faint).result()
            bare = ~covered(scaled_luma(picture, *size), found.xyxy)
            kept = Detections(found.xyxy[bare], found.score[bare])
            yield Examined(name, frame.index, frame.time_s, kept, faces.get(frame.index, []))


def veiled(detector: Detector, footage: Path, work: Path) -> list[Examined]:
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
        seen += list(detections_in(usual, name, detector, faces))
    return seen


def share(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]], face: Face) -> float:
    """Return the covered share of a face; 1 where it lies outside the picture."""
    rows = slice(max(0, round(face.y)), max(0, round(face.y + face.h)))
    part = mask[rows, max(0, round(face.x)) : max(0, round(face.x + face.w))]
    return float(part.mean()) if part.size else 1.0


def bare(detector: Detector, footage: Path) -> list[Examined]:
    """Examine the clips as they are."""
    seen = []
    for name, truth in sorted(clip_truth(footage).items()):
        faces = {n: [(face, 0.0) for face in rows if face.side >= SMALLEST_PX] for n, rows in truth.items()}
        seen += list(detections_in(footage / "videos_gt" / name, name, detector, faces))
    return seen


def say_veiled(detector: Detector, seen: list[Examined], threshold: float) -> None:
    """Print how many uncovered faces are seen from a threshold on, and how many places are not one."""
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
    print(
        f"| veiled, {detector.layout.name} from {threshold:g} | {hit} of {exposed} uncovered face-frames seen"
        f" | {places[True]} of {places.total()} places on one | {places[False] / minutes:.0f} others a minute |",
        flush=True,
    )


def say_bare(detector: Detector, seen: list[Examined], threshold: float) -> None:
    """Print the share of faces seen by size, and boxes on no annotated face."""
    found = {size: [0, 0] for size in BINS}
    stray = 0
    for one in seen:
        boxes = one.found.xyxy[one.found.score >= threshold].tolist()
        for face, _ in one.faces:
            row = found[next(size for size in BINS if size[0] <= face.side < size[1])]
            row[0] += 1
            row[1] += any(lies_on(box, face) for box in boxes)
        stray += sum(not any(lies_on(box, face) for face, _ in one.faces) for box in boxes)
    shares = ", ".join(f"{low} px: {hit / max(1, n):.1%}" for (low, _), (n, hit) in found.items())
    large = [found[size] for size in BINS if size[0] >= 20]
    total = sum(hit for _, hit in large) / max(1, sum(n for n, _ in large))
    print(
        f"| bare, {detector.layout.name} from {threshold:g} | seen of faces from {shares} | of 20 px and more {total:.1%}"
        f" | {stray / max(1, len(seen)):.2f} boxes a frame on no annotated face |",
        flush=True,
    )


def say_beside(first: list[Examined], second: list[Examined], faint: float) -> None:
    """Print how many faces of 20 px and more, unseen or unsure by the first detector, the second sees from its ``faint`` on."""
    for threshold in (USUAL.faint, USUAL.seems_left):
        left = hit = 0
        for one, two in zip(first, second, strict=True):
            surely = one.found.xyxy[one.found.score >= threshold].tolist()
            boxes = two.found.xyxy[two.found.score >= faint].tolist()
            rest = [f for f, _ in one.faces if f.side >= 20 and not any(lies_on(box, f) for box in surely)]
            left += len(rest)
            hit += sum(any(lies_on(box, face) for box in boxes) for face in rest)
        print(
            f"| bare, 20 px and more, CenterFace below {threshold:g} "
            f"| {hit} of {left} seen by {BLAZEFACE_NAME} from {faint:g} | |"
        )


def main() -> None:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], "veiled", "bare"], help="which rows; all without")
    rows = parser.parse_args().rows or ["veiled", "bare"]
    footage = os.environ.get("PASSERBY_FOOTAGE")
    if not footage:
        sys.exit("PASSERBY_FOOTAGE must name the footage; see bench/README.md")
    detectors = [Detector(FindSettings(floats=True))]
    second = open_blazeface()
    if second is None:
        print(f"{BLAZEFACE_NAME} is not installed: {BLAZEFACE_INSTALL}")
    else:
        detectors.append(second)
    bare_seen = []
    with tempfile.TemporaryDirectory(prefix="passerby-bench-") as work:
        for detector in detectors:
            settings = SETTINGS_BY_WEIGHTS.get(detector.digest, USUAL)
            steps = sorted(
                {settings.faint, *(n / 10 for n in range(1, 9) if n / 10 > settings.faint), settings.seems_left}
            )
            if "veiled" in rows:
                seen = veiled(detector, Path(footage), Path(work))
                for threshold in steps:
                    say_veiled(detector, seen, threshold)
            if "bare" in rows:
                seen = bare(detector, Path(footage))
                bare_seen.append(seen)
                for threshold in steps:
                    say_bare(detector, seen, threshold)
        if len(bare_seen) == 2:
            say_beside(bare_seen[0], bare_seen[1], SETTINGS_BY_WEIGHTS[detectors[1].digest].faint)


if __name__ == "__main__":
    main()
