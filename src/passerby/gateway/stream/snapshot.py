"""Snapshots: the newest key frame of the veiled stream, decoded and written as JPEG. Veiled because its source is."""

from __future__ import annotations

import io

import av
import numpy as np
from PIL import Image

from passerby.errors import ServiceError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.stream.readers import AccessUnit

FRESH_S = 0.5
_QUALITY = 85


def decode_key(data: bytes) -> av.VideoFrame:
    """Decode one key frame.

    Args:
        data: Annex B with parameter sets.

    Raises:
        ServiceError: it does not decode alone.
    """
    decoder = av.CodecContext.create("h264", "r")
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except av.error.FFmpegError as exc:
        raise ServiceError(f"key frame must decode, got {type(exc).__name__}") from exc
    if not frames or not isinstance(frames[0], av.VideoFrame):
        raise ServiceError("key frame must hold a picture, got none")
    return frames[0]


class Snapshots:
    """Makes JPEG pictures of key frames and keeps each camera's last one for half a second.

    Args:
        clock: The machine's clocks.
    """

    def __init__(self, *, clock: Clock = MACHINE) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, int, bytes]] = {}

    def jpeg(self, camera: str, unit: AccessUnit, *, height_px: int = 0) -> bytes:
        """Return a key frame as JPEG; to be called in a thread.

        Args:
            camera: Name, for keeping.
            unit: A key frame.
            height_px: Scale down to this height; 0 keeps the size.

        Raises:
            ServiceError: it does not decode.
        """
        kept = self._kept.get(camera)
        if kept is not None and kept[1] == height_px and self._clock.now_s() - kept[0] < FRESH_S:
            return kept[2]
        rgb = np.asarray(decode_key(unit.data).to_ndarray(format="rgb24"), np.uint8)
        picture = Image.fromarray(rgb)
        if 16 <= height_px < picture.height:
            picture.thumbnail((picture.width, height_px))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=_QUALITY)
        made = out.getvalue()
        self._kept[camera] = (self._clock.now_s(), height_px, made)
        return made

    def forget(self, camera: str) -> None:
        """Drop what is kept of a camera that is no longer served."""
        self._kept.pop(camera, None)
