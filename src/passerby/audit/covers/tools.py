"""Where covers come from: Passerby in memory, deface in its own process, or the outputs of any tool, read from their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.audit.covers.deface import ask_deface, deface_python, painted
from passerby.audit.covers.pixels import Mask
from passerby.audit.covers.scene import SceneGauge, rgb_frames
from passerby.audit.labels import AnnotatedFootage, FootageKind
from passerby.veil import Detector, VeilSettings, clip_covers, picture_cover


class CoverTool(Protocol):
    """Something that covers faces."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def about(self) -> str:
        """How its covers are had, in words."""
        ...

    def covers(self, footage: AnnotatedFootage, gauge: SceneGauge) -> Iterator[tuple[int, Mask | None]]:
        """Yield frames in order with what is covered in them; None for one that the output does not show.

        Args:
            footage: What is covered.
            gauge: Told of the frames by a tool that ``notes``.
        """
        ...

    @property
    def notes(self) -> bool:
        """Whether the gauge was told of all frames before the first cover comes."""
        ...


class PasserbyCovers:
    """What ``passerby veil`` covers, computed in memory: watched as for an output, and nothing written.

    Args:
        settings: As given to veiling.
        detector: Open already; None opens one when it is first needed.
    """

    notes = True

    def __init__(self, settings: VeilSettings | None = None, detector: Detector | None = None) -> None:
        self.settings = settings or VeilSettings()
        self._detector = detector
        self.name = "Passerby"

    @property
    def detector(self) -> Detector:
        """The open detector."""
        if self._detector is None:
            self._detector = Detector(self.settings.find)
        return self._detector

    @property
    def about(self) -> str:
        """Detector and device."""
        return f"covers computed in memory, as written by passerby veil; {self.detector.runs_on}"

    def covers(self, footage: AnnotatedFootage, gauge: SceneGauge) -> Iterator[tuple[int, Mask | None]]:
        """Yield frames with what is covered in them."""
        if footage.kind is FootageKind.CLIP:
            yield from clip_covers(
                footage.path, self.detector, self.settings, frames=footage.frames, on_frame=gauge.note
            )
            return
        for index, path in sorted(footage.paths.items()):
            rgb, mask = picture_cover(path, self.detector, self.settings)
            gauge.note_picture(index, rgb)
            yield index, mask


class DefaceCovers:
    """What ``deface`` covers with its defaults, whole boxes although it paints ellipses.

    Args:
        python: The interpreter it is installed in; None finds that of the command ``deface``.

    Raises:
        UsageError: it is not installed.
    """

    notes = False
    name = "deface"
    about = (
        "its own detector with its defaults, run on the decoded frames in its own process; whole boxes count as covered"
    )

    def __init__(self, python: str | None = None) -> None:
        self._python = python or deface_python()

    def covers(self, footage: AnnotatedFootage, gauge: SceneGauge) -> Iterator[tuple[int, Mask | None]]:
        """Yield frames with what is covered in them."""
        del gauge
        wanted = footage.frames
        sizes = {}

        def pictures() -> Iterator[tuple[int, NDArray[np.uint8]]]:
            for index, rgb in rgb_frames(footage):
                if wanted is None or index in wanted:
                    sizes[index] = rgb.shape[:2]
                    yield index, rgb

        for index, boxes in ask_deface(self._python, pictures()):
            height, width = sizes.pop(index)
            yield index, painted(boxes, width, height)
