"""Footage as cameras, recorders and editing rooms write it, made on the fly. Not a test."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
from tests.media_clips import make_clip, scene

FRAMES = 24

# name of the format, suffix, muxer where the suffix does not tell it, codec, pixel format, size, codec of the sound
CONTAINERS = [
    ("MPEG transport stream", ".ts", None, "libx264", "yuv420p", (96, 64), "aac"),
    ("MPEG transport stream", ".mts", "m2ts", "libx264", "yuv420p", (96, 64), "ac3"),
    ("MPEG transport stream", ".ts", None, "mpeg2video", "yuv420p", (96, 64), "mp2"),
    ("MPEG programme stream", ".mpg", None, "mpeg1video", "yuv420p", (96, 64), "mp2"),
    ("MPEG programme stream", ".vob", None, "mpeg2video", "yuv420p", (96, 64), "mp2"),
    ("MPEG video stream", ".m2v", "mpeg2video", "mpeg2video", "yuv420p", (96, 64), None),
    ("MXF", ".mxf", None, "mpeg2video", "yuv422p", (96, 64), None),
    ("Windows Media", ".wmv", "asf", "wmv2", "yuv420p", (96, 64), None),
    ("Flash video", ".flv", None, "libx264", "yuv420p", (96, 64), "aac"),
    ("Ogg", ".ogv", "ogg", "libvpx", "yuv420p", (96, 64), None),
    ("H.264 stream", ".264", "h264", "libx264", "yuv420p", (96, 64), None),
    ("H.264 stream", ".dav", "h264", "libx264", "yuv420p", (96, 64), None),
    ("HEVC stream", ".h265", "hevc", "libx265", "yuv420p", (96, 64), None),
    ("MPEG-4 video stream", ".cmp", "m4v", "mpeg4", "yuv420p", (96, 64), None),
    ("Motion JPEG stream", ".mjpeg", "mjpeg", "mjpeg", "yuvj420p", (96, 64), None),
    ("DV tape", ".dv", None, "dvvideo", "yuv420p", (720, 576), "pcm_s16le"),
    ("RealMedia", ".rm", None, "rv10", "yuv420p", (176, 144), None),
    ("Windows recorded television", ".wtv", None, "wmv1", "yuv420p", (96, 64), None),
    ("IVF", ".ivf", None, "libvpx", "yuv420p", (96, 64), None),
    ("MP4", ".3gp", None, "h263", "yuv420p", (176, 144), None),
    ("MOV", ".mov", None, "prores_ks", "yuv422p10le", (96, 64), "pcm_s16le"),
    ("MOV", ".mov", None, "dnxhd", "yuv422p", (1280, 720), "pcm_s16le"),
]


def make_footage(
    path: Path, muxer: str | None, codec: str, pix_fmt: str, size: tuple[int, int], audio: str | None
) -> Path:
    """Make a clip of 24 numbered frames at 25 a second, and a second of sound where a codec for it is named."""
    options = {"b": "60M"} if codec == "dnxhd" else {"b": "3M", "g": "8"} if codec in _PLAIN else None
    return make_clip(
        path,
        codec=codec,
        size=size,
        frames=FRAMES,
        pix_fmt=pix_fmt,
        options=options,
        audio=audio,
        format_="mpegts" if muxer == "m2ts" else muxer,
        muxer={"mpegts_m2ts_mode": "1"} if muxer == "m2ts" else None,
    )


_PLAIN = {"mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "wmv1", "wmv2", "h263", "libvpx", "rv10"}


def make_dahua(path: Path, *, begins: bytes = b"") -> Path:
    """Write a recording as Dahua's recorders do: each picture in a frame of its own, with the wall clock in seconds.

    Source: what FFmpeg 8's ``libavformat/dhav.c`` reads.
    """
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 96, 64, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "g": "8", "bf": "0"}
    pictures = []
    for index in range(FRAMES):
        frame = scene(index, 96, 64)
        frame.pts, frame.time_base = index, Fraction(1, 25)
        pictures += encoder.encode(frame)
    pictures += encoder.encode(None)
    data = begins
    second_0 = 26 << 26 | 11 << 22 | 29 << 17 | 23 << 12 | 59 << 6 | 30  # 29 November 2026, 23:59:30
    extension = bytes((0x81, 0, 4, 25, 0x82, 0, 0, 0)) + struct.pack("<2H", 96, 64)
    for number, picture in enumerate(pictures):
        kind = 0xFD if picture.is_keyframe else 0xFC
        body = bytes(picture)
        length = 24 + len(extension) + len(body) + 8
        second, fraction_ms = divmod(number * 40, 1000)
        head = struct.pack("<4sBBBBIIIHBB", b"DHAV", kind, 0, 0, 0, number, length, second_0 + second, fraction_ms,
                           len(extension), 0)  # fmt: skip
        data += head + extension + body + struct.pack("<4sI", b"dhav", length)
    path.write_bytes(data)
    return path
