"""Watches a clip once, from its first frame to its last, and says where faces are in every frame.

The decoder, the detector and the tracker work side by side; of frames before the one in hand only small copies are kept, until
the next pass was taken in. Inference passes come at least every ``TrackingPolicy.interval_s``, sooner after a cut or when a
tracked face is missed, later only while nothing moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DetectorError
from passerby.media import ClipInfo, ClipReader, DecodeRecord, Frame, progressive_frames, read_ahead, scaled_rgb
from passerby.values import Boxes, Detections, Track
from passerby.veil.detect import CoarseToFinePasses, FaceDetector, PendingPasses, examine_closely, start_passes
from passerby.veil.run.between import PassesBetween, SmallCopy
from passerby.veil.tangent import SpherePasses, start_views
from passerby.veil.track import (
    FALLBACK_HZ,
    Grey,
    Motion,
    MotionMeter,
    PassScheduler,
    Stretches,
    Tracker,
    TrackingPolicy,
    Tracklet,
    grey_copy,
)

Progress = Callable[[int, int | None], None]
"""Called with frames done and frames in all, None where unknown."""
OnFrame = Callable[[Frame], None]
"""Called with each decoded frame, before anything else is done with it. What is raised here ends the watching."""
OnFinal = Callable[[Sequence[Boxes], AbstractSet[int]], None]
"""Called with the boxes of the next final frames, each shape (N, 4), pixels, and all frames so far that are covered whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """A detection that was not covered, for a human to look at.

    Attributes:
        frame: Index of its best frame.
        xyxy: Shape (4,), float32, pixels.
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
        record: For the writing pass, which is held to it.
        tracks: Faces, with boxes from before the first to after the last detection.
        doubts: Tentative tracklets at their best, best first.
        unjudged: Frames that nothing could be said about, to be covered whole.
        inferred: Frames that went through the detector.
        cuts: Frames that show another scene than the one before.
    """

    info: ClipInfo
    record: DecodeRecord
    tracks: tuple[Track, ...]
    doubts: tuple[Doubt, ...]
    unjudged: frozenset[int]
    inferred: int
    cuts: tuple[int, ...] = ()

    def time_s(self, frame: int) -> float:
        """Return when a frame is shown, in seconds."""
        return float(int(self.record.pts[frame]) * self.info.time_base)


def watch(
    path: Path,
    detector: FaceDetector,
    policy: TrackingPolicy,
    *,
    thorough: bool = False,
    progress: Progress | None = None,
    on_frame: OnFrame | None = None,
    on_final: OnFinal | None = None,
    stretches: Stretches | None = None,
) -> WatchedClip:
    """Watch a clip.

    Args:
        path: The clip.
        detector: Finds faces.
        policy: How often, and what counts.
        thorough: Every size both ways each time.
        progress: Told after each frame.
        on_frame: Told of each frame before it is watched.
        on_final: Told what is final already. Without it the motion in every frame is kept to the end.
        stretches: Told before ``on_final`` whose the boxes are, and which spans are surely one person's.

    Raises:
        MediaError: it cannot be read.
        DetectorError: the detector failed in every pass.
    """
    with ClipReader(path) as clip:
        watcher = _ClipWatcher(clip.info, detector, policy, on_final, thorough=thorough, stretches=stretches)
        with closing(watcher):
            with closing(read_ahead(clip.frames())) as frames:
                for frame, shown in progressive_frames(frames):
                    if on_frame:
                        on_frame(frame)
                    watcher.take(shown, woven=shown is not frame)
                    if progress:
                        progress(frame.index + 1, clip.info.frames_estimate)
            watcher.finish()
            return watcher.watched(clip.record)


@dataclass(slots=True, eq=False)
class _Step:
    """A frame that the tracker has yet to reach."""

    index: int
    motion: Motion | None
    copy: SmallCopy
    woven: bool
    pending: Future[Detections] | None = None


