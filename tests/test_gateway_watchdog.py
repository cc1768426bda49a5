"""The watch over a camera's process, with a clock moved by hand: what is stalled, failed, changed or due is covered and told."""

from __future__ import annotations

import time
from datetime import datetime
from datetime import time as of_day

import numpy as np
import pytest
from tests.gateway_tools import HandClock, camera, wait_for
from tests.test_gateway_detecting import RGB, Inner, found
from tests.test_gateway_pipeline import SCENE, Covering

from passerby.errors import DetectorError
from passerby.gateway.config import CoverTimeConfig
from passerby.gateway.messages import SelfTestReport, StatusReport
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.binding import DetectorBinding
from passerby.gateway.worker.detecting import FAILED_AGAIN_S, SelfTests, WatchedDetector
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.load import Load
from passerby.gateway.worker.pipeline import Pipeline
from passerby.gateway.worker.reader import CameraReader
from passerby.gateway.worker.source import CameraFrame
from passerby.gateway.worker.veiling import NoSealer
from passerby.gateway.worker.watchdog import StatusTeller, Watchdog, WatchLimits
from passerby.veil import Company

LIMITS = WatchLimits()


class SeeingDetector(WatchedDetector):
    """A detector that finds the synthetic face when the test says so."""

    sees = False

    def passes_selftest(
        self, random: np.random.Generator, size: tuple[int, int], *, hurry: bool = False
    ) -> tuple[bool, str]:
        return (True, "found") if self.sees else super().passes_selftest(random, size, hurry=hurry)


class Watch:
    """A watchdog with everything around it by hand."""

    def __init__(self, cover_times: tuple[CoverTimeConfig, ...] = ()) -> None:
        self.hand = HandClock()
        self.inner = Inner()
        self.inner.answer = found()
        self.wrong: str | None = None
        self.told: list[tuple[CoverReason, bool]] = []
        self.tests: list[SelfTestReport] = []
        self.statuses: list[StatusReport] = []
        self.ended: list[int] = []
        self.detector = SeeingDetector(self.inner, pause_s=0.0, answer_s=0.0, clock=self.hand.clock)
        self.faults = Faults(lambda reason, began, *_: self.told.append((reason, began)))
        self.pipeline = Pipeline(camera(), lambda *_: Covering(), self.faults, lambda _: None, clock=self.hand.clock)
        clock, self.company = self.hand.clock, Company()
        binding = DetectorBinding(self.detector, lambda *_: Covering(), lambda: self.wrong, self.company)
        self.selftests = SelfTests(
            self.detector, self.faults, self.tests.append, interval_s=60.0, cycle_offset=0.5, clock=clock
        )
        teller = StatusTeller(
            CameraReader(camera().input, Load("rate")),
            self.pipeline,
            self.faults,
            self.selftests,
            company=self.company,
            sealer=NoSealer(),
            lookahead_frames=10,
        )
        self.watchdog = Watchdog(
            binding,
            self.pipeline,
            self.faults,
            self.selftests,
            tell=lambda now_s: self.statuses.append(teller.status(now_s)),
            cover_times=cover_times,
            clock=clock,
            end=self.ended.append,
        )

    def go(self, seconds: float) -> None:
        """Let time go by, with the watch ticking in it."""
        for _ in range(round(seconds / LIMITS.tick_s)):
            self.hand.move(LIMITS.tick_s)
            self.watchdog.tick()

    def picture(self) -> None:
        self.pipeline.take(CameraFrame.taken(SCENE.frame(0), self.hand.ns, self.hand.ns, fps=12.5))

    def tested(self, count: int) -> SelfTestReport:
        """Wait for a self-test, which runs in a thread of its own."""
        wait_for(lambda: len(self.tests) == count, 30)
        return self.tests[-1]


def test_detector_that_failed_is_covered_until_it_is_sound() -> None:
    watch = Watch()
    watch.inner.answer = DetectorError("x")
    watch.detector.infer(RGB, 0.1)
    watch.go(0.1)
    assert watch.told == [(CoverReason.DETECTOR_DEAD, True)]
    watch.go(watch.pipeline.hold_s + 0.1)
    assert watch.told[1:] == [(CoverReason.DETECTOR_DEAD, False)]


