"""People of a stream who went behind somebody: they are still there, and come out again before the detector sees that they do.

A head of which less than half shows is found late or never. So where a face is missed whose place another one overlaps, a place
beside that other one stays covered for it, as wide as what may show undetected, wherever the other one goes: until the missed one
is detected, or somebody there who was not known before, or until a time is over. Whatever is detected near that place meanwhile,
however faintly, may be part of them, and is covered as large as they were. Places, sizes and times count, nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from passerby.boxes import centres, grow, intersections, mean_sides
from passerby.values import EMPTY_BOXES, Boxes
from passerby.veil.track.association import SURE
from passerby.veil.track.times import StreamTimes
from passerby.veil.track.tracklet import Tracklet

TOUCHES = 0.25
"""A face is missed beside another where its place, larger on each side by this share of its side, meets that one. Chosen, not
measured."""
SHOWS = 0.25
"""So much of its width is covered beside who hides it, on both sides, and the margin of so large a cover; what shows more is
detected. Source: docs/measures.md."""
LONGEST_S = 8.0
"""So long after their last detection nobody is taken for hidden any more. Source: docs/measures.md."""
COMES_OUT = 1.0
"""Somebody new within so many sides of the place that is covered is who was hidden. Chosen, not measured."""
KNOWN = 0.4
"""Best score from which whatever is faintly detected near somebody hidden may be part of them: what scores below it is seldom a
face that hides and comes out. Source: docs/measures.md."""


@dataclass(slots=True, eq=False)
class _Hidden:
    """Somebody who went behind somebody else.

    Attributes:
        who: Is not detected any more.
        behind: Hides them.
        begin: First frame of the cover.
        lost_s: When they were detected last, seconds of the stream.
        size: Width and height of their last box, pixels.
        off: How far its middle lay below that of who hides them, pixels.
        until: One past the last frame of the cover; None while they may be there.
    """

    who: Tracklet
    behind: Tracklet
    begin: int
    lost_s: float
    size: tuple[float, float]
    off: float
    until: int | None = None

    def beside(self, box: Boxes) -> Boxes:
        """Return what is covered for them where the box of who hides them is this one, both shape (1, 4), pixels."""
        x0, y0, x1, y1 = box[0].tolist()
        wide, high = self.size
        middle = (y0 + y1) / 2 + self.off
        return np.array([[x0 - SHOWS * wide, middle - high / 2, x1 + SHOWS * wide, middle + high / 2]], np.float32)

    def away(self, box: Boxes, frame: int) -> float | None:
        """Return how far a box, shape (1, 4), is from where they are covered, pixels; None where it cannot be them."""
        place = self.behind.box_at(frame)
        if not len(place):
            return None
        covered = self.beside(place)
        away = np.abs(centres(covered) - centres(box))[0]
        room = (covered[0, 2:] - covered[0, :2]) / 2 + COMES_OUT * self.size[0]
        return float(np.hypot(*away)) if (away <= room).all() else None

    def covers(self, frame: int) -> bool:
        """Whether they are covered in a frame."""
        return self.begin <= frame and (self.until is None or frame < self.until)


class HiddenFaces:
    """Keeps account of who is hidden in one stream."""

    def __init__(self) -> None:
        self._hidden: list[_Hidden] = []
        # of whom no cover begins before they were detected again: theirs has ended
        self._over: list[Tracklet] = []
        # who came out, with the size of who was hidden
        self._out: list[tuple[Tracklet, tuple[float, float]]] = []

    def note(self, frame: int, active: Sequence[Tracklet], now: Boxes, times: StreamTimes) -> None:
        """Take in what a pass found; call it after the association took it in.

        Args:
            frame: Of the pass.
            active: Tracklets that may be continued.
            now: Where each is, shape (N, 4), float32, pixels.
            times: Of the frames.
        """
        self._over = [one for one in self._over if one.missed and one in active]
        self._end_old(frame, times.at(frame))
        seen = [row for row, one in enumerate(active) if one.last_hit == frame and one.best >= SURE]
        for row in seen:
            if _is_new(active[row]):
                self._came_out(frame, active[row], now[row : row + 1])
        for row, tracklet in enumerate(active):
            at = None if self._is_known(tracklet) else _beside(now[row : row + 1], now, seen)
            if at is not None:
                self._hide((tracklet, row), (active[at], at), now, times.at(tracklet.last_hit))

    def _is_known(self, tracklet: Tracklet) -> bool:
        """Whether nothing begins for a tracklet: it is not missed, was never sure, is hidden already or was."""
        if not tracklet.missed or tracklet.best < SURE or tracklet in self._over:
            return True
        return any(one.who is tracklet and one.until is None for one in self._hidden)

    def _end_old(self, frame: int, now_s: float) -> None:
        for one in self._hidden:
            if one.until is None and (one.who.last_hit == frame or now_s - one.lost_s > LONGEST_S):
                self._end(one, frame)

    def _end(self, hidden: _Hidden, frame: int) -> None:
        hidden.until = frame
        self._over.append(hidden.who)

    def _came_out(self, frame: int, fresh: Tracklet, box: Boxes) -> None:
        """End the nearest cover for somebody hidden at whose place somebody is detected who was not known."""
        near: list[tuple[float, _Hidden]] = []
        for one in self._hidden:
            away = one.away(box, frame) if one.until is None and one.behind is not fresh else None
            if away is not None:
                near.append((away, one))
        if near:
            out = min(near, key=lambda pair: pair[0])[1]
            self._end(out, frame)
            self._out.append((fresh, out.size))

    def _hide(self, who: tuple[Tracklet, int], behind: tuple[Tracklet, int], now: Boxes, lost_s: float) -> None:
        """Begin a cover for one tracklet, and for whom it hides, beside another one; each with its row."""
        (gone, row), (before, at) = who, behind
        last = gone.path[-1][-1:]
        wide, high = (last[0, 2:] - last[0, :2]).tolist()
        off = float(centres(now[row : row + 1])[0, 1] - centres(now[at : at + 1])[0, 1])
        with_it = [one for one in self._hidden if one.behind is gone and one.until is None]
        self._hidden.append(_Hidden(gone, before, gone.last_hit, lost_s, (wide, high), off))
        for one in with_it:
            self._hidden.append(_Hidden(one.who, before, gone.last_hit, one.lost_s, one.size, one.off + off))

    def boxes_at(self, frame: int) -> Boxes:
        """Return what is covered in a frame for who is hidden: shape (N, 4), float32, pixels, without margin."""
        found = [EMPTY_BOXES]
        for one in self._hidden:
            box = one.behind.box_at(frame) if one.covers(frame) else EMPTY_BOXES
            if len(box):
                found.append(one.beside(box))
        return np.concatenate(found)

    def size_of(self, tracklet: Tracklet, box: Boxes, frame: int) -> tuple[float, float] | None:
        """Return how large a tracklet may be that is or was somebody hidden, of whom only part is detected; None where it is not.

        Args:
            tracklet: Anybody's.
            box: Where it is in the frame, shape (1, 4), float32, pixels.
            frame: That is about to leave.

        Returns:
            Width and height, pixels.
        """
        first = tracklet.hits[0][0]
        sizes = [size for one, size in self._out if one is tracklet and frame <= first]
        known = (one for one in self._hidden if one.who.best >= KNOWN and one.begin < first and one.covers(frame))
        sizes += [one.size for one in known if one.away(box, frame) is not None]
        return (max(wide for wide, _ in sizes), max(high for _, high in sizes)) if sizes else None

    def forget(self, frame: int) -> None:
        """Drop what says nothing of this frame and later ones."""
        self._hidden = [one for one in self._hidden if one.until is None or one.until > frame]
        self._out = [(one, size) for one, size in self._out if one.hits[0][0] >= frame]


def _beside(box: Boxes, now: Boxes, seen: Sequence[int]) -> int | None:
    """Return which of the rows that were seen shares most with a place, a little larger, shape (1, 4); None for none."""
    more = np.full((1, 2), TOUCHES * mean_sides(box, least_px2=1)[0], np.float32)
    shared = intersections(grow(box, more), now[list(seen)])[0]
    return seen[int(shared.argmax())] if shared.any() else None


def _is_new(tracklet: Tracklet) -> bool:
    """Whether a tracklet was detected surely for the first time, in its last detection."""
    return tracklet.hits[-1][1] >= SURE and (len(tracklet.top) < 2 or tracklet.top[1] < SURE)
