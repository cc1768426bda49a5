"""Joins faces seen at some frames into tracks that have a box in every frame between, before and after.

Between sightings a box moves with the picture around it (``motion``); when the face is seen again, the drift is spread evenly
over the frames since the last sighting. Matching is by place and size alone, never by looks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import centres, mean_sides
from passerby.values import EMPTY_BOXES, Boxes, Detections
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.patches import MOST, Fine, follow_patches
from passerby.veil.track.tracklet import Tracklet

NEAR = 0.6
"""Farthest a sighting may lie from where a track is expected, in sides of the box. Source: docs/measures.md."""
LIKE = 2.0
"""Largest ratio between the sides of a sighting and of the track it continues."""
SURER = 0.05
"""How much nearer, in sides of the box, a sighting counts that scores ten times as much. Source: docs/measures.md."""
LEAP = 4.0
LEAP_LIKE = 1.4
"""How far, in sides, and with which ratio of sides a face may reappear where no other tracklet or sighting comes near. A walker
crosses nine sides of a face a second (1.8 m/s, 0.2 m)."""
SURE = 0.2
LIKELY = 0.1
"""Best score from which a tracklet may leap, and from which it is followed patch by patch."""
FAINT = 0.1
"""A sighting that scores less than this share of a tracklet's best says that the face may still be there, not where."""


