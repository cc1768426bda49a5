"""Veils one picture. No other frames help, so it goes through the detector at every size, plain and mirrored.

Pictures larger than the largest pass also go through it in overlapping tiles at their own size, for the small faces in them. What
is not sure is shown once more, alone and enlarged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.boxes import mean_sides
from passerby.files import atomic_file
from passerby.media import Picture, moments, read_picture, write_picture
from passerby.values import Detections, Track
from passerby.veil.cover import Painter, Plan
from passerby.veil.detect import (
    LARGEST_PX,
    FaceDetector,
    InferencePass,
    Rgb,
    closeup_scores,
    join_detections,
    pass_sizes_px,
    start_passes,
    wait_for,
)
from passerby.veil.settings import VeilSettings
from passerby.veil.tangent import find_on_sphere
from passerby.veil.track import TrackingPolicy, policy_for

TILE_PX = 1280
OVERLAP_PX = 192
"""Tiles share this much: a face that one tile cuts lies whole in the next, and larger ones are found in the whole picture.
Chosen, not measured."""
DOUBTFUL = (0.08, 0.45)
"""Detections that score so much are looked at closely. Source: docs/measures.md, as the three below."""
CLOSE_SHARE = 0.3
"""Share of the close-ups' log-odds, beside those of the detection itself, ..."""
SIZE_SLOPE = 0.45
"""... from which so much is taken for every doubling of the side above that of a small face. What is left must reach ..."""
EASIER = 0.58
"""... so much less than the log-odds of the score that is asked of one that was not looked at."""
MOST_CLOSE = 2000
"""So many are looked at closely, the largest first, for they cover most; the others are judged by their score. Chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """What is known of a picture after veiling it.

    Attributes:
        width: Pixels, as shown; of the first page.
        height: Pixels, as shown; of the first page.
        tracks: One of one frame for each face; a page counts as a frame.
        doubts: Detections that were not covered, of each page.
        covered_px: Pixels covered on each page.
        area_px: Pixels of all pages.
        notes: What was left out or changed.
    """

    width: int
    height: int
    tracks: tuple[Track, ...]
    doubts: tuple[Detections, ...]
    covered_px: tuple[int, ...]
    area_px: int
    notes: tuple[str, ...]


def veil_picture(
    source: Path, target: Path, settings: VeilSettings, detector: FaceDetector, tracks: tuple[Track, ...] | None = None
) -> Still:
    """Hide every face in a picture, on each of its pages.

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
    policy, doubts, known = policy_for(settings.find), [], list(tracks or ())
    for number, page in enumerate(picture.pages):
        faces, left = find_on_page(page, detector, policy)
        doubts.append(left)
        if tracks is None:
            known += as_tracks(faces, page=number, start=len(known) + 1)
    pages = picture.pages
    plan = Plan(_on_pages(known, len(pages)), len(pages), keep=settings.cover.keep, soft=settings.cover.soft)
    covered_px = tuple(_cover(page, number, plan, settings) for number, page in enumerate(pages))
    with atomic_file(target, overwrite=settings.write.overwrite, inputs=[source]) as beside:
        # the temporary file has the target's suffix, which names the format
        lost = write_picture(picture, beside, keep_metadata=settings.write.keep_metadata)
    height, width = picture.rgb.shape[:2]
    area_px = sum(page.rgb.shape[0] * page.rgb.shape[1] for page in pages)
    return Still(width, height, tuple(known), tuple(doubts), covered_px, area_px, picture.notes + lost)


def _on_pages(tracks: Sequence[Track], pages: int) -> Iterator[Track]:
    """Yield tracks of which boxes behind the last page lie on it."""
    for track in tracks:
        if track.last < pages:
            yield track
        else:
            for row in range(len(track.xyxy)):
                page = min(track.first + row, pages - 1)
                yield Track(track.number, page, track.xyxy[row : row + 1], track.score[row : row + 1])


def find_on_page(page: Picture, detector: FaceDetector, policy: TrackingPolicy) -> tuple[Detections, Detections]:
    """Return the faces of a page and the detections that do not count as faces; of the sphere, seam and poles too.

    Args:
        page: What it shows.
        detector: Finds faces.
        policy: What counts as a face.
    """
    find = partial(find_in_picture, detector=detector, policy=policy)
    return find(page.rgb) if page.sphere is None else find_on_sphere(page.rgb, page.sphere, find)


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
    shown = moments(rgb)
    every = join_detections([one for moment in shown for one in _infer(moment, detector, policy.lowest)])
    is_face = every.score >= policy.best_in_picture
    if len(shown) == 1 and detector.doubt is not None and policy.doubt_below:
        rows = _doubtful(every)
        is_face[rows] = _weighed(rgb, Detections(every.xyxy[rows], every.score[rows]), detector, policy)
    return (
        Detections(every.xyxy[is_face], every.score[is_face]),
        Detections(every.xyxy[~is_face], every.score[~is_face]),
    )


def _doubtful(found: Detections) -> NDArray[np.intp]:
    """Return which detections are looked at closely, the largest first: shape (K,)."""
    rows = np.flatnonzero((found.score >= DOUBTFUL[0]) & (found.score < DOUBTFUL[1]))
    return rows[np.argsort(-mean_sides(found.xyxy[rows], least_px2=1), kind="stable")][:MOST_CLOSE]


def _weighed(rgb: Rgb, found: Detections, detector: FaceDetector, policy: TrackingPolicy) -> NDArray[np.bool_]:
    """Look at detections closely, and return which of them are faces: shape (N,), bool."""
    close = _log_odds(closeup_scores(detector, rgb, found.xyxy)).mean(axis=1)
    doublings = np.log2(mean_sides(found.xyxy, least_px2=1) / (policy.small * max(rgb.shape[:2]))).clip(0)
    weight = (1 - CLOSE_SHARE) * _log_odds(found.score) + CLOSE_SHARE * close - SIZE_SLOPE * doublings
    return np.asarray(weight >= _log_odds(np.float32(policy.best_in_picture)) - EASIER)


def _log_odds(score: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """Return the log-odds of scores, 0 to 1, finite at both ends."""
    return np.log((score + np.float32(0.01)) / (np.float32(1.01) - score))


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


def as_tracks(faces: Detections, *, page: int = 0, start: int = 1) -> tuple[Track, ...]:
    """Return each face of a picture as a track of one frame, from left to right.

    Args:
        faces: Of one page.
        page: Which one, from 0: it counts as a frame.
        start: Number of the first track.
    """
    order = np.argsort(faces.xyxy[:, 0], kind="stable")
    return tuple(
        Track(number, page, faces.xyxy[row : row + 1], faces.score[row : row + 1])
        for number, row in enumerate(order.tolist(), start=start)
    )


def _cover(page: Picture, number: int, plan: Plan, settings: VeilSettings) -> int:
    height, width = page.rgb.shape[:2]
    painter, boxes, soft = Painter(settings.cover, width, height), plan.boxes_at(number), plan.soft_at(number)
    if page.deep is not None:
        painter.paint_rgb(page.deep, boxes, soft=soft)
    return painter.paint_rgb(page.rgb, boxes, soft=soft)


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
