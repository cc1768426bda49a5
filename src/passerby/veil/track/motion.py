"""Measures how the picture moved from one frame to the next, on a small grey copy, cheaply and everywhere at once.

Overlapping tiles are compared by phase correlation (Kuglin and Hines 1975): the normalised cross-power spectrum of two tiles
has its peak at their shift. Boxes then move with the tiles around them. It follows pictures, not people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from passerby.boxes import centres
from passerby.media import frame_planes, scaled_luma
from passerby.values import Boxes

LONG_SIDE_PX = 160
"""Longer side of the grey copy. Source: docs/measures.md; with 320 tracks were no better, for seven times the cost."""
TILE_PX = 32
STRIDE_PX = 24
"""Side of a tile and step from one to the next, pixels of the grey copy. Chosen, not measured."""
NEAR_SHARE = 1 / 16
"""A box takes its motion from tiles around it, weighted by a Gaussian of this share of the picture's longer side. Chosen, not
measured."""
CUT_LEVELS = 15.0
"""Mean grey-level change (of 255) from which two frames may be a cut."""
CUT_PEAK = 0.2
"""... if half of the tiles also correlate no better than this. Both chosen, not measured."""
STILL_LEVELS = 2.0
"""Mean grey-level change (of 255) in the most changed tile up to which a picture counts as still. Chosen, not measured."""

SAME_LEVELS = 5.0
"""Mean grey-level change (of 255) in the most changed block up to which two frames are the same: then nothing has moved.
Chosen, not measured."""
BLOCK_PX = 4
"""Side of such a block, pixels of the grey copy. Chosen, not measured."""

TORN_PX, TORN_LEVELS = 8, 20
"""Side of a block, pixels of the grey copy, and the mean grey levels (of 255) by which it must lie off what was near before, to
be torn. Source: docs/measures.md."""

Grey = NDArray[np.uint8]


class DftSquares:
    """Fourier transforms of many small real squares at once, by multiplying with matrices; their sides are even.

    At these sizes, and so often, that is faster than NumPy's FFT: tracking a clip takes 9 to 15 % less for it (docs/measures.md).

    Args:
        side: Samples along a side.
    """

    def __init__(self, side: int) -> None:
        half = side // 2 + 1
        count = np.arange(side)
        wave = np.exp(-2j * np.pi * np.outer(count, count) / side)
        self._across = wave[:, :half].astype(np.complex64).view(np.float32)
        self._down = wave.astype(np.complex64)
        self._up = (wave.conj() / side).astype(np.complex64)
        # of a real signal the other half of the frequencies is the mirrored conjugate of this one
        twice = np.full((half, 1), 2 / side)
        twice[[0, -1]] = 1 / side
        inverse = twice * wave[:half]
        self._together = np.stack([inverse.real, inverse.imag], axis=1).reshape(2 * half, side).astype(np.float32)

    def of(self, squares: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Return the transforms, shape (N, side, side / 2 + 1), complex64, as ``numpy.fft.rfft2`` does.

        Args:
            squares: Shape (N, height, width), float32, contiguous, both up to ``side``: zeros are added after them.

        >>> square = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
        >>> np.allclose(DftSquares(4).of(square), np.fft.rfft2(square, s=(4, 4)), atol=1e-5)
        True
        """
        _, height, width = squares.shape
        return np.asarray(self._down[:, :height] @ (squares @ self._across[:width]).view(np.complex64))

    def back(self, spectra: NDArray[np.complex64], first: int | None = None) -> NDArray[np.float32]:
        """Return the real squares of transforms, shape (N, first, first), float32: the first rows and columns, or all.

        Args:
            spectra: Shape (N, side, side / 2 + 1), complex64.
            first: How many of each.

        >>> square = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
        >>> DftSquares(4).back(DftSquares(4).of(square), 2).round(4).tolist()
        [[[0.0, 1.0], [4.0, 5.0]]]
        """
        return np.asarray((self._up[:first] @ spectra).view(np.float32) @ self._together[:, :first])


