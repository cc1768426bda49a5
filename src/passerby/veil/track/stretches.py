"""Says in which spans of a track surely one person was followed, by what association knows: places, sizes and times alone.

From one pass to the next a detection may continue a track although it is another person's. Where no other detection could be
the tracked face and no other tracked face could be the detection, the span between the two belongs to one person, and the
stretch goes on. Everywhere else a stretch ends: the next one has another number, and what lies between belongs to none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import centres, mean_sides
from passerby.values import Boxes, Detections

UNSURE = -1
"""Number of no stretch: it may be two people here."""
FITS = 0.6
"""So many sides of the box a detection may lie from where its track is expected. Chosen on drawn crossings (bench/seal.py)."""
RIVAL = 1.5
"""Another box is a rival within so many sides of the place. Chosen on the same."""
WALK_PER_S = 9.0
"""So many more sides a second where it is not known how a face moves: a walker's way. Source: as ``REASSOCIATE_SIDES``."""
FARTHEST = 5.0
"""... but no more than so many sides. Chosen on the same."""
ALONE = 2.5
"""A face is seen for the first or last time by itself where no other box is within so many sides. Chosen on the same."""
MERGED = 1.2
"""A detection within so many sides of another place where somebody is missed may hold both. Chosen on the same."""
PASSING = 0.9
"""Two faces that come nearer than so many sides on their way cannot be told apart afterwards. Chosen on the same."""


@dataclass(slots=True)
class _PassMark:
    """What one pass says of a track: found, in which stretch, whether it goes on from the mark before, and nobody else near."""

    frame: int
    found: bool
    stretch: int
    joined: bool
    alone: bool


@dataclass(slots=True, eq=False)
class Followed:
    """How one track was followed, pass by pass.

    Attributes:
        number: Of the track; rises for ever.
        since: Frame of the pass before its first detection, -1 for none: nobody knows what was there before.
        place: x and y of its middle and its side at the last pass, pixels.
        found_s: When it was detected last, seconds.
        speed: x and y, pixels a second, by which it was elsewhere than expected; None where that is not known.
    """

    number: int
    since: int
    place: tuple[float, float, float]
    found_s: float
    speed: tuple[float, float] | None = None
    marks: list[_PassMark] = field(default_factory=list)

    def stretch_at(self, frame: int) -> int:
        """Return the number of the stretch that a frame belongs to, or ``UNSURE``."""
        marks = self.marks
        at = bisect_left(marks, frame, key=lambda mark: mark.frame)
        if at == len(marks):
            last = marks[-1]
            return last.stretch if last.found and last.alone else UNSURE
        after = marks[at]
        if after.frame == frame and after.found:
            return after.stretch
        if at == 0:
            return after.stretch if after.alone and frame > self.since else UNSURE
        return _between(marks[at - 1], after)

    def forget(self, before: int) -> None:
        """Drop what says nothing of this frame and later ones."""
        gone = bisect_left(self.marks, before, key=lambda mark: mark.frame) - 1
        del self.marks[: max(0, min(gone, len(self.marks) - 1))]


def _between(before: _PassMark, after: _PassMark) -> int:
    """Return the stretch of the frames between two passes."""
    if before.found and after.found:
        return after.stretch if after.joined else UNSURE
    if before.alone and after.alone and before.found != after.found:
        return before.stretch if before.found else after.stretch
    return UNSURE


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """One pass as numbers, for N tracks and M detections: distances are in sides.

    Attributes:
        away: From where each track may be to each detection, shape (N, M).
        allowed: How far each track may be from there, shape (N,).
        places: Middles of tracks and detections, shape (N + M, 2), pixels.
        sides: Their sides, shape (N + M,), pixels.
        matched: Row of the detection of each track, -1 for none, shape (N,).
    """

    away: NDArray[np.float64]
    allowed: NDArray[np.float64]
    places: NDArray[np.float64]
    sides: NDArray[np.float64]
    matched: NDArray[np.intp]

    @property
    def taken(self) -> dict[int, int]:
        """Which track each detection continues."""
        return {int(at): row for row, at in enumerate(self.matched) if at >= 0}

    def has_rival(self, row: int, allowed: NDArray[np.float64]) -> bool:
        """Whether another detection may be this track's face, or another track's face be its detection.

        Args:
            row: Of the track.
            allowed: How far each track may be from where it is expected, shape (N,), sides.
        """
        at = int(self.matched[row])
        others = np.delete(self.away[row], at)
        tracks = np.delete(self.away[:, at] - allowed, row)
        return bool((others <= allowed[row]).any() or (tracks <= 0).any())

    def is_alone(self, index: int, *, but: Sequence[int] = (), within: float = ALONE) -> bool:
        """Whether no box but those named is near one, all rows of ``places``."""
        off = np.hypot(*(self.places - self.places[index]).T) / np.maximum((self.sides + self.sides[index]) / 2, 1)
        off[[index, *but]] = np.inf
        return bool((off > within).all())


