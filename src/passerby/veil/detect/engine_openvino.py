"""Runs a detector with OpenVINO on the CPU."""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.config import processors
from passerby.errors import DetectorError
from passerby.veil.detect.decoders import DetectorLayout, Outputs
from passerby.veil.detect.engine import Size
from passerby.veil.detect.kept import NetworkFolder
from passerby.veil.detect.quantise import quantise, read_calibration

_log = logging.getLogger("passerby.veil.detect")
_opening = threading.Lock()
MOST_THREADS = 8
"""Passes side by side. Source: a choice; measured up to two (docs/measures.md)."""


def load_openvino() -> Any:  # noqa: ANN401  # openvino has no types
    """Import OpenVINO so that it tells nobody.

    Its model converter, which is not used here, reports every import to an analytics service on the network and keeps a
    number for this machine in the home folder. Nothing in this process can load what does that afterwards.

    Source: ``openvino/tools/ovc/__init__.py`` and the package ``openvino_telemetry`` of OpenVINO 2026.4.1.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None makes an import fail, says the manual
    converter = "openvino.tools.ovc"
    absent = converter not in sys.modules
    sys.modules.setdefault(converter, None)  # type: ignore[arg-type]  # the same
    try:
        return importlib.import_module("openvino")
    finally:
        if absent:
            del sys.modules[converter]


def openvino_core() -> Any:  # noqa: ANN401  # openvino has no types
    """Return OpenVINO's core, the only one of this process, which keeps it to its end. Safe from several threads.

    The thread in which a core first uses the CPU gets another stack for its signals. The last thread to let go of that core
    frees the stack, and only takes it from itself: another thread that has it crashes at its next signal (Ctrl-C), or its
    signal overwrites what has come to lie there. So the first use is in a thread that ends at once, and no core is let go.

    Source: ``SigAltStackSetup`` in ``src/plugins/intel_cpu/src/plugin.cpp`` of OpenVINO; seen with 2026.4.1.

    Raises:
        ImportError: OpenVINO is not installed.
        RuntimeError: It does not run on this CPU.
    """
    with _opening:
        return _only_core()


@cache
def _only_core() -> Any:  # noqa: ANN401  # openvino has no types
    core = load_openvino().Core()
    with ThreadPoolExecutor(1, thread_name_prefix="openvino-core") as short:
        short.submit(core.get_property, "CPU", "FULL_DEVICE_NAME").result()
    return core


def float_precisions() -> tuple[str, ...]:
    """Return in which floats the CPU computes, slowest first, as far as was measured."""
    able = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("f32", "bf16") if "BF16" in able else ("f32",)


def read_network(core: Any, path: Path) -> Any:  # noqa: ANN401  # openvino has no types
    """Return the network in an ONNX file, as OpenVINO reads it."""
    return core.read_model(path.read_bytes())


class FirstAlone:
    """Lets the first one in alone, and others at once when one is through; one that fails leaves the next one first.

    OpenVINO's binding sets up tables in its first run, holding a lock of its own while it waits for the interpreter's: two
    first runs at once have locked each other, and with them the whole process, for ever (seen with OpenVINO 2026.4.1).
    """

    def __init__(self) -> None:
        self._lock, self._through = threading.Lock(), False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Wait until it may be entered."""
        if self._through:
            yield
            return
        with self._lock:
            yield
            self._through = True


