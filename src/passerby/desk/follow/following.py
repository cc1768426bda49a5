"""A box that was drawn in one frame, in the frames after or before it: moved by the veil's own motion and patch tracker.

What is compared is a place in one frame with places in the next, and with the frame that the run began or last held on at; these
small grey copies end with the run. It ends at a cut, where the box has left the picture, and where it is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import av
import numpy as np

from passerby.boxes import BoxTuple, centres, inflate, mean_sides
from passerby.errors import UsageError
from passerby.values import Boxes
from passerby.veil import Fine, MotionMeter, fine_copy, follow_patches, grey_copy, patch_fit

LOST_BELOW = 0.4
"""A patch that fits the frame before less than so is a doubtful one. Source: a choice; below what the tracker itself believes."""
LOST_FRAMES = 6
"""After so many doubtful frames in a row a box is lost; they are given too, so that a cover rather lasts too long."""
HELD_FROM = 0.7
"""From this fit on a box is drawn back to where it was held first: frame by frame it would drift. Source: a choice."""
FINE_SIDES, FINE_STEPS = 0.1, 4
"""A box is looked for so many of its sides around where the tracker puts it, in so many steps to each side: the tracker's own
samples are a tenth of a side apart. Source: PATCH_SIDES and PATCH of veil/track/patches.py."""
SIZES = (0.97, 1.0, 1.03)
"""... and in these sizes: who comes near at 25 frames a second doubles within one. Source: a choice."""
UNMOVED = 0.004
"""So much better must what is farthest off fit: else boxes tremble. Source: a choice."""
LEAVES_FRAMES = 25
"""So many frames a box goes on as it went once its middle has left the picture. Source: a choice: a second of usual clips."""

Ended = Literal["", "cut", "edge", "lost", "end", "stopped"]


class FramesAt(Protocol):
    """Gives decoded frames of one clip by index."""

    def frame_at(self, index: int) -> av.VideoFrame:
        """Return a frame, of the coded size.

        Raises:
            IndexError: there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class FollowedBox:
    """Where a box is in one frame.

    Attributes:
        frame: From 0.
        box: (x0, y0, x1, y1), pixels of the coded picture.
        quality: How well its patch fits, 0 to 1.
        ended: Why no further frame follows; empty while one does.
    """

    frame: int
    box: BoxTuple
    quality: float
    ended: Ended = ""


def follow_box(
    frames: FramesAt, frame: int, box: BoxTuple, *, direction: int = 1, stop: Callable[[], bool] = lambda: False
) -> Iterator[FollowedBox]:
    """Yield a box in each frame after, or before, the one it was drawn in.

    Args:
        frames: Of the clip.
        frame: In which it was drawn.
        box: Pixels of the coded picture.
        direction: 1 goes forwards, -1 backwards.
        stop: Asked before each frame.

    Raises:
        UsageError: the box or direction is none, or there is no such frame.
        UnreadableError: a frame does not decode.
    """
    if direction not in {1, -1}:
        raise UsageError(f"direction must be 1 or -1, got {direction}")
    if not all(map(math.isfinite, box)) or not (box[0] < box[2] and box[1] < box[3]):
        raise UsageError(f"box must have x0 < x1 and y0 < y1, got {box}")
    try:
        first = frames.frame_at(frame)
    except IndexError as exc:
        raise UsageError(f"frame must be one of the clip's, got {frame}") from exc
    run = _FollowingRun(first, np.array([box], np.float32))
    held: FollowedBox | None = None
    ended: Ended = "end"
    for index in _indices(frame, direction):
        try:
            picture = frames.frame_at(index)
        except IndexError:
            break
        if stop():
            ended = "stopped"
            break
        found, why = run.step(picture)
        if why in {"cut", "edge"}:
            ended = why
            break
        if held is not None:
            yield held
        x0, y0, x1, y1 = (round(edge, 2) for edge in found[0].tolist())
        held = FollowedBox(index, (x0, y0, x1, y1), run.quality)
        if why:
            ended = why
            break
    if held is not None:
        yield replace(held, ended=ended)


