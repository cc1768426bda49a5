"""Veils a stream as it comes: frames go in, and come out covered a fixed number of frames later.

The look-ahead lets a face be covered in frames before the one in which it was first detected. A frame leaves bare of cover only
where the detections of a frame at or after it were taken in, and where two passes in a row have agreed since tracking last began
anew (``agreement``): with the stream, and after every break in it. Whatever could not be judged in time leaves covered whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

import av
import numpy as np

from passerby.errors import DetectorError, UsageError, WeightsError
from passerby.media import FieldGauge, Frame, one_field, scaled_rgb
from passerby.values import EMPTY_BOXES, Detections
from passerby.veil.cover import Painter
from passerby.veil.detect import ChecksWeights, FaceDetector, PendingPasses, start_passes
from passerby.veil.run.agreement import Agreement, FrameSteps
from passerby.veil.run.known_sizes import ANEW_S, KEPT_S, Company, KnownSizes
from passerby.veil.run.veiled import HIDDEN, BeforeCover, CoverHook, UncoveredFaces, VeiledFrame, WholeReason
from passerby.veil.settings import CoverSettings
from passerby.veil.track import (
    LIVE,
    Fine,
    Grey,
    Motion,
    MotionMeter,
    PassScheduler,
    Stretches,
    Tracker,
    TrackingPolicy,
    fine_copy,
    grey_copy,
)

WEIGHTS_CHECK_S = 2.0
"""Seconds between checks of the weights file's time and size. Chosen, not measured."""
SLOWEST_S = 0.96
"""Longest time between passes where the rate was lowered. Chosen, not measured."""
PASS_SHARE = 0.6
"""A pass comes at least every this share of the look-ahead, so that its result is there when the first frame must leave.
Chosen, not measured."""
MOST_UNDER_WAY = 2
"""Passes under way from which the detector is behind: a further one would only come later still. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a stream is veiled.

    Attributes:
        cover: How faces are covered; ``keep`` and ``exclude_zones`` must be empty: a live picture has no exemptions.
        lookahead_frames: Frames that are held back, 1 and more.
        policy: How often frames go through the detector and what counts as a face.
        wait: Wait for the detector instead of covering whole; for streams that are not live, in which nothing is ever missing.
        cycle_offset: When detection cycles begin, as a share of two of them, 0 to 1, by the clock of the frames; streams of one
            machine that have different ones take turns. None: whenever the first frame comes.
        patience_s: Longest time that a frame which must leave waits for the pass that it needs, once for each pass. Source:
            docs/gateway.md.
    """

    cover: CoverSettings = field(default_factory=CoverSettings)
    lookahead_frames: int = 10
    policy: TrackingPolicy = LIVE
    wait: bool = False
    cycle_offset: float | None = None
    patience_s: float = 0.1


@dataclass(slots=True, eq=False)
class _Held:
    """A frame in the look-ahead.

    Attributes:
        index: From 0, in the order in which frames came.
        frame: Bare.
        motion: From the frame before.
        fine: Until it is tracked.
        reason: Why it will be covered whole, as far as that is known.
        pending: Its passes, until their result was taken in.
        larger: The larger pass is one of them.
        awaited: A frame that must leave has waited for them.
    """

    index: int
    frame: Frame
    motion: Motion | None
    fine: Fine | None
    reason: WholeReason | None
    pending: PendingPasses | None = None
    larger: bool = False
    awaited: bool = False


