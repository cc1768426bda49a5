"""Reads from the pixels of an output what is covered, and counts annotated faces that are not.

A tool is told to cover with one colour that the footage does not have; a pixel of that colour counts as covered. A face is
exposed in a frame when less than 90 % of its box is covered. Boxes of fewer than 8 pixels on the shorter side, and those
marked ``ignore``, are not counted.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

KEY = (255, 0, 255)
TOLERANCE = 70
COVERED = 0.9
SMALLEST_PX = 8.0
BINS = ((8, 12), (12, 20), (20, 40), (40, 10_000))


@dataclass(frozen=True, slots=True)
class Face:
    """An annotated face in one frame."""

    person: str
    x: float
    y: float
    w: float
    h: float

    @property
    def side(self) -> float:
        return min(self.w, self.h)


Truth = dict[int, list[Face]]


@dataclass(slots=True)
class Score:
    """Counts over any number of files."""

    faces: int = 0
    exposed: int = 0
    people: set[str] = field(default_factory=set)
    people_exposed: set[str] = field(default_factory=set)
    covered_px: float = 0
    seen_px: float = 0
    by_size: dict[tuple[int, int], list[int]] = field(default_factory=lambda: {b: [0, 0] for b in BINS})

    @property
    def exposed_share(self) -> float:
        return self.exposed / max(1, self.faces)

    @property
    def area(self) -> float:
        return self.covered_px / max(1, self.seen_px)

    def add(self, name: str, mask: NDArray[np.bool_], faces: Iterable[Face]) -> None:
        """Count one frame: ``mask`` (H, W) says which pixels are covered."""
        height, width = mask.shape
        self.covered_px += float(mask.sum())
        self.seen_px += mask.size
        total = np.pad(mask.cumsum(0, dtype=np.int64).cumsum(1), ((1, 0), (1, 0)))
        for face in faces:
            if face.side < SMALLEST_PX:
                continue
            x0, x1 = (int(np.clip(round(v), 0, width)) for v in (face.x, face.x + face.w))
            y0, y1 = (int(np.clip(round(v), 0, height)) for v in (face.y, face.y + face.h))
            if x1 <= x0 or y1 <= y0:
                continue
            covered = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
            row = self.by_size[next(b for b in BINS if b[0] <= face.side < b[1])]
            person = f"{name}/{face.person}"
            self.faces += 1
            row[0] += 1
            self.people.add(person)
            if covered / ((x1 - x0) * (y1 - y0)) < COVERED:
                self.exposed += 1
                row[1] += 1
                self.people_exposed.add(person)


def clip_truth(footage: Path) -> dict[str, Truth]:
    """Return the annotated faces of each clip, by file name and frame."""
    truth: dict[str, Truth] = defaultdict(lambda: defaultdict(list))
    with (footage / "annotations_video.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["ignore"] == "0":
                truth[row["video"]][int(row["frame"])].append(
                    Face(row["track"], *(float(row[k]) for k in ("x", "y", "w", "h")))
                )
    return truth


def picture_truth(footage: Path) -> dict[str, list[Face]]:
    """Return the annotated faces of each picture, by path below the footage; WIDER's training part is left out."""
    truth: dict[str, list[Face]] = defaultdict(list)
    with (footage / "annotations.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["ignore"] == "0" and row["split"] != "WIDER train":
                truth[row["file"]].append(Face(row["face_index"], *(float(row[k]) for k in ("x", "y", "w", "h"))))
    return truth


def covered_in_clip(path: Path) -> Iterator[NDArray[np.bool_]]:
    """Yield which pixels of each frame are covered."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield is_key(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))


def covered_in_picture(path: Path) -> NDArray[np.bool_]:
    """Return which pixels of a picture are covered."""
    with Image.open(path) as image:
        return is_key(np.asarray(image.convert("RGB")))


def is_key(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell the pixels that have the cover's colour, allowing for what coding does to it."""
    away = np.abs(rgb.astype(np.int16) - np.array(KEY, np.int16)).max(axis=2)
    return np.asarray(away < TOLERANCE)
