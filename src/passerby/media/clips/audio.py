"""Audio copied beside the video: packet by packet, cut to the same span, in step with the pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from passerby.media.clips.clip import open_clip, video_stream
from passerby.media.clips.muxing import ClipWriter
from passerby.media.clips.packets import RunningClock


def playable_audio(source: InputContainer) -> list[AudioStream]:
    """Return the audio tracks whose codec is known here, and told by the file's beginning."""
    known = [stream for stream in source.streams.audio if getattr(stream, "codec_context", None) is not None]
    return [stream for stream in known if stream.codec_context.sample_rate and stream.codec_context.channels]


class AudioCopy:
    """Audio packets of a span of a clip, given out as the video goes on, so that the two stay side by side.

    Args:
        path: The clip.
        writer: Gets a track for each audio track whose codec is known; ``left_out`` counts the others.
        span_s: From the first to before the last time of the input, in seconds.
        shift_s: Time of the input that becomes zero.
        keep_language: Say the tracks' languages.

    Raises:
        UnsupportedError: The container cannot hold this audio.
    """

    def __init__(self, path: Path, writer: ClipWriter, span_s: tuple[float, float], shift_s: Fraction, *,
                 keep_language: bool) -> None:  # fmt: skip
        self._writer = writer
        self._span_s = span_s
        self._shift_s = shift_s
        self._source = open_clip(path)
        streams = playable_audio(self._source)
        self.left_out = len(self._source.streams.audio) - len(streams)
        for stream in streams:
            writer.add_audio(stream, keep_language=keep_language)
        video = video_stream(self._source, path.name)
        self._clock = RunningClock(self._source, video)  # the video's times say where the clock jumps
        beside = (video,) if self._clock.runs else ()
        self._packets = self._source.demux(*beside, *streams) if streams else iter(())
        self._copied = {stream.index for stream in streams}
        self._held: Packet[Stream] | None = None
        self._last: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    def write_until(self, time_s: float) -> None:
        """Copy what plays before a time of the input, in seconds."""
        while True:
            packet = self._held or self._next()
            self._held = None
            if packet is None:
                return
            start_s = float(packet.pts * packet.time_base)  # type: ignore[operator]
            if start_s >= time_s:
                self._held = packet
                return
            if self._span_s[0] <= start_s < self._span_s[1]:
                self._write(packet)

    def _next(self) -> Packet[Stream] | None:
        while True:
            try:
                packet = next(self._packets)
            except (StopIteration, av.error.EOFError, av.error.InvalidDataError):
                return None
            if packet.size and not packet.is_corrupt:
                self._clock.mend(packet)
            if packet.stream_index in self._copied and packet.pts is not None and packet.size:
                return packet

    def _write(self, packet: Packet[Stream]) -> None:
        ticks = round(self._shift_s / packet.time_base)
        packet.pts = (packet.pts or 0) - ticks
        packet.dts = packet.dts - ticks if packet.dts is not None else None
        time = packet.pts if packet.dts is None else packet.dts
        if time <= self._last.get(packet.stream_index, time - 1):
            return  # where a clock jumped back, sound that is already heard comes once more
        self._last[packet.stream_index] = time
        self._writer.write_audio(packet)  # type: ignore[arg-type]


class NoAudio:
    """Stands where audio would be copied, and copies none.

    Args:
        left_out: Audio tracks that are not copied.
    """

    def __init__(self, left_out: int = 0) -> None:
        self.left_out = left_out

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def write_until(self, time_s: float) -> None:
        """Copy nothing."""
