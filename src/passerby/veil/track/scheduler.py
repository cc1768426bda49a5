"""Says when a frame goes through the detector, and at which sizes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from passerby.veil.detect import InferencePass
from passerby.veil.track.motion import Grey, Motion, MotionMeter
from passerby.veil.track.policy import CALM_CYCLES, SLOW_CYCLES, TrackingPolicy, passes_for_cycle
from passerby.veil.track.tracklet import Tracklet

LATE_S = Fraction(15, 100)
"""Time after the frame before from which a frame comes late: a clip that is fast in the mean may be slow in places.
Chosen, not measured."""
SURE = 0.4
"""Best score from which a face was once detected surely. Chosen, not measured."""


class PassScheduler:
    """Plans the inference passes of one clip or stream.

    Args:
        meter: Compares grey copies.
        policy: How often.
        size: Width and height of the frames, pixels.
        rate_hz: Frames a second.
        interval: Frames between passes while the picture moves.
        thorough: Every size both ways each time.

    Attributes:
        interval: As given.
        planned: Passes planned so far, counted by frames.
        last_frame: The frame of the last pass; -1 before the first.
    """

    def __init__(
        self,
        meter: MotionMeter,
        policy: TrackingPolicy,
        *,
        size: tuple[int, int],
        rate_hz: float,
        interval: int,
        thorough: bool = False,
    ) -> None:
        self._meter, self._policy, self._size, self._thorough = meter, policy, size, thorough
        self._rate_hz, self.interval = rate_hz, interval
        self.planned, self.last_frame = 0, -1
        self._next, self._cycle, self._last_larger = 0, 0, -1
        self._grey: Grey | None = None
        self._slow = self._new_scene = False
        self._before_s = self._pass_s = Fraction(0)

    def set_rate(self, rate_hz: float, interval: int) -> None:
        """Go on at another rate, frames a second, with so many frames between passes."""
        self._rate_hz, self.interval = rate_hz, interval
        self._next = min(self._next, self.last_frame + interval)

    def due(self, frame: int, motion: Motion | None, grey: Grey, *, time_s: Fraction | None = None) -> bool:
        """Whether a frame is to go through the detector: at the first, at a cut, or when the interval is over.

        Args:
            frame: Its index; asked for each once, in order.
            motion: From the frame before; None at the first.
            grey: Its grey copy, shape (H, W), uint8.
            time_s: When it is shown; None where frames come evenly.
        """
        if time_s is not None and self._overdue(time_s):
            return True
        if motion is None or motion.cut:
            # of a new scene nothing is known, and it may be over before the next pass
            self._new_scene = True
            return True
        if self._pans(motion):
            self._next = min(self._next, self.last_frame + max(1, self.interval // 2))
        if frame < self._next:
            return False
        waited_s = (frame - self.last_frame) / self._rate_hz
        if waited_s >= self._policy.still_s or self._grey is None:
            return True
        return not self._meter.still_since(grey, self._grey)

    def _pans(self, motion: Motion) -> bool:
        """Whether the scene moves so fast that small faces move by more than half of their side in a frame."""
        x, y = np.abs(np.median(motion.shift, axis=0)).tolist()
        return bool(max(x, y) > self._policy.pan_share * max(self._size))

    def _overdue(self, time_s: Fraction) -> bool:
        """Whether a frame comes late, and half the interval is over: half is nearer to it than the next frame may be."""
        late = time_s >= self._before_s + LATE_S
        self._before_s = time_s
        return late and time_s - self._pass_s >= self._policy.interval_s / 2

    def plan(
        self, frame: int, grey: Grey, *, small: bool, anew: bool = False, time_s: Fraction | None = None
    ) -> tuple[InferencePass, ...]:
        """Return the passes that a frame is to go through, and count from it to the next.

        Args:
            frame: Its index.
            grey: Its grey copy, shape (H, W), uint8.
            small: A face that is small for the picture may be there.
            anew: Tracking has begun anew: the larger pass is not left out.
            time_s: When it is shown; None where frames come evenly.
        """
        overdue = self._policy.larger_by_time and (
            self._new_scene or frame - self._last_larger >= CALM_CYCLES * self.interval
        )
        self._new_scene = False
        often = SLOW_CYCLES if self._slow else 1
        every = 1 if anew else often if small or overdue else CALM_CYCLES
        passes = passes_for_cycle(self._cycle, *self._size, thorough=self._thorough, larger_every=every)
        if len(passes) > 1:
            self._last_larger = frame
        self._cycle += 1
        self.planned += 1
        self.last_frame, self._next, self._grey = frame, frame + self.interval, grey
        if time_s is not None:
            self._pass_s = time_s
        return passes

    def keep_offset(self, captured_ns: int, offset: float) -> None:
        """After ``plan``: let the next pass come sooner, never later, where cycles have left their offset.

        All streams of a machine share the clock, and all that have about one rate the step between two passes.

        Args:
            captured_ns: When the frame was captured.
            offset: When cycles begin, as a share of two of them, 0 to 1.
        """
        frame_ns = 1e9 / (round(2 * self._rate_hz) / 2)
        step_ns = self.interval * frame_ns
        steps, since_ns = divmod(captured_ns + frame_ns / 2 - offset * SLOW_CYCLES * step_ns, step_ns)
        late_frames = int(since_ns / frame_ns)
        if late_frames < self.interval - 1:
            # a frame before the step is as good as on it: else a jitter of the clock would call for a pass at once
            self._next -= late_frames
        else:
            steps += 1
        self._cycle += int(self._cycle + steps + 1) % SLOW_CYCLES

    def retry(self, frame: int) -> None:
        """After a pass that failed: let the next come at this frame, not later."""
        self._next = min(self._next, frame)

    def note_lost(self, lost: Sequence[Tracklet], active: Sequence[Tracklet]) -> None:
        """Let the next pass come sooner where many faces were missed that had been detected surely.

        Args:
            lost: Tracklets that were missed in the last cycle and not in the one before.
            active: All that may be continued, those among them.
        """
        sure = sum(1 for tracklet in active if tracklet.best >= SURE)
        gone = sum(1 for tracklet in lost if tracklet.best >= SURE)
        if gone > self._policy.lost_share * sure:
            self._next = min(self._next, self.last_frame + max(1, self.interval // 2))

    def note_speed(self, took_s: float) -> None:
        """Say how long the larger passes took: while they are slow they are planned less often, for late ones are no use."""
        share = took_s * self._rate_hz / self.interval
        self._slow = share > (self._policy.quick_share if self._slow else self._policy.slow_share)
