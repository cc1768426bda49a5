"""Moves single boxes from one frame to the next by how well the picture inside them fits nearby places.

``motion`` moves boxes with the scene; somebody who walks moves against it. Here a small patch around each box is compared, by
normalised cross-correlation (Lewis 1995), with all places within one and a half sides of where the scene's motion puts it. It
compares a place in one frame with places in the next, and keeps nothing.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from passerby.boxes import centres, mean_sides
from passerby.media import frame_planes, scaled_luma
from passerby.values import Boxes
from passerby.veil.track.motion import DftSquares

LONG_SIDE_PX = 640
"""Longer side of the grey picture in which patches are compared. Chosen, not measured."""
PATCH = 16
REGION = 48
"""Samples along a side of the patch and of the place that is searched. Chosen, not measured."""
PATCH_SIDES = 1.5
"""Side of the patch in sides of the box: the head, and little of what is behind it. Chosen, not measured."""
FITS = 0.6
"""Least correlation at which a patch is believed. Source: docs/measures.md."""
BETTER = 0.03
"""How much better than the scene's own motion a place must fit. Chosen, not measured."""
FAR = 0.15
"""Taken off the correlation at the edge of the searched place, growing with the square of the distance. Chosen, not measured."""
MOST = 32
"""Most boxes tracked patch by patch; in denser crowds the rest move with the scene. Chosen, not measured."""
GOES_ALONG = 0.9
"""Correlation where the scene's motion puts a patch from which nothing better is searched for. Chosen, not measured."""
_FLAT = float(PATCH**4)
"""Power of two patches, each off its mean by one grey level in every sample."""
_BAND = np.array([[float(0 <= x - y < PATCH) for x in range(REGION)] for y in range(REGION - PATCH + 1)], np.float32)

_DFT = DftSquares(REGION)

Fine = NDArray[np.uint8]


