"""Watches a clip once, from its first frame to its last, and says where faces are in every frame.

The decoder, the detector and the tracker work side by side; no pixels are kept but the frame in hand. Inference passes come at
least every ``TrackingPolicy.interval_s``, sooner after a cut or when a followed face is missed, later only while nothing moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DetectorError
from passerby.media import ClipInfo, ClipReader, DecodeRecord, Frame, read_ahead, scaled_rgb
from passerby.values import Boxes, Track
from passerby.veil.detect import CoarseToFinePasses, FaceDetector, PendingPasses, start_passes
from passerby.veil.track import (
    CALM_TURNS,
    GROWTH_PER_S,
    Fine,
    Follower,
    Grey,
    Motion,
    MotionMeter,
    TrackingPolicy,
    Tracklet,
    Watermark,
    complete,
    fine_copy,
    follows_small,
    grey_copy,
    passes_for_cycle,
)

LATE_S = Fraction(15, 100)
"""Time after the frame before from which a frame comes late: a clip that is fast in the mean may be slow in places."""
SURE = 0.4
LOST_SHARE = 0.34
"""When more than this share of the faces that were once seen as surely as ``SURE`` is missed at a look, the next comes sooner."""

Progress = Callable[[int, int | None], None]
"""Called with frames done and frames in all, None where unknown."""


class Listener(Protocol):
    """Is told while a clip is watched, in the thread that watches."""

    def saw(self, frame: Frame) -> None:
        """A frame was decoded. What is raised here ends the watching."""
        ...

    def settled(self, boxes: Sequence[Boxes], whole: AbstractSet[int]) -> None:
        """Nothing changes any more in the next frames: the boxes of each, and which frames so far are covered whole."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """A sighting that was not covered, for a human to look at.

    Attributes:
        frame: Index of its best frame.
        xyxy: Shape (4,), pixels.
        score: 0 to 1.
    """

    frame: int
    xyxy: NDArray[np.float32]
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class WatchedClip:
    """What is known of a clip after watching it.

    Attributes:
        info: Of the clip.
        seen: For the writing pass, which is held to it.
        tracks: Faces, with boxes from before the first to after the last sighting.
        doubts: Followed sightings below what is covered, best first.
        unjudged: Frames that nothing could be said about, to be covered whole.
        inferred: Frames that went through the detector.
        cuts: Frames that begin a new scene.
    """

    info: ClipInfo
    seen: DecodeRecord
    tracks: tuple[Track, ...]
    doubts: tuple[Doubt, ...]
    unjudged: frozenset[int]
    inferred: int
    cuts: tuple[int, ...]

    def time_s(self, frame: int) -> float:
        """Return when a frame is shown, in seconds."""
        return float(int(self.seen.pts[frame]) * self.info.time_base)


def watch(
    path: Path,
    detector: FaceDetector,
    rules: TrackingPolicy,
    *,
    thorough: bool = False,
    progress: Progress | None = None,
    listener: Listener | None = None,
) -> WatchedClip:
    """Watch a clip.

    Args:
        path: The clip.
        detector: Finds faces.
        rules: How often, and what counts.
        thorough: Look at every size both ways each time.
        progress: Told after each frame.
        listener: Told what is settled already.

    Raises:
        MediaError: it cannot be read.
        DetectorError: the detector failed at every look.
    """
    with ClipReader(path) as clip:
        watcher = _ClipWatcher(clip.info, detector, rules, listener, thorough=thorough)
        frames = read_ahead(clip.frames())
        try:
            for frame in frames:
                if listener:
                    listener.saw(frame)
                watcher.take(frame)
                if progress:
                    progress(frame.index + 1, clip.info.frames_estimate)
        finally:
            frames.close()
        watcher.finish()
        return watcher.watched(clip.record)


@dataclass(slots=True, eq=False)
class _Step:
    """A frame that the follower has yet to reach."""

    index: int
    motion: Motion | None
    fine: Fine | None
    pending: PendingPasses | CoarseToFinePasses | None


class _ClipWatcher:
    def __init__(
        self,
        info: ClipInfo,
        detector: FaceDetector,
        rules: TrackingPolicy,
        listener: Listener | None,
        *,
        thorough: bool,
    ) -> None:
        self._info, self._detector, self._rules, self._thorough = info, detector, rules, thorough
        self._listener = listener
        self._size = (info.width_px, info.height_px)
        self._meter = MotionMeter(*self._size)
        self._follower = Follower(self._meter, rules.max_age)
        self._interval = rules.interval_frames(info.rate)
        self._lag = rules.lag_frames(info.rate)
        self._motions: list[Motion | None] = []
        self._forgotten, self._cuts = 0, list[int]()
        self._queue: deque[_Step] = deque()
        self._next_look, self._last_look, self._last_larger = 0, -1, -1
        self._grey_at_look: Grey | None = None
        self._last: tuple[Frame, Grey] | None = None
        self._last_pts = self._look_pts = 0
        self._turn = 0
        self._looks = 0
        self._judged: int | None = None
        self._failed = False
        self._unjudged: set[int] = set()
        rate = float(info.rate or Fraction(25))
        self._patience = max(self._interval, round(rules.confirmation_s * rate))
        self._reach, self._growth = max(self._interval, round(rules.extrapolate_s * rate)), GROWTH_PER_S / rate
        self._settler = Watermark(self._motions, self._meter, reach=self._reach, growth=self._growth)

    def take(self, frame: Frame) -> None:
        """Follow on to a frame, and look at it if it is time."""
        late = frame.pts >= self._last_pts + LATE_S / frame.time_base
        # looks are counted in frames; where these come late, half the time is nearer to it than the next frame may be
        overdue = late and (frame.pts - self._look_pts) * frame.time_base >= self._rules.interval_s / 2
        self._last_pts = frame.pts
        grey = grey_copy(frame.picture)
        motion = self._meter.measure(grey)
        self._motions.append(motion)
        if motion is not None and motion.cut:
            self._cuts.append(frame.index)
        step = _Step(frame.index, motion, fine_copy(frame.picture), None)
        if overdue or self._due(frame.index, motion, grey):
            self._look(step, frame, grey)
        self._queue.append(step)
        self._last = (frame, grey)
        self._advance()

    def finish(self) -> None:
        """Look at the last frame too, and wait for all looks."""
        if self._last is not None and self._last[0].index != self._last_look:
            self._look(self._queue[-1], *self._last)
        while self._queue:
            self._follow(self._queue.popleft())
        self._follower.finish()
        if self._failed:
            self._unjudged.update(range(0 if self._judged is None else self._judged + 1, len(self._motions)))
        if self._listener:
            self._listener.settled(self._settler.finish(len(self._motions), self._follower.ended), self._unjudged)

    def watched(self, seen: DecodeRecord) -> WatchedClip:
        """Decide what is covered.

        Raises:
            DetectorError: no look succeeded.
        """
        if self._judged is None:
            raise DetectorError("detector failed at every look", hint="passerby doctor says what runs here")
        faces = [tracklet for tracklet in self._follower.ended if tracklet.face]
        others = [tracklet for tracklet in self._follower.ended if not tracklet.face]
        tracks = complete(faces, self._motions, self._meter, reach=self._reach, growth=self._growth)
        return WatchedClip(
            self._info,
            seen,
            tracks,
            tuple(sorted(map(_doubt, others), key=lambda doubt: -doubt.score)),
            frozenset(self._unjudged),
            self._looks,
            tuple(self._cuts),
        )

    def _due(self, index: int, motion: Motion | None, grey: Grey) -> bool:
        if motion is None or motion.cut:
            return True
        if index < self._next_look:
            return False
        waited_s = (index - self._last_look) / float(self._info.rate or 25)
        if waited_s >= self._rules.still_s or self._grey_at_look is None:
            return True
        return not self._meter.still_since(grey, self._grey_at_look)

    def _look(self, step: _Step, frame: Frame, grey: Grey) -> None:
        small = self._judged is None or follows_small(self._follower.active, max(self._size))
        overdue = frame.index - self._last_larger >= CALM_TURNS * self._interval
        every = 1 if small or overdue else CALM_TURNS
        looks = passes_for_cycle(self._turn, *self._size, thorough=self._thorough, larger_every=every)
        scaled = partial(scaled_rgb, frame.picture)
        if len(looks) == 2 and not small and self._detector.doubt is not None:
            likely = self._follower.likely()
            step.pending = CoarseToFinePasses(
                self._detector, (looks[0], looks[1]), scaled, self._size, self._rules.lowest, also=likely
            )
        else:
            step.pending = start_passes(self._detector, looks, scaled, self._size, self._rules.lowest)
        if len(looks) > 1:
            self._last_larger = frame.index
        self._turn += 1
        self._looks += 1
        self._last_look, self._next_look, self._look_pts = frame.index, frame.index + self._interval, frame.pts
        self._grey_at_look = grey

    def _advance(self) -> None:
        """Follow up to a look that is not old enough.

        A look's result is taken at a fixed distance, however fast it came, so that every run makes the same tracks. The
        newest frame waits: it may be the last, which is looked at.
        """
        now = self._queue[-1].index
        while len(self._queue) > 1 and (self._queue[0].pending is None or now - self._queue[0].index >= self._lag):
            self._follow(self._queue.popleft())

    def _follow(self, step: _Step) -> None:
        self._follower.step(step.motion, step.fine)
        if step.pending is None:
            return
        try:
            found = step.pending.result()
        except DetectorError:
            self._failed = True
            self._next_look = min(self._next_look, step.index + 1)
            return
        if self._failed:
            self._unjudged.update(range(0 if self._judged is None else self._judged + 1, step.index))
        self._judged, self._failed = step.index, False
        lost = self._follower.see(step.index, found)
        for tracklet in self._follower.active:
            tracklet.face = tracklet.face or self._rules.is_face(tracklet, max(self._size))
            if not tracklet.face:
                tracklet.begin_later(step.index - self._patience)
        if self._listener:
            active, ended = self._follower.active, self._follower.ended
            self._listener.settled(self._settler.settle(step.index, active, ended), self._unjudged)
            self._forget()
        sure = [tracklet for tracklet in self._follower.active if tracklet.best >= SURE]
        gone = [tracklet for tracklet in lost if tracklet.best >= SURE]
        if len(gone) > LOST_SHARE * len(sure):
            self._next_look = min(self._next_look, self._last_look + max(1, self._interval // 2))

    def _forget(self) -> None:
        """Drop the motion in frames that no track reaches back into any more: memory must not grow with a clip's length."""
        for index in range(self._forgotten, self._settler.given):
            self._motions[index] = None
        self._forgotten = max(self._forgotten, self._settler.given)


def _doubt(tracklet: Tracklet) -> Doubt:
    frame, score = max(tracklet.hits, key=lambda hit: hit[1])
    boxes: Boxes = tracklet.boxes()
    return Doubt(frame, boxes[frame - tracklet.first], score)
