"""Finds the faces of a picture tile by tile, for networks whose input has one fixed size.

Tiles overlap, so that every face no larger than the overlap lies whole in one of them. A box that an inner edge of a tile
cuts is left out: the next tile, or a pass at a smaller size, sees that face whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import clip_to_picture, have_area
from passerby.values import Detections
from passerby.veil.detect.decoders import SAME_FACE, suppress

OVERLAP = 1 / 3
"""Share of a tile's side that it has in common with the next, at least. Source: a choice; not measured."""
EDGE_PX = 2.0
"""A box that comes so near to an inner edge of its tile counts as cut. Source: a choice; not measured."""


def starts(length: int, side: int) -> list[int]:
    """Return where tiles begin along one axis, in pixels: evenly, the last one at the end.

    Args:
        length: Of the picture.
        side: Of a tile.

    >>> starts(640, 192), starts(360, 192), starts(192, 192), starts(108, 192)
    ([0, 112, 224, 336, 448], [0, 84, 168], [0], [0])
    """
    step = side - round(side * OVERLAP)
    gaps = max(0, -(-(length - side) // step))
    return [round(number * (length - side) / gaps) for number in range(gaps + 1)] if gaps else [0]


def infer_in_tiles(
    rgb: NDArray[np.uint8], size: tuple[int, int], infer: Callable[[NDArray[np.uint8]], Detections]
) -> Detections:
    """Infer every tile and return the faces in the whole picture's pixels.

    Args:
        rgb: Shape (H, W, 3), uint8. Where it is smaller than a tile, black is added on the right and below.
        size: Width and height of a tile, pixels.
        infer: Finds the faces of one tile, in the tile's pixels.
    """
    height, width = rgb.shape[:2]
    found = list(_found(rgb, size, infer))
    xyxy, score = (np.concatenate(rows) for rows in zip(*found, strict=True))
    xyxy = clip_to_picture(xyxy, width, height)
    inside = have_area(xyxy)
    xyxy, score = xyxy[inside], score[inside]
    keep = suppress(xyxy, score, SAME_FACE)
    return Detections(xyxy[keep], score[keep])


def _found(
    rgb: NDArray[np.uint8], size: tuple[int, int], infer: Callable[[NDArray[np.uint8]], Detections]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    height, width = rgb.shape[:2]
    for top in starts(height, size[1]):
        for left in starts(width, size[0]):
            tile = np.zeros((size[1], size[0], 3), np.uint8)
            part = rgb[top : top + size[1], left : left + size[0]]
            tile[: part.shape[0], : part.shape[1]] = part
            faces = infer(tile)
            low = np.array([EDGE_PX if left else -np.inf, EDGE_PX if top else -np.inf])
            last = np.array([left + size[0] >= width, top + size[1] >= height])
            high = np.where(last, np.inf, np.array(size) - EDGE_PX)
            whole = (faces.xyxy[:, :2] > low).all(axis=1) & (faces.xyxy[:, 2:] < high).all(axis=1)
            yield faces.xyxy[whole] + np.array([left, top] * 2, np.float32), faces.score[whole]
