"""The output container: one video track, its turn, audio copied beside it, and no more metadata than was asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from passerby.errors import OutputError, UnsupportedError
from passerby.media.clip import ClipInfo, open_clip
from passerby.media.encoder import EncoderPlan, configure, refused

KEPT_TAGS = ("title", "creation_time")


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn FFmpeg's errors into ours while a file is written; those of the system pass, for ``whole_file`` to name.

    Raises:
        OutputError: FFmpeg refused to write.
    """
    try:
        yield
    except av.error.FFmpegError as exc:
        if isinstance(exc, OSError):
            raise
        raise OutputError(f"cannot write {target.name}: {exc.strerror}") from exc


class ClipWriter:
    """An output container being written.

    Args:
        path: Where to write; the name says nothing about the format.
        target: The name in messages.
        plan: The encoder.
        info: The source.
        extra: Further options for the encoder.
    """

    def __init__(self, path: Path, target: Path, plan: EncoderPlan, info: ClipInfo, extra: dict[str, str]) -> None:
        self._target = target
        self._info = info
        self._plan = plan
        # the null muxer lends a stream that knows the encoder's parameters, and nothing of the source's
        self._lender = av.open(os.devnull, "w", format="null")
        lent = cast("VideoStream", self._lender.add_stream(plan.encoder, rate=info.rate))
        configure(lent.codec_context, plan, info, extra)
        try:
            self._lender.start_encoding()
        except av.error.FFmpegError as exc:
            raise refused(plan, info, exc) from exc
        self.encoder: VideoCodecContext = lent.codec_context
        options = {"fflags": "+bitexact"}
        if plan.muxer in {"mp4", "mov"}:
            options["movflags"] = "+faststart"
        with writing(target):
            self._container: OutputContainer = av.open(str(path), "w", format=plan.muxer, options=options)
        self.video: VideoStream = self._container.add_stream_from_template(lent)
        self.video.time_base = info.time_base
        self.video.codec_context.sample_aspect_ratio = info.sample_aspect
        if info.display_matrix is not None:
            self.video.set_display_matrix(info.display_matrix)
        if plan.encoder == "libx265" and plan.muxer in {"mp4", "mov"}:
            self.video.codec_context.codec_tag = "hvc1"
        self._audio: dict[int, Stream] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                with writing(self._target):
                    self._container.close()
            else:
                with suppress(av.error.FFmpegError, ValueError):
                    self._container.close()
        finally:
            self._lender.close()

    def set_parameter_sets(self, extradata: bytes) -> None:
        """Replace the parameter sets that the container's header will hold."""
        self.video.codec_context.extradata = extradata

    def keep_tags(self, source: InputContainer) -> tuple[str, ...]:
        """Copy the tags of the allow-list and return their names."""
        kept = {name: source.metadata[name] for name in KEPT_TAGS if name in source.metadata}
        self._container.metadata.update(kept)
        return tuple(kept)

    def add_audio(self, source: AudioStream, *, keep_language: bool) -> None:
        """Add a track for copied audio.

        Raises:
            UnsupportedError: The container cannot hold this audio.
        """
        try:
            track = self._container.add_stream_from_template(source)
        except ValueError as exc:
            raise UnsupportedError(
                f"{self._target.suffix} cannot hold {source.codec_context.name} audio",
                hint="write to .mkv, or leave the audio out",
            ) from exc
        if keep_language and source.language:
            track.metadata["language"] = source.language
        self._audio[source.index] = track

    def write_video(self, packet: Packet[VideoStream]) -> None:
        """Write one video packet."""
        packet.stream = self.video
        with writing(self._target):
            self._container.mux(packet)

    def write_audio(self, packet: Packet[AudioStream]) -> None:
        """Write one audio packet; its stream says which track."""
        packet.stream = self._audio[packet.stream.index]  # type: ignore[assignment]
        with writing(self._target):
            self._container.mux(packet)


class AudioCopy:
    """Audio packets of a span of a clip, given out as the video goes on, so that the two stay side by side."""

    def __init__(self, path: Path, writer: ClipWriter, span_s: tuple[float, float], shift_s: Fraction, *,
                 keep_language: bool) -> None:  # fmt: skip
        self._writer = writer
        self._span_s = span_s
        self._shift_s = shift_s
        self._source = open_clip(path)
        streams = self._source.streams.audio
        for stream in streams:
            writer.add_audio(stream, keep_language=keep_language)
        self._packets = self._source.demux(*streams) if streams else iter(())
        self._held: Packet[Stream] | None = None

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
            if packet.pts is not None and packet.size:
                return packet

    def _write(self, packet: Packet[Stream]) -> None:
        ticks = round(self._shift_s / packet.time_base)
        packet.pts = (packet.pts or 0) - ticks
        packet.dts = packet.dts - ticks if packet.dts is not None else None
        self._writer.write_audio(packet)  # type: ignore[arg-type]


class NoAudio:
    """Stands where audio would be copied, and copies none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def write_until(self, time_s: float) -> None:
        """Copy nothing."""
