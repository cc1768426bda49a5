"""Looks at a finished file once more and says where a face seems to be left.

At other sizes and with a lower threshold than veiling did. It can say that none was detected, never that none is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.media import ClipReader, ContentKind, read_ahead, read_picture, scaled_luma, scaled_rgb, sniff_file
from passerby.values import Boxes
from passerby.veil.cover import Noise, Space, layout_of
from passerby.veil.detect import (
    BLAZEFACE_DIGEST,
    FaceDetector,
    InferencePass,
    PendingPasses,
    Rgb,
    blazeface_passes,
    pass_sizes_px,
    start_passes,
)
from passerby.veil.review.places import ExposedPlace, VerifyDetection, group_detections

SIZES = (3 / 4, 3 / 8)
"""Looks as shares of the largest look of veiling, which uses 1, 1/2 and 1/4: a face missed there because it fell between
two sizes is seen here."""
FAINT = 0.1
"""A sighting from here on is listed for a person to look at; veiling covers from 0.125 on. Source: docs/measures.md."""
SEEMS_LEFT = 0.3
"""A sighting from here on counts as a face that seems left. Source: docs/measures.md: on veiled crowds one place in 19 frames
reaches it and is no face (hands, hair and cloth between covers); of bare faces of 20 px and more 85 % do."""
BLAZEFACE_FAINT = 0.4
"""Source: docs/measures.md: as large a share of its places lies on uncovered faces as of CenterFace's from 0.1 on, one in 90."""
BLAZEFACE_SEEMS_LEFT = 0.7
"""Source: docs/measures.md: on the same crowds 2 places in 342 frames reach it, none a face; of bare faces of 20 px and more
21 % do, of 40 px and more 36 %."""
VERIFY_EVERY_FRAMES = 2
"""Frames between looks. A face that shows for one frame alone may pass; ``every=1`` looks at all."""
MAX_PENDING = 4
FLAT_CELLS = 8
FLAT_RANGE = 3
FLAT_SHARE = 0.5
"""A place counts as covered when this share of its cells (8 along the shorter side) varies by at most 3 of 255, as the fills
solid and avatar do. Source: of 127 sightings of bare faces on the annotated clips 0 reach 0.5."""
NOISE_DIFFERENCE = 14.0
"""Noise is known by the curtain itself: mean difference from it, 0 to 255."""


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """How a detector takes another look.

    Attributes:
        looks: Its passes over a picture of a width and height.
        faint: A sighting from here on is listed for a person to look at.
        seems_left: A sighting from here on counts as a face that seems left.
    """

    looks: Callable[[int, int], Sequence[InferencePass]]
    faint: float
    seems_left: float


def between_passes(width: int, height: int) -> tuple[InferencePass, ...]:
    """Return looks at sizes between those of veiling.

    >>> [look.long_side_px for look in between_passes(640, 360)]
    [960, 480]
    """
    top = pass_sizes_px(width, height, thorough=True)[0]
    return tuple(
        InferencePass(round(top * share), mirrored) for share, mirrored in zip(SIZES, (False, True), strict=True)
    )


USUAL = VerifySettings(between_passes, FAINT, SEEMS_LEFT)
MANNERS = {BLAZEFACE_DIGEST: VerifySettings(blazeface_passes, BLAZEFACE_FAINT, BLAZEFACE_SEEMS_LEFT)}
"""By digest, because both numbers are measured for one file of weights; every other detector takes ``USUAL``."""


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What another look at a file found.

    Attributes:
        frames: Frames of the file.
        looked: Frames that were looked at.
        left: Places where a face seems left, surest first.
        faint: Places for a person to look at, surest first; most of them are no face.
        detectors: What looked.
    """

    frames: int
    looked: int
    left: tuple[ExposedPlace, ...]
    faint: tuple[ExposedPlace, ...]
    detectors: tuple[str, ...]


Progress = Callable[[int, int | None], None]


def verify_file(
    path: Path,
    detectors: Sequence[FaceDetector],
    *,
    seems_left: float | None = None,
    every: int = VERIFY_EVERY_FRAMES,
    progress: Progress | None = None,
) -> VerifyResult:
    """Look at a picture or clip once more.

    Args:
        path: The veiled file.
        detectors: Each looks at each frame.
        seems_left: Least score of a face that seems left, 0 to 1, for every detector; None takes what was measured for each.
        every: Frames between looks, 1 looks at all.
        progress: Called with frames done and frames in all (None where unknown).

    Raises:
        UnreadableError: the file does not decode.
        UnsupportedError: the file is no picture or clip.
        DetectorError: a detector failed.
    """
    passes = [_DetectorPasses(detector, MANNERS.get(detector.digest, USUAL), seems_left) for detector in detectors]
    if sniff_file(path).kind is ContentKind.PICTURE:
        still = _PictureView(read_picture(path).rgb)
        step = _FramePasses(0, 0.0, [one.begin(still) for one in passes], still.grey())
        return _verdict(1, 1, list(step.sightings(passes)), passes)
    sightings: list[VerifyDetection] = []
    pending: deque[_FramePasses] = deque()
    frames = looked = 0
    with ClipReader(path) as clip:
        total = clip.info.frames_estimate
        for frame in read_ahead(clip.frames()):
            frames = frame.index + 1
            if frame.index % every == 0:
                looked += 1
                view = _FrameView(frame.picture)
                pending.append(
                    _FramePasses(frame.index, frame.time_s, [one.begin(view) for one in passes], view.grey())
                )
            if len(pending) > MAX_PENDING:
                sightings += pending.popleft().sightings(passes)
            if progress:
                progress(frames, total)
    for step in pending:
        sightings += step.sightings(passes)
    return _verdict(frames, looked, sightings, passes)


def _verdict(
    frames: int, looked: int, sightings: Sequence[VerifyDetection], passes: Sequence[_DetectorPasses]
) -> VerifyResult:
    places = group_detections(sightings)
    left = tuple(place for place in places if place.best.sureness >= 1)
    faint = tuple(place for place in places if place.best.sureness < 1)
    return VerifyResult(frames, looked, left, faint, tuple(one.name for one in passes))


class _DetectorPasses:
    """One detector's part."""

    def __init__(self, detector: FaceDetector, manner: VerifySettings, seems_left: float | None) -> None:
        self.name = detector.runs_on
        self.sure_from = manner.seems_left if seems_left is None else seems_left
        self._detector, self._manner = detector, manner

    def begin(self, view: _FrameView | _PictureView) -> PendingPasses:
        looks = self._manner.looks(*view.size)
        return start_passes(self._detector, looks, view.scaled, view.size, min(self._manner.faint, self.sure_from))


