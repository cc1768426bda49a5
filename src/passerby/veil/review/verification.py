"""Shows a finished file to detectors once more and says where a face seems to be left; of the sphere, flat views of it too.

At sizes between those of ``--thorough``, and with a threshold below that of veiling files and pictures. It can say that none was
detected, never that none is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.media import (
    ClipReader,
    ContentKind,
    Picture,
    Sphere,
    moments,
    progressive_frames,
    read_ahead,
    read_picture,
    scaled_luma,
    scaled_rgb,
    sniff_file,
)
from passerby.values import Boxes, Detections
from passerby.veil.cover import Noise, Space, layout_of
from passerby.veil.detect import (
    YUNET_DIGEST,
    FaceDetector,
    InferencePass,
    PendingPasses,
    Rgb,
    pass_sizes_px,
    start_passes,
    yunet_passes,
)
from passerby.veil.review.places import ExposedPlace, VerifyDetection, boxes_to_cover, group_detections
from passerby.veil.review.sidecar import TrackBox
from passerby.veil.tangent import SpherePasses, cut_at_the_seam, start_views

SIZES = (3 / 4, 3 / 8)
"""Sizes of the passes as shares of the largest one of ``--thorough``, which takes 1, 1/2 and 1/4: a face missed there because it
fell between two sizes is found here. The usual sizes lie near these two (896 and 448 of 640x360, where verifying takes 960 and
480), so for files veiled without ``--thorough`` it is the lower threshold and the other frames that find more."""
FAINT = 0.1
"""A detection from here on is listed for a person to look at. Veiling covers small faces from 0.125 on in files, 0.12 in pictures
and 0.086 in streams, where later frames cannot speak for a face (``TrackingPolicy``). Source: docs/measures.md."""
SEEMS_LEFT = 0.3
"""A detection from here on counts as a face that seems left. Source: docs/measures.md: on veiled crowds one place in 19 frames
reaches it and is no face (hands, hair and cloth between covers); of bare faces of 20 px and more 85 % do."""
YUNET_FAINT = 0.2
"""Source: docs/measures.md: one in 20 of its places lies on an uncovered face, of CenterFace's from 0.1 on one in 84."""
YUNET_SEEMS_LEFT = 0.7
"""Source: docs/measures.md: on the same crowds 2 places in 342 frames reach it, none a face; of bare faces of 20 px and more
70 % do, of 40 px and more 80 %."""
VERIFY_EVERY_FRAMES = 2
"""Every so many frames one is examined. A face that shows for one frame alone may pass; ``every=1`` examines all. Source: a
choice; docs/measures.md was measured with it."""
MAX_PENDING = 4
"""Frames under way at once: enough for every thread of the detector to have work. Source: a choice; not measured."""
FLAT_CELLS = 8
"""Cells along the shorter side of a place; see ``FLAT_SHARE``."""
FLAT_RANGE = 3
"""Most by which the pixels of a flat cell differ, of 255; see ``FLAT_SHARE``."""
FLAT_SHARE = 0.5
"""A place counts as covered when this share of its cells is flat, as in the fills
solid and avatar do. Source: of 127 detections of bare faces on the annotated clips 0 reach 0.5."""
NOISE_DIFFERENCE = 14.0
"""Noise is known by the curtain itself: mean difference from it, 0 to 255. Source: a choice; tests hold that covers are known
and pictures are not taken for covers."""


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """How one detector verifies.

    Attributes:
        passes: Its inference passes over a picture of a width and height, pixels.
        faint: A detection from here on is listed for a person to look at.
        seems_left: A detection from here on counts as a face that seems left.
    """

    passes: Callable[[int, int], Sequence[InferencePass]]
    faint: float
    seems_left: float


def between_passes(width: int, height: int) -> tuple[InferencePass, ...]:
    """Return passes at sizes between those of ``--thorough``, for a picture of a width and height in pixels.

    >>> [one.long_side_px for one in between_passes(640, 360)]
    [960, 480]
    """
    top = pass_sizes_px(width, height, thorough=True)[0]
    return tuple(
        InferencePass(round(top * share), mirrored) for share, mirrored in zip(SIZES, (False, True), strict=True)
    )


