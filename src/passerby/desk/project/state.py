"""What a person sees of a project: tracks, zones, doubts, who is left clear, what is not exported yet. All of it frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from passerby.boxes import BoxTuple
from passerby.desk.project.edits import DrawnBox, DrawnBy, DrawnStyle, DrawnThing, SettledAs
from passerby.values import Track, Zone

TrackOrigin = Literal["found"] | DrawnBy
MOST_FRAMES_ASKED = 2000
"""Boxes of so many frames are given at once: answers stay small."""


@dataclass(frozen=True, slots=True, eq=False)
class DeskTrack:
    """One cover over time.

    Attributes:
        track: Its boxes.
        origin: Who says that something is there.
        style: How it is covered.
        what: What is covered.
        known: Frames whose boxes were detected, drawn or put right; the others lie between.
        kept: The person is left clear.
    """

    track: Track
    origin: TrackOrigin
    style: DrawnStyle
    what: DrawnThing
    known: frozenset[int]
    kept: bool = False

    @property
    def number(self) -> int:
        """Number, from 1."""
        return self.track.number

    @property
    def first(self) -> int:
        """First frame."""
        return self.track.first

    @property
    def last(self) -> int:
        """Last frame."""
        return self.track.last

    @property
    def score(self) -> float:
        """Best score, 0 to 1."""
        return float(self.track.score.max(initial=0))

    @property
    def seen(self) -> tuple[int, int]:
        """First and last frame in which it is known to be there; all of it where nothing is known."""
        return (min(self.known), max(self.known)) if self.known else (self.first, self.last)

    def box_at(self, frame: int) -> BoxTuple | None:
        """Return its box in a frame, pixels of the coded picture, or None."""
        if not self.first <= frame <= self.last:
            return None
        x0, y0, x1, y1 = self.track.xyxy[frame - self.first].tolist()
        return round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2)


@dataclass(frozen=True, slots=True)
class DeskDoubt:
    """A place for a person to look at.

    Attributes:
        id: Stays the same for ever.
        why: Where it comes from: ``verify``, ``report`` or ``score``, or several, with a comma between.
        frame: The one to show.
        boxes: What would be covered, in the frames of ``first`` to ``last``.
        urgency: Whatever is greater is shown first.
        score: Of the detector, 0 to 1.
        track: The cover that it is about; None where nothing covers it.
        settled: How it was settled, or None.
    """

    id: str
    why: str
    frame: int
    boxes: tuple[DrawnBox, ...]
    urgency: float
    score: float
    track: int | None = None
    settled: SettledAs | None = None

    @property
    def first(self) -> int:
        """First frame."""
        return self.boxes[0].frame

    @property
    def last(self) -> int:
        """Last frame."""
        return self.boxes[-1].frame

    @property
    def box(self) -> BoxTuple:
        """The box in the frame to show, or the one nearest to it."""
        return min(self.boxes, key=lambda one: abs(one.frame - self.frame)).box


@dataclass(frozen=True, slots=True)
class KeptPerson:
    """The one person who is left clear.

    Attributes:
        tracks: All their tracks.
        why: In words.
    """

    tracks: tuple[int, ...]
    why: str


@dataclass(frozen=True, slots=True)
class TakenAway:
    """A cover that the program had made, and a person took away."""

    track: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class DeskState:
    """A project at one moment.

    Attributes:
        frames: Of the clip; 1 for a picture.
        tracks: In the order of their numbers.
        zones: Always covered.
        doubts: Open ones first, most urgent first, then those put off, then settled ones.
        kept: Who is left clear, or None.
        taken_away: Covers of the program's that were taken away by hand.
        moved: How many boxes of the program's were put right by hand.
        changed_frames: Intervals (first, last) that the output does not show yet.
        whole: Intervals (first, last) of frames that are covered whole.
        undo_depth: How many edits can be undone.
        redo_depth: How many can be done again.
        line: So many lines of the journal make it.
        steps: So many edits were made, taken back and made again until then.
    """

    frames: int
    tracks: tuple[DeskTrack, ...]
    zones: tuple[Zone, ...]
    doubts: tuple[DeskDoubt, ...]
    kept: KeptPerson | None
    taken_away: tuple[TakenAway, ...]
    moved: int
    changed_frames: tuple[tuple[int, int], ...]
    whole: tuple[tuple[int, int], ...]
    undo_depth: int
    redo_depth: int
    line: int
    steps: int


def state_to_json(state: DeskState) -> dict[str, Any]:
    """Return a state as plain values; boxes apart, see :func:`boxes_to_json`."""
    return {
        "frames": state.frames,
        "tracks": [
            {
                "number": one.number, "first": one.first, "last": one.last, "origin": one.origin, "score": round(one.score, 4),
                "style": one.style, "what": one.what, "kept": one.kept,
            }
            for one in state.tracks
        ],
        "zones": [{"name": zone.name, "points": [list(point) for point in zone.points]} for zone in state.zones],
        "doubts": [
            {
                "id": one.id, "why": one.why, "frame": one.frame, "first": one.first, "last": one.last, "box": list(one.box),
                "score": round(one.score, 4), "track": one.track, "settled": one.settled,
            }
            for one in state.doubts
        ],
        "kept": None if state.kept is None else {"tracks": list(state.kept.tracks), "why": state.kept.why},
        "taken_away": len(state.taken_away),
        "changed_frames": [list(one) for one in state.changed_frames],
        "whole": [list(one) for one in state.whole],
        "undo_depth": state.undo_depth,
        "redo_depth": state.redo_depth,
    }  # fmt: skip


def boxes_to_json(state: DeskState, first: int, last: int) -> dict[str, list[list[float]]]:
    """Return the boxes of a span of frames: for each frame that has some, rows [track, x0, y0, x1, y1].

    Args:
        state: Of the project.
        first: First frame.
        last: Last frame; what lies ``MOST_FRAMES_ASKED`` and more behind the first is left out.
    """
    last = min(last, first + MOST_FRAMES_ASKED - 1)
    found: dict[str, list[list[float]]] = {}
    for one in state.tracks:
        for frame in range(max(first, one.first), min(last, one.last) + 1):
            rows = np.round(one.track.xyxy[frame - one.first].astype(float), 2).tolist()
            found.setdefault(str(frame), []).append([one.number, *rows])
    return found
