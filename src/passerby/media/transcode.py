"""A clip in, the same clip out with some frames changed: times, turn, size, shape and colours as they were.

Only one video track is written, and audio when asked for. Everything else that a file may carry (tags, places,
chapters, pictures, subtitles, data, messages in the stream) is left out; what is left out is named in the report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.video.reformatter import Interpolation, VideoReformatter

from passerby.errors import UnreadableError, UnsupportedError, UsageError
from passerby.media.clip import ClipInfo, open_clip, probe, reading, video_stream
from passerby.media.clipread import Decoding, Frame, Seen, demux, prepare, read_ahead
from passerby.media.encoder import ClipSettings, EncoderPlan, plan_encoding
from passerby.media.frames import blank
from passerby.media.muxing import AudioCopy, ClipWriter
from passerby.media.whole import whole_file

Edit = Callable[[int, av.VideoFrame], None]
NeedsEdit = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What was written.

    Attributes:
        frames: In the output.
        copied_frames: Of these, copied without decoding.
        encoded_frames: Of these, encoded anew.
        covered_frames: Of these, covered whole because they did not decode cleanly.
        lost_frames: Pictures of the input that did not decode at all, and are not in the output.
        dropped: What the input carried and the output does not, in words.
        notes: What is not as it was, and why nothing was copied, in words.
        encoder: FFmpeg's name.
    """

    frames: int
    copied_frames: int
    encoded_frames: int
    covered_frames: int
    lost_frames: int
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    encoder: str


def transcode(
    source: Path,
    target: Path,
    *,
    edit: Edit,
    needs_edit: NeedsEdit,
    settings: ClipSettings | None = None,
    seen: Seen | None = None,
    progress: Callable[[int], None] | None = None,
) -> WriteReport:
    """Write a clip with some frames changed; the output appears whole or not at all.

    Args:
        source: The clip.
        target: The output; its suffix names the container.
        edit: Changes frame ``index`` in place. The frame is planar YUV, of 8 bits or of 10 bits in little endian, and
            is not shared with the decoder. Called in order of index, in the calling thread.
        needs_edit: Whether any frame of ``start <= index < stop`` is to be changed.
        settings: How to write.
        seen: What a whole pass of ``ClipReader.frames`` found; this pass is held to it. Without it nothing is copied.
        progress: Called with the number of frames written so far.

    Raises:
        UsageError: The output's name or a setting is wrong.
        UnreadableError: The input does not decode, or decodes to other frames than before.
        UnsupportedError: The input cannot be written right.
        OutputError: The output cannot be written whole.
    """
    settings = settings or ClipSettings()
    if settings.start_s is not None and settings.end_s is not None and settings.end_s <= settings.start_s:
        raise UsageError(f"end must be after start, got {settings.start_s} to {settings.end_s} s")
    info = probe(source)
    plan = plan_encoding(info, target, preset=settings.preset, crf=settings.crf)
    with whole_file(target, overwrite=settings.overwrite, inputs=[source]) as beside:
        job = _Job(source, target, info, plan, settings, seen)
        return job.run(beside, edit, needs_edit, progress or (lambda _: None))


