"""Reads from the pixels of a source and of what a tool made of it which pixels no longer show what was there.

A cover can be a colour, a picture, noise, a blur or a mosaic, and the output was encoded anew. So two things are asked around
each pixel: did its colour move, and is its detail still that of the source? Where the source is flat and the colour is the same,
neither can say anything; there the nearest places that do decide, since covers are areas. ``docs/audit.md`` says how far this
agrees with what was really covered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening, uniform_filter

Mask = NDArray[np.bool_]
"""Shape (H, W): which pixels of a frame are covered."""
Planes = NDArray[np.float32]
"""Shape (3, H, W): luma, and how far blue and red lie off it."""

MOVED_LEVELS = 8.0
"""Mean difference over a small square from which a colour moved. Measured, docs/audit.md."""
MOVED_PX = (3, 7, 7)
"""Sides of the squares over which that is taken, of luma and of both colours, which encoders keep coarser."""
MOVED_TIMES = 4.0
"""... and from which it moved where the whole picture was encoded so badly that half of it is off by a quarter of that."""
DETAIL_PX = 5
"""Side of the squares in which detail is compared, at full size and at half: a weak blur loses the fine one only."""
DETAIL_LEVELS = 7.0
"""Root mean square of detail in the source below which nothing can be said of it: encoders drop what is fainter ..."""
NOISE_TIMES = 2.0
"""... nor where it is less than so many times what the output lost in most of the picture, as sensors' noise is."""
KEPT_SHARE = 0.7
"""Share of the source's detail, by regression, below which it is gone."""
FILL_PX = (3, 7)
"""Sides of the squares, in pixels of half the size, from which places without evidence take their verdict, smallest first."""
LEAST_EVIDENCE = 0.08
"""Share of a square that must say something."""
AROUND_PX, AROUND_SIDES = 20, 3
"""Where the squares say nothing, a place is covered if cover lies so near, at half the size, on so many of four sides. Chosen."""
_SQUARE = np.ones((3, 3), bool)
"""Holes and specks of up to so much, at half the size, belong to what lies around them."""
_BEYOND_PX = 4
_MOST_GAIN, _MOST_OFFSET = 0.2, 24.0
"""An output may be a little brighter or steeper all over, as when its range is misread; more is no such change."""


def covered_pixels(source: NDArray[np.uint8], output: NDArray[np.uint8]) -> Mask:
    """Return which pixels of a source an output no longer shows.

    Args:
        source: Shape (H, W, 3), uint8, red first.
        output: Likewise, brought to the same size.
    """
    before, after = planes_of(source), planes_of(output)
    after = toned_alike(before, after)
    moved = np.zeros(before.shape[1:], bool)
    for one, other, side in zip(before, after, MOVED_PX, strict=True):
        away = np.abs(uniform_filter(other - one, side))
        moved |= away > max(MOVED_LEVELS, MOVED_TIMES * float(np.median(away[::4, ::4])))
    gone, known = lost_detail(before[0], after[0])
    coarse_gone, coarse_known = (doubled(one, moved.shape) for one in lost_detail(halved(before[0]), halved(after[0])))
    hidden = moved | gone | coarse_gone
    return filled(hidden, hidden | known | coarse_known)


def planes_of(rgb: NDArray[np.uint8]) -> Planes:
    """Return luma and colour differences of a picture, shape (3, H, W), float32."""
    red, green, blue = (rgb[..., channel].astype(np.float32) for channel in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.stack([luma, blue - luma, red - luma])


def toned_alike(before: Planes, after: Planes) -> Planes:
    """Return the output with a small overall change of brightness and contrast undone, where most of the picture shows one."""
    x, y = before[0, ::3, ::3].ravel(), after[0, ::3, ::3].ravel()
    gain, offset = 1.0, float(np.clip(np.median(y - x), -_MOST_OFFSET, _MOST_OFFSET))
    near = np.abs(y - x - offset) < 8
    if near.mean() < 0.5 or np.ptp(x[near]) < 40:
        return after
    for _ in range(2):
        slope, shift = np.polyfit(x[near], y[near], 1)
        if abs(slope - 1) > _MOST_GAIN or abs(shift) > _MOST_OFFSET:
            return after
        gain, offset = float(slope), float(shift)
        near = np.abs(y - gain * x - offset) < 8
    toned = after / np.float32(gain)
    toned[0] -= offset / gain
    return toned.astype(np.float32)


def lost_detail(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[Mask, Mask]:
    """Return where the detail of a source is gone, and where anything can be said of it; all of shape (H, W)."""
    fine, other = before - uniform_filter(before, DETAIL_PX), after - uniform_filter(after, DETAIL_PX)
    power = uniform_filter(fine * fine, DETAIL_PX)
    lost = uniform_filter((fine - other) ** 2, DETAIL_PX)
    known = power > max(DETAIL_LEVELS**2, NOISE_TIMES**2 * float(np.percentile(lost[::4, ::4], 60)))
    return known & (uniform_filter(fine * other, DETAIL_PX) < KEPT_SHARE * power), known


def halved(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a plane at half its size, rows and columns doubled at the end where they are odd in number."""
    even = np.pad(plane, [(0, side % 2) for side in plane.shape], mode="edge")
    return np.asarray((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4, np.float32)


def doubled(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask at twice its size, cut to a shape (H, W)."""
    return mask.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]


def filled(hidden: Mask, told: Mask) -> Mask:
    """Give places without evidence the verdict of what lies around them, and single pixels that of their neighbours."""
    evidence, share = (halved(one.astype(np.float32)) for one in (told, hidden))
    found = np.zeros(evidence.shape, bool)
    open_ = np.ones(evidence.shape, bool)
    for side in FILL_PX:
        much = uniform_filter(evidence, side)
        decided = open_ & (much > LEAST_EVIDENCE)
        found[decided] = uniform_filter(share, side)[decided] > 0.5 * much[decided]
        open_ &= ~decided
    found |= open_ & (_sides_covered(found) >= AROUND_SIDES)
    # what lies at the picture's edge goes on beyond it
    found = np.pad(found, _BEYOND_PX, mode="edge")
    found = binary_opening(binary_fill_holes(binary_closing(found, _SQUARE, iterations=2)), _SQUARE)
    found = found[_BEYOND_PX:-_BEYOND_PX, _BEYOND_PX:-_BEYOND_PX]
    return doubled(found, told.shape)


def _sides_covered(found: Mask) -> NDArray[np.int64]:
    """Return for each place on how many of four sides cover lies near."""
    sides = np.zeros(found.shape, np.int64)
    for turn in range(4):
        turned = np.rot90(found, turn)
        place = np.where(turned, np.arange(turned.shape[1]), -AROUND_PX - 1)
        near = np.arange(turned.shape[1]) - np.maximum.accumulate(place, axis=1) <= AROUND_PX
        sides += np.rot90(near, -turn)
    return sides
