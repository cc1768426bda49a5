"""Pictures that move and that FFmpeg does not read, WebP and AVIF: read picture by picture into a clip in memory, times kept.

Nothing touches a disk. What is transparent is laid over white, as in still pictures; a loop is played once.

Source: WebP RFC 9649, 2.7; AVIF 1.2, 3. Times of 0 ms are shown for 100 ms, as browsers show them.
"""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import OutputContainer
from PIL import AvifImagePlugin, Image, WebPImagePlugin

from passerby.errors import UnreadableError, UnsupportedError

READERS = {"animated WebP": WebPImagePlugin.WebPImageFile, "animated AVIF": AvifImagePlugin.AvifImageFile}
MAX_PIXELS = 36_000_000
"""Of one picture: 8K. Source: a choice."""
MAX_FILE_BYTES = 500_000_000
MAX_CLIP_BYTES = 1_000_000_000
"""Of all pictures without loss, in memory: some 500 of 1080p. Source: a choice."""
_NO_TIME_MS = 100
_MALFORMED = (OSError, SyntaxError, ValueError, TypeError, EOFError, RuntimeError, struct.error, LookupError)


def open_animation(path: Path, name: str) -> io.BytesIO:
    """Return a moving picture as a clip without loss, in a container that FFmpeg reads.

    Args:
        path: The file.
        name: Which of ``READERS`` reads it.

    Raises:
        UnreadableError: it cannot be read, is cut off or broken.
        UnsupportedError: it is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise UnreadableError(f"cannot read {path}: {exc.strerror or exc}") from exc
    if len(data) > MAX_FILE_BYTES:
        raise UnsupportedError(f"{name} must have at most {MAX_FILE_BYTES // 1_000_000} MB: {path}")
    try:
        return io.BytesIO(_as_clip(data, name))
    except UnsupportedError as exc:
        raise UnsupportedError(f"{exc.message}: {path}", hint="cut it into parts with another program first") from exc
    except _MALFORMED as exc:
        raise UnreadableError(f"{name} is cut off or broken: {path} ({exc})") from exc


@lru_cache(maxsize=1)
def _as_clip(data: bytes, name: str) -> bytes:
    """Return the clip of a file; the last one is kept, for a clip is opened several times on its way."""
    buffer = io.BytesIO()
    with READERS[name](io.BytesIO(data)) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise UnsupportedError(f"{name} must have at most {MAX_PIXELS // 1_000_000} million pixels a picture")
        with av.open(buffer, "w", format="nut") as container:
            _write_all(image, container, buffer)
    return buffer.getvalue()


def _write_all(image: Image.Image, container: OutputContainer, buffer: io.BytesIO) -> None:
    stream = container.add_stream("png", rate=Fraction(25), options={"compression_level": "1"})
    stream.width, stream.height = image.size
    stream.pix_fmt = "rgb24"
    tick = Fraction(1, 1000)
    stream.time_base = stream.codec_context.time_base = tick
    time_ms = 0
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        duration_ms = int(image.info.get("duration") or 0) or _NO_TIME_MS
        frame = av.VideoFrame.from_ndarray(_opaque(image), format="rgb24")
        frame.pts, frame.time_base = time_ms, tick
        for packet in stream.encode(frame):
            packet.duration = duration_ms
            container.mux(packet)
        if buffer.tell() > MAX_CLIP_BYTES:
            raise UnsupportedError(f"pictures must take at most {MAX_CLIP_BYTES // 1_000_000} MB in all, without loss")
        time_ms += duration_ms
    container.mux(stream.encode(None))


def _opaque(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    if image.mode not in {"RGBA", "LA", "PA"}:
        return np.asarray(image.convert("RGB"))
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return np.asarray(white.convert("RGB"))
