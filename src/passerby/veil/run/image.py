"""Veils one picture. No other frames help, so it goes through the detector at every size, plain and mirrored.

Pictures larger than the largest pass also go through it in overlapping tiles at their own size, for the small faces in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from passerby.files import atomic_file
from passerby.media import Picture, moments, read_picture, write_picture
from passerby.values import Detections, Track
from passerby.veil.cover import Painter
from passerby.veil.detect import (
    LARGEST_PX,
    FaceDetector,
    InferencePass,
    Rgb,
    join_detections,
    pass_sizes_px,
    start_passes,
    wait_for,
)
from passerby.veil.settings import VeilSettings
from passerby.veil.track import TrackingPolicy, policy_for

TILE_PX = 1280
OVERLAP_PX = 192
"""Tiles share this much: a face that one tile cuts lies whole in the next, and larger ones are found in the whole picture.
Chosen, not measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """What is known of a picture after veiling it.

    Attributes:
        width: Pixels, as shown.
        height: Pixels, as shown.
        tracks: One of one frame for each face.
        doubts: Detections that were not covered.
        covered_px: Pixels covered.
        notes: What was left out or changed.
    """

    width: int
    height: int
    tracks: tuple[Track, ...]
    doubts: Detections
    covered_px: int
    notes: tuple[str, ...]


def veil_picture(
    source: Path, target: Path, settings: VeilSettings, detector: FaceDetector, tracks: tuple[Track, ...] | None = None
) -> Still:
    """Hide every face in a picture.

    Args:
        source: The picture.
        target: The output; it appears whole or not at all.
        settings: What is covered and how.
        detector: Finds faces.
        tracks: Faces as they were edited by hand, instead of those that the detector finds.

    Raises:
        MediaError: it cannot be read, or written right.
        OutputError: the output cannot be written whole.
        DetectorError: the detector failed.
    """
    picture = read_picture(source)
    faces, doubts = find_in_picture(picture.rgb, detector, policy_for(settings.find))
    known = as_tracks(faces) if tracks is None else tracks
    covered_px = _cover(picture, known, settings)
    with atomic_file(target, overwrite=settings.write.overwrite, inputs=[source]) as beside:
        # the temporary file has the target's suffix, which names the format
        write_picture(picture, beside, keep_metadata=settings.write.keep_metadata)
    height, width = picture.rgb.shape[:2]
    return Still(width, height, known, doubts, covered_px, picture.notes)


def find_in_picture(rgb: Rgb, detector: FaceDetector, policy: TrackingPolicy) -> tuple[Detections, Detections]:
    """Return the faces of a picture, and the detections that do not count as faces.

    One that was grabbed from interlaced footage goes through the detector as it is and as each of its two fields.

    Args:
        rgb: Shape (H, W, 3), uint8.
        detector: Finds faces.
        policy: What counts as a face.

    Returns:
        Both in pixels of the picture.
    """
    every = join_detections([one for moment in moments(rgb) for one in _infer(moment, detector, policy.lowest)])
    is_face = every.score >= policy.best_in_picture
    return (
        Detections(every.xyxy[is_face], every.score[is_face]),
        Detections(every.xyxy[~is_face], every.score[~is_face]),
    )


def _infer(rgb: Rgb, detector: FaceDetector, threshold: float) -> list[Detections]:
    """Return what every pass and tile of one picture finds, pixels of the picture."""
    height, width = rgb.shape[:2]
    passes = [
        InferencePass(side, mirrored)
        for side in pass_sizes_px(width, height, thorough=True)
        for mirrored in (False, True)
    ]
    pending = start_passes(detector, passes, lambda w, h: _scaled(rgb, w, h), (width, height), threshold)
    tiles = [
        (detector.infer(_tile(rgb, x, y, detector.multiple), threshold), x, y)
        for x, y in tile_corners(width, height, detector.multiple)
    ]
    found = [pending.result()]
    for running, x, y in tiles:
        one = wait_for(running)
        found.append(Detections(one.xyxy + np.array([x, y, x, y], np.float32), one.score))
    return found


def tile_corners(width: int, height: int, multiple: int) -> list[tuple[int, int]]:
    """Return the upper left corners of the tiles of a large picture; none for one that goes through the detector whole.

    >>> tile_corners(1920, 1080, 32), len(tile_corners(4000, 3000, 32))
    ([], 12)
    """
    if max(width, height) <= LARGEST_PX:
        return []
    across, down = (_starts(length, tile_side(length, multiple)) for length in (width, height))
    return [(x, y) for y in down for x in across]


def tile_side(length: int, multiple: int) -> int:
    """Return a tile's side along a picture's side: ``TILE_PX``, or the picture's own rounded up to ``multiple``."""
    return min(TILE_PX, -(-length // multiple) * multiple)


def _starts(length: int, side: int) -> list[int]:
    steps = range(0, max(1, length - OVERLAP_PX), max(1, side - OVERLAP_PX))
    return sorted({min(at, max(0, length - side)) for at in steps})


def as_tracks(faces: Detections) -> tuple[Track, ...]:
    """Return each face of a picture as a track of one frame, from left to right."""
    order = np.argsort(faces.xyxy[:, 0], kind="stable")
    return tuple(
        Track(number, 0, faces.xyxy[row : row + 1], faces.score[row : row + 1])
        for number, row in enumerate(order.tolist(), start=1)
    )


def _cover(picture: Picture, tracks: tuple[Track, ...], settings: VeilSettings) -> int:
    height, width = picture.rgb.shape[:2]
    boxes = [track.xyxy for track in tracks if track.number not in settings.cover.keep]
    return Painter(settings.cover, width, height).paint_rgb(
        picture.rgb, np.concatenate(boxes) if boxes else np.zeros((0, 4), np.float32)
    )


def _scaled(rgb: Rgb, width: int, height: int) -> Rgb:
    image = Image.fromarray(rgb)
    filter_ = Image.Resampling.BILINEAR if width >= rgb.shape[1] else Image.Resampling.BOX
    return np.asarray(image.resize((width, height), filter_))


def _tile(rgb: Rgb, x: int, y: int, multiple: int) -> Rgb:
    # where a picture's side is no multiple of what the network takes, it is filled up with grey
    height, width = (tile_side(length, multiple) for length in rgb.shape[:2])
    tile = np.full((height, width, 3), 128, np.uint8)
    part = rgb[y : y + height, x : x + width]
    tile[: part.shape[0], : part.shape[1]] = part
    return tile
