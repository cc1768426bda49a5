"""What is painted over a face. A fill is told an area and never the pixels there, so it cannot depend on them.

The two filters, which do read the pixels, stand apart at the end: they exist only behind ``allow_reversible``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from passerby.errors import UsageError
from passerby.veil.cover.pixels import Elements, PixelLayout, Sheet, Space

Patch = NDArray[Any]
"""Shape (rows, units * channels) of an area, or one that broadcasts to it; uint8 or uint16, as the sheet."""
RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class FillArea:
    """Where a patch goes in one sheet, in units of that sheet; (x0, y0) is the upper left one.

    Attributes:
        sheet: Index of the sheet in its layout.
        x0: Units from the left.
        y0: Units from above.
        columns: Units across.
        rows: Units down.
    """

    sheet: int
    x0: int
    y0: int
    columns: int
    rows: int


class Fill(Protocol):
    """Something to paint that is the same whatever it hides."""

    def patch(self, area: FillArea) -> Patch:
        """Return what goes there, shape (rows, units * channels)."""
        ...


def numbers_of(sheet: Sheet, numbers: dict[str, NDArray[np.uint16]], layout: PixelLayout) -> NDArray[Any]:
    """Return one value for each channel of a unit.

    Args:
        sheet: Says which channels, in which order.
        numbers: For each channel name an array of shape (...), as ``Space.encode`` returns.
        layout: Says the type.

    Returns:
        Shape (..., channels), uint8 or uint16.
    """
    return np.stack([numbers[channel] for channel in sheet.channels], axis=-1).astype(layout.dtype)


class Solid:
    """One colour, as one full row for each sheet.

    Args:
        colour: R, G, B, 0 to 255.
        layout: Of the frames.
        space: Of the frames.
        width: Of the frames, pixels.
    """

    def __init__(self, colour: RGB, layout: PixelLayout, space: Space, width: int) -> None:
        numbers = space.encode(np.array(colour) / 255)
        self.rows = [np.tile(numbers_of(s, numbers, layout), -(-width >> s.sx)) for s in layout.sheets]


NOISE_SEED = 20160901
"""Any number does: the noise hides nothing, it only stands where the face stood."""
NOISE_CELL_PX = 4
"""Side of a grain. Finer grain costs bits and shows nothing; it is a multiple of every chroma block. Source: a choice; not
measured."""


class Noise:
    """A curtain of grey grains, fixed to the picture and not to the face, the same in every frame.

    It is drawn once, so frames cannot be averaged to see behind it, and it does not move with a face, so it links nothing.
    """

    def __init__(self, layout: PixelLayout, space: Space, width: int, height: int) -> None:
        cells = (-(-height // NOISE_CELL_PX), -(-width // NOISE_CELL_PX))
        grey = np.random.default_rng(NOISE_SEED).uniform(0.2, 0.7, cells)
        numbers = space.encode(np.repeat(grey[..., None], 3, axis=-1))
        self.channels = [len(sheet.channels) for sheet in layout.sheets]
        self.curtains = []
        for sheet in layout.sheets:
            values = numbers_of(sheet, numbers, layout)
            values = values.repeat(NOISE_CELL_PX >> sheet.sy, axis=0).repeat(NOISE_CELL_PX >> sheet.sx, axis=1)
            self.curtains.append(values.reshape(len(values), -1))

    def patch(self, area: FillArea) -> Patch:
        """Return the part of the curtain that hangs there, shape (rows, units * channels)."""
        n = self.channels[area.sheet]
        return self.curtains[area.sheet][area.y0 : area.y0 + area.rows, area.x0 * n : (area.x0 + area.columns) * n]


SMALLEST_LEVEL_PX = 4
"""Side of the smallest copy from which a picture is drawn. Source: a choice: half of the smallest cover."""
CACHED_UNITS = 128 * 128
"""Patches of so many units and fewer are kept, 256 of them: at most 34 MB. Source: a choice."""


class FillImage:
    """A picture stretched over each area: the avatar, or one of the user's.

    Args:
        image: RGB.
        layout: Of the frames.
        space: Of the frames.
    """

    def __init__(self, image: Image.Image, layout: PixelLayout, space: Space) -> None:
        self.levels: list[list[NDArray[Any]]] = []
        while True:
            numbers = space.encode(np.asarray(image, np.float64) / 255)
            self.levels.append([numbers_of(sheet, numbers, layout) for sheet in layout.sheets])
            if min(image.size) < 2 * SMALLEST_LEVEL_PX:
                break
            image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
        self._small = lru_cache(maxsize=256)(self._drawn)

    def patch(self, area: FillArea) -> Patch:
        """Return the picture in the area's size, shape (rows, units * channels)."""
        draw = self._small if area.rows * area.columns <= CACHED_UNITS else self._drawn
        return draw(area.sheet, area.rows, area.columns)

    def _drawn(self, sheet: int, rows: int, columns: int) -> Patch:
        source = self.levels[0][sheet]
        for level in self.levels:
            if level[sheet].shape[0] < rows or level[sheet].shape[1] < columns:
                break
            source = level[sheet]
        down = (np.arange(rows) * 2 + 1) * source.shape[0] // (2 * rows)
        along = (np.arange(columns) * 2 + 1) * source.shape[1] // (2 * columns)
        return np.asarray(source.take(along, axis=1).take(down, axis=0).reshape(rows, -1))


