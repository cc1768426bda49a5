"""A frame right before it is covered, told to who keeps faces locked, and a frame of a stream afterwards.

Covering never depends on who is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from passerby.values import EMPTY_BOXES, Boxes

HIDDEN = 0
"""Number of no track."""


@dataclass(frozen=True, slots=True, eq=False)
class UncoveredFaces:
    """A bare frame that is about to be covered, though not whole, and the faces in it.

    Attributes:
        picture: Bare, and only while the call lasts: it is painted in place right after it.
        captured_ns: When it was captured; of a file, when it is shown. Nanoseconds.
        xyxy: Boxes of faces that will be covered, shape (N, 4), float32, pixels, without margin.
        tracks: Number of the track of each, shape (N,); ``HIDDEN`` for a place around a face that may hide another, -1 where
            nobody knows.
        stretches: Number of the stretch of its track in which surely one person is followed, shape (N,), int; -1 where it may
            be two. Numbers rise for ever.
    """

    picture: av.VideoFrame
    captured_ns: int
    xyxy: Boxes
    tracks: tuple[int, ...]
    stretches: NDArray[np.intp]


BeforeCover = Callable[[UncoveredFaces], None]
"""Called for every frame that is not covered whole and has faces, right before it is painted. It must return quickly."""


class CoverHook:
    """Calls who wants to be told before a frame is covered, and never again once that failed.

    Args:
        told: Is called.

    Attributes:
        failures: 1 once it failed.
    """

    def __init__(self, told: BeforeCover) -> None:
        self._told, self.failures = told, 0

    def call(self, faces: UncoveredFaces) -> None:
        """Tell of one frame."""
        if self.failures or not len(faces.xyxy):
            return
        try:
            self._told(faces)
        except Exception:  # noqa: BLE001  # a frame must be covered whatever is wrong there
            self.failures += 1


class WholeReason(StrEnum):
    """Why a frame of a stream leaves covered whole; the values are the words for people."""

    CORRUPT = "corrupt"
    """The decoder had to guess."""
    LATE = "not judged in time"
    UNSURE = "passes do not agree yet"
    """Tracking has begun anew, and the detector has not found the same faces twice in a row since."""
    WEIGHTS = "weights changed"
    """The weights file is not the one that was opened; ``VeiledFrame.detail`` says how."""
    ASKED = "asked for"
    """By ``LiveVeil.cover``; ``VeiledFrame.detail`` holds what was said there."""


R_co = TypeVar("R_co", bound=StrEnum, covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class VeiledFrame(Generic[R_co]):
    """A frame that may be shown.

    Attributes:
        picture: Covered, in place.
        captured_ns: When the bare frame was captured: its ``time_ns``.
        reason: Why it is covered whole, in the words of who covered it; None where it is not.
        faces: Boxes covered in it, shape (N, 4), float32, pixels, without margin.
        tracks: Number of the track of each box, shape (N,); they rise for ever, and mean nothing outside this stream.
        detail: A sentence on the reason, or empty.
    """

    picture: av.VideoFrame
    captured_ns: int
    reason: R_co | None = None
    faces: Boxes = field(default_factory=lambda: EMPTY_BOXES)
    tracks: tuple[int, ...] = ()
    detail: str = ""
