"""Codes pictures as a clip's output would be and decodes them again, in memory: what a viewer of the output gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from passerby.errors import UnsupportedError
from passerby.media.clips import ClipInfo, WriteSettings, create_encoder, plan_encoding

_DECODERS = {"libx264": "h264", "libx265": "hevc"}


@dataclass(frozen=True, slots=True, eq=False)
class CodedPicture:
    """One picture as it comes out of the decoder.

    Attributes:
        picture: Decoded.
        size_bytes: Of its packet.
    """

    picture: av.VideoFrame
    size_bytes: int


def plain_info(width_px: int, height_px: int, rate: Fraction) -> ClipInfo:
    """Return what an H.264 clip of 8 bits and 4:2:0 in MP4 says of itself, for pictures that come from no file."""
    return ClipInfo(
        container="mp4",
        codec="h264",
        width_px=width_px,
        height_px=height_px,
        pix_fmt="yuv420p",
        bit_depth=8,
        time_base=1 / rate,
        rate=rate,
        duration_s=None,
        frames_estimate=None,
    )


def code_in_memory(
    pictures: Iterable[av.VideoFrame], info: ClipInfo, settings: WriteSettings | None = None
) -> Iterator[CodedPicture]:
    """Encode pictures as a veiled MP4 of their clip would hold them, and decode them; nothing is written anywhere.

    Args:
        pictures: In order of showing, all of the clip's size; they are read before the next one is asked for.
        info: Of the clip they are from; what its pixel format asks of the encoder is asked here too.
        settings: As for the output.

    Yields:
        As many pictures, in order of showing, in the output's pixel format.

    Raises:
        UnsupportedError: the encoder refuses the clip.
    """
    wanted = settings or WriteSettings()
    plan = plan_encoding(info, Path("in-memory.mp4"), preset=wanted.preset, crf=wanted.crf)
    encoder = create_encoder(plan, info, {"threads": "1"})
    decoder = av.CodecContext.create(_DECODERS[plan.encoder], "r")
    if not isinstance(decoder, VideoCodecContext):
        raise UnsupportedError(f"{plan.encoder} has no video decoder beside it")
    decoder.extradata = encoder.extradata
    decoder.thread_count = 1
    reformatter = VideoReformatter()
    sizes: dict[int, int] = {}
    tick = max(1, round(1 / (info.rate * plan.time_base)))
    try:
        for index, picture in enumerate(pictures):
            if picture.format.name == plan.pix_fmt:
                coded = picture
            else:
                coded = reformatter.reformat(picture, format=plan.pix_fmt, threads=1)
            coded.pts, coded.time_base, coded.pict_type = index * tick, plan.time_base, 0
            yield from _decoded(decoder, encoder.encode(coded), sizes)
        yield from _decoded(decoder, encoder.encode(None), sizes)
        yield from _decoded(decoder, [None], sizes)
    except av.error.FFmpegError as exc:
        raise UnsupportedError(f"{plan.encoder} refused pictures of {info.width_px}x{info.height_px}") from exc


def _decoded(
    decoder: VideoCodecContext, packets: Iterable[Packet[VideoStream] | None], sizes: dict[int, int]
) -> Iterator[CodedPicture]:
    for packet in packets:
        if packet is not None and packet.pts is not None:
            sizes[packet.pts] = packet.size
        for picture in decoder.decode(packet):
            yield CodedPicture(picture, sizes.pop(picture.pts or 0, 0))
