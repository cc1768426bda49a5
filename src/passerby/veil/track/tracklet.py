"""A track in the making: one face's boxes, frame by frame, and how it was seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from passerby.values import EMPTY_BOXES, Boxes


@dataclass(slots=True, eq=False)
class Tracklet:
    """A track in the making.

    Attributes:
        first: Index of the first box of ``path``: the first sighting, or later where ``forget`` or ``begin_later``
            was called.
        path: Boxes up to the last sighting, in pieces, each (L, 4).
        held: Boxes carried on since the last sighting, in pieces.
        hits: (frame index, score) of each sighting.
        top: The three best scores, best first; fewer where there are fewer.
        missed: Looks since the last sighting in which the face was not seen.
        strays: It moves against the scene.
        face: It is covered; once so, always so.
        before: Boxes before the first sighting, (K, 4), once they can be told.
    """

    first: int
    path: list[Boxes]
    held: list[Boxes] = field(default_factory=list)
    hits: list[tuple[int, float]] = field(default_factory=list)
    top: tuple[float, ...] = ()
    missed: int = 0
    strays: bool = False
    face: bool = False
    before: Boxes | None = None

    @property
    def last_hit(self) -> int:
        """Frame of the last sighting that moved it."""
        return self.hits[-1][0]

    @property
    def best(self) -> float:
        """Best score of all sightings, 0 to 1."""
        return self.top[0]

    @property
    def steady(self) -> float:
        """Mean of the three best scores, 0 where there are fewer."""
        return sum(self.top) / 3 if len(self.top) == 3 else 0.0

    def hit(self, index: int, score: float) -> None:
        """Note a sighting: its frame, and its score, 0 to 1."""
        self.hits.append((index, score))
        self.top = tuple(sorted((*self.top, score), reverse=True)[:3])

    def boxes(self) -> Boxes:
        """Return the boxes from the first to the last sighting, shape (K, 4)."""
        return np.concatenate(self.path)

    def box_at(self, index: int) -> Boxes:
        """Return the box in a frame, shape (1, 4), or (0, 4) where there is none (any more)."""
        at = index - self.first
        for piece in (*self.path, *self.held):
            if 0 <= at < len(piece):
                return piece[at : at + 1]
            at -= len(piece)
        return EMPTY_BOXES

    def between(self, start: int, stop: int, after: Boxes) -> tuple[int, Boxes]:
        """Return the boxes in frames of ``start <= index < stop``, and the first frame that has one.

        Args:
            start: First frame.
            stop: One past the last.
            after: What follows the last sighting, shape (K, 4).
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
        if len(self.hits) > 8:
            self.hits = [self.hits[0], self.hits[-1]]

    def begin_later(self, before: int) -> None:
        """Drop boxes and sightings that lie before a frame, but never the last sighting."""
        while self.first < (before := min(before, self.last_hit)):
            kept = self.path[0][before - self.first :]
            self.first += len(self.path[0]) - len(kept)
            self.path[:1] = [kept] if len(kept) else []
        self.hits = [hit for hit in self.hits if hit[0] >= self.first]

    def opening(self, most: int) -> Boxes:
        """Return the first boxes, from the first sighting on, shape (K, 4), K at least ``most`` where there are so many."""
        pieces, count = [], 0
        for piece in self.path:
            pieces.append(piece)
            count += len(piece)
            if count >= most:
                break
        return np.concatenate(pieces)

    def after(self) -> Boxes:
        """Return the boxes carried on after the last sighting, shape (K, 4)."""
        return np.concatenate(self.held) if self.held else EMPTY_BOXES
