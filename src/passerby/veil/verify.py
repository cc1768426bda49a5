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

from passerby.media import ClipReader, Kind, luma, read_ahead, read_picture, rgb, sniff
from passerby.values import Boxes
from passerby.veil.detector import Looks, Rgb
from passerby.veil.fills import Noise
from passerby.veil.looking import Look, Pending, sizes_px, start
from passerby.veil.planes import Space, layout_of
from passerby.veil.sidecar import BoxTuple

SIZES = (3 / 4, 3 / 8)
"""Looks as shares of the largest look of veiling, which uses 1, 1/2 and 1/4: a face missed there because it fell between
two sizes is seen here."""
FAINT = 0.1
"""A sighting from here on is listed for a person to look at; veiling covers from 0.125 on. Source: docs/measures.md."""
SEEMS_LEFT = 0.3
"""A sighting from here on counts as a face that seems left. Source: on veiled crowds of the annotated clips one place in 40
frames reaches it and is no face (hands, hair and cloth between covers); of uncovered faces of 20 px and more 74 % do."""
EVERY = 2
"""Frames between looks. A face that shows for one frame alone may pass; ``every=1`` looks at all."""
MAX_PENDING = 4
FLAT_CELLS = 8
FLAT_RANGE = 3
FLAT_SHARE = 0.5
"""A place counts as covered when this share of its cells (8 along the shorter side) varies by at most 3 of 255, as the fills
solid and avatar do. Source: of 127 sightings of bare faces on the annotated clips 0 reach 0.5."""
NOISE_DIFFERENCE = 14.0
"""Noise is known by the curtain itself: mean difference from it, 0 to 255."""
SAME_PLACE = 0.3
"""Sightings with this intersection over union, and at most ``GAP_FRAMES`` apart, are told as one."""
GAP_FRAMES = 12


@dataclass(frozen=True, slots=True)
class Sighting:
    """A face that seems to be left.

    Attributes:
        frame: From 0.
        time_s: When it is shown.
        box: (x0, y0, x1, y1), pixels of the coded picture.
        score: The detector's confidence, 0 to 1.
        detector: What saw it.
    """

    frame: int
    time_s: float
    box: BoxTuple
    score: float
    detector: str


@dataclass(frozen=True, slots=True)
class Left:
    """Sightings that belong together: one place for a person to look at.

    Attributes:
        best: The surest sighting.
        first_frame: Of the first sighting.
        last_frame: Of the last sighting.
        first_s: Time of the first sighting.
        last_s: Time of the last sighting.
        sightings: How many.
    """

    best: Sighting
    first_frame: int
    last_frame: int
    first_s: float
    last_s: float
    sightings: int


def together(sightings: Sequence[Sighting]) -> tuple[Left, ...]:
    """Join sightings that overlap and follow each other, surest first.

    Args:
        sightings: In order of time.
    """
    rows: list[list[Sighting]] = []
    for sighting in sightings:
        for row in rows:
            near = sighting.frame - row[-1].frame <= GAP_FRAMES
            if near and _overlap(sighting.box, row[-1].box) >= SAME_PLACE:
                row.append(sighting)
                break
        else:
            rows.append([sighting])
    left = []
    for row in rows:
        best = max(row, key=lambda one: one.score)
        left.append(Left(best, row[0].frame, row[-1].frame, row[0].time_s, row[-1].time_s, len(row)))
    return tuple(sorted(left, key=lambda one: -one.best.score))


def _overlap(one: BoxTuple, two: BoxTuple) -> float:
    """Intersection over union."""
    wide = min(one[2], two[2]) - max(one[0], two[0])
    high = min(one[3], two[3]) - max(one[1], two[1])
    shared = max(0.0, wide) * max(0.0, high)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, two))
    return shared / max(areas - shared, 1e-9)


@dataclass(frozen=True, slots=True)
class Verdict:
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
    left: tuple[Left, ...]
    faint: tuple[Left, ...]
    detectors: tuple[str, ...]


