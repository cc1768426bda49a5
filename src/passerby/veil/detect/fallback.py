"""Opens an engine, and goes over to the CPU where the GPU does not serve: at opening, and when a pass fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DetectorError, UsageError
from passerby.values import Digest
from passerby.veil.detect.decoders import DetectorLayout, Outputs
from passerby.veil.detect.engine import InferenceEngine, Size
from passerby.veil.detect.engine_onnx import OnnxRuntimeEngine
from passerby.veil.detect.engine_openvino import OpenVinoEngine
from passerby.veil.detect.precision import open_shipped
from passerby.veil.settings import FindSettings

_log = logging.getLogger("passerby.veil.detect")


def open_engine(
    path: Path, settings: FindSettings, *, threads: int | None = None, shipped: Digest | None = None
) -> InferenceEngine:
    """Load a network.

    Args:
        path: An ONNX file.
        settings: ``provider`` is ``cpu`` or ``cuda``; ``require_gpu`` fails rather than run on the CPU when ``cuda`` is not to be
            had, now or in a later pass; ``floats``.
        threads: Of the CPU, see ``OpenVinoEngine``.
        shipped: Digest of the file where it holds the weights that ship, which may run in 8 bits on the CPU.

    Raises:
        UsageError: the provider is unknown.
        DetectorError: the file does not load, or a GPU is required and none runs it.
    """

    def on_cpu() -> InferenceEngine:
        if shipped is None:
            return OpenVinoEngine(path, threads=threads)
        return open_shipped(path, shipped, floats=settings.floats, threads=threads)

    if settings.provider not in {"cpu", "cuda"}:
        raise UsageError(f"--ep must be cpu or cuda, got {settings.provider}")
    if settings.provider == "cpu":
        if settings.require_gpu:
            raise UsageError("--require-gpu needs --ep cuda, got cpu")
        return on_cpu()
    if settings.require_gpu:
        return OnnxRuntimeEngine(path)
    return FallbackEngine(lambda: OnnxRuntimeEngine(path), on_cpu)


class FallbackEngine:
    """One engine until it fails, then another for good. That it fell back stands in ``runs_on``, and is logged once.

    Args:
        first: Opens the one that is wanted.
        second: Opens the one that stands in for it.

    Raises:
        DetectorError: neither opens.
    """

    def __init__(self, first: Callable[[], InferenceEngine], second: Callable[[], InferenceEngine]) -> None:
        self._second, self._lock = second, threading.Lock()
        self._expected: tuple[Size, ...] = ()
        self._why: str | None = None
        try:
            self._engine = first()
        except DetectorError as error:
            self._why, self._engine = error.message, second()
        # the file is the same: what it gives does not change with the engine
        self.output_names, self.output_shapes = self._engine.output_names, self._engine.output_shapes

    @property
    def runs_on(self) -> str:
        """What runs where, and why not on the GPU."""
        return self._engine.runs_on + (f" (no GPU: {self._why})" if self._why else "")

    @property
    def parallel(self) -> int:
        """See InferenceEngine.parallel."""
        return self._engine.parallel

    def expect(self, sizes: Sequence[Size]) -> None:
        """See InferenceEngine.expect."""
        with self._lock:
            self._expected = tuple(sizes)
        self._engine.expect(sizes)

    def prepare(self, layout: DetectorLayout, size: Size | None) -> None:
        """See InferenceEngine.prepare."""
        self._engine.prepare(layout, size)

    def run(self, rgb: NDArray[np.uint8], layout: DetectorLayout) -> Outputs:
        """See InferenceEngine.run; where the first engine fails, the second one runs the same picture.

        Raises:
            DetectorError: the second one failed, too, or does not open.
        """
        engine = self._engine
        try:
            return engine.run(rgb, layout)
        except DetectorError as error:
            return self._after(engine, error).run(rgb, layout)

    def rest(self) -> None:
        """See InferenceEngine.rest."""
        self._engine.rest()

    def _after(self, failed: InferenceEngine, error: DetectorError) -> InferenceEngine:
        """Return what runs instead of an engine that failed; of several threads that ask, the first one opens it."""
        with self._lock:
            if self._engine is failed:
                if self._why is not None:
                    raise error
                self._engine = self._second()
                self._why = error.message
                self._engine.expect(self._expected)
                _log.warning("the detector goes on with %s: %s", self._engine.runs_on, error.message)
            return self._engine
