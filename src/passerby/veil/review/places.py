"""Joins what was detected in single frames to places for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from passerby.boxes import BoxTuple, iou
from passerby.veil.review.sidecar import TrackBox

SAME_PLACE = 0.3
"""Detections with this intersection over union, and at most ``GAP_FRAMES`` apart, are told as one. Source: both a choice; not
measured."""
GAP_FRAMES = 12
"""See ``SAME_PLACE``."""


@dataclass(frozen=True, slots=True)
class VerifyDetection:
    """A face that seems to be left.

    Attributes:
        frame: From 0.
        time_s: When it is shown.
        box: (x0, y0, x1, y1), pixels of the coded picture.
        score: The detector's confidence, 0 to 1.
        sure_from: The confidence from which this detector's detections count as a face that seems left.
        detector: What detected it.
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
    """Detections that belong together: one place for a person to look at.

    Attributes:
        best: The surest detection.
        first_frame: Of the first detection.
        last_frame: Of the last detection.
        first_s: Time of the first detection.
        last_s: Time of the last detection.
        detections: How many.
        detectors: What detected it, the one of the surest detection first.
    """

    best: VerifyDetection
    first_frame: int
    last_frame: int
    first_s: float
    last_s: float
    detections: int
    detectors: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the place under the names that ``passerby verify --json`` has always printed."""
        return {
            "best": asdict(self.best),
            "first_frame": self.first_frame,
            "last_frame": self.last_frame,
            "first_s": self.first_s,
            "last_s": self.last_s,
            "sightings": self.detections,
            "detectors": list(self.detectors),
        }


def group_detections(found: Sequence[VerifyDetection]) -> tuple[ExposedPlace, ...]:
    """Join detections that overlap and follow each other, surest first.

    Args:
        found: In order of time.
    """
    return tuple(sorted(map(_place_of, rows_of(found)), key=lambda place: -place.best.sureness))


def rows_of(found: Sequence[VerifyDetection]) -> list[list[VerifyDetection]]:
    """Join detections that overlap and follow each other; each row in order of time.

    Args:
        found: In order of time.
    """
    rows: list[list[VerifyDetection]] = []
    open_: list[list[VerifyDetection]] = []  # those that may still go on
    for one in found:
        open_ = [row for row in open_ if one.frame - row[-1].frame <= GAP_FRAMES]
        for row in open_:
            if iou(one.box, row[-1].box) >= SAME_PLACE:
                row.append(one)
                break
        else:
            rows.append([one])
            open_.append(rows[-1])
    return rows


def _place_of(row: list[VerifyDetection]) -> ExposedPlace:
    best = max(row, key=lambda one: one.sureness)
    by = tuple(dict.fromkeys([best.detector, *(one.detector for one in row)]))
    return ExposedPlace(best, row[0].frame, row[-1].frame, row[0].time_s, row[-1].time_s, len(row), by)


def boxes_to_cover(found: Sequence[VerifyDetection], every: int, frames: int) -> tuple[TrackBox, ...]:
    """Return boxes that cover the faces which seem to be left: a track each, from before its first detection to after its last.

    Args:
        found: In order of time.
        every: Every so many frames one was examined: so far a track goes beyond its detections on both sides.
        frames: Of the file.
    """
    exposed = [row for row in rows_of(found) if max(one.sureness for one in row) >= 1]
    boxes: list[TrackBox] = []
    for number, row in enumerate(exposed, 1):
        at: dict[int, BoxTuple] = {}
        for one in row:
            at[one.frame] = _around(at[one.frame], one.box) if one.frame in at else one.box
        at.setdefault(max(0, row[0].frame - every), at[row[0].frame])
        at.setdefault(min(frames - 1, row[-1].frame + every), at[row[-1].frame])
        boxes += [TrackBox(number, frame, at[frame]) for frame in sorted(at)]
    return tuple(boxes)


def _around(one: BoxTuple, two: BoxTuple) -> BoxTuple:
    return min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3])
