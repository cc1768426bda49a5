"""Engines: ONNX Runtime finds what OpenVINO finds at any size, its errors are ours, and the CPU stands in for a failing GPU."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import passerby
from passerby.config import WEIGHTS
from passerby.errors import DetectorError, WeightsError
from passerby.veil.detect.decoders import CENTERFACE, DetectorLayout, Outputs
from passerby.veil.detect.detector import Detector, wait_for
from passerby.veil.detect.engine import Size
from passerby.veil.detect.engine_onnx import CPU, OnnxRuntimeEngine
from passerby.veil.detect.engine_openvino import FirstAlone, OpenVinoEngine, openvino_core
from passerby.veil.detect.fallback import FallbackEngine, open_engine
from passerby.veil.detect.onnx_sizes import free_sizes
from passerby.veil.settings import FindSettings
from passerby.veil.tools.demo_clip import demo_frames

# looked for, not imported: only the detector's own loader keeps it from reporting home
runtime = pytest.mark.skipif(
    find_spec("onnxruntime") is None, reason="ONNX Runtime is not installed: pip install onnxruntime"
)
RGB = np.zeros((64, 96, 3), np.uint8)
SIGNALLED = """
import ctypes, gc, signal, sys, threading
from passerby.config import WEIGHTS
from passerby.veil.detect.decoders import CENTERFACE
from passerby.veil.detect.engine_openvino import OpenVinoEngine
from passerby.veil.detect.precision import time_precisions

class Stack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

def signal_stack():
    stack = Stack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0
    return stack.start, stack.flags, stack.size

def let_go_elsewhere():
    engine = OpenVinoEngine(WEIGHTS, precision="f32", threads=1)
    engine.prepare(CENTERFACE, None)
    held = [engine]
    del engine
    for work in (held.clear, gc.collect):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

def several_at_once():
    time_precisions(WEIGHTS, passes=1)

before = signal_stack()
heard = []
signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
locals()[sys.argv[1]]()
print(signal_stack() == before, flush=True)
signal.raise_signal(signal.SIGINT)
print(len(heard))
"""


def field(number: int, value: bytes | int) -> bytes:
    """One field of a protobuf message whose numbers and lengths are below 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def tensor(name: bytes, *dims: int) -> bytes:
    """A value that says its name, type and shape."""
    shape = b"".join(field(1, field(1, dim)) for dim in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def network(*parts: bytes, version: int = 4) -> bytes:
    return field(1, version) + field(7, b"".join(parts)) + field(8, field(2, 9))


PICTURE, WEIGHT = field(11, tensor(b"x", 10, 3, 32, 32)), field(11, tensor(b"w", 4))
OUTPUT, INITIALIZER = field(12, tensor(b"y", 10, 1, 8, 8)), field(5, field(8, b"w"))


def test_sizes_become_free_and_the_rest_stays_as_it_was() -> None:
    found = free_sizes(network(PICTURE, WEIGHT, INITIALIZER, OUTPUT, field(13, tensor(b"z", 10, 2))))
    assert (found.input_name, found.output_names, found.output_shapes) == ("x", ["y"], [(10, 1, 8, 8)])
    sides = field(1, field(2, b"height")) + field(1, field(2, b"width"))
    picture = field(1, b"x") + field(
        2, field(1, field(1, 1) + field(2, field(1, field(1, 1)) + field(1, field(1, 3)) + sides))
    )
    output = field(1, b"y") + field(2, field(1, field(1, 1) + field(2, field(1, b"") * 4)))
    assert found.data == network(field(11, picture), INITIALIZER, field(12, output))
    again = free_sizes(found.data)
    assert (again.data, again.output_shapes) == (found.data, [(None,) * 4])


def test_weights_stay_inputs_where_the_files_version_wants_them() -> None:
    assert WEIGHT in free_sizes(network(PICTURE, WEIGHT, INITIALIZER, OUTPUT, version=3)).data
    assert WEIGHT not in free_sizes(network(PICTURE, WEIGHT, INITIALIZER, OUTPUT, version=4)).data


def test_an_input_that_is_no_picture_keeps_its_sizes() -> None:
    rows = field(11, tensor(b"x", 1, 64, 64, 3))
    assert rows in free_sizes(network(rows, OUTPUT)).data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "one ONNX graph, got 0"),
        (network(PICTURE) + network(PICTURE), "one ONNX graph, got 2"),
        (network(WEIGHT, INITIALIZER), "one input, got 0"),
        (network(PICTURE, field(11, tensor(b"more", 1))), "one input, got 2"),
        (field(7, b"0123456789")[:-3], "cut off"),
        (field(7, 1), "field 7 must hold bytes"),
        (b"\x3b", "wire type 3"),
        (b"\xff" * 11, "does not end"),
        (network(field(11, tensor(b"\xff\xfe", 1))), "UTF-8"),
    ],
)
def test_a_file_that_is_no_such_network_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(DetectorError, match=words):
        free_sizes(data)


