"""Decoding a clip frame by frame, the same way in every pass, so that a frame's index means the same frame each time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

from passerby.config import processors
from passerby.errors import UnreadableError, UsageError
from passerby.media.clip_formats import FORMAT_OF_DEMUXER
from passerby.media.clips.clip import ClipInfo, open_clip, probe_clip, reading, video_stream
from passerby.media.clips.cropped import HiddenEdges
from passerby.media.clips.packets import RunningClock, demux
from passerby.media.clips.smartcopy import Copyable, Survey
from passerby.media.clips.times import FrameTimes
from passerby.media.content import stream_codec
from passerby.media.fitting import Fitter

_MISSING_S = 1.0
_MOST_RESIZED = 4
_OF_PACKETS = frozenset({"mpegts", "mpeg"})
"""Containers that a recording of another codec can be put behind, byte behind byte; packets in them begin with what tells it."""
_START_BYTES = 64
_LIKE = {"mpeg1video": "mpeg2video"}
_HOPELESS_PACKETS = 250  # ten seconds at 25 frames a second without one good frame


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded frame.

    Attributes:
        index: From 0, in presentation order.
        pts: Time in ticks of ``time_base``; strictly rising.
        time_base: Seconds of one tick.
        picture: The pixels. They may be shared with the decoder: ``picture.make_writable()`` before any change.
        corrupt: The decoder had to guess at some of it; it must be covered whole.
        unfit: It carries something where cropping hides it; it must not be copied.
    """

    index: int
    pts: int
    time_base: Fraction
    picture: av.VideoFrame
    corrupt: bool
    unfit: bool = False

    @property
    def time_s(self) -> float:
        """When the frame is shown, in seconds."""
        return float(self.pts * self.time_base)

    @property
    def time_ns(self) -> int:
        """When the frame is shown, in whole nanoseconds, rounded down."""
        return self.pts * self.time_base.numerator * 10**9 // self.time_base.denominator


@dataclass(frozen=True, slots=True, eq=False)
class DecodeRecord:
    """What a whole pass over a clip found; a later pass is held to it.

    Attributes:
        pts: Shape (N,), int64: the time of each frame in ticks, in order of index.
        corrupt: Indices of frames that the decoder had to guess at.
        lost: Packets that gave no frame because they do not decode.
        truncated: The file ends before its own index says it does.
        jumps: How often the clip's clock jumped or wrapped; its frames follow one another there.
        resized: Where the picture changed its size and was fitted to the first, in words, the first few.
        copyable: Groups of pictures that may be copied where nothing in them changes.
    """

    pts: NDArray[np.int64]
    corrupt: frozenset[int] = frozenset()
    lost: int = 0
    truncated: bool = False
    jumps: int = 0
    resized: tuple[str, ...] = ()
    copyable: Copyable = field(default_factory=Copyable)


