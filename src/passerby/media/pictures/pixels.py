"""From a file's samples to the pixels that are shown: one picture, RGB, opaque, the right way up, in 8 bits.

Where the file has 16 bits a channel, in 16 as well, if its colours need no conversion.

Works in strips, so that at no time more than two whole copies of the picture stand in memory.
"""

from __future__ import annotations

import io
import logging
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, TiffImagePlugin

from passerby.errors import UnsupportedError
from passerby.media.pictures.hints import SAVE_PLAIN_COLOURS
from passerby.media.pictures.icc import adobe_rgb, clean_profile, colour_space, wide_rgb

Pixels8 = NDArray[np.uint8]
Pixels16 = NDArray[np.uint16]
STRIP_PX = 4_000_000
"""Pixels converted at a time. Source: a choice; with it the peak of memory is what ``picture`` states."""
_ORIENTATION, _INTEROPERABILITY = 0x0112, 0xA005
_BROKEN_EXIF = (SyntaxError, ValueError, struct.error, OSError, KeyError, IndexError, TypeError)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # its complaints about broken files come as our errors
_GREY16 = {"I;16", "I;16L", "I;16B"}
_PLAIN = {"1", "L", "P", "RGB", "RGBX", "YCbCr"}
_CLEAR = {"LA", "La", "PA", "RGBA", "RGBa"}
BECAME_8 = "16 bits a channel became 8"
_AS_SRGB = "colours converted to sRGB"


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """The picture as shown.

    Attributes:
        rgb: Shape (H, W, 3), uint8, contiguous, writable.
        deep: The same in 16 bits, shape (H, W, 3), uint16, contiguous, writable; None where the file has 8 bits, or its
            colours had to be converted.
        icc: The colour profile that these pixels need; None for sRGB.
        notes: What was changed.
    """

    rgb: Pixels8
    icc: bytes | None
    notes: tuple[str, ...]
    deep: Pixels16 | None = None


