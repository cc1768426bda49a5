"""The containers and raw streams that clips come in: what FFmpeg calls them, how files of them end, and what is written.

A container is written back where what FFmpeg writes is what players of such files expect. The others become MP4, or MOV
where the usual sound (PCM) needs it: nobody mends a transport stream, a camera's own stream or a format of an editing room
with certainty.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClipFormat:
    """One format.

    Attributes:
        name: As people call it, and as ``sniff_bytes`` names it.
        demuxers: FFmpeg's names of what reads it; ``nut`` where it is read picture by picture (``animations``).
        suffixes: How its files end; the first is usual.
        written: Suffixes that a veiled clip may have; the first where the file's own is none of them.
        clock: The clip's times come off a running clock: they begin anywhere, wrap, and jump where a recording was joined.
        told: FFmpeg takes it for a picture unless it is told.
        states_length: The file says itself how long it is, so that one that was cut off is known.
    """

    name: str
    demuxers: tuple[str, ...]
    suffixes: tuple[str, ...]
    written: tuple[str, ...]
    clock: bool = True
    told: bool = False
    states_length: bool = False


_ISO = ("mov,mp4,m4a,3gp,3g2,mj2",)
_MATROSKA = ("matroska,webm",)

CLIP_FORMATS = (
    ClipFormat(
        "MP4",
        _ISO,
        (".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".lrv"),
        (".mp4", ".m4v", ".mov"),
        clock=False,
        states_length=True,
    ),
    ClipFormat("MOV", _ISO, (".mov", ".qt", ".mp4", ".m4v"), (".mov", ".mp4", ".m4v"), clock=False, states_length=True),
    ClipFormat("Matroska", _MATROSKA, (".mkv",), (".mkv",), clock=False, states_length=True),
    ClipFormat("WebM", _MATROSKA, (".webm", ".mkv"), (".webm", ".mkv"), clock=False, states_length=True),
    ClipFormat("AVI", ("avi",), (".avi", ".divx"), (".avi",), clock=False, states_length=True),
    ClipFormat("MPEG transport stream", ("mpegts",), (".ts", ".mts", ".m2ts", ".m2t", ".trp", ".tod"), (".mp4",)),
    ClipFormat("MPEG programme stream", ("mpeg",), (".mpg", ".mpeg", ".vob", ".mod", ".m2p", ".ps"), (".mp4",)),
    ClipFormat("MPEG video stream", ("mpegvideo",), (".m2v", ".m1v", ".mpv"), (".mp4",)),
    ClipFormat("MXF", ("mxf",), (".mxf",), (".mov",), states_length=True),
    ClipFormat("Windows Media", ("asf",), (".wmv", ".asf"), (".mp4",), states_length=True),
    ClipFormat("Flash video", ("flv", "live_flv"), (".flv",), (".mp4",), states_length=True),
    ClipFormat("Ogg", ("ogg",), (".ogv", ".ogm"), (".mp4",), states_length=True),
    ClipFormat("H.264 stream", ("h264",), (".264", ".h264", ".avc", ".dav"), (".mp4",)),
    ClipFormat("HEVC stream", ("hevc",), (".265", ".h265", ".hevc", ".dav"), (".mp4",)),
    ClipFormat("MPEG-4 video stream", ("m4v",), (".m4v", ".cmp", ".dav"), (".mp4",)),
    ClipFormat("Motion JPEG stream", ("mjpeg",), (".mjpg", ".mjpeg"), (".mp4",), clock=False, told=True),
    ClipFormat("Dahua recording", ("dhav",), (".dav",), (".mp4",)),
    ClipFormat("Hikvision recording", ("mpeg",), (".hik", ".mp4"), (".mp4",), told=True),
    ClipFormat("DV tape", ("dv",), (".dv", ".dif"), (".mov",), clock=False),
    ClipFormat("RealMedia", ("rm",), (".rm", ".rmvb"), (".mp4",)),
    ClipFormat("Windows recorded television", ("wtv",), (".wtv",), (".mp4",)),
    ClipFormat("IVF", ("ivf",), (".ivf",), (".webm",), clock=False),
    ClipFormat("animated GIF", ("gif",), (".gif",), (".mp4",), clock=False, told=True),
    ClipFormat("animated WebP", ("nut",), (".webp",), (".mp4",), clock=False),
    ClipFormat("animated AVIF", ("nut",), (".avif", ".avifs"), (".mp4",), clock=False),
    ClipFormat("animated PNG", ("apng",), (".apng", ".png"), (".mp4",), clock=False, told=True),
)

FORMAT_OF_NAME = {one.name: one for one in CLIP_FORMATS}
FORMAT_OF_DEMUXER = {demuxer: one for one in reversed(CLIP_FORMATS) for demuxer in one.demuxers}
CLIP_SUFFIXES = frozenset(suffix for one in CLIP_FORMATS for suffix in one.suffixes)
