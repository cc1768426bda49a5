"""Small clips made on the fly, and what other programs say of a clip. Not a test."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from tests.needs import program as program

from passerby.media import ClipReader, DecodeRecord, WriteReport, WriteSettings, frame_planes, transcode


def scene(index: int, width_px: int, height_px: int, pix_fmt: str = "yuv420p") -> av.VideoFrame:
    """Draw frame ``index``: a still slope with a block whose brightness counts the frames."""
    x = np.linspace(40, 200, width_px)[None, :]
    y = np.linspace(0, 40, height_px)[:, None]
    rgb = np.stack([x + y, 240 - x + 0 * y, 120 + 2 * y + 0 * x], 2).clip(0, 255).astype(np.uint8)
    block = slice(0, max(1, height_px // 2)), slice(0, max(1, width_px // 2))
    rgb[block] = 40 + 6 * (index % 32)
    return av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pix_fmt)


def number_in(picture: av.VideoFrame) -> int:
    """Read back which frame of ``scene`` a picture is."""
    rgb = picture.to_ndarray(format="rgb24")
    block = rgb[2 : max(3, picture.height // 2 - 4), 2 : max(3, picture.width // 2 - 4)]
    return round((float(block.mean()) - 40) / 6)


def make_clip(
    path: Path,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (96, 64),
    frames: int = 24,
    rate: Fraction = Fraction(25),
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    audio: str | None = None,
    audio_s: float = 1.0,
    prepare: Callable[[OutputContainer, av.VideoStream], None] | None = None,
    muxer: dict[str, str] | None = None,
    format_: str | None = None,
    draw: Callable[[int, int, int, str], av.VideoFrame] = scene,
) -> Path:
    """Encode ``frames`` frames of a drawing."""
    os.environ.setdefault("SVT_LOG", "1")
    quick = {
        "libx264": {"preset": "ultrafast", "g": "8", "bf": "2"},
        "libsvtav1": {"preset": "10"},
        "mpeg4": {"b": "3M"},
    }
    with av.open(str(path), "w", format=format_, options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=(options or quick.get(codec, {})))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = time_base or 1 / rate
        if codec == "libx265":
            stream.codec_context.options = {"preset": "ultrafast", "x265-params": "log-level=none"} | (options or {})
        if prepare is not None:
            prepare(container, stream)
        sound = container.add_stream(audio, rate=48000) if audio else None
        for index in range(frames):
            frame = draw(index, *size, pix_fmt)
            frame.pts = pts[index] if pts is not None else index
            frame.time_base = time_base or 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if isinstance(sound, av.AudioStream):
            _write_tone(container, sound, audio_s)
    return path


def _write_tone(container: OutputContainer, sound: av.AudioStream, seconds: float) -> None:
    rate, at = 48000, 0
    while at < seconds * rate:
        time = (np.arange(1024) + at) / rate
        tone = (0.2 * np.sin(2 * math.pi * 440 * time)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
        frame.rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        container.mux(sound.encode(frame))
        at += 1024
    container.mux(sound.encode(None))


def read_all(path: Path) -> DecodeRecord:
    """Read a clip to its end."""
    with ClipReader(path) as clip:
        for _ in clip.frames():
            pass
        return clip.record


def decoded(path: Path) -> list[tuple[float, bytes]]:
    """Return time and pixels of each frame."""
    with ClipReader(path) as clip:
        return [(frame.time_s, b"".join(p.tobytes() for p in frame_planes(frame.picture))) for frame in clip.frames()]


def paint(index: int, picture: av.VideoFrame) -> None:
    """Paint the lower right corner white."""
    del index
    luma = frame_planes(picture)[0]
    luma[-16:, -16:] = 235 if luma.dtype == np.uint8 else 940


def write(source: Path, target: Path, *edits: int, recorded: bool = True, **settings: Any) -> WriteReport:  # noqa: ANN401 - WriteSettings of every type
    """Transcode with some frames painted; ``recorded`` by a pass over the input before, as veiling does."""

    def needs_edit(start: int, stop: int) -> bool:
        return any(start <= index < stop for index in edits)

    record = read_all(source) if recorded else None
    return transcode(
        source, target, edit=paint, needs_edit=needs_edit, settings=WriteSettings(**settings), record=record
    )  # fmt: skip


def ffprobe(path: Path, *arguments: str) -> dict[str, Any]:
    """Return what ffprobe says, as JSON."""
    command = [program("ffprobe"), "-v", "error", "-of", "json", *arguments, str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def video_of(path: Path) -> dict[str, Any]:
    """Return what ffprobe says of the one video track."""
    streams = ffprobe(path, "-show_streams", "-select_streams", "v")["streams"]
    assert len(streams) == 1
    found: dict[str, Any] = streams[0]
    return found


def times_of(path: Path, kind: str = "v") -> list[float]:
    """Return the times of showing that ffprobe reads, in order."""
    frames = ffprobe(path, "-select_streams", kind, "-show_entries", "packet=pts_time")["packets"]
    return sorted(float(frame["pts_time"]) for frame in frames if "pts_time" in frame)


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg."""
    command = [program("ffmpeg"), "-v", "error", "-y", *map(str, arguments)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def complaints(path: Path) -> str:
    """Return what ffmpeg complains of when it decodes a clip."""
    command = [program("ffmpeg"), "-v", "warning", "-i", str(path), "-map", "0:v", "-f", "null", "-"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stderr