@given(st.data())
def test_damage_is_refused_or_left_to_the_runtime_but_never_a_foreign_error(data: st.DataObject) -> None:
    whole = bytearray(network(PICTURE, WEIGHT, INITIALIZER, OUTPUT))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for damaged in (bytes(whole), bytes(whole[:cut])):
        try:
            free_sizes(damaged)
        except DetectorError:
            continue


@runtime
@pytest.mark.parametrize("size", [(640, 384), (960, 544)])
def test_onnx_runtime_finds_what_openvino_finds(size: Size) -> None:
    """In float32, as both can: bfloat16, which OpenVINO takes where it is faster, moves large boxes by up to 5 pixels."""
    picture = np.asarray(list(demo_frames(1.0, size))[-1][0].convert("RGB"))
    found = []
    for engine in (OnnxRuntimeEngine(WEIGHTS, CPU), OpenVinoEngine(WEIGHTS, precision="f32")):
        detector = Detector(FindSettings(), engine=engine)
        found.append(wait_for(detector.infer(picture, 0.1)))
        detector.close()
    one, two = found
    assert len(one) == len(two) > 3
    np.testing.assert_allclose(one.xyxy, two.xyxy, atol=1)
    np.testing.assert_allclose(one.score, two.score, atol=0.01)


@runtime
def test_what_onnx_runtime_throws_becomes_our_error(tmp_path: Path) -> None:
    engine = OnnxRuntimeEngine(WEIGHTS, CPU)
    assert engine.runs_on.endswith("CPU, f32")
    with pytest.raises(DetectorError, match="ONNX Runtime failed on a picture of 50x50: ") as failed:
        engine.run(np.zeros((50, 50, 3), np.uint8), CENTERFACE)
    assert failed.value.hint
    for content, words in (
        (b"not a network", "ONNX file"),
        (network(PICTURE, OUTPUT), r"mine\.onnx does not run on the CPU"),
    ):
        (tmp_path / "mine.onnx").write_bytes(content)
        with pytest.raises(DetectorError, match=words):
            OnnxRuntimeEngine(tmp_path / "mine.onnx", CPU)
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        OnnxRuntimeEngine(tmp_path / "none.onnx", CPU)
    with pytest.raises(DetectorError, match="TPU must be among ONNX Runtime's providers, got") as absent:
        OnnxRuntimeEngine(WEIGHTS, "TPU")
    assert absent.value.hint


class Scripted:
    """An engine that answers with its name, or fails."""

    parallel = 2

    def __init__(self, name: str, error: DetectorError | None = None) -> None:
        self.runs_on, self.error = name, error
        self.output_names: list[str] = ["537", "538", "539"]
        self.output_shapes: list[tuple[int | None, ...]] = [(1, 1, 8, 8)] * 3
        self.expected: list[Sequence[Size]] = []

    def expect(self, sizes: Sequence[Size]) -> None:
        self.expected.append(tuple(sizes))

    def prepare(self, layout: DetectorLayout, size: Size | None) -> None:
        """Nothing to do."""

    def run(self, rgb: NDArray[np.uint8], layout: DetectorLayout) -> Outputs:
        assert layout is CENTERFACE
        if self.error:
            raise self.error
        return {self.runs_on: rgb}

    def rest(self) -> None:
        """It took nothing."""


def opens(engine: Scripted, opened: list[str]) -> Callable[[], Scripted]:
    def open_() -> Scripted:
        opened.append(engine.runs_on)
        return engine

    return open_


