"""What a clip's output is made of, in order: decoded frames to be encoded, and packets to be copied."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from av.packet import Packet
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from passerby.errors import UnreadableError
from passerby.media.clip import ClipInfo, open_clip, reading, video_stream
from passerby.media.clipread import Decoding, Frame, Seen, demux, prepare
from passerby.media.nal import NalError
from passerby.media.smartcopy import Group, copied_units

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


class Supply:
    """The frames and packets of one output.

    Args:
        source: The clip.
        info: What it is.
        pix_fmt: The pixel format that frames are turned into.
        span_s: Time of the first frame, and the time that no frame reaches; None where open.
        seen: What a whole pass found; this pass is held to it.
    """

    def __init__(
        self,
        source: Path,
        info: ClipInfo,
        pix_fmt: str,
        span_s: tuple[float | None, float | None],
        seen: Seen | None,
    ) -> None:
        self._source, self._info, self._pix_fmt, self._seen = source, info, pix_fmt, seen
        self.start = _ticks(span_s[0], info.time_base, -math.inf)
        self.end = _ticks(span_s[1], info.time_base, math.inf)
        self._reformatter = VideoReformatter()
        self.lost = 0

    @property
    def whole(self) -> bool:
        """Whether every frame of the clip is asked for."""
        return self.start == -math.inf and self.end == math.inf

    def frames(self) -> Iterator[Item]:
        """Decode everything.

        Raises:
            UnreadableError: It does not decode, or to other frames than before.
        """
        container = open_clip(self._source)
        try:
            stream = video_stream(container, self._source.name)
            prepare(stream)
            decoding = Decoding(stream, self._source.name, self._info)
            with reading(self._source):
                for packet in demux(container, stream):
                    for frame in self._decoded(decoding, packet):
                        if frame.pts >= self.end:
                            return
                        yield frame
            self.lost = decoding.lost
            if self._seen is not None and decoding.index != len(self._seen.pts):
                raise self._differs(decoding.index)
        finally:
            container.close()

    def runs(self, segments: Iterator[Group]) -> Iterator[Item]:
        """Pass the packets of groups to be copied, decode the others.

        Args:
            segments: In order; each is asked for when the one before it has ended.

        Raises:
            UnreadableError: It does not decode, or to other frames than before.
        """
        container = open_clip(self._source)
        try:
            stream = video_stream(container, self._source.name)
            prepare(stream)
            decoding = Decoding(stream, self._source.name, self._info)
            segment, decodes = next(segments, None), False
            with reading(self._source):
                for index, packet in enumerate(demux(container, stream)):
                    while segment is not None and index >= segment.stop_packet:
                        ended, segment = segment, next(segments, None)
                        if decodes and (segment is None or segment.copy):
                            yield from self._end_run(ended.stop, decoding, stream)
                            decodes = False
                    if segment is None:
                        return
                    if packet is None or index < segment.first_packet:
                        continue
                    if segment.copy:
                        yield self._copied(packet)
                        continue
                    if not decodes:
                        decoding.index, decodes = segment.start, True
                    yield from self._shown(decoding, packet)
            raise self._differs(decoding.index)
        finally:
            container.close()

    def _shown(self, decoding: Decoding, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
        for frame in self._decoded(decoding, packet):
            if frame.pts < self.end:
                yield frame

    def _end_run(self, stop: int, decoding: Decoding, stream: VideoStream) -> Iterator[Item]:
        yield from self._shown(decoding, None)
        if decoding.index != stop:
            raise self._differs(decoding.index)
        stream.codec_context.flush_buffers()
        yield RunEnd()

    def _decoded(self, decoding: Decoding, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
        for frame in decoding.feed(packet):
            seen = self._seen
            if seen is not None and (frame.index >= len(seen.pts) or seen.pts[frame.index] != frame.pts):
                raise self._differs(frame.index)
            if frame.pts >= self.start:
                yield self._converted(frame)

    def _converted(self, frame: Frame) -> Frame:
        if frame.picture.format.name == self._pix_fmt:
            return frame
        picture = self._reformatter.reformat(
            frame.picture, format=self._pix_fmt, interpolation=Interpolation.BICUBIC, threads=1
        )
        return replace(frame, picture=picture)

    def _copied(self, packet: Packet[VideoStream]) -> Copied:
        config = self._seen.copyable.config if self._seen is not None else None
        if config is None or packet.pts is None:
            raise self._differs(0)
        try:
            data = copied_units(packet, config)
        except NalError as exc:
            raise UnreadableError(f"{self._source.name} reads differently from before: {exc}") from exc
        return Copied(data, packet.pts, packet.duration or 0, packet.is_keyframe)

    def _differs(self, index: int) -> UnreadableError:
        return UnreadableError(
            f"{self._source.name} decodes differently from before at frame {index}",
            hint="was the file changed meanwhile?",
        )


def _ticks(time_s: float | None, time_base: Fraction, missing: float) -> float:
    return missing if time_s is None else math.ceil(Fraction(time_s).limit_denominator(_MICROSECOND) / time_base)
