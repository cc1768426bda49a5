"""Drawn covers: a whole picture of one tone that says why, made without any camera's pixel.

The worker sends one in place of a picture that cannot be judged; the serving process encodes them as slates for the time in
which there is no worker.
"""

from __future__ import annotations

from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from passerby.gateway.values import CoverReason

TONE = 60
"""Luma of the cover: dark enough not to blind a control room at night, far from black, which looks like a broken cable."""
_INK = 200


@lru_cache(maxsize=64)
def _plane(width: int, height: int, title: str, reason: CoverReason) -> NDArray[np.uint8]:
    """Return the cover as planes of yuv420p, stacked: shape (height * 3 / 2, width)."""
    picture = Image.new("L", (width, height), TONE)
    draw = ImageDraw.Draw(picture)
    lines = [(title, height * 0.07), ("Covered: " + reason.words, height * 0.05), ("Passerby", height * 0.035)]
    y = height * 0.38
    for text, size in lines:
        font = _fitting(draw, text, max(8.0, size), width * 0.92)
        draw.text((width / 2, y), text, fill=_INK, font=font, anchor="mm")
        y += max(8.0, size) * 1.8
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = np.asarray(picture, np.uint8)
    planes.setflags(write=False)
    return planes


def _fitting(
    draw: ImageDraw.ImageDraw, text: str, size: float, room_px: float
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the built-in font at the size at which the text fits, not smaller than 6 px."""
    while True:
        font = ImageFont.load_default(size)
        if size <= 6 or draw.textlength(text, font=font) <= room_px:
            return font
        size *= 0.85


def cover_frame(width: int, height: int, title: str, reason: CoverReason) -> av.VideoFrame:
    """Return a fresh cover picture, yuv420p.

    Args:
        width: Pixels, even.
        height: Pixels, even.
        title: Of the camera, drawn on it.
        reason: Why, drawn on it in words.
    """
    return av.VideoFrame.from_ndarray(_plane(width, height, title, reason), format="yuv420p")
