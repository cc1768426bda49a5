"""CenterFace in 8 bits beside floats: time of a pass and to start, recall by size, annotated clips veiled. See README.md.

python bench/arithmetic.py                      all rows; recall needs PASSERBY_FOOTAGE
python bench/arithmetic.py time --json FILE     some rows; the figures as JSON, too
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coverage import BINS, SMALLEST_PX, Face, face_of
from figures import Table
from passerby.config import WEIGHTS
from passerby.media import ClipReader, scaled_rgb
from passerby.values import Detections
from passerby.veil.detect.decoders import CENTERFACE
from passerby.veil.detect.detector import WEIGHTS_DIGEST, Detector, wait_for
from passerby.veil.detect.engine_openvino import OpenVinoEngine, float_precisions
from passerby.veil.detect.kept import NetworkFolder
from passerby.veil.detect.passes import InferencePass, pass_size, to_picture
from passerby.veil.detect.precision import CHOICE, F32, INT8, read_processor, shipped_folder
from passerby.veil.settings import FindSettings
from peer import passerby, run
from veil_bench import Bench, score_clips
from verify import lies_on

TIMED_SIZES = ((640, 384), (896, 512), (1280, 736))
LONG_SIDES = (640, 896)
FALSE_PER_FRAME = (1, 5, 20)
EVERY_FRAMES = 10
FAINTEST = 0.005
PASSES = 15
COMMANDS = 2
MOST_TIME = 0.4
MOST_COMMAND = 0.9
MOST_LOST = 0.01
"""Of a bin's faces, fewer of which are found than in float32."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, what it must be, and whether it is."""

    figure: str
    value: float
    must: str
    holds: bool


@dataclass(slots=True)
class Found:
    """What one network found in all frames: best score on each face with its side, and scores of boxes on no face."""

    sides: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    false: list[float] = field(default_factory=list)
    frames: int = 0

    def add(self, found: Detections, faces: list[Face], others: list[Face]) -> None:
        boxes, scores = found.xyxy.tolist(), found.score.tolist()
        best = dict.fromkeys(range(len(faces)), 0.0)
        for box, score in zip(boxes, scores, strict=True):
            on = [at for at, face in enumerate(faces) if lies_on(box, face)]
            for at in on:
                best[at] = max(best[at], score)
            if not on and not any(lies_on(box, face) for face in others):
                self.false.append(score)
        for at, face in enumerate(faces):
            if face.side >= SMALLEST_PX:
                self.sides.append(face.side)
                self.best.append(best[at])
        self.frames += 1

    def recall(self, false_per_frame: int) -> tuple[float, list[tuple[float, int]], float]:
        """Return the share of faces found by score above that of so many false boxes a frame, by size too, and that score."""
        order = sorted(self.false, reverse=True)
        at = false_per_frame * self.frames
        threshold = order[at] if at < len(order) else 0.0
        sides, hit = np.array(self.sides), np.array(self.best) > threshold
        rows = [(sides >= low) & (sides < high) for low, high in BINS]
        return float(hit.mean()), [(float(hit[row].mean()), int(row.sum())) for row in rows], threshold


def precisions() -> tuple[str, ...]:
    return (*float_precisions(), INT8)


def engines(kept: NetworkFolder | None = None) -> dict[str, OpenVinoEngine]:
    return {name: OpenVinoEngine(WEIGHTS, threads=1, precision=name, kept=kept) for name in precisions()}


def passes_in_turn() -> Iterator[Figure]:
    """Time passes of each precision in turn: processor time, one thread, medians."""
    for size in TIMED_SIZES:
        running = engines()
        picture = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
        took: dict[str, list[float]] = {name: [] for name in running}
        for engine in running.values():
            engine.expect([size])
            engine.run(picture, CENTERFACE)
        for _ in range(PASSES):
            for name, engine in running.items():
                began = time.process_time()
                engine.run(picture, CENTERFACE)
                took[name].append(time.process_time() - began)
        medians = {name: float(np.median(each)) for name, each in took.items()}
        told = f"a pass of {size[0]}x{size[1]}"
        for name, took_s in medians.items():
            yield Figure(f"{told}, {name}, ms", round(1000 * took_s, 1), "", holds=True)
        for name in precisions()[:-1]:
            ratio = round(medians[INT8] / medians[name], 3)
            most = MOST_TIME if name == F32 else 1.0
            yield Figure(f"{told}, int8 against {name}", ratio, f"at most {most:g}", holds=ratio <= most)