def _indices(frame: int, direction: int) -> Iterator[int]:
    index = frame + direction
    while index >= 0:
        yield index
        index += direction


class _FollowingRun:
    """One box on its way through frames of one size.

    Attributes:
        quality: Of the last step, 0 to 1.
    """

    def __init__(self, picture: av.VideoFrame, box: Boxes) -> None:
        self._size = np.array([picture.width, picture.height], np.float32)
        self._meter = MotionMeter(picture.width, picture.height)
        self._meter.measure(grey_copy(picture))
        self._fine = fine_copy(picture)
        self._scale = picture.width / self._fine.shape[1]
        self._box, self._speed = box, np.zeros((1, 4), np.float32)
        self._anchor: tuple[Fine, Boxes] = (self._fine, box)
        self._doubtful = self._outside = 0
        self.quality = 1.0

    def step(self, picture: av.VideoFrame) -> tuple[Boxes, Ended]:
        """Go on to the next frame; return the box in it, shape (1, 4), pixels, and why nothing follows."""
        if (picture.width, picture.height) != tuple(self._size.astype(int)):
            return self._box, "cut"
        motion = self._meter.measure(grey_copy(picture))
        if motion is not None and motion.cut:
            return self._box, "cut"
        fine, was = fine_copy(picture), self._box
        if self._outside:
            now = was + self._speed
        else:
            now = self._moved(fine, self._meter.propagate(was, motion), 0.0 if motion is None else motion.zoom)
        fit = float(patch_fit(self._fine, fine, was, now, self._scale)[0])
        self.quality = 0.0 if self._outside else round(max(0.0, min(1.0, fit)), 3)
        self._fine, self._box = fine, now
        return now, self._why(was)

    def _moved(self, fine: Fine, expected: Boxes, zoom: float) -> Boxes:
        """Return the box where it fits best: first roughly as the tracker has it, then to a fraction of its samples."""
        was = self._box
        rough = follow_patches(self._fine, fine, was, expected, self._scale)
        rough = inflate(rough, np.array([(math.exp(zoom) - 1) / 2], np.float32))
        now, fit = self._refined(*self._anchor, fine, rough, SIZES)
        if fit >= HELD_FROM:
            return now
        self._anchor = (self._fine, was)
        return self._refined(*self._anchor, fine, rough, (1.0,))[0]

    def _refined(
        self, before: Fine, old: Boxes, fine: Fine, rough: Boxes, sizes: tuple[float, ...]
    ) -> tuple[Boxes, float]:
        """Return which of the boxes near a rough one fits a patch best, shape (1, 4), and how well."""
        side = float(mean_sides(rough, least_px2=16)[0])
        steps = np.arange(-FINE_STEPS, FINE_STEPS + 1) * (FINE_SIDES * side / FINE_STEPS)
        x, y, size = (axis.ravel() for axis in np.meshgrid(steps, steps, np.array(sizes), indexing="ij"))
        middle = centres(rough) + np.stack([x, y], axis=1)
        half = (rough[:, 2:] - rough[:, :2]) / 2 * size[:, None]
        boxes = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
        fit = patch_fit(before, fine, np.repeat(old, len(boxes), axis=0), boxes, self._scale)
        off = (x**2 + y**2) / (FINE_SIDES * side) ** 2 + (np.log(size) / np.log(SIZES[-1])) ** 2
        best = int(np.argmax(fit - UNMOVED * off))
        return boxes[best : best + 1], float(fit[best])

    def _why(self, was: Boxes) -> Ended:
        """Say why a run ends with the frame it has come to, after it was seen where it goes."""
        gone = (self._box[0, 2:] <= 0).any() or (self._box[0, :2] >= self._size).any()
        if gone:
            return "edge"
        middle = centres(self._box)[0]
        if self._outside or (middle < 0).any() or (middle >= self._size).any():
            if not self._outside:
                self._speed = self._box - was
            self._outside += 1
            return "edge" if self._outside > LEAVES_FRAMES else ""
        self._doubtful = self._doubtful + 1 if self.quality < LOST_BELOW else 0
        return "lost" if self._doubtful >= LOST_FRAMES else ""
