"""Coarse to fine: the larger inference pass of a picture, only where the smaller one leaves any doubt.

A small face that the larger pass would find leaves a trace in the smaller one, far below what counts as a detection. Where
there is none, as over floors, walls and sky, nothing goes through the network twice (docs/measures.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.values import EMPTY_BOXES, Boxes, Detections
from passerby.veil.detect.detector import HANG_S, FaceDetector, Rgb, wait_for
from passerby.veil.detect.passes import InferencePass, Scaled, join_detections, mirror, pass_size, to_picture

LARGE_PX = 120
"""Side, in the larger pass, from which the smaller one judges a face as well. Source: docs/measures.md."""
MARGIN_PX = 40
"""Shown to the network around a place, on each side: a face at a region's edge scores less, for half of it is seen. Source:
a choice; the misses in docs/measures.md were counted with it."""
CELL_PX = 32
"""Regions begin and end on a grid of this. Source: the input multiple of CenterFace."""
SIDES_PX = (192, 320, 448, 640, 896)
"""Sides of regions, pixels of the larger pass. Few, because the first pass at each new shape takes 10 ms more (measured with
OpenVINO 2026.4 on two cores); which, is a choice."""
MOST_SHARE = 0.6
"""Share of the picture from which the whole of it is shown: regions cost more for their area, and have edges. Source: a
choice; not measured by itself."""


@dataclass(frozen=True, slots=True)
class PictureRegion:
    """A piece of a picture, in the pixels of a pass: left and upper edge, width and height."""

    x: int
    y: int
    width: int
    height: int


def regions(places: Boxes, width: int, height: int) -> tuple[PictureRegion, ...] | None:
    """Return the pieces of a picture that hold every place and a margin around it, or None where the whole costs no more.

    Args:
        places: Shape (N, 4), float32, rows (x0, y0, x1, y1) in pixels of a pass.
        width: Of the pass, pixels.
        height: Of the pass, pixels.

    >>> regions(np.array([[100, 100, 120, 120]], "f4"), 1088, 608)
    (PictureRegion(x=0, y=0, width=192, height=192),)
    >>> regions(np.zeros((0, 4), "f4"), 1088, 608), regions(np.array([[100, 100, 120, 120]], "f4"), 192, 192)
    ((), None)
    """
    cells = np.zeros((-(-height // CELL_PX), -(-width // CELL_PX)), bool)
    low = np.floor((places[:, :2] - MARGIN_PX) / CELL_PX).astype(int)
    high = np.ceil((places[:, 2:] + MARGIN_PX) / CELL_PX).astype(int)
    for (left, top), (right, bottom) in zip(np.maximum(low, 0).tolist(), np.maximum(high, 0).tolist(), strict=True):
        cells[top:bottom, left:right] = True
    found = tuple(_region(group, width, height) for group in _groups(cells))
    area = sum(region.width * region.height for region in found)
    return found if area <= MOST_SHARE * width * height else None


def _region(cells: NDArray[np.intp], width: int, height: int) -> PictureRegion:
    """Return the piece around cells, shape (N, 2), rows and columns."""
    (top, left), (bottom, right) = (cells.min(axis=0) * CELL_PX).tolist(), ((cells.max(axis=0) + 1) * CELL_PX).tolist()
    (x, wide), (y, high) = _stretch(left, right, width), _stretch(top, bottom, height)
    return PictureRegion(x, y, wide, high)


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


class CoarseToFinePasses:
    """The smaller pass of a picture under way, and after it the larger one, where that is needed.

    Args:
        detector: Finds faces; its ``doubt`` is known.
        passes: The larger and the smaller one.
        scaled: Gives the picture at any size; called from a thread of the detector, too.
        size: The picture's width and height, pixels.
        threshold: Least score that is reported.
        also: Shape (N, 4), float32, pixels of the picture: tracked faces, which the larger pass sees in any case.
        hang_s: Seconds after which a pass that gives no answer counts as hung.
    """

    def __init__(
        self,
        detector: FaceDetector,
        passes: tuple[InferencePass, InferencePass],
        scaled: Scaled,
        size: tuple[int, int],
        threshold: float,
        *,
        also: Boxes = EMPTY_BOXES,
        hang_s: float = HANG_S,
    ) -> None:
        larger, smaller = passes
        self._detector, self._larger, self._smaller = detector, larger, smaller
        self._scaled, self._size, self._threshold, self._also = scaled, size, threshold, also
        self._hang_s = hang_s
        self._smaller_size = pass_size(smaller.long_side_px, size, detector.multiple)
        self._larger_size = pass_size(larger.long_side_px, size, detector.multiple)
        self._regions: Future[Sequence[tuple[PictureRegion, Future[Detections]]]] = Future()
        rgb = scaled(*self._smaller_size)
        doubt = min(detector.doubt or threshold, threshold)
        self._first = detector.infer(mirror(rgb) if smaller.mirrored else rgb, doubt)
        self._first.add_done_callback(self._go_on)

    def result(self) -> Detections:
        """Wait, and return the faces of both passes in the picture's pixels, those of one face joined.

        Raises:
            DetectorError: a pass failed or hangs.
        """
        first = to_picture(wait_for(self._first, self._hang_s), self._smaller, self._smaller_size, self._size)
        sure = first.score >= self._threshold
        found = [Detections(first.xyxy[sure], first.score[sure])]
        for region, running in wait_for(self._regions, self._hang_s):
            whole = _shifted(wait_for(running, self._hang_s), self._larger, region, self._larger_size)
            found.append(to_picture(whole, self._larger, self._larger_size, self._size))
        return join_detections(found)

    def _go_on(self, first: Future[Detections]) -> None:
        try:
            self._regions.set_result(self._refine(first.result()))
        except BaseException as error:  # noqa: BLE001  # raised again where the result is asked for
            self._regions.set_exception(error)

    def _refine(self, first: Detections) -> list[tuple[PictureRegion, Future[Detections]]]:
        input_size = self._larger_size
        tracked = self._also * np.array([input_size[0] / self._size[0], input_size[1] / self._size[1]] * 2, np.float32)
        places = np.concatenate([to_picture(first, self._smaller, self._smaller_size, input_size).xyxy, tracked])
        small = places[(places[:, 2:] - places[:, :2]).max(axis=1, initial=0) < LARGE_PX]
        chosen = regions(small, *input_size)
        if chosen == ():
            return []
        rgb = self._scaled(*input_size)
        return [
            (region, self._detector.infer(_cut(rgb, region, mirrored=self._larger.mirrored), self._threshold))
            for region in chosen or (PictureRegion(0, 0, *input_size),)
        ]


def _cut(rgb: Rgb, region: PictureRegion, *, mirrored: bool) -> Rgb:
    piece = rgb[region.y : region.y + region.height, region.x : region.x + region.width]
    return mirror(piece) if mirrored else np.ascontiguousarray(piece)


def _shifted(found: Detections, shown: InferencePass, region: PictureRegion, input_size: tuple[int, int]) -> Detections:
    """Return what was found in a region as if the whole picture had been shown."""
    x = input_size[0] - region.x - region.width if shown.mirrored else region.x
    return Detections(found.xyxy + np.array([x, region.y] * 2, np.float32), found.score)