class Decoding:
    """One pass of the decoder: packets in, frames out with index and repaired time.

    Attributes:
        times: Gives the frames their times.
        index: Of the next frame.
        lost: Packets that do not decode.
        resized: Where the picture changed its size, in words, the first few.
    """

    def __init__(
        self,
        stream: VideoStream,
        name: str,
        info: ClipInfo,
        *,
        cut: Callable[[av.VideoFrame], av.VideoFrame] | None = None,
    ) -> None:
        self._decoder = stream.codec_context
        self._codec = info.codec
        self._cut = cut
        self._name = name
        self._info = info
        self.times = FrameTimes(info)
        self._barren = 0
        self.index = 0
        self.lost = 0
        self.resized: list[str] = []
        self._not_whole: set[int | None] = set()
        self._fitter = Fitter(info.width_px, info.height_px)
        self._size = (info.width_px, info.height_px)

    def feed(self, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
        """Decode one packet, or None at the end.

        Raises:
            UnreadableError: Nothing has decoded for long, or the decoder failed for good.
        """
        if packet is not None:
            self.times.note(packet)
            yield from self._change_codec(packet)
            if packet.is_corrupt:
                self._not_whole.add(packet.pts)
        yield from self._decode(packet)

    def _change_codec(self, packet: Packet[VideoStream]) -> Iterator[Frame]:
        """Go on with another decoder where a recording of another codec was put behind: give what the first still holds."""
        if self._info.container not in _OF_PACKETS or not packet.is_keyframe:
            return
        codec = stream_codec(bytes(packet)[:_START_BYTES])
        if codec is not None and codec not in {self._codec, _LIKE.get(self._codec)}:
            yield from self._decode(None)
            self._decoder = cast("VideoCodecContext", av.CodecContext.create(codec, "r"))
            self._codec = codec

    def _decode(self, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
        try:
            pictures = self._decoder.decode(packet)
        except av.error.EOFError:
            return
        except av.error.InvalidDataError:
            self.lost += 1
            self.times.note_lost()
            self._count_barren()
            return
        except av.error.FFmpegError as exc:
            raise UnreadableError(f"{self._name} does not decode after {self._place()}: {exc.strerror}") from exc
        if pictures:
            self._barren = 0
        for picture in pictures:
            yield self._frame(picture)

    def _count_barren(self) -> None:
        self._barren += 1
        if self._barren >= _HOPELESS_PACKETS:
            raise UnreadableError(
                f"{self._name} does not decode after {self._place()}: {self._barren} packets in a row failed",
                hint="the file is broken from there on; cut it before that place",
            )

    def _place(self) -> str:
        seconds = float((self.times.last or 0) * self._info.time_base)
        return f"{seconds:.2f} s (frame {self.index})"

    def _frame(self, picture: av.VideoFrame) -> Frame:
        info = self._info
        corrupt = picture.is_corrupt or picture.pts in self._not_whole
        self._not_whole.discard(picture.pts)
        pts = self.times.time_of(picture)
        if self._cut is not None:
            picture = self._cut(picture)
        size = (picture.width, picture.height)
        if size != self._size:
            self._size = size
            if len(self.resized) < _MOST_RESIZED:
                self.resized.append(f"{size[0]}x{size[1]} from {self._place()}")
        if size != (info.width_px, info.height_px):
            picture = self._fitter.fit(picture)
        frame = Frame(self.index, pts, info.time_base, picture, corrupt)
        self.index += 1
        return frame


class ClipReader:
    """A clip to be read frame by frame, as often as needed; a context, which closes what is open.

    Args:
        path: The clip.
        skip_loop_filter: Decode faster and less smooth, for a pass that only looks for faces. Indices, times and
            flags are the same; pixels are not.
    """

    def __init__(self, path: Path, *, skip_loop_filter: bool = False) -> None:
        self.path = path
        self.info = probe_clip(path)
        self._skip_loop_filter = skip_loop_filter
        self._record: DecodeRecord | None = None
        self._open: list[InputContainer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            self._open.pop().close()

    @property
    def record(self) -> DecodeRecord:
        """What the last whole pass of ``frames`` found.

        Raises:
            UsageError: No pass came to its end yet.
        """
        if self._record is None:
            raise UsageError("a clip must be read to its end before it can say what it holds")
        return self._record

    def frames(self) -> Iterator[Frame]:
        """Decode the clip from its start, in presentation order; each call is a new pass.

        Raises:
            UnreadableError: It does not decode (further), with the place.
        """
        container = open_clip(self.path)
        self._open.append(container)
        stream = video_stream(container, self.path.name)
        one_pass = _RecordedPass(stream, self.path.name, self.info, skip_loop_filter=self._skip_loop_filter)
        clock = RunningClock(container, stream)
        with reading(self.path):
            for packet in demux(container, stream, clock):
                yield from one_pass.feed(packet)
        self._record = replace(one_pass.record(self.path.name), jumps=clock.jumps)
        self._open.remove(container)
        container.close()


class _RecordedPass:
    """A whole pass, and what it takes note of."""

    def __init__(self, stream: VideoStream, name: str, info: ClipInfo, *, skip_loop_filter: bool) -> None:
        prepare(stream, skip_loop_filter=skip_loop_filter)
        self._declared, self._info = stream.frames, info
        self._states_length = FORMAT_OF_DEMUXER[stream.container.format.name].states_length
        self._survey = Survey(stream, info)
        self._edges = HiddenEdges(stream, info, self._survey.sps) if self._survey.sps else None
        self._decoding = Decoding(stream, name, info, cut=self._cut if self._edges else None)
        self._times = array("q")
        self._corrupt: set[int] = set()
        self._unfit: set[int] = set()
        self._packets = 0

    def _cut(self, picture: av.VideoFrame) -> av.VideoFrame:
        if self._edges is None:
            return picture
        shown, busy = self._edges.cut(picture)
        if busy:
            self._unfit.add(self._decoding.index)
        return shown

    def feed(self, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
        """Decode one packet."""
        if packet is not None:
            self._packets += 1
            self._survey.add(packet)
        for frame in self._decoding.feed(packet):
            self._times.append(frame.pts)
            if frame.corrupt:
                self._corrupt.add(frame.index)
            yield replace(frame, unfit=True) if frame.index in self._unfit else frame

    def record(self, name: str) -> DecodeRecord:
        """Say what was found.

        Raises:
            UnreadableError: Not one frame.
        """
        if not self._times:
            raise UnreadableError(f"no frame of {name} decodes")
        times = np.array(self._times, np.int64)
        lost = self._decoding.lost
        if self._corrupt or lost:
            self._survey.reason = "it is damaged"
        elif self._decoding.resized:
            self._survey.reason = "the picture changes its size"
        elif self._decoding.times.guessed:
            self._survey.reason = "times of its frames fall"
        copyable = self._survey.finish(times, frozenset(self._unfit))
        return DecodeRecord(
            times,
            frozenset(self._corrupt),
            lost,
            self._is_truncated(),
            resized=tuple(self._decoding.resized),
            copyable=copyable,
        )

    def _is_truncated(self) -> bool:
        if self._info.duration_s is None or not self._states_length:
            return False
        missing_s = self._info.duration_s - float(self._times[-1] * self._info.time_base)
        if self._declared:  # fewer than the index says, unless an edit list ends the clip there
            return self._packets < self._declared and missing_s > 1.5 / self._info.rate
        # without an index the container's duration is all there is, and a long sound track may make it
        return missing_s > _MISSING_S and not self._info.audio_streams


def predict_record(path: Path, info: ClipInfo) -> DecodeRecord | None:
    """Read a clip's packets without decoding them: what a pass of ``ClipReader.frames`` will see if nothing is damaged.

    Returns:
        None where nothing may be copied, so that nothing need be known beforehand.

    Raises:
        UnreadableError: It cannot be read.
    """
    container = open_clip(path)
    try:
        stream = video_stream(container, path.name)
        survey, times = Survey(stream, info), array("q")
        with reading(path):
            for packet in demux(container, stream, RunningClock(container, stream)):
                if packet is not None:
                    survey.add(packet)
                    times.append(packet.pts or 0)
                if survey.reason:
                    return None
        shown = np.sort(np.frombuffer(times, np.int64))
        if np.any(np.diff(shown) <= 0):
            return None
        copyable = survey.finish(shown, frozenset())
        return None if copyable.reason else DecodeRecord(shown, copyable=copyable)
    finally:
        container.close()


def prepare(stream: VideoStream, *, skip_loop_filter: bool = False) -> None:
    """Set a video track's decoder to use every second processor: another pass or an encoder has the others."""
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = max(1, processors() // 2)
    if skip_loop_filter:
        stream.codec_context.options = {"skip_loop_filter": "all"}
