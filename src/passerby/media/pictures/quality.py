"""How finely a picture was coded, so that its veiled copy neither loses nor pretends."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image, JpegImagePlugin

FRESH_QUALITY = 92
"""JPEG quality where the source was no JPEG. Source: a choice; at 92 coding noise is hardly seen at 1:1."""
WEBP_QUALITY = 90
HEIC_QUALITY, AVIF_QUALITY = 85, 85
"""Source: a choice; the mean error on the portrait is that of JPEG at 92 or less."""
LOWEST_QUALITY, HIGHEST_QUALITY = 30, 98


@dataclass(frozen=True, slots=True)
class Encoding:
    """How finely the source was coded.

    Attributes:
        quality: JPEG quality on libjpeg's scale, 1 to 100, nearest to the source's tables; None if it was no JPEG. The
            source's own tables are not kept: they tell the make of a camera.
        subsampling: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
        lossless: The source was coded without loss.
    """

    quality: int | None = None
    subsampling: int = 0
    lossless: bool = True

    def options_for(self, format_: str, *, same: bool) -> dict[str, Any]:
        """Return Pillow's options for writing.

        Args:
            format_: As ``FORMAT_OF_SUFFIX`` names it.
            same: The source had this format too.
        """
        if format_ == "JPEG":
            return {"quality": self.quality or FRESH_QUALITY, "subsampling": self.subsampling}
        if format_ == "WebP":
            return {"lossless": True} if same and self.lossless else {"quality": WEBP_QUALITY, "method": 4}
        if format_ in {"HEIC", "AVIF"}:
            return {"quality": HEIC_QUALITY if format_ == "HEIC" else AVIF_QUALITY}
        return {"compress_level": 4} if format_ == "PNG" else {}


def encoding_of(image: Image.Image, data: bytes) -> Encoding:
    """Return how finely a picture is coded.

    Args:
        image: The picture, opened but not decoded.
        data: Its file.
    """
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        sampling = JpegImagePlugin.get_sampling(image)
        turned = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}
        if sampling not in {0, 1, 2} or (sampling == 1 and turned):  # 4:2:2 on its side is 4:4:0, which is not written
            sampling = 0
        tables = getattr(image, "quantization", {})
        return Encoding(_nearest_quality(tables.get(0)), sampling, lossless=False)
    if image.format == "WEBP":
        return Encoding(lossless=b"VP8L" in data[12:64])
    return Encoding()


def _nearest_quality(table: list[int] | None) -> int:
    if not table:
        return FRESH_QUALITY
    total = sum(table)
    sums = _sums_by_quality()
    nearest = min(sums, key=lambda quality: (abs(sums[quality] - total), -quality))
    return min(max(nearest, LOWEST_QUALITY), HIGHEST_QUALITY)


@functools.cache
def _sums_by_quality() -> dict[int, int]:
    sums = {}
    for quality in range(1, 101):
        buffer = io.BytesIO()
        Image.new("L", (8, 8)).save(buffer, format="JPEG", quality=quality)
        buffer.seek(0)
        with JpegImagePlugin.JpegImageFile(buffer) as image:
            sums[quality] = sum(image.quantization[0])
    return sums
