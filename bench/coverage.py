"""Counts, from masks of what is covered, the faces that are not, and the cover that lies away from any head.

A face is exposed in a frame when less than 90 % of its box is covered. Boxes of fewer than 8 pixels on the shorter side, and
those marked to be ignored, are not counted. *Waste* is the share of the cover that lies farther from every head than 60 % of
its sides; regions that nobody can tell (``IGNORED``) reach 10 %.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

COVERED = 0.9
SMALLEST_PX = 8.0
BINS = ((8, 12), (12, 20), (20, 40), (40, 10_000))
IGNORED = "ignore"
NEAR_SHARE = 0.6
NEAR_IGNORED_SHARE = 0.1
LARGE_PX = 24.0
"""The share of faces larger than this that are exposed is told apart: whoever sees one knows the person."""
DRAWS = 2000
Mask = NDArray[np.bool_]
"""Shape (H, W): which pixels of a frame are covered."""


@dataclass(frozen=True, slots=True)
class Face:
    """An annotated face in one frame.

    Attributes:
        person: The same in every frame of a clip.
        x: Left edge, pixels; ``y``, ``w`` and ``h`` as usual.
        kind: ``IGNORED``, or what the truth says of it.
    """

    person: str
    x: float
    y: float
    w: float
    h: float
    kind: str = "face"

    @property
    def side(self) -> float:
        return min(self.w, self.h)


Truth = dict[int, list[Face]]


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """One face in one frame: how much of its box is covered, 0 to 1."""

    clip: str
    frame: int
    person: str
    kind: str
    side: float
    covered: float

    @property
    def exposed(self) -> bool:
        return self.covered < COVERED


@dataclass(slots=True)
class Area:
    """Pixels over the frames of one clip: seen, covered, and covered away from any head."""

    seen: int = 0
    covered: int = 0
    wasted: int = 0


@dataclass(slots=True)
class Score:
    """What is known of any number of clips.

    Attributes:
        smallest_px: Faces with a shorter side below this are left out.
        faces: Every face in every frame.
        areas: By clip.
        rates: Frames a second by clip, where known.

    >>> score, mask = Score(rates={"clip": 10.0}), np.zeros((100, 100), bool)
    >>> mask[10:30, 10:30] = mask[60:70, 60:70] = mask[90:, 90:] = True
    >>> faces = [Face("covered", 10, 10, 20, 20), Face("bare", 40, 10, 10, 12), Face("too small", 0, 0, 5, 5)]
    >>> for frame in range(3):
    ...     score.add("clip", frame, mask, [*faces, Face("crowd", 55, 55, 20, 20, IGNORED)])
    >>> len(score.faces), score.exposed, score.longest_run_ms(), score.area
    (6, 3, 300.0, 0.06)
    >>> round(score.waste, 3), score.interval()
    (0.167, (0.0, 1.0))
    """

    smallest_px: float = SMALLEST_PX
    faces: list[FaceFrame] = field(default_factory=list)
    areas: dict[str, Area] = field(default_factory=lambda: defaultdict(Area))
    rates: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        clip: str,
        frame: int,
        mask: Mask,
        faces: Iterable[Face],
        *,
        scope: tuple[int, int, int, int] | None = None,
        complete: bool = True,
    ) -> None:
        """Count one frame.

        Args:
            clip: Of the frame.
            frame: Its index.
            mask: Which pixels are covered.
            faces: All that are there, those to be ignored too.
            scope: The part (x, y, w, h) for which the truth holds; None is all.
            complete: Whether every head there is among ``faces``; otherwise area and waste say nothing.
        """
        rows = list(faces)
        for face in rows:
            inside = part(mask, face, 0.0)
            if face.kind != IGNORED and face.side >= self.smallest_px and inside.size:
                self.faces.append(
                    FaceFrame(clip, frame, face.person, face.kind, face.side, float(inside.mean(dtype=np.float64)))
                )
        if complete:
            away = np.ones(mask.shape, bool)
            for face in rows:
                part(away, face, NEAR_IGNORED_SHARE if face.kind == IGNORED else NEAR_SHARE)[:] = False
            x, y, w, h = scope or (0, 0, mask.shape[1], mask.shape[0])
            seen, area = mask[y : y + h, x : x + w], self.areas[clip]
            area.seen += seen.size
            area.covered += int(seen.sum())
            area.wasted += int((seen & away[y : y + h, x : x + w]).sum())

    def of(self, keep: Callable[[FaceFrame], bool]) -> Score:
        """Return the same with some of the faces; areas stay."""
        return Score(self.smallest_px, [face for face in self.faces if keep(face)], self.areas, self.rates)

    def under(self, share: float) -> int:
        """Return how many faces are covered by less than a share."""
        return sum(face.covered < share for face in self.faces)

    @property
    def exposed(self) -> int:
        return self.under(COVERED)

    @property
    def exposed_share(self) -> float:
        return self.exposed / max(1, len(self.faces))

    @property
    def people(self) -> set[tuple[str, str]]:
        return {(face.clip, face.person) for face in self.faces}

    @property
    def people_exposed(self) -> set[tuple[str, str]]:
        return {(face.clip, face.person) for face in self.faces if face.exposed}

    @property
    def area(self) -> float:
        """Covered share of what was seen."""
        return sum(a.covered for a in self.areas.values()) / max(1, sum(a.seen for a in self.areas.values()))

    @property
    def waste(self) -> float:
        """Share of the cover that lies away from any head."""
        return sum(a.wasted for a in self.areas.values()) / max(1, sum(a.covered for a in self.areas.values()))

    def by_size(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return faces and exposed ones by ``BINS``."""
        sizes = {b: self.of(lambda face, b=b: b[0] <= face.side < b[1]) for b in BINS}  # type: ignore[misc]
        return {b: (len(one.faces), one.exposed) for b, one in sizes.items()}

    def longest_run_ms(self) -> float:
        """Return for how long one person is exposed without a break, at most; only in clips whose rate is known."""
        frames: dict[tuple[str, str], list[int]] = defaultdict(list)
        for face in self.faces:
            if face.exposed and face.clip in self.rates:
                frames[face.clip, face.person].append(face.frame)
        longest = 0.0
        for (clip, _), found in frames.items():
            run = best = 0
            last = -2
            for frame in sorted(found):
                run = run + 1 if frame == last + 1 else 1
                best, last = max(best, run), frame
            longest = max(longest, 1000 * best / self.rates[clip])
        return longest

    def interval(self) -> tuple[float, float]:
        """Return where the exposed share lies in 95 of 100 draws of clips and, in each, of people."""
        drawn = draw(counts(self))
        share = drawn[:, 1] / np.maximum(drawn[:, 0], 1)
        low, high = np.quantile(share, (0.025, 0.975)).tolist()
        return low, high


