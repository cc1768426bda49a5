"""Covers faces in decoded frames and pictures, in place, without converting them.

A box grows by the head margin, is rounded outwards to whole chroma blocks, and every channel of every block it touches is
overwritten. Zones of the user's are always covered; exclude zones clip boxes, and zones win over exclude zones.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from passerby.boxes import grow, in_order, mean_sides
from passerby.errors import UsageError, VeilError
from passerby.values import Boxes
from passerby.veil.cover import fills
from passerby.veil.cover.pixels import Elements, PixelLayout, Space, elements_of, layout_of, space_of
from passerby.veil.cover.plan import SoftBoxes
from passerby.veil.cover.zones import Blocks, check_excluded, inner_blocks, runs_of, touched_blocks
from passerby.veil.settings import REVERSIBLE_STYLES, CoverSettings, CoverStyle

MIN_SIDE_PX = 8.0
"""A cover is never narrower or lower than this. Source: faces below 8 pixels are outside what is measured."""
MARGIN_AT = (12 / 640, 28 / 640, 56 / 640)
"""Sides of a face as a share of the picture's longer side. Source: docs/measures.md, as the two below."""
MARGIN_SHARE = (1.0, 0.8, 0.53)
"""Share of the margin that a face of each of these sides gets; between them by straight lines over the doublings of the side."""
HEAD_SIDE = 1.8
"""Side of a head, hair and chin and where the neck begins, as a multiple of the longer side of the detector's box of its face.
Source: docs/measures.md: heads are 1.5 times as high as faces (13 pairs in one frame), boxes 0.82 as high as faces (59 pairs)."""
INTERLACED_ROWS = 4
"""In an interlaced frame the chroma rows of both fields that belong to a luma row lie within four luma rows.
Source: 4:2:0 interlaced sampling, ITU-T H.264 (08/2024), clause 6.2."""


def with_margin(
    boxes: Boxes, mask_scale: float, long_side_px: float = 640, min_side_px: float = MIN_SIDE_PX, *, heads: bool = False
) -> NDArray[np.float64]:
    """Return the boxes with the head margin, at least ``min_side_px`` wide and high, corners in order.

    Small faces get the whole margin: their boxes are the least exact. Large ones get about half of it.

    Args:
        boxes: Shape (N, 4), float32, rows (x0, y0, x1, y1) in pixels. Corners in the wrong order are put right.
        mask_scale: deface's meaning: 1.3 adds 30 % of the box's side on each side.
        long_side_px: Of the picture.
        min_side_px: Smallest side of the result.
        heads: Take the whole head: each box becomes at least a square of HEAD_SIDE times its longer side, around its centre.
            A square, because a head is about as deep as it is high (a profile needs room behind the ear, on a side that the
            box does not tell), and because boxes of clips that lie turned have their tops on any side.

    Returns:
        Shape (N, 4), float64, pixels, not clipped to the picture.

    Source:
        MARGIN_AT, MARGIN_SHARE: docs/measures.md (what boxes lack on the annotated clips, by size).
        HEAD_SIDE: docs/measures.md (heads beside faces in clips drawn by eye).

    >>> with_margin(np.array([[10, 10, 20, 20]], np.float32), 1.3).round(3).tolist()
    [[7.0, 7.0, 23.0, 23.0]]
    >>> with_margin(np.array([[10, 10, 18, 20]], np.float32), 1.3, heads=True).round(3).tolist()
    [[5.0, 6.0, 23.0, 24.0]]
    """
    rows = in_order(np.asarray(boxes, np.float64).reshape(-1, 4))
    side = rows[:, 2:] - rows[:, :2]
    size = mean_sides(rows, least_px2=1e-6) / long_side_px
    share = (mask_scale - 1) * np.interp(np.log2(size), np.log2(MARGIN_AT), MARGIN_SHARE)
    more = np.maximum(side * share[:, None], (min_side_px - side) / 2)
    if heads:
        more = np.maximum(more, (HEAD_SIDE * side.max(axis=1, keepdims=True) - side) / 2)
    return grow(rows, more)


