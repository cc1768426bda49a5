"""Keeps watch over a camera's process from a thread of its own: detector, weights, clock, schedule.

Tells its state to the serving process once a second.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np

from passerby.gateway.config import DAYS, CoverTimeConfig
from passerby.gateway.messages import SelfTestReport, StatusReport
from passerby.gateway.states import WorkerCounts
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.process import memory_bytes

if TYPE_CHECKING:
    from passerby.gateway.config import CameraConfig
    from passerby.gateway.worker.binding import DetectorBinding
    from passerby.gateway.worker.faults import Faults
    from passerby.gateway.worker.load import Load
    from passerby.gateway.worker.outbox import Outbox
    from passerby.gateway.worker.pipeline import Pipeline

TICK_S = 0.1
STALL_S = 2.0
"""A look that takes longer counts as stalled, once one has passed: the first ones also compile the network.

Source: 59 ms on an idle machine, below 1 s on one with eight cameras.
"""
GIVE_UP_S = 20.0
"""A look that takes longer will not come back: the process ends, and is started anew. Far above any overload, because ends and
starts would only add to one."""
JUMP_NS = 1_000_000_000
CLOCK_HOLD_S = 2.0
WEIGHTS_EVERY_S = 1.0
_HUNG = 71


class Watched(Protocol):
    """What the watch needs of the worker that it watches."""

    config: CameraConfig
    binding: DetectorBinding | None
    faults: Faults
    pipeline: Pipeline
    load: Load
    outbox: Outbox
    reconnects: int
    left_out: int
    decode_errors: int

    @property
    def waiting_pictures(self) -> int:
        """How many pictures wait to be veiled."""
        ...


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
        worker: That is watched.
        selftest_s: Time between two self-tests.
        phase: When they come, 0 to 1: cameras that began together are not tested together.
    """

    def __init__(self, worker: Watched, selftest_s: float, phase: float) -> None:
        self._worker, self._selftest_s, self._phase = worker, selftest_s, phase
        self._clock = ClockWatch()
        self._random = np.random.default_rng()
        self._weights_s = self._status_s = 0.0
        self._ticked_s = time.monotonic()
        self._tested_s: float | None = None
        self._tested_failed = False
        self._testing: threading.Thread | None = None
        self._passed = self._failed = 0
        self._rates = _Rates()

    def run(self, stopping: threading.Event) -> None:
        """Watch until told to stop."""
        while not stopping.is_set():
            self.tick(time.monotonic(), time.time_ns())
            stopping.wait(TICK_S)

    def tick(self, now_s: float, wall_ns: int) -> None:
        """Look at everything once."""
        faults = self._worker.faults
        jump_ns = self._clock.jumped_ns(wall_ns, round(now_s * 1e9))
        if jump_ns:
            detail = f"the clock jumped by {jump_ns / 1e9:+.1f} s"
            faults.strike(CoverReason.CLOCK, now_s, wall_ns, detail, hold_s=CLOCK_HOLD_S)
        self._forgive(now_s)
        self._watch_detector(now_s, wall_ns)
        self._watch_weights(now_s, wall_ns)
        self._test(now_s)
        local = datetime.fromtimestamp(wall_ns / 1e9).astimezone()
        if covered_now(self._worker.config.privacy.cover_times, local.replace(tzinfo=None)):
            faults.hold(CoverReason.SCHEDULE, now_s, wall_ns)
        else:
            faults.lift(CoverReason.SCHEDULE, now_s)
        faults.settle(now_s)
        if now_s - self._status_s >= 1.0:
            self._status_s = now_s
            self._tell(now_s)

    def _forgive(self, now_s: float) -> None:
        # this watch stood still too, so it was the process (SIGSTOP, a machine that slept), not the detector
        stood_s = now_s - self._ticked_s
        self._ticked_s = now_s
        if stood_s > 1.0 and self._worker.binding is not None:
            self._worker.binding.detector.forgive(stood_s)

    def _watch_detector(self, now_s: float, wall_ns: int) -> None:
        binding = self._worker.binding
        if binding is None:
            return
        hold_s = self._worker.pipeline.hold_s
        failure = binding.detector.take_failure()
        if failure is not None:
            detail = f"the detector failed: {failure}"
            self._worker.faults.strike(CoverReason.DETECTOR_DEAD, now_s, wall_ns, detail, hold_s=hold_s)
        waiting_s = binding.detector.waiting_s
        if waiting_s > STALL_S and self._passed:
            detail = f"no answer for {STALL_S:g} s"
            self._worker.faults.strike(CoverReason.DETECTOR_STALLED, now_s, wall_ns, detail, hold_s=hold_s)
        if waiting_s > GIVE_UP_S:
            sys.stderr.write(f"error: the detector gave no answer for {GIVE_UP_S:g} s\n")
            os._exit(_HUNG)

    def _watch_weights(self, now_s: float, wall_ns: int) -> None:
        binding = self._worker.binding
        if binding is None or now_s - self._weights_s < WEIGHTS_EVERY_S:
            return
        self._weights_s = now_s
        wrong = binding.weights_wrong()
        if wrong is None:
            self._worker.faults.lift(CoverReason.WEIGHTS, now_s)
        else:
            self._worker.faults.hold(CoverReason.WEIGHTS, now_s, wall_ns, wrong)

    def _test(self, now_s: float) -> None:
        binding = self._worker.binding
        # after a failure every two seconds, so that a sound detector is believed again soon
        every_s = 2.0 if self._tested_failed else self._selftest_s
        if self._passed == 1:
            every_s *= (1 + self._phase) / 2
        due = self._tested_s is None or now_s - self._tested_s >= every_s
        busy = self._testing is not None and self._testing.is_alive()
        if binding is None or not due or busy or not self._worker.pipeline.counts.taken:
            return
        self._tested_s = now_s
        # not on the watch's own thread: a hung detector must not stop the watch
        self._testing = threading.Thread(target=self._run_test, name="selftest", daemon=True)
        self._testing.start()

    def _run_test(self) -> None:
        binding = self._worker.binding
        if binding is None:
            return
        ok, detail = binding.detector.passes_selftest(self._random, self._worker.pipeline.size, hurry=not self._passed)
        now_s, wall_ns = time.monotonic(), time.time_ns()
        self._tested_failed = not ok
        if ok:
            self._passed += 1
            self._worker.faults.lift(CoverReason.SELFTEST, now_s)
            self._worker.faults.lift(CoverReason.START, now_s)
        else:
            self._failed += 1
            self._worker.faults.hold(CoverReason.SELFTEST, now_s, wall_ns, detail)
        self._worker.outbox.report(SelfTestReport(ok, detail))

    def _tell(self, now_s: float) -> None:
        worker = self._worker
        pipeline, counts = worker.pipeline, worker.pipeline.counts
        hz, each_ms = worker.binding.detector.speed if worker.binding else (0.0, 0.0)
        fps_in, fps_out = self._rates.note(now_s, counts.taken, counts.sent)
        told = WorkerCounts(
            frames_in=counts.taken + worker.left_out,
            frames_out=counts.sent,
            frames_whole=counts.whole,
            frames_left_out=worker.left_out,
            faces=counts.faces,
            tracks=counts.tracks,
            decode_errors=worker.decode_errors,
            reconnects=worker.reconnects,
            selftests=self._passed,
            selftests_failed=self._failed,
            fps_in=fps_in,
            fps_out=fps_out,
            detect_hz=hz,
            detect_ms=each_ms,
            queue=worker.waiting_pictures,
            rss_bytes=memory_bytes(),
            cpu_s=time.process_time(),
        )
        lookahead_ms = worker.config.privacy.lookahead_frames * pipeline.interval_ns / 1e6
        worker.outbox.report(StatusReport(told, worker.faults.reasons, lookahead_ms))


class _Rates:
    """Pictures a second over the last five seconds."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int, int]] = []

    def note(self, now_s: float, taken: int, sent: int) -> tuple[float, float]:
        self._seen = [*(one for one in self._seen if now_s - one[0] <= 5.0), (now_s, taken, sent)]
        then_s, taken_then, sent_then = self._seen[0]
        span_s = now_s - then_s
        return ((taken - taken_then) / span_s, (sent - sent_then) / span_s) if span_s > 0 else (0.0, 0.0)
