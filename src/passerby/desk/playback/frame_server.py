"""Frames of a clip, or pages of a still picture, in any order, as JPEG bytes in memory; nothing is written anywhere."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Generator
from pathlib import Path
from typing import Protocol, cast

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.errors import UnreadableError, UsageError
from passerby.media import ClipSeeker, ContentKind, Frame, read_picture, scaled_rgb, sniff_file

CACHE_BYTES = 96 << 20
"""Decoded frames that are held: 30 of 1080p. Two servers a file, input and output, stay within 700 MB with all else."""
_QUALITY = 88
"""Of JPEG. Source: a choice; 300 kB for 1080p, and no visible blocks beside the clip's own."""

_BESIDE = 128
"""Grey beside a page that is smaller than another."""


class FrameServer(Protocol):
    """Gives frames of one file by index.

    Attributes:
        width_px: Of the coded picture, before any turn.
        height_px: Of the coded picture, before any turn.
        rotation_deg: Counter-clockwise turn that a player applies.
        times_s: When each frame is shown, in seconds.
    """

    width_px: int
    height_px: int
    rotation_deg: int
    times_s: list[float]

    def jpeg(self, index: int, width_px: int | None = None) -> bytes:
        """Return a frame as JPEG, scaled down to a width where one is given.

        Raises:
            UsageError: There is no such frame.
            UnreadableError: It does not decode.
        """
        ...

    def frame_at(self, index: int) -> av.VideoFrame:
        """Return a decoded frame, of the coded size. It is shared: whoever changes it makes it writable first.

        Raises:
            IndexError: There is no such frame.
            UnreadableError: It does not decode.
        """
        ...

    def close(self) -> None:
        """Let go of the file and of all frames."""
        ...


def open_frames(path: Path, *, frames: int | None = None, cache_bytes: int = CACHE_BYTES) -> FrameServer:
    """Open a clip or a still picture.

    Args:
        path: The file.
        frames: How many frames veiling saw, where known: the clip then opens without being decoded once before.
        cache_bytes: Decoded frames that may be held.

    Raises:
        UnreadableError: It does not read.
        UnsupportedError: It is no clip or picture that can be veiled.
    """
    content = sniff_file(path)
    if content.kind is ContentKind.PICTURE and not content.name.startswith("animated"):
        return StillServer(path)
    return ClipServer(path, frames=frames, cache_bytes=cache_bytes)


class ClipServer:
    """Frames of a clip. Safe from several threads; decodes in one at a time.

    Args:
        path: The clip.
        frames: How many frames veiling saw, where known.
        cache_bytes: Decoded frames that may be held.
    """

    def __init__(self, path: Path, *, frames: int | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        self._seeker = ClipSeeker(path, frames=frames)
        info = self._seeker.info
        self.width_px, self.height_px, self.rotation_deg = info.width_px, info.height_px, info.rotation_deg
        self.times_s = self._seeker.times_s
        self._lock = threading.Lock()
        self._held: OrderedDict[int, av.VideoFrame] = OrderedDict()
        self._held_bytes, self._most_bytes = 0, cache_bytes
        self._run: Generator[Frame] | None = None
        self._next = 0

    def jpeg(self, index: int, width_px: int | None = None) -> bytes:
        """Return a frame as JPEG."""
        picture = self._picture(index)
        width = min(width_px or picture.width, picture.width)
        height = max(1, round(picture.height * width / picture.width))
        return _jpeg_of(scaled_rgb(picture, width, height))

    def frame_at(self, index: int) -> av.VideoFrame:
        """Return a decoded frame."""
        if not 0 <= index < len(self.times_s):
            raise IndexError(index)
        return self._picture(index)

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._end_run()
            self._held.clear()
            self._held_bytes = 0

    def _picture(self, index: int) -> av.VideoFrame:
        with self._lock:
            if index in self._held:
                self._held.move_to_end(index)
                return self._held[index]
            return self._decode(index)

    def _decode(self, index: int) -> av.VideoFrame:
        if self._run is None or not self._seeker.nearest_start(index) <= self._next <= index:
            self._end_run()
            self._run = cast("Generator[Frame]", self._seeker.run(index))
        for frame in self._run:
            self._hold(frame)
            self._next = frame.index + 1
            if frame.index == index:
                return frame.picture
        self._end_run()
        raise UnreadableError(f"frame {index} does not decode", hint="was the file changed meanwhile?")

    def _end_run(self) -> None:
        if self._run is not None:
            self._run.close()
        self._run, self._next = None, 0

    def _hold(self, frame: Frame) -> None:
        if (before := self._held.pop(frame.index, None)) is not None:
            self._held_bytes -= _size_of(before)
        self._held[frame.index] = frame.picture
        self._held_bytes += _size_of(frame.picture)
        while self._held_bytes > self._most_bytes and len(self._held) > 1:
            _, left = self._held.popitem(last=False)
            self._held_bytes -= _size_of(left)


class StillServer:
    """The pages of a still picture, as they are shown: each a frame, a second long.

    Pages that differ in size stand in the upper left corner of one that has room for all, so that a box is at its own pixels.

    Args:
        path: The picture.
    """

    def __init__(self, path: Path) -> None:
        self._pages = [page.rgb for page in read_picture(path).pages]
        self.height_px, self.width_px = (max(page.shape[side] for page in self._pages) for side in (0, 1))
        self.rotation_deg = 0
        self.times_s = [float(number) for number in range(len(self._pages))]

    def jpeg(self, index: int, width_px: int | None = None) -> bytes:
        """Return a page as JPEG."""
        if not 0 <= index < len(self._pages):
            last = len(self._pages) - 1
            raise UsageError(f"frame must be {f'0 to {last}' if last else 0}, got {index}")
        width = min(width_px or self.width_px, self.width_px)
        height = max(1, round(self.height_px * width / self.width_px))
        return _jpeg_of(np.asarray(Image.fromarray(self._page(index)).resize((width, height))))

    def frame_at(self, index: int) -> av.VideoFrame:
        """Return a page as a frame."""
        if not 0 <= index < len(self._pages):
            raise IndexError(index)
        return av.VideoFrame.from_ndarray(self._page(index), "rgb24")

    def close(self) -> None:
        """Let go of the picture."""
        self._pages = []

    def _page(self, index: int) -> NDArray[np.uint8]:
        page = self._pages[index]
        if page.shape[:2] == (self.height_px, self.width_px):
            return page
        whole = np.full((self.height_px, self.width_px, 3), _BESIDE, np.uint8)
        whole[: page.shape[0], : page.shape[1]] = page
        return whole


def _jpeg_of(rgb: NDArray[np.uint8]) -> bytes:
    made = io.BytesIO()
    Image.fromarray(rgb).save(made, "JPEG", quality=_QUALITY)
    return made.getvalue()


def _size_of(picture: av.VideoFrame) -> int:
    return sum(plane.buffer_size for plane in picture.planes)
