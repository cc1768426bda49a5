"""Close-ups of weak detections: each is shown to the detector once more, alone and enlarged.

A face that scores little in the whole picture is mostly seen again when it fills more of what the network is shown; wheels,
hands and windows mostly are not (docs/measures.md). In clips one close-up in which it is seen is enough; in pictures, where no
other frame speaks for it, what both show is weighed with its score.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.boxes import centres, mean_sides
from passerby.values import Boxes, Detections
from passerby.veil.detect.detector import HANG_S, FaceDetector, Rgb, wait_for
from passerby.veil.detect.passes import Scaled, Size, mirror

FACE_PX = 40
"""Side of the detection in the enlarged piece. Source: docs/measures.md."""
AGAIN = 0.06
"""Score in a close-up from which a face was seen again. Source: docs/measures.md."""
NOT_AGAIN = 0.05
"""What a detection scores that no close-up shows again: a track may go on with it, none is covered for it. Chosen."""
LEAST = 0.01
"""Least score in a close-up that is told. Chosen, not measured."""
AT_ONCE = 64
"""So many boxes of a picture are cut out at a time: memory stays flat. Chosen, not measured."""
OFF_SIDES = 0.6
"""How far off the middle of the piece a face may be seen, in sides of the detection, ..."""
OFF_SIZE = 2.0
"""... and how many times as large or small. Both chosen, not measured."""


@dataclass(frozen=True, slots=True)
class CloseUp:
    """How a piece is shown.

    Attributes:
        side_px: Of the square that is shown, pixels.
        mirrored: Left and right are swapped.
    """

    side_px: int
    mirrored: bool


CLOSEUPS = (CloseUp(96, mirrored=True), CloseUp(160, mirrored=False))
"""One after the other until one sees it: close by first, then with more of what is around. Source: docs/measures.md."""


class Pending(Protocol):
    """The passes of a picture, under way."""

    def result(self) -> Detections:
        """Wait for what they find."""
        ...


class Doubtful(Protocol):
    """Says which detections are worth a close-up."""

    def __call__(self, found: Detections) -> NDArray[np.bool_]:
        """Return shape (N,), bool."""
        ...


def examine_closely(
    detector: FaceDetector,
    pending: Pending,
    scaled: Scaled,
    size: Size,
    doubtful: Doubtful,
    *,
    most_px: int,
    hang_s: float = HANG_S,
) -> Detections:
    """Wait for the passes of a picture, and take close-ups of what is doubtful.

    Args:
        detector: Finds faces.
        pending: Its passes.
        scaled: Gives the picture at any size.
        size: Its width and height, pixels.
        doubtful: Says what.
        most_px: Pixels that the network is shown for it at most; the largest come first, for they cover most, and what is not
            shown stays as it was.
        hang_s: Seconds after which a close-up that gives no answer counts as hung.

    Returns:
        The same detections; what no close-up shows again scores ``NOT_AGAIN`` at most.

    Raises:
        DetectorError: a pass or a close-up failed or hangs.
    """
    found = pending.result()
    rows = np.flatnonzero(doubtful(found))
    order = np.argsort(-mean_sides(found.xyxy[rows], least_px2=1), kind="stable")
    left = rows[order][: most_px // sum(closeup.side_px**2 for closeup in CLOSEUPS)].tolist()
    if not left:
        return found
    picture = Image.fromarray(scaled(*size))
    for closeup in CLOSEUPS:
        running = [(row, _show(detector, picture, found.xyxy[row], closeup, AGAIN)) for row in left]
        left = [row for row, one in running if _score(wait_for(one, hang_s), closeup) < AGAIN]
    score = found.score.copy()
    score[left] = np.minimum(score[left], NOT_AGAIN)
    return Detections(found.xyxy, score)


def closeup_scores(detector: FaceDetector, rgb: Rgb, boxes: Boxes, *, hang_s: float = HANG_S) -> NDArray[np.float32]:
    """Return what each close-up of each box scores.

    Args:
        detector: Finds faces.
        rgb: The picture, shape (H, W, 3), uint8.
        boxes: Shape (N, 4), float32, pixels of the picture.
        hang_s: Seconds after which a close-up that gives no answer counts as hung.

    Returns:
        Shape (N, ``len(CLOSEUPS)``), float32, 0 to 1; 0 where no face of about the size is seen in the middle.

    Raises:
        DetectorError: a close-up failed or hangs.
    """
    picture, scores = Image.fromarray(rgb), np.zeros((len(boxes), len(CLOSEUPS)), np.float32)
    for start in range(0, len(boxes), AT_ONCE):
        rows = range(start, min(start + AT_ONCE, len(boxes)))
        running = [
            (row, [_show(detector, picture, boxes[row], closeup, LEAST) for closeup in CLOSEUPS]) for row in rows
        ]
        for row, pieces in running:
            scores[row] = [_score(wait_for(one, hang_s), CLOSEUPS[at]) for at, one in enumerate(pieces)]
    return scores


def closeup_sizes() -> Sequence[Size]:
    """Return the widths and heights of what is shown, pixels."""
    return [(closeup.side_px, closeup.side_px) for closeup in CLOSEUPS]


def _show(
    detector: FaceDetector, picture: Image.Image, box: NDArray[np.float32], closeup: CloseUp, least: float
) -> Future[Detections]:
    piece = enlarged(picture, box, closeup.side_px)
    return detector.infer(mirror(piece) if closeup.mirrored else piece, least)


def enlarged(picture: Image.Image, box: NDArray[np.float32], side_px: int) -> Rgb:
    """Return the square piece of a picture around a box in which the box has the side ``FACE_PX``; black beyond the edge.

    Args:
        picture: RGB.
        box: Shape (4,), float32, pixels.
        side_px: Of the result, pixels.

    Returns:
        Shape (side_px, side_px, 3), uint8, contiguous.
    """
    rows: Boxes = box[None]
    scale = FACE_PX / max(3.0, float(mean_sides(rows, least_px2=1)[0]))
    half = side_px / 2 / scale
    corner = centres(rows)[0].astype(np.float64) - half
    low = np.maximum(corner, 0)
    high = np.minimum(corner + 2 * half, picture.size)
    piece = np.zeros((side_px, side_px, 3), np.uint8)
    if (high - low < 1).any():
        return piece
    left, top = np.rint((low - corner) * scale).astype(int).clip(0, side_px - 1).tolist()
    wide, high_px = np.rint((high - low) * scale).astype(int).clip(1, [side_px - left, side_px - top]).tolist()
    shown = picture.resize((wide, high_px), Image.Resampling.BILINEAR, box=(*low.tolist(), *high.tolist()))
    piece[top : top + high_px, left : left + wide] = np.asarray(shown)
    return piece


def _score(found: Detections, closeup: CloseUp) -> float:
    """Return the best score of a face of about the size of the detection in the middle of a piece; 0 without one."""
    away = np.abs(centres(found.xyxy) - closeup.side_px / 2).max(axis=1, initial=0)
    side = mean_sides(found.xyxy, least_px2=1)
    like = (side < OFF_SIZE * FACE_PX) & (side > FACE_PX / OFF_SIZE)
    return float(found.score[(away < OFF_SIDES * FACE_PX) & like].max(initial=0))
