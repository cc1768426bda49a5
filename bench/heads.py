"""Truth drawn by eye in real clips: every head in chosen frames, and people followed through a fast pan.

Read from ``heads_by_eye`` in the footage's folder; its README says what the columns hold. Frames are counted in decode order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coverage import Face, Score, face_of, rows_of
from covers import Cover

SMALLEST_HEAD_PX = 7
"""Heads below this are not counted, as in the score that comes with the truth."""
FACES = frozenset({"frontal", "profile", "down", "partial"})
BACK = "back"
WASTEFUL = ("mot17-13_bus_cam.mp4", "intel_preview_classroom.mp4")
"""Clips in which most of the cover lay away from any head."""


@dataclass(frozen=True, slots=True)
class EyeFrame:
    """A frame that was looked at.

    Attributes:
        heads: All that are there, those that nobody can tell too.
        scope: The part (x, y, w, h) that was looked at; None is all.
        complete: Every head in it is drawn.
    """

    heads: tuple[Face, ...]
    scope: tuple[int, int, int, int] | None
    complete: bool


def eye_frames(footage: Path) -> dict[str, dict[int, EyeFrame]]:
    """Return the frames that were looked at, by clip and index.

    Nobody was followed from one of these frames to another, so all heads of a frame are drawn together in intervals: their
    ``person`` is the frame.
    """
    folder = footage / "heads_by_eye"
    heads: dict[tuple[str, int], list[Face]] = defaultdict(list)
    for row in rows_of(folder / "heads.csv"):
        heads[row["video"], int(row["frame"])].append(face_of(row, f"frame {row['frame']}", row["kind"]))
    found: dict[str, dict[int, EyeFrame]] = defaultdict(dict)
    for row in rows_of(folder / "frames.csv"):
        x, y, w, h = (int(v) for v in row["crop"].split(":")) if row["crop"] else (0, 0, 0, 0)
        place = (row["video"], int(row["frame"]))
        found[place[0]][place[1]] = EyeFrame(tuple(heads[place]), (x, y, w, h) if w else None, row["complete"] == "1")
    return found


def followed(footage: Path) -> dict[str, dict[int, list[Face]]]:
    """Return the people in the fast pan, by clip and index."""
    found: dict[str, dict[int, list[Face]]] = defaultdict(lambda: defaultdict(list))
    for row in rows_of(footage / "heads_by_eye" / "tracks.csv"):
        found[row["video"]][int(row["frame"])].append(face_of(row, row["track"]))
    return found


@dataclass(frozen=True, slots=True)
class Eyed:
    """What a tool leaves bare of the heads drawn by eye, and of the people in the pan."""

    heads: Score
    pan: Score

    @property
    def faces(self) -> Score:
        return self.heads.of(lambda face: face.kind in FACES)

    @property
    def backs(self) -> Score:
        return self.heads.of(lambda face: face.kind == BACK)


def score_by_eye(footage: Path, cover: Cover, clips: Iterable[str] = ()) -> Eyed:
    """Ask for the cover of every frame that was looked at, in some clips or in all."""
    eyed, people = eye_frames(footage), followed(footage)
    heads, pan = Score(SMALLEST_HEAD_PX), Score(SMALLEST_HEAD_PX)
    wanted = set(clips) or eyed.keys() | people.keys()
    for clip in sorted(wanted):
        frames = frozenset(eyed[clip].keys() | people[clip].keys())
        for index, mask in cover(footage / "videos" / clip, frames):
            looked = eyed[clip].get(index)
            if looked:
                heads.add(clip, index, mask, looked.heads, scope=looked.scope, complete=looked.complete)
            pan.add(clip, index, mask, people[clip].get(index, ()), complete=False)
    return Eyed(heads, pan)
