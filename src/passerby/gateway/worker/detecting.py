"""A camera's detector under watch: how long its passes take, whether one hangs or failed, whether it finds the synthetic face."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

import numpy as np
from numpy.typing import NDArray

from passerby.errors import PasserbyError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.messages import SelfTestReport
from passerby.gateway.picture import Probe, covers, probe
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.faults import Faults
from passerby.values import Detections
from passerby.veil import FaceDetector, pass_size, passes_for_cycle

_WINDOW = 64
SELFTEST_THRESHOLD = 0.3
"""Score that the synthetic face must reach; it scores above 0.8 with the weights that ship."""
SELFTEST_WAIT_S = 30.0
PAUSE_WAIT_S = 1.0
FAILED_AGAIN_S = 2.0
"""After a failed self-test the next comes so soon, so that a sound detector is believed again soon."""


class WatchedDetector:
    """Hands inference passes on to a detector and keeps account of them. Safe to use from several threads.

    Args:
        inner: The detector itself.
        pause_s: Longest time that a self-test waits for a pass to end: a camera without a picture has none.
        answer_s: Longest time that a self-test waits for its own pass.
        clock: The machine's clocks.
    """

    def __init__(
        self,
        inner: FaceDetector,
        *,
        pause_s: float = PAUSE_WAIT_S,
        answer_s: float = SELFTEST_WAIT_S,
        clock: Clock = MACHINE,
    ) -> None:
        self._inner, self._clock = inner, clock
        self._pause_s, self._answer_s = pause_s, answer_s
        self.digest, self.multiple, self.doubt = inner.digest, inner.multiple, inner.doubt
        # guards all below; notified when no pass is under way any more
        self._lock = threading.Condition()
        self._under_way: dict[int, float] = {}
        self._number = 0
        self._ended: deque[tuple[float, float]] = deque(maxlen=_WINDOW)
        self._failure: str | None = None

    @property
    def runs_on(self) -> str:
        """What runs where, in words; changes when a GPU fails and the CPU goes on."""
        return self._inner.runs_on

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        """Start an inference pass, as the detector does."""
        with self._lock:
            number = self._number = self._number + 1
            self._under_way[number] = self._clock.now_s()
        future = self._inner.infer(rgb, threshold)
        future.add_done_callback(lambda done: self._done(number, done))
        return future

    def _done(self, number: int, future: Future[Detections]) -> None:
        now_s = self._clock.now_s()
        with self._lock:
            began_s = self._under_way.pop(number, now_s)
            if not self._under_way:
                self._lock.notify_all()
            if future.cancelled():
                return
            failure = future.exception()
            if failure is not None:
                self._failure = type(failure).__name__
            elif not np.isfinite(future.result().xyxy).all():
                self._failure = "boxes that are no numbers"
            else:
                self._ended.append((now_s, now_s - began_s))

    def take_failure(self) -> str | None:
        """Return what failed since the last call, or None."""
        with self._lock:
            failure, self._failure = self._failure, None
            return failure

    def forgive(self, seconds: float) -> None:
        """Leave out a time in which this whole process stood still: no pass is to blame for it."""
        with self._lock:
            self._under_way = {number: began_s + seconds for number, began_s in self._under_way.items()}

    @property
    def waiting_s(self) -> float:
        """Return the age of the oldest pass under way, seconds."""
        with self._lock:
            return self._clock.now_s() - min(self._under_way.values()) if self._under_way else 0.0

    @property
    def speed(self) -> tuple[float, float]:
        """Return passes a second and milliseconds a pass, over the last ones."""
        with self._lock:
            recent = [one for one in self._ended if self._clock.now_s() - one[0] < 10.0]
        if len(recent) < 2:
            return 0.0, recent[0][1] * 1000 if recent else 0.0
        span_s = max(recent[-1][0] - recent[0][0], 1e-3)
        return (len(recent) - 1) / span_s, sum(took for _, took in recent) * 1000 / len(recent)

    def passes_selftest(
        self, random: np.random.Generator, size: tuple[int, int], *, hurry: bool = False
    ) -> tuple[bool, str]:
        """Show a synthetic face at the detector's input; return whether it was found, and a sentence.

        Args:
            random: Decides place and size of the face.
            size: Of the camera's pictures: the face goes through the network at the very sizes that they go through.
            hurry: Begin at once, rather than right after a pass, when there is time before the next, which must not be late.
        """
        for one_pass in passes_for_cycle(0, *size, thorough=False):
            if not hurry:
                with self._lock:
                    self._lock.wait(self._pause_s)
            ok, detail = self._finds(probe(random, *pass_size(one_pass.long_side_px, size, self.multiple)))
            if not ok:
                return False, detail
        return True, "the detector found the synthetic face"

    def _finds(self, asked: Probe) -> tuple[bool, str]:
        try:
            rgb = np.ascontiguousarray(asked.bgr[:, :, ::-1])
            found = self.infer(rgb, SELFTEST_THRESHOLD).result(self._answer_s)
        except FutureTimeout:
            return False, f"the detector gave no answer within {self._answer_s:g} s"
        except (PasserbyError, RuntimeError) as exc:
            return False, f"the detector failed: {type(exc).__name__}"
        if not covers(found.xyxy, asked.xyxy):
            return False, "the detector did not find the synthetic face"
        return True, ""


class SelfTests:
    """When a camera's detector is tested, and what came of it.

    Each test runs in a thread of its own: a detector that hangs must not stop the watch.

    Args:
        detector: That is tested.
        faults: Told what is wrong; start is over when the first test has passed.
        report: Told what came of each test.
        interval_s: Time between two tests.
        cycle_offset: When the second comes, 0 to 1: cameras that began together are not tested together.
        clock: The machine's clocks.

    Attributes:
        passed: Tests that passed.
        failed: Tests that failed.
    """

    def __init__(
        self,
        detector: WatchedDetector,
        faults: Faults,
        report: Callable[[SelfTestReport], None],
        *,
        interval_s: float,
        cycle_offset: float,
        clock: Clock = MACHINE,
    ) -> None:
        self.detector, self._faults, self._report, self._clock = detector, faults, report, clock
        self._interval_s, self._cycle_offset = interval_s, cycle_offset
        self._random = np.random.default_rng()
        self._began_s: float | None = None
        self._thread: threading.Thread | None = None
        self._last_failed = False
        self.passed = self.failed = 0

    def tick(self, now_s: float, size: tuple[int, int]) -> None:
        """Begin a test where one is due; to be called often once pictures of a size have come."""
        every_s = FAILED_AGAIN_S if self._last_failed else self._interval_s
        if self.passed == 1:
            every_s *= (1 + self._cycle_offset) / 2
        due = self._began_s is None or now_s - self._began_s >= every_s
        if due and not (self._thread is not None and self._thread.is_alive()):
            self._began_s = now_s
            self._thread = threading.Thread(target=self._run, args=(size,), name="selftest", daemon=True)
            self._thread.start()

    def _run(self, size: tuple[int, int]) -> None:
        ok, detail = self.detector.passes_selftest(self._random, size, hurry=not self.passed)
        now_s, wall_ns = self._clock.now_s(), self._clock.wall_ns()
        self._last_failed = not ok
        if ok:
            self.passed += 1
            self._faults.lift(CoverReason.SELFTEST, now_s)
            self._faults.lift(CoverReason.START, now_s)
        else:
            self.failed += 1
            self._faults.hold(CoverReason.SELFTEST, now_s, wall_ns, detail)
        self._report(SelfTestReport(ok, detail))
