"""Writes pictures to files: their pixels, and of everything else no more than what is asked for.

A file is made in memory first, so that errors of the disk are Python's, with their number, and not an encoder's.

Source: PNG (third edition), 11.3 for the chunks that are put in; ITU-T H.273 is left to the colour profile.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from passerby.errors import OutputError, UsageError
from passerby.media.pictures.metadata import Kept, as_exif, as_tiff_tags
from passerby.media.pictures.picture import Picture
from passerby.media.pictures.pixels import BECAME_8

FORMAT_OF_SUFFIX = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WebP",
    ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".dib": "BMP", ".avif": "AVIF",
    ".heic": "HEIC", ".heif": "HEIC", ".hif": "HEIC",
}  # fmt: skip
"""What is written under a suffix."""
UNASKED = {"HEIC": ".jpg", "AVIF": ".jpg", "GIF": ".png"}
"""What is written where nobody asked for a suffix, for formats that are not written unasked: HEVC needs licences that a reader
of the output may not have, AVIF is shown by browsers and little else, and GIF has 256 colours."""
READ_ONLY_SUFFIXES = frozenset({".gif", ".avifs", ".heics"})
_MAX_SIDE_PX = {"JPEG": 65500, "WebP": 16383, "HEIC": 16384, "AVIF": 65536}
_DEEP = {"PNG", "TIFF"}
_XMP = 700
_PNG_HEAD = 8 + 25
"""Signature and IHDR. Source: PNG (third edition), 5.2 and 11.2.1."""


def written_format(path: Path, source: str) -> str:
    """Return the format of an output: what its suffix says, or where that is no picture's, the source's.

    Raises:
        UsageError: the suffix says a format that is read and not written.
    """
    suffix = path.suffix.lower()
    if suffix in READ_ONLY_SUFFIXES:
        raise UsageError(f"pictures are not written as {suffix}, got {path.name}", hint="write .png or .jpg")
    return FORMAT_OF_SUFFIX.get(suffix) or FORMAT_OF_SUFFIX[UNASKED.get(source, f".{source.lower()}")]


def write_picture(picture: Picture, path: Path, *, keep_metadata: bool = False) -> tuple[str, ...]:
    """Write a picture in the format of the path's suffix, as finely coded as its source was.

    Args:
        picture: What to write; nothing but its pixels and its pages', its colour profile, what part of the sphere it shows and,
            when asked for, its kept metadata.
        path: Where; the file is overwritten, so callers give the temporary path of ``atomic_file``. A suffix that is
            no picture's means the source's format.
        keep_metadata: Write the metadata of the allow-list too.

    Returns:
        What this format cannot hold, in words.

    Raises:
        UsageError: the picture is too large for the format, has several pages, or the format is not written.
        OutputError: the picture cannot be encoded.
        OSError: the disk refuses; ``atomic_file`` makes it an OutputError.
    """
    format_ = written_format(path, picture.format)
    height, width = picture.rgb.shape[:2]
    limit = _MAX_SIDE_PX.get(format_)
    if limit is not None and max(height, width) > limit:
        message = f"{format_} pictures must be at most {limit} pixels wide and high, got {width}x{height}"
        raise UsageError(message, hint="write it as PNG: -o NAME.png")
    if picture.further and format_ != "TIFF":
        message = f"{format_} holds one picture, got {len(picture.pages)} pages"
        raise UsageError(message, hint="write it as TIFF: -o NAME.tif")
    job = _Writing(picture, format_, picture.kept if keep_metadata else ())
    try:
        data = job.encoded()
    except (OSError, ValueError, MemoryError, RuntimeError, av.error.FFmpegError) as exc:
        raise OutputError(f"cannot encode a {width}x{height} picture as {format_}: {exc}") from exc
    with path.open("wb") as file:
        file.write(data)
    return (BECAME_8,) if format_ not in _DEEP and any(page.deep is not None for page in picture.pages) else ()


class _Writing:
    """One picture on its way into a file's bytes."""

    def __init__(self, picture: Picture, format_: str, kept: Kept) -> None:
        self._picture, self._format, self._kept = picture, format_, kept
        self._options = picture.encoding.options_for(format_, same=format_ == picture.format)
        height, width = picture.rgb.shape[:2]
        self._xmp = picture.sphere.as_xmp(width, height) if picture.sphere else None

    def encoded(self) -> bytes | memoryview:
        writers: dict[str, Callable[[], bytes | memoryview]] = {"TIFF": self._tiff, "HEIC": self._heic}
        if self._format == "PNG" and self._picture.deep is not None:
            return self._deep_png(self._picture.deep)
        return writers.get(self._format, self._by_pillow)()

    def _by_pillow(self) -> memoryview:
        options = dict(self._options)
        if self._format == "BMP":
            return self._saved({})
        if self._picture.icc is not None:
            options["icc_profile"] = self._picture.icc
        if self._kept:
            options["exif"] = as_exif(self._kept)
        if self._xmp is not None and self._format == "PNG":
            options["pnginfo"] = texts = PngImagePlugin.PngInfo()
            texts.add_itxt("XML:com.adobe.xmp", self._xmp.decode())
        elif self._xmp is not None:
            options["xmp"] = self._xmp
        return self._saved(options)

    def _saved(self, options: dict[str, Any]) -> memoryview:
        buffer = io.BytesIO()
        rgb = np.ascontiguousarray(self._picture.rgb)
        Image.fromarray(rgb).save(buffer, format=self._format.upper(), **options)
        return buffer.getbuffer()

    def _heic(self) -> memoryview:
        from pillow_heif import from_bytes  # 26 MB of libraries that most runs do not need

        height, width = self._picture.rgb.shape[:2]
        made = from_bytes("RGB", (width, height), self._picture.rgb.tobytes())
        told = {"icc_profile": self._picture.icc, "xmp": self._xmp, "exif": as_exif(self._kept) if self._kept else None}
        buffer = io.BytesIO()
        made.save(buffer, **self._options, **{name: value for name, value in told.items() if value is not None})
        return buffer.getbuffer()

    def _tiff(self) -> memoryview:
        pages = self._picture.pages
        if any(page.deep is not None for page in pages):
            return self._deep_tiff()
        images = []
        for page in pages:
            image = Image.fromarray(np.ascontiguousarray(page.rgb))
            told = {
                "icc_profile": page.icc,
                "exif": as_exif(page.kept, nested=False) if self._kept and page.kept else None,
            }
            image.encoderinfo = {name: value for name, value in told.items() if value is not None}
            if page.sphere is not None:
                image.encoderinfo["tiffinfo"] = {_XMP: page.sphere.as_xmp(image.width, image.height)}
            images.append(image)
        buffer = io.BytesIO()
        first, *others = images
        options = {"compression": "tiff_adobe_deflate"} | first.encoderinfo
        for image in others:
            image.encoderinfo |= {"compression": "tiff_adobe_deflate"}
        first.save(buffer, format="TIFF", save_all=bool(others), append_images=others, **options)
        return buffer.getbuffer()

    def _deep_tiff(self) -> memoryview:
        """Return a TIFF of pages of which some have 16 bits a channel: Pillow writes none in colour."""
        from tifffile import TiffWriter  # loaded where such a TIFF is written, at no cost to the others

        buffer = io.BytesIO()
        with TiffWriter(buffer) as file:
            for page in self._picture.pages:
                samples = page.rgb if page.deep is None else _grey_where_it_is(page.deep)
                tags = as_tiff_tags(page.kept) if self._kept else []
                if page.sphere is not None:
                    xmp = page.sphere.as_xmp(page.rgb.shape[1], page.rgb.shape[0])
                    tags.append((_XMP, 1, len(xmp), xmp, True))
                file.write(
                    samples,
                    photometric="rgb" if samples.ndim == 3 else "minisblack",
                    compression="zlib",
                    iccprofile=page.icc,
                    extratags=tags,
                    metadata=None,
                    software=False,
                    contiguous=False,
                )
        return buffer.getbuffer()

    def _deep_png(self, deep: NDArray[np.uint16]) -> bytes:
        """Return a PNG of 16 bits a channel: Pillow writes none in colour."""
        samples = _grey_where_it_is(deep)
        height, width = samples.shape[:2]
        encoder = av.CodecContext.create("png", "w")
        if not isinstance(encoder, VideoCodecContext):
            raise OutputError("FFmpeg has no PNG encoder here")
        encoder.width, encoder.height = width, height
        encoder.pix_fmt = "rgb48be" if samples.ndim == 3 else "gray16be"
        encoder.options = {"pred": "mixed", "compression_level": "4"}
        frame = av.VideoFrame(width, height, encoder.pix_fmt)
        plane = frame.planes[0]
        rows = np.frombuffer(cast("bytes", plane), np.uint8).reshape(-1, plane.line_size)
        big = samples.astype(">u2").reshape(height, -1).view(np.uint8)
        rows[:height, : big.shape[1]] = big
        encoder.time_base = frame.time_base = Fraction(1)
        frame.pts = 0
        data = b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))
        return data[:_PNG_HEAD] + self._png_chunks() + _plain_chunks(data)

    def _png_chunks(self) -> bytes:
        chunks = b""
        if self._picture.icc is not None:
            chunks += _png_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(self._picture.icc))
        if self._kept:
            chunks += _png_chunk(b"eXIf", as_exif(self._kept).removeprefix(b"Exif\0\0"))
        if self._xmp is not None:
            chunks += _png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + self._xmp)
        return chunks


def _grey_where_it_is(samples: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return one channel where all three are alike, shape (H, W), else all, shape (H, W, 3)."""
    grey = samples[..., 0]
    same = np.array_equal(grey, samples[..., 1]) and np.array_equal(grey, samples[..., 2])
    return np.ascontiguousarray(grey if same else samples)


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")


def _plain_chunks(data: bytes) -> bytes:
    """Return the pixels and the end of a PNG: what else an encoder writes is left out."""
    kept, place = b"", _PNG_HEAD
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] in {b"IDAT", b"IEND"}:
            kept += data[place : place + 12 + length]
        place += 12 + length
    return kept
