"""Draws faces of nobody for tests of sealing: a test face between two others."""

from __future__ import annotations

from datetime import datetime

import av
import numpy as np
from numpy.typing import NDArray

from passerby.veil import UncoveredFaces

PLACES = ((20, 40), (120, 40), (220, 40))
SIDE = 64


def drawn_face() -> NDArray[np.uint8]:
    """The authority's own: drawn, a picture of nobody; shape (SIDE, SIDE, 3)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    rings = 128 + 80 * np.cos(np.hypot(x - SIDE / 2, y - SIDE / 2) / 3)
    return np.repeat(rings.astype(np.uint8)[..., None], 3, axis=2)


def three_faces(begin: datetime, number: int) -> UncoveredFaces:
    """Return a frame of three faces: the test face in the middle, two others that nobody asks for beside it."""
    rgb = np.full((160, 320, 3), 90, np.uint8)
    for place, (x, y) in enumerate(PLACES):
        rgb[y : y + SIDE, x : x + SIDE] = drawn_face() if place == 1 else 40 + 150 * place // 2
    xyxy = np.array([(x, y, x + SIDE, y + SIDE) for x, y in PLACES], np.float32)
    at_ns = round((begin.timestamp() + number / 25) * 1e9)
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
    return UncoveredFaces(picture, at_ns, xyxy, (1, 2, 3), np.array([1, 1, 1], np.intp))
