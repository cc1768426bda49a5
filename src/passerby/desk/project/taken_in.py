"""What an output covers that its project does not know: it was veiled anew, or mended with tracks of somebody else's.

It is covered on: an export shows the project, and would bare it otherwise. Where the project knows of a cover, what was decided
there stays as it was decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby

from passerby.boxes import BoxTuple, iou
from passerby.desk.project.edits import CoverEdit, DrawnBox
from passerby.values import Track
from passerby.veil import TrackBox, track_boxes

SAME_COVER = 0.3
"""Boxes of one frame with this intersection over union cover the same. Source: doubts' own measure for places."""


def unknown_covers(shown: Iterable[Track], known: Iterable[Track]) -> Iterator[CoverEdit]:
    """Yield what covers the boxes of an output that lie on none that are known, one edit a run of frames.

    Args:
        shown: Tracks of the output.
        known: Tracks that were found, drawn or decided about.
    """
    there: dict[int, list[BoxTuple]] = defaultdict(list)
    for box in track_boxes(known):
        there[box.frame].append(box.box)
    left = [box for box in track_boxes(shown) if not any(iou(box.box, one) >= SAME_COVER for one in there[box.frame])]
    left.sort(key=lambda box: (box.track, box.frame))
    for _, run in groupby(enumerate(left), _run_of):
        yield CoverEdit(tuple(DrawnBox(box.frame, box.box) for _, box in run))


def _run_of(row: tuple[int, TrackBox]) -> tuple[int, int]:
    """Return what boxes of one track in frames that follow one another have in common."""
    place, box = row
    return box.track, box.frame - place
