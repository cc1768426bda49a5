"""What runs a network: one protocol for OpenVINO on the CPU and ONNX Runtime on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.veil.detect.decoders import DetectorLayout, Outputs

Size = tuple[int, int]
"""Width and height of a picture, pixels."""


class InferenceEngine(Protocol):
    """A loaded network. Safe to use from as many threads as it runs passes side by side."""

    @property
    def runs_on(self) -> str:
        """What runs where, with its precision, in words."""
        ...

    @property
    def parallel(self) -> int:
        """How many passes it runs side by side."""
        ...

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, in the file's order."""
        ...

    @property
    def output_shapes(self) -> list[tuple[int | None, ...]]:
        """Their shapes as the file states them, None where a dimension is free."""
        ...

    def expect(self, sizes: Sequence[Size]) -> None:
        """Say which pictures will come, instead of those that were expected before; others may come, too."""
        ...

    def prepare(self, layout: DetectorLayout, size: Size | None) -> None:
        """Do beforehand what the first run at an expected size would do; None stands for sizes that are not expected."""
        ...

    def run(self, rgb: NDArray[np.uint8], layout: DetectorLayout) -> Outputs:
        """Return the raw outputs by name for one picture, shape (H, W, 3), uint8, red first."""
        ...

    def rest(self) -> None:
        """Give back the memory of past runs; none may be under way."""
        ...
