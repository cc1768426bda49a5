"""Where each channel of a decoded frame lies, as flat arrays that can be written in place. No conversion, no copy.

A *sheet* is one plane seen as rows of elements. One *unit* of a sheet stands for a block of ``2**sx`` by ``2**sy`` pixels
and holds ``len(channels)`` elements: one in ``yuv420p``, two in the second plane of ``nv12``, three in ``rgb24``, four in
``yuyv422``. A pixel format that is not in the table is refused: an unknown layout cannot be covered surely.

Source: the pixel formats of FFmpeg 8.1, ``libavutil/pixdesc.c``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from passerby.errors import UnsupportedError, VeilError

Elements = NDArray[Any]
"""Shape (rows, units * channels), uint8 or uint16, a view on the frame's own memory."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One plane of a layout.

    Attributes:
        plane: Index of the plane in the frame.
        channels: Names of the elements of one unit, in memory order: of ``y u v r g b a x``; ``x`` is padding.
        sx: A unit is ``2**sx`` pixels wide.
        sy: A unit is ``2**sy`` pixels high.
    """

    plane: int
    channels: str
    sx: int = 0
    sy: int = 0


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """Where a pixel format keeps its channels.

    Attributes:
        name: FFmpeg's name.
        sheets: Every plane.
        bits: Significant bits of an element.
        shift: Bits by which a value is shifted up in its element (10 bits in the upper part of 16).
        full: Full range is implied by the format, whatever the frame says.
    """

    name: str
    sheets: tuple[Sheet, ...]
    bits: int = 8
    shift: int = 0
    full: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of an element."""
        return np.dtype(np.uint8 if self.bits + self.shift <= 8 else "<u2")

    @property
    def block(self) -> tuple[int, int]:
        """Width and height in pixels of the largest unit."""
        return 1 << max(s.sx for s in self.sheets), 1 << max(s.sy for s in self.sheets)


PACKED = {
    "rgb24": "rgb", "bgr24": "bgr", "rgba": "rgba", "bgra": "bgra", "argb": "argb", "abgr": "abgr",
    "rgb0": "rgbx", "bgr0": "bgrx", "0rgb": "xrgb", "0bgr": "xbgr",
    "rgb48le": "rgb", "bgr48le": "bgr", "rgba64le": "rgba", "bgra64le": "bgra",
    "gray": "y", "ya8": "ya", "ya16le": "ya",
}  # fmt: skip
PACKED_422 = {"yuyv422": "yuyv", "uyvy422": "uyvy", "yvyu422": "yvyu"}
SEMI_PLANAR = {
    "nv12": ("uv", 1, 1),
    "nv21": ("vu", 1, 1),
    "nv16": ("uv", 1, 0),
    "nv24": ("uv", 0, 0),
    "nv42": ("vu", 0, 0),
}
SUBSAMPLING = {"420": (1, 1), "422": (1, 0), "444": (0, 0), "440": (0, 1), "411": (2, 0), "410": (2, 2)}


@cache
def layout_of(name: str) -> PixelLayout:
    """Return where a pixel format keeps its channels.

    Args:
        name: FFmpeg's name of the format.

    Raises:
        UnsupportedError: the format is not in the table.

    >>> layout_of("yuv420p").block
    (2, 2)
    >>> [sheet.channels for sheet in layout_of("p010le").sheets]
    ['y', 'uv']
    """
    if name in PACKED:
        wide = re.search(r"48|64|16le", name) is not None
        return PixelLayout(name, (Sheet(0, PACKED[name]),), 16 if wide else 8, 0, full=True)
    if name in PACKED_422:
        return PixelLayout(name, (Sheet(0, PACKED_422[name], 1),))
    if name in SEMI_PLANAR:
        channels, sx, sy = SEMI_PLANAR[name]
        return PixelLayout(name, (Sheet(0, "y"), Sheet(1, channels, sx, sy)))
    if match := re.fullmatch(r"p([024])(10|12|16)le", name):
        sx, sy = {"0": (1, 1), "2": (1, 0), "4": (0, 0)}[match[1]]
        bits = int(match[2])
        return PixelLayout(name, (Sheet(0, "y"), Sheet(1, "uv", sx, sy)), bits, 16 - bits)
    if match := re.fullmatch(r"gray(9|10|12|14|16)le", name):
        return PixelLayout(name, (Sheet(0, "y"),), int(match[1]), full=True)
    if match := re.fullmatch(r"gbr(a?)p(?:(10|12|14|16)le|9le)?", name):
        bits = 9 if name.endswith("9le") else int(match[2] or 8)
        return PixelLayout(name, tuple(Sheet(i, c) for i, c in enumerate("gbr" + match[1])), bits, full=True)
    if match := re.fullmatch(r"yuv([ja]?)(420|422|444|440|411|410)p(?:(9|10|12|14|16)le)?", name):
        sx, sy = SUBSAMPLING[match[2]]
        sheets = [Sheet(0, "y"), Sheet(1, "u", sx, sy), Sheet(2, "v", sx, sy)]
        if match[1] == "a":
            sheets.append(Sheet(3, "a"))
        return PixelLayout(name, tuple(sheets), int(match[3] or 8), full=match[1] == "j")
    raise UnsupportedError(
        f"pixel format must be one whose planes can be covered, got {name}",
        hint="convert the file first: ffmpeg -i IN -pix_fmt yuv420p OUT",
    )


