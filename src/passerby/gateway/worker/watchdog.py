"""Keeps watch over a camera's process from a thread of its own: detector, weights, clock, times of cover.

Says how the process is, once a second.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import DAYS, CoverTimeConfig
from passerby.gateway.messages import StatusReport
from passerby.gateway.states import WorkerCounts
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.binding import DetectorBinding
from passerby.gateway.worker.detecting import SelfTests
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.pipeline import Pipeline
from passerby.gateway.worker.process import memory_bytes
from passerby.gateway.worker.reader import CameraReader
from passerby.gateway.worker.veiling import CameraSealer, NoSealer
from passerby.veil import Company

JUMP_NS = 1_000_000_000
_HUNG = 71
"""Exit code of a worker whose detector hangs."""
_STOOD_S = 1.0


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """Times of the watch, in seconds.

    Attributes:
        tick_s: From one round to the next.
        status_s: From one status to the next.
        stall_s: An inference pass that takes longer, and than pictures stay in the look-ahead, counts as stalled, once a
            self-test has passed: the first passes also compile the network.
            Source: 59 ms on an idle machine, below 1 s on one with eight cameras.
        give_up_s: One that takes longer will not come back: the process ends, and is started anew. Far above any overload,
            because ends and starts would only add to one.
        clock_hold_s: So long after a jump of the clock pictures are covered.
        weights_s: From one check of the weights file to the next.
    """

    tick_s: float = 0.1
    status_s: float = 1.0
    stall_s: float = 2.0
    give_up_s: float = 20.0
    clock_hold_s: float = 2.0
    weights_s: float = 1.0


class ClockWatch:
    """Tells when wall time and monotonic time part by more than a second at once."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None

    def jumped_ns(self, wall_ns: int, monotonic_ns: int) -> int:
        """Return by how much the wall clock jumped since the last call; 0 for a drift below a second."""
        offset_ns = wall_ns - monotonic_ns
        last_ns, self._offset_ns = self._offset_ns, offset_ns
        if last_ns is None or abs(offset_ns - last_ns) < JUMP_NS:
            return 0
        return offset_ns - last_ns


def covered_now(cover_times: tuple[CoverTimeConfig, ...], now: datetime) -> bool:
    """Return whether one of the times covers this local time.

    >>> from datetime import time as clock
    >>> night = CoverTimeConfig(clock(22), clock(6), ("fri",))
    >>> covered_now((night,), datetime(2026, 11, 28, 5, 59)), covered_now((night,), datetime(2026, 11, 28, 6, 0))
    (True, False)
    """
    for one in cover_times:
        day, before = DAYS[now.weekday()], DAYS[(now - timedelta(days=1)).weekday()]
        if one.start <= one.end:
            if day in one.days and one.start <= now.time() < one.end:
                return True
        elif (day in one.days and now.time() >= one.start) or (before in one.days and now.time() < one.end):
            return True
    return False


