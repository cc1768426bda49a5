"""A clip in, the same clip out with some frames changed: times, turn, size, shape and colours as they were.

Only one video track is written, and audio when asked for. Everything else that a file may carry (tags, places,
chapters, pictures, subtitles, data, messages in the stream) is left out; what is left out is named in the report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np

from passerby.errors import UnsupportedError, UsageError
from passerby.files import atomic_file
from passerby.media.clips.ahead import PassAhead, read_ahead
from passerby.media.clips.audio import AudioCopy, NoAudio
from passerby.media.clips.clip import ClipInfo, open_clip, probe_clip
from passerby.media.clips.encoder import WriteSettings, plan_encoding
from passerby.media.clips.hardware import EncoderChoice, choose_encoder
from passerby.media.clips.muxing import ClipWriter
from passerby.media.clips.output_track import MixedTrack, VideoTrack, mixed_options
from passerby.media.clips.reader import DecodeRecord, Frame
from passerby.media.clips.smartcopy import Group, plan_segments
from passerby.media.clips.supply import Copied, Item, RunEnd, Supply
from passerby.media.frames import cover_whole

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
        no_hardware: Why it is not the hardware that was asked for, in words, or "".
    """

    frames: int
    copied_frames: int
    encoded_frames: int
    covered_frames: int
    lost_frames: int
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    encoder: str
    no_hardware: str = ""