Progress = Callable[[int, int | None], None]


def verify_file(
    path: Path,
    detectors: Sequence[Looks],
    *,
    seems_left: float = SEEMS_LEFT,
    every: int = EVERY,
    progress: Progress | None = None,
) -> Verdict:
    """Look at a picture or clip once more.

    Args:
        path: The veiled file.
        detectors: Each looks at each frame.
        seems_left: Least score of a face that seems left, 0 to 1.
        every: Frames between looks, 1 looks at all.
        progress: Called with frames done and frames in all (None where unknown).

    Raises:
        UnreadableError: the file does not decode.
        UnsupportedError: the file is no picture or clip.
        DetectorError: a detector failed.
    """
    names = tuple(detector.runs_on for detector in detectors)
    threshold = min(FAINT, seems_left)
    if sniff(path).kind is Kind.PICTURE:
        still = _PictureView(read_picture(path).rgb)
        step = _Step(0, 0.0, _begin(detectors, still, threshold), still.grey())
        return _verdict(1, 1, list(step.sightings(names)), seems_left, names)
    sightings: list[Sighting] = []
    pending: deque[_Step] = deque()
    frames = looked = 0
    with ClipReader(path) as clip:
        total = clip.info.frames_estimate
        for frame in read_ahead(clip.frames()):
            frames = frame.index + 1
            if frame.index % every == 0:
                looked += 1
                view = _FrameView(frame.picture)
                pending.append(_Step(frame.index, frame.time_s, _begin(detectors, view, threshold), view.grey()))
            if len(pending) > MAX_PENDING:
                sightings += pending.popleft().sightings(names)
            if progress:
                progress(frames, total)
    for step in pending:
        sightings += step.sightings(names)
    return _verdict(frames, looked, sightings, seems_left, names)


def _verdict(
    frames: int, looked: int, sightings: Sequence[Sighting], seems_left: float, names: tuple[str, ...]
) -> Verdict:
    places = together(sightings)
    left = tuple(place for place in places if place.best.score >= seems_left)
    faint = tuple(place for place in places if place.best.score < seems_left)
    return Verdict(frames, looked, left, faint, names)


def _begin(detectors: Sequence[Looks], view: _FrameView | _PictureView, threshold: float) -> list[Pending]:
    top = sizes_px(*view.size, thorough=True)[0]
    looks = [Look(round(top * share), mirrored) for share, mirrored in zip(SIZES, (False, True), strict=True)]
    return [start(detector, looks, view.scaled, view.size, threshold) for detector in detectors]


class _FrameView:
    def __init__(self, picture: av.VideoFrame) -> None:
        self.picture, self.size = picture, (picture.width, picture.height)

    def scaled(self, width: int, height: int) -> Rgb:
        return rgb(self.picture, width, height)

    def grey(self) -> NDArray[np.uint8]:
        return luma(self.picture, *self.size)


class _PictureView:
    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels, self.size = pixels, (pixels.shape[1], pixels.shape[0])

    def scaled(self, width: int, height: int) -> Rgb:
        image = Image.fromarray(self.pixels).resize((width, height), Image.Resampling.BILINEAR)
        return np.ascontiguousarray(np.asarray(image))

    def grey(self) -> NDArray[np.uint8]:
        return np.asarray(Image.fromarray(self.pixels).convert("L"))


@dataclass(slots=True, eq=False)
class _Step:
    """One frame under way."""

    frame: int
    time_s: float
    pending: list[Pending]
    grey: NDArray[np.uint8]

    def sightings(self, names: Sequence[str]) -> Iterator[Sighting]:
        for name, looks in zip(names, self.pending, strict=True):
            found = looks.result()
            open_ = ~covered(self.grey, found.xyxy)
            for box, score in zip(found.xyxy[open_].tolist(), found.score[open_].tolist(), strict=True):
                yield Sighting(self.frame, self.time_s, (box[0], box[1], box[2], box[3]), score, name)


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
