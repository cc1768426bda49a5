"""Joins what was seen in single frames to places for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from passerby.boxes import BoxTuple, iou

SAME_PLACE = 0.3
"""Sightings with this intersection over union, and at most ``GAP_FRAMES`` apart, are told as one."""
GAP_FRAMES = 12


@dataclass(frozen=True, slots=True)
class VerifyDetection:
    """A face that seems to be left.

    Attributes:
        frame: From 0.
        time_s: When it is shown.
        box: (x0, y0, x1, y1), pixels of the coded picture.
        score: The detector's confidence, 0 to 1.
        sure_from: The confidence from which this detector's sightings count as a face that seems left.
        detector: What saw it.
    """

    frame: int
    time_s: float
    box: BoxTuple
    score: float
    sure_from: float
    detector: str

    @property
    def sureness(self) -> float:
        """The score by its detector's measure, comparable between detectors: from 1 on a face seems left."""
        return self.score / self.sure_from


@dataclass(frozen=True, slots=True)
class ExposedPlace:
    """Sightings that belong together: one place for a person to look at.

    Attributes:
        best: The surest sighting.
        first_frame: Of the first sighting.
        last_frame: Of the last sighting.
        first_s: Time of the first sighting.
        last_s: Time of the last sighting.
        sightings: How many.
        detectors: What saw it, the one of the surest sighting first.
    """

    best: VerifyDetection
    first_frame: int
    last_frame: int
    first_s: float
    last_s: float
    sightings: int
    detectors: tuple[str, ...]


def group_detections(sightings: Sequence[VerifyDetection]) -> tuple[ExposedPlace, ...]:
    """Join sightings that overlap and follow each other, surest first.

    Args:
        sightings: In order of time.
    """
    rows: list[list[VerifyDetection]] = []
    open_: list[list[VerifyDetection]] = []  # those that may still go on
    for sighting in sightings:
        open_ = [row for row in open_ if sighting.frame - row[-1].frame <= GAP_FRAMES]
        for row in open_:
            if iou(sighting.box, row[-1].box) >= SAME_PLACE:
                row.append(sighting)
                break
        else:
            rows.append([sighting])
            open_.append(rows[-1])
    left = []
    for row in rows:
        best = max(row, key=lambda one: one.sureness)
        saw = tuple(dict.fromkeys([best.detector, *(one.detector for one in row)]))
        left.append(ExposedPlace(best, row[0].frame, row[-1].frame, row[0].time_s, row[-1].time_s, len(row), saw))
    return tuple(sorted(left, key=lambda one: -one.best.sureness))
