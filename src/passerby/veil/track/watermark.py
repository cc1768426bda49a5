"""Says, while a clip is still being watched, in which frames nothing can change any more, and where faces are in them.

A frame is settled when no sighting still to come can add, move or take away a box in it: tracklets that are not yet faces
may become some as a whole, a face not seen for a while may be seen again and its boxes in between move, and a new one
reaches back before its first sighting. Once a face, a tracklet stays one, so that what was settled stays so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from passerby.values import EMPTY_BOXES, Boxes
from passerby.veil.track.extrapolate import held_on, reach_back
from passerby.veil.track.motion import Motion, MotionMeter
from passerby.veil.track.tracklet import Tracklet


class Watermark:
    """Follows the tracklets of one clip and gives out the boxes of its frames in order, once each.

    Args:
        motions: One per frame: from the frame before. Grows while the clip is watched.
        meter: Moves boxes.
        reach: Frames covered before the first and after the last sighting, where the scene allows.
        growth: Share of its side that a box grows on each side with every frame away from a sighting.

    Attributes:
        given: Frames whose boxes were given out; nothing asks for the motion in them any more.
    """

    def __init__(self, motions: Sequence[Motion | None], meter: MotionMeter, *, reach: int, growth: float) -> None:
        self._motions, self._meter, self._reach, self._growth = motions, meter, reach, growth
        self.given = 0
        self._ended = 0
        self._after: list[tuple[Tracklet, Boxes]] = []

    def settle(self, look: int, active: Iterable[Tracklet], ended: Sequence[Tracklet]) -> list[Boxes]:
        """Give the boxes of frames that are settled now and were not before, from the first such frame on.

        Args:
            look: The frame of a look that succeeded, and was taken in.
            active: Tracklets that may be seen again.
            ended: All that ended, in the order in which they did.
        """
        active = list(active)
        self._end(ended)
        ready = [t for t in active if t.face and t.before is None and t.last_hit - t.first >= self._reach]
        reach_back(ready, self._motions, self._meter, reach=self._reach, growth=self._growth)
        stop = look + 1 - self._reach
        for tracklet in active:
            known = tracklet.last_hit + 1 if tracklet.before is not None else tracklet.first - self._reach
            stop = min(stop, known)
        return self._give(stop, [tracklet for tracklet in active if tracklet.before is not None])

    def finish(self, frames: int, ended: Sequence[Tracklet]) -> list[Boxes]:
        """Give the boxes of all frames left: every tracklet has ended."""
        self._end(ended)
        return self._give(frames, [])

    def _end(self, ended: Sequence[Tracklet]) -> None:
        fresh = [tracklet for tracklet in ended[self._ended :] if tracklet.face]
        self._ended = len(ended)
        reach_back(
            [tracklet for tracklet in fresh if tracklet.before is None],
            self._motions,
            self._meter,
            reach=self._reach,
            growth=self._growth,
        )
        self._after += [(tracklet, held_on(tracklet, self._reach, self._growth)) for tracklet in fresh]

    def _give(self, stop: int, active: Sequence[Tracklet]) -> list[Boxes]:
        start = self.given
        if stop <= start:
            return []
        self.given = stop
        given: list[list[Boxes]] = [[] for _ in range(start, stop)]
        for tracklet, after in [*self._after, *((tracklet, EMPTY_BOXES) for tracklet in active)]:
            first, boxes = tracklet.between(start, stop, after)
            for index in range(len(boxes)):
                given[first - start + index].append(boxes[index : index + 1])
        self._after = [(tracklet, after) for tracklet, after in self._after if tracklet.last_hit + len(after) >= stop]
        return [np.concatenate([EMPTY_BOXES, *boxes]) for boxes in given]
