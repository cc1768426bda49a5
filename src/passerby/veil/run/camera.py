"""Records a camera of this machine, veiled: no bare frame of it is ever written. Ends after a time or at Ctrl-C.

What veils its frames (``veil_frames``) veils any that somebody else reads and writes.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import FrameType

import av
import av.error
from av.container import InputContainer

from passerby.errors import OutputError, UnreadableError, UsageError
from passerby.files import atomic_file, check_target
from passerby.media import Frame, protect_process
from passerby.veil.detect import Detector
from passerby.veil.run.live import LiveSettings, LiveVeil
from passerby.veil.settings import HwAccel, VeilSettings
from passerby.veil.track import FALLBACK_HZ

TIME_BASE = Fraction(1, 1000)
"""Of the recording: cameras are not even, milliseconds are fine enough."""
FRAME_TIME_BASE = Fraction(1, 10**9)
"""Of frames that ``veil_frames`` counts: their times mean nothing but their order."""
FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
"""FFmpeg's input for cameras, by system."""
SUFFIXES = (".mp4", ".mov", ".mkv")
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded.

    Attributes:
        frames: Written.
        width: Pixels.
        height: Pixels.
        seconds: How long it took.
    """

    frames: int
    width: int
    height: int
    seconds: float


def veil_camera(
    device: Path, target: Path, settings: VeilSettings | None = None, *, progress: Progress | None = None
) -> Recorded:
    """Record a camera, every face hidden, until ``end_s`` of the settings has passed or Ctrl-C is pressed.

    Args:
        device: ``/dev/video0``.
        target: The recording; it appears whole or not at all.
        settings: What is covered and how.
        progress: Told as it goes.

    Raises:
        UsageError: the target or a setting is wrong.
        UnreadableError: the camera cannot be read.
        OutputError: the recording cannot be written whole.
        DetectorError: the detector cannot be opened.
    """
    settings = settings or VeilSettings()
    write = settings.write
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"a camera is recorded as {', '.join(SUFFIXES)}, got {target.name}", hint="choose another -o")
    if write.hwaccel is not HwAccel.NONE:
        raise UsageError(f"a camera is recorded in software, got --hwaccel {write.hwaccel}")
    check_target(target, overwrite=write.overwrite)
    protect_process()
    began = time.monotonic()
    count, size = 0, (0, 0)
    with (
        _stop_at_interrupt() as stop,
        _opened(device) as camera,
        atomic_file(target, overwrite=write.overwrite) as beside,
    ):
        stream = camera.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate or FALLBACK_HZ
        bare = _pictures(camera, stop, write.end_s)
        try:
            with av.open(str(beside), "w") as container:
                track = None
                for picture in veil_frames(bare, rate, settings):
                    if track is None:
                        size = (picture.width, picture.height)
                        track = container.add_stream("libx264", rate=rate)
                        track.width, track.height, track.pix_fmt = picture.width, picture.height, "yuv420p"
                        track.time_base = TIME_BASE
                        track.options = {"preset": write.preset, "crf": str(write.crf)}
                    container.mux(track.encode(picture))
                    count += 1
                    if progress:
                        progress("recording", count, None)
                if track is None:
                    raise UnreadableError(f"{device} must give pictures, got none", hint="is another program using it?")
                container.mux(track.encode(None))
        except av.error.FFmpegError as error:
            raise OutputError(f"recording {device} to {target} failed: {error.strerror}") from error
    return Recorded(count, *size, time.monotonic() - began)


def open_camera(device: Path) -> InputContainer:
    """Open a camera with FFmpeg's input for this system."""
    return av.open(str(device), format=FORMATS.get(sys.platform, "v4l2"))


@contextmanager
def _opened(device: Path) -> Iterator[InputContainer]:
    try:
        camera = open_camera(device)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise UnreadableError(
            f"camera {device} must open, got: {what}", hint="see the cameras with: ls /dev/video*"
        ) from error
    try:
        if not camera.streams.video:
            raise UnreadableError(f"{device} must give pictures, got another kind of device")
        yield camera
    finally:
        camera.close()


def _pictures(camera: InputContainer, stop: threading.Event, end_s: float | None) -> Iterator[av.VideoFrame]:
    """Yield pictures ready to be covered and encoded, with rising times from 0."""
    first_s: float | None = None
    last = -1
    try:
        for decoded in camera.decode(camera.streams.video[0]):
            now_s = decoded.time if decoded.pts is not None else time.monotonic()
            first_s = now_s if first_s is None else first_s
            if stop.is_set() or (end_s is not None and now_s - first_s >= end_s):
                return
            picture = decoded.reformat(format="yuv420p") if decoded.format.name != "yuv420p" else decoded
            picture.pts = last = max(last + 1, round((now_s - first_s) / TIME_BASE))
            picture.time_base = TIME_BASE
            picture.pict_type = 0
            yield picture
    except av.error.FFmpegError as error:
        raise UnreadableError(f"the camera stopped: {error.strerror}") from error


@contextmanager
def _stop_at_interrupt() -> Iterator[threading.Event]:
    """Let Ctrl-C end the recording instead of the program, where the main thread runs it."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature that signal wants
        stop.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def veil_frames(
    frames: Iterable[av.VideoFrame], rate: Fraction | float, settings: VeilSettings | None = None
) -> Iterator[av.VideoFrame]:
    """Hide every face in decoded frames: frames in, covered frames out, as many and in the same order.

    Args:
        frames: All of one size; each is covered in place.
        rate: Frames a second, roughly.
        settings: What is covered and how; writing settings mean nothing here.

    Raises:
        UsageError: a setting that frames without a file cannot have.
        DetectorError: the detector cannot be opened.
    """
    settings = settings or VeilSettings()
    detector = Detector(settings.find)
    veil: LiveVeil | None = None
    try:
        for number, frame in enumerate(frames):
            if veil is None:
                live = LiveSettings(cover=settings.cover, wait=True)
                veil = LiveVeil(frame.width, frame.height, rate, detector, live)
            bare = Frame(number, number, FRAME_TIME_BASE, frame, corrupt=False)
            yield from (one.picture for one in veil.push(bare))
        if veil is not None:
            yield from (one.picture for one in veil.flush())
    finally:
        detector.close()