class _FrameView:
    def __init__(self, picture: av.VideoFrame) -> None:
        self.picture, self.size = picture, (picture.width, picture.height)

    def scaled(self, width: int, height: int) -> Rgb:
        return scaled_rgb(self.picture, width, height)

    def grey(self) -> NDArray[np.uint8]:
        return scaled_luma(self.picture, *self.size)


class _PictureView:
    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels, self.size = pixels, (pixels.shape[1], pixels.shape[0])

    def scaled(self, width: int, height: int) -> Rgb:
        image = Image.fromarray(self.pixels).resize((width, height), Image.Resampling.BILINEAR)
        return np.ascontiguousarray(np.asarray(image))

    def grey(self) -> NDArray[np.uint8]:
        return np.asarray(Image.fromarray(self.pixels).convert("L"))


@dataclass(slots=True, eq=False)
class _FramePasses:
    """One frame under way."""

    frame: int
    time_s: float
    pending: list[PendingPasses]
    grey: NDArray[np.uint8]

    def sightings(self, passes: Sequence[_DetectorPasses]) -> Iterator[VerifyDetection]:
        for one, looks in zip(passes, self.pending, strict=True):
            found = looks.result()
            open_ = ~covered(self.grey, found.xyxy)
            for box, score in zip(found.xyxy[open_].tolist(), found.score[open_].tolist(), strict=True):
                place = (box[0], box[1], box[2], box[3])
                yield VerifyDetection(self.frame, self.time_s, place, score, one.sure_from, one.name)


def covered(grey: NDArray[np.uint8], boxes: Boxes) -> NDArray[np.bool_]:
    """Tell which boxes show a cover of ours instead of a picture.

    Args:
        grey: Shape (H, W), 0 to 255.
        boxes: Shape (N, 4), pixels.

    Returns:
        Shape (N,).
    """
    result = np.zeros(len(boxes), bool)
    curtain: NDArray[np.float32] | None = None
    for index, (x0, y0, x1, y1) in enumerate(np.rint(boxes).astype(int).tolist()):
        place = grey[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
        if place.size == 0:
            continue
        if _is_flat(place):
            result[index] = True
            continue
        if curtain is None:
            curtain = _curtain(grey.shape[1], grey.shape[0])
        hung = curtain[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
        result[index] = float(np.abs(place - hung).mean()) < NOISE_DIFFERENCE
    return result


def _is_flat(place: NDArray[np.uint8]) -> bool:
    side = max(2, min(place.shape) // FLAT_CELLS)
    if min(place.shape) < side:
        return False
    rows, columns = place.shape[0] // side * side, place.shape[1] // side * side
    cells = place[:rows, :columns].reshape(rows // side, side, columns // side, side)
    spread = cells.max(axis=(1, 3)).astype(int) - cells.min(axis=(1, 3))
    return bool((spread <= FLAT_RANGE).mean() >= FLAT_SHARE)


def _curtain(width: int, height: int) -> NDArray[np.float32]:
    noise = Noise(layout_of("gray"), Space(0.299, 0.114, full=True), width, height)
    return np.asarray(noise.curtains[0][:height, :width], np.float32)