def to_blocks(boxes: NDArray[np.float64], width: int, height: int, block: tuple[int, int]) -> NDArray[np.int64]:
    """Round boxes outwards to whole blocks and clip them to the picture.

    Args:
        boxes: Shape (N, 4), float64, rows (x0, y0, x1, y1) in pixels.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        block: Width and height of a block, pixels.

    Returns:
        Shape (M, 4), int64, rows (x0, y0, x1, y1) in blocks, ends exclusive; boxes outside the picture are left out.

    >>> to_blocks(np.array([[3.0, 3.0, 4.5, 99.0]]), 64, 48, (2, 2)).tolist()
    [[1, 1, 3, 24]]
    """
    wide, high = block
    limit = np.array([-(-width // wide), -(-height // high)] * 2)
    scale = np.array([wide, high])
    ends = np.concatenate([np.floor(boxes[:, :2] / scale), np.ceil(boxes[:, 2:] / scale)], axis=1)
    rows = np.clip(ends, 0, limit).astype(np.int64)
    return np.asarray(rows[(rows[:, 0] < rows[:, 2]) & (rows[:, 1] < rows[:, 3])])


def exposed_share(box: NDArray[Any], covers: NDArray[Any]) -> float:
    """Return the share of a box that no cover hides, 0 to 1, counted in whole pixels.

    Args:
        box: Shape (4,), float, (x0, y0, x1, y1) in pixels.
        covers: Shape (M, 4), float, pixels, margin included.

    >>> exposed_share(np.array([0, 0, 10, 10]), np.array([[0, 0, 5, 10], [0, 0, 10, 4]]))
    0.3
    """
    x0, y0 = np.floor(box[:2]).astype(int)
    x1, y1 = np.ceil(box[2:]).astype(int)
    bare = np.ones((max(1, y1 - y0), max(1, x1 - x0)), bool)
    for left, top, right, bottom in covers:
        rows = slice(max(0, int(np.ceil(top)) - y0), max(0, int(bottom) - y0))
        bare[rows, max(0, int(np.ceil(left)) - x0) : max(0, int(right) - x0)] = False
    return float(bare.mean())


class Painter:
    """Covers what it is told to, in frames and pictures of one size.

    Args:
        settings: How.
        width: Of the frames, pixels.
        height: Of the frames, pixels.

    Raises:
        UsageError: a reversible style without ``allow_reversible``, a mask scale below 1, an unreadable replacement
            picture, or exclude zones that take too much of the picture.
    """

    def __init__(self, settings: CoverSettings, width: int, height: int) -> None:
        if settings.style in REVERSIBLE_STYLES and not settings.allow_reversible:
            raise UsageError(
                f"{settings.style} depends on the face it hides and can be undone",
                hint="use solid, avatar, img or noise; --allow-reversible takes blur and mosaic all the same",
            )
        if not settings.mask_scale >= 1:
            raise UsageError(f"mask scale must be 1 or more, got {settings.mask_scale:g}")
        if settings.style is CoverStyle.IMAGE and settings.image is None:
            raise UsageError("img needs a picture, got none", hint="name one with --replaceimg FILE")
        self.settings, self.width, self.height = settings, width, height
        check_excluded(inner_blocks(settings.exclude_zones, width, height, (1, 1)), settings.exclude_zones)
        self._image = None
        if settings.style is CoverStyle.IMAGE and settings.image is not None:
            self._image = fills.user_image(settings.image, settings.fill)
        elif settings.style is CoverStyle.AVATAR:
            self._image = fills.avatar_image()
        self._brushes: dict[tuple[str, Space, bool], Brush] = {}

    def paint(self, frame: av.VideoFrame, boxes: Boxes, *, whole: bool = False, soft: SoftBoxes = ()) -> int:
        """Cover faces in a decoded frame, in place.

        Args:
            frame: Of any pixel format in ``planes``; the caller has called ``make_writable``.
            boxes: Shape (N, 4), rows (x0, y0, x1, y1) in pixels of the coded picture, without margin. A box that is not
                finite cannot be placed: then the whole frame is covered.
            whole: Cover the whole frame, exclude zones too.
            soft: What is blurred or pixelated besides, see :meth:`Brush.paint`.

        Returns:
            Pixels covered, each counted once.

        Raises:
            UnsupportedError: the pixel format is not known.
            VeilError: the frame has another size than the painter.
        """
        if (frame.width, frame.height) != (self.width, self.height):
            raise VeilError(f"frame must be {self.width}x{self.height}, got {frame.width}x{frame.height}")
        layout = layout_of(frame.format.name)
        brush = self.brush_for(layout, space_of(frame, layout), interlaced=bool(frame.interlaced_frame))
        return brush.paint(elements_of(frame, layout), boxes, whole=whole, soft=soft)

    def paint_rgb(self, pixels: NDArray[Any], boxes: Boxes, *, whole: bool = False, soft: SoftBoxes = ()) -> int:
        """Cover faces in a picture, in place.

        Args:
            pixels: Shape (H, W), (H, W, 3) or (H, W, 4): grey, RGB, RGB and alpha; uint8 or uint16; rows one after another
                in memory. Alpha becomes opaque under the cover.
            boxes: As in :meth:`paint`.
            whole: As in :meth:`paint`.
            soft: As in :meth:`paint`.

        Returns:
            Pixels covered, each counted once.

        Raises:
            VeilError: another shape, size, type or memory order.
        """
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        names = {
            (1, 1): "gray",
            (1, 2): "gray16le",
            (3, 1): "rgb24",
            (3, 2): "rgb48le",
            (4, 1): "rgba",
            (4, 2): "rgba64le",
        }
        name = names.get((channels, pixels.dtype.itemsize)) if pixels.dtype.kind == "u" else None
        good = pixels.flags.c_contiguous and pixels.flags.writeable and pixels.shape[:2] == (self.height, self.width)
        if name is None or not good:
            raise VeilError(
                f"picture must be {self.height} rows of {self.width} pixels of 1, 3 or 4 channels, uint8 or uint16, "
                f"contiguous and writable, got {pixels.dtype} of shape {pixels.shape}"
            )
        layout = layout_of(name)
        brush = self.brush_for(layout, Space(*_ANY_MATRIX, full=True, bits=layout.bits), interlaced=False)
        return brush.paint([pixels.reshape(self.height, self.width * channels)], boxes, whole=whole, soft=soft)

    def area_px(self, boxes: Boxes, *, whole: bool = False, soft: SoftBoxes = ()) -> int:
        """Return how many pixels painting these boxes covers, to the blocks of 4:2:0 frames, without painting.

        Args:
            boxes: Shape (N, 4), pixels, without margin, as in :meth:`paint`.
            whole: As in :meth:`paint`.
            soft: As in :meth:`paint`.
        """
        if whole or not _are_finite(boxes, soft):
            return self.width * self.height
        layout = layout_of("yuv420p")
        brush = self.brush_for(layout, Space(*_ANY_MATRIX, full=False), interlaced=False)
        return brush.area_px(boxes, soft)

    def brush_for(self, layout: PixelLayout, space: Space, *, interlaced: bool) -> Brush:
        """Return what paints frames of a pixel format, made once and kept."""
        key = (layout.name, space, interlaced)
        if key not in self._brushes:
            self._brushes[key] = Brush(self, layout, space, interlaced=interlaced)
        return self._brushes[key]

    def fill_for(self, layout: PixelLayout, space: Space) -> fills.Solid | fills.Fill | fills.Filter:
        """Return what faces are covered with, in a layout's own numbers."""
        style = self.settings.style
        if style in REVERSIBLE_STYLES:
            return self.filter_for(style)
        if self._image is not None:
            return fills.FillImage(self._image, layout, space)
        if style is CoverStyle.NOISE:
            return fills.Noise(layout, space, self.width, self.height)
        return fills.Solid(self.settings.fill, layout, space, self.width)

    def filter_for(self, style: CoverStyle) -> fills.Filter:
        """Return what blurs or pixelates."""
        return fills.Filter(self.settings.mosaic_cells, smooth=style is CoverStyle.BLUR)


def _are_finite(boxes: Boxes, soft: SoftBoxes) -> bool:
    return all(bool(np.isfinite(some).all()) for some in (boxes, *(more for _, more in soft)))


_ANY_MATRIX = (0.2126, 0.0722)
"""For RGB and for counting, where no matrix is applied: BT.709's. Source: ITU-R BT.709-6."""


class Brush:
    """A painter's ways for one pixel format: fills in its numbers, zones in its blocks.

    Args:
        painter: Says how faces are covered, and the frames' size.
        layout: Where the format keeps its channels.
        space: How its numbers stand for colours.
        interlaced: The frames hold two fields.
    """

    def __init__(self, painter: Painter, layout: PixelLayout, space: Space, *, interlaced: bool) -> None:
        wide, high = layout.block
        self.block = (wide, INTERLACED_ROWS if interlaced and high > 1 else high)
        self.width, self.height = painter.width, painter.height
        self.steps = [(len(s.channels), self.block[0] >> s.sx, self.block[1] >> s.sy) for s in layout.sheets]
        self.mask_scale, self.heads = painter.settings.mask_scale, painter.settings.heads
        self.face = painter.fill_for(layout, space)
        self.filters = {style: painter.filter_for(style) for style in REVERSIBLE_STYLES}
        self.flat = fills.Solid(painter.settings.fill, layout, space, painter.width)
        zones, excluded = painter.settings.zones, painter.settings.exclude_zones
        area = (self.width, self.height, self.block)
        self.zone_blocks: Blocks = touched_blocks(zones, *area)
        self.zone_rows = [(run.x0, run.y0, run.x1, run.y1) for run in runs_of(self.zone_blocks)] if zones else []
        self.clear: Blocks | None = inner_blocks(excluded, *area) & ~self.zone_blocks if excluded else None

    def paint(self, sheets: list[Elements], boxes: Boxes, *, whole: bool, soft: SoftBoxes = ()) -> int:
        """Cover faces in a frame's planes, in place; arguments and result as in :meth:`Painter.paint`.

        What is blurred or pixelated comes after all covers, so that no average holds anything of what they hide, and the covers
        come once more, so that they stay as they are.
        """
        if whole or not _are_finite(boxes, soft):
            for index, elements in enumerate(sheets):
                elements[:] = self.flat.rows[index]
            return self.width * self.height
        placed = self._placed(boxes)
        if len(placed) > 1:
            # by size and place, never by the order in which tracks began: it would tell who is who
            area = (placed[:, 2] - placed[:, 0]) * (placed[:, 3] - placed[:, 1])
            placed = placed[np.lexsort((placed[:, 0], placed[:, 1], -area))]
        rows = placed.tolist()
        self._cover_all(sheets, rows)
        drawn = [(style, row) for style, more in soft for row in self._placed(more, heads=False).tolist()]
        for style, row in drawn:
            self._cover(sheets, *row, fill=self.filters[style])
        if drawn:
            self._cover_all(sheets, rows)
        return self._pixels([*rows, *(row for _, row in drawn)])

    def area_px(self, boxes: Boxes, soft: SoftBoxes = ()) -> int:
        """Return how many pixels these boxes cover, shape (N, 4), pixels, without margin."""
        rows = self._placed(boxes).tolist()
        return self._pixels([*rows, *(row for _, more in soft for row in self._placed(more, heads=False).tolist())])

    def _cover_all(self, sheets: list[Elements], rows: list[list[int]]) -> None:
        for row in rows:
            self._cover(sheets, *row, fill=self.face)
        for run in self.zone_rows:
            self._cover(sheets, *run, fill=self.flat, zone=True)

    def _placed(self, boxes: Boxes, *, heads: bool | None = None) -> NDArray[np.int64]:
        long_side_px = max(self.width, self.height)
        covers = with_margin(boxes, self.mask_scale, long_side_px, heads=self.heads if heads is None else heads)
        return to_blocks(covers, self.width, self.height, self.block)

    def _cover(
        self,
        sheets: list[Elements],
        x0: int,
        y0: int,
        x1: int,
        y1: int,
        *,
        fill: fills.Solid | fills.Fill | fills.Filter,
        zone: bool = False,
    ) -> None:
        clear = self.clear[y0:y1, x0:x1] if not zone and self.clear is not None else None
        for index, (n, across, down) in enumerate(self.steps):
            region = sheets[index][y0 * down : y1 * down, x0 * across * n : x1 * across * n]
            patch: Any
            if isinstance(fill, fills.Solid):
                patch = fill.rows[index][: region.shape[1]]
            elif isinstance(fill, fills.Filter):
                patch = fill.patch(region, n)
            else:
                place = fills.FillArea(index, x0 * across, y0 * down, region.shape[1] // n, region.shape[0])
                patch = fill.patch(place)
            if clear is None or not clear.any():
                region[:] = patch
            else:
                open_units = clear.repeat(down, axis=0).repeat(across * n, axis=1)
                np.copyto(region, patch, where=~open_units[: region.shape[0], : region.shape[1]])

    def _pixels(self, rows: list[list[int]]) -> int:
        canvas = self.zone_blocks.copy()
        for x0, y0, x1, y1 in rows:
            canvas[y0:y1, x0:x1] = True
        if self.clear is not None:
            canvas &= ~self.clear
        wide, high = self.block
        outside_x, outside_y = -self.width % wide, -self.height % high
        covered = int(np.count_nonzero(canvas)) * wide * high
        if outside_x:
            covered -= int(np.count_nonzero(canvas[:, -1])) * outside_x * high
        if outside_y:
            covered -= int(np.count_nonzero(canvas[-1])) * outside_y * wide
        return covered + outside_x * outside_y * int(canvas[-1, -1])
