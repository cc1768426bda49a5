"""Joins detections of some frames into tracklets that have a box in every frame between them.

Between two detections a box moves with the picture around it (``motion``, ``patches``); when the face is detected again, the
drift is spread evenly over the frames since the last detection. Matching is by place and size alone, never by appearance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import centres, mean_sides
from passerby.values import EMPTY_BOXES, Boxes, Detections
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.patches import MOST, Fine, follow_patches
from passerby.veil.track.stretches import Followed, Stretches
from passerby.veil.track.tracklet import Tracklet

NEAR = 0.6
"""Farthest a detection may lie from where a tracklet is expected, in sides of the box. Source: docs/measures.md."""
LIKE = 2.0
"""Largest ratio between the sides of a detection and of the tracklet it continues. Chosen, not measured."""
RATIO_COST = 0.3
"""How much farther, in sides of the box, a detection counts for each e-fold of difference in side. Chosen, not measured."""
SURER = 0.05
"""How much nearer, in sides of the box, a detection counts that scores ten times as much. Source: docs/measures.md."""
REASSOCIATE_SIDES = 4.0
REASSOCIATE_RATIO = 1.4
"""How far, in sides, and with which ratio of sides a face may reappear where no other tracklet or detection comes near. A walker
crosses nine sides of a face a second (1.8 m/s, 0.2 m). Source: docs/measures.md for the distance; the ratio was chosen, not
measured."""
WEAKER = 0.5
"""A tracklet whose best score is less than this share of a detection's may not keep it to itself. Chosen, not measured."""
ELSEWHERE = 0.5
"""A detection is elsewhere than expected from so many sides of the box on: half of a face. Chosen, not measured."""
GROWTH = 1.3
"""... or from this ratio between its side and that of the expected box. Chosen, not measured."""
SURE_AT_ONCE = 0.4
"""Score from which one detection is worth a pass of its own. Chosen, not measured."""
RIVAL_RATIO = 1.5
"""How many times as far any other pair must be for a re-association. Chosen, not measured."""
SURE = 0.2
LIKELY = 0.1
"""Best score from which a tracklet may be re-associated, and from which it is tracked patch by patch. Chosen, not measured."""
FAINT = 0.1
"""A detection that scores less than this share of a tracklet's best says that the face may still be there, not where.
Source: docs/measures.md."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """The state of an association right after ``update``: boxes, grey picture, frames, and who strays."""

    now: Boxes
    fine: Fine | None
    frames: int
    strays: tuple[bool, ...]


class Association:
    """The tracklets of one clip or stream, frame by frame: which there are, and where each is expected.

    Args:
        meter: Moves boxes with the picture.
        max_age: Detection cycles in which a face may be missed in a row before its tracklet ends.
        both: Nobody looks at frames between passes once more: who was not where they were expected is covered there too.
        stretches: Told of every pass; None where nobody asks which spans are surely one person's.
    """

    def __init__(
        self, meter: MotionMeter, max_age: int = 3, *, both: bool = False, stretches: Stretches | None = None
    ) -> None:
        self._meter, self._max_age, self._both, self._stretches = meter, max_age, both, stretches
        self.active: list[Tracklet] = []
        self.ended: list[Tracklet] = []
        self._now: Boxes = EMPTY_BOXES
        self._since: list[Boxes] = []
        self._likely: list[int] = []
        self._fine: Fine | None = None
        self._frames = 0
        self.farthest = REASSOCIATE_SIDES

    def predict(self, motion: Motion | None, fine: Fine | None = None) -> Boxes:
        """Go on to the next frame.

        Args:
            motion: From the frame before, None at the first.
            fine: Grey picture of this frame (``fine_copy``), shape (H, W), uint8, for those who move against the scene; None
                does without.

        Returns:
            Where faces are expected: shape (N, 4), float32, pixels, one row per active tracklet.
        """
        if motion is not None and motion.cut:
            self.finish()
        before, self._fine = self._fine, fine
        expected = self._meter.propagate(self._now, motion)
        if before is not None and fine is not None and len(expected):
            expected = self._fitted(before, fine, expected)
        self._now = expected
        self._since.append(self._now)
        return self._now

    def mark(self) -> Mark:
        """Return where the tracklets are, for ``back_to``; valid until the next ``update`` or ``finish``."""
        return Mark(self._now, self._fine, self._frames, tuple(tracklet.strays for tracklet in self.active))

    def back_to(self, mark: Mark) -> None:
        """Go back to the last ``update``, with the ``mark`` made after it: the frames since then were not asked for."""
        self._now, self._fine, self._frames, self._since = mark.now, mark.fine, mark.frames, []
        for tracklet, strays in zip(self.active, mark.strays, strict=True):
            tracklet.strays = strays

    def _fitted(self, before: Fine, fine: Fine, expected: Boxes) -> Boxes:
        """Move likely faces to where their patches fit; those that went with the scene are asked every third frame only."""
        self._frames += 1
        rows = [row for row in self._likely if self.active[row].strays or (row + self._frames) % 3 == 0][:MOST]
        if not rows:
            return expected
        fitted = follow_patches(before, fine, self._now[rows], expected[rows], self._meter.width / fine.shape[1])
        for row, strays in zip(rows, (fitted != expected[rows]).any(axis=1).tolist(), strict=True):
            self.active[row].strays = strays
        expected = expected.copy()
        expected[rows] = fitted
        return expected

    def update(self, frame: int, found: Detections, *, extra: bool = False, since_s: float = 0.0) -> list[Tracklet]:
        """Take in what was detected in the frame that ``predict`` went on to last.

        Args:
            frame: Its index.
            found: Faces in it, pixels.
            extra: From a pass between cycles, which sees less: nobody is missed for it, and who is about where he was expected is
                covered there too.
            since_s: Seconds since the pass before, for who asks which spans are surely one person's.

        Returns:
            Tracklets that were not detected here though they were in the detection cycle before.
        """
        matched = self.pairs(found)
        begun = self._begun(frame, found, matched, since_s=since_s, extra=extra)
        since = np.stack(self._since) if self._since and len(self._now) else None
        kept: list[Tracklet] = []
        now: list[NDArray[np.float32]] = []
        lost: list[Tracklet] = []
        for row, tracklet in enumerate(self.active):
            propagated = since[:, row] if since is not None else EMPTY_BOXES
            at = matched.get(row)
            if at is not None and found.score[at] >= FAINT * tracklet.best:
                box = self._moved(row, found.xyxy[at], extra=extra)
                both = self._both and differ(self._now[row : row + 1], box[None])
                tracklet.continue_to(frame, propagated, box, float(found.score[at]), both=both)
            else:
                tracklet.propagated.append(propagated)
                if at is None and not extra and self._age(tracklet, lost):
                    continue
                box = self._now[row]
            kept.append(tracklet)
            now.append(box)
        taken = set(matched.values())
        for at in range(len(found)):
            if at not in taken:
                kept.append(Tracklet.begin(frame, found.xyxy[at : at + 1], float(found.score[at])))
                kept[-1].followed = begun.get(at)
                now.append(found.xyxy[at])
        self.active, self._since = kept, []
        likely = (row for row, tracklet in enumerate(kept) if tracklet.best >= LIKELY)
        self._likely = sorted(likely, key=lambda row: -kept[row].best)
        self._now = np.array(now, np.float32).reshape(-1, 4)
        return lost

    def _begun(
        self, frame: int, found: Detections, matched: Mapping[int, int], *, since_s: float, extra: bool
    ) -> Mapping[int, Followed]:
        """Tell which spans are surely one person's, where that is asked; return how those are followed that begin here."""
        if self._stretches is None:
            return {}
        active = [tracklet.followed for tracklet in self.active if tracklet.followed is not None]
        faint = {row for row, at in matched.items() if found.score[at] < FAINT * self.active[row].best}
        told = {row: at for row, at in matched.items() if row not in faint}
        return self._stretches.judge(frame, since_s, self._now, found, matched=told, active=active, extra=extra)

    def _moved(self, row: int, found: NDArray[np.float32], *, extra: bool) -> NDArray[np.float32]:
        """Return where a tracklet is by its detection, shape (4,), float32, pixels."""
        if not extra or differ(self._now[row : row + 1], found[None]):
            return found
        return hull(self._now[row], found)

    def pairs(self, found: Detections) -> dict[int, int]:
        """Return which detection continues which active tracklet, as rows of both."""
        matched = dict(match(self._now, found))
        return matched | self._reassociated(found, matched)

    def _age(self, tracklet: Tracklet, lost: list[Tracklet]) -> bool:
        """Count a detection cycle in which a face was missed; end its tracklet, and say so, where these are too many."""
        tracklet.missed += 1
        if tracklet.missed == 1:
            lost.append(tracklet)
        if tracklet.missed > self._max_age:
            self.ended.append(tracklet)
            return True
        return False

    def _reassociated(self, found: Detections, matched: dict[int, int]) -> dict[int, int]:
        """Pair sure tracklets with sure detections farther off, where only one of each is near: somebody who moved fast.

        A detection that a tracklet took which never scored nearly as much counts too: then both are covered.
        """
        active = enumerate(self.active)
        rows = [n for n, one in active if n not in matched and one.missed == 0 and one.best >= SURE]
        kept = {at for row, at in matched.items() if self.active[row].best >= WEAKER * found.score[at]}
        columns = [n for n in range(len(found)) if n not in kept and found.score[n] >= SURE]
        if not rows or not columns:
            return {}
        pairs = lone_pairs(self._now[rows], found.xyxy[columns], self.farthest)
        return {rows[a]: columns[b] for a, b in pairs}

    @property
    def expected(self) -> Boxes:
        """Where the active tracklets are expected, shape (N, 4), float32, pixels."""
        return self._now

    def likely(self) -> Boxes:
        """Return where the active tracklets that may be faces are expected, shape (K, 4), float32, pixels."""
        return np.asarray(self._now[self._likely], np.float32)

    def finish(self) -> None:
        """End every tracklet: the clip or the scene is over."""
        if self._since:
            since = np.stack(self._since)
            for row, tracklet in enumerate(self.active):
                tracklet.propagated.append(since[:, row])
        self.ended += self.active
        self.active, self._likely, self._since, self._now, self._fine = [], [], [], EMPTY_BOXES, None


