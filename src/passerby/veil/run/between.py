"""Passes between two passes of a clip, where those cannot both be believed: somebody crossed, came, went or grew meanwhile.

Of the frames since the last pass only small copies are kept. Where detections contradict what was expected, the copy in the
middle goes through the detector at its own size; then both halves are asked again, down to two frames. Where such a pass
fails nobody knows where faces were, and the frames between are covered whole. Every run makes the same passes: what is asked
depends on the clip alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import av
import numpy as np
from numpy.typing import NDArray

from passerby.boxes import mean_sides
from passerby.errors import DetectorError
from passerby.media import frame_planes, scaled_rgb
from passerby.values import Detections
from passerby.veil.detect import FaceDetector, InferencePass, pass_sizes_px, start_passes
from passerby.veil.track import (
    SMALL_SHARE,
    Fine,
    Motion,
    Tracker,
    Tracklet,
    fine_copy,
    moved_too_much,
    thinned,
)

FAIR = 0.2
"""Score from which a face counts that a pass between others finds: less would begin false tracks. Chosen, not measured."""
TORN_FOR = 2
"""In so many frames the picture must be torn (``Motion.torn``) to call for a pass alone: one may be a flash.
Chosen, not measured."""
TORN_EVERY = 4
"""... and so many frames without a pass at least. Chosen, not measured."""
SHORTEST = 1
"""So many frames from one pass to the next are not divided any more. Chosen, not measured."""


@dataclass(frozen=True, slots=True, eq=False)
class SmallCopy:
    """A small copy of a frame, for the tracker and, later and seldom, for the detector.

    Attributes:
        fine: Grey (``fine_copy``), shape (H, W), uint8.
        chroma: Two planes of half its width and height, uint8; none where the frame was not 8-bit 4:2:0.
        colour: Matrix and range of the frame, as FFmpeg numbers them.
    """

    fine: Fine
    chroma: tuple[NDArray[np.uint8], ...]
    colour: tuple[int, int]

    @classmethod
    def of(cls, picture: av.VideoFrame) -> SmallCopy:
        """Copy a frame: covering it later does not change the copy."""
        chroma: tuple[NDArray[np.uint8], ...] = ()
        if picture.format.name in {"yuv420p", "yuvj420p"}:
            chroma = tuple(thinned(plane, picture.width, picture.height) for plane in frame_planes(picture)[1:])
        return cls(fine_copy(picture), chroma, (picture.colorspace, picture.color_range))

    def picture(self) -> av.VideoFrame:
        """Return a frame of it, without the last row or column where there is an odd one."""
        high, wide = (side // 2 * 2 for side in self.fine.shape)
        if not self.chroma:
            return av.VideoFrame.from_ndarray(np.ascontiguousarray(self.fine[:high, :wide]), format="gray")
        planes = (self.fine[:high, :wide], *(plane[: high // 2, : wide // 2] for plane in self.chroma))
        samples = np.concatenate([plane.ravel() for plane in planes]).reshape(high * 3 // 2, wide)
        frame = av.VideoFrame.from_ndarray(samples, format="yuv420p")
        frame.colorspace, frame.color_range = self.colour
        return frame


_Step = tuple[Motion | None, SmallCopy]


class PassesBetween:
    """Takes a tracker from one pass of a clip to the next.

    Args:
        tracker: At its beginning.
        detector: Finds faces.
        size: Width and height of the frames, pixels.

    Attributes:
        passes: Made so far.
        unjudged: Frames about which two passes contradict each other, and the one between failed.
    """

    def __init__(self, tracker: Tracker, detector: FaceDetector, size: tuple[int, int]) -> None:
        self._tracker, self._detector, self._size = tracker, detector, size
        self._mark, self._from = tracker.mark(), tracker.frame
        self._steps: list[_Step] | None = []
        self.passes = 0
        self.unjudged: set[int] = set()

    def predict(self, motion: Motion | None, copy: SmallCopy) -> None:
        """Go on to the next frame, as ``Tracker.predict``."""
        self._tracker.predict(motion, copy.fine)
        if self._steps is not None:
            self._steps.append((motion, copy))

    def give_up(self) -> None:
        """Ask for nothing until the next ``update``: a pass failed, and all frames since the last one are covered whole.

        No copy is kept either: a detector may fail for hours.
        """
        self._steps = None

    def update(self, found: Detections) -> list[Tracklet]:
        """Take in what was detected in the frame that ``predict`` went on to last, and what more passes before it say."""
        steps, self._steps = self._steps or [], []
        lost = self._update(steps, found)
        self._mark, self._from = self._tracker.mark(), self._tracker.frame
        return lost

    def _update(self, steps: Sequence[_Step], found: Detections, *, extra: bool = False) -> list[Tracklet]:
        tracker = self._tracker
        middle = self._divide(steps, found)
        if middle is None:
            return tracker.update(found, extra=extra)
        between = self._infer(steps[middle - 1][1])
        if between is None:
            self.unjudged.update(range(self._from + 1, tracker.frame))
            return tracker.update(found, extra=extra)
        tracker.back_to(self._from, self._mark)
        for half, seen, last in ((steps[:middle], between, False), (steps[middle:], found, True)):
            for motion, copy in half:
                tracker.predict(motion, copy.fine)
            lost = self._update(half, seen, extra=extra or not last)
            self._mark, self._from = tracker.mark(), tracker.frame
        return lost

    def _divide(self, steps: Sequence[_Step], found: Detections) -> int | None:
        """Return how many of the steps come before the next pass; None where none is needed."""
        motions = [motion for motion, _ in steps]
        if len(steps) <= SHORTEST or any(motion is None or motion.cut for motion in motions):
            return None
        torn = [at for at, motion in enumerate(motions[:-1], start=1) if motion is not None and motion.torn]
        if len(torn) >= TORN_FOR and len(steps) > TORN_EVERY:
            return torn[len(torn) // 2]
        if self._tracker.contradicts(found, torn=bool(torn)) or moved_too_much(motions):
            return len(steps) // 2
        return None

    def _infer(self, copy: SmallCopy) -> Detections | None:
        """Return the faces of a frame, or None where the pass fails."""
        self.passes += 1
        side = min(pass_sizes_px(*self._size, thorough=False)[0], max(copy.fine.shape))
        scaled = partial(scaled_rgb, copy.picture())
        passes = [InferencePass(side, mirrored=self.passes % 2 == 0)]
        try:
            found = start_passes(self._detector, passes, scaled, self._size, FAIR).result()
        except DetectorError:
            return None
        large = mean_sides(found.xyxy, least_px2=1) >= SMALL_SHARE * max(self._size)
        return Detections(found.xyxy[large], found.score[large])