class Watchdog:
    """The watch of one worker.

    Args:
        binding: Its detector.
        pipeline: For the size of pictures, and how long they stay in the look-ahead.
        faults: Told what is wrong.
        selftests: Begun where they are due.
        tell: Called when a status is due, with the monotonic time in seconds.
        cover_times: When all is covered.
        limits: Times of the watch.
        clock: The machine's clocks.
        end: Ends the process with a code, at once.
    """

    def __init__(
        self,
        binding: DetectorBinding,
        pipeline: Pipeline,
        faults: Faults,
        selftests: SelfTests,
        *,
        tell: Callable[[float], None],
        cover_times: tuple[CoverTimeConfig, ...] = (),
        limits: WatchLimits | None = None,
        clock: Clock = MACHINE,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._binding, self._pipeline, self._faults, self._selftests = binding, pipeline, faults, selftests
        self._tell, self._cover_times, self._end = tell, cover_times, end
        self._limits, self._clock = limits or WatchLimits(), clock
        self._jumps = ClockWatch()
        self._weights_s = self._status_s = 0.0
        self._ticked_s = clock.now_s()

    def run(self, stopping: threading.Event) -> None:
        """Watch until told to stop."""
        while not stopping.is_set():
            self.tick()
            stopping.wait(self._limits.tick_s)

    def tick(self) -> None:
        """Check everything once."""
        monotonic_ns, wall_ns = self._clock.monotonic_ns(), self._clock.wall_ns()
        now_s = monotonic_ns / 1e9
        jump_ns = self._jumps.jumped_ns(wall_ns, monotonic_ns)
        if jump_ns:
            detail = f"the clock jumped by {jump_ns / 1e9:+.1f} s"
            self._faults.strike(CoverReason.CLOCK, now_s, wall_ns, detail, hold_s=self._limits.clock_hold_s)
        self._forgive(now_s)
        self._watch_detector(now_s, wall_ns)
        self._watch_weights(now_s, wall_ns)
        if self._pipeline.counts.taken:
            self._selftests.tick(now_s, self._pipeline.size)
        local = datetime.fromtimestamp(wall_ns / 1e9).astimezone()
        if covered_now(self._cover_times, local.replace(tzinfo=None)):
            self._faults.hold(CoverReason.SCHEDULE, now_s, wall_ns)
        else:
            self._faults.lift(CoverReason.SCHEDULE, now_s)
        self._faults.expire(now_s)
        if now_s - self._status_s >= self._limits.status_s:
            self._status_s = now_s
            self._tell(now_s)

    def _forgive(self, now_s: float) -> None:
        # this watch stood still too, so it was the process (SIGSTOP, a machine that slept), not the detector
        stood_s = now_s - self._ticked_s
        self._ticked_s = now_s
        if stood_s > _STOOD_S:
            self._binding.detector.forgive(stood_s)

    def _watch_detector(self, now_s: float, wall_ns: int) -> None:
        detector, limits, hold_s = self._binding.detector, self._limits, self._pipeline.hold_s
        failure = detector.take_failure()
        if failure is not None:
            detail = f"the detector failed: {failure}"
            self._faults.strike(CoverReason.DETECTOR_DEAD, now_s, wall_ns, detail, hold_s=hold_s)
        waiting_s = detector.waiting_s
        # where the rate was lowered, pictures wait longer for it
        stall_s = max(limits.stall_s, self._pipeline.hold_s)
        if waiting_s > stall_s and self._selftests.passed:
            detail = f"no answer for {stall_s:.3g} s"
            self._faults.strike(CoverReason.DETECTOR_STALLED, now_s, wall_ns, detail, hold_s=hold_s)
        if waiting_s > limits.give_up_s:
            sys.stderr.write(f"error: the detector gave no answer for {limits.give_up_s:g} s\n")
            self._end(_HUNG)

    def _watch_weights(self, now_s: float, wall_ns: int) -> None:
        if now_s - self._weights_s < self._limits.weights_s:
            return
        self._weights_s = now_s
        wrong = self._binding.weights_wrong()
        if wrong is None:
            self._faults.lift(CoverReason.WEIGHTS, now_s)
        else:
            self._faults.hold(CoverReason.WEIGHTS, now_s, wall_ns, wrong)


class StatusTeller:
    """Gathers how a camera's process is.

    Args:
        reader: What was read.
        pipeline: What was veiled and sent.
        faults: What is wrong now.
        selftests: How its detector was tested, and how fast that is.
        company: How many were found.
        sealer: What keeps faces.
        lookahead_frames: Pictures that are held back.
    """

    def __init__(
        self,
        reader: CameraReader,
        pipeline: Pipeline,
        faults: Faults,
        selftests: SelfTests,
        *,
        company: Company,
        sealer: CameraSealer | NoSealer,
        lookahead_frames: int,
    ) -> None:
        self._reader, self._pipeline, self._faults, self._selftests = reader, pipeline, faults, selftests
        self._company, self._sealer, self._lookahead_frames = company, sealer, lookahead_frames
        self._rates = _Rates()

    def status(self, now_s: float) -> StatusReport:
        """Return how it is at this moment."""
        reader, selftests, counts = self._reader, self._selftests, self._pipeline.counts
        hz, each_ms = selftests.detector.speed
        fps_in, fps_out = self._rates.note(now_s, counts.taken, counts.sent)
        told = WorkerCounts(
            frames_in=counts.taken + reader.left_out,
            frames_out=counts.sent,
            frames_whole=counts.whole,
            frames_left_out=reader.left_out,
            faces=counts.faces,
            tracks=counts.tracks,
            decode_errors=reader.decode_errors,
            reconnects=reader.reconnects,
            selftests=selftests.passed,
            selftests_failed=selftests.failed,
            fps_in=fps_in,
            fps_out=fps_out,
            detect_hz=hz,
            detect_ms=each_ms,
            queue=reader.waiting.qsize(),
            rss_bytes=memory_bytes(),
            cpu_s=time.process_time(),
            sealed=self._sealer.tally(),
        )
        ahead_ms = self._lookahead_frames * self._pipeline.interval_ns / 1e6
        return StatusReport(told, self._faults.reasons, ahead_ms, self._company.lately, self._sealer.sentence)


class _Rates:
    """Pictures a second over the last five seconds."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int, int]] = []

    def note(self, now_s: float, taken: int, sent: int) -> tuple[float, float]:
        self._seen = [*(one for one in self._seen if now_s - one[0] <= 5.0), (now_s, taken, sent)]
        then_s, taken_then, sent_then = self._seen[0]
        span_s = now_s - then_s
        return ((taken - taken_then) / span_s, (sent - sent_then) / span_s) if span_s > 0 else (0.0, 0.0)
