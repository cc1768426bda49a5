"""Takes what was read of a camera, one by one: pictures into the pipeline, fewer under load, covers where there are none."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import replace

from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.messages import RateReport
from passerby.gateway.values import AWAY, CoverReason
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.load import LATE_S, Load
from passerby.gateway.worker.pipeline import Pipeline
from passerby.gateway.worker.reader import CameraAway, ConnectionBegan, Item
from passerby.gateway.worker.source import CameraFrame

_IDLE_S = 0.25
_SILENCE_NS = 1_000_000_000
_FILLING_NS = 500_000_000
_QUIET_NS = 600_000_000


class PictureLoop:
    """The veiling of one camera, item by item.

    Args:
        pipeline: Veils and encodes.
        load: Whether the machine keeps up.
        faults: What is wrong now.
        report: Told when the rate changes.
        clock: The machine's clocks.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        load: Load,
        faults: Faults,
        report: Callable[[RateReport], None],
        *,
        clock: Clock = MACHINE,
    ) -> None:
        self._pipeline, self._load, self._faults = pipeline, load, faults
        self._report, self._clock = report, clock
        self._away: CameraAway | None = CameraAway(CoverReason.START, "")
        self._step, self._arrived_ns = 1, 0

    def run(self, waiting: queue.Queue[Item], stopping: threading.Event) -> None:
        """Take what waits until told to stop."""
        while not stopping.is_set():
            try:
                item = waiting.get(timeout=_IDLE_S)
            except queue.Empty:
                self._cover_silence()
            else:
                self.take(item)

    def take(self, item: Item) -> None:
        """Take one item."""
        now_s = self._clock.now_s()
        if isinstance(item, ConnectionBegan):
            self._load.expect_burst(now_s)
            self._pipeline.begin()
        elif isinstance(item, CameraAway):
            self._away = item
            self._pipeline.finish()
            self._faults.hold(item.reason, now_s, self._clock.wall_ns(), item.detail)
            self._cover_silence()
        else:
            self._veil(item, now_s)

    def _veil(self, frame: CameraFrame, now_s: float) -> None:
        if self._away is not None:
            for reason in AWAY:
                self._faults.lift(reason, now_s)
            self._away = None
        if frame.arrived_ns - self._arrived_ns > _SILENCE_NS:
            self._load.expect_burst(now_s)
        self._arrived_ns = frame.arrived_ns
        # a detector that is late, or nearly so, has more time for each picture when there are fewer
        waited_s = 2 * LATE_S if self._pipeline.behind else now_s - frame.arrived_ns / 1e9
        self._load.note(waited_s, now_s, strain=self._pipeline.strain)
        self._follow_load(now_s)
        if self._load.overloaded:
            self._pipeline.idle(CoverReason.OVERLOAD)
            return
        self._pipeline.take(replace(frame, fps=frame.fps / self._load.step))
        if self._clock.monotonic_ns() - self._pipeline.last_sent_ns > _FILLING_NS:
            # the look-ahead is filling: nothing has left it yet
            self._pipeline.idle((*self._faults.reasons, CoverReason.START)[0])

    def _follow_load(self, now_s: float) -> None:
        """Go on at another rate where it changed, and spend nothing on veiling while all is covered."""
        if self._load.overloaded:
            self._faults.strike(CoverReason.OVERLOAD, now_s, self._clock.wall_ns(), "this machine cannot keep up")
            self._pipeline.begin()
        elif self._load.step != self._step:
            self._pipeline.change_rate(self._step / self._load.step)
            self._step = self._load.step
            self._report(RateReport(self._step))

    def _cover_silence(self) -> None:
        """Show why there is nothing, where nothing has been sent for a while."""
        reasons = self._faults.reasons
        reason = self._away.reason if self._away is not None else (*reasons, CoverReason.NO_PICTURE)[0]
        if reasons or self._clock.monotonic_ns() - self._pipeline.last_sent_ns > _QUIET_NS:
            self._pipeline.idle(reason)
