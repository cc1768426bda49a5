"""Mends an earlier output after its tracks were edited: only groups of pictures that changed are encoded, from the input.

Everything else is copied from the earlier output packet for packet. What cannot be mended so is veiled anew from the input.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

from passerby.errors import UnreadableError, UsageError
from passerby.files import check_target
from passerby.media import (
    ClipReader,
    ContentKind,
    DecodeRecord,
    Frame,
    HwAccel,
    WriteReport,
    plain_values,
    protect_process,
    read_ahead,
    sniff_file,
    transcode,
)
from passerby.values import Digest, Track, digest_file
from passerby.veil.cover import Painter, Plan, elements_of, layout_of, zone_share
from passerby.veil.review import CoveredWhole, SidecarHeader, VeilReport, changed_intervals, face_sizes, run_digests
from passerby.veil.run.file import VeiledFile
from passerby.veil.run.watch import WatchedClip
from passerby.veil.settings import VeilSettings

SAME_TIME_S = 0.002
"""Frames of input and earlier output belong together when they are shown at most this far apart; clocks of containers differ.
Chosen, not measured."""
Progress = Callable[[str, int, int | None], None]


def settings_digest(settings: VeilSettings) -> Digest:
    """Return a digest of what decides how frames look: cover, encoder, span."""
    write, cover = settings.write, settings.cover
    image = digest_file(cover.image) if cover.image is not None else None
    told = [
        cover.style, cover.fill, image, cover.mask_scale, [zone.points for zone in cover.zones],
        [zone.points for zone in cover.exclude_zones], cover.mosaic_cells, [], write.start_s, write.end_s,
        write.preset, write.crf, write.keep_audio, write.keep_metadata,
        # who is kept and what is soft stands in the digests of the runs
        *(["heads"] if cover.heads else []),  # added when there were sidecars already: theirs must stay as they are
    ]  # fmt: skip
    return Digest("sha256:" + hashlib.sha256(json.dumps(told).encode()).hexdigest())


def why_not(header: SidecarHeader, earlier: Path, settings: VeilSettings) -> str | None:
    """Return why an earlier output cannot be mended, or None.

    Raises:
        UsageError: the file is not the output that the sidecar belongs to: naming another one is a mistake.
        UnreadableError: it cannot be read.
    """
    try:
        digest = digest_file(earlier)
    except OSError as error:
        raise UnreadableError(f"{earlier} must be readable, got: {error.strerror or error}") from error
    if header.output != digest:
        raise UsageError(
            f"--mend must name the output that the tracks were written with, got another file: {earlier}",
            hint="name that output, or leave --mend out: then the whole clip is veiled anew",
        )
    if sniff_file(earlier).kind is ContentKind.PICTURE:
        return "pictures have no groups"
    if not header.runs or header.run_frames is None or header.weights is None:
        return "the tracks do not say how they were"
    if settings.write.start_s is not None or settings.write.end_s is not None:
        return "only whole clips are mended"
    if header.settings != settings_digest(settings):
        return "the settings are others than the earlier output's"
    return None


def mend_file(
    source: Path,
    earlier: Path,
    target: Path,
    settings: VeilSettings,
    *,
    header: SidecarHeader,
    tracks: tuple[Track, ...],
    progress: Progress | None = None,
) -> VeiledFile | str:
    """Write the earlier output again with edited tracks.

    Args:
        source: The bare input.
        earlier: What was made from it.
        target: The new output.
        settings: The same as then.
        header: Of the sidecar that was written then.
        tracks: As edited.
        progress: Told what is being done, frames done, frames in all.

    Returns:
        What was done, or why it cannot be mended: then nothing was written.

    Raises:
        UsageError: the target or the earlier output is wrong.
        MediaError: a file cannot be read, or written right.
        OutputError: the output cannot be written whole.
    """
    check_target(target, overwrite=settings.write.overwrite, inputs=[source, earlier])
    protect_process()
    began = time.monotonic()
    told = progress or (lambda *_: None)
    if reason := why_not(header, earlier, settings):
        return reason
    was = _decode_record(earlier, lambda done: told("watching", done, header.frames))
    if was.copyable.reason:
        return f"nothing of the earlier output can be copied: {was.copyable.reason}"
    if len(was.pts) != header.frames:
        return f"the earlier output has {len(was.pts)} frames and the tracks speak of {header.frames}"
    run_frames, cover = header.run_frames or 1, settings.cover
    # sidecars of before the desk hold digests that tell numbers too; either says that nothing changed
    new, also = (run_digests(tracks, header.frames, run_frames, cover, numbered=told) for told in (False, True))
    if len(new) == len(header.runs):
        new = tuple(was if was == old else now for now, old, was in zip(new, also, header.runs, strict=True))
    changed = changed_intervals(header.runs, new, header.frames, run_frames)
    with ClipReader(source) as original, ClipReader(earlier) as made:
        watched = WatchedClip(made.info, was, tracks, (), _frames_of(header.whole), 0, header.cuts)
        stand_in = _StandIn(original, watched, settings)
        try:
            written = transcode(
                earlier,
                target,
                edit=stand_in.edit,
                needs_edit=lambda start, stop: any(first < stop and last >= start for first, last in changed),
                settings=replace(settings.write, hwaccel=HwAccel.NONE),  # or nothing could be copied
                record=was,
                progress=lambda done: told("writing", done, header.frames),
            )
        finally:
            stand_in.close()
    seconds = time.monotonic() - began
    return _veiled(source, target, settings, header, watched=watched, written=written, seconds=seconds)


def _veiled(
    source: Path,
    target: Path,
    settings: VeilSettings,
    header: SidecarHeader,
    *,
    watched: WatchedClip,
    written: WriteReport,
    seconds: float,
) -> VeiledFile:
    plan = _plan(watched, settings)
    painter = Painter(settings.cover, header.width, header.height)
    covered = sum(
        painter.area_px(plan.boxes_at(n), whole=n in plan.whole, soft=plan.soft_at(n)) for n in range(plan.frames)
    )
    cover = settings.cover
    report = VeilReport(
        source=source.name,
        source_digest=header.source,
        output=target.name,
        output_digest=digest_file(target),
        device="no detector: the boxes were given",
        weights=header.weights or Digest(""),
        width=header.width,
        height=header.height,
        frames=written.frames,
        frames_encoded=written.encoded_frames,
        frames_with_cover=plan.frames_touched,
        covered_share=covered / max(1, header.width * header.height * plan.frames),
        seconds=seconds,
        sizes=face_sizes(watched.tracks),
        whole=(CoveredWhole("nothing could be judged when the tracks were made", len(plan.whole)),)
        if plan.whole
        else (),
        zones=tuple(zone.name for zone in cover.zones),
        exclude_zones=tuple((zone.name, zone_share(zone)) for zone in cover.exclude_zones),
        kept_tracks=tuple(sorted(cover.keep)),
        settings=plain_values(settings),
        encoder=written.encoder,
        notes=(*written.notes, "mended: groups of pictures without a changed box were copied from the earlier output"),
    )
    return VeiledFile(report, watched.tracks, watched=watched)


def _frames_of(intervals: tuple[tuple[int, int], ...]) -> frozenset[int]:
    return frozenset(frame for first, last in intervals for frame in range(first, last + 1))


def _plan(watched: WatchedClip, settings: VeilSettings) -> Plan:
    cover, frames = settings.cover, len(watched.record.pts)
    return Plan(
        watched.tracks,
        frames,
        whole=watched.unjudged,
        keep=cover.keep,
        soft=cover.soft,
        always=bool(cover.zones),
    )


def _decode_record(path: Path, told: Callable[[int], None]) -> DecodeRecord:
    with ClipReader(path) as clip:
        for frame in clip.frames():
            told(frame.index + 1)
        return clip.record


class _StandIn:
    """Puts the input's own pixels, freshly covered, in the place of the earlier output's."""

    def __init__(self, original: ClipReader, watched: WatchedClip, settings: VeilSettings) -> None:
        self._frames = read_ahead(original.frames())
        self._watched = watched
        self._plan = _plan(watched, settings)
        self._painter = Painter(settings.cover, watched.info.width_px, watched.info.height_px)
        self._reformatter = VideoReformatter()

    def edit(self, index: int, picture: av.VideoFrame) -> None:
        """Replace and cover one frame."""
        frame = self._frame(index)
        bare = frame.picture
        if bare.format.name != picture.format.name:
            bare = self._reformatter.reformat(bare, format=picture.format.name, threads=1)
        layout = layout_of(picture.format.name)
        for new, old in zip(elements_of(picture, layout), elements_of(bare, layout), strict=True):
            new[:] = old
        whole = index in self._plan.whole or frame.corrupt
        self._painter.paint(picture, self._plan.boxes_at(index), whole=whole, soft=self._plan.soft_at(index))

    def _frame(self, index: int) -> Frame:
        for frame in self._frames:
            if frame.index == index:
                if abs(frame.time_s - self._watched.time_s(index)) > SAME_TIME_S:
                    raise UnreadableError(
                        f"input and earlier output must show frame {index} at the same time, got other times"
                    )
                return frame
        raise UnreadableError(f"input must have frame {index} as the earlier output has, got fewer frames")

    def close(self) -> None:
        """Stop reading."""
        self._frames.close()