def elements_of(frame: av.VideoFrame, layout: PixelLayout) -> list[Elements]:
    """Return the frame's planes in the order of ``layout.sheets``: writable views, shape (rows, units * channels) each.

    The caller has made the frame writable: the decoder may still predict from its buffers.

    Raises:
        VeilError: a plane is laid out upside down or is shorter than the layout says.
    """
    found = []
    for sheet in layout.sheets:
        plane = frame.planes[sheet.plane]
        size = layout.dtype.itemsize
        rows = -(-frame.height >> sheet.sy)
        columns = -(-frame.width >> sheet.sx) * len(sheet.channels)
        if plane.line_size < columns * size or plane.buffer_size < rows * plane.line_size:
            raise VeilError(
                f"plane {sheet.plane} of {layout.name} must hold {rows} rows of {columns * size} bytes, got "
                f"{plane.buffer_size} bytes in rows of {plane.line_size}"
            )
        flat = np.frombuffer(memoryview(plane), layout.dtype, count=rows * plane.line_size // size)
        found.append(flat.reshape(rows, plane.line_size // size)[:, :columns])
    return found


@dataclass(frozen=True, slots=True)
class Space:
    """How numbers stand for colours.

    Attributes:
        kr: Weight of red in luma.
        kb: Weight of blue in luma.
        full: Full range; otherwise 16 to 235 of 255 for luma, 16 to 240 for chroma.
        bits: Significant bits.
        shift: Bits by which a value is shifted up.
    """

    kr: float
    kb: float
    full: bool
    bits: int = 8
    shift: int = 0

    def encode(self, rgb: NDArray[np.float64]) -> dict[str, NDArray[np.uint16]]:
        """Return the numbers of colours for every channel name.

        Args:
            rgb: Shape (..., 3), 0 to 1, in the frame's own transfer.

        Returns:
            For each of ``r g b y u v a x`` an array of shape (...); ``a`` and ``x`` are opaque.

        Source: ITU-T H.273 (07/2024), equations 20 to 25 and 38 to 40.
        """
        top = (1 << self.bits) - 1
        unit = 1 << (self.bits - 8)
        red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
        luma = self.kr * red + (1 - self.kr - self.kb) * green + self.kb * blue
        chroma_b = (blue - luma) / (2 * (1 - self.kb))
        chroma_r = (red - luma) / (2 * (1 - self.kr))
        middle = 128 * unit
        opaque = np.full(rgb.shape[:-1], float(top))
        numbers = {
            "r": red * top,
            "g": green * top,
            "b": blue * top,
            "y": luma * top if self.full else (16 + 219 * luma) * unit,
            "u": middle + chroma_b * (top if self.full else 224 * unit),
            "v": middle + chroma_r * (top if self.full else 224 * unit),
            "a": opaque,
            "x": opaque,
        }
        return {name: np.clip(np.rint(n), 0, top).astype(np.uint16) << self.shift for name, n in numbers.items()}


REC601, REC709, REC2020, REC240, FCC = (0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593), (0.212, 0.087), (0.30, 0.11)
"""Weights of red and blue in luma. Source: ITU-T H.273 (07/2024), table 4."""
MATRIX = {1: REC709, 4: FCC, 5: REC601, 6: REC601, 7: REC240, 9: REC2020, 10: REC2020}
"""H.273 matrix coefficients to (kr, kb). Others (YCgCo, ICtCp) get BT.709's: a neutral tone stays neutral in them."""
FULL_RANGE = 2
"""FFmpeg's AVCOL_RANGE_JPEG."""


def space_of(frame: av.VideoFrame, layout: PixelLayout) -> Space:
    """Return how a frame's numbers stand for colours: its own matrix and range.

    Source: a matrix that is not stated is BT.709 from 720 rows on and BT.601 below, as players do (mpv, VLC).
    """
    matrix = int(frame.colorspace)
    kr, kb = MATRIX.get(matrix, REC709)
    if matrix == 2 and frame.height < 720:
        kr, kb = REC601
    return Space(kr, kb, layout.full or int(frame.color_range) == FULL_RANGE, layout.bits, layout.shift)
