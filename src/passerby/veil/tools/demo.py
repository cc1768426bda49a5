"""Veils the demo clip and measures what is left uncovered, from the pixels of the output and the known places of the faces."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np

from passerby.errors import OutputError
from passerby.veil.run import VeiledFile, veil_file
from passerby.veil.settings import CoverStyle, VeilSettings
from passerby.veil.tools.demo_clip import Truth, demo_clip

COVERED_SHARE = 0.9
"""A face counts as exposed when less than this share of its box is covered, as in the benchmark (bench/README.md)."""
FILL_DISTANCE = 12
"""Most by which a channel of a covered pixel differs from the fill after encoding, 0 to 255. Source: docs/measures.md:
within 9 at the usual quality."""
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the output shows of one copy of the face.

    Attributes:
        low_px: Width of the face at its smallest.
        high_px: Width of the face at its largest.
        frames: Frames in which it is in the picture.
        exposed: Of these, frames in which less than 90 % of its box is covered.
    """

    low_px: float
    high_px: float
    frames: int
    exposed: int


@dataclass(frozen=True, slots=True, eq=False)
class DemoResult:
    """The demo's result.

    Attributes:
        veiled: What veiling did.
        exposures: For each copy of the face.
        in_memory: The bare clip was in memory only; otherwise in a temporary file that is removed.
    """

    veiled: VeiledFile
    exposures: tuple[Exposure, ...]
    in_memory: bool


def run_demo(target: Path, settings: VeilSettings, *, seconds: float, progress: Progress | None = None) -> DemoResult:
    """Make the clip, veil it, and measure. The bare clip exists in memory only, or in a temporary file that is removed.

    Args:
        target: The veiled clip.
        settings: How; the style must be ``solid``, whose cover can be read from the pixels.
        seconds: Length of the clip.
        progress: Told as it goes.

    Raises:
        OutputError: there is no room for the bare clip, or the output cannot be written.
        MediaError: the portrait is missing.
    """
    settings = replace(settings, cover=replace(settings.cover, style=CoverStyle.SOLID))
    with _bare_place() as (source, in_memory):
        truths = demo_clip(source, seconds)
        veiled = veil_file(source, target, settings, progress=progress)
    return DemoResult(veiled, exposures_in(target, truths, settings.cover.fill), in_memory)


@contextmanager
def _bare_place() -> Iterator[tuple[Path, bool]]:
    """A file in memory where the system has such (Linux), else a temporary one that is removed."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        handle = os.memfd_create("demo.mp4")
        try:
            yield Path(f"/proc/self/fd/{handle}"), True
        finally:
            os.close(handle)
        return
    try:
        with tempfile.TemporaryDirectory(prefix="passerby-demo-") as folder:
            yield Path(folder) / "demo.mp4", False
    except OSError as error:
        raise OutputError(f"the demo clip needs a temporary file, got: {error.strerror or error}") from error


def exposures_in(veiled: Path, truths: list[Truth], fill: tuple[int, int, int]) -> tuple[Exposure, ...]:
    """Compare a veiled clip's pixels with the known places of its faces.

    Args:
        veiled: The output.
        truths: For each frame.
        fill: The colour that covers.
    """
    sizes: dict[int, list[float]] = {}
    exposed: dict[int, int] = {}
    with av.open(str(veiled)) as container:
        for truth, frame in zip(truths, container.decode(video=0), strict=True):
            pixels = frame.to_ndarray(format="rgb24").astype(np.int16)
            is_fill = np.abs(pixels - np.array(fill, np.int16)).max(axis=2) <= FILL_DISTANCE
            for person, box in zip(truth.person.tolist(), truth.xyxy, strict=True):
                x0, y0 = np.floor(box[:2]).astype(int)
                x1, y1 = np.ceil(box[2:]).astype(int)
                bare = is_fill[y0:y1, x0:x1].mean() < COVERED_SHARE
                sizes.setdefault(person, []).append(float(box[2] - box[0]))
                exposed[person] = exposed.get(person, 0) + int(bare)
    return tuple(Exposure(min(sizes[p]), max(sizes[p]), len(sizes[p]), exposed[p]) for p in sorted(sizes))