class _Job:
    """One clip on its way through decoder, edit and encoder."""

    def __init__(
        self, source: Path, target: Path, info: ClipInfo, plan: EncoderPlan, settings: ClipSettings, seen: Seen | None
    ) -> None:
        self._source, self._target = source, target
        self._info, self._plan, self._settings, self._seen = info, plan, settings, seen
        self._start = _ticks(settings.start_s, info.time_base, -math.inf)
        self._end = _ticks(settings.end_s, info.time_base, math.inf)
        self._reformatter = VideoReformatter()
        self._covered = 0
        self._lost = 0

    def run(self, path: Path, edit: Edit, needs_edit: NeedsEdit, progress: Callable[[int], None]) -> WriteReport:
        frames = read_ahead(self._frames())
        count = 0
        try:
            first = next(frames, None)
            if first is None:
                raise UsageError(f"no frame of {self._source.name} lies between start and end")
            shift = first.pts if self._settings.start_s is not None else 0
            with ClipWriter(path, self._target, self._plan, self._info, {}) as writer:
                audio = self._add_audio(writer, shift)
                try:
                    for frame in _chain(first, frames):
                        self._encode(frame, shift, writer, edit, needs_edit)
                        if audio:
                            audio.write_until(frame.time_s)
                        count += 1
                        progress(count)
                    for packet in writer.encoder.encode(None):
                        writer.write_video(packet)
                    if audio:
                        audio.write_until(math.inf)
                finally:
                    if audio:
                        audio.close()
        finally:
            frames.close()
        return self._report(count)

    def _frames(self) -> Iterator[Frame]:
        container = open_clip(self._source)
        try:
            stream = video_stream(container, self._source.name)
            prepare(stream)
            decoding = Decoding(stream, self._source.name, self._info)
            with reading(self._source):
                for packet in demux(container, stream):
                    for frame in decoding.feed(packet):
                        self._check(frame)
                        if frame.pts >= self._end:
                            return
                        if frame.pts >= self._start:
                            yield self._converted(frame)
            self._lost = decoding.lost
            if self._seen is not None and self._settings.end_s is None and decoding.index != len(self._seen.pts):
                raise UnreadableError(f"{self._source.name} gave {decoding.index} frames, {len(self._seen.pts)} before")
        finally:
            container.close()

    def _check(self, frame: Frame) -> None:
        seen = self._seen
        if seen is not None and (frame.index >= len(seen.pts) or seen.pts[frame.index] != frame.pts):
            raise UnreadableError(
                f"{self._source.name} decodes differently from before at frame {frame.index}",
                hint="was the file changed meanwhile?",
            )

    def _converted(self, frame: Frame) -> Frame:
        picture = frame.picture
        if picture.format.name != self._plan.pix_fmt:
            picture = self._reformatter.reformat(
                picture, format=self._plan.pix_fmt, interpolation=Interpolation.BICUBIC, threads=1
            )
        return Frame(frame.index, frame.pts, frame.time_base, picture, frame.corrupt)

    def _encode(self, frame: Frame, shift: int, writer: ClipWriter, edit: Edit, needs_edit: NeedsEdit) -> None:
        picture = frame.picture
        if needs_edit(frame.index, frame.index + 1):
            picture.make_writable()
            edit(frame.index, picture)
        if frame.corrupt or (self._seen is not None and frame.index in self._seen.corrupt):
            blank(picture)
            self._covered += 1
        picture.pts = frame.pts - shift
        picture.time_base = self._info.time_base
        picture.pict_type = 0
        try:
            packets = writer.encoder.encode(picture)
        except av.error.FFmpegError as exc:
            raise UnsupportedError(f"{self._plan.encoder} refused frame {frame.index}: {exc.strerror}") from exc
        for packet in packets:
            writer.write_video(packet)

    def _add_audio(self, writer: ClipWriter, shift: int) -> AudioCopy | None:
        keep = self._settings.keep_metadata
        if keep:
            container = open_clip(self._source)
            try:
                writer.keep_tags(container)
            finally:
                container.close()
        if not (self._settings.keep_audio and self._info.audio_streams):
            return None
        span_s = (
            -math.inf if self._settings.start_s is None else self._settings.start_s,
            math.inf if self._settings.end_s is None else self._settings.end_s,
        )
        shift_s = Fraction(shift) * self._info.time_base
        return AudioCopy(self._source, writer, span_s, shift_s, keep_language=keep)

    def _report(self, count: int) -> WriteReport:
        dropped = self._info.beside
        if self._info.audio_streams and not self._settings.keep_audio:
            dropped += (f"{self._info.audio_streams} audio track(s)",)
        notes = self._plan.notes
        if self._seen is not None and self._seen.truncated:
            notes += ("the input ends before its own index says it does",)
        return WriteReport(count, 0, count, self._covered, self._lost, dropped, notes, self._plan.encoder)


def _ticks(time_s: float | None, time_base: Fraction, missing: float) -> float:
    return missing if time_s is None else math.ceil(Fraction(time_s) / time_base)


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest
