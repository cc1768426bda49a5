"""Reads pictures from files: exactly one decoded picture comes in, as it is shown, or each page of a TIFF.

Nothing of the input file is passed on but what stands in ``Picture``: no EXIF and thumbnail, XMP, IPTC, comment, gain
map, depth, further picture, video behind the end, transparency. What cannot be shown without guessing is refused by name,
with a command that helps.

Memory at the peak, measured: 8 bytes a pixel for JPEG, 10 where it is turned, 15 for PNG and TIFF, 21 for WebP; with 16 bits a
channel 15 more.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from passerby.errors import UnreadableError, UnsupportedError
from passerby.media.content import PICTURE_NAMES, ContentKind, sniff_bytes
from passerby.media.pictures.extras import extras_of, extras_of_heif, extras_of_tiff
from passerby.media.pictures.hints import command_for
from passerby.media.pictures.metadata import Kept, kept_of
from passerby.media.pictures.pixels import pixels_of
from passerby.media.pictures.quality import Encoding, encoding_of
from passerby.media.pictures.readers import open_page, pages_of
from passerby.media.spheres import Sphere, sphere_of_xmp

MAX_PIXELS = 178_000_000
"""Pictures with more are refused before they are decoded; that many take 1.3 to 1.8 GB as JPEG.

Source: just below twice ``PIL.Image.MAX_IMAGE_PIXELS``, where Pillow's own readers refuse."""
MAX_FILE_BYTES = 1_000_000_000

_WANTED = ", ".join(PICTURE_NAMES)
_MALFORMED = (
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    struct.error,
    LookupError,
    ArithmeticError,
)
"""What Pillow's readers raise on broken files. Source: some 370 000 files broken at random."""


@dataclass(slots=True, eq=False)
class Picture:
    """One decoded picture, as it is shown.

    Attributes:
        rgb: Shape (H, W, 3), uint8, contiguous and writable, turned the way the file says it is shown.
        format: What the file was, as ``sniff_bytes`` names it.
        icc: The colours' meaning as a colour profile built anew, without names and dates; None for sRGB.
        notes: What was left out or changed, for the report.
        encoding: How finely the file was coded.
        kept: Metadata of the allow-list, written only when asked for.
        deep: The same pixels in 16 bits, shape (H, W, 3), uint16, contiguous and writable; None where the file has 8.
        sphere: What part of the sphere around the camera it shows; None for an ordinary picture.
        further: The pages behind this one, of a TIFF. Whoever covers something in a picture covers it in all of these.
    """

    rgb: NDArray[np.uint8]
    format: str = "PNG"
    icc: bytes | None = None
    notes: tuple[str, ...] = ()
    encoding: Encoding = field(default_factory=Encoding)
    kept: Kept = ()
    deep: NDArray[np.uint16] | None = None
    sphere: Sphere | None = None
    further: tuple[Picture, ...] = ()

    @property
    def pages(self) -> tuple[Picture, ...]:
        """This one and those behind it."""
        return (self, *self.further)


def read_picture(path: Path) -> Picture:
    """Read the one picture of a file, turned as it is shown; of a TIFF the first page, with the others behind it.

    Raises:
        UnreadableError: the file cannot be read, is no picture, is cut off or broken.
        UnsupportedError: it is animated or raw, is too large, or has colours that cannot be kept right.
    """
    data = _read_bytes(path)
    content = sniff_bytes(data)
    if content.kind is ContentKind.UNSUPPORTED:
        message = f"picture must be {_WANTED}, got {content.name}: {path}"
        raise UnsupportedError(message, hint="save it as JPEG or PNG with another program first")
    if content.name.startswith("animated"):
        message = f"picture must be a single still, got an {content.name}: {path}"
        raise UnsupportedError(message, hint="passerby veil takes it as a clip")
    if content.kind is not ContentKind.PICTURE:
        raise UnreadableError(f"picture must be {_WANTED}, got {content.name}: {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's words about broken metadata, none of which is used
            return _decode(data, content.name)
    except UnsupportedError as exc:
        raise UnsupportedError(f"{exc.message}: {path}", hint=_said(exc.hint, path)) from exc
    except (MemoryError, Image.DecompressionBombError) as exc:
        raise UnsupportedError(f"picture is too large to decode: {path} ({exc})") from exc
    except _MALFORMED as exc:
        message = f"{content.name} picture is cut off or broken: {path} ({exc})"
        raise UnreadableError(message, hint="copy it anew from where it came from") from exc


def _said(hint: str | None, path: Path) -> str | None:
    """Return a hint; where it holds the template of a command, with this file's name in it."""
    return hint if hint is None or "{file}" not in hint else command_for(hint, path)


def _read_bytes(path: Path) -> bytes:
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1) if size_bytes <= MAX_FILE_BYTES else b""
    except OSError as exc:
        raise UnreadableError(f"cannot read {path}: {exc.strerror or exc}") from exc
    if max(size_bytes, len(data)) > MAX_FILE_BYTES:
        raise UnsupportedError(f"picture file must be at most {MAX_FILE_BYTES // 1_000_000} MB: {path}")
    return data


def _decode(data: bytes, format_: str) -> Picture:
    extras = extras_of(data, format_)
    numbers = list(pages_of(data, format_))
    pages = []
    left_px = MAX_PIXELS
    for number in numbers:
        with open_page(data, format_, number) as image:
            left_px -= _pixels_to_decode(image, left_px)
            pages.append(_page(image, data, format_, number))
    first = pages[0]
    first.further = tuple(pages[1:])
    if len(pages) > 1:
        extras += (f"{len(pages)} pages, each veiled",)
    first.notes = tuple(dict.fromkeys((*extras, *(note for page in pages for note in page.notes))))
    return first


def _pixels_to_decode(image: Image.Image, left_px: int) -> int:
    width, height = image.size
    if width < 1 or height < 1:
        raise UnreadableError(f"picture has no pixels: {width}x{height}")
    if width * height > left_px:
        message = f"picture must have at most {MAX_PIXELS // 1_000_000} million pixels, got {width}x{height}"
        raise UnsupportedError(message, hint="cut it into parts, or make it smaller, with another program first")
    return width * height


def _page(image: Image.Image, data: bytes, format_: str, number: int) -> Picture:
    extras: tuple[str, ...] = ()
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        extras = extras_of_tiff(set(image.tag_v2))
    elif format_ in {"HEIC", "AVIF"}:
        extras = extras_of_heif(image.info, getattr(image, "n_frames", 1), data)
    encoding, xmp = encoding_of(image, data), image.info.get("xmp", b"")
    pixels = pixels_of(image, lambda: open_page(data, format_, number))
    height, width = pixels.rgb.shape[:2]
    return Picture(
        rgb=pixels.rgb,
        format=format_,
        icc=pixels.icc,
        notes=extras + pixels.notes,
        encoding=encoding,
        kept=kept_of(image),
        deep=pixels.deep,
        sphere=sphere_of_xmp(xmp, (width, height)) if isinstance(xmp, bytes) else None,
    )
