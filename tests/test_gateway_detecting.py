"""The detector under watch: what is slow, hung, failed or blind is told."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.gateway_tools import HandClock

from passerby.errors import DetectorError
from passerby.gateway.picture.synthetic_face import probe
from passerby.gateway.worker.detecting import WatchedDetector
from passerby.values import Detections, Digest


class Inner:
    """A detector that answers when and what the test says."""

    runs_on, digest, multiple = "test", Digest("sha256:" + "0" * 64), 32
    doubt: float | None = None

    def __init__(self) -> None:
        self.asked: list[Future[Detections]] = []
        self.answer: Detections | Exception | None = None

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        del rgb, threshold
        future: Future[Detections] = Future()
        self.asked.append(future)
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        elif self.answer is not None:
            future.set_result(self.answer)
        return future


RGB = np.zeros((32, 32, 3), np.uint8)


def found(*rows: tuple[float, float, float, float]) -> Detections:
    return Detections(np.array(rows, np.float32).reshape(-1, 4), np.full(len(rows), 0.9, np.float32))


def test_age_of_the_oldest_pass_is_known_and_a_stop_is_forgiven() -> None:
    hand = HandClock()
    inner = Inner()
    watched = WatchedDetector(inner, clock=hand.clock)
    assert watched.waiting_s == 0
    watched.infer(RGB, 0.1)
    hand.move(0.05)
    watched.infer(RGB, 0.1)
    assert watched.waiting_s == pytest.approx(0.05)
    watched.forgive(5.0)
    assert watched.waiting_s <= 0
    for future in inner.asked:
        future.set_result(found())
    assert watched.waiting_s == 0


@pytest.mark.parametrize(
    "answer", [DetectorError("x"), RuntimeError("x"), found((0, 0, float("nan"), 5)), found((0, 0, float("inf"), 5))]
)
def test_failure_and_nonsense_are_told_once(answer: Detections | Exception) -> None:
    inner = Inner()
    inner.answer = answer
    watched = WatchedDetector(inner)
    watched.infer(RGB, 0.1)
    assert watched.take_failure()
    assert watched.take_failure() is None
    assert watched.waiting_s == 0


def test_speed_is_measured() -> None:
    hand = HandClock()
    inner = Inner()
    inner.answer = found()
    watched = WatchedDetector(inner, clock=hand.clock)
    assert watched.speed == (0.0, 0.0)
    for _ in range(5):
        watched.infer(RGB, 0.1)
        hand.move(0.02)
    hz, each_ms = watched.speed
    assert hz == pytest.approx(50, rel=0.3)
    assert each_ms == 0


def test_self_test_begins_right_after_a_pass() -> None:
    class Slow(Inner):
        def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
            asked.append(rgb.shape[1])
            return under_way if len(asked) == 1 else super().infer(rgb, threshold)

    asked: list[int] = []
    under_way: Future[Detections] = Future()
    inner = Slow()
    inner.answer = found()
    watched = WatchedDetector(inner, pause_s=20.0)
    watched.infer(RGB, 0.1)
    testing = threading.Thread(target=watched.passes_selftest, args=(np.random.default_rng(0), (640, 360)))
    testing.start()
    testing.join(0.1)
    assert asked == [32]
    under_way.set_result(found())
    testing.join(30.0)
    assert asked == [32, 896]


def test_self_test_in_a_hurry_waits_for_nothing() -> None:
    inner = Inner()
    inner.answer = found()
    began_s = time.monotonic()
    WatchedDetector(inner, pause_s=20.0).passes_selftest(np.random.default_rng(0), (640, 360), hurry=True)
    assert time.monotonic() - began_s < 5.0


def test_blind_detector_fails_the_self_test() -> None:
    inner = Inner()
    watched = WatchedDetector(inner, pause_s=0.01)
    for answer, said in (
        (found(), "did not find"),
        (found((0, 0, 9999, 9999)), "did not find"),
        (DetectorError("x"), "failed"),
    ):
        inner.answer = answer
        ok, detail = watched.passes_selftest(np.random.default_rng(0), (640, 360))
        assert not ok
        assert said in detail


def test_hung_detector_fails_the_self_test() -> None:
    ok, detail = WatchedDetector(Inner(), pause_s=0.01, answer_s=0.1).passes_selftest(
        np.random.default_rng(0), (640, 360)
    )
    assert (ok, detail) == (False, "the detector gave no answer within 0.1 s")


def test_seeing_detector_passes() -> None:
    class Seeing(Inner):
        def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
            del threshold
            random = np.random.default_rng(0)
            # the same draws that the self-test makes, in their order
            for size in self.sizes:
                asked = probe(random, *size)
                if np.array_equal(asked.bgr[:, :, ::-1], rgb):
                    self.answer = found(tuple(float(v) for v in asked.xyxy))  # type: ignore[arg-type]
                    break
            return super().infer(rgb, 0.1)

        sizes: tuple[tuple[int, int], ...] = ((896, 512), (448, 256))

    ok, _ = WatchedDetector(Seeing(), pause_s=0.01).passes_selftest(np.random.default_rng(0), (640, 360))
    assert ok
