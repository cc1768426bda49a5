"""The synthetic face of the self-test: at a detector's input, and what of it comes out of the hidden stream."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from passerby.boxes import areas, intersections
from passerby.gateway.picture.scene import FACE_XYXY, HEAD_XYXY, head
from passerby.values import Boxes

_SIZE = (640, 360)
_SAME_FACE = 0.3
"""Intersection over union from which a found box is the face that was drawn."""
_TINY_PX2 = 1e-9
_BARE = 0.5
"""Correlation with the known face above which a place counts as bare. A cover of one tone has 0, the bare face above 0.9."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A drawn picture with one face at a known place.

    Attributes:
        bgr: Shape (H, W, 3), uint8.
        xyxy: Shape (4,): the face.
    """

    bgr: NDArray[np.uint8]
    xyxy: Boxes

    def frame(self) -> av.VideoFrame:
        """Return it as a picture, yuv420p."""
        return av.VideoFrame.from_ndarray(self.bgr, format="bgr24").reformat(format="yuv420p")


def probe(random: np.random.Generator, width: int = _SIZE[0], height: int = _SIZE[1]) -> Probe:
    """Return a picture with a face of random size and place on a random even ground."""
    ground = random.integers(60, 190, 3).astype(np.uint8)
    bgr = np.empty((height, width, 3), np.uint8)
    bgr[:] = ground
    tall = int(height * random.uniform(0.45, 0.8))
    wide = tall * (HEAD_XYXY[2] - HEAD_XYXY[0]) // (HEAD_XYXY[3] - HEAD_XYXY[1])
    x, y = int(random.integers(0, width - wide)), int(random.integers(0, height - tall))
    bgr[y : y + tall, x : x + wide] = head(wide, tall)[:, :, ::-1]
    scale = tall / (HEAD_XYXY[3] - HEAD_XYXY[1])
    left, top = x - HEAD_XYXY[0] * scale, y - HEAD_XYXY[1] * scale
    corners = [left, top, left, top] + np.array(FACE_XYXY) * scale
    return Probe(bgr, corners.astype(np.float32))


def covers(found: Boxes, face: Boxes, share: float = 0.5) -> bool:
    """Return whether one of the found boxes holds a share of the face and is not much larger or elsewhere.

    Args:
        found: Shape (N, 4), float32, pixels.
        face: Shape (4,), float32, pixels.
        share: Of the face's area that one box must hold, 0 to 1.
    """
    shared = intersections(found, face[None])[:, 0]
    area = areas(face[None])[0]
    union = area + areas(found) - shared
    return bool(((shared / area >= share) & (shared / np.maximum(union, _TINY_PX2) >= _SAME_FACE)).any())


def likeness(luma: NDArray[np.uint8], known: NDArray[np.uint8], shown: NDArray[np.bool_]) -> float:
    """Return how much of a known face is left at its place, as correlation, -1 to 1; 0 where the place is even.

    Args:
        luma: Y plane that came out, shape (H, W).
        known: Y plane that went in, shape (H, W).
        shown: Where the face can be seen in what went in, shape (H, W).
    """
    seen, bare = luma[shown].astype(np.float64), known[shown].astype(np.float64)
    if seen.size == 0:
        return 0.0
    seen, bare = seen - seen.mean(), bare - bare.mean()
    scale = float(np.sqrt((seen**2).sum() * (bare**2).sum()))
    return float((seen * bare).sum()) / scale if seen.std() > 2.0 and scale > 0 else 0.0


def is_bare(luma: NDArray[np.uint8], known: NDArray[np.uint8], shown: NDArray[np.bool_]) -> bool:
    """Return whether a known face can be seen at its place, as ``likeness`` says."""
    return likeness(luma, known, shown) > _BARE