def test_a_pass_that_fails_is_run_again_on_the_cpu_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    gpu, cpu, opened = Scripted("GPU"), Scripted("CPU"), list[str]()
    engine = FallbackEngine(opens(gpu, opened), opens(cpu, opened))
    engine.expect([(96, 64)])
    assert list(engine.run(RGB, CENTERFACE)) == [engine.runs_on] == ["GPU"]
    gpu.error = DetectorError("the GPU is gone")
    with caplog.at_level(logging.WARNING):
        answers: list[str] = []
        threads = [threading.Thread(target=lambda: answers.extend(engine.run(RGB, CENTERFACE))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(engine.run(RGB, CENTERFACE)) == ["CPU"]
    assert (answers, opened, cpu.expected) == (["CPU"] * 4, ["GPU", "CPU"], [((96, 64),)])
    assert engine.runs_on == "CPU (no GPU: the GPU is gone)"
    assert [record.getMessage() for record in caplog.records] == ["the detector goes on with CPU: the GPU is gone"]


def test_where_both_fail_the_error_comes_out() -> None:
    opened: list[str] = []
    broken = DetectorError("gone")
    engine = FallbackEngine(
        opens(Scripted("GPU", broken), opened), opens(Scripted("CPU", DetectorError("too")), opened)
    )
    for _ in range(2):
        with pytest.raises(DetectorError, match="too"):
            engine.run(RGB, CENTERFACE)
    assert opened == ["GPU", "CPU"], "nothing is opened again and again"


def test_what_does_not_open_is_stood_in_for_at_once() -> None:
    def closed() -> Scripted:
        raise DetectorError("onnxruntime is not installed")

    engine = FallbackEngine(closed, opens(Scripted("CPU"), []))
    assert list(engine.run(RGB, CENTERFACE)) == ["CPU"]
    assert engine.runs_on == "CPU (no GPU: onnxruntime is not installed)"


def test_a_detector_tells_that_the_cpu_goes_on() -> None:
    gpu = Scripted("GPU", DetectorError("gone"))
    engine = FallbackEngine(lambda: gpu, lambda: OpenVinoEngine(WEIGHTS, threads=1))
    detector = Detector(FindSettings(), engine=engine)
    assert detector.runs_on == "CenterFace on GPU"
    assert len(wait_for(detector.infer(RGB, 0.5))) == 0
    assert detector.runs_on.startswith("CenterFace on OpenVINO")
    assert detector.runs_on.endswith("1 thread (no GPU: gone)")
    detector.close()


def test_threads_are_a_setting() -> None:
    assert open_engine(WEIGHTS, FindSettings(), threads=1).parallel == 1
    assert OpenVinoEngine(WEIGHTS, threads=3).parallel == 3


def test_the_first_run_is_alone_and_later_ones_are_not() -> None:
    """Two first runs at once locked the process for ever, inside OpenVINO's binding."""
    first_alone, inside, entered = FirstAlone(), threading.Barrier(4, timeout=10), threading.Event()
    running: list[int] = []
    together: list[int] = []

    def one(go: threading.Event) -> None:
        with first_alone():
            running.append(1)
            together.append(len(running))
            entered.set()
            go.wait(10)
            running.pop()

    go = threading.Event()
    threads = [threading.Thread(target=one, args=(go,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    assert together == [1], "the others wait for the first"
    go.set()
    for thread in threads:
        thread.join(10)

    def later() -> None:
        with first_alone():
            inside.wait()

    threads = [threading.Thread(target=later) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not inside.broken, "four at once met inside"


@pytest.mark.skipif(sys.platform != "linux", reason="OpenVINO sets stacks for signals on Linux alone")
@pytest.mark.parametrize("way", ["let_go_elsewhere", "several_at_once"])
def test_a_signal_is_heard_after_detectors_were_let_go_of(way: str) -> None:
    """The main thread was left with a stack for signals that OpenVINO had freed: Ctrl-C crashed, or wrote over other memory."""
    command = [sys.executable, "-X", "faulthandler", "-c", SIGNALLED, way]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["True", "1"]), done.stderr


def test_a_process_has_one_core_of_openvino() -> None:
    makers = [
        path.name
        for path in Path(passerby.__file__).parent.rglob("*.py")
        for _ in re.finditer(r"\bCore\(\)", path.read_text(encoding="utf-8"))
    ]
    assert makers == ["engine_openvino.py"]
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(openvino_core())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({id(core) for core in found}) == 1
