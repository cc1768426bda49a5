"""Layouts, looks and the detector: what is read from networks, and what happens when one is broken, changed or hung."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.boxes import pairwise_iou
from passerby.config import WEIGHTS
from passerby.errors import DetectorError, UsageError, WeightsError
from passerby.values import Detections, Digest
from passerby.veil.detect import decoders as layouts
from passerby.veil.detect.detector import Detector, wait_for
from passerby.veil.detect.engine_openvino import OpenVinoEngine
from passerby.veil.detect.passes import InferencePass, join_detections, pass_size, start_passes
from passerby.veil.settings import FindSettings
from passerby.veil.tools.demo_clip import demo_frames

SIZE = (64, 96)  # height, width of the made-up networks' input


def centerface(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    height, width = SIZE[0] // 4, SIZE[1] // 4
    heat, size, shift = (np.zeros((1, n, height, width), np.float32) for n in (1, 2, 2))
    heat[0, 0, y, x] = score
    size[0, :, y, x] = np.log([high / 4, wide / 4])
    return {"537": heat, "538": size, "539": shift}


def yunet(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    outputs: layouts.Outputs = {}
    for stride in (8, 16, 32):
        cells = (SIZE[0] // stride) * (SIZE[1] // stride)
        outputs |= {
            f"cls_{stride}": np.zeros((1, cells, 1), np.float32),
            f"obj_{stride}": np.zeros((1, cells, 1), np.float32),
        }
        outputs[f"bbox_{stride}"] = np.zeros((1, cells, 4), np.float32)
    row = y * (SIZE[1] // 8) + x
    outputs["cls_8"][0, row] = outputs["obj_8"][0, row] = score
    outputs["bbox_8"][0, row] = [0, 0, np.log(wide / 8), np.log(high / 8)]
    return outputs


def scrfd(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    outputs: layouts.Outputs = {}
    for stride in (8, 16, 32):
        cells = (SIZE[0] // stride) * (SIZE[1] // stride) * 2
        outputs[f"s{stride}"] = np.zeros((cells, 1), np.float32)
        outputs[f"b{stride}"] = np.zeros((cells, 4), np.float32)
    row = 2 * (y * (SIZE[1] // 8) + x)
    outputs["s8"][row] = score
    outputs["b8"][row] = np.array([wide / 2, high / 2, wide / 2, high / 2]) / 8
    return outputs


def yolo8(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    table = np.zeros((1, 20, 126), np.float32)
    table[0, :5, 7] = [x, y, wide, high, score]
    return {"output0": table}


def blazeface(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    cells = (SIZE[0] // 4) * (SIZE[1] // 4)
    rows, logits = np.full((1, cells, 16), 7, np.float32), np.full((1, cells, 1), -120, np.float32)
    row = y * (SIZE[1] // 4) + x
    rows[0, row, :4] = [2, -2, wide, high]
    logits[0, row] = np.log(score / (1 - score))
    return {"regressors": rows, "scores": logits}


@pytest.mark.parametrize(
    ("decode", "made", "centre"),
    [
        (layouts.decode_centerface, centerface(10, 6, 20, 24, 0.7), (42, 26)),
        (layouts.decode_yunet, yunet(5, 3, 20, 24, 0.7), (40, 24)),
        (layouts.decode_scrfd, scrfd(5, 3, 20, 24, 0.7), (40, 24)),
        (layouts.decode_yolo, yolo8(40, 24, 20, 24, 0.7), (40, 24)),
        # cell (10, 6) has its middle at (42, 26); the network puts the face 2 right and 2 up of it
        (layouts.decode_blazeface, blazeface(10, 6, 20, 24, 0.7), (44, 24)),
    ],
    ids=["centerface", "yunet", "scrfd", "yolo", "blazeface"],
)
def test_a_face_is_read_where_the_network_put_it(
    decode: layouts.Decode, made: layouts.Outputs, centre: tuple[int, int]
) -> None:
    found = decode(made, *SIZE, 0.2)
    x, y = centre
    assert found.xyxy.round(2).tolist() == [[x - 10, y - 12, x + 10, y + 12]]
    assert found.score == pytest.approx([0.7])
    assert len(decode(made, *SIZE, 0.8)) == 0


@pytest.mark.parametrize(
    ("decode", "made", "broken"),
    [
        (layouts.decode_centerface, centerface(10, 6, 20, 24, 0.7), "538"),
        (layouts.decode_blazeface, blazeface(10, 6, 20, 24, 0.7), "regressors"),
        (layouts.decode_blazeface, blazeface(10, 6, 20, 24, 0.7), "scores"),
    ],
)
def test_nan_is_no_detection(decode: layouts.Decode, made: layouts.Outputs, broken: str) -> None:
    made[broken][:] = np.nan
    with pytest.raises(DetectorError, match="finite"):
        decode(made, *SIZE, 0.2)


def test_landmarks_of_blazeface_are_never_read() -> None:
    made = blazeface(10, 6, 20, 24, 0.7)
    made["regressors"][..., 4:] = np.nan
    assert len(layouts.decode_blazeface(made, *SIZE, 0.2)) == 1


@pytest.mark.parametrize(("logit", "score"), [(1e30, 1.0), (80, 1.0), (0, 0.5)])
def test_any_logit_of_blazeface_is_a_score(logit: float, score: float) -> None:
    made = blazeface(10, 6, 20, 24, 0.7)
    made["scores"][made["scores"] > -100] = logit
    assert layouts.decode_blazeface(made, *SIZE, 0.2).score == pytest.approx([score])


def test_blazeface_outputs_of_another_size_are_refused() -> None:
    with pytest.raises(DetectorError, match="BlazeFace scores must come in one table"):
        layouts.decode_blazeface(blazeface(10, 6, 20, 24, 0.7), 192, 192, 0.2)


@pytest.mark.parametrize(
    ("names", "shapes", "name"),
    [
        (["537", "538", "539", "540"], [(1, 1, 8, 8)] * 4, "CenterFace"),
        ([f"{k}_{s}" for k in ("cls", "obj", "bbox", "kps") for s in (8, 16, 32)], [(1, 1, 1)] * 12, "YuNet"),
        ([str(n) for n in range(9)], [(8, 1)] * 3 + [(8, 4)] * 3 + [(8, 10)] * 3, "SCRFD"),
        (["output0"], [(1, 20, 8400)], "YOLO-face"),
        (["r", "c"], [(1, 2304, 16), (1, 2304, 1)], "BlazeFace (full range)"),
        (["c", "r"], [(1, 2304, 1), (1, 2304, 16)], "BlazeFace (full range)"),
    ],
)
def test_kind_of_detector_is_told_by_its_outputs(
    names: list[str], shapes: list[tuple[int | None, ...]], name: str
) -> None:
    assert layouts.recognise_layout(names, shapes).name == name


def test_a_network_that_gives_one_vector_is_refused() -> None:
    # the shape of a face-embedding network: it must never be run
    with pytest.raises(DetectorError, match="CenterFace, YuNet, SCRFD, YOLO-face or BlazeFace"):
        layouts.recognise_layout(["embedding"], [(1, 512)])


@given(st.lists(st.tuples(*[st.floats(0, 90, width=32)] * 4, st.floats(0.125, 1, width=32)), max_size=20))
def test_suppression_keeps_the_strongest_and_no_two_alike(rows: list[tuple[float, ...]]) -> None:
    table = np.array(rows, np.float32).reshape(-1, 5)
    xyxy = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4] + 1], axis=1)
    keep = layouts.suppress(xyxy, table[:, 4], 0.4)
    if len(rows):
        assert table[:, 4].argmax() in keep or table[keep, 4].max() == table[:, 4].max()
    alike = pairwise_iou(xyxy[keep])
    np.fill_diagonal(alike, 0)
    assert (alike < 0.4).all()


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


def test_changed_weights_are_refused_and_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "centerface.onnx"
    shutil.copy(WEIGHTS, copy)
    monkeypatch.setattr("passerby.veil.detect.detector.WEIGHTS", copy)
    running = Detector(FindSettings())
    running.check_weights()
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with pytest.raises(WeightsError, match="changed while running"):
        running.check_weights()
    with pytest.raises(WeightsError, match="weights must have sha256:09189dea"):
        Detector(FindSettings())
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
    path = path.rename(tmp_path / "mine.tflite")
    with pytest.raises(DetectorError, match=r"mine\.tflite is no network"):
        Detector(FindSettings(detector=path))


def test_gpu_is_required_or_said_to_be_missing(detector: Detector) -> None:
    assert "CPU" in detector.runs_on
    with pytest.raises(UsageError, match="--require-gpu needs --ep cuda"):
        Detector(FindSettings(require_gpu=True))
    with pytest.raises(UsageError, match="cpu or cuda"):
        Detector(FindSettings(provider="tpu"))


def without_gpu() -> bool:
    try:
        import onnxruntime  # an extra that may be missing
    except ImportError:
        return True
    return "CUDAExecutionProvider" not in onnxruntime.get_available_providers()


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
def test_what_an_engine_throws_becomes_our_error(
    detector: Detector, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object) -> layouts.Outputs:
        raise error

    monkeypatch.setattr(detector._engine, "run", broken)
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
    detector = Detector(FindSettings())
    pictures = [np.asarray(list(demo_frames(1.0, size))[-1][0].convert("RGB")) for size in ((640, 384), (512, 320))]
    before = [wait_for(detector.infer(picture, 0.2)) for picture in pictures]
    detector.prepare([(640, 384), (512, 320)])
    after = [wait_for(detector.infer(picture, 0.2)) for picture in pictures]
    for one, other in zip(before, after, strict=True):
        assert len(one)
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=0.5)
        np.testing.assert_allclose(one.score, other.score, atol=0.02)
    engine = detector._engine
    assert isinstance(engine, OpenVinoEngine)
    assert set(engine._compiled) == {None, (640, 384), (512, 320)}
    detector.prepare([(512, 320)])
    assert set(engine._compiled) == {None, (512, 320)}
    detector.rest()
    assert len(wait_for(detector.infer(pictures[1], 0.2))) == len(before[1])


def test_the_first_run_is_alone_and_later_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two first runs at once locked the process for ever, inside OpenVINO's binding."""
    engine = OpenVinoEngine(WEIGHTS)
    running, most = 0, [0, 0]

    def infer(*_: object) -> layouts.Outputs:
        nonlocal running
        running += 1
        most[engine._ran] = max(most[engine._ran], running)
        time.sleep(0.05)
        running -= 1
        return {}

    monkeypatch.setattr(engine, "_infer", infer)
    picture = np.zeros((64, 96, 3), np.uint8)
    layout = layouts.recognise_layout(engine.output_names, engine.output_shapes)
    for _ in range(2):
        threads = [threading.Thread(target=engine.run, args=(picture, layout)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most[0] == 1
    assert most[1] > 1
