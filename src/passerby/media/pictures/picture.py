"""Pictures as files: exactly one decoded picture comes in, as it is shown, and exactly one goes out.

Nothing of the input file is passed on but what stands in ``Picture``: no EXIF and thumbnail, XMP, IPTC, comment, gain
map, further picture, video behind the end, transparency. What cannot be shown as one still picture in 8 bits a colour
without guessing is refused by name.

Memory at the peak, measured: 8 bytes a pixel for JPEG, 10 where it is turned, 15 for PNG and TIFF, 21 for WebP.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from passerby.errors import OutputError, UnreadableError, UnsupportedError, UsageError
from passerby.media.content import ContentKind, sniff_bytes
from passerby.media.pictures.extras import extras_of, extras_of_tiff
from passerby.media.pictures.metadata import Kept, as_exif, kept_of
from passerby.media.pictures.pixels import open_one, pixels_of
from passerby.media.pictures.quality import Encoding, encoding_of

MAX_PIXELS = 178_000_000
"""Pictures with more are refused before they are decoded; that many take 1.3 to 1.8 GB as JPEG.

Source: just below twice ``PIL.Image.MAX_IMAGE_PIXELS``, where Pillow's own readers refuse."""
MAX_FILE_BYTES = 1_000_000_000

FORMAT_OF_SUFFIX = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WebP",
    ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip
_MAX_SIDE_PX = {"JPEG": 65500, "WebP": 16383}
_MALFORMED = (OSError, SyntaxError, ValueError, TypeError, EOFError, struct.error, LookupError, ArithmeticError)
"""What Pillow's readers raise on broken files. Source: some 370 000 files broken at random."""


@dataclass(slots=True, eq=False)
class Picture:
    """One decoded picture, as it is shown.

    Attributes:
        rgb: Shape (H, W, 3), uint8, contiguous and writable, turned the way the file says it is shown.
        format: ``JPEG``, ``PNG``, ``WebP`` or ``TIFF``: what the file was.
        icc: The colours' meaning as a colour profile built anew, without names and dates; None for sRGB.
        notes: What was left out or changed, for the report.
        encoding: How finely the file was coded.
        kept: Metadata of the allow-list, written only when asked for.
    """

    rgb: NDArray[np.uint8]
    format: str = "PNG"
    icc: bytes | None = None
    notes: tuple[str, ...] = ()
    encoding: Encoding = field(default_factory=Encoding)
    kept: Kept = ()


def read_picture(path: Path) -> Picture:
    """Read the one picture of a file, turned as it is shown.

    Raises:
        UnreadableError: the file cannot be read, is no picture, is cut off or broken.
        UnsupportedError: it is animated, has several pages, is too large, or has colours that cannot be kept right.
    """
    data = _read_bytes(path)
    content = sniff_bytes(data)
    if content.kind is ContentKind.UNSUPPORTED:
        message = f"picture must be JPEG, PNG, WebP or TIFF, got {content.name}: {path}"
        raise UnsupportedError(message, hint="save it as JPEG or PNG with another program first")
    if content.name.startswith("animated"):
        message = f"picture must be a single still, got an {content.name}: {path}"
        raise UnsupportedError(message, hint="passerby veil takes it as a clip")
    if content.kind is not ContentKind.PICTURE:
        raise UnreadableError(f"picture must be JPEG, PNG, WebP or TIFF, got {content.name}: {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's words about broken metadata, none of which is used
            return _decode(data, content.name)
    except UnsupportedError as exc:
        raise UnsupportedError(f"{exc.message}: {path}", hint=exc.hint) from exc
    except (MemoryError, Image.DecompressionBombError) as exc:
        raise UnsupportedError(f"picture is too large to decode: {path} ({exc})") from exc
    except _MALFORMED as exc:
        message = f"{content.name} picture is cut off or broken: {path} ({exc})"
        raise UnreadableError(message, hint="copy it anew from where it came from") from exc


def write_picture(picture: Picture, path: Path, *, keep_metadata: bool = False) -> None:
    """Write a picture in the format of the path's suffix, as finely coded as its source was.

    Args:
        picture: What to write; nothing but its pixels, its colour profile and, when asked for, its kept metadata.
        path: Where; the file is overwritten, so callers give the temporary path of ``atomic_file``. A suffix that is
            no picture's means the source's format.
        keep_metadata: Write the metadata of the allow-list too.

    Raises:
        UsageError: the picture is too large for the format.
        OutputError: the picture cannot be encoded.
        OSError: the disk refuses; ``atomic_file`` makes it an OutputError.
    """
    format_ = FORMAT_OF_SUFFIX.get(path.suffix.lower(), picture.format)
    height, width = picture.rgb.shape[:2]
    limit = _MAX_SIDE_PX.get(format_)
    if limit is not None and max(height, width) > limit:
        message = f"{format_} pictures must be at most {limit} pixels wide and high, got {width}x{height}"
        raise UsageError(message, hint="write it as PNG: -o NAME.png")
    options = picture.encoding.options_for(format_, same=format_ == picture.format)
    if picture.icc is not None:
        options["icc_profile"] = picture.icc
    if keep_metadata and picture.kept:
        options["exif"] = as_exif(picture.kept, nested=format_ != "TIFF")
    buffer = io.BytesIO()  # so that errors of the disk are Python's, with their number, not the encoder's
    try:
        Image.fromarray(np.ascontiguousarray(picture.rgb)).save(buffer, format=format_.upper(), **options)
    except (OSError, ValueError, MemoryError) as exc:
        raise OutputError(f"cannot encode a {width}x{height} picture as {format_}: {exc}") from exc
    with path.open("wb") as file:
        file.write(buffer.getbuffer())


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
    with open_one(io.BytesIO(data), format_) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            message = f"picture must have at most {MAX_PIXELS // 1_000_000} million pixels, got {width}x{height}"
            raise UnsupportedError(message, hint="cut it into parts, or make it smaller, with another program first")
        if width < 1 or height < 1:
            raise UnreadableError(f"picture has no pixels: {width}x{height}")
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            extras += extras_of_tiff(set(image.tag_v2))
        encoding = encoding_of(image, data)
        pixels = pixels_of(image)
        return Picture(
            rgb=pixels.rgb,
            format=format_,
            icc=pixels.icc,
            notes=extras + pixels.notes,
            encoding=encoding,
            kept=kept_of(image),
        )
