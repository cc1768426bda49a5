"""Inference passes and the detector: where their boxes lie, and what happens when weights change or a pass fails or hangs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.config import WEIGHTS
from passerby.errors import DetectorError, UsageError, WeightsError
from passerby.values import Detections, Digest
from passerby.veil.detect import decoders as layouts
from passerby.veil.detect.detector import Detector, wait_for
from passerby.veil.detect.engine_onnx import load_onnxruntime
from passerby.veil.detect.engine_openvino import OpenVinoEngine
from passerby.veil.detect.passes import InferencePass, join_detections, pass_size, start_passes
from passerby.veil.settings import FindSettings
from passerby.veil.tools.demo_clip import demo_frames

SIZE = (64, 96)  # height, width of the made-up networks' input


def answered(found: Detections) -> Future[Detections]:
    future: Future[Detections] = Future()
    future.set_result(found)
    return future


class Mirror:
    """A detector that sees one face at the left edge of whatever it is shown."""

    runs_on, digest, multiple = "test", Digest("sha256:0"), 32
    doubt: float | None = None

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert threshold < 0.9
        height, width = rgb.shape[:2]
        return answered(Detections(np.array([[0, 0, width / 4, height / 2]], np.float32), np.array([0.9], np.float32)))


def test_looks_come_back_in_the_pictures_own_pixels() -> None:
    size = (640, 360)
    shown: list[tuple[int, int]] = []

    def scaled(width: int, height: int) -> NDArray[np.uint8]:
        shown.append((width, height))
        return np.zeros((height, width, 3), np.uint8)

    found = start_passes(Mirror(), [InferencePass(320), InferencePass(960, mirrored=True)], scaled, size, 0.1).result()
    assert shown == [pass_size(320, size, 32), pass_size(960, size, 32)] == [(320, 192), (960, 544)]
    assert found.xyxy.round().tolist() == [[0, 0, 160, 180], [480, 0, 640, 180]]


def test_boxes_of_one_face_are_joined_and_others_are_not() -> None:
    one = Detections(np.array([[0, 0, 10, 10], [50, 0, 60, 10]], np.float32), np.array([0.9, 0.2], np.float32))
    two = Detections(np.array([[0, 0, 11, 10]], np.float32), np.array([0.3], np.float32))
    joined = join_detections([one, two])
    assert len(joined) == 2
    assert joined.score.tolist() == pytest.approx([0.9, 0.2])
    assert len(join_detections([Detections()])) == 0


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(FindSettings())


def test_portrait_is_found_where_it_was_pasted(detector: Detector) -> None:
    picture, truth = list(demo_frames(1.0, (640, 384)))[12]
    found = wait_for(detector.infer(np.asarray(picture.convert("RGB")), 0.3))
    large = truth.xyxy[(truth.xyxy[:, 2] - truth.xyxy[:, 0]) > 30]
    assert len(large)
    for box in large:
        middle = (box[:2] + box[2:]) / 2
        inside = (found.xyxy[:, :2] < middle).all(axis=1) & (found.xyxy[:, 2:] > middle).all(axis=1)
        assert inside.any()


def test_changed_weights_are_refused_and_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "centerface.onnx"
    shutil.copy(WEIGHTS, copy)
    running = Detector(FindSettings(), shipped=copy)
    running.check_weights()
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with pytest.raises(WeightsError, match="changed while running"):
        running.check_weights()
    with pytest.raises(WeightsError, match="weights must have sha256:09189dea"):
        Detector(FindSettings(), shipped=copy)
    copy.unlink()
    with pytest.raises(WeightsError, match="changed while running"):
        running.check_weights()
    running.close()


@pytest.mark.parametrize("content", [b"", b"not a network", bytes(4096)])
def test_a_file_that_is_no_network_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(content)
    with pytest.raises(DetectorError, match=r"mine\.onnx|outputs"):
        Detector(FindSettings(detector=path))


def test_gpu_is_required_or_said_to_be_missing(detector: Detector) -> None:
    assert "CPU" in detector.runs_on
    with pytest.raises(UsageError, match="--require-gpu needs --ep cuda"):
        Detector(FindSettings(require_gpu=True))
    with pytest.raises(UsageError, match="cpu or cuda"):
        Detector(FindSettings(provider="tpu"))


def without_gpu() -> bool:
    try:
        runtime = load_onnxruntime()  # an extra that may be missing
    except ImportError:
        return True
    return "CUDAExecutionProvider" not in runtime.get_available_providers()


@pytest.mark.skipif(not without_gpu(), reason="a GPU is here")
def test_without_a_gpu_it_falls_back_and_says_so_or_fails_when_told() -> None:
    fallen = Detector(FindSettings(provider="cuda"))
    assert "no GPU" in fallen.runs_on
    fallen.close()
    with pytest.raises(DetectorError):
        Detector(FindSettings(provider="cuda", require_gpu=True))


def test_a_detector_that_hangs_is_given_up() -> None:
    with pytest.raises(DetectorError, match="no answer within"):
        wait_for(Future(), timeout_s=0.05)


@pytest.mark.parametrize("error", [RuntimeError("gone"), ValueError("shape"), MemoryError()])
def test_what_an_engine_throws_becomes_our_error(error: Exception) -> None:
    class Broken(OpenVinoEngine):
        def run(self, rgb: NDArray[np.uint8], layout: layouts.DetectorLayout) -> layouts.Outputs:
            assert (rgb.shape, layout) == ((64, 96, 3), layouts.CENTERFACE)
            raise error

    detector = Detector(FindSettings(), engine=Broken(WEIGHTS))
    with pytest.raises(DetectorError, match="detector failed on a picture of 96x64"):
        wait_for(detector.infer(np.zeros((64, 96, 3), np.uint8), 0.2))


def test_two_threads_get_their_own_answers(detector: Detector) -> None:
    pictures = [np.asarray(p.convert("RGB")) for p, _ in list(demo_frames(0.4, (640, 384)))[:4]]
    alone = [wait_for(detector.infer(p, 0.2)) for p in pictures]
    results: dict[int, Detections] = {}

    def ask(n: int) -> Callable[[], None]:
        return lambda: results.__setitem__(n, wait_for(detector.infer(pictures[n], 0.2)))

    threads = [threading.Thread(target=ask(n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, found in enumerate(alone):
        assert np.allclose(results[n].xyxy, found.xyxy, atol=0.5)


def test_expected_sizes_have_networks_of_their_own_that_find_the_same() -> None:
    engine = OpenVinoEngine(WEIGHTS)
    detector = Detector(FindSettings(), engine=engine)
    pictures = [np.asarray(list(demo_frames(1.0, size))[-1][0].convert("RGB")) for size in ((640, 384), (512, 320))]
    before = [wait_for(detector.infer(picture, 0.2)) for picture in pictures]
    detector.prepare([(640, 384), (512, 320)])
    after = [wait_for(detector.infer(picture, 0.2)) for picture in pictures]
    for one, other in zip(before, after, strict=True):
        assert len(one)
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=0.5)
        np.testing.assert_allclose(one.score, other.score, atol=0.02)
    assert engine.compiled_sizes == {None, (640, 384), (512, 320)}
    detector.prepare([(512, 320)])
    assert engine.compiled_sizes == {None, (512, 320)}
    detector.rest()
    assert len(wait_for(detector.infer(pictures[1], 0.2))) == len(before[1])
