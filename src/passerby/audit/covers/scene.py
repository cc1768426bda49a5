"""What is measured of the frames themselves, and of no face: how light they are, and whether they hold two fields."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from passerby.audit.labels import AnnotatedFootage, FootageKind
from passerby.media import ClipReader, FieldGauge, Frame, moments, read_ahead, read_picture, scaled_luma

LIGHT, FIELDS = "light", "interlacing"
LIGHT_LEVELS = ((50.0, "dark"), (90.0, "dim"))
"""Mean luma of a whole frame (0 to 255) below which it is dark, and dim; else it is bright. Chosen."""
_SMALL_PX = (48, 27)


class SceneGauge:
    """Notes light and fields of each frame of one clip, picture or sequence, as the frames come by."""

    def __init__(self) -> None:
        self._fields = FieldGauge()
        self._labels: dict[int, tuple[tuple[str, str], ...]] = {}

    def note(self, frame: Frame) -> None:
        """Take in a frame of a clip."""
        level = float(scaled_luma(frame.picture, *_SMALL_PX).mean())
        self._labels[frame.index] = _labels(level, woven=self._fields.woven(frame.picture))

    def note_picture(self, index: int, rgb: NDArray[np.uint8]) -> None:
        """Take in a picture, shape (H, W, 3)."""
        step = max(1, min(rgb.shape[:2]) // 64)
        level = float((rgb[::step, ::step].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)).mean())
        self._labels[index] = _labels(level, woven=len(moments(rgb)) > 1)

    def labels(self, index: int) -> tuple[tuple[str, str], ...]:
        """Return what was measured of a frame."""
        return self._labels.get(index, ())

    def read(self, footage: AnnotatedFootage) -> None:
        """Take in all frames, where nobody else decodes them.

        Raises:
            MediaError: they cannot be read.
        """
        for frame in frames_of(footage):
            if isinstance(frame, Frame):
                self.note(frame)
            else:
                self.note_picture(*frame)


def frames_of(footage: AnnotatedFootage) -> Iterator[Frame | tuple[int, NDArray[np.uint8]]]:
    """Yield each frame of a clip, or number and pixels of each picture.

    Raises:
        MediaError: they cannot be read.
    """
    if footage.kind is FootageKind.CLIP:
        with ClipReader(footage.path) as clip, closing(read_ahead(clip.frames())) as frames:
            yield from frames
    else:
        for index, path in sorted(footage.paths.items()):
            yield index, read_picture(path).rgb


def rgb_frames(footage: AnnotatedFootage) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield number and pixels, shape (H, W, 3), red first, of each frame.

    Raises:
        MediaError: they cannot be read.
    """
    for frame in frames_of(footage):
        if isinstance(frame, Frame):
            yield frame.index, np.asarray(frame.picture.to_ndarray(format="rgb24"), np.uint8)
        else:
            yield frame


def _labels(level: float, *, woven: bool) -> tuple[tuple[str, str], ...]:
    light = next((name for below, name in LIGHT_LEVELS if level < below), "bright")
    return ((FIELDS, "interlaced" if woven else "progressive"), (LIGHT, light))