_DFT = DftSquares(TILE_PX)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How one frame differs from the one before.

    Attributes:
        shift: Shape (T, 2), float32: how far each tile moved, x and y, pixels of the full picture.
        weight: Shape (T,), float32, 0 and more: how sure that is.
        cut: The two frames show different scenes; ``shift`` means nothing.
        torn: Some block shows what the scene showed nowhere near before: a thing moved fast, or came.
        zoom: Natural logarithm of how much larger the scene became; 0 where it cannot be told.
    """

    shift: NDArray[np.float32]
    weight: NDArray[np.float32]
    cut: bool
    torn: bool = False
    zoom: float = 0.0


def grey_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of the grey copy for a picture of this size, both at least one tile.

    >>> grey_size(1920, 1080)
    (160, 90)
    """
    step = _step(width, height)
    return max(TILE_PX, width // step), max(TILE_PX, height // step)


def grey_copy(picture: av.VideoFrame) -> Grey:
    """Return a small grey copy of a frame, shape (height, width) of ``grey_size``, uint8.

    8-bit planar YUV is thinned out, four samples to one, which costs a tenth of scaling; the rest is scaled.
    """
    width, height = grey_size(picture.width, picture.height)
    step = _step(picture.width, picture.height)
    if not picture.format.name.startswith(("yuv4", "yuvj4")) or step < 4 or picture.width < TILE_PX * step:
        return scaled_luma(picture, width, height)
    samples = frame_planes(picture)[0]
    if samples.dtype != np.uint8 or picture.height < TILE_PX * step:
        return scaled_luma(picture, width, height)
    rows = samples[::step][:height].astype(np.uint16) + samples[step // 2 :: step][:height]
    return ((rows[:, ::step][:, :width] + rows[:, step // 2 :: step][:, :width]) >> 2).astype(np.uint8)


class MotionMeter:
    """Compares each grey copy with the one before it.

    Args:
        width: Of the full picture, pixels.
        height: Of the full picture, pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.grey_width, self.grey_height = grey_size(width, height)
        left, top = _starts(self.grey_width), _starts(self.grey_height)
        self._top, self._left = (axis.ravel() for axis in np.meshgrid(top, left, indexing="ij"))
        self._scale = np.array([width / self.grey_width, height / self.grey_height], np.float32)
        corner = np.stack([self._left, self._top], axis=1)
        self.centre = ((corner + TILE_PX / 2) * self._scale).astype(np.float32)
        self._near_px = NEAR_SHARE * max(width, height)
        window = np.hanning(TILE_PX + 2)[1:-1].astype(np.float32)
        self._window = np.outer(window, window)
        still = np.zeros((len(self.centre), 2), np.float32)
        self._none = Motion(still, np.ones(len(self.centre), np.float32), cut=False)
        self._before: Grey | None = None
        self._spectra: NDArray[np.complex64] | None = None

    def measure(self, grey: Grey) -> Motion | None:
        """Compare a grey copy with the one given before; None for the first.

        Args:
            grey: Shape (``grey_height``, ``grey_width``), uint8.
        """
        before, spectra_before = self._before, self._spectra
        if before is not None and self.same_as(grey, before):
            # what came before stays: the next frame is compared with it, so that slow motion adds up
            return self._none
        tiles = self._tiles(grey).astype(np.float32)
        tiles -= tiles.mean(axis=(1, 2), keepdims=True)
        tiles *= self._window
        spectra = _DFT.of(tiles)
        self._before, self._spectra = grey, spectra
        if before is None or spectra_before is None:
            return None
        cross = spectra * np.conj(spectra_before)
        size = np.abs(cross)
        cross *= 1 / (size + 1e-3 * size.mean(axis=(1, 2), keepdims=True) + 1e-6)
        shift, peak = _peaks(_DFT.back(cross))
        change = _change(grey, before)
        cut = bool(np.median(peak) < CUT_PEAK and change.mean() > CUT_LEVELS)
        torn = _torn(grey, before, np.rint(np.median(shift, axis=0)).astype(int).tolist())
        shift, weight = (shift * self._scale).astype(np.float32), np.square(peak).astype(np.float32)
        return Motion(shift, weight, cut, torn, 0.0 if cut else self._zoom(shift, weight))

    def _zoom(self, shift: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
        """Return by which share the tiles move away from their middle, as the weighted least squares have it."""
        share = (weight / (weight.sum() + 1e-12))[:, None]
        away, moved = self.centre - (share * self.centre).sum(axis=0), shift - (share * shift).sum(axis=0)
        return float((share * away * moved).sum() / ((share * np.square(away)).sum() + 1e-6))

    def still_since(self, grey: Grey, other: Grey) -> bool:
        """Whether no tile changed noticeably between two grey copies, each shape (``grey_height``, ``grey_width``), uint8."""
        return bool(self._tiles(_change(grey, other)).mean(axis=(1, 2)).max() < STILL_LEVELS)

    def same_as(self, grey: Grey, other: Grey) -> bool:
        """Whether no small block changed between two grey copies, each shape (``grey_height``, ``grey_width``), uint8."""
        high, wide = (side // BLOCK_PX * BLOCK_PX for side in grey.shape)
        change = _change(grey, other)[:high, :wide].astype(np.uint16)
        rows = sum(change[row::BLOCK_PX] for row in range(1, BLOCK_PX)) + change[::BLOCK_PX]
        blocks = sum(rows[:, column::BLOCK_PX] for column in range(1, BLOCK_PX)) + rows[:, ::BLOCK_PX]
        return bool(blocks.max() <= SAME_LEVELS * BLOCK_PX**2)

    def propagate(self, boxes: Boxes, motion: Motion | None, *, back: bool = False) -> Boxes:
        """Move boxes with the picture, one frame on or (``back``) one frame back. Without motion they stay.

        Args:
            boxes: Shape (N, 4), float32, pixels of the full picture.
            motion: Between the two frames.
            back: From the later frame to the earlier.

        Returns:
            Shape (N, 4), float32, pixels of the full picture.
        """
        if motion is None or motion.cut or not len(boxes):
            return boxes
        middle = centres(boxes)
        x, y = (np.square(middle[:, axis, None] - self.centre[:, axis]) for axis in (0, 1))
        weight = np.exp((x + y) * (-0.5 / self._near_px**2)) * motion.weight + 1e-12
        shift = weight @ motion.shift / weight.sum(axis=1, keepdims=True)
        both = np.concatenate([shift, shift], axis=1)
        return np.asarray(boxes - both if back else boxes + both, np.float32)

    def _tiles(self, grey: NDArray[Any]) -> NDArray[Any]:
        views = np.lib.stride_tricks.sliding_window_view(grey, (TILE_PX, TILE_PX))
        return views[self._top, self._left]


def _change(grey: Grey, other: Grey) -> Grey:
    """Return by how much each pixel differs."""
    return np.asarray(np.maximum(grey, other) - np.minimum(grey, other))


def _torn(grey: Grey, before: Grey, shift: tuple[int, int]) -> bool:
    """Whether a block shows what was not within a pixel before, the shift of the scene (x, y, pixels) taken off."""
    high, wide = (side // TORN_PX * TORN_PX for side in grey.shape)
    rows, columns = np.arange(-1, high + 1) - shift[1], np.arange(-1, wide + 1) - shift[0]
    around = before[rows.clip(0, before.shape[0] - 1)][:, columns.clip(0, before.shape[1] - 1)]
    least, most = around, around
    for _ in range(2):
        least = np.minimum(np.minimum(least[:-2], least[1:-1]), least[2:]).T
        most = np.maximum(np.maximum(most[:-2], most[1:-1]), most[2:]).T
    now = grey[:high, :wide]
    off = np.maximum(least, now) - now + (np.maximum(most, now) - most)
    # what came in over the edge was nowhere before, and says nothing
    off[(rows < 0)[1:-1] | (rows >= before.shape[0])[1:-1]] = 0
    off[:, (columns < 0)[1:-1] | (columns >= before.shape[1])[1:-1]] = 0
    return bool(off.reshape(high // TORN_PX, TORN_PX, wide // TORN_PX, TORN_PX).mean(axis=(1, 3)).max() > TORN_LEVELS)


def _step(width: int, height: int) -> int:
    return max(1, round(max(width, height) / LONG_SIDE_PX))


def _starts(length: int) -> NDArray[np.intp]:
    return np.array(sorted({*range(0, length - TILE_PX + 1, STRIDE_PX), length - TILE_PX}), np.intp)


def _peaks(correlation: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each tile's shift (x, y), to a fraction of a pixel by a parabola, and the height of its peak."""
    count = np.arange(len(correlation))
    y, x = np.divmod(correlation.reshape(len(correlation), -1).argmax(axis=1), TILE_PX)
    peak = correlation[count, y, x]

    def fraction(lower: NDArray[np.float32], upper: NDArray[np.float32]) -> NDArray[np.float32]:
        bend = lower - 2 * peak + upper
        safe = np.where(np.abs(bend) > 1e-9, bend, 1)
        return np.clip(np.where(np.abs(bend) > 1e-9, 0.5 * (lower - upper) / safe, 0), -0.5, 0.5)

    dx = x + fraction(correlation[count, y, (x - 1) % TILE_PX], correlation[count, y, (x + 1) % TILE_PX])
    dy = y + fraction(correlation[count, (y - 1) % TILE_PX, x], correlation[count, (y + 1) % TILE_PX, x])
    shift = np.stack([dx, dy], axis=1)
    return np.where(shift > TILE_PX / 2, shift - TILE_PX, shift).astype(np.float32), peak
