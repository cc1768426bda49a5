"""One small H.264 stream of one face: centred on a canvas that stays the same for a piece."""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from passerby.errors import OutputError
from passerby.media import frame_planes
from passerby_seal.patches.cutting import Patch
from passerby_seal.patches.records import Placement, head_bytes, picture_bytes

QUANTISER = 29
"""x264's, the same for every picture: what it takes away stays the same whatever is filmed. Source: docs/measures.md."""
ROOM = 1.25
"""The canvas is so many times as wide and high as the first face on it. Chosen, not measured."""
BLOCK = 16
"""Sides of a canvas are multiples of this, pixels: H.264's macroblock."""
SHRUNK = 0.5
"""A face smaller than this share of the canvas in both directions gets a new one. Chosen, not measured."""
OPTIONS = {
    "preset": "veryfast",
    "bf": "2",
    "qp": str(QUANTISER),
    "x264-params": "rc-lookahead=0:sync-lookahead=0:keyint=infinite:scenecut=0:b-adapt=0:threads=1:ipratio=1.1:pbratio=1.1",
}
"""Nothing is gained by a look-ahead at one quantiser, and nobody seeks within a piece."""


class PatchEncoder:
    """Encodes the patches of one stretch, in the order of their times. What fails is an ``OutputError``.

    Args:
        first: The first of them: it decides the canvas.

    Attributes:
        width: Of the canvas, pixels.
        height: Of the canvas, pixels.
        frames: Taken so far.

    Raises:
        OutputError: the encoder does not open.
    """

    def __init__(self, first: Patch) -> None:
        x0, y0, x1, y1 = first.box
        self.width, self.height = (-(-round(side * ROOM) // BLOCK) * BLOCK for side in (x1 - x0, y1 - y0))
        self._begin_ns, self.frames = first.captured_ns, 0
        self._shown: dict[int, Placement] = {}
        self._before, self._headed = Placement(), False
        try:
            codec = VideoCodecContext.create("libx264", "w")
            codec.width, codec.height, codec.pix_fmt = self.width, self.height, "yuv420p"
            codec.time_base, codec.thread_count, codec.options = Fraction(1, 1000), 1, OPTIONS
            codec.flags |= av.codec.context.Flags.global_header
            codec.open()
        except (av.error.FFmpegError, ValueError) as exc:
            raise OutputError(f"encoder for a face must open, got: {exc}") from exc
        self._codec = codec

    def fits(self, patch: Patch) -> bool:
        """Whether a patch goes onto this canvas: not larger, and not so small that most of it would be empty."""
        x0, y0, x1, y1 = patch.box
        shares = ((x1 - x0) / self.width, (y1 - y0) / self.height)
        return max(shares) <= 1 and max(shares) > SHRUNK / ROOM

    def add(self, patch: Patch) -> bytes:
        """Take a patch, and return what can be written of the stream so far."""
        x0, y0, x1, y1 = patch.box
        ms = (patch.captured_ns - self._begin_ns) // 1_000_000
        self._shown[self.frames] = Placement(self.frames, ms, x0 // 2, y0 // 2, (x1 - x0) // 2, (y1 - y0) // 2)
        canvas = _canvas(patch, self.width, self.height)
        canvas.pts = self.frames
        self.frames += 1
        return self._written(canvas)

    def finish(self) -> bytes:
        """Return the rest of the stream: nothing follows."""
        return self._written(None)

    def _written(self, canvas: av.VideoFrame | None) -> bytes:
        try:
            packets = self._codec.encode(canvas)
        except (av.error.FFmpegError, ValueError) as exc:
            raise OutputError(f"encoder for a face must take a picture, got: {exc}") from exc
        written = []
        if not self._headed:
            self._headed = True
            written.append(head_bytes(bytes(self._codec.extradata or b"")))
        for packet in packets:
            shown = self._shown.pop(packet.pts or 0)
            written.append(picture_bytes(shown, self._before, bytes(packet)))
            self._before = shown
        return b"".join(written)


def off_centre(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """Return left and top edge, even, at which a box lies on its canvas; all pixels.

    >>> off_centre(64, 64, 30, 40)
    (16, 12)
    """
    return (width - box_width) // 4 * 2, (height - box_height) // 4 * 2


def _canvas(patch: Patch, width: int, height: int) -> av.VideoFrame:
    """Return a frame with the patch in its middle; its edges go on to those of the frame, which costs least."""
    frame = av.VideoFrame(width, height, "yuv420p")
    high, wide = patch.planes[0].shape
    left, top = off_centre(width, height, wide, high)
    for plane, cut, part in zip(frame_planes(frame), patch.planes, (1, 2, 2), strict=True):
        high, wide = cut.shape
        x, y = left // part, top // part
        plane[y : y + high, x : x + wide] = cut
        plane[y : y + high, :x] = cut[:, :1]
        plane[y : y + high, x + wide :] = cut[:, -1:]
        plane[:y] = plane[y]
        plane[y + high :] = plane[y + high - 1]
    return frame
