"""Runs a detector with ONNX Runtime: on an NVIDIA GPU (the ``gpu`` extra), and on the CPU to show that it finds the same."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DetectorError, WeightsError
from passerby.veil.detect.decoders import DetectorLayout, Outputs
from passerby.veil.detect.engine import Size
from passerby.veil.detect.onnx_sizes import free_sizes

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
GPU_HINT = "install onnxruntime-gpu, CUDA and cuDNN, or leave --ep cuda out to run on the CPU"
PARALLEL = 2
"""Passes side by side on a GPU: one is made ready while another runs. Source: a choice; not measured."""
SILENT = 4
"""Severity from which ONNX Runtime writes to stderr: never, for each of its errors is raised as well."""
MOST_LETTERS = 300
"""Of what ONNX Runtime says of an error."""


class OnnxRuntimeEngine:
    """ONNX Runtime, in float32, at any size: the file's own sizes are made free first (see ``onnx_sizes``).

    Args:
        path: An ONNX file.
        provider: What runs it, in ONNX Runtime's words.

    Raises:
        WeightsError: the file cannot be read.
        DetectorError: ONNX Runtime is not installed, has no such provider, or does not run the file on it.
    """

    def __init__(self, path: Path, provider: str = CUDA) -> None:
        ort = _with_provider(provider)
        try:
            model = free_sizes(path.read_bytes())
        except OSError as error:
            raise WeightsError(f"weights {path} cannot be read: {error.strerror}", hint="name an ONNX file") from error
        self.output_names, self.output_shapes = model.output_names, model.output_shapes
        self._input = model.input_name
        options = ort.SessionOptions()
        options.log_severity_level = SILENT
        where = "the GPU" if provider == CUDA else "the CPU"
        with _as_ours(f"{path.name} does not run on {where}"):
            self._session: Any = ort.InferenceSession(model.data, options, providers=[provider])
            chosen = self._session.get_providers()[0]
        if chosen != provider:
            raise DetectorError(f"ONNX Runtime must run on {provider}, got {chosen}", hint=GPU_HINT)
        self.parallel = PARALLEL if provider == CUDA else 1
        self.runs_on = f"ONNX Runtime {ort.__version__}, {'CUDA' if provider == CUDA else 'CPU'}, f32"

    def expect(self, sizes: Sequence[Size]) -> None:
        """See InferenceEngine.expect; ONNX Runtime takes every size alike."""

    def prepare(self, layout: DetectorLayout, size: Size | None) -> None:
        """See InferenceEngine.prepare; ONNX Runtime was told all when it loaded."""

    def run(self, rgb: NDArray[np.uint8], layout: DetectorLayout) -> Outputs:
        """See InferenceEngine.run.

        Raises:
            DetectorError: the pass failed: no memory is left, the GPU is gone, or the network does not take this size.
        """
        pixels = rgb[..., ::-1] if layout.bgr else rgb
        names = list(layout.outputs) or self.output_names
        with _as_ours(f"ONNX Runtime failed on a picture of {rgb.shape[1]}x{rgb.shape[0]}"):
            blob = (pixels.transpose(2, 0, 1).astype(np.float32)[None] - layout.mean) * layout.scale
            values = self._session.run(names, {self._input: np.ascontiguousarray(blob, np.float32)})
        return dict(zip(names, values, strict=True))

    def rest(self) -> None:
        """See InferenceEngine.rest; ONNX Runtime keeps its arena."""


def load_onnxruntime() -> Any:  # noqa: ANN401  # onnxruntime has no types
    """Import ONNX Runtime so that it tells nobody.

    Its published builds of 1.29 and later report each process and each network to Microsoft, and keep a number for this machine
    in the home folder. The variable must stand before the import, and holds for this process and those that it starts. Where the
    program around us has imported ONNX Runtime before, only what follows can be switched off.

    Source: ``onnxruntime/Privacy.md`` of 1.32, section *Disabling Telemetry*. Traced with 1.32: with the variable no connection
    is tried and no file is made.

    Raises:
        ImportError: it is not installed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    ort: Any = importlib.import_module("onnxruntime")
    ort.disable_telemetry_events()
    return ort


def _with_provider(provider: str) -> Any:  # noqa: ANN401  # onnxruntime has no types
    try:
        ort = load_onnxruntime()
    except ImportError as error:
        raise DetectorError("onnxruntime is not installed", hint=GPU_HINT) from error
    if provider not in ort.get_available_providers():
        offered = ", ".join(ort.get_available_providers())
        raise DetectorError(f"{provider} must be among ONNX Runtime's providers, got {offered}", hint=GPU_HINT)
    return ort


@contextmanager
def _as_ours(what: str) -> Iterator[None]:
    """Turn whatever ONNX Runtime raises into our error."""
    try:
        yield
    except Exception as error:  # its errors share no other class, and name no picture
        said = " ".join(str(error).split())[:MOST_LETTERS]
        raise DetectorError(f"{what}: {said or type(error).__name__}", hint=GPU_HINT) from error