USUAL = VerifySettings(between_passes, FAINT, SEEMS_LEFT)
SETTINGS_BY_WEIGHTS = {YUNET_DIGEST: VerifySettings(yunet_passes, YUNET_FAINT, YUNET_SEEMS_LEFT)}
"""By digest, because both numbers are measured for one file of weights; every other detector takes ``USUAL``."""


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What verifying a file found.

    Attributes:
        frames: Frames of the file.
        examined: Frames that were shown to the detectors.
        exposed: Places where a face seems left, surest first.
        faint: Places for a person to look at, surest first; most of them are no face.
        detectors: What detected, in words.
        width_px: Of the coded picture.
        height_px: Of the coded picture.
        boxes: What covers the exposed places, a track each.
    """

    frames: int
    examined: int
    exposed: tuple[ExposedPlace, ...]
    faint: tuple[ExposedPlace, ...]
    detectors: tuple[str, ...]
    width_px: int
    height_px: int
    boxes: tuple[TrackBox, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the result under the names that ``passerby verify --json`` has always printed."""
        return {
            "frames": self.frames,
            "looked": self.examined,
            "left": [place.as_json() for place in self.exposed],
            "faint": [place.as_json() for place in self.faint],
            "detectors": list(self.detectors),
        }


Progress = Callable[[int, int | None], None]


def verify_file(
    path: Path,
    detectors: Sequence[FaceDetector],
    *,
    seems_left: float | None = None,
    every: int = VERIFY_EVERY_FRAMES,
    progress: Progress | None = None,
) -> VerifyResult:
    """Show a picture or clip to detectors once more.

    Args:
        path: The veiled file.
        detectors: Each is shown each examined frame.
        seems_left: Least score of a face that seems left, 0 to 1, for every detector; None takes what was measured for each.
        every: Every so many frames one is examined; 1 examines all.
        progress: Called with frames done and frames in all (None where unknown).

    Raises:
        UnreadableError: the file does not decode.
        UnsupportedError: the file is no picture or clip.
        DetectorError: a detector failed.
    """
    verifiers = [
        _Verifier(detector, SETTINGS_BY_WEIGHTS.get(detector.digest, USUAL), seems_left) for detector in detectors
    ]
    if sniff_file(path).kind is ContentKind.PICTURE:
        pages = read_picture(path).pages
        seen = [place for number, page in enumerate(pages) for place in _on_page(number, page, verifiers)]
        height, width = pages[0].rgb.shape[:2]
        return _result(
            seen, verifiers, _Examined(width, height, len(pages), len(pages), 0)
        )  # a page says nothing of the next
    found: list[VerifyDetection] = []
    pending: deque[_ExaminedFrame] = deque()
    frames = examined = 0
    with ClipReader(path) as clip:
        info, total = clip.info, clip.info.frames_estimate
        for frame, shown in progressive_frames(read_ahead(clip.frames())):
            frames = frame.index + 1
            if frame.index % every == 0:
                examined += 1
                view = _FrameView(shown.picture)
                under_way = [one.begin(view, info.sphere) for one in verifiers]
                grey = _FrameView(frame.picture).grey()
                pending.append(_ExaminedFrame(frame.index, frame.time_s, under_way, grey))
            if len(pending) > MAX_PENDING:
                found += pending.popleft().detections(verifiers)
            if progress:
                progress(frames, total)
    for one in pending:
        found += one.detections(verifiers)
    return _result(found, verifiers, _Examined(info.width_px, info.height_px, frames, examined, every))


def _on_page(number: int, page: Picture, verifiers: Sequence[_Verifier]) -> Iterator[VerifyDetection]:
    """Show one page of a picture to the detectors; a page counts as a frame of a second."""
    grey = _PictureView(page.rgb).grey()
    views = [
        _ExaminedFrame(number, float(number), [one.begin(_PictureView(moment), page.sphere) for one in verifiers], grey)
        for moment in moments(page.rgb)
    ]
    for view in views:
        yield from view.detections(verifiers)