def starts() -> Iterator[Figure]:
    """Time the first pass of 640x384 in a new engine, without and with a kept network: processor time."""
    picture = np.full((384, 640, 3), 120, np.uint8)
    with tempfile.TemporaryDirectory() as work:
        folder = shipped_folder(WEIGHTS_DIGEST, path=Path(work) / "kept")
        if isinstance(folder, str):
            raise OSError(folder)
        for name in precisions():
            took = []
            for kept in (None, folder, folder):  # nothing kept, kept now, kept before
                began = time.process_time()
                engine = OpenVinoEngine(WEIGHTS, threads=1, precision=name, kept=kept)
                engine.expect([(640, 384)])
                engine.run(picture, CENTERFACE)
                took.append(round(1000 * (time.process_time() - began)))
            for told, took_ms in zip(("compiled", "compiled and kept", "kept before"), took, strict=True):
                yield Figure(f"first pass of 640x384, {name}, {told}, ms", took_ms, "", holds=True)
            ratio = round(took[2] / took[0], 3)
            yield Figure(
                f"first pass, {name}, kept before against compiled", ratio, "at most 0.75", holds=ratio <= 0.75
            )


def recalls() -> Iterator[Figure]:
    """Count faces found at equal numbers of false boxes, by size of face, in float32 and in 8 bits."""
    data = os.environ.get("PASSERBY_FOOTAGE")
    if not data:
        print("| recall | needs PASSERBY_FOOTAGE | | |")
        return
    detectors = {name: Detector(FindSettings(), engine=engine) for name, engine in engines().items()}
    for long_side in LONG_SIDES:
        found = {name: Found() for name in detectors}
        for size, scaled, faces, others in annotated(Path(data)):
            seen = pass_size(long_side, size, CENTERFACE.multiple)
            rgb = scaled(*seen)
            for name, detector in detectors.items():
                raw = wait_for(detector.infer(rgb, FAINTEST))
                found[name].add(to_picture(raw, InferencePass(long_side), seen, size), faces, others)
        for count in FALSE_PER_FRAME:
            yield from compared(long_side, count, found)


@contextmanager
def taking(precision: str) -> Iterator[Path]:
    """Let commands take a precision as if it had been measured to be the fastest; give a folder for their outputs."""
    with tempfile.TemporaryDirectory() as work:
        folder = shipped_folder(WEIGHTS_DIGEST, path=Path(work) / "networks")
        if isinstance(folder, str):
            raise OSError(folder)
        folder.write(CHOICE, json.dumps({precision: 1.0}).encode())
        os.environ["CACHE_DIRECTORY"] = work
        try:
            yield Path(work)
        finally:
            del os.environ["CACHE_DIRECTORY"]


def commands() -> Iterator[Figure]:
    """Veil one clip of 6 s and a real one with each precision: processor time of the whole command, networks kept before."""
    data = os.environ.get("PASSERBY_FOOTAGE")
    if not data:
        print("| commands | needs PASSERBY_FOOTAGE | | |")
        return
    videos = Path(data) / "videos"
    clips = [next(iter(sorted((Path(data) / "videos_gt").glob("*.mp4")))), *sorted(videos.glob("*bus*"))[:1]]
    for clip in clips:
        took = {}
        for name in precisions():
            with taking(name) as work:
                command = passerby(clip, work / "out.mp4")
                first, took[name] = run(command).cpu_s, min(run(command).cpu_s for _ in range(COMMANDS))
            yield Figure(f"{clip.name}, {name}, first start, s of processor", round(first, 2), "", holds=True)
            yield Figure(f"{clip.name}, {name}, s of processor", round(took[name], 2), "", holds=True)
        ratio = round(took[INT8] / took[F32], 3)
        yield Figure(f"{clip.name}, int8 against f32", ratio, f"at most {MOST_COMMAND:g}", holds=ratio <= MOST_COMMAND)