AVATAR_PX = 512
"""Side of the drawing; larger covers stretch it. Source: a choice, as its two greys."""
AVATAR_GROUND: RGB = (176, 176, 176)
AVATAR_FIGURE: RGB = (112, 112, 112)


def avatar_image() -> Image.Image:
    """Return a neutral head and shoulders on a flat ground: one drawing for everybody."""
    big = 2 * AVATAR_PX
    image = Image.new("RGB", (big, big), AVATAR_GROUND)
    draw = ImageDraw.Draw(image)
    draw.ellipse([big * x for x in (0.29, 0.14, 0.71, 0.66)], fill=AVATAR_FIGURE)
    draw.rounded_rectangle([big * x for x in (0.41, 0.55, 0.59, 0.85)], big * 0.05, fill=AVATAR_FIGURE)
    draw.ellipse([big * x for x in (0.12, 0.73, 0.88, 1.45)], fill=AVATAR_FIGURE)
    return image.resize((AVATAR_PX, AVATAR_PX), Image.Resampling.LANCZOS)


def user_image(path: Path, ground: RGB) -> Image.Image:
    """Return a picture of the user's, opaque, at most 1024 pixels a side.

    Args:
        path: Any picture that Pillow reads.
        ground: What shows through where the picture is clear.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            picture = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
        raise UsageError(
            f"replacement picture must be a picture file, got {path}", hint="give a PNG or JPEG with --replaceimg"
        ) from error
    picture.thumbnail((1024, 1024))
    opaque = Image.new("RGBA", picture.size, (*ground, 255))
    opaque.alpha_composite(picture)
    return opaque.convert("RGB").resize((max(8, picture.width), max(8, picture.height)))


REVERSIBLE_WARNING = (
    "{style} can be undone: networks name faces behind mosaics and blurs (McPherson, Shokri and Shmatikov 2016), Revelio "
    "(2025) re-identifies Gaussian-blurred faces at 95.9 %, Depix reads mosaics back, and neural alignment joins the "
    "frames of a clip into one sharp face (2020). Do not publish such footage as anonymous; solid, avatar, img and "
    "noise hide without a way back"
)
"""Shown whenever ``--allow-reversible`` is used. Source: arXiv 1609.00408, 2506.12344, 2009.13856; github beurtschipper/Depix."""
SMALLEST_CELL_UNITS = 4
"""A cell of a mosaic is never narrower or lower: smaller ones would average nothing. Source: a choice; not measured."""


@dataclass(frozen=True)
class Filter:
    """Mosaic or blur: averages over a few cells across the area, so its strength follows the size of the face.

    Attributes:
        cells: Cells along the shorter side.
        smooth: Blur (straight lines between the cells' middles) instead of mosaic.
    """

    cells: int
    smooth: bool
    weights: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", lru_cache(maxsize=512)(self._weights))

    def patch(self, region: Elements, channels: int) -> Patch:
        """Return the averaged pixels, shape and type as ``region``.

        Args:
            region: Shape (rows, units * channels), uint8 or uint16.
            channels: Elements of a unit.
        """
        rows, columns = region.shape[0], region.shape[1] // channels
        shorter = min(rows, columns)
        cells = max(1, min(self.cells, shorter // SMALLEST_CELL_UNITS))
        down, spread_down = self.weights(rows, max(1, round(cells * rows / shorter)))
        along, spread_along = self.weights(columns, max(1, round(cells * columns / shorter)))
        drawn = np.empty((rows, columns, channels), region.dtype)
        for channel in range(channels):
            means = down @ region[:, channel::channels].astype(np.float32) @ along.T
            drawn[..., channel] = np.rint(spread_down @ means @ spread_along.T)
        return drawn.reshape(region.shape)

    def _weights(self, length: int, cells: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Shapes (cells, length) and (length, cells): from pixels to cells, and back."""
        cell = np.arange(length) * cells // length
        mean = (cell == np.arange(cells)[:, None]).astype(np.float32)
        mean /= mean.sum(axis=1, keepdims=True)
        if not self.smooth:
            return mean, (cell[:, None] == np.arange(cells)).astype(np.float32)
        at = np.clip((np.arange(length) + 0.5) * cells / length - 0.5, 0, cells - 1)
        return mean, np.maximum(0, 1 - np.abs(at[:, None] - np.arange(cells))).astype(np.float32)
