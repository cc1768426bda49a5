"""A tracklet: one face's boxes, frame by frame, and how it was detected. It becomes a track when it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import centres, grow, mean_sides
from passerby.values import EMPTY_BOXES, Boxes
from passerby.veil.track.stretches import Followed

WIDE_FROM = 0.3
"""Best score from which a tracklet is covered wider where it drifted: what drifts below it is seldom a face.
Source: docs/measures.md."""
DRIFT_SHARE = 0.3
"""Half way between two detections a box is wider on each side by this share of the drift: how it came is a guess.
Source: docs/measures.md."""
WIDEST = 0.5
"""... but by no more than this share of its side. Chosen, not measured."""
WEAK_SCORES, WEAK_SHARES = (0.4, 0.7), (0.1, 0.0)
"""Where a detection scores so much, a box is wider on each side by these shares of its side: the less sure the network is, the
farther off its boxes are. Source: docs/measures.md (what boxes lack on the annotated clips, by score)."""
SLOW = 0.05
"""Share of its side by which a face may move in a frame without a wider cover: it is blurred then, and its box less exact.
Source: docs/measures.md."""
SPEED_SHARE = 0.5
"""Share of what it moves faster by which its cover is wider on each side: half way to the frames before and after.
Source: docs/measures.md."""
SPEEDS_KEPT = 3
"""Of so many speeds the median counts: boxes of a face that is hidden more and more shift by themselves. Chosen, not measured."""
HITS_KEPT = 8
"""So many detections a tracklet of a stream without end remembers; beyond, its first and its last. Chosen, not measured."""


@dataclass(slots=True, eq=False)
class Tracklet:
    """One face's boxes, frame by frame.

    Attributes:
        first: Index of the first box of ``path``: of the first detection, or later where ``forget`` or ``begin_later`` was
            called.
        path: Boxes up to the last detection, in pieces, each (L, 4), float32, pixels.
        propagated: Boxes propagated since the last detection, in pieces, each (L, 4), float32, pixels.
        hits: (frame index, score from 0 to 1) of each detection.
        top: The three best scores, best first; fewer where there are fewer.
        missed: Detection cycles since the last detection in which the face was missed.
        strays: It moves against the scene.
        confirmed: It is covered, and stays so (``TrackingPolicy.lasting``); else it is tentative.
        before: Boxes before the first detection, (K, 4), float32, pixels, once they can be told.
        number: Of its track, from the first frame of a stream in which it was covered.
        speeds: Of a stream: x and y, pixels a second, from one detection to the next; the last few.
        followed: In which spans it is surely one person's; None where nobody asked.
    """

    first: int
    path: list[Boxes]
    propagated: list[Boxes] = field(default_factory=list)
    hits: list[tuple[int, float]] = field(default_factory=list)
    top: tuple[float, ...] = ()
    missed: int = 0
    strays: bool = False
    confirmed: bool = False
    before: Boxes | None = None
    number: int | None = None
    speeds: tuple[tuple[float, float], ...] = ()
    followed: Followed | None = None

    @classmethod
    def begin(cls, frame: int, box: Boxes, score: float) -> Tracklet:
        """Return the tracklet of a first detection: its frame, its box, shape (1, 4), and its score, 0 to 1."""
        tracklet = cls(frame, [_grown(box, score)])
        tracklet.hit(frame, score)
        return tracklet

    def continue_to(
        self, frame: int, propagated: Boxes, box: NDArray[np.float32], score: float, *, both: bool = False
    ) -> None:
        """Take in a detection that continues it.

        The drift is spread evenly over the frames since the last one, and the boxes between are wider for it.

        Args:
            frame: Its frame.
            propagated: Boxes in the frames since the detection cycle before, this one's last, shape (K, 4), pixels.
            box: Where it was detected, shape (4,), pixels.
            score: 0 to 1.
            both: Nobody looks at the frames between: they are covered where it was expected too.
        """
        path = np.concatenate([*self.propagated, propagated])
        drift = box - path[-1]
        share = np.arange(1, len(path) + 1, dtype=np.float32)[:, None] / np.float32(len(path))
        expected, path = path, path + share * drift
        if both:
            path[:-1] = hulls(expected[:-1], path[:-1])
        if max(self.best, score) >= WIDE_FROM:
            path = _widened(_blurred(self.path[-1][-1:], path), drift, share)
        last = self.hits[-1][1]
        self.path.append(_grown(path, last + share[:, 0] * np.float32(score - last)))
        self.propagated, self.missed = [], 0
        self.hit(frame, score)

    @property
    def last_hit(self) -> int:
        """Frame of the last detection that moved it."""
        return self.hits[-1][0]

    @property
    def best(self) -> float:
        """Best score of all detections, 0 to 1."""
        return self.top[0]

    @property
    def steady(self) -> float:
        """Mean of the three best scores, 0 where there are fewer."""
        return sum(self.top) / 3 if len(self.top) == 3 else 0.0

    @property
    def stop(self) -> int:
        """One past the last frame in which it has a box."""
        return self.first + sum(map(len, (*self.path, *self.propagated)))

    def hit(self, frame: int, score: float) -> None:
        """Note a detection: its frame, and its score, 0 to 1."""
        self.hits.append((frame, score))
        self.top = tuple(sorted((*self.top, score), reverse=True)[:3])

    def boxes(self) -> Boxes:
        """Return the boxes from the first to the last detection, shape (K, 4), float32, pixels."""
        return np.concatenate(self.path)

    def box_at(self, frame: int) -> Boxes:
        """Return the box in a frame, shape (1, 4), float32, pixels, or (0, 4) where there is none (any more)."""
        at = frame - self.first
        for piece in self.path:
            if 0 <= at < len(piece):
                return piece[at : at + 1]
            at -= len(piece)
        return self.after()[at : at + 1] if at >= 0 else EMPTY_BOXES

    def between(self, start: int, stop: int, after: Boxes) -> tuple[int, Boxes]:
        """Return the first frame of ``start <= frame < stop`` that has a box, and the boxes from it on.

        Args:
            start: First frame.
            stop: One past the last.
            after: What follows the last detection, shape (K, 4), float32, pixels.

        Returns:
            The frame, and its and all later boxes, shape (L, 4), float32, pixels.
        """
        earlier = self.before if self.before is not None else EMPTY_BOXES
        pieces: list[Boxes] = [after]
        first = self.last_hit + 1
        for piece in (*reversed(self.path), earlier):
            if first <= start:
                break
            pieces.append(piece)
            first -= len(piece)
        low, high = max(start, first), max(start, first, stop)
        return low, np.concatenate(pieces[::-1])[low - first : high - first]

    def forget(self, before: int) -> None:
        """Drop what lies before a frame, for streams without end: all but the last piece, and all but the best scores."""
        while len(self.path) > 1 and self.first + len(self.path[0]) <= before:
            self.first += len(self.path.pop(0))
        if self.followed is not None:
            self.followed.forget(before)
        if len(self.hits) > HITS_KEPT:
            self.hits = [self.hits[0], self.hits[-1]]

    def begin_later(self, before: int) -> None:
        """Drop boxes and detections that lie before a frame, but never the last detection."""
        while self.first < (before := min(before, self.last_hit)):
            kept = self.path[0][before - self.first :]
            self.first += len(self.path[0]) - len(kept)
            self.path[:1] = [kept] if len(kept) else []
        self.hits = [hit for hit in self.hits if hit[0] >= self.first]

    def opening(self, most: int) -> Boxes:
        """Return the first boxes, shape (K, 4), float32, pixels, K at least ``most`` where there are so many."""
        pieces, count = [], 0
        for piece in self.path:
            pieces.append(piece)
            count += len(piece)
            if count >= most:
                break
        return np.concatenate(pieces)

    def note_speed(self, seconds: float) -> None:
        """Note how fast it moved to its last detection from the one before, which was so many seconds ago."""
        x, y = ((centres(self.path[-1][-1:]) - centres(self.path[-2][-1:]))[0] / seconds).tolist()
        self.speeds = (*self.speeds[1 - SPEEDS_KEPT :], (x, y))

    def gone_on(self, seconds: float) -> Boxes:
        """Return the box of the last detection so many seconds later, as fast as it was lately, shape (1, 4), pixels."""
        box = self.path[-1][-1:]
        if not self.speeds:
            return box
        x, y = (sorted(axis)[len(axis) // 2] for axis in zip(*self.speeds, strict=True))
        return np.asarray(box + np.array([[x, y, x, y]], np.float32) * np.float32(seconds), np.float32)

    def after(self) -> Boxes:
        """Return the boxes propagated after the last detection, shape (K, 4), float32, pixels."""
        return _grown(np.concatenate(self.propagated), self.hits[-1][1]) if self.propagated else EMPTY_BOXES


def hulls(one: Boxes, other: Boxes) -> Boxes:
    """Return the smallest boxes that hold two each, all shape (N, 4), float32, pixels."""
    return np.concatenate([np.minimum(one[:, :2], other[:, :2]), np.maximum(one[:, 2:], other[:, 2:])], axis=1)


def _grown(boxes: Boxes, score: NDArray[np.float32] | float) -> Boxes:
    """Return boxes wider on all sides the less sure they are.

    Args:
        boxes: Shape (K, 4), float32, pixels.
        score: Of the detections that they come from, 0 to 1; one for all or shape (K,).
    """
    more = np.interp(score, WEAK_SCORES, WEAK_SHARES) * mean_sides(boxes, least_px2=1)
    return grow(boxes, np.stack([more, more], axis=1).astype(np.float32))


def _blurred(before: Boxes, path: Boxes) -> Boxes:
    """Return boxes wider along the way of a face that moves fast, but for the last, which was detected.

    Args:
        before: Shape (1, 4), float32, pixels: the box before the path.
        path: Shape (K, 4), float32, pixels.
    """
    step = np.abs(np.diff(centres(np.concatenate([before, path])), axis=0))
    most = np.maximum(step[:-1], step[1:]) - SLOW * mean_sides(path[:-1], least_px2=1)[:, None]
    wider = grow(path[:-1], np.maximum(SPEED_SHARE * most, 0).astype(np.float32))
    return np.concatenate([wider, path[-1:]])


def _widened(path: Boxes, drift: NDArray[np.float32], share: NDArray[np.float32]) -> Boxes:
    """Return boxes wider on all sides the farther they lie from both ends of a path.

    Args:
        path: Shape (K, 4), float32, pixels.
        drift: Shape (4,), float32, pixels: by how much the last box was off.
        share: Shape (K, 1), float32, of the drift that was added to each, 0 to 1.
    """
    away = float(np.hypot(drift[0] + drift[2], drift[1] + drift[3])) / 2
    more = np.minimum(DRIFT_SHARE * away * 4 * share[:, 0] * (1 - share[:, 0]), WIDEST * mean_sides(path, least_px2=1))
    return grow(path, np.stack([more, more], axis=1).astype(np.float32))