def fine_copy(picture: av.VideoFrame) -> Fine:
    """Return a grey picture of a frame with a longer side of 640 to 1279 pixels, shape (H, W), uint8.

    8-bit planar YUV is thinned out without scaling. The result is a copy: covering the frame later does not change it.
    """
    if picture.format.name.startswith(("yuv4", "yuvj4")):
        samples = frame_planes(picture)[0]
        if samples.dtype == np.uint8:
            return thinned(samples, picture.width, picture.height)
    step = _step(picture.width, picture.height)
    return scaled_luma(picture, -(-picture.width // step), -(-picture.height // step))


def thinned(samples: NDArray[Any], width: int, height: int) -> NDArray[np.uint8]:
    """Return a copy of a plane with so few samples as ``fine_copy`` takes of a picture of this size.

    Args:
        samples: Shape (H, W), any integer type of 8 bits.
        width: Of the picture, pixels.
        height: Of the picture, pixels.

    Returns:
        Every n-th row and column: shape (H / n, W / n), uint8, about.
    """
    step = _step(width, height)
    return np.array(samples[step // 2 :: step, step // 2 :: step], np.uint8)


def _step(width: int, height: int) -> int:
    return max(1, max(width, height) // LONG_SIDE_PX)


def follow_patches(before: Fine, now: Fine, old: Boxes, expected: Boxes, scale: float) -> Boxes:
    """Return the boxes where their patches fit best, or as expected where none fits well.

    Args:
        before: Grey picture of the frame before, shape (H, W), uint8.
        now: Grey picture of this frame, of the same shape.
        old: Shape (N, 4), float32: the boxes in the frame before, pixels of the full picture.
        expected: Shape (N, 4), float32: where the scene's motion puts them, pixels of the full picture.
        scale: Pixels of the full picture to one of the grey ones.

    Returns:
        Shape (N, 4), float32, pixels of the full picture.
    """
    if not len(old) or before.shape != now.shape:
        return expected
    side = mean_sides(old, least_px2=16)
    pitch = PATCH_SIDES * side / PATCH / scale
    patch = _level(_sample(before, centres(old) / scale, pitch, PATCH))
    goal = centres(expected) / scale
    there = _level(_sample(now, goal, pitch, PATCH))
    power = np.square(patch).sum(axis=(1, 2)) * np.square(there).sum(axis=(1, 2))
    astray = np.flatnonzero((patch * there).sum(axis=(1, 2)) < GOES_ALONG * np.sqrt(power))
    if not len(astray):
        return expected
    moved = expected.copy()
    shift = _search(patch[astray], _sample(now, goal[astray], pitch[astray], REGION))
    moved[astray] += np.tile(shift * (pitch[astray] * scale)[:, None], 2)
    return moved


def patch_fit(before: Fine, now: Fine, old: Boxes, new: Boxes, scale: float) -> NDArray[np.float32]:
    """Return how well what lies in boxes of one frame lies in boxes of another: normalised correlation, shape (N,), -1 to 1.

    A patch without any texture fits nothing: 0. Arguments as in :func:`follow_patches`, with ``new`` for where it is looked for.
    """
    pitch = PATCH_SIDES * mean_sides(old, least_px2=16) / PATCH / scale
    wide = PATCH_SIDES * mean_sides(new, least_px2=16) / PATCH / scale
    one = _level(_sample(before, centres(old) / scale, pitch, PATCH))
    other = _level(_sample(now, centres(new) / scale, wide, PATCH))
    power = np.square(one).sum(axis=(1, 2)) * np.square(other).sum(axis=(1, 2))
    shared = (one * other).sum(axis=(1, 2))
    return np.asarray(np.where(power > _FLAT, shared / np.sqrt(np.maximum(power, _FLAT)), 0), np.float32)


def _search(patch: NDArray[np.float32], region: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return where each patch fits best in its region, x and y from the middle, in samples; 0 where it fits nowhere well."""
    fit = _correlate(patch, region)
    radius = (REGION - PATCH) // 2
    away = (np.arange(-radius, radius + 1, dtype=np.float32) / radius) ** 2
    scored = fit - FAR * (away[:, None] + away[None])
    places = scored.reshape(len(patch), -1)
    best = places.argmax(axis=1)
    rows = np.arange(len(patch))
    y, x = np.divmod(best, 2 * radius + 1)
    believed = (fit[rows, y, x] >= FITS) & (places[rows, best] >= scored[rows, radius, radius] + BETTER)
    return np.where(believed[:, None], np.stack([x - radius, y - radius], axis=1), 0).astype(np.float32)


def _level(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(patch - patch.mean(axis=(1, 2), keepdims=True), np.float32)


def _sample(
    grey: Fine, centre: NDArray[np.floating[Any]], pitch: NDArray[np.floating[Any]], count: int
) -> NDArray[np.float32]:
    """Return square samples around centres, shape (N, count, count); beyond the edge the edge is repeated."""
    offset = np.arange(count) - (count - 1) / 2
    x = np.clip(np.rint(centre[:, :1] + offset * pitch[:, None]), 0, grey.shape[1] - 1).astype(np.intp)
    y = np.clip(np.rint(centre[:, 1:] + offset * pitch[:, None]), 0, grey.shape[0] - 1).astype(np.intp)
    return np.asarray(grey.ravel().take(y[:, :, None] * grey.shape[1] + x[:, None, :]), np.float32)


def _correlate(patch: NDArray[np.float32], region: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the normalised correlation of each levelled patch with every place in its region, -1 to 1."""
    region = _level(region)
    power = np.square(patch).sum(axis=(1, 2))
    product = _DFT.back(_DFT.of(region) * np.conj(_DFT.of(patch)), REGION - PATCH + 1)
    total, squares = (_BAND @ of @ _BAND.T for of in (region, np.square(region)))
    spread = np.maximum(squares - np.square(total) / PATCH**2, 1)
    scale = np.sqrt(spread * np.maximum(power, 1)[:, None, None])
    return np.asarray(product / scale, np.float32)
