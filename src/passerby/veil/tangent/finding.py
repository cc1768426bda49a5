"""Passes flat views of a sphere through the same detector as flat pictures, and says where on the picture the faces are.

A face over the seam gives two boxes, one at each edge; one on a pole a box as wide as the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import clip_to_picture, have_area
from passerby.media import Sphere, StereoLayout
from passerby.values import Boxes, Detections
from passerby.veil.detect import FaceDetector, Rgb, join_detections, mirror, wait_for
from passerby.veil.tangent.views import SphereMap, TangentView, tangent_views

FlatFinder = Callable[[Rgb], tuple[Detections, Detections]]
"""Finds the faces of a flat picture, and what does not count as one."""
VIEWS_PX = 1408
"""Views of frames are taken from a copy of a clip's picture so wide: as much as the largest usual pass sees of a flat one."""
BESIDE = 1 / 8
"""A face so near the seam is kept twice, the second time beyond the other edge: what crosses the seam goes on there."""


def picture_parts(width: int, height: int, sphere: Sphere) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of the picture of each eye."""
    if sphere.stereo is StereoLayout.OVER:
        yield slice(0, height // 2), slice(0, width)
        yield slice(height // 2, height), slice(0, width)
    elif sphere.stereo is StereoLayout.BESIDE:
        yield slice(0, height), slice(0, width // 2)
        yield slice(0, height), slice(width // 2, width)
    else:
        yield slice(0, height), slice(0, width)


def find_on_sphere(rgb: Rgb, sphere: Sphere, find: FlatFinder) -> tuple[Detections, Detections]:
    """Return the faces of a picture of the sphere, and the detections that do not count as faces.

    The picture goes through the detector flat, as it is, and view by view.

    Args:
        rgb: Shape (H, W, 3), uint8.
        sphere: What it shows.
        find: Finds the faces of a flat picture.

    Returns:
        Both in pixels of the picture, and inside it.
    """
    height, width = rgb.shape[:2]
    faces: list[Detections] = []
    doubts: list[Detections] = []
    for rows, columns in picture_parts(width, height, sphere):
        part = np.ascontiguousarray(rgb[rows, columns])
        for found, into in zip(_in_part(part, sphere, find), (faces, doubts), strict=True):
            into.append(_moved(found, columns.start, rows.start))
    return join_detections(faces), join_detections(doubts)


def _in_part(part: Rgb, sphere: Sphere, find: FlatFinder) -> tuple[Detections, Detections]:
    height, width = part.shape[:2]
    faces, doubts = ([one] for one in find(part))
    for view in tangent_views(width, sphere):
        shown = SphereMap(view, sphere, width, height)
        for found, into in zip(find(shown.take(part)), (faces, doubts), strict=True):
            on_picture = Detections(shown.boxes_on_picture(found.xyxy), found.score)
            into.append(cut_at_the_seam(on_picture, width, height, sphere))
    return join_detections(faces), join_detections(doubts)


def cut_at_the_seam(found: Detections, width: int, height: int, sphere: Sphere, *, beside: float = 0.0) -> Detections:
    """Return detections in which what reaches over the right edge comes in again at the left one.

    Args:
        found: Pixels of the picture; right edges may lie beyond it.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        sphere: What it shows; only one that is round has a seam.
        beside: So far beyond the edges boxes are kept, as a share of the width, instead of being cut.
    """
    xyxy, score = found.xyxy, found.score
    if sphere.is_round:
        step = np.array([width, 0, width, 0], np.float32)
        xyxy, score = np.concatenate([xyxy - step, xyxy, xyxy + step]), np.tile(score, 3)
    if beside:
        inside = (xyxy[:, 2] > -beside * width) & (xyxy[:, 0] < (1 + beside) * width)
    else:
        xyxy = clip_to_picture(xyxy, width, height)
        inside = have_area(xyxy)
    return Detections(xyxy[inside], score[inside])


class SpherePasses:
    """The views of one frame, under way.

    Args:
        runs: Each with what it shows and its detections to come.
        scale: Pixels of the clip to one of the copy that the views were taken from.
        at: Left and upper edge of the eye's picture, pixels of the clip, one for each run.
        size: Width and height of the eye's picture, pixels of the clip.
        sphere: What it shows.
    """

    def __init__(
        self,
        runs: Sequence[tuple[SphereMap, bool, Future[Detections]]],
        scale: tuple[float, float],
        at: Sequence[tuple[int, int]],
        size: tuple[int, int],
        sphere: Sphere,
    ) -> None:
        self._runs, self._scale, self._at, self._size, self._sphere = runs, scale, at, size, sphere

    def result(self, flat: Detections) -> Detections:
        """Wait, and return the faces of all views and of the flat picture, joined, pixels of the clip.

        Args:
            flat: What was found in the picture as it is.

        Raises:
            DetectorError: a pass failed or hangs.
        """
        beside = BESIDE if self._sphere.stereo is StereoLayout.MONO else 0.0
        found = [flat if not beside else cut_at_the_seam(flat, *self._size, self._sphere, beside=beside)]
        scale = np.array(self._scale * 2, np.float32)
        for (shown, mirrored, running), (left, top) in zip(self._runs, self._at, strict=True):
            one = wait_for(running)
            xyxy = _unmirrored(one.xyxy, shown.view) if mirrored else one.xyxy
            on_picture = Detections(shown.boxes_on_picture(xyxy) * scale, one.score)
            kept = cut_at_the_seam(on_picture, *self._size, self._sphere, beside=beside)
            found.append(_moved(kept, left, top))
        return join_detections(found)


def start_views(
    detector: FaceDetector,
    scaled: Callable[[int, int], Rgb],
    size: tuple[int, int],
    sphere: Sphere,
    *,
    threshold: float,
) -> SpherePasses:
    """Begin to find the faces of one frame in views of it; every other view is mirrored.

    Args:
        detector: Finds faces.
        scaled: Gives the frame at any width and height.
        size: Of the frame, pixels.
        sphere: What it shows.
        threshold: Least score that is reported, 0 to 1.
    """
    width, height = size
    parts = list(picture_parts(width, height, sphere))
    part_w, part_h = parts[0][1].stop - parts[0][1].start, parts[0][0].stop - parts[0][0].start
    shrink = min(1.0, VIEWS_PX / (part_w / sphere.width))
    small_w, small_h = max(32, round(width * shrink)), max(16, round(height * shrink))
    copy = scaled(small_w, small_h)
    runs, at = [], []
    for (rows, columns), (small_rows, small_columns) in zip(
        parts, picture_parts(small_w, small_h, sphere), strict=True
    ):
        part = np.ascontiguousarray(copy[small_rows, small_columns])
        for number, view in enumerate(fitted_views(part.shape[1], sphere, detector.multiple)):
            shown = SphereMap(view, sphere, part.shape[1], part.shape[0])
            rgb, mirrored = shown.take(part), bool(number % 2)
            runs.append((shown, mirrored, detector.infer(mirror(rgb) if mirrored else rgb, threshold)))
            at.append((columns.start, rows.start))
    own_w = small_w if sphere.stereo is not StereoLayout.BESIDE else small_w // 2
    own_h = small_h if sphere.stereo is not StereoLayout.OVER else small_h // 2
    return SpherePasses(runs, (part_w / own_w, part_h / own_h), at, (part_w, part_h), sphere)


def fitted_views(width_px: int, sphere: Sphere, multiple: int) -> tuple[TangentView, ...]:
    """Return the views of a picture with sides that the network takes."""
    return tuple(
        TangentView(one.yaw_deg, one.pitch_deg, one.half_deg, -(-one.side_px // multiple) * multiple)
        for one in tangent_views(width_px, sphere)
    )


def _unmirrored(xyxy: Boxes, view: TangentView) -> Boxes:
    return np.stack([view.side_px - xyxy[:, 2], xyxy[:, 1], view.side_px - xyxy[:, 0], xyxy[:, 3]], axis=1)


def _moved(found: Detections, left: int, top: int) -> Detections:
    shift: NDArray[np.float32] = np.array([left, top, left, top], np.float32)
    return Detections(found.xyxy + shift, found.score)
