"""The output container: one video track, its turn, audio copied beside it, and no more metadata than was asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from passerby.media.clips.clip import ClipInfo
from passerby.media.clips.encoder import EncoderPlan, configure, ordinary_scheduling, refused
from passerby.media.spheres import say_sphere

_VORBIS_NO_COMMENTS = b"\x03vorbis" + bytes(8) + b"\x01"
KEPT_TAGS = ("title", "creation_time")


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn FFmpeg's errors into ours while a file is written; those of the system pass, for ``atomic_file`` to name.

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
        self._path, self._target = path, target
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
        ordinary_scheduling(plan)
        self.encoder: VideoCodecContext = lent.codec_context
        options = {"fflags": "+bitexact"}
        if plan.muxer in {"mp4", "mov"}:
            options["movflags"] = "+faststart"
        with writing(target):
            self._container: OutputContainer = av.open(str(path), "w", format=plan.muxer, options=options)
        self.video: VideoStream = self._container.add_stream_from_template(lent)
        self.video.time_base = plan.time_base
        self.video.codec_context.sample_aspect_ratio = info.sample_aspect
        if info.display_matrix is not None:
            self.video.set_display_matrix(info.display_matrix)
        if plan.is_hevc and plan.muxer in {"mp4", "mov"}:
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
                if self._info.sphere is not None and self._plan.muxer in {"mp4", "mov"}:
                    say_sphere(self._path, self._info.sphere)
            else:
                # without its name the muxer cannot go over the file once more for nothing
                self._path.unlink(missing_ok=True)
                with suppress(av.error.FFmpegError, ValueError, OSError):
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
        if source.codec_context.name == "vorbis" and source.codec_context.extradata:
            track.codec_context.extradata = without_vorbis_comments(source.codec_context.extradata)
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


def without_vorbis_comments(extradata: bytes) -> bytes:
    """Return Vorbis headers with an empty comment header: tags of a song or a recorder stand there.

    Source: Vorbis I specification, 5; the lacing of Matroska's CodecPrivate.

    Raises:
        UnsupportedError: These are no Vorbis headers.
    """
    sizes, at = [], 1
    for _ in range(2):
        size = 0
        while at < len(extradata) and extradata[at] == 255:
            size, at = size + 255, at + 1
        size, at = size + (extradata[at] if at < len(extradata) else 0), at + 1
        sizes.append(size)
    identity, setup = extradata[at : at + sizes[0]], extradata[at + sum(sizes) :]
    if extradata[:1] != b"\x02" or identity[1:7] != b"vorbis" or setup[1:7] != b"vorbis":
        raise UnsupportedError("the Vorbis audio has no readable headers", hint="leave the audio out")
    laced = bytes((2, len(identity), len(_VORBIS_NO_COMMENTS)))
    return laced + identity + _VORBIS_NO_COMMENTS + setup
