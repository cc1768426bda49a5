"""What a clip is: its one video track, its times, colours and turn, and what lies beside the picture.

Only the formats of ``clip_formats`` are opened, so that a playlist or a text file cannot make the reader fetch other
files. Attached pictures (cover art) are not video. Frames that an edit list hides are never decoded out, so they are
neither shown nor written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import IO

import av
import av.container
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.stream import VideoStream

from passerby.errors import PasserbyError, UnreadableError, UnsupportedError
from passerby.media.animations import READERS, open_animation
from passerby.media.clip_formats import FORMAT_OF_DEMUXER, FORMAT_OF_NAME
from passerby.media.content import sniff_file
from passerby.media.spheres import Sphere, sphere_of_side_data
from passerby.objects import StoredPath

_WHITELIST = ",".join(FORMAT_OF_DEMUXER)
_PICTURE_BRANDS = frozenset({"heic", "heix", "heim", "heis", "mif1", "msf1", "avif", "avis", "MiHB", "MiHE"})
_PROBE_PACKETS = 600
_TIMED_PACKETS = 250
"""Packets by which a clip's times are judged: ten seconds at 25 frames a second. Where packets say when frames are shown, the
first B-frame ends the looking."""
_TICKS = 100
"""An average rate so many times the rate of the stream itself is none of frames. Source: a choice."""
_RIDES_ALONG = (
    (SideDataType.SEI_UNREGISTERED, "user data in the stream"),
    (SideDataType.A53_CC, "captions in the stream"),
    (SideDataType.S12M_TIMECODE, "time code in the stream"),
    (SideDataType.DOVI_METADATA, "Dolby Vision"),
    (SideDataType.DYNAMIC_HDR_PLUS, "HDR10+"),
    (SideDataType.ICC_PROFILE, "colour profile"),
)
_LAYOUTS = ((SideDataType.SPHERICAL, "360 degree projection"), (SideDataType.STEREO3D, "stereo layout"))
# AVFieldOrder: AV_FIELD_TT, AV_FIELD_BB, AV_FIELD_TB, AV_FIELD_BT
_INTERLACED = frozenset({2, 3, 4, 5})


@dataclass(frozen=True, slots=True)
class Colour:
    """How numbers become light: the code points of ITU-T H.273 (2 is "not said").

    Attributes:
        full_range: 0 to 255 instead of 16 to 235; None when not said.
        primaries: ``ColourPrimaries``.
        transfer: ``TransferCharacteristics``; 16 is PQ, 18 is HLG.
        matrix: ``MatrixCoefficients``.
    """

    full_range: bool | None = None
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """One clip, as its container and its first decoded frame describe it.

    Attributes:
        container: ``mp4``, ``mov``, ``matroska``, ``webm``, ``avi``, or FFmpeg's name of another demuxer.
        codec: FFmpeg's name: ``h264``, ``hevc``, ``vp9``, ``av1``, ``mpeg4``, ``mjpeg`` ...
        width_px: Of the coded picture, before any turn.
        height_px: Of the coded picture, before any turn.
        pix_fmt: FFmpeg's name of the decoded pixel format.
        bit_depth: Bits of one sample.
        time_base: Seconds of one tick of ``Frame.pts``.
        rate: Average frames a second; the clip may vary.
        duration_s: As the container says, or None.
        frames_estimate: From the container's index, or from duration and rate, or None.
        rotation_deg: Counter-clockwise turn that a player applies: 0, 90, 180, 270 (or what the matrix holds, rounded).
        display_matrix: The nine numbers of the turn, or None.
        sample_aspect: Width of one pixel divided by its height.
        interlaced: Two fields a picture.
        colour: How numbers become light.
        audio_streams: How many.
        beside: What lies beside the pictures of the one video track and is not written: in words, one entry a thing.
        mastering_display: Raw ``AVMasteringDisplayMetadata`` of HDR10, or None.
        content_light: Raw ``AVContentLightMetadata`` of HDR10, or None.
        sphere: What part of the sphere around the camera it shows; None for an ordinary clip.
        decode_timed: Packets say when frames are decoded, not when they are shown, and the codec may reorder.
    """

    container: str
    codec: str
    width_px: int
    height_px: int
    pix_fmt: str
    bit_depth: int
    time_base: Fraction
    rate: Fraction
    duration_s: float | None
    frames_estimate: int | None
    rotation_deg: int = 0
    display_matrix: tuple[int, ...] | None = None
    sample_aspect: Fraction = Fraction(1)
    interlaced: bool = False
    colour: Colour = Colour()
    audio_streams: int = 0
    beside: tuple[str, ...] = ()
    mastering_display: bytes | None = None
    content_light: bytes | None = None
    decode_timed: bool = False
    sphere: Sphere | None = None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors into ours while a file is read.

    Raises:
        UnreadableError: FFmpeg or the system refused.
    """
    try:
        yield
    except PasserbyError:
        raise
    except av.error.PermissionError as exc:
        raise UnreadableError(f"no permission to read {path.name}") from exc
    except (av.error.InvalidDataError, av.error.ArgumentError) as exc:  # the latter for a format that is not allowed
        raise UnreadableError(
            f"{path.name} must be a clip, and does not read as one",
            hint="it may be cut off, or another kind of file with a wrong suffix",
        ) from exc
    except av.error.EOFError as exc:
        raise UnreadableError(f"{path.name} is cut off") from exc
    except (av.error.FFmpegError, OSError) as exc:
        raise UnreadableError(f"{path.name} cannot be read: {getattr(exc, 'strerror', None) or exc}") from exc


