"""What the benchmark adds to the arithmetic of exposure: truth of the footage at hand, classes of size, intervals.

A face is exposed, and cover is waste, as ``passerby.audit.exposure.tally`` says.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from passerby.audit.covers import Mask as Mask
from passerby.audit.exposure.tally import COVERED as COVERED
from passerby.audit.exposure.tally import SMALLEST_PX as SMALLEST_PX
from passerby.audit.exposure.tally import ExposureTally
from passerby.audit.labels import IGNORED as IGNORED
from passerby.audit.labels import AnnotatedFace

BINS = ((8, 12), (12, 20), (20, 40), (40, 10_000))
LARGE_PX = 24.0
"""The share of faces larger than this that are exposed is told apart: whoever sees one knows the person."""
DRAWS = 2000
Face = AnnotatedFace
Truth = dict[int, list[Face]]


@dataclass(slots=True)
class Score(ExposureTally):
    """What is known of any number of clips.

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

    def by_size(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return faces and exposed ones by ``BINS``."""
        sizes = {b: self.of(lambda face, b=b: b[0] <= face.side < b[1]) for b in BINS}  # type: ignore[misc]
        return {b: (len(one.faces), one.exposed) for b, one in sizes.items()}

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
