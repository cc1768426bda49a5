"""Which frame of a source each frame of an output shows: tools drop, double and shift frames.

The expected frame is the one shown at the same time, or the one of the same number where both have as many. Around it the one is
taken that looks most alike, in an order that never goes back (dynamic programming over a band).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BAND_FRAMES = 12
"""So far from where it is expected a frame is looked for."""
APART_LEVELS = 0.05
"""Levels that being one frame away from the expected one costs: where nothing moves, the expected one is taken. Chosen."""
ALIKE_SHARE = 0.6
"""Share of the picture, where two frames are most alike, that is compared: covers differ and follow the faces. Chosen."""
SMALL_PX = (48, 27)
"""Size of the copies that are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class SmallClip:
    """Small grey copies of a clip's frames.

    Attributes:
        luma: Shape (N, H, W), uint8.
        time_s: Shape (N,), float64: when each is shown.
    """

    luma: NDArray[np.uint8]
    time_s: NDArray[np.float64]


def match_frames(source: SmallClip, output: SmallClip) -> NDArray[np.int64]:
    """Return for each frame of an output the frame of the source that it shows; never falling.

    >>> moving = np.arange(20, dtype=np.uint8)[:, None, None] * np.full((1, 2, 2), 10, np.uint8)
    >>> whole = SmallClip(moving, np.arange(20) / 10)
    >>> match_frames(whole, SmallClip(moving[3:], np.arange(17) / 10)).tolist()[:3]
    [3, 4, 5]
    """
    expected = _expected(source, output)
    count, last = len(source.time_s), len(output.time_s)
    offsets = np.arange(-BAND_FRAMES, BAND_FRAMES + 1)
    alike = max(1, round(ALIKE_SHARE * source.luma[0].size))
    best = np.zeros((last, len(offsets)))
    came = np.zeros((last, len(offsets)), np.int64)
    before: NDArray[np.float64] | None = None
    for at in range(last):
        frames = np.clip(expected[at] + offsets, 0, count - 1)
        apart = np.abs(source.luma[frames].astype(np.int16) - output.luma[at].astype(np.int16)).reshape(len(frames), -1)
        away = np.partition(apart, alike, axis=1)[:, :alike].mean(axis=1)
        cost = away + APART_LEVELS * np.abs(offsets)
        if before is not None:
            # the cheapest way to any frame up to this one
            frames_before = np.clip(expected[at - 1] + offsets, 0, count - 1)
            cheapest = np.minimum.accumulate(before)
            way = np.where(before == cheapest, np.arange(len(before)), 0)
            way = np.maximum.accumulate(way)
            upto = np.searchsorted(frames_before, frames, side="right") - 1
            known = upto >= 0
            cost = np.where(known, cost + cheapest[np.maximum(upto, 0)], np.inf)
            came[at] = way[np.maximum(upto, 0)]
        best[at] = before = cost
    found = np.zeros(last, np.int64)
    state = int(np.argmin(best[-1]))
    for at in range(last - 1, -1, -1):
        found[at] = np.clip(expected[at] + offsets[state], 0, count - 1)
        state = int(came[at, state])
    return found


def _expected(source: SmallClip, output: SmallClip) -> NDArray[np.int64]:
    if len(source.time_s) == len(output.time_s):
        return np.arange(len(output.time_s))
    shown = source.time_s - source.time_s[0]
    at = np.searchsorted(shown, output.time_s - output.time_s[0] + 1e-6, side="right") - 1
    return np.maximum.accumulate(np.clip(at, 0, len(shown) - 1))
