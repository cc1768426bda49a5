"""What a clip's output is made of, in order: decoded frames to be encoded, and packets to be copied."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from av.packet import Packet
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from passerby.errors import BitstreamError, UnreadableError
from passerby.media.clips.ahead import PassAhead
from passerby.media.clips.clip import ClipInfo, open_clip, reading, video_stream
from passerby.media.clips.packets import RunningClock, demux
from passerby.media.clips.reader import DecodeRecord, Decoding, Frame, prepare
from passerby.media.clips.smartcopy import Copyable, Group, copied_units

_MICROSECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Copied:
    """A packet to be written as it is.

    Attributes:
        data: The picture's units, each after its length in four bytes.
        pts: In ticks of the clip.
        duration: In ticks of the clip; 0 when not said.
        is_keyframe: Decoding can start here.
    """

    data: bytes
    pts: int
    duration: int
    is_keyframe: bool


class RunEnd:
    """A run of frames ends here: what the encoder still holds is to be written before anything else."""


Item = Frame | Copied | RunEnd


@dataclass(slots=True)
class _Run:
    """Frames to be encoded one after another: whether there are any yet, and whether they are decoded here."""

    stream: VideoStream
    decoding: Decoding
    is_open: bool = False
    decodes: bool = False


NONE_LEFT = 1 << 62
"""Behind every frame."""


class Supply:
    """The frames and packets of one output.

    Args:
        source: The clip.
        info: What it is.
        pix_fmt: The pixel format that frames are turned into.
        span_s: Time of the first frame, and the time that no frame reaches; None where open.
        record: What a whole pass found; this pass is held to it.
        ahead: Holds frames, so that none is decoded twice; where one is missing, decoding begins.
    """

    def __init__(
        self,
        source: Path,
        info: ClipInfo,
        pix_fmt: str,
        span_s: tuple[float | None, float | None],
        *,
        record: DecodeRecord | None,
        ahead: PassAhead | None = None,
    ) -> None:
        self._source, self._info, self._pix_fmt, self._record, self._ahead = source, info, pix_fmt, record, ahead
        self.start = _ticks(span_s[0], info.time_base, -math.inf)
        self.end = _ticks(span_s[1], info.time_base, math.inf)
        self._reformatter = VideoReformatter()
        self._given = 0
        self.lost = 0

    @property
    def whole(self) -> bool:
        """Whether every frame of the clip is asked for."""
        return self.start == -math.inf and self.end == math.inf

    def frames(self) -> Iterator[Item]:
        """Give every frame, decoded here or by another pass.

        Raises:
            UnreadableError: It does not decode, or to other frames than before.
        """
        try:
            yield from self._taken(0, NONE_LEFT)
        finally:
            self._pass_over(NONE_LEFT)
        if self._ahead is None or not self._ahead.ended(self._given):
            yield from self._all_decoded()
        else:
            self.lost = self._ahead.end(self._given).lost

    def _all_decoded(self) -> Iterator[Item]:
        container = open_clip(self._source)
        try:
            stream = video_stream(container, self._source.name)
            prepare(stream)
            decoding = Decoding(stream, self._source.name, self._info)
            with reading(self._source):
                for packet in demux(container, stream, RunningClock(container, stream)):
                    for frame in self._decoded(decoding, packet):
                        if frame.pts >= self.end:
                            return
                        yield frame
            self.lost = decoding.lost
            if self._record is not None and decoding.index != len(self._record.pts):
                raise self._differs(decoding.index)
        finally:
            container.close()

    def runs(self, segments: Iterator[Group]) -> Iterator[Item]:
        """Pass the packets of groups to be copied, give the frames of others.

        Args:
            segments: In order; each is asked for when the one before it has ended.

        Raises:
            UnreadableError: It does not decode, or to other frames than before.
        """
        container = open_clip(self._source)
        try:
            stream = video_stream(container, self._source.name)
            prepare(stream)
            run = _Run(stream, Decoding(stream, self._source.name, self._info))
            segment = next(segments, None)
            with reading(self._source):
                for index, packet in enumerate(demux(container, stream, RunningClock(container, stream))):
                    segment = yield from self._segment_at(index, segment, segments, run)
                    if segment is None:
                        return
                    if packet is not None and index >= segment.first_packet:
                        yield from self._of_packet(index, packet, segment, run)
            raise self._differs(run.decoding.index)
        finally:
            self._pass_over(NONE_LEFT)
            container.close()

    def _segment_at(
        self, index: int, segment: Group | None, segments: Iterator[Group], run: _Run
    ) -> Generator[Item, None, Group | None]:
        """Give what is left of segments that end before a packet, and return the one that does not."""
        while segment is not None and index >= segment.stop_packet:
            ended, segment = segment, next(segments, None)
            if segment is None or segment.copy:
                yield from self._end_run(run, ended.stop)
        return segment

    def _of_packet(self, index: int, packet: Packet[VideoStream], segment: Group, run: _Run) -> Iterator[Item]:
        """Give a packet itself, or the frames that are known by it."""
        is_first = index == segment.first_packet
        if is_first and not segment.copy and not run.decodes:
            yield from self._begin(run, segment)
        if segment.copy:
            yield self._copied(index, packet)
        elif run.decodes:
            yield from self._shown(run.decoding, packet)
        if is_first and (segment.copy or run.decodes):
            self._pass_over(segment.stop)

    def _begin(self, run: _Run, segment: Group) -> Iterator[Item]:
        """Give the frames of a group that are held; where one is missing, decoding begins."""
        run.is_open = True
        self._given = segment.start
        yield from self._taken(segment.start, segment.stop)
        if self._given < segment.stop:
            run.decoding.index, run.decodes = segment.start, True

    def _end_run(self, run: _Run, stop: int) -> Iterator[Item]:
        if run.decodes:
            yield from self._shown(run.decoding, None)
            if run.decoding.index != stop:
                raise self._differs(run.decoding.index)
            run.stream.codec_context.flush_buffers()
        if run.is_open:
            yield RunEnd()
        run.is_open = run.decodes = False

    def _taken(self, start: int, stop: int) -> Iterator[Frame]:
        """Give frames of the other pass until one is missing."""
        self._pass_over(start)
        while self._ahead is not None and self._given < stop:
            frame = self._ahead.take(self._given)
            if frame is None:
                return
            self._given += 1
            if self.start <= frame.pts < self.end:
                yield self._converted(frame)

    def _pass_over(self, stop: int) -> None:
        if self._ahead is not None:
            self._ahead.pass_over(stop)

    def _shown(self, decoding: Decoding, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
        for frame in self._decoded(decoding, packet):
            if frame.pts < self.end:
                yield frame

    def _decoded(self, decoding: Decoding, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
        for frame in decoding.feed(packet):
            record = self._record
            if record is not None and (frame.index >= len(record.pts) or record.pts[frame.index] != frame.pts):
                raise self._differs(frame.index)
            if frame.pts >= self.start and frame.index >= self._given:
                yield self._converted(frame)

    def _converted(self, frame: Frame) -> Frame:
        if frame.picture.format.name == self._pix_fmt:
            return frame
        picture = self._reformatter.reformat(
            frame.picture, format=self._pix_fmt, interpolation=Interpolation.BICUBIC, threads=1
        )
        return replace(frame, picture=picture)

    def _copied(self, index: int, packet: Packet[VideoStream]) -> Copied:
        copyable = self._record.copyable if self._record is not None else Copyable()
        if copyable.config is None or index >= len(copyable.showing):
            raise self._differs(0)
        try:
            data = copied_units(packet, copyable.config)
        except BitstreamError as exc:
            raise UnreadableError(f"{self._source.name} reads differently from before: {exc}") from exc
        return Copied(data, copyable.showing[index], packet.duration or 0, packet.is_keyframe)

    def _differs(self, index: int) -> UnreadableError:
        return UnreadableError(
            f"{self._source.name} decodes differently from before at frame {index}",
            hint="was the file changed meanwhile?",
        )


def _ticks(time_s: float | None, time_base: Fraction, missing: float) -> float:
    return missing if time_s is None else math.ceil(Fraction(time_s).limit_denominator(_MICROSECOND) / time_base)