def pixels_of(image: Image.Image, again: Callable[[], Image.Image], *, strip_px: int = STRIP_PX) -> Pixels:
    """Decode a picture as it is shown.

    Args:
        image: Opened, not decoded.
        again: Opens it once more, for the lower halves of samples of 16 bits.
        strip_px: So many pixels are converted at a time, but at least a row.

    Raises:
        UnsupportedError: its colours cannot be shown in 8-bit RGB without guessing.
    """
    notes: list[str] = []
    if image.mode not in _PLAIN | _CLEAR | _GREY16 | {"CMYK"}:
        message = f"picture must be RGB, grey or CMYK, got {image.mode} samples"
        raise UnsupportedError(message, hint=SAVE_PLAIN_COLOURS)
    is_deep = _is_deep(image)
    image.load()
    convert, icc, is_plain = _conversion(image, notes)
    deep = _deep(image, again()) if is_deep and is_plain else None
    if is_deep and deep is None:
        notes.append(BECAME_8)
    width, height = image.size
    rgb = np.empty((height, width, 3), np.uint8)
    rows = max(1, strip_px // width)
    flattened = False
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip, clear = convert(image.crop((0, top, width, bottom)))
        rgb[top:bottom] = strip
        flattened |= clear
    if flattened:
        notes.append("transparency laid over white")
    orientation = _orientation(image)
    return Pixels(_turned(rgb, orientation), icc, tuple(notes), None if deep is None else _turned(deep, orientation))


def _deep(image: Image.Image, again: Image.Image) -> Pixels16 | None:
    """Return samples of 16 bits, shape (H, W, 3), laid over white; None where they cannot be had.

    Pillow unpacks one byte of each sample. Told the other byte order, it unpacks the other byte.

    Args:
        image: Decoded.
        again: The same, not decoded yet.
    """
    if image.mode in _GREY16:
        return np.repeat(np.asarray(image).astype(np.uint16)[..., None], 3, axis=2)
    tiles = [_lower_half(tile) for tile in getattr(again, "tile", ())]
    if image.mode not in {"RGB", "RGBA"} or "transparency" in image.info or not tiles or None in tiles:
        return None
    again.tile = tiles  # type: ignore[attr-defined]
    deep: Pixels16 = np.asarray(image).astype(np.uint16)
    deep <<= np.uint16(8)
    deep |= np.asarray(again)
    return deep if deep.shape[2] == 3 else _deep_over_white(deep)


def _lower_half(tile: ImageFile._Tile) -> ImageFile._Tile | None:
    """Return how the lower bytes of a part of a picture are unpacked, or None where nobody knows."""
    args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    raw = args[0] if args else None
    if not isinstance(raw, str) or raw[:-1] not in {"RGB;16", "RGBA;16"}:
        return None
    ends = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
    other = raw[:-1] + ends[raw[-1]]
    return tile._replace(args=(other, *args[1:]) if isinstance(tile.args, tuple) else other)


def _deep_over_white(rgba: Pixels16) -> Pixels16:
    alpha = rgba[..., 3:].astype(np.uint64)
    mixed = (rgba[..., :3] * alpha + 65535 * (65535 - alpha) + 32767) // 65535
    return mixed.astype(np.uint16)


def _is_deep(image: Image.Image) -> bool:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return 16 in image.tag_v2.get(258, (1,))
    return image.mode in _GREY16 or any("16" in str(tile.args) for tile in getattr(image, "tile", ()))


Convert = Callable[[Image.Image], tuple[Pixels8, bool]]


def _conversion(image: Image.Image, notes: list[str]) -> tuple[Convert, bytes | None, bool]:
    """Return how a strip becomes RGB (with: was it transparent?), the profile that holds afterwards, and if colours stay."""
    transparent = image.mode in _CLEAR or "transparency" in image.info
    if transparent and image.mode in _GREY16:
        raise UnsupportedError("16-bit grey picture with transparency is not supported", hint=SAVE_PLAIN_COLOURS)
    grey = image.mode in _GREY16 | {"1", "L", "LA", "La"}
    wanted = "GRAY" if grey else "CMYK" if image.mode == "CMYK" else "RGB"
    profile = _fitting_profile(image, wanted, notes)
    if profile:
        convert, icc = _by_profile(profile, wanted, notes, transparent=transparent)
        return convert, icc, _AS_SRGB not in notes
    if wanted == "RGB" and _says_adobe_rgb(image):
        notes.append("colours are Adobe RGB by EXIF alone: a colour profile was added")
        return _plainly(transparent=transparent), adobe_rgb(), True
    if wanted == "RGB" and (wide := wide_rgb(image.info.get("nclx", (2, 2))[0])) is not None:
        return _plainly(transparent=transparent), wide, True
    if wanted == "CMYK":
        notes.append("CMYK without a colour profile became RGB: colours are approximate")
    return _plainly(transparent=transparent), None, True


def _fitting_profile(image: Image.Image, wanted: str, notes: list[str]) -> bytes | None:
    profile: bytes | None = image.info.get("icc_profile")
    if profile and colour_space(profile) != wanted:
        notes.append("colour profile left out: it is broken or for other samples than these")
        return None
    return profile


def _by_profile(profile: bytes, wanted: str, notes: list[str], *, transparent: bool) -> tuple[Convert, bytes | None]:
    if wanted == "RGB" and (clean := clean_profile(profile)) is not None:
        return _plainly(transparent=transparent), clean
    if (through := _through_profile(profile, wanted, transparent=transparent)) is not None:
        notes.append(_AS_SRGB)
        return through, None
    notes.append("colour profile left out: it cannot be used")
    return _plainly(transparent=transparent), None


def _plainly(*, transparent: bool) -> Convert:
    def convert(strip: Image.Image) -> tuple[Pixels8, bool]:
        if strip.mode in _GREY16:
            strip = _eight_bits(strip)
        if not transparent:
            return np.asarray(strip.convert("RGB")), False
        return _over_white(np.asarray(strip.convert("RGBA")))

    return convert


def _through_profile(profile: bytes, wanted: str, *, transparent: bool) -> Convert | None:
    mode = {"GRAY": "L", "CMYK": "CMYK", "RGB": "RGB"}[wanted]
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None

    def convert(strip: Image.Image) -> tuple[Pixels8, bool]:
        clear = False
        if strip.mode in _GREY16:
            strip = _eight_bits(strip)
        if transparent:
            flat, clear = _over_white(np.asarray(strip.convert("RGBA")))
            strip = Image.fromarray(flat)
        shown = ImageCms.applyTransform(strip.convert(mode), transform)
        return np.asarray(shown), clear

    return convert


def _eight_bits(strip: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(strip) >> 8).astype(np.uint8))


def _over_white(rgba: Pixels8) -> tuple[Pixels8, bool]:
    alpha = rgba[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return rgba[..., :3], False
    mixed = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8), True


def _says_adobe_rgb(image: Image.Image) -> bool:
    try:
        return str(image.getexif().get_ifd(_INTEROPERABILITY).get(1, "")).startswith("R03")
    except _BROKEN_EXIF:
        return False


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN_EXIF:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


Samples = TypeVar("Samples", Pixels8, Pixels16)


def _turned(rgb: Samples, orientation: int) -> Samples:
    # Source: CIPA DC-008-2023, tag Orientation: which row and column of the stored picture are shown top and left
    if orientation >= 5:
        rgb = rgb.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        rgb = rgb[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)