@dataclass(frozen=True, slots=True)
class _Examined:
    """What was examined of a file: every so many of its frames, of this size in pixels."""

    width: int
    height: int
    frames: int
    examined: int
    every: int


def _result(found: Sequence[VerifyDetection], verifiers: Sequence[_Verifier], what: _Examined) -> VerifyResult:
    places = group_detections(found)
    return VerifyResult(
        frames=what.frames,
        examined=what.examined,
        exposed=tuple(place for place in places if place.best.sureness >= 1),
        faint=tuple(place for place in places if place.best.sureness < 1),
        detectors=tuple(one.name for one in verifiers),
        width_px=what.width,
        height_px=what.height,
        boxes=boxes_to_cover(found, what.every, what.frames),
    )


class _Verifier:
    """One detector's part."""

    def __init__(self, detector: FaceDetector, settings: VerifySettings, seems_left: float | None) -> None:
        self.name = detector.runs_on
        self.sure_from = settings.seems_left if seems_left is None else seems_left
        self._detector, self._settings = detector, settings

    def begin(self, view: _FrameView | _PictureView, sphere: Sphere | None) -> PendingPasses | _SphereUnderWay:
        passes = self._settings.passes(*view.size)
        threshold = min(self._settings.faint, self.sure_from)
        flat = start_passes(self._detector, passes, view.scaled, view.size, threshold)
        if sphere is None:
            return flat
        views = start_views(self._detector, view.scaled, view.size, sphere, threshold=threshold)
        return _SphereUnderWay(flat, views, view.size, sphere)


@dataclass(frozen=True, slots=True)
class _SphereUnderWay:
    """The passes of a picture of the sphere, and of flat views of it."""

    flat: PendingPasses
    views: SpherePasses
    size: tuple[int, int]
    sphere: Sphere

    def result(self) -> Detections:
        return cut_at_the_seam(self.views.result(self.flat.result()), *self.size, self.sphere)


class _FrameView:
    """A decoded frame: RGB at any size, shape (H, W, 3), and its luma at its own, shape (H, W)."""

    def __init__(self, picture: av.VideoFrame) -> None:
        self.picture, self.size = picture, (picture.width, picture.height)

    def scaled(self, width: int, height: int) -> Rgb:
        return scaled_rgb(self.picture, width, height)

    def grey(self) -> NDArray[np.uint8]:
        return scaled_luma(self.picture, *self.size)


class _PictureView:
    """The same of a picture."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels, self.size = pixels, (pixels.shape[1], pixels.shape[0])

    def scaled(self, width: int, height: int) -> Rgb:
        image = Image.fromarray(self.pixels).resize((width, height), Image.Resampling.BILINEAR)
        return np.ascontiguousarray(np.asarray(image))

    def grey(self) -> NDArray[np.uint8]:
        return np.asarray(Image.fromarray(self.pixels).convert("L"))


@dataclass(slots=True, eq=False)
class _ExaminedFrame:
    """One frame under way: its passes, one entry for each detector, and its luma, shape (H, W)."""

    frame: int
    time_s: float
    pending: list[PendingPasses | _SphereUnderWay]
    grey: NDArray[np.uint8]

    def detections(self, verifiers: Sequence[_Verifier]) -> Iterator[VerifyDetection]:
        for one, passes in zip(verifiers, self.pending, strict=True):
            found = passes.result()
            open_ = ~covered(self.grey, found.xyxy)
            for box, score in zip(found.xyxy[open_].tolist(), found.score[open_].tolist(), strict=True):
                place = (box[0], box[1], box[2], box[3])
                yield VerifyDetection(self.frame, self.time_s, place, score, one.sure_from, one.name)


def covered(grey: NDArray[np.uint8], boxes: Boxes) -> NDArray[np.bool_]:
    """Tell which boxes show a cover of ours instead of a picture.

    Args:
        grey: Shape (H, W), uint8, the picture's luma, 0 to 255.
        boxes: Shape (N, 4), float32, rows (x0, y0, x1, y1) in pixels.

    Returns:
        Shape (N,), bool.
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