class _ClipWatcher:
    """Where the frames of a clip come from, and when the tracker may take the detections in them."""

    def __init__(
        self,
        info: ClipInfo,
        detector: FaceDetector,
        policy: TrackingPolicy,
        on_final: OnFinal | None,
        *,
        thorough: bool,
        stretches: Stretches | None = None,
    ) -> None:
        self._info, self._detector, self._policy, self._on_final = info, detector, policy, on_final
        size, rate_hz = (info.width_px, info.height_px), float(info.rate or FALLBACK_HZ)
        interval = policy.interval_frames(info.rate)
        self._meter = meter = MotionMeter(*size)
        self._tracker = Tracker(
            meter, policy, long_side_px=max(size), rate_hz=rate_hz, interval=interval, stretches=stretches
        )
        self._scheduler = PassScheduler(meter, policy, size=size, rate_hz=rate_hz, interval=interval, thorough=thorough)
        self._lag = policy.lag_frames(info.rate)
        self._queue: deque[_Step] = deque()
        self._between = PassesBetween(self._tracker, detector, size)
        self._closeups = ThreadPoolExecutor(1, thread_name_prefix="closeups")
        self._last: tuple[Frame, Grey] | None = None
        self._failed = False
        self._unjudged: set[int] = set()
        self._cuts: list[int] = []

    def take(self, frame: Frame, *, woven: bool) -> None:
        """Go on to a frame, or to the picture of one field of a woven one, and begin an inference pass if one is due."""
        self._tracker.note_fields(frame.index, woven=woven)
        grey = grey_copy(frame.picture)
        motion = self._meter.measure(grey)
        if motion is not None and motion.cut:
            self._cuts.append(frame.index)
        step = _Step(frame.index, motion, SmallCopy.of(frame.picture), woven)
        if self._scheduler.due(frame.index, motion, grey, time_s=_time_s(frame)):
            self._infer(step, frame, grey)
        self._queue.append(step)
        self._last = (frame, grey)
        self._advance()

    def finish(self) -> None:
        """Put the last frame through the detector too, and wait for all passes."""
        if self._last is not None and self._last[0].index != self._scheduler.last_frame:
            self._infer(self._queue[-1], *self._last)
        while self._queue:
            self._track(self._queue.popleft())
        self._tracker.finish()
        if self._failed:
            self._unjudged.update(range(self._tracker.inferred + 1, self._tracker.frame + 1))
        if self._on_final:
            self._on_final(self._tracker.finalise_rest(), self._unjudged)

    def close(self) -> None:
        """Let go of what is under way."""
        self._closeups.shutdown(wait=False, cancel_futures=True)

    def watched(self, record: DecodeRecord) -> WatchedClip:
        """Decide what is covered.

        Raises:
            DetectorError: no pass succeeded.
        """
        if self._tracker.inferred < 0:
            raise DetectorError("detector failed in every pass", hint="passerby doctor says what runs here")
        return WatchedClip(
            self._info,
            record,
            self._tracker.tracks(),
            tuple(sorted(map(_doubt, self._tracker.tentative()), key=lambda doubt: -doubt.score)),
            frozenset(self._unjudged),
            self._scheduler.planned + self._between.passes,
            tuple(self._cuts),
        )

    def _infer(self, step: _Step, frame: Frame, grey: Grey) -> None:
        size = (self._info.width_px, self._info.height_px)
        small = self._tracker.may_follow_small()
        passes = self._scheduler.plan(frame.index, grey, small=small, time_s=_time_s(frame))
        scaled = partial(scaled_rgb, frame.picture)
        pending: PendingPasses | CoarseToFinePasses
        if len(passes) == 2 and not small and self._detector.doubt is not None:
            pending = CoarseToFinePasses(
                self._detector, (passes[0], passes[1]), scaled, size, self._policy.lowest, also=self._tracker.likely()
            )
        else:
            pending = start_passes(self._detector, passes, scaled, size, self._policy.lowest)
        sphere = self._info.sphere
        lowest = self._policy.lowest
        views = None if sphere is None else start_views(self._detector, scaled, size, sphere, threshold=lowest)
        policy = self._policy.for_fields() if step.woven else self._policy
        examine = partial(
            examine_closely,
            self._detector,
            pending,
            scaled,
            size,
            partial(policy.doubts, long_side_px=max(size)),
            most_px=round(policy.closeup_share * size[0] * size[1]) if self._detector.doubt is not None else 0,
        )
        # in a thread of its own: it waits for the passes, while frames are decoded and tracked
        step.pending = self._closeups.submit(_with_views, examine, views)

    def _advance(self) -> None:
        """Track up to a pass that is not old enough.

        A pass's result is taken at a fixed distance, however fast it came, so that every run makes the same tracks. The
        newest frame waits: it may be the last, which goes through the detector.
        """
        now = self._queue[-1].index
        while len(self._queue) > 1 and (self._queue[0].pending is None or now - self._queue[0].index >= self._lag):
            self._track(self._queue.popleft())

    def _track(self, step: _Step) -> None:
        tracker = self._tracker
        self._between.predict(step.motion, step.copy)
        if step.pending is None:
            return
        try:
            found = step.pending.result()
        except DetectorError:
            self._failed = True
            self._between.give_up()
            self._scheduler.retry(step.index + 1)
            return
        if self._failed:
            self._unjudged.update(range(tracker.inferred + 1, step.index))
        self._failed = False
        lost = self._between.update(found)
        self._unjudged |= self._between.unjudged
        if self._on_final:
            self._on_final(tracker.finalise(), self._unjudged)
        self._scheduler.note_lost(lost, tracker.active)


def _with_views(examine: Callable[[], Detections], views: SpherePasses | None) -> Detections:
    """Return what the flat picture gives once it was examined closely, and what views of the sphere add."""
    found = examine()
    return found if views is None else views.result(found)


def _time_s(frame: Frame) -> Fraction:
    return frame.pts * frame.time_base


def _doubt(tracklet: Tracklet) -> Doubt:
    frame, score = max(tracklet.hits, key=lambda hit: hit[1])
    return Doubt(frame, tracklet.boxes()[frame - tracklet.first], score)
