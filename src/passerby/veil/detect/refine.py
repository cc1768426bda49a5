"""The larger look at a picture, only where the smaller one leaves any doubt.

A small face that the larger look would find leaves a trace in the smaller one, far below what counts as a sighting. Where
there is none, as over floors, walls and sky, nothing is looked for twice (docs/measures.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.values import EMPTY_BOXES, Boxes, Detections
from passerby.veil.detect.detector import Looks, Rgb, wait_for
from passerby.veil.detect.passes import Look, Scaled, back, join, look_size, mirror

LARGE_PX = 120
"""Side, in the larger look, from which the smaller one judges a face as well. Source: docs/measures.md."""
MARGIN_PX = 40
"""What is looked at around a place on each side: a face at a part's edge scores less, for the network sees half of it."""
CELL_PX = 32
SIDES_PX = (192, 320, 448, 640, 896)
"""Sides of parts. Few, because the first look at each new shape takes 10 ms more."""
MOST_SHARE = 0.6
"""Share of the picture from which the whole is looked at: parts cost more for their area, and have edges."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a picture, in the pixels of a look: left and upper edge, width and height."""

    x: int
    y: int
    width: int
    height: int


def parts(places: Boxes, width: int, height: int) -> tuple[Part, ...] | None:
    """Return the pieces of a picture that hold every place and a margin around it, or None where the whole costs no more.

    Args:
        places: Shape (N, 4), pixels of a look.
        width: Of the look, pixels.
        height: Of the look, pixels.

    >>> parts(np.array([[100, 100, 120, 120]], "f4"), 1088, 608)
    (Part(x=0, y=0, width=192, height=192),)
    >>> parts(np.zeros((0, 4), "f4"), 1088, 608), parts(np.array([[100, 100, 120, 120]], "f4"), 192, 192)
    ((), None)
    """
    cells = np.zeros((-(-height // CELL_PX), -(-width // CELL_PX)), bool)
    low = np.floor((places[:, :2] - MARGIN_PX) / CELL_PX).astype(int)
    high = np.ceil((places[:, 2:] + MARGIN_PX) / CELL_PX).astype(int)
    for (left, top), (right, bottom) in zip(np.maximum(low, 0).tolist(), np.maximum(high, 0).tolist(), strict=True):
        cells[top:bottom, left:right] = True
    found = tuple(_part(group, width, height) for group in _groups(cells))
    area = sum(part.width * part.height for part in found)
    return found if area <= MOST_SHARE * width * height else None


def _part(cells: NDArray[np.intp], width: int, height: int) -> Part:
    """Return the piece around cells, shape (N, 2), rows and columns."""
    (top, left), (bottom, right) = (cells.min(axis=0) * CELL_PX).tolist(), ((cells.max(axis=0) + 1) * CELL_PX).tolist()
    (x, wide), (y, high) = _stretch(left, right, width), _stretch(top, bottom, height)
    return Part(x, y, wide, high)


def _stretch(start: int, stop: int, whole: int) -> tuple[int, int]:
    """Return where a stretch begins and how long it is, of a length in ``SIDES_PX`` or the whole, around what it holds."""
    length = next((side for side in SIDES_PX if side >= stop - start and side <= whole), whole)
    return min(max(0, (start + stop - length) // 2), whole - length), length


def _groups(cells: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Return the cells of each group that hangs together, over corners too."""
    left = {(y, x) for y, x in np.argwhere(cells).tolist()}
    groups = []
    while left:
        group = [left.pop()]
        for y, x in group:
            near = {(y + down, x + across) for down in (-1, 0, 1) for across in (-1, 0, 1)} & left
            left -= near
            group.extend(near)
        groups.append(np.array(group))
    return groups


class CloserLooks:
    """A smaller look under way at a picture, and after it the larger one, where that is needed.

    Args:
        detector: Finds faces; its ``doubt`` is known.
        larger: Look.
        smaller: Look.
        scaled: Gives the picture at any size; called from a thread of the detector, too.
        size: The picture's width and height, pixels.
        threshold: Least score that is reported.
        also: Shape (N, 4), pixels of the picture: faces that are followed, to be looked at closer in any case.
    """

    def __init__(
        self,
        detector: Looks,
        larger: Look,
        smaller: Look,
        scaled: Scaled,
        size: tuple[int, int],
        threshold: float,
        also: Boxes = EMPTY_BOXES,
    ) -> None:
        self._detector, self._larger, self._smaller = detector, larger, smaller
        self._scaled, self._size, self._threshold, self._also = scaled, size, threshold, also
        self._seen = look_size(smaller.long_side_px, size, detector.multiple)
        self._seen_larger = look_size(larger.long_side_px, size, detector.multiple)
        self._parts: Future[Sequence[tuple[Part, Future[Detections]]]] = Future()
        rgb = scaled(*self._seen)
        doubt = min(detector.doubt or threshold, threshold)
        self._first = detector.look(mirror(rgb) if smaller.mirrored else rgb, doubt)
        self._first.add_done_callback(self._go_on)

    def result(self) -> Detections:
        """Wait, and return the faces of both looks in the picture's pixels, those of one face joined.

        Raises:
            DetectorError: a look failed or hangs.
        """
        first = back(wait_for(self._first), self._smaller, self._seen, self._size)
        sure = first.score >= self._threshold
        found = [Detections(first.xyxy[sure], first.score[sure])]
        for part, looking in wait_for(self._parts):
            whole = _shifted(wait_for(looking), self._larger, part, self._seen_larger)
            found.append(back(whole, self._larger, self._seen_larger, self._size))
        return join(found)

    def _go_on(self, first: Future[Detections]) -> None:
        try:
            self._parts.set_result(self._look_closer(first.result()))
        except BaseException as error:  # noqa: BLE001  # raised again where the result is asked for
            self._parts.set_exception(error)

    def _look_closer(self, first: Detections) -> list[tuple[Part, Future[Detections]]]:
        seen = self._seen_larger
        followed = self._also * np.array([seen[0] / self._size[0], seen[1] / self._size[1]] * 2, np.float32)
        places = np.concatenate([back(first, self._smaller, self._seen, seen).xyxy, followed])
        small = places[(places[:, 2:] - places[:, :2]).max(axis=1, initial=0) < LARGE_PX]
        chosen = parts(small, *seen)
        if chosen == ():
            return []
        rgb = self._scaled(*seen)
        return [
            (part, self._detector.look(_cut(rgb, part, mirrored=self._larger.mirrored), self._threshold))
            for part in chosen or (Part(0, 0, *seen),)
        ]


def _cut(rgb: Rgb, part: Part, *, mirrored: bool) -> Rgb:
    piece = rgb[part.y : part.y + part.height, part.x : part.x + part.width]
    return mirror(piece) if mirrored else np.ascontiguousarray(piece)


def _shifted(found: Detections, look: Look, part: Part, seen: tuple[int, int]) -> Detections:
    """Return what was found in a part as if the whole look had been taken."""
    x = seen[0] - part.x - part.width if look.mirrored else part.x
    return Detections(found.xyxy + np.array([x, part.y] * 2, np.float32), found.score)
