"""Opening a camera and reading its pictures: RTSP, RTSPS, HTTP MJPEG, V4L2, files in a loop, the drawn test camera.

Runs in a camera's own process. Every failure becomes a ``SourceError`` that says which one it is; no message ever holds the
address, because it may carry a password.
"""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast
from urllib.parse import quote, urlsplit, urlunsplit

import av
from av.codec.context import Flags
from av.error import (
    ExitError,
    FFmpegError,
    HTTPForbiddenError,
    HTTPNotFoundError,
    HTTPUnauthorizedError,
    InvalidDataError,
)
from av.video.stream import VideoStream

from passerby.errors import CameraError
from passerby.gateway.config import InputConfig, InputKind
from passerby.gateway.picture import Scene, settings_of
from passerby.gateway.values import CoverReason
from passerby.media import H264_HINT, DecodePatience, DecodeWatch, Frame, ReferenceLosses
from passerby.veil import FrameSteps

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_TAINT_S = 10.0
_REANCHOR_NS = 400_000_000
_FALLBACK_FPS = 12.5
NANOSECOND = Fraction(1, 10**9)


class SourceError(CameraError):
    """A camera gives no pictures; ``reason`` says which kind of failure it is."""

    def __init__(self, reason: CoverReason, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame(Frame):
    """One bare frame of a camera: ``passerby.media.Frame``, and what only cameras have.

    Its time is when it was taken, as well as that can be told, in ns of CLOCK_MONOTONIC: the camera's own step after the frame
    before it, or the moment at which it came where that is earlier (a burst shows that those before it came late) or where it
    came more than 0.4 s after its time. It is ``corrupt`` when it, or one that it was predicted from, did not decode whole.

    Attributes:
        arrived_ns: CLOCK_MONOTONIC at which it was decoded.
        fps: Frames a second that the camera states; 0 where it states none.
        after_gap: Frames are missing before it, whatever its time says.
    """

    arrived_ns: int = 0
    fps: float = 0.0
    after_gap: bool = False

    @classmethod
    def taken(
        cls,
        picture: av.VideoFrame,
        captured_ns: int,
        arrived_ns: int,
        *,
        index: int = 0,
        corrupt: bool = False,
        fps: float = 0.0,
        after_gap: bool = False,
    ) -> CameraFrame:
        """Return a frame with its pixels as decoded, and the times at which it was taken and came."""
        return cls(
            index, captured_ns, NANOSECOND, picture, corrupt, arrived_ns=arrived_ns, fps=fps, after_gap=after_gap
        )

    @property
    def captured_ns(self) -> int:
        """When it was taken."""
        return self.pts


class Stamper:
    """Gives pictures times on this machine's monotonic clock that keep the camera's own rhythm."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._last_ns = 0

    def stamp(self, pts_ns: int | None, now_ns: int) -> int:
        """Return a time that grows, is not in the future, and is at most 0.4 s before ``now_ns``."""
        if pts_ns is None:
            stamped = now_ns
        else:
            if self._offset_ns is None or now_ns - (pts_ns + self._offset_ns) > _REANCHOR_NS:
                self._offset_ns = now_ns - pts_ns
            # a picture that comes earlier than expected shows that the first ones came late
            self._offset_ns = min(self._offset_ns, now_ns - pts_ns)
            stamped = pts_ns + self._offset_ns
        self._last_ns = max(stamped, self._last_ns + 1)
        return self._last_ns


def address_with_secret(config: InputConfig) -> str:
    """Return the address with user and password inside, as FFmpeg wants it."""
    if config.username is None:
        return config.url
    parts = urlsplit(config.url)
    secret = quote(config.username, safe="") + ":" + quote(config.password or "", safe="") + "@"
    return urlunsplit(parts._replace(netloc=secret + parts.netloc.rpartition("@")[2]))


def reachable(config: InputConfig, timeout_s: float = 1.0) -> bool:
    """Return whether the camera's port answers; True where there is no port to ask."""
    if config.kind not in {InputKind.RTSP, InputKind.HTTP}:
        return True
    parts = urlsplit(config.url)
    try:
        port = parts.port or _DEFAULT_PORTS[parts.scheme.lower()]
        with socket.create_connection((parts.hostname or "", port), timeout_s):
            return True
    except (OSError, ValueError):
        return False


def frames(config: InputConfig, *, patience: DecodePatience | None = None) -> Iterator[CameraFrame]:
    """Open a camera and return its frames, one by one, until it fails.

    Args:
        config: Of the camera.
        patience: How long it may send what does not decode.

    Raises:
        SourceError: it cannot be opened, refuses, fell silent, ended, sends no video, or none that decodes. A live camera's end
            is a failure.
    """
    if config.kind is InputKind.TEST:
        yield from _drawn(config)
    elif config.kind is InputKind.FILE:
        while True:
            yield from _opened(config, patience, paced=True)
    else:
        yield from _opened(config, patience, paced=False)
        raise SourceError(CoverReason.NO_PICTURE, "the camera must go on sending, got its end of stream")


def _drawn(config: InputConfig) -> Iterator[CameraFrame]:
    scene = Scene(settings_of(config.url))
    step_ns = round(1e9 / scene.settings.fps)
    burst = max(1, round(scene.settings.burst_s * scene.settings.fps))
    began_ns = time.monotonic_ns()
    number = 0
    while True:
        due_ns = began_ns + number * step_ns
        wait_ns = due_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        elif wait_ns < -1_000_000_000:
            # this process slept (SIGSTOP, suspended laptop): go on from here instead of drawing what was missed
            began_ns -= wait_ns
            due_ns -= wait_ns
        picture = scene.frame(number)
        yield CameraFrame.taken(picture, due_ns, time.monotonic_ns(), index=number, fps=scene.settings.fps)
        number += 1
        if scene.settings.every_s and number % burst == 0:
            time.sleep(max(0.0, scene.settings.every_s - scene.settings.burst_s))


def _opened(config: InputConfig, patience: DecodePatience | None, *, paced: bool) -> Iterator[CameraFrame]:
    container = _open(config)
    try:
        stream = _video_of(container)
        codec = stream.codec_context
        watch = DecodeWatch(codec.codec.canonical_name, codec.extradata or b"", codec.profile or "", patience)
        yield from _read(container, stream, watch, paced=paced)
    except ExitError as exc:
        raise SourceError(
            CoverReason.NO_PICTURE, f"the camera must send within {config.read_timeout_s:g} s, got silence"
        ) from exc
    except (FFmpegError, OSError) as exc:
        raise SourceError(CoverReason.NO_PICTURE, f"the camera's stream must go on, got {type(exc).__name__}") from None
    finally:
        container.close()


def _open(config: InputConfig) -> av.container.InputContainer:
    kind = config.kind
    options: dict[str, str] = {}
    arguments: dict[str, Any] = {"timeout": (config.open_timeout_s, config.read_timeout_s)}
    if kind is InputKind.RTSP:
        options = {
            "rtsp_transport": config.transport,
            "allowed_media_types": "video",
            "max_delay": "0" if config.transport == "tcp" else "100000",
        }
    if kind in {InputKind.RTSP, InputKind.HTTP}:
        # without "nobuffer": it throws away what was read while probing, the first key frame with it, and costs a second
        options |= {"analyzeduration": "500000", "probesize": "500000"}
        options["tls_verify"] = "1" if config.tls_verify else "0"
        if config.tls_ca:
            options["ca_file"] = str(config.tls_ca)
    if kind is InputKind.V4L2:
        arguments["format"] = "v4l2"
    where = config.url.removeprefix("file://") if kind is InputKind.FILE else address_with_secret(config)
    try:
        return cast("av.container.InputContainer", av.open(where, "r", options=options, **arguments))
    except (FFmpegError, OSError) as exc:
        # the cause is left out on purpose: its text holds the address with the password
        raise _failure(exc, config) from None


def _failure(exc: Exception, config: InputConfig) -> SourceError:
    if isinstance(exc, HTTPUnauthorizedError | HTTPForbiddenError):
        return SourceError(
            CoverReason.PASSWORD,
            "the camera must accept user and password, got a refusal",
            hint="check username and password of this camera",
        )
    if isinstance(exc, HTTPNotFoundError):
        return SourceError(
            CoverReason.NO_PICTURE, "the camera must know the path, got 404", hint="check the path of the address"
        )
    if isinstance(exc, ConnectionRefusedError):
        return SourceError(CoverReason.NO_PICTURE, "the camera must accept connections, got a refusal")
    if isinstance(exc, ExitError | InvalidDataError):
        return SourceError(
            CoverReason.NO_PICTURE,
            f"the camera must answer with a stream within {config.open_timeout_s:g} s, got none",
        )
    return SourceError(CoverReason.NO_PICTURE, f"the camera must open, got {type(exc).__name__}")


def _video_of(container: av.container.InputContainer) -> VideoStream:
    if not container.streams.video:
        raise SourceError(CoverReason.NO_PICTURE, "the camera must send video, got none")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise SourceError(
            CoverReason.UNDECODABLE,
            "the camera must send video that FFmpeg decodes, its codec is unknown",
            hint=H264_HINT,
        )
    stream.thread_type = "SLICE"
    stream.codec_context.thread_count = 1
    stream.codec_context.flags |= Flags.low_delay
    # a damaged picture becomes an error instead of a guess
    stream.codec_context.options = {"err_detect": "explode"}
    return stream


def _decode(packet: av.Packet[VideoStream], watch: DecodeWatch, taint: Taint) -> list[av.VideoFrame]:
    """Decode one packet; what does not decode is damage, or the reason why there never is a picture.

    Raises:
        SourceError: nothing of this stream has decoded for too long.
    """
    if packet.is_corrupt:
        taint.strike(time.monotonic())
    pictures: list[av.VideoFrame] = []
    try:
        pictures = packet.decode()
    except InvalidDataError:
        taint.strike(time.monotonic())
    if pictures:
        watch.decoded()
    elif watch.waits and packet.size:
        why = watch.judge(bytes(packet), key=packet.is_keyframe, now_s=time.monotonic())
        if why is not None:
            raise SourceError(CoverReason.UNDECODABLE, why.message, hint=why.hint)
    return pictures


def _read(
    container: av.container.InputContainer, stream: VideoStream, watch: DecodeWatch, *, paced: bool
) -> Iterator[CameraFrame]:
    stamper, taint = Stamper(), Taint()
    stated = stream.average_rate or stream.guessed_rate
    fps = float(stated) if stated and 0.2 <= stated <= 240 else 0.0
    # the camera's own times: where this machine stood still, stamps hide that frames were lost meanwhile
    steps = FrameSteps(fps or _FALLBACK_FPS)
    losses = _losses(stream)
    began_ns, first_ns = time.monotonic_ns(), None
    count = itertools.count()
    for packet in container.demux(stream):
        if losses is not None and losses.missing_before(bytes(packet)):
            taint.strike(time.monotonic())
        for picture in _decode(packet, watch, taint):
            pts_ns = _own_ns(picture)
            if paced and pts_ns is not None:
                first_ns = pts_ns if first_ns is None else first_ns
                time.sleep(max(0.0, (began_ns + pts_ns - first_ns - time.monotonic_ns()) / 1e9))
            now_ns = time.monotonic_ns()
            corrupt = taint.judge(key=picture.key_frame, corrupt=picture.is_corrupt, now_s=now_ns / 1e9)
            captured_ns = stamper.stamp(pts_ns, now_ns)
            index = next(count)
            gap = index == 0 or (pts_ns is not None and steps.gap_before(pts_ns))
            yield CameraFrame.taken(picture, captured_ns, now_ns, index=index, corrupt=corrupt, fps=fps, after_gap=gap)


def _losses(stream: VideoStream) -> ReferenceLosses | None:
    """Return what follows a stream's pictures, where they stand after start codes, as they do in live streams of H.264."""
    codec = stream.codec_context
    known = codec.extradata or b""
    if codec.name != "h264" or known.startswith(b"\x01"):
        return None
    losses = ReferenceLosses()
    losses.missing_before(known)
    return losses


def _own_ns(picture: av.VideoFrame) -> int | None:
    """Return the camera's own time of a picture, or None where it gives none."""
    pts, base = picture.pts, picture.time_base
    return None if pts is None or base is None else int(pts * base * 10**9)


class Taint:
    """Whether pictures can still show the traces of damage: until the next whole key frame, or ten seconds without damage."""

    def __init__(self) -> None:
        self._struck_s: float | None = None

    def strike(self, now_s: float) -> None:
        """Note damage."""
        self._struck_s = now_s

    def judge(self, *, key: bool, corrupt: bool, now_s: float) -> bool:
        """Return whether this picture is damaged, given whether it is a key frame and flagged corrupt itself."""
        if corrupt:
            self.strike(now_s)
            return True
        if self._struck_s is not None and (key or now_s - self._struck_s > _TAINT_S):
            # cameras that refresh by slices send no key frame; ten seconds is longer than any such refresh
            self._struck_s = None
        return self._struck_s is not None
