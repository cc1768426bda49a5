"""Says, while a clip is still being watched, which frames are final, and where faces are in them.

A frame is final when no detection still to come can add, move or take away a box in it: tentative tracklets may be confirmed as
a whole, a face not detected for a while may be detected again and its boxes in between move, and a new one is extrapolated back
before its first detection. Once confirmed, a tracklet stays so, so that what is final stays so. The watermark is the first frame
that is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from passerby.values import EMPTY_BOXES, Boxes
from passerby.veil.track.extrapolate import Extrapolation, extrapolate_back, extrapolated_on
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.stretches import Stretches
from passerby.veil.track.tracklet import Tracklet
from passerby.veil.track.woven import WovenFrames


class Watermark:
    """Follows the tracklets of one clip and gives out the boxes of its frames in order, once each.

    Args:
        motions: By frame: from the frame before. Grows while the clip is watched.
        meter: Moves boxes.
        span: How far tracklets are extrapolated.
        woven: Frames that hold two fields.
        stretches: Told whose boxes are final; None where nobody asks.

    Attributes:
        frame: The first frame that is not final; nothing asks for the motion in frames before it any more.
    """

    def __init__(
        self,
        motions: Mapping[int, Motion | None],
        meter: MotionMeter,
        span: Extrapolation,
        woven: WovenFrames,
        *,
        stretches: Stretches | None = None,
    ) -> None:
        self._stretches = stretches
        self._motions, self._meter, self._span, self._woven = motions, meter, span, woven
        self.frame = 0
        self._ended = 0
        self._after: list[tuple[Tracklet, Boxes]] = []

    def advance(self, inferred: int, active: Iterable[Tracklet], ended: Sequence[Tracklet]) -> list[Boxes]:
        """Give the boxes of frames that are final now and were not before, from the first such frame on.

        Args:
            inferred: The frame of an inference pass that succeeded, and whose detections were taken in.
            active: Tracklets that may be continued.
            ended: All that ended, in the order in which they did.

        Returns:
            For each frame the boxes of confirmed tracklets, shape (N, 4), float32, pixels, without margin.
        """
        active, frames = list(active), self._span.frames
        self._end(ended)
        ready = [t for t in active if t.confirmed and t.before is None and t.last_hit - t.first >= frames]
        extrapolate_back(ready, self._motions, self._meter, self._span)
        stop = inferred + 1 - frames
        for tracklet in active:
            known = tracklet.last_hit + 1 if tracklet.before is not None else tracklet.first - frames
            # where a box spans both fields, the next one must be known too
            stop = min(stop, known - bool(self._woven))
        return self._give(stop, [tracklet for tracklet in active if tracklet.before is not None])

    def finish(self, frames: int, ended: Sequence[Tracklet]) -> list[Boxes]:
        """Give the boxes of all frames left, as ``advance`` does: every tracklet has ended.

        Returns:
            For each frame: shape (N, 4), float32, pixels, without margin.
        """
        self._end(ended)
        return self._give(frames, [])

    def _end(self, ended: Sequence[Tracklet]) -> None:
        fresh = [tracklet for tracklet in ended[self._ended :] if tracklet.confirmed]
        self._ended = len(ended)
        extrapolate_back([t for t in fresh if t.before is None], self._motions, self._meter, self._span)
        self._after += [(tracklet, extrapolated_on(tracklet, self._span)) for tracklet in fresh]

    def _give(self, stop: int, active: Sequence[Tracklet]) -> list[Boxes]:
        start = self.frame
        if stop <= start:
            return []
        self.frame = stop
        given: list[list[Boxes]] = [[] for _ in range(start, stop)]
        for tracklet, after in [*self._after, *((tracklet, EMPTY_BOXES) for tracklet in active)]:
            more = int(bool(self._woven))
            first, boxes = tracklet.between(start - more, stop + more, after)
            boxes = self._woven.span(first, boxes)
            for index in range(max(0, start - first), min(len(boxes), stop - first)):
                given[first - start + index].append(boxes[index : index + 1])
                if self._stretches is not None and tracklet.followed is not None:
                    self._stretches.note_final(first + index, tracklet.followed)
        self._after = [(tracklet, after) for tracklet, after in self._after if tracklet.last_hit + len(after) >= stop]
        return [np.concatenate([EMPTY_BOXES, *boxes]) for boxes in given]