def differ(expected: Boxes, found: Boxes) -> bool:
    """Whether a detection is elsewhere, or of another size, than expected; both shape (1, 4), float32, pixels."""
    away, larger, smaller = _apart(expected, found)
    return bool(away[0, 0] > ELSEWHERE * smaller[0, 0] or larger[0, 0] > GROWTH * smaller[0, 0])


def hull(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the smallest box that holds two, each shape (4,), float32, pixels."""
    return np.concatenate([np.minimum(one[:2], other[:2]), np.maximum(one[2:], other[2:])])


def match(expected: Boxes, found: Detections) -> list[tuple[int, int]]:
    """Pair expected boxes with detections, nearest first, each at most once; of two about as near, the surer first.

    Args:
        expected: Shape (N, 4), float32, pixels.
        found: M detections, pixels.

    Returns:
        Pairs (row of ``expected``, row of ``found``) within ``NEAR`` and ``LIKE``.

    >>> found = Detections(np.array([[50, 0, 60, 10], [1, 0, 11, 10]], "f4"), np.array([0.9, 0.1], "f4"))
    >>> match(np.array([[0, 0, 10, 10]], "f4"), found)
    [(0, 1)]
    """
    if not len(expected) or not len(found):
        return []
    away, larger, smaller = _apart(expected, found.xyxy)
    ratio = larger / smaller
    distance = away / np.minimum(larger, 1.5 * smaller)
    cost = distance + RATIO_COST * np.log(ratio) - SURER * np.log10(np.maximum(found.score, 1e-3))
    rows, columns = np.nonzero((distance <= NEAR) & (ratio <= LIKE))
    order = np.argsort(cost[rows, columns], kind="stable")
    pairs: list[tuple[int, int]] = []
    used_a: set[int] = set()
    used_b: set[int] = set()
    for a, b in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if a not in used_a and b not in used_b:
            used_a.add(a)
            used_b.add(b)
            pairs.append((a, b))
    return pairs


def lone_pairs(expected: Boxes, found: Boxes, farthest: float = REASSOCIATE_SIDES) -> Sequence[tuple[int, int]]:
    """Pair boxes farther off, where nothing else comes nearly as near to either.

    Args:
        expected: Shape (N, 4), float32, pixels; N at least 1.
        found: Shape (M, 4), float32, pixels; M at least 1.
        farthest: In sides.

    Returns:
        Pairs (row of ``expected``, row of ``found``) within ``farthest`` and ``REASSOCIATE_RATIO``.

    >>> lone_pairs(np.array([[0, 0, 10, 10]], "f4"), np.array([[30, 0, 40, 10], [90, 0, 100, 10]], "f4"))
    [(0, 0)]
    """
    away, larger, smaller = _apart(expected, found)
    away = away / smaller
    away = np.where((larger / smaller <= REASSOCIATE_RATIO) & (away <= farthest), away, np.inf)
    pairs = []
    for a in range(len(expected)):
        b = int(away[a].argmin())
        nearest = away[a, b]
        rivals = np.concatenate([np.delete(away[a], b), np.delete(away[:, b], a)])
        if np.isfinite(nearest) and (rivals > RIVAL_RATIO * nearest).all():
            pairs.append((a, b))
    return pairs


def _apart(a: Boxes, b: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return how far the middles of N and M boxes lie apart, and the larger and the smaller side of each pair, each (N, M)."""
    side_a, side_b = mean_sides(a, least_px2=1)[:, None], mean_sides(b, least_px2=1)[None]
    away = np.sqrt(np.square(centres(a)[:, None] - centres(b)[None]).sum(axis=2))
    return away, np.maximum(side_a, side_b), np.minimum(side_a, side_b)
