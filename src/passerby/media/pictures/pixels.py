"""From a file's samples to the pixels that are shown: one frame, 8 bits, RGB, opaque, the right way up.

Works in strips, so that at no time more than two whole copies of the picture stand in memory.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from passerby.errors import UnsupportedError
from passerby.media.pictures.icc import adobe_rgb, clean_profile, colour_space

Pixels8 = NDArray[np.uint8]
STRIP_PX = 4_000_000
"""Pixels converted at a time. Source: a choice; with it the peak of memory is what ``picture`` states."""
_ORIENTATION, _INTEROPERABILITY = 0x0112, 0xA005
_BROKEN_EXIF = (SyntaxError, ValueError, struct.error, OSError, KeyError, IndexError, TypeError)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # its complaints about broken files come as our errors
_READERS: dict[str, Callable[[IO[bytes]], Image.Image]] = {
    # named readers, not Image.open: what was judged by its first bytes is read as that and nothing else
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
_GREY16 = {"I;16", "I;16L", "I;16B"}
_PLAIN = {"1", "L", "P", "RGB", "RGBX", "YCbCr"}
_CLEAR = {"LA", "La", "PA", "RGBA", "RGBa"}
_AS_SRGB = "colours converted to sRGB"


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """The picture as shown.

    Attributes:
        rgb: Shape (H, W, 3), uint8, contiguous, writable.
        icc: The colour profile that these pixels need; None for sRGB.
        notes: What was changed.
    """

    rgb: Pixels8
    icc: bytes | None
    notes: tuple[str, ...]


def open_one(file: io.BytesIO, format_: str) -> Image.Image:
    """Open a still picture, without decoding it.

    Raises:
        UnsupportedError: it moves, has several pages, or is raw.
    """
    image = _READERS[format_](file)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _check_tiff(image)
    elif getattr(image, "is_animated", False):
        message = f"picture must be a single still, got an animated {format_}"
        raise UnsupportedError(message, hint="turn it into a clip first: ffmpeg -i IN -c:v libx264 -crf 16 OUT.mp4")
    return image


def _check_tiff(image: TiffImagePlugin.TiffImageFile) -> None:
    tags = image.tag_v2
    photometric, bits = tags.get(262), set(tags.get(258, (1,)))
    if photometric in {32803, 34892} or 50706 in tags:
        raise UnsupportedError("picture must be developed, got a raw photograph (DNG)", hint="export it as JPEG first")
    if not _are_previews(image):
        message = f"picture must be a single still, got a TIFF with {image.n_frames} pages"
        raise UnsupportedError(message, hint="split it into one file a page with another program first")
    if bits - {1, 2, 4, 8, 16} or len(bits) > 1 or set(tags.get(339, (1,))) - {1, 4}:
        message = f"TIFF samples must be whole numbers of 8 or 16 bits, got {sorted(bits)} bits, kind {tags.get(339)}"
        raise UnsupportedError(message, hint="save it with 8 bits a channel first")
    if bits == {16} and photometric == 0:
        raise UnsupportedError("16-bit TIFF must have black as zero", hint="save it with 8 bits a channel first")


def _are_previews(image: TiffImagePlugin.TiffImageFile) -> bool:
    pages = image.n_frames
    for page in range(1, pages):
        image.seek(page)
        if not image.tag_v2.get(254, 0) & 1:  # NewSubfileType: a smaller copy of another page
            return False
    image.seek(0)
    return True


def pixels_of(image: Image.Image, *, strip_px: int = STRIP_PX) -> Pixels:
    """Decode a picture as it is shown.

    Args:
        image: Opened, not decoded.
        strip_px: So many pixels are converted at a time, but at least a row.

    Raises:
        UnsupportedError: its colours cannot be shown in 8-bit RGB without guessing.
    """
    notes: list[str] = []
    if image.mode not in _PLAIN | _CLEAR | _GREY16 | {"CMYK"}:
        message = f"picture must be RGB, grey or CMYK, got {image.mode} samples"
        raise UnsupportedError(message, hint="save it as an 8-bit RGB picture first")
    if _is_deep(image):
        notes.append("16 bits a channel became 8")
    image.load()
    convert, icc = _conversion(image, notes)
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
    return Pixels(_turned(rgb, _orientation(image)), icc, tuple(notes))


def _is_deep(image: Image.Image) -> bool:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return 16 in image.tag_v2.get(258, (1,))
    return image.mode in _GREY16 or any("16" in str(tile.args) for tile in getattr(image, "tile", ()))


Convert = Callable[[Image.Image], tuple[Pixels8, bool]]


def _conversion(image: Image.Image, notes: list[str]) -> tuple[Convert, bytes | None]:
    """Return how a strip becomes RGB (with: was it transparent?), and the profile that holds afterwards."""
    transparent = image.mode in _CLEAR or "transparency" in image.info
    if transparent and image.mode in _GREY16:
        raise UnsupportedError(
            "16-bit grey picture with transparency is not supported", hint="save it as 8-bit RGB first"
        )
    grey = image.mode in _GREY16 | {"1", "L", "LA", "La"}
    wanted = "GRAY" if grey else "CMYK" if image.mode == "CMYK" else "RGB"
    profile = _fitting_profile(image, wanted, notes)
    if profile:
        return _by_profile(profile, wanted, notes, transparent=transparent)
    if wanted == "RGB" and _says_adobe_rgb(image):
        notes.append("colours are Adobe RGB by EXIF alone: a colour profile was added")
        return _plainly(transparent=transparent), adobe_rgb()
    if wanted == "CMYK":
        notes.append("CMYK without a colour profile became RGB: colours are approximate")
    return _plainly(transparent=transparent), None


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


def _turned(rgb: Pixels8, orientation: int) -> Pixels8:
    # Source: CIPA DC-008-2023, tag Orientation: which row and column of the stored picture are shown top and left
    if orientation >= 5:
        rgb = rgb.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        rgb = rgb[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)