class OpenVinoEngine:
    """OpenVINO on the CPU: a stream for every two processors.

    For each expected size a network is compiled that takes no other, which is a seventh faster where sizes take turns
    (docs/measures.md); one for pictures of any size serves the rest.

    The other half decodes, tracks and encodes; with two streams on two processors whole runs took up to 3 % longer where all
    were busy (docs/measures.md).

    Precision is bfloat16 where the processor computes in it (measured here: 2.2 times as fast on the same weights), float32
    elsewhere. Eight bits are for the weights that ship alone, whose ranges are known (``precision``).

    Args:
        path: The network's file.
        threads: How many passes run side by side, each in one thread; None takes one for every two processors, at most
            ``MOST_THREADS``.
        precision: ``int8``, ``bf16`` or ``f32``; None takes the floats that the processor computes fastest.
        kept: Networks that earlier runs compiled of this file, or None.
        read: Makes a network, given OpenVINO's core and the path.

    Raises:
        DetectorError: OpenVINO does not read the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        precision: str | None = None,
        kept: NetworkFolder | None = None,
        read: Callable[[Any, Path], Any] = read_network,
    ) -> None:
        self._ov: Any = load_openvino()
        core = openvino_core()
        self.parallel = max(1, min(processors() // 2, MOST_THREADS)) if threads is None else threads
        try:
            self._model = read(core, path)
        except (RuntimeError, OSError) as error:
            raise DetectorError(
                f"{path.name} is no network that OpenVINO reads: {error}",
                hint="give --detector the ONNX file of a face detector, or leave it out",
            ) from error
        self.output_names = [output.get_any_name() for output in self._model.outputs]
        self.output_shapes = [
            tuple(None if d.is_dynamic else d.get_length() for d in output.partial_shape)
            for output in self._model.outputs
        ]
        self._precision = precision or float_precisions()[-1]
        told = "1 thread" if self.parallel == 1 else f"{self.parallel} threads"
        self.runs_on = f"OpenVINO {self._ov.__version__.split('-')[0]}, CPU, {self._precision}, {told}"
        self._core, self._kept, self._quantised = core, kept, False
        self._expected: frozenset[Size] = frozenset()
        self._compiled: dict[Size | None, Any] = {}
        self._lock, self._first_alone = threading.Lock(), FirstAlone()
        self._threads = threading.local()

    @property
    def compiled_sizes(self) -> frozenset[Size | None]:
        """The sizes that have a network of their own; None stands for the one that takes any."""
        with self._lock:
            return frozenset(self._compiled)

    def expect(self, sizes: Sequence[Size]) -> None:
        """See InferenceEngine.expect."""
        with self._lock:
            self._expected = frozenset(sizes)
            for size in [size for size in self._compiled if size is not None and size not in self._expected]:
                del self._compiled[size]

    def prepare(self, layout: DetectorLayout, size: Size | None) -> None:
        """See InferenceEngine.prepare."""
        self._network(size, layout)

    def run(self, rgb: NDArray[np.uint8], layout: DetectorLayout) -> Outputs:
        """See InferenceEngine.run."""
        compiled = self._network((rgb.shape[1], rgb.shape[0]), layout)
        with self._first_alone():
            return self._infer(compiled, rgb)

    def _network(self, size: Size | None, layout: DetectorLayout) -> Any:  # noqa: ANN401  # openvino has no types
        with self._lock:
            key = size if size in self._expected else None
            if key not in self._compiled:
                self._compiled[key] = self._compile(key, layout)
            return self._compiled[key]

    def _infer(self, compiled: Any, rgb: NDArray[np.uint8]) -> Outputs:  # noqa: ANN401  # openvino has no types
        # one request per thread: making one takes all its memory anew; a thread reads it out before it runs again
        requests = self._threads.__dict__.setdefault("requests", {})
        request = requests.get(compiled)
        if request is None:
            request = requests[compiled] = compiled.create_infer_request()
        request.infer({0: rgb[None]}, share_inputs=True)
        return {port.get_any_name(): request.get_output_tensor(i).data for i, port in enumerate(compiled.outputs)}

    def rest(self) -> None:
        """See InferenceEngine.rest."""
        self._threads = threading.local()
        for compiled in self._compiled.values():
            compiled.release_memory()

    def _compile(self, size: Size | None, layout: DetectorLayout) -> Any:  # noqa: ANN401  # openvino has no types
        hints = {
            "INFERENCE_PRECISION_HINT": "f32" if self._precision == "int8" else self._precision,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": str(self.parallel),
            "INFERENCE_NUM_THREADS": str(self.parallel),
            # every process would hold its first thread to the same processor
            "ENABLE_CPU_PINNING": False,
        }
        name = f"{self._precision}-{'any' if size is None else f'{size[0]}x{size[1]}'}-{self.parallel}"
        blob = self._kept.read(name) if self._kept else None
        if blob is not None:
            try:
                return self._core.import_model(blob, "CPU", hints)
            except RuntimeError as error:
                _log.warning("kept network %s does not load, and is made anew: %s", name, error)
        compiled = self._core.compile_model(self._shaped(size, layout), "CPU", hints)
        if self._kept:
            self._kept.write(name, compiled.export_model().getvalue())
        return compiled

    def _shaped(self, size: Size | None, layout: DetectorLayout) -> Any:  # noqa: ANN401  # openvino has no types
        """Return the network for pictures of one size, or of any, as bytes come out of a decoder."""
        if self._precision == "int8" and not self._quantised:
            self._model, self._quantised = quantise(self._model, read_calibration(), layout.outputs), True
        ov, model = self._ov, self._model.clone()
        model.reshape([1, 3, -1, -1] if size is None else [1, 3, size[1], size[0]])
        if layout.outputs:
            model = ov.Model([model.output(name) for name in layout.outputs], model.get_parameters(), "detector")
        prepare = importlib.import_module("openvino.preprocess").PrePostProcessor(model)
        prepare.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        prepare.input().model().set_layout(ov.Layout("NCHW"))
        steps = prepare.input().preprocess().convert_element_type(ov.Type.f32)
        if layout.bgr:
            steps.reverse_channels()
        if layout.mean or layout.scale != 1:
            steps.mean(layout.mean).scale(1 / layout.scale)
        return prepare.build()
