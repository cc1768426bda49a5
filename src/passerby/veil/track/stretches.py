"""Says in which spans of a track surely one person was followed, by what association knows: places, sizes and times alone.

From one pass to the next a detection may continue a track although it is another person's. Where no other detection could be
the tracked face and no other tracked face could be the detection, the span between the two belongs to one person, and the
stretch goes on. Everywhere else a stretch ends: the next one has another number, and what lies between belongs to none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

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
NEAR = 1.3
"""Two faces within so many sides may be in each other's boxes, and one detection hold both. Chosen on the same."""
FASTER_PER_S = 3.0
"""So many sides a second faster than before two known faces may come towards each other. Chosen on the same."""
PASSING = 0.9
"""Two faces that come nearer than so many sides on their way cannot be told apart afterwards, ..."""
STILL, AS_MOVED = 0.5, 0.5
"""... but where both are where they were expected, so many sides, and this share of what they moved against each other, are
enough to tell them apart. Chosen on the same."""
NOISE, LEAST_S = 0.3, 0.2
"""A detection that lies no more than so many sides off, or so short after the one before, says nothing of speed. Chosen, not
measured."""
AS_LARGE = 1.3
"""Up to this ratio of a detection's side to the one expected it may be the same face: nobody grows so much from one pass to the
next. Chosen, not measured."""
BOTH = 2.0
"""Who is missed may be in another's box from so many sides off where he is expected on. Chosen on the same."""
SURE = 0.15
"""What never scored so much is nobody's rival: it is seldom a face. Chosen, not measured."""


@dataclass(slots=True)
class _PassMark:
    """What one pass says of a track.

    Attributes:
        frame: Of the pass.
        time_s: Of it.
        found: The face was detected in it.
        stretch: The number that begins here or goes on; ``UNSURE`` where even this detection may be two people's.
        joined: The stretch goes on from the pass before.
        rival: It may be another's face that was found.
        clear_s: So long before and after it nobody else can have been near.
    """

    frame: int
    time_s: float
    found: bool
    stretch: int
    joined: bool
    rival: bool
    clear_s: float


@dataclass(slots=True, eq=False)
class Followed:
    """How one track was followed, pass by pass.

    Attributes:
        number: Of the track; rises for ever.
        since: Frame of the pass before its first detection, -1 for none: nobody knows what was there before.
        frame_s: Seconds a frame before its first detection.
        place: x and y of its middle and its side at the last pass, pixels.
        found_s: When it was detected last, seconds.
        speed: x and y, pixels a second, by which it was elsewhere than expected; None where that is not known.
        way: x and y, pixels a second, in the picture; None where that is not known.
        best: Score of the surest detection, 0 to 1.
        gone_on: Nobody else can be the track that began where this one was missed: it speaks for this one's face.
    """

    number: int
    since: int
    frame_s: float
    place: tuple[float, float, float]
    found_s: float
    speed: tuple[float, float] | None = None
    way: tuple[float, float] | None = None
    best: float = 0.0
    gone_on: bool = False
    marks: list[_PassMark] = field(default_factory=list)

    def stretch_at(self, frame: int) -> int:
        """Return the number of the stretch that a frame belongs to, or ``UNSURE``."""
        marks = self.marks
        at = bisect_left(marks, frame, key=lambda mark: mark.frame)
        if at == len(marks):
            last = marks[-1]
            return last.stretch if last.found and (frame - last.frame) * self.frame_s <= last.clear_s else UNSURE
        after = marks[at]
        if after.frame == frame and after.found:
            return after.stretch if after.joined or after.clear_s > 0 else UNSURE
        if at == 0:
            clear = frame > self.since and (after.frame - frame) * self.frame_s <= after.clear_s
            return after.stretch if clear else UNSURE
        return _between(marks[at - 1], after, frame)

    def forget(self, before: int) -> None:
        """Drop what says nothing of this frame and later ones."""
        gone = bisect_left(self.marks, before, key=lambda mark: mark.frame) - 1
        del self.marks[: max(0, min(gone, len(self.marks) - 1))]