class Stretches:
    """Numbers the stretches of all tracks of one clip or stream."""

    def __init__(self) -> None:
        self._tracks = self._stretches = 0
        self._now_s, self._frame = 0.0, -1
        self._finals: dict[int, list[tuple[int, int]]] = {}

    def judge(
        self,
        frame: int,
        seconds: float,
        expected: Boxes,
        found: Detections,
        *,
        matched: Mapping[int, int],
        active: Sequence[Followed],
        extra: bool,
    ) -> dict[int, Followed]:
        """Take in a pass, before the tracks are changed by it.

        Args:
            frame: Its frame.
            seconds: Since the pass before.
            expected: Where the tracks are expected, shape (N, 4), float32, pixels.
            found: M detections, pixels.
            matched: Which detection continues which track, rows of both.
            active: The N tracks.
            extra: Nobody is missed for it.

        Returns:
            How those are followed that begin here, by row of the detections.
        """
        self._now_s += seconds
        scene = self._scene(expected, found, matched, active)
        passed = _passing(scene, active)
        for row, one in enumerate(active):
            at = matched.get(row)
            if at is not None:
                self._join(frame, row, one, scene, passing=bool(passed[row]))
            elif not extra:
                near = scene.is_alone(row)
                one.marks.append(_PassMark(frame, False, UNSURE, False, near))
            index = row if at is None else len(active) + at
            one.place = (*scene.places[index].tolist(), float(scene.sides[index]))
        begun = {}
        for at in set(range(len(found))) - set(matched.values()):
            begun[at] = self._begin(frame, len(active) + at, scene)
        self._frame = frame
        return begun

    def note_final(self, frame: int, one: Followed) -> None:
        """Note that the next box of a frame of a clip is final, and whose it is."""
        self._finals.setdefault(frame, []).append((one.number, one.stretch_at(frame)))

    def take_final(self, frame: int) -> tuple[tuple[int, ...], NDArray[np.intp]]:
        """Return track and stretch of each box of a final frame of a clip, in their order, and forget them."""
        given = self._finals.pop(frame, [])
        return tuple(track for track, _ in given), np.array([stretch for _, stretch in given], np.intp)

    def _begin(self, frame: int, index: int, scene: _Scene) -> Followed:
        self._tracks += 1
        place = (*scene.places[index].tolist(), float(scene.sides[index]))
        one = Followed(self._tracks, self._frame, place, self._now_s)
        merged = not scene.is_alone(index, within=MERGED)
        one.marks.append(_PassMark(frame, True, UNSURE if merged else self._next(), False, scene.is_alone(index)))
        return one

    def _join(self, frame: int, row: int, one: Followed, scene: _Scene, *, passing: bool) -> None:
        at, last = int(scene.matched[row]), one.marks[-1]
        index = len(scene.matched) + at
        near = passing or scene.has_rival(row, np.full(len(scene.allowed), RIVAL))
        rival = near or scene.has_rival(row, scene.allowed)
        joined = last.found and last.stretch != UNSURE and not rival and bool(scene.away[row, at] <= FITS)
        own = [row, *self._explained(scene, but=row)]
        alone = scene.is_alone(index, but=own)
        merged = not joined and not scene.is_alone(index, but=own, within=MERGED)
        stretch = last.stretch if joined else UNSURE if merged else self._next()
        since_s = max(self._now_s - one.found_s, 1e-3)
        off = (scene.places[index] - scene.places[row]) / since_s
        one.speed = None if near else (float(off[0]), float(off[1]))
        one.found_s = self._now_s
        one.marks.append(_PassMark(frame, True, stretch, joined, alone))

    @staticmethod
    def _explained(scene: _Scene, *, but: int) -> list[int]:
        """Return rows of tracks that were detected: their detections speak for them."""
        return [row for row, at in enumerate(scene.matched) if at >= 0 and row != but]

    def _next(self) -> int:
        self._stretches += 1
        return self._stretches

    def _scene(
        self, expected: Boxes, found: Detections, matched: Mapping[int, int], active: Sequence[Followed]
    ) -> _Scene:
        places = np.concatenate([centres(expected), centres(found.xyxy)]).astype(np.float64)
        sides = np.concatenate([mean_sides(expected, least_px2=1), mean_sides(found.xyxy, least_px2=1)]).astype(float)
        rows = len(expected)
        since_s = np.array([self._now_s - one.found_s for one in active])
        speed = np.array([one.speed or (0.0, 0.0) for one in active]).reshape(-1, 2)
        known = np.array([one.speed is not None and one.marks[-1].found for one in active], bool)
        side = np.minimum(sides[:rows, None], sides[None, rows:])
        away = np.hypot(*np.moveaxis(places[None, rows:] - places[:rows, None], 2, 0))
        gone_on = places[:rows] + speed * since_s[:, None]
        as_before = np.hypot(*np.moveaxis(places[None, rows:] - gone_on[:, None], 2, 0))
        allowed = np.where(known, RIVAL, np.minimum(RIVAL + WALK_PER_S * since_s, FARTHEST))
        at = np.array([matched.get(row, -1) for row in range(rows)], np.intp)
        return _Scene(np.minimum(away, as_before) / side, allowed, places, sides, at)


def _passing(scene: _Scene, active: Sequence[Followed]) -> NDArray[np.bool_]:
    """Return which of the N tracks came too near to another one on the way from the last pass to this one, shape (N,)."""
    rows = len(active)
    if rows < 2:
        return np.zeros(rows, bool)
    before = np.array([one.place for one in active])
    index = np.where(scene.matched >= 0, rows + scene.matched, np.arange(rows))
    now, side = scene.places[index], scene.sides[index]
    start = before[None, :, :2] - before[:, None, :2]
    way = (now[None] - now[:, None]) - start
    length = np.maximum((way**2).sum(axis=2), 1e-9)
    share = np.clip(-(start * way).sum(axis=2) / length, 0, 1)
    least = np.hypot(*np.moveaxis(start + share[:, :, None] * way, 2, 0))
    near = least < PASSING * (side[:, None] + side[None]) / 2
    np.fill_diagonal(near, val=False)
    return np.asarray(near.any(axis=1))
