"""Cuts faces out of a bare frame, right before it is covered: only pixels that belong to that face.

A pixel belongs to the larger face. Detections lie a little off, so what lies within ``GUARD`` of another face's box is given to
nobody but the larger of two faces, and there only what is well within its own box; of two about as large neither gets it. A
margin never holds another's face.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from passerby.boxes import areas, clip_to_picture, grow, intersections, mean_sides
from passerby.media import frame_planes
from passerby.values import Boxes
from passerby.veil import HIDDEN, UncoveredFaces, with_margin

GUARD = 0.15
"""So much of a face's side around its box, and within it, may be another's. Chosen on drawn crossings (bench/seal.py)."""
AS_LARGE = 1.5
"""Up to this ratio of their sides two faces are as large as each other: boxes that drifted are wider. Chosen on the same."""
MOST_LOST = 0.6
"""A face of which more than this share belongs to others is left out. Chosen, not measured."""
MARGIN_SCALE = 1.3
"""As far as covers go, by default. Source: ``CoverSettings.mask_scale``."""
GREY = 128
Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """One face in one frame: a copy of its own pixels, everything else grey.

    Attributes:
        captured_ns: Of the frame.
        track: Of which it is.
        stretch: Of the track: surely one person's.
        box: x0, y0, x1, y1 in the frame, even, pixels; x1 and y1 one past the last.
        planes: Luma (h, w) and two chroma planes of half its height and width, uint8.
        frame: Width and height of the frame, pixels.
        colour: Matrix and range of the frame, as FFmpeg numbers them.
        lost: Share of the face that belongs to others, 0 to 1.
    """

    captured_ns: int
    track: int
    stretch: int
    box: tuple[int, int, int, int]
    planes: tuple[Plane, Plane, Plane]
    frame: tuple[int, int]
    colour: tuple[int, int]
    lost: float


@dataclass(frozen=True, slots=True, eq=False)
class CutFaces:
    """What was cut out of one frame.

    Attributes:
        patches: In the order of their tracks.
        small: Faces left out because too little of them was their own.
        behind: Faces left out because the time was over.
        unsure: Faces of which nobody knows whose they are.
    """

    patches: list[Patch]
    small: int
    behind: int
    unsure: int


def own_pixels(
    row: int, boxes: Boxes, crop: tuple[int, int, int, int], *, hidden: Collection[int] = ()
) -> tuple[NDArray[np.bool_], float]:
    """Return which pixels of a crop belong to one face alone, and which share of the face does not.

    Args:
        row: Of the face.
        boxes: Of all faces of the frame, shape (N, 4), float32, pixels, without margin.
        crop: x0, y0, x1, y1, even, pixels.
        hidden: Rows of places where somebody may be behind a face: its own box is its own, what is around it is not.

    Returns:
        Shape (height / 2, width / 2), bool, one for each block of two by two pixels; 0 to 1.

    >>> two = np.array([[0, 0, 40, 40], [36, 0, 76, 40]], np.float32)
    >>> mine, lost = own_pixels(0, two, (0, 0, 52, 40))
    >>> mine[0].astype(int).tolist(), lost
    ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0.25)
    """
    x0, y0, x1, y1 = crop
    mine = np.ones(((y1 - y0) // 2, (x1 - x0) // 2), bool)
    sides = mean_sides(boxes, least_px2=1)
    guard = np.repeat((GUARD * sides)[:, None], 2, axis=1).astype(np.float32)
    around, core = grow(boxes, guard), grow(boxes[row : row + 1], -guard[row : row + 1])[0]
    near = np.flatnonzero(intersections(around, np.array([crop], np.float32))[:, 0] > 0)
    for other in near.tolist():
        if other == row:
            continue
        keeps = other in hidden or sides[row] > AS_LARGE * sides[other]
        kept = mine[_blocks(core, crop, inner=True)].copy() if keeps else None
        mine[_blocks(around[other], crop, inner=False)] = False
        if kept is not None:
            mine[_blocks(core, crop, inner=True)] = kept
    face = mine[_blocks(boxes[row], crop, inner=False)]
    return mine, 1.0 - float(face.mean()) if face.size else 1.0


def _blocks(box: NDArray[np.float32], crop: tuple[int, int, int, int], *, inner: bool) -> tuple[slice, slice]:
    """Return the blocks of a crop that a box holds whole, or touches."""
    off = box - np.array([crop[0], crop[1]] * 2)
    low, high = (
        (np.ceil(off[:2] / 2), np.floor(off[2:] / 2)) if inner else (np.floor(off[:2] / 2), np.ceil(off[2:] / 2))
    )
    first = np.maximum(low, 0).astype(int)
    stop = np.maximum(high, first).astype(int)
    return slice(first[1], stop[1]), slice(first[0], stop[0])


def cut_patches(faces: UncoveredFaces, within_s: float = float("inf")) -> CutFaces:
    """Copy the own pixels of each face of which it is known whose it is.

    Args:
        faces: A frame right before it is covered.
        within_s: After so long what is left is left out.
    """
    ends = time.monotonic() + within_s
    picture = faces.picture
    width, height = picture.width, picture.height
    boxes = clip_to_picture(faces.xyxy, width, height)
    known = [row for row in np.argsort(faces.tracks, kind="stable").tolist() if faces.stretches[row] >= 0]
    hidden = {row for row, track in enumerate(faces.tracks) if track == HIDDEN}
    unsure, small = len(boxes) - len(known) - len(hidden), 0
    patches: list[Patch] = []
    planes: tuple[Plane, Plane, Plane] | None = None
    crops = _crops(faces.xyxy, width, height)
    for at, row in enumerate(known):
        if time.monotonic() > ends:
            return CutFaces(patches, small, len(known) - at, unsure)
        x0, y0, x1, y1 = crop = crops[row]
        if x1 <= x0 or y1 <= y0 or areas(boxes[row : row + 1])[0] <= 0:
            small += 1
            continue
        mine, lost = own_pixels(row, boxes, crop, hidden=hidden)
        if lost > MOST_LOST:
            small += 1
            continue
        planes = planes or _planes(picture)
        cut = _masked(planes, crop, mine)
        colour = (int(picture.colorspace), int(picture.color_range))
        track, stretch = int(faces.tracks[row]), int(faces.stretches[row])
        patches.append(Patch(faces.captured_ns, track, stretch, crop, cut, (width, height), colour, lost))
    return CutFaces(patches, small, 0, unsure)


def _crops(boxes: Boxes, width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return what is covered of each face, in whole blocks of two by two pixels within the frame."""
    covers = with_margin(boxes, MARGIN_SCALE, max(width, height))
    low = np.floor(np.maximum(covers[:, :2], 0) / 2) * 2
    high = np.minimum(np.ceil(covers[:, 2:] / 2) * 2, [width // 2 * 2, height // 2 * 2])
    rows = np.concatenate([low, high], axis=1).astype(int).tolist()
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in rows]


def _planes(picture: av.VideoFrame) -> tuple[Plane, Plane, Plane]:
    if picture.format.name not in {"yuv420p", "yuvj420p"}:
        picture = VideoReformatter().reformat(picture, format="yuv420p", threads=1)
    luma, blue, red = (np.asarray(plane, np.uint8) for plane in frame_planes(picture))
    return luma, blue, red


def _masked(
    planes: tuple[Plane, Plane, Plane], crop: tuple[int, int, int, int], mine: NDArray[np.bool_]
) -> tuple[Plane, Plane, Plane]:
    x0, y0, x1, y1 = crop
    luma = planes[0][y0:y1, x0:x1].copy()
    chroma = [plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2].copy() for plane in planes[1:]]
    if not mine.all():
        others = ~mine
        luma[others.repeat(2, axis=0).repeat(2, axis=1)] = GREY
        for plane in chroma:
            plane[others] = GREY
    return luma, chroma[0], chroma[1]