def test_pass_that_does_not_end_is_a_stall_only_after_a_test_has_passed_and_then_the_end() -> None:
    watch = Watch()
    watch.inner.answer = None
    watch.detector.infer(RGB, 0.1)
    watch.go(LIMITS.stall_s + 1.0)
    assert watch.told == [], "the first passes compile the network"
    watch.selftests.passed = 1
    watch.go(0.1)
    assert watch.told == [(CoverReason.DETECTOR_STALLED, True)]
    assert watch.ended == []
    watch.go(LIMITS.give_up_s - LIMITS.stall_s)
    assert watch.ended[0] == 71


def test_process_that_stood_still_blames_no_pass() -> None:
    watch = Watch()
    watch.selftests.passed = 1
    watch.inner.answer = None
    watch.detector.infer(RGB, 0.1)
    watch.go(0.2)
    watch.hand.move(30.0)
    watch.watchdog.tick()
    assert (watch.told, watch.ended) == ([], [])


def test_other_weights_are_held_until_they_are_right() -> None:
    watch = Watch()
    watch.wrong = "weights changed while running"
    watch.go(LIMITS.weights_s + 0.1)
    assert list(watch.faults.reasons) == [CoverReason.WEIGHTS]
    watch.go(5.0)
    assert watch.told == [(CoverReason.WEIGHTS, True)]
    watch.wrong = None
    watch.go(LIMITS.weights_s + 1.2)
    assert list(watch.faults.reasons) == []


def test_clock_that_jumps_covers_for_two_seconds() -> None:
    watch = Watch()
    watch.go(0.2)
    watch.hand.wall_ns += 3600 * 10**9
    watch.go(0.1)
    assert watch.faults.reasons == (CoverReason.CLOCK,)
    watch.go(LIMITS.clock_hold_s + 0.1)
    assert watch.told == [(CoverReason.CLOCK, True), (CoverReason.CLOCK, False)]


def test_times_of_cover_begin_and_end_by_local_time() -> None:
    watch = Watch((CoverTimeConfig(of_day(22), of_day(6)),))
    watch.hand.wall_ns = int(datetime.fromisoformat("2026-11-28T21:59:59").astimezone().timestamp()) * 10**9
    watch.go(0.5)
    assert list(watch.faults.reasons) == []
    watch.go(0.6)
    assert list(watch.faults.reasons) == [CoverReason.SCHEDULE]


def test_status_is_told_once_a_second_with_what_holds() -> None:
    watch = Watch()
    watch.faults.hold(CoverReason.PTZ, 0.0, 0)
    watch.picture()
    watch.go(3.05)
    assert len(watch.statuses) in {3, 4}
    last = watch.statuses[-1]
    assert CoverReason.PTZ in last.reasons
    assert last.counts.frames_in == 1
    assert last.lookahead_ms == pytest.approx(10 * watch.pipeline.interval_ns / 1e6)


def test_first_test_that_passes_ends_the_start_and_the_next_are_spread() -> None:
    watch = Watch()
    watch.faults.hold(CoverReason.START, watch.hand.clock.now_s(), 0)
    watch.go(0.5)
    assert watch.tests == [], "there was no picture yet"
    watch.picture()
    watch.go(0.1)
    assert not watch.tested(1).ok
    assert set(watch.faults.reasons) == {CoverReason.SELFTEST, CoverReason.START}
    watch.detector.sees = True
    watch.go(FAILED_AGAIN_S + 0.1)
    assert watch.tested(2).ok
    watch.go(1.2)
    assert list(watch.faults.reasons) == []
    assert (watch.selftests.passed, watch.selftests.failed) == (1, 1)
    watch.go(60.0 * 0.75 - 2.0)
    assert len(watch.tests) == 2
    watch.go(2.0)
    assert watch.tested(3).ok


def test_watch_has_no_clock_of_its_own() -> None:
    watch = Watch()
    began_s = time.monotonic()
    watch.go(600.0)
    assert time.monotonic() - began_s < 60.0
    assert np.isfinite(watch.statuses[-1].counts.fps_in)