def transcode(
    source: Path,
    target: Path,
    *,
    edit: Edit,
    needs_edit: NeedsEdit,
    settings: WriteSettings | None = None,
    record: DecodeRecord | None = None,
    ahead: PassAhead | None = None,
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
        record: What a whole pass of ``ClipReader.frames`` found, or ``predict_record`` foretold; this pass is held to it.
            Without it nothing is copied.
        ahead: A pass that is under way; ``edit`` and ``needs_edit`` are asked only for what is final.
        progress: Called with the number of frames written so far.

    Raises:
        UsageError: The output's name or a setting is wrong.
        UnreadableError: The input does not decode, or decodes to other frames than before.
        UnsupportedError: The input cannot be written right.
        OutputError: The output cannot be written whole.
    """
    settings = settings or WriteSettings()
    if settings.start_s is not None and settings.end_s is not None and settings.end_s <= settings.start_s:
        raise UsageError(f"end must be after start, got {settings.start_s} to {settings.end_s} s")
    info = probe_clip(source)
    software = plan_encoding(info, target, preset=settings.preset, crf=settings.crf)
    choice = choose_encoder(software, info, settings.hwaccel, crf=settings.crf)
    with atomic_file(target, overwrite=settings.overwrite, inputs=[source]) as beside:
        job = _Job(source, target, info, choice, settings=settings, record=record, ahead=ahead)
        return job.run(beside, edit, needs_edit, progress or (lambda _: None))


class _Job:
    """One clip on its way through decoder, edit and encoder."""

    def __init__(
        self,
        source: Path,
        target: Path,
        info: ClipInfo,
        choice: EncoderChoice,
        *,
        settings: WriteSettings,
        record: DecodeRecord | None,
        ahead: PassAhead | None,
    ) -> None:
        self._source, self._target = source, target
        self._info, self._settings, self._record, self._ahead = info, settings, record, ahead
        self._plan, self._no_hardware = choice.plan, choice.no_hardware
        span_s = (settings.start_s, settings.end_s)
        self._supply = Supply(source, info, choice.plan.pix_fmt, span_s, record=record, ahead=ahead)
        self._covered = self._encoded = self._copied = self._silent = 0
        self._mixed = False
        self._notes = choice.plan.notes

    def run(self, path: Path, edit: Edit, needs_edit: NeedsEdit, progress: Callable[[int], None]) -> WriteReport:
        segments = self._segments(needs_edit)
        items = read_ahead(self._supply.frames() if segments is None else self._supply.runs(segments))
        try:
            first = next(items, None)
            if first is None or isinstance(first, RunEnd):
                raise UsageError(f"no frame of {self._source.name} lies between start and end")
            shift = first.pts if self._settings.start_s is not None else 0
            extra = mixed_options(self._record) if segments is not None and self._record else {}
            with ClipWriter(path, self._target, self._plan, self._info, extra) as writer:
                if self._settings.keep_metadata:
                    self._keep_tags(writer)
                track = self._track(writer, shift, mixed=segments is not None)
                with self._audio(writer, shift) as audio:
                    self._silent = audio.left_out
                    for item in chain((first,), items):
                        self._write(item, track, edit, needs_edit)
                        if not isinstance(item, RunEnd):
                            audio.write_until(float(item.pts * self._info.time_base))
                            progress(self._encoded + self._copied)
                    track.end_run()
                    audio.write_until(math.inf)
            if self._ahead is not None:
                self._record = self._ahead.end(self._copied + self._encoded if self._supply.whole else None)
        finally:
            if self._ahead is not None:
                self._ahead.leave()  # or reading ahead might wait for ever
            items.close()
        return self._report()

    def _segments(self, needs_edit: NeedsEdit) -> Iterator[Group] | None:
        """Decide what is copied; None means that everything is encoded."""
        record = self._record
        if self._settings.full_reencode or record is None:
            return None
        reason = record.copyable.reason
        if not reason and self._plan.in_hardware:
            reason = "groups that hardware encodes do not stand beside copied ones"
        if not reason and not (self._plan.encoder == "libx264" and self._plan.muxer in {"mp4", "mov", "matroska"}):
            reason = "the output is of another kind"
        if not reason and self._plan.pix_fmt != self._info.pix_fmt:
            reason = "the pixel format changes"
        if not reason:
            span = (self._first_index(), int(np.searchsorted(record.pts, self._supply.end)))
            self._mixed = True
            stays = self._ahead.stays if self._ahead is not None else lambda start, stop: not needs_edit(start, stop)
            return plan_segments(record.copyable, len(record.pts), span, stays)
        self._notes += (f"nothing was copied: {reason}",)
        return None

    def _first_index(self) -> int:
        return 0 if self._record is None else int(np.searchsorted(self._record.pts, self._supply.start))

    def _track(self, writer: ClipWriter, shift: int, *, mixed: bool) -> VideoTrack:
        if mixed and self._record is not None:
            return MixedTrack(writer, self._plan, self._info, shift, record=self._record, first=self._first_index())
        return VideoTrack(writer, self._plan, self._info, shift)

    def _write(self, item: Item, track: VideoTrack, edit: Edit, needs_edit: NeedsEdit) -> None:
        if isinstance(item, RunEnd):
            track.end_run()
        elif isinstance(item, Copied):
            if not isinstance(track, MixedTrack):
                raise UnsupportedError("a packet must not be copied into an encoded track")
            track.write_copied(item)
            self._copied += 1
        else:
            self._paint(item, edit, needs_edit)
            track.write_frame(item)
            self._encoded += 1

    def _paint(self, frame: Frame, edit: Edit, needs_edit: NeedsEdit) -> None:
        if self._ahead is not None:
            self._ahead.meet(frame)
        if needs_edit(frame.index, frame.index + 1):
            frame.picture.make_writable()  # the decoder still predicts from these pixels
            edit(frame.index, frame.picture)
        if frame.corrupt or (self._record is not None and frame.index in self._record.corrupt):
            cover_whole(frame.picture)
            self._covered += 1

    def _keep_tags(self, writer: ClipWriter) -> None:
        container = open_clip(self._source)
        try:
            kept = writer.keep_tags(container)
        finally:
            container.close()
        if kept:
            self._notes += (f"kept: {', '.join(kept)}",)

    def _audio(self, writer: ClipWriter, shift: int) -> AudioCopy | NoAudio:
        if not (self._settings.keep_audio and self._info.audio_streams):
            return NoAudio(self._info.audio_streams)
        start_s, end_s = self._settings.start_s, self._settings.end_s
        span_s = (-math.inf if start_s is None else start_s, math.inf if end_s is None else end_s)
        shift_s = Fraction(shift) * self._info.time_base
        return AudioCopy(self._source, writer, span_s, shift_s, keep_language=self._settings.keep_metadata)

    def _report(self) -> WriteReport:
        if self._mixed and not self._copied:
            self._notes += ("nothing was copied: no group of pictures stays as it is",)
        dropped = self._info.beside
        if self._silent:
            dropped += (f"{self._silent} audio track{'s' * (self._silent > 1)}",)
        if self._record is not None:
            self._notes += _told(self._record)
        return WriteReport(
            frames=self._copied + self._encoded,
            copied_frames=self._copied,
            encoded_frames=self._encoded,
            covered_frames=self._covered,
            lost_frames=self._supply.lost,
            dropped=dropped,
            notes=self._notes,
            encoder=self._plan.encoder,
            no_hardware=self._no_hardware,
        )


def _told(record: DecodeRecord) -> tuple[str, ...]:
    """Say in words what is odd about a clip."""
    notes: tuple[str, ...] = ()
    if record.truncated:
        notes += ("the input ends before its own index says it does",)
    if record.jumps:
        notes += (f"the clip's clock jumps {record.jumps} times: what follows a jump goes on at once",)
    if record.resized:
        notes += (f"the picture changes its size, and is fitted to the first: {', '.join(record.resized)}",)
    return notes
