"""Places for a person to look at, from the report, from verifying the output and from low scores; joined where they are the same.

Each has an id that stays the same for ever: a settled doubt is settled, whatever is found later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from passerby.boxes import BoxTuple, iou
from passerby.desk.project.edit_json import drawn_boxes
from passerby.desk.project.edits import DrawnBox
from passerby.desk.project.fields import MOST_NAME, Fields, is_number, shown
from passerby.desk.project.state import DeskDoubt
from passerby.errors import UsageError
from passerby.values import Track
from passerby.veil import VeilReport, VerifyResult, doubtful_places

SAME_PLACE = 0.3
"""Doubts with this intersection over union, and at most ``GAP_FRAMES`` apart, are one. Source: veil's own measure for places."""
GAP_FRAMES = 12
MOST_LOW = 500
"""So many tracks with low scores are listed. Source: a choice."""
SPREAD_FRAMES = 8
"""A detection of one frame is covered so many frames before and after. Source: a choice: half of a detection cycle at 25 Hz."""


def doubts_of_tracks(tracks: Iterable[Track]) -> tuple[DeskDoubt, ...]:
    """Return the tracks that were barely detected, faintest first."""
    by_number = {one.number: one for one in tracks}
    places, _ = doubtful_places(by_number.values(), (), most=MOST_LOW)
    found = []
    for place in places:
        track = by_number[place.track or 0]
        boxes = tuple(
            DrawnBox(frame, _box(track.xyxy[frame - track.first]))
            for frame in sorted({track.first, place.frame, track.last})
        )
        found.append(_doubt("score", place.frame, boxes, -place.confidence, place.confidence, track=track.number))
    return tuple(found)


def doubts_of_report(report: VeilReport, *, spread: int = SPREAD_FRAMES) -> tuple[DeskDoubt, ...]:
    """Return what a report lists as too faint to be covered; ``spread`` is 0 where frames are pages of a picture."""
    found = []
    for place in report.places:
        if not place.covered:
            boxes = _spread([(place.frame, place.box)], report.frames, spread)
            found.append(_doubt("report", place.frame, boxes, 1 + place.confidence, place.confidence))
    return tuple(found)


def doubts_of_verify(result: VerifyResult, *, spread: int = SPREAD_FRAMES) -> tuple[DeskDoubt, ...]:
    """Return where verifying an output found faces that seem left, and where it is in doubt; ``spread`` as above."""
    found = []
    for place, more in ((place, more) for more, places in ((2, result.exposed), (0, result.faint)) for place in places):
        best = place.best
        around = max(spread, best.frame - place.first_frame, place.last_frame - best.frame)
        inside = [
            one
            for one in result.boxes
            if more and _belongs(one.frame, one.box, place.first_frame, place.last_frame, best.box)
        ]
        given = {one.frame: one.box for one in inside} | {best.frame: best.box}
        boxes = _spread(sorted(given.items()), result.frames, around if len(given) == 1 else min(spread, 1))
        found.append(_doubt("verify", best.frame, boxes, more + best.sureness, best.score))
    return tuple(found)


def join_doubts(known: Iterable[DeskDoubt], found: Iterable[DeskDoubt]) -> tuple[DeskDoubt, ...]:
    """Return which doubts are new, and which known ones have more to say now, under their old ids.

    What a known one would cover stays as it was: somebody may have settled it already.
    """
    all_ = {one.id: one for one in known}
    changed: dict[str, DeskDoubt] = {}
    for one in found:
        same = all_.get(one.id) or next((other for other in all_.values() if _same(one, other)), None)
        if same is None:
            new = one
        else:
            why = ",".join(dict.fromkeys([*same.why.split(","), *one.why.split(",")]))
            new = replace(same, why=why, urgency=max(same.urgency, one.urgency), score=max(same.score, one.score))
            if new == same:
                continue
        all_[new.id] = changed[new.id] = new
    return tuple(changed.values())


def in_order(doubts: Iterable[DeskDoubt]) -> tuple[DeskDoubt, ...]:
    """Return open doubts first, the most urgent first; then those put off, then settled ones."""
    rank = {None: 0, "later": 1}
    return tuple(sorted(doubts, key=lambda one: (rank.get(one.settled, 2), -one.urgency, one.frame, one.id)))


def doubt_to_json(doubt: DeskDoubt) -> dict[str, Any]:
    """Return a doubt as it stands in a journal."""
    return {
        "id": doubt.id,
        "why": doubt.why,
        "frame": doubt.frame,
        "boxes": [{"frame": one.frame, "box": list(one.box)} for one in doubt.boxes],
        "urgency": doubt.urgency,
        "score": doubt.score,
        "track": doubt.track,
    }


def parse_doubt(row: object) -> DeskDoubt:
    """Read a doubt out of a journal.

    Raises:
        UsageError: it is none.
    """
    given = Fields.of("doubt", row, ("id", "why", "frame", "boxes", "urgency", "score", "track"))
    for name in ("urgency", "score"):
        if not is_number(given.row.get(name), 1e6):
            raise UsageError(f"{name} of doubt must be a number, got {shown(given.row.get(name))}")
    track = None if given.row.get("track") is None else given.whole("track", least=1)
    id_, why = given.text("id", most=MOST_NAME), given.text("why", most=MOST_NAME)
    urgency, score = float(given.row["urgency"]), float(given.row["score"])
    return DeskDoubt(id_, why, given.whole("frame"), drawn_boxes(given, "boxes"), urgency, score, track)


def _doubt(
    why: str, frame: int, boxes: tuple[DrawnBox, ...], urgency: float, score: float, *, track: int | None = None
) -> DeskDoubt:
    told = repr((track, frame, [(one.frame, one.box) for one in boxes]))
    id_ = hashlib.sha256(told.encode()).hexdigest()[:12]
    return DeskDoubt(id_, why, frame, boxes, round(urgency, 4), round(score, 4), track)


def _spread(boxes: list[tuple[int, BoxTuple]], frames: int, by: int) -> tuple[DrawnBox, ...]:
    """Return boxes with the first and last repeated so many frames before and after."""
    given = {frame: _box(box) for frame, box in boxes}
    first, last = min(given), max(given)
    given.setdefault(max(0, first - by), given[first])
    given.setdefault(min(frames - 1, last + by), given[last])
    return tuple(DrawnBox(frame, box) for frame, box in sorted(given.items()))


def _box(box: Iterable[Any]) -> BoxTuple:
    x0, y0, x1, y1 = (round(float(edge), 2) for edge in box)
    return x0, y0, max(x1, x0 + 0.01), max(y1, y0 + 0.01)


def _belongs(frame: int, box: BoxTuple, first: int, last: int, best: BoxTuple) -> bool:
    """Whether a box that covers something left is one of a place's."""
    return first - GAP_FRAMES <= frame <= last + GAP_FRAMES and iou(box, best) >= SAME_PLACE


def _same(one: DeskDoubt, other: DeskDoubt) -> bool:
    near = one.first - GAP_FRAMES <= other.last and other.first - GAP_FRAMES <= one.last
    return near and one.track == other.track and iou(one.box, other.box) >= SAME_PLACE
