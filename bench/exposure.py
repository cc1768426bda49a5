"""How much of the drawn scene's faces can be seen in pictures that came out, and what that says of all faces."""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from passerby.gateway.picture.drawn_cover import TONE
from passerby.gateway.picture.scene import Scene

COVER = 112
"""Luma of the default fill."""
NOISE = 12
"""Grey levels by which encoding twice changes a pixel at most, nearly always."""
HIDDEN = 0.3
"""A face of which less can be seen, because something stands before it, is not counted."""
PARTLY = 0.1
"""Share of a face's area from which it is partly bare."""

Luma = NDArray[np.uint8]


def is_whole(luma: Luma) -> bool:
    """Whether a picture, shape (H, W), is a drawn cover."""
    return bool(abs(float(np.median(luma[::4, ::4])) - TONE) < 4)


def open_shares(scene: Scene, number: int, luma: Luma) -> dict[int, float]:
    """Return, for each face that can be seen in picture ``number``, the share of its area that came out as it went in.

    Args:
        scene: What was drawn.
        number: Of the picture.
        luma: What came out, shape (H, W).

    >>> from passerby.gateway.picture.scene import SceneSettings
    >>> scene = Scene(SceneSettings(320, 192, 12.5, 1))
    >>> open_shares(scene, 7, scene.luma(7))[0] > 0.85, open_shares(scene, 7, scene.luma(7) * 0 + 112)
    (True, {0: 0.0})
    """
    known, shares = scene.luma(number), {}
    for face, (x0, y0, x1, y1) in enumerate(scene.faces(number)):
        shown = scene.shown(number, face)
        area = float((x1 - x0) * (y1 - y0))
        if shown.sum() > HIDDEN * area:
            seen, bare = luma[shown].astype(np.int16), known[shown].astype(np.int16)
            shares[face] = float(((np.abs(seen - bare) < NOISE) & (np.abs(seen - COVER) > NOISE / 2)).sum()) / area
    return shares


def incidents(seen: list[tuple[int, int]], apart: int) -> int:
    """Count runs of pictures in which one face is bare; what several outputs show of one counts once.

    Args:
        seen: Number of the picture and face.
        apart: So many pictures apart two are no longer one run.

    >>> incidents([(10, 0), (11, 0), (11, 0), (40, 0), (11, 1)], 12)
    3
    """
    last: dict[int, int] = {}
    count = 0
    for number, face in sorted(seen):
        count += face not in last or number - last[face] > apart
        last[face] = number
    return count


def upper_share(found: int, of: int) -> float:
    """Return the share that is not exceeded with 95 % certainty, where ``found`` of ``of`` were seen (Poisson).

    >>> round(upper_share(0, 1000) * 1000, 2), round(upper_share(1, 1000) * 1000, 2)
    (3.0, 4.74)
    """
    low, high = 0.0, 10 + 6.0 * found
    for _ in range(60):
        middle = (low + high) / 2
        term = total = float(exp(-middle))
        for k in range(1, found + 1):
            term *= middle / k
            total += term
        low, high = (middle, high) if total > 0.05 else (low, middle)
    return min(1.0, high / max(1, of))