def ratio_interval(ours: Score, other: Score) -> tuple[float, float]:
    """Return where the ratio of the exposed shares lies in 95 of 100 draws, both drawn alike."""
    mine, theirs = counts(ours), counts(other)
    both = {
        clip: {
            person: np.concatenate([row, theirs.get(clip, {}).get(person, np.zeros(2))]) for person, row in rows.items()
        }
        for clip, rows in mine.items()
    }
    drawn = draw(both)
    ratio = (drawn[:, 1] / np.maximum(drawn[:, 0], 1)) / np.maximum(drawn[:, 3] / np.maximum(drawn[:, 2], 1), 1e-9)
    low, high = np.quantile(ratio, (0.025, 0.975)).tolist()
    return low, high


Counts = dict[str, dict[str, NDArray[np.float64]]]
"""By clip and person: faces, exposed ones, and what else is to be drawn with them."""


def counts(score: Score) -> Counts:
    """Return faces and exposed ones by clip and person."""
    found: Counts = defaultdict(lambda: defaultdict(lambda: np.zeros(2)))
    for face in score.faces:
        found[face.clip][face.person] += (1, face.exposed)
    return found


def draw(found: Counts) -> NDArray[np.float64]:
    """Return sums over as many clips as there are, drawn with replacement, and in each over as many people, drawn so too.

    Returns:
        Shape (``DRAWS``, columns).
    """
    if not found:
        return np.zeros((DRAWS, 4))
    rng = np.random.default_rng(13)
    clips = [np.stack(list(people.values())) for people in found.values()]
    sums = np.zeros((DRAWS, clips[0].shape[1]))
    for number in range(DRAWS):
        for clip in rng.integers(len(clips), size=len(clips)):
            people = clips[clip]
            sums[number] += people[rng.integers(len(people), size=len(people))].sum(axis=0)
    return sums


def part(mask: Mask, face: Face, grow: float) -> Mask:
    """Return the part of a mask under a face's box, grown by a share of its sides, clipped to the picture."""
    height, width = mask.shape
    x0, x1 = (int(np.clip(round(v), 0, width)) for v in (face.x - grow * face.w, face.x + (1 + grow) * face.w))
    y0, y1 = (int(np.clip(round(v), 0, height)) for v in (face.y - grow * face.h, face.y + (1 + grow) * face.h))
    return mask[y0:y1, x0:x1]


def clip_truth(footage: Path, *, ignored: bool = False) -> dict[str, Truth]:
    """Return the annotated faces of each clip, by file name and frame; with ``ignored`` also those that are not counted."""
    truth: dict[str, Truth] = defaultdict(lambda: defaultdict(list))
    for row in rows_of(footage / "annotations_video.csv"):
        if ignored or row["ignore"] == "0":
            truth[row["video"]][int(row["frame"])].append(face_of(row, row["track"]))
    return truth


def picture_truth(footage: Path) -> dict[str, list[Face]]:
    """Return the faces of each annotated picture, by path below the footage; WIDER's training part is left out."""
    truth: dict[str, list[Face]] = defaultdict(list)
    for row in rows_of(footage / "annotations.csv"):
        if row["split"] != "WIDER train":
            truth[row["file"]].append(face_of(row, row["face_index"]))
    return {name: faces for name, faces in truth.items() if any(face.kind != IGNORED for face in faces)}


def face_of(row: dict[str, str], person: str, kind: str = "face") -> Face:
    """Return the face that a row of an annotation file describes."""
    x, y, w, h = (float(row[k]) for k in ("x", "y", "w", "h"))
    return Face(person, x, y, w, h, kind if row.get("ignore", "0") == "0" else IGNORED)


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return cast("list[dict[str, str]]", list(csv.DictReader(file)))