class Follower:
    """Follows faces through one clip or stream, frame by frame.

    Args:
        meter: Moves boxes with the picture.
        max_age: Looks in which a face may be missed in a row before its track ends.
    """

    def __init__(self, meter: MotionMeter, max_age: int = 3) -> None:
        self._meter, self._misses = meter, max_age
        self.active: list[Tracklet] = []
        self.ended: list[Tracklet] = []
        self._now: Boxes = EMPTY_BOXES
        self._since: list[Boxes] = []
        self._likely: list[int] = []
        self._fine: Fine | None = None
        self._frames = 0

    def step(self, motion: Motion | None, fine: Fine | None = None) -> Boxes:
        """Go on to the next frame.

        Args:
            motion: From the frame before, None at the first.
            fine: Grey picture of this frame (``fine_copy``), for those who move against the scene; None does without.

        Returns:
            Where the followed faces are expected, one row per active tracklet.
        """
        if motion is not None and motion.cut:
            self.finish()
        before, self._fine = self._fine, fine
        expected = self._meter.carry(self._now, motion)
        if before is not None and fine is not None and len(expected):
            expected = self._fitted(before, fine, expected)
        self._now = expected
        self._since.append(self._now)
        return self._now

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

    def see(self, index: int, found: Detections) -> list[Tracklet]:
        """Take in what was seen in the frame that ``step`` went on to last.

        Args:
            index: Of that frame.
            found: Faces in it.

        Returns:
            Tracklets that were not seen here though they were seen at the look before.
        """
        seen_as = dict(match(self._now, found))
        seen_as |= self._leaps(found, seen_as)
        since = np.stack(self._since) if self._since and len(self._now) else None
        kept: list[Tracklet] = []
        now: list[NDArray[np.float32]] = []
        lost: list[Tracklet] = []
        for row, tracklet in enumerate(self.active):
            carried = since[:, row] if since is not None else EMPTY_BOXES
            at = seen_as.get(row)
            if at is not None and found.score[at] >= FAINT * tracklet.best:
                self._sight(tracklet, index, carried, found.xyxy[at], float(found.score[at]))
                now.append(found.xyxy[at])
            elif at is not None:
                tracklet.held.append(carried)
                now.append(self._now[row])
            else:
                tracklet.held.append(carried)
                tracklet.missed += 1
                if tracklet.missed == 1:
                    lost.append(tracklet)
                if tracklet.missed > self._misses:
                    self.ended.append(tracklet)
                    continue
                now.append(self._now[row])
            kept.append(tracklet)
        taken = set(seen_as.values())
        for at in range(len(found)):
            if at not in taken:
                tracklet = Tracklet(index, [found.xyxy[at : at + 1]])
                tracklet.hit(index, float(found.score[at]))
                kept.append(tracklet)
                now.append(found.xyxy[at])
        self.active, self._since = kept, []
        likely = (row for row, tracklet in enumerate(kept) if tracklet.best >= LIKELY)
        self._likely = sorted(likely, key=lambda row: -kept[row].best)
        self._now = np.array(now, np.float32).reshape(-1, 4)
        return lost

    def _leaps(self, found: Detections, seen_as: dict[int, int]) -> dict[int, int]:
        """Pair sure tracklets with sure sightings farther off, where only one of each is near: somebody who moved fast."""
        rows = [
            n
            for n, tracklet in enumerate(self.active)
            if n not in seen_as and tracklet.missed == 0 and tracklet.best >= SURE
        ]
        taken = set(seen_as.values())
        columns = [n for n in range(len(found)) if n not in taken and found.score[n] >= SURE]
        if not rows or not columns:
            return {}
        side_a = mean_sides(self._now[rows], least_px2=1)[:, None]
        side_b = mean_sides(found.xyxy[columns], least_px2=1)[None]
        middle_a, middle_b = centres(self._now[rows]), centres(found.xyxy[columns])
        larger, smaller = np.maximum(side_a, side_b), np.minimum(side_a, side_b)
        away = np.sqrt(np.square(middle_a[:, None] - middle_b[None]).sum(axis=2)) / smaller
        away = np.where((larger / smaller <= LEAP_LIKE) & (away <= LEAP), away, np.inf)
        pairs = {}
        for a, row in enumerate(rows):
            b = int(away[a].argmin())
            nearest = away[a, b]
            rivals = np.concatenate([np.delete(away[a], b), np.delete(away[:, b], a)])
            if np.isfinite(nearest) and (rivals > 1.5 * nearest).all():
                pairs[row] = columns[b]
        return pairs

    def likely(self) -> Boxes:
        """Return where the active tracklets that may be faces are expected, shape (K, 4)."""
        return np.asarray(self._now[self._likely], np.float32)

    def finish(self) -> None:
        """End every track: the clip or the scene is over."""
        if self._since:
            since = np.stack(self._since)
            for row, tracklet in enumerate(self.active):
                tracklet.held.append(since[:, row])
        self.ended += self.active
        self.active, self._likely, self._since, self._now, self._fine = [], [], [], EMPTY_BOXES, None

    @staticmethod
    def _sight(tracklet: Tracklet, index: int, carried: Boxes, box: NDArray[np.float32], score: float) -> None:
        path = np.concatenate([*tracklet.held, carried])
        drift = box - path[-1]
        share = np.arange(1, len(path) + 1, dtype=np.float32)[:, None] / len(path)
        tracklet.path.append(path + share * drift)
        tracklet.held, tracklet.missed = [], 0
        tracklet.hit(index, score)


def match(expected: Boxes, found: Detections) -> list[tuple[int, int]]:
    """Pair expected boxes with sightings, nearest first, each at most once; of two about as near, the surer first.

    Args:
        expected: Shape (N, 4), pixels.
        found: M sightings.

    Returns:
        Pairs (row of ``expected``, row of ``found``) within ``NEAR`` and ``LIKE``.

    >>> found = Detections(np.array([[50, 0, 60, 10], [1, 0, 11, 10]], "f4"), np.array([0.9, 0.1], "f4"))
    >>> match(np.array([[0, 0, 10, 10]], "f4"), found)
    [(0, 1)]
    """
    if not len(expected) or not len(found):
        return []
    side_a, side_b = mean_sides(expected, least_px2=1)[:, None], mean_sides(found.xyxy, least_px2=1)[None]
    middle_a, middle_b = centres(expected), centres(found.xyxy)
    away = np.sqrt(np.square(middle_a[:, None] - middle_b[None]).sum(axis=2))
    larger, smaller = np.maximum(side_a, side_b), np.minimum(side_a, side_b)
    ratio = larger / smaller
    distance = away / np.minimum(larger, 1.5 * smaller)
    cost = distance + 0.3 * np.log(ratio) - SURER * np.log10(np.maximum(found.score, 1e-3))
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