def clips() -> Iterator[Figure]:
    """Veil the annotated clips with each precision, and count what is exposed."""
    data = os.environ.get("PASSERBY_FOOTAGE")
    scores = {}
    for name in precisions():
        with taking(name) as work:
            bench = Bench(Path(data) if data else None, work, Table())
            scores[name] = score_clips(bench.annotated(), bench.ours())
    before = scores[F32]
    for name, one in scores.items():
        most = before.exposed_share + MOST_LOST / 2
        yield Figure(f"clips, {name}: exposed faces of {len(one.faces)}", round(one.exposed_share, 4), f"at most {most:.4f}",
                     holds=one.exposed_share <= most)  # fmt: skip
        yield Figure(f"clips, {name}: people exposed of {len(one.people)}", len(one.people_exposed), "", holds=True)
        yield Figure(f"clips, {name}: covered area", round(one.area, 4), f"at most {1.05 * before.area:.4f}",
                     holds=one.area <= 1.05 * before.area)  # fmt: skip
        sizes = one.by_size()
        for low, high in BINS:
            faces, missed = sizes[low, high]
            yield Figure(f"clips, {name}: exposed of {faces} of {low} px and up", round(missed / max(1, faces), 4), "",
                         holds=True)  # fmt: skip


def compared(long_side: int, count: int, found: dict[str, Found]) -> Iterator[Figure]:
    reference = found[F32].recall(count)
    for name, one in found.items():
        total, by_size, threshold = one.recall(count)
        told = f"recall at {long_side} px, {count} false a frame, {name}"
        lost = reference[0] - total
        yield Figure(f"{told}, all {len(one.sides)}", round(total, 4), f"{reference[0] - MOST_LOST:.4f} or more",
                     holds=lost <= MOST_LOST)  # fmt: skip
        yield Figure(f"{told}, threshold", round(threshold, 4), "", holds=True)
        for (low, _), (share, faces), (before, _) in zip(BINS, by_size, reference[1], strict=True):
            yield Figure(f"{told}, {low} px and up, of {faces}", round(share, 4), f"{before - MOST_LOST:.4f} or more",
                         holds=before - share <= MOST_LOST)  # fmt: skip


Annotated = tuple[tuple[int, int], Callable[[int, int], NDArray[np.uint8]], list[Face], list[Face]]


def annotated(data: Path) -> Iterator[Annotated]:
    """Yield size, picture at any size, faces, and what counts for nothing: pictures, then every tenth frame of clips."""
    for file, rows in read_annotations(data / "annotations.csv", "file").items():
        with Image.open(data / file) as opened:
            image = opened.convert("RGB")

        def resized(width: int, height: int, image: Image.Image = image) -> NDArray[np.uint8]:
            return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))

        yield image.size, resized, *rows[0]
    for video, by_frame in read_annotations(data / "annotations_video.csv", "video").items():
        with ClipReader(data / "videos_gt" / video) as clip:
            for frame in clip.frames():
                if frame.index % EVERY_FRAMES == 0:
                    picture = frame.picture
                    size = (picture.width, picture.height)
                    yield size, partial(scaled_rgb, picture), *by_frame.get(frame.index, ([], []))


def read_annotations(path: Path, key: str) -> dict[str, dict[int, tuple[list[Face], list[Face]]]]:
    """Return by file and frame the faces that count, and those that do not; WIDER's training part is left out."""
    found: dict[str, dict[int, tuple[list[Face], list[Face]]]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("split") == "WIDER train":
                continue
            faces, others = found.setdefault(row[key], {}).setdefault(int(row.get("frame") or 0), ([], []))
            face = face_of(row, "")
            if min(face.w, face.h) > 0:
                (faces if row["ignore"] == "0" else others).append(face)
    return found


ROWS: dict[str, Callable[[], Iterator[Figure]]] = {
    "time": passes_in_turn,
    "start": starts,
    "recall": recalls,
    "commands": commands,
    "clips": clips,
}


def main() -> None:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="which rows; all without")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, too")
    told = parser.parse_args()
    print(f"{read_processor().model}\n| figure | value | must be | holds |\n|---|---|---|---|")
    figures = []
    for name in told.rows or ROWS:
        for one in ROWS[name]():
            figures.append(one)
            print(f"| {one.figure} | {one.value:g} | {one.must} | {'yes' if one.holds else 'NO'} |", flush=True)
    if told.json:
        told.json.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
