"""Geometry of boxes: pure functions on arrays of them, without pixels.

A box is a row (x0, y0, x1, y1) in pixels, x1 and y1 one past the last pixel; several are an array of shape (N, 4). Boxes of
faces are float32 (``values.Boxes``); the results have the dtype of what is given.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = TypeVar("Rows", np.float32, np.float64)
BoxTuple = tuple[float, float, float, float]
"""One box as plain numbers: x0, y0, x1, y1 in pixels."""

_TINY = 1e-9
"""Keeps the union of two boxes without area from being a divisor, px**2."""


def boxes_around(x: NDArray[Rows], y: NDArray[Rows], width: NDArray[Rows], height: NDArray[Rows]) -> NDArray[Rows]:
    """Return boxes around centres.

    Args:
        x: Shape (N,), float32 or float64, pixels, of the centres.
        y: Shape (N,), float32 or float64, pixels, of the centres.
        width: Shape (N,), float32 or float64, pixels.
        height: Shape (N,), float32 or float64, pixels.

    Returns:
        Shape (N, 4), pixels.

    >>> boxes_around(*np.array([[5], [6], [4], [2]], "f4")).tolist()
    [[3.0, 5.0, 7.0, 7.0]]
    """
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)


def in_order(xyxy: NDArray[Rows]) -> NDArray[Rows]:
    """Return boxes whose corners stand in order, shape (N, 4), pixels.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels, any two opposite corners.

    >>> in_order(np.array([[9, 2, 3, 4]], "f4")).tolist()
    [[3.0, 2.0, 9.0, 4.0]]
    """
    return np.concatenate([np.minimum(xyxy[:, :2], xyxy[:, 2:]), np.maximum(xyxy[:, :2], xyxy[:, 2:])], axis=1)


def centres(xyxy: NDArray[Rows]) -> NDArray[Rows]:
    """Return the centres (x, y) of boxes, shape (N, 2), pixels.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.

    >>> centres(np.array([[0, 0, 4, 2]], "f4")).tolist()
    [[2.0, 1.0]]
    """
    return np.asarray((xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy.dtype)


def areas(xyxy: NDArray[Rows]) -> NDArray[Rows]:
    """Return the areas of boxes, shape (N,), px**2.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.

    >>> areas(np.array([[0, 0, 4, 2]], "f4")).tolist()
    [8.0]
    """
    return np.asarray((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]), xyxy.dtype)


def mean_sides(xyxy: NDArray[Rows], *, least_px2: float) -> NDArray[Rows]:
    """Return the sides of squares as large as the boxes, shape (N,), pixels.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.
        least_px2: Smaller areas, none and negative ones too, count as this.

    >>> mean_sides(np.array([[0, 0, 9, 4], [3, 3, 3, 9]], "f4"), least_px2=1).tolist()
    [6.0, 1.0]
    """
    return np.asarray(np.sqrt(np.maximum(areas(xyxy), least_px2)), xyxy.dtype)


def shorter_sides(xyxy: NDArray[Rows]) -> NDArray[Rows]:
    """Return the shorter sides of boxes, shape (N,), pixels.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.

    >>> shorter_sides(np.array([[0, 0, 9, 4]], "f4")).tolist()
    [4.0]
    """
    return np.asarray(np.minimum(xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1]), xyxy.dtype)


def have_area(xyxy: NDArray[Rows]) -> NDArray[np.bool_]:
    """Return which boxes are wider and higher than nothing, shape (N,).

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.

    >>> have_area(np.array([[0, 0, 9, 4], [3, 3, 3, 9]], "f4")).tolist()
    [True, False]
    """
    return np.asarray((xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1]))


def grow(xyxy: NDArray[Rows], margin_px: NDArray[Rows]) -> NDArray[Rows]:
    """Return boxes that are larger on every side, shape (N, 4), pixels.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.
        margin_px: Shape (N, 2), float32 or float64: by how much, left and right, above and below.

    >>> grow(np.array([[5, 5, 9, 9]], "f4"), np.array([[1, 2]], "f4")).tolist()
    [[4.0, 3.0, 10.0, 11.0]]
    """
    return np.concatenate([xyxy[:, :2] - margin_px, xyxy[:, 2:] + margin_px], axis=1)


def inflate(xyxy: NDArray[Rows], share: NDArray[Rows]) -> NDArray[Rows]:
    """Return boxes that are larger on every side by a share of their width and height, shape (N, 4), pixels.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.
        share: Shape (N,), no unit.

    >>> inflate(np.array([[10, 10, 20, 30]], "f4"), np.array([0.1], "f4")).tolist()
    [[9.0, 8.0, 21.0, 32.0]]
    """
    return grow(xyxy, (xyxy[:, 2:] - xyxy[:, :2]) * share[:, None]).astype(xyxy.dtype)


def clip_to_picture(xyxy: NDArray[Rows], width_px: int, height_px: int) -> NDArray[Rows]:
    """Return boxes cut off at the edges of a picture, shape (N, 4), pixels; those outside have no area left.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.
        width_px: Of the picture.
        height_px: Of the picture.

    >>> clip_to_picture(np.array([[-3, 5, 99, 9]], "f4"), 64, 48).tolist()
    [[0.0, 5.0, 64.0, 9.0]]
    """
    return np.clip(xyxy, 0, np.array([width_px, height_px, width_px, height_px], xyxy.dtype))


def intersections(one: NDArray[Rows], two: NDArray[Rows]) -> NDArray[Rows]:
    """Return the area that each of some boxes shares with each of others, shape (N, M), px**2.

    Args:
        one: Shape (N, 4), float32 or float64, pixels.
        two: Shape (M, 4), float32 or float64, pixels.

    >>> intersections(np.array([[0, 0, 4, 4]], "f4"), np.array([[2, 2, 9, 9], [5, 5, 9, 9]], "f4")).tolist()
    [[4.0, 0.0]]
    """
    wide = np.minimum(one[:, 2, None], two[:, 2]) - np.maximum(one[:, 0, None], two[:, 0])
    high = np.minimum(one[:, 3, None], two[:, 3]) - np.maximum(one[:, 1, None], two[:, 1])
    return np.asarray(np.maximum(wide, 0) * np.maximum(high, 0), one.dtype)


def pairwise_iou(xyxy: NDArray[Rows]) -> NDArray[Rows]:
    """Return the intersection over union of every two of some boxes, shape (N, N), 0 to 1, 1 on the diagonal.

    Args:
        xyxy: Shape (N, 4), float32 or float64, pixels.

    >>> pairwise_iou(np.array([[0, 0, 4, 4], [0, 0, 4, 2]], "f4")).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    shared, area = intersections(xyxy, xyxy), areas(xyxy)
    ratio = shared / np.maximum(area[:, None] + area - shared, _TINY)
    np.fill_diagonal(ratio, 1)
    return np.asarray(ratio, xyxy.dtype)


def iou(one: BoxTuple, two: BoxTuple) -> float:
    """Return the intersection over union of two boxes, 0 to 1.

    >>> iou((0, 0, 4, 4), (0, 0, 4, 2))
    0.5
    """
    wide = min(one[2], two[2]) - max(one[0], two[0])
    high = min(one[3], two[3]) - max(one[1], two[1])
    shared = max(0.0, wide) * max(0.0, high)
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, two))
    return shared / max(both - shared, _TINY)
