"""The one encode of a camera: H.264, no B-frames, no look-ahead of its own, parameter sets before every key frame.

The same settings encode the slates, so that a reader's decoder goes from one to the other without noticing.
"""

from __future__ import annotations

from fractions import Fraction

import av
from av.video.frame import PictureType

from passerby.errors import ServiceError
from passerby.gateway.config import EncodeConfig
from passerby.gateway.values import TICKS_PER_S
from passerby.media import NalType, nal_type, nal_units

NOMINAL_FPS = 15.0
"""What every encoder of a camera and of its slates is told, whatever comes: it stands in the parameter sets, and where these
differ a recording or a clip ends."""


def ticks_of(stamp_ns: int) -> int:
    """Return stream time in 1/90000 s of a monotonic stamp in ns.

    >>> ticks_of(1_000_000_000)
    90000
    """
    return stamp_ns * TICKS_PER_S // 1_000_000_000


class LiveEncoder:
    """Encodes pictures of one size, one access unit for each picture, at once.

    Args:
        width: Pixels, even.
        height: Pixels, even.
        fps: For the rate control; pictures may come unevenly.
        settings: Preset, quality, cap, key frame distance.
    """

    def __init__(self, width: int, height: int, fps: float, settings: EncodeConfig) -> None:
        if width % 2 or height % 2 or min(width, height) < 16:
            raise ServiceError(f"picture to encode must be even and at least 16x16, got {width}x{height}")
        self.width, self.height = width, height
        self._gop_ticks = round(settings.gop_s * TICKS_PER_S)
        self._last_key: int | None = None
        self._last_ticks = -1
        self._force = True
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, TICKS_PER_S)
        context.framerate = Fraction(max(fps, 1.0)).limit_denominator(1000)
        context.thread_count = settings.threads
        context.max_b_frames = 0
        # keyint is a guard only: key frames are forced by time, because pictures may come unevenly
        keyint = max(2, round(fps * settings.gop_s * 4))
        context.gop_size = keyint
        kbps = settings.max_kbps
        context.options = {
            "preset": settings.preset,
            "tune": "zerolatency",
            "crf": str(settings.crf),
            "maxrate": f"{kbps}k",
            "bufsize": f"{kbps}k",
            "forced-idr": "1",
            "x264-params": f"repeat-headers=1:annexb=1:scenecut=0:sliced-threads=0:aud=0:keyint={keyint}",
        }
        context.open()
        self._context = context

    def want_key(self) -> None:
        """Make the next picture a key frame."""
        self._force = True

    def encode(self, frame: av.VideoFrame, ticks: int) -> list[tuple[bytes, bool, int]]:
        """Encode one picture.

        Args:
            frame: yuv420p of the encoder's size; its time stamp and picture type are set here.
            ticks: Stream time in 1/90000 s; moved forward where it does not grow.

        Returns:
            Access units in Annex B form, whether each is a key frame, and its stream time; one in practice.
        """
        ticks = max(ticks, self._last_ticks + 1)
        self._last_ticks = ticks
        key = self._force or self._last_key is None or ticks - self._last_key >= self._gop_ticks
        frame.pts, frame.time_base = ticks, Fraction(1, TICKS_PER_S)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        if key:
            self._force, self._last_key = False, ticks
        return [(_plain(bytes(p)), p.is_keyframe, int(p.pts or ticks)) for p in self._context.encode(frame)]


def _plain(data: bytes) -> bytes:
    """Return an access unit without supplemental information: x264 writes its settings there, which is nobody's business."""
    if b"\x00\x00\x01\x06" not in data:
        return data
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nal_units(data) if nal_type(nal) != NalType.SEI)