class LiveVeil:
    """Veils one stream of one size.

    Args:
        width: Of the frames, pixels.
        height: Of the frames, pixels.
        rate: Frames a second, roughly.
        detector: Finds faces. May be shared between streams of one process.
        settings: How.
        company: How many were seen before the first frame.
        before_cover: Told of every frame that does not leave covered whole, right before it is covered.
        stretch_numbers: The next stretch's, for who is told; veils that follow each other share them, so that none comes back.
            None counts from 1.

    Attributes:
        interval_frames: Frames between inference passes.
        failures: Passes that failed.

    Raises:
        UsageError: a setting that a live picture cannot have.
    """

    def __init__(
        self,
        width: int,
        height: int,
        rate: Fraction | float,
        detector: FaceDetector,
        settings: LiveSettings | None = None,
        *,
        company: Company | None = None,
        before_cover: BeforeCover | None = None,
        stretch_numbers: Iterator[int] | None = None,
    ) -> None:
        self.settings = settings = settings or LiveSettings()
        if settings.cover.keep or settings.cover.soft or settings.cover.exclude_zones:
            raise UsageError("a live picture has no tracks that stay clear or soft and no exclude zones")
        if settings.lookahead_frames < 1:
            raise UsageError(f"lookahead must be 1 frame or more, got {settings.lookahead_frames}")
        self._size, self._rate_hz, self._detector = (width, height), max(float(rate), 1.0), detector
        self._full_rate_hz = self._rate_hz
        wanted = settings.policy.interval_frames(Fraction(self._rate_hz))
        self.interval_frames = interval = self._in_time(wanted)
        self._painter = Painter(settings.cover, width, height)
        self._meter = meter = MotionMeter(width, height)
        self._tracker = Tracker(
            meter,
            settings.policy,
            long_side_px=max(width, height),
            rate_hz=self._rate_hz,
            interval=interval,
            stretches=Stretches(stretch_numbers) if before_cover else None,
        )
        self._hook = CoverHook(before_cover) if before_cover else None
        self._scheduler = PassScheduler(
            meter, settings.policy, size=self._size, rate_hz=self._rate_hz, interval=interval
        )
        self._held: deque[_Held] = deque()
        self._untracked: deque[_Held] = deque()
        self._fields = FieldGauge()
        self._newest: tuple[av.VideoFrame, Grey] | None = None
        self._next_index = self._next_weights_check = 0
        self._forced: tuple[WholeReason, str] | None = None
        self._agreement = Agreement(settings.policy.max_age + 1)
        self._steps, self._sizes = FrameSteps(self._rate_hz), KnownSizes(self._rate_hz)
        self._company, self._anew, self._took_s = company or Company(), True, 0.0
        # up to a frame: so many frames may lie between passes, because that was so before the rate changed
        self._longest = (0, 0)
        self.failures = 0

    def _in_time(self, interval: int) -> int:
        return max(1, min(interval, int(self.settings.lookahead_frames * PASS_SHARE)))

    def set_rate(self, rate: float) -> None:
        """Go on at another rate of frames: fewer come, or all again. Passes come less often with them, up to a second apart.

        Args:
            rate: Frames a second, roughly.
        """
        self._rate_hz = rate = max(float(rate), 1.0)
        wanted = self.settings.policy.interval_frames(Fraction(rate))
        if rate < self._full_rate_hz:
            wanted = max(wanted, int(SLOWEST_S * rate))
        self._longest = (self._next_index, max(self.interval_frames, self._longest[1]))
        self.interval_frames = interval = self._in_time(wanted)
        self._tracker.set_rate(rate, interval)
        self._scheduler.set_rate(rate, interval)
        self._steps.set_rate(rate)
        self._sizes.set_rate(rate)

    @property
    def strain(self) -> float:
        """How long passes take, as a share of the time after which frames have waited for them in vain: 1 is too long."""
        running = next((one.pending for one in self._untracked if one.pending is not None), None)
        took_s = self._took_s if running is None else max(self._took_s, running.age_s)
        return took_s * self._rate_hz / max(1, self.settings.lookahead_frames - self.interval_frames)

    @property
    def passes(self) -> int:
        """Frames that went through the detector, or are under way."""
        return self._scheduler.planned

    def cover(self, reason: str | None) -> None:
        """Cover every frame that leaves from now on whole, until called with None. The reason is for people."""
        self._forced = None if reason is None else (WholeReason.ASKED, reason)

    def distrust(self) -> None:
        """Begin anew with the next frame: something has happened after which nobody knows who is there."""
        self._anew = True

    def push(self, frame: Frame) -> list[VeiledFrame[WholeReason]]:
        """Take a frame in, and give out the one whose look-ahead is over.

        Args:
            frame: Bare; its picture is made writable and covered in place when it leaves. A corrupt one leaves covered whole.

        Returns:
            No frame while the look-ahead fills, then one for each one taken in.
        """
        picture = frame.picture
        woven = self._fields.woven(picture)
        picture = one_field(picture) if woven else picture
        self._tracker.note_fields(self._next_index, woven=woven)
        grey = grey_copy(picture)
        self._newest = (picture, grey)
        motion = self._meter.measure(grey)
        corrupt = WholeReason.CORRUPT if frame.corrupt else None
        held = _Held(self._next_index, frame, motion, fine_copy(picture), corrupt)
        self._next_index += 1
        self._note_break(held, frame)
        if self._scheduler.due(held.index, motion, grey) and (self.settings.wait or not self._is_behind()):
            self._infer(held, picture, grey)
            if self.settings.cycle_offset is not None:
                self._scheduler.keep_offset(frame.time_ns, self.settings.cycle_offset)
        self._held.append(held)
        self._untracked.append(held)
        self._check_weights(held.index)
        self._track()
        return [self._leave()] if len(self._held) > self.settings.lookahead_frames else []

    def flush(self) -> list[VeiledFrame[WholeReason]]:
        """Give out what is held back: the stream is over. Frames that were not judged leave covered whole."""
        if self._held and self._held[-1].pending is None and self.settings.wait and self._newest is not None:
            self._infer(self._held[-1], *self._newest)
        self._track()
        frames = []
        while self._held:
            frames.append(self._leave())
        return frames

    def _note_break(self, held: _Held, frame: Frame) -> None:
        """Begin anew where frames are missing before this one, are damaged, or show another scene."""
        cut = held.motion is None or held.motion.cut
        if self._steps.gap_before(frame.time_ns) or self._anew or frame.corrupt or cut:
            self._begin_anew(held.index)
            if not frame.corrupt:
                self._scheduler.retry(held.index)
        self._anew = frame.corrupt  # nothing that was seen in it counts

    def _begin_anew(self, index: int) -> None:
        if not self.settings.wait:
            self._agreement.begin(index)

    def _is_behind(self) -> bool:
        return sum(1 for one in self._untracked if one.pending is not None) >= MOST_UNDER_WAY

    def _infer(self, held: _Held, picture: av.VideoFrame, grey: Grey) -> None:
        anew = not self._agreement.reached
        passes = self._scheduler.plan(held.index, grey, small=self._tracker.may_follow_small(), anew=anew)
        scaled = partial(scaled_rgb, picture)
        held.larger = len(passes) > 1
        held.pending = start_passes(self._detector, passes, scaled, self._size, self.settings.policy.lowest)

    def _track(self) -> None:
        """Track up to the last frame whose passes have ended."""
        while True:
            running = next((one for one in self._untracked if one.pending is not None), None)
            if running is None or running.pending is None or not (self.settings.wait or running.pending.done()):
                return
            found = self._result(running.pending)
            if running.larger and not self.settings.wait:
                self._scheduler.note_speed(running.pending.took_s)
            self._took_s = running.pending.took_s
            running.pending = None
            # also where it failed: else frames would pile up while a detector fails
            stop = running.index + (found is not None)
            while self._untracked and self._untracked[0].index < stop:
                step = self._untracked.popleft()
                self._tracker.predict(step.motion, step.fine, time_ns=step.frame.time_ns)
                step.fine = None
            if found is None:
                self._scheduler.retry(self._next_index)
                continue
            before, agrees = self._tracker.inferred, self._tracker.agrees(found)
            self._tracker.update(found)
            self._cover_gap(before, running.index)
            self._agreement.note(running.index, agrees=agrees)
            missing = self._company.take(found, running.frame.time_ns)
            self._tracker.asks_least = missing and self._began_lately(running.index, KEPT_S)

    def _began_lately(self, index: int, seconds: float) -> bool:
        age = self._agreement.age(index)
        return age is not None and age < seconds * self._rate_hz

    def _result(self, pending: PendingPasses) -> Detections | None:
        try:
            return pending.result()
        except DetectorError:
            self.failures += 1
            return None

    def _cover_gap(self, before: int, now: int) -> None:
        """Cover what lies further before a pass than faces are extrapolated back, where the pass before it was too long ago.

        Where a pass was left out all between the two is covered, and tracking begins anew. Where a break lies between them, all
        before it is: the pass says nothing of it.
        """
        left_out = now - before >= 2 * max(self.interval_frames, self._longest[1])
        if left_out:
            self._begin_anew(now)
        since = now if left_out else now - max(self._tracker.span.frames, self._longest[1])
        age = self._agreement.age(now)
        since = since if age is None else max(since, now - age)
        if now >= self._longest[0]:
            self._longest = (0, 0)
        for held in self._held:
            if before < held.index < since and held.reason is None:
                held.reason = WholeReason.LATE

    def _await_pass(self, index: int) -> bool:
        """Give the pass that a frame needs a little more time, once for each pass; return whether it ended."""
        running = next((one for one in self._untracked if one.pending is not None), None)
        if running is None or running.pending is None or running.index < index or running.awaited:
            return False
        running.awaited = True
        done = running.pending.done(self.settings.patience_s)
        if done:
            self._track()
        return done

    def _judged(self, held: _Held) -> WholeReason | None:
        """Return why a frame that must leave is covered whole, as far as that is known."""
        if held.reason is not None:
            return held.reason
        if self._tracker.inferred < held.index:
            return WholeReason.LATE
        return None if self._agreement.holds(held.index) else WholeReason.UNSURE

    def _leave(self) -> VeiledFrame[WholeReason]:
        held = self._held.popleft()
        if self._forced is None and held.reason is None:
            while self._judged(held) is not None and self._await_pass(held.index):
                pass
        reason, detail = self._forced or (self._judged(held), "")
        boxes, numbers = (EMPTY_BOXES, ()) if reason else self._tracker.boxes_at(held.index)
        anew = self._tracker.asks_least or self._began_lately(held.index, ANEW_S)
        boxes = self._sizes.widened(boxes, numbers, anew=anew)
        picture, hidden = held.frame.picture, self._tracker.hidden_at(held.index)
        covered = np.concatenate([boxes, hidden])
        if self._hook is not None and reason is None:
            tracks = (*numbers, *([HIDDEN] * len(hidden)))
            stretches = self._tracker.stretches_at(held.index, tracks)
            self._hook.call(UncoveredFaces(picture, held.frame.time_ns, covered, tracks, stretches))
        picture.make_writable()
        self._painter.paint(picture, covered, whole=reason is not None)
        self._tracker.forget(held.index)
        self._agreement.forget(held.index)
        return VeiledFrame(picture, held.frame.time_ns, reason, boxes, numbers, detail)

    def _check_weights(self, index: int) -> None:
        if index < self._next_weights_check or not isinstance(self._detector, ChecksWeights):
            return
        self._next_weights_check = index + max(1, round(WEIGHTS_CHECK_S * self._rate_hz))
        try:
            self._detector.check_weights()
        except WeightsError as error:
            self._forced = (WholeReason.WEIGHTS, error.message)