def _between(before: _PassMark, after: _PassMark, frame: int) -> int:
    """Return the stretch of a frame between two passes."""
    if after.joined:
        return after.stretch
    since_s = (after.time_s - before.time_s) * (frame - before.frame) / (after.frame - before.frame)
    left_s = after.time_s - before.time_s - since_s
    clear, still_clear = since_s <= before.clear_s, left_s <= after.clear_s
    if after.rival:
        return UNSURE
    if before.found and after.found:
        nearer, clear = (before, clear) if since_s <= left_s else (after, still_clear)
        return nearer.stretch if clear else UNSURE
    if before.found != after.found and clear and still_clear:
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
        ways: How each moves in the picture, shape (N + M, 2), pixels a second; NaN where that is not known.
        matched: Row of the detection of each track, -1 for none, shape (N,).
        known: Of which tracks it is known how they move, shape (N,).
        counts: Which tracks and detections are faces surely enough to be taken for others, shape (N + M,).
    """

    away: NDArray[np.float64]
    allowed: NDArray[np.float64]
    places: NDArray[np.float64]
    sides: NDArray[np.float64]
    ways: NDArray[np.float64]
    matched: NDArray[np.intp]
    known: NDArray[np.bool_]
    counts: NDArray[np.bool_]

    @property
    def fits(self) -> NDArray[np.bool_]:
        """Which tracks were detected where they were expected, shape (N,)."""
        rows = np.arange(len(self.matched))
        return (self.matched >= 0) & (self.away[rows, self.matched] <= FITS)

    @property
    def owners(self) -> NDArray[np.intp]:
        """Which track each detection continues, -1 for none, shape (M,)."""
        owners = np.full(self.away.shape[1], -1, np.intp)
        rows = np.flatnonzero(self.matched >= 0)
        owners[self.matched[rows]] = rows
        return owners

    def claims(self, at: int) -> bool:
        """Whether somebody who is missed may be in the box of this detection too."""
        counts = self.counts[: len(self.matched)] & (self.matched < 0)
        return bool((counts & (self.away[:, at] <= np.minimum(self.allowed, BOTH))).any())

    def has_rival(
        self, row: int, allowed: NDArray[np.float64], apart: NDArray[np.float64], calm: NDArray[np.bool_]
    ) -> bool:
        """Whether another detection may be this track's face, or another track's face be its detection.

        Args:
            row: Of the track.
            allowed: How far each track may be from where it is expected, shape (N,), sides.
            apart: The same for any two that are calm: the nearer the less they moved against each other, shape (N, N).
            calm: Went on as expected, shape (N,).
        """
        at, rows = int(self.matched[row]), len(self.matched)
        limit = np.where(calm[row] & calm, np.minimum(apart[row], allowed), allowed)
        # who was detected too is a rival only where both may have taken each other's detection
        mine = np.where(calm[row] & calm, np.minimum(apart[row], allowed[row]), allowed[row])
        swapped = (self.matched < 0) | (self.away[row, self.matched] <= mine)
        tracks = self.counts[:rows] & (self.away[:, at] <= limit) & swapped
        tracks[row] = False
        others = self.counts[rows:] & (self.owners < 0) & (self.away[row] <= allowed[row])
        return bool(tracks.any() or others.any())

    def clear_s(self, index: int, but: Sequence[int] = ()) -> float:
        """Return how long nobody else can be near one of ``places`` before and after the pass; below 0: somebody is.

        Args:
            index: Of ``places``.
            but: These are nobody else.
        """
        side = np.maximum((self.sides + self.sides[index]) / 2, 1)
        away = np.hypot(*(self.places - self.places[index]).T) / side
        towards = np.hypot(*(self.ways - self.ways[index]).T) / side + FASTER_PER_S
        clear = (away - NEAR) / np.where(np.isnan(towards), WALK_PER_S, towards)
        clear[[index, *but, *np.flatnonzero(~self.counts).tolist()]] = np.inf
        return float(clear.min())


class Stretches:
    """Numbers the stretches of all tracks of one clip or stream.

    Args:
        numbers: The next stretch's; None counts from 1.
    """

    def __init__(self, numbers: Iterator[int] | None = None) -> None:
        self._tracks, self._numbers = 0, numbers or count(1)
        self._now_s = self._since_s = 0.0
        self._frame, self._frame_s = -1, 0.04
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
        self._since_s = seconds
        if seconds > 0:
            self._frame_s = seconds / max(1, frame - self._frame)
        scene = self._scene(expected, found, matched, active)
        least, moved = _ways_apart(scene, active)
        apart = STILL + AS_MOVED * moved
        near = (least < np.minimum(apart, PASSING)) & scene.counts[None, : len(active)]
        passed = np.flatnonzero(near.any(axis=1)).tolist()
        for row, one in enumerate(active):
            at = matched.get(row)
            if at is not None:
                self._join(frame, row, one, scene, apart=apart, passing=row in passed)
            elif not extra:
                one.marks.append(_PassMark(frame, self._now_s, False, UNSURE, False, False, scene.clear_s(row)))
            index = row if at is None else len(active) + at
            one.best = one.best if at is None else max(one.best, float(found.score[at]))
            one.place = (*scene.places[index].tolist(), float(scene.sides[index]))
        self._note_gone_on(scene, active)
        begun = {}
        for at in set(range(len(found))) - set(matched.values()):
            begun[at] = self._begin(frame, len(active) + at, scene)
            begun[at].best = float(found.score[at])
        self._frame = frame
        return begun

    def note_final(self, frame: int, one: Followed) -> None:
        """Note that the next box of a frame of a clip is final, and whose it is."""
        self._finals.setdefault(frame, []).append((one.number, one.stretch_at(frame)))

    def take_final(self, frame: int) -> tuple[tuple[int, ...], NDArray[np.intp]]:
        """Return track and stretch of each box of a final frame of a clip, in their order, and forget them."""
        given = self._finals.pop(frame, [])
        return tuple(track for track, _ in given), np.array([stretch for _, stretch in given], np.intp)

    @staticmethod
    def _note_gone_on(scene: _Scene, active: Sequence[Followed]) -> None:
        """Note who is missed where just one new face is, that nobody else can be."""
        fresh = np.setdiff1d(np.arange(scene.away.shape[1]), scene.matched)
        may_be = (scene.away <= scene.allowed[:, None]) & scene.counts[: len(active), None]
        for row in np.flatnonzero(scene.matched < 0).tolist():
            own = np.flatnonzero(may_be[row])
            if len(own) == 1 and own[0] in fresh and may_be[:, own[0]].sum() == 1:
                active[row].gone_on = True

    def _begin(self, frame: int, index: int, scene: _Scene) -> Followed:
        self._tracks += 1
        place = (*scene.places[index].tolist(), float(scene.sides[index]))
        one = Followed(self._tracks, self._frame, self._frame_s, place, self._now_s)
        clear_s = scene.clear_s(index, self._explained(scene))
        claimed = scene.claims(index - len(scene.matched))
        stretch = UNSURE if claimed else next(self._numbers)
        one.marks.append(_PassMark(frame, self._now_s, True, stretch, False, claimed, clear_s))
        return one

    def _join(
        self, frame: int, row: int, one: Followed, scene: _Scene, *, apart: NDArray[np.float64], passing: bool
    ) -> None:
        at, last = int(scene.matched[row]), one.marks[-1]
        index = len(scene.matched) + at
        near = passing or scene.has_rival(row, np.minimum(scene.allowed, RIVAL), apart, scene.fits)
        rival = near or scene.has_rival(row, scene.allowed, apart, scene.fits & scene.known)
        grown = scene.sides[index] / scene.sides[row]
        fits = scene.away[row, at] <= FITS and 1 / AS_LARGE <= grown <= AS_LARGE
        joined = last.found and last.stretch != UNSURE and not rival and bool(fits)
        clear_s = scene.clear_s(index, [row, *self._explained(scene)])
        claimed = scene.claims(at)
        stretch = last.stretch if joined else UNSURE if claimed else next(self._numbers)
        off = (scene.places[index] - scene.places[row]) / max(self._now_s - one.found_s, 1e-3)
        if near:
            one.speed = None
        elif one.speed is None or self._now_s - one.found_s >= LEAST_S:
            goes = float(np.hypot(*(scene.places[index] - scene.places[row]))) > NOISE * scene.sides[index]
            one.speed = (float(off[0]), float(off[1])) if goes else (0.0, 0.0)
        x, y = scene.ways[index].tolist()
        one.way = (x, y) if x == x else None
        one.found_s, one.frame_s, one.gone_on = self._now_s, self._frame_s, False
        one.marks.append(_PassMark(frame, self._now_s, True, stretch, joined, rival, clear_s))

    @staticmethod
    def _explained(scene: _Scene) -> list[int]:
        """Return rows of tracks that were detected: their detections speak for them."""
        return np.flatnonzero(scene.matched >= 0).tolist()

    def _scene(
        self, expected: Boxes, found: Detections, matched: Mapping[int, int], active: Sequence[Followed]
    ) -> _Scene:
        places = np.concatenate([centres(expected), centres(found.xyxy)]).astype(np.float64)
        sides = np.concatenate([mean_sides(expected, least_px2=1), mean_sides(found.xyxy, least_px2=1)]).astype(float)
        rows = len(expected)
        since_s = np.array([self._now_s - one.found_s for one in active])
        speed = np.array([one.speed or (0.0, 0.0) for one in active]).reshape(-1, 2)
        known = np.array([one.speed is not None for one in active], bool)
        missed_s = since_s - self._since_s
        side = np.minimum(sides[:rows, None], sides[None, rows:])
        away = np.hypot(*np.moveaxis(places[None, rows:] - places[:rows, None], 2, 0))
        gone_on = places[:rows] + speed * since_s[:, None]
        as_before = np.hypot(*np.moveaxis(places[None, rows:] - gone_on[:, None], 2, 0))
        allowed = np.minimum(RIVAL + np.where(known, FASTER_PER_S * missed_s, WALK_PER_S * since_s), FARTHEST)
        at = np.array([matched.get(row, -1) for row in range(rows)], np.intp)
        counts = np.array([one.best >= SURE for one in active], bool)
        counts &= ~(np.array([one.gone_on for one in active], bool) & (at < 0))
        detected = found.score >= SURE
        detected[at[(at >= 0) & counts]] = True
        counts = np.concatenate([counts, detected])
        ways = np.full((len(places), 2), np.nan)
        for row, one in enumerate(active):
            ways[row] = one.way or (np.nan, np.nan)
            if at[row] >= 0:
                ways[rows + at[row]] = (places[rows + at[row]] - one.place[:2]) / max(self._since_s, 1e-3)
        return _Scene(np.minimum(away, as_before) / side, allowed, places, sides, ways, at, known, counts)


def _ways_apart(scene: _Scene, active: Sequence[Followed]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how near any two of the N tracks came since the last pass, and how far they moved against each other.

    Both of shape (N, N), in sides; nobody comes near himself.
    """
    rows = len(active)
    if not rows:
        return np.zeros((0, 0)), np.zeros((0, 0))
    before = np.array([one.place for one in active])
    index = np.where(scene.matched >= 0, rows + scene.matched, np.arange(rows))
    now, side = scene.places[index], np.maximum(scene.sides[index], 1)
    start = before[None, :, :2] - before[:, None, :2]
    way = (now[None] - now[:, None]) - start
    share = np.clip(-(start * way).sum(axis=2) / np.maximum((way**2).sum(axis=2), 1e-9), 0, 1)
    least = np.hypot(*np.moveaxis(start + share[:, :, None] * way, 2, 0))
    np.fill_diagonal(least, np.inf)
    sides = (side[:, None] + side[None]) / 2
    return least / sides, np.hypot(*np.moveaxis(way, 2, 0)) / sides