def open_clip(path: Path) -> InputContainer:
    """Open a clip for demuxing; the caller closes it.

    Raises:
        UnreadableError: It is missing, empty, a folder, not permitted, or no clip.
        UnsupportedError: It is a picture in a clip's container.
    """
    if not isinstance(path, StoredPath):
        _check_readable(path)
    name = sniff_file(path).name
    known = FORMAT_OF_NAME.get(name)
    with reading(path):
        container = av.open(
            _opened(path, name),
            mode="r",
            format=known.demuxers[0] if known is not None and known.told else None,
            metadata_errors="replace",
            container_options={"format_whitelist": _WHITELIST, "protocol_whitelist": "file"},
        )
    brand = container.metadata.get("major_brand", "").strip()
    if brand in _PICTURE_BRANDS:
        container.close()
        raise UnsupportedError(f"{path.name} is a picture ({brand}), not a clip", hint="save it as JPEG or PNG first")
    return container


def _opened(path: Path, name: str) -> str | IO[bytes]:
    """Return what FFmpeg opens: the file's name, or what is read for it."""
    if name in READERS:
        return open_animation(path, name)
    return path.open("rb") if isinstance(path, StoredPath) else str(path.absolute())


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise UnreadableError(f"there is no file {path}")
    if not path.is_file():
        raise UnreadableError(f"{path} must be a file, and is not one")
    if not os.access(path, os.R_OK):
        raise UnreadableError(f"no permission to read {path.name}")
    if path.stat().st_size == 0:
        raise UnreadableError(f"{path.name} is empty")


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the first real video track: neither cover art nor thumbnails.

    Raises:
        UnreadableError: There is none.
        UnsupportedError: No decoder knows its codec.
    """
    stills = Disposition.attached_pic | Disposition.timed_thumbnails
    for stream in container.streams.video:
        if not stream.disposition & stills:
            if stream.codec_context is None:
                raise UnsupportedError(f"no decoder here knows the video codec of {name}")
            return stream
    raise UnreadableError(f"{name} holds no video track")


def probe_clip(path: Path) -> ClipInfo:
    """Describe a clip: reads its head and decodes up to its first frame.

    Raises:
        UnreadableError: It cannot be read or no frame of it decodes.
        UnsupportedError: It is no clip that can be written veiled.
    """
    container = open_clip(path)
    try:
        stream = video_stream(container, path.name)
        stream.thread_count = 1
        with reading(path):
            packets = container.demux(stream)
            times: list[int] = []
            frame = _first_frame(packets, times, path.name)
            info = _describe(container, stream, frame)
            reorders = bool(stream.codec_context.has_b_frames)
            decode_timed = info.container == "avi" or (reorders and _rise(packets, times))
            return replace(info, decode_timed=decode_timed)
    finally:
        container.close()


def _first_frame(packets: Iterator[Packet[VideoStream]], times: list[int], name: str) -> av.VideoFrame:
    for count, packet in enumerate(packets):
        _add_time(packet, times)
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            frames = []
        except av.error.EOFError:
            break
        if frames:
            return frames[0]
        if count > _PROBE_PACKETS:
            break
    raise UnreadableError(f"no frame of {name} decodes", hint="the file is broken, encrypted, or cut off")


def _add_time(packet: Packet[VideoStream], times: list[int]) -> None:
    if packet.pts is not None and packet.size and not packet.is_discard:
        times.append(packet.pts)


def _rise(packets: Iterator[Packet[VideoStream]], times: list[int]) -> bool:
    """Tell whether the times of showing rise in decoding order."""
    with suppress(av.error.FFmpegError):  # a file that breaks off is judged by what there is
        for packet in islice(packets, _TIMED_PACKETS):
            _add_time(packet, times)
            if times[-2:] != sorted(times[-2:]):
                return False
    return len(times) > 1 and all(a < b for a, b in pairwise(times))


def _describe(container: InputContainer, stream: VideoStream, frame: av.VideoFrame) -> ClipInfo:
    duration_s = _duration_s(container, stream)
    rate, guessed = stream.average_rate or stream.guessed_rate or Fraction(25), stream.guessed_rate
    if guessed and rate > _TICKS * guessed:  # a DV tape tells ticks for frames
        rate = guessed
    frames = stream.frames or (round(duration_s * rate) if duration_s else None)
    matrix = frame.side_data.get(SideDataType.DISPLAYMATRIX)  # type: ignore[call-overload]
    depth = max(component.bits for component in frame.format.components)
    return ClipInfo(
        container=_container_name(container),
        codec=stream.codec_context.codec.canonical_name,
        width_px=frame.width,
        height_px=frame.height,
        pix_fmt=frame.format.name,
        bit_depth=depth,
        time_base=stream.time_base or Fraction(1, 90000),
        rate=rate,
        duration_s=duration_s,
        frames_estimate=frames,
        rotation_deg=frame.rotation % 360,
        display_matrix=_matrix(bytes(matrix)) if matrix is not None else None,
        sample_aspect=stream.sample_aspect_ratio or Fraction(1),
        interlaced=frame.interlaced_frame or stream.codec_context.field_order in _INTERLACED,
        colour=_colour(frame),
        audio_streams=len(container.streams.audio),
        beside=_beside(container, stream, frame),
        sphere=_sphere(frame),
        mastering_display=_side(frame, SideDataType.MASTERING_DISPLAY_METADATA),
        content_light=_side(frame, SideDataType.CONTENT_LIGHT_LEVEL),
    )


def _container_name(container: InputContainer) -> str:
    name = container.format.name
    if name == "mov,mp4,m4a,3gp,3g2,mj2":
        return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"
    if name == "matroska,webm":
        return "webm" if Path(container.name).suffix.lower() == ".webm" else "matroska"
    return name


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    states_length = FORMAT_OF_DEMUXER[container.format.name].states_length
    return container.duration / av.time_base if container.duration and states_length else None  # else guessed by bytes


def _side(frame: av.VideoFrame, kind: SideDataType) -> bytes | None:
    data = frame.side_data.get(kind)  # type: ignore[call-overload]
    return bytes(data) if data is not None else None


def _sphere(frame: av.VideoFrame) -> Sphere | None:
    spherical = _side(frame, SideDataType.SPHERICAL)
    return None if spherical is None else sphere_of_side_data(spherical, _side(frame, SideDataType.STEREO3D))


def _matrix(raw: bytes) -> tuple[int, ...] | None:
    values = tuple(int.from_bytes(raw[k : k + 4], "little", signed=True) for k in range(0, 36, 4))
    identity = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    return None if values == identity or len(raw) < 36 else values


def _colour(frame: av.VideoFrame) -> Colour:
    wide = {1: False, 2: True}.get(int(frame.color_range))
    return Colour(wide, int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace))


def _beside(container: InputContainer, chosen: VideoStream, frame: av.VideoFrame) -> tuple[str, ...]:
    found: list[str] = []
    for stream in container.streams:
        if stream.index == chosen.index or stream.type == "audio":
            continue
        if stream.type == "video":
            cover = bool(stream.disposition & Disposition.attached_pic)
            found.append("cover picture" if cover else f"video track {stream.index}")
        else:
            found.append(f"{stream.type} track {stream.index}")
    if container.chapters():
        found.append("chapters")
    if _sphere(frame) is None:
        found.extend(words for kind, words in _LAYOUTS if _side(frame, kind) is not None)
    found.extend(words for kind, words in _RIDES_ALONG if _side(frame, kind) is not None)
    return tuple(found)
