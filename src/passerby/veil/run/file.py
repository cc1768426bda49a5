"""Veils one file: watch it, decide, cover, write. The library call behind ``passerby veil``.

    from passerby import veil
    done = veil.veil_file(Path("in.mp4"), Path("out.mp4"))
    print(done.report.frames_with_cover, len(done.tracks))

Bare frames are in memory only; core dumps are off while they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from passerby.errors import UnreadableError, UnsupportedError, UsageError
from passerby.files import check_target
from passerby.media import (
    ContentKind,
    WriteReport,
    plain_values,
    predict_record,
    probe_clip,
    protect_process,
    sniff_file,
    transcode,
)
from passerby.values import Boxes, Track, digest_file
from passerby.veil.cover import Painter, Plan, zone_share
from passerby.veil.detect import Detector, LoadedDetector, closeup_sizes, pass_size, pass_sizes_px
from passerby.veil.review import CoveredWhole, VeilReport, face_sizes
from passerby.veil.run.findings import Findings, HeldFrames
from passerby.veil.run.image import Still, veil_picture
from passerby.veil.run.overlap import OverlapLimits, OverlappedWatch
from passerby.veil.run.veiled import BeforeCover, CoverHook, UncoveredFaces
from passerby.veil.run.watch import OnFinal, OnFrame, WatchedClip, watch
from passerby.veil.settings import VeilSettings
from passerby.veil.track import UNSURE, Stretches, policy_for

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done (``watching``, ``writing``), frames done, and frames in all or None."""


@dataclass(frozen=True, slots=True, eq=False)
class VeiledFile:
    """A file that was veiled.

    Attributes:
        report: What was done.
        tracks: Every tracked face.
        watched: What is known of the clip; None for a picture.
        still: What is known of the picture; None for a clip.
    """

    report: VeilReport
    tracks: tuple[Track, ...]
    watched: WatchedClip | None = None
    still: Still | None = None


def veil_file(
    source: Path,
    target: Path,
    settings: VeilSettings | None = None,
    *,
    detector: LoadedDetector | None = None,
    tracks: tuple[Track, ...] | None = None,
    progress: Progress | None = None,
    limits: OverlapLimits | None = None,
    before_cover: BeforeCover | None = None,
) -> VeiledFile:
    """Hide every face in a picture or clip.

    Args:
        source: The file; its content tells what it is, not its name.
        target: The output; its suffix names the container. It appears whole or not at all.
        settings: What is covered and how; None takes the defaults.
        detector: One that is open already; None opens one for this file.
        tracks: Faces as they were edited by hand, instead of those that the detector finds.
        progress: Told as it goes.
        limits: What watching and writing at once may take; None takes the defaults.
        before_cover: Told of every frame of a clip that is not covered whole, right before it is covered; not where the
            faces are given or one is kept clear. From where a clip is seen to be damaged nobody knows whose its faces are.

    Raises:
        UsageError: the target, a setting or the kind of file is wrong.
        MediaError: the file cannot be read, or written right.
        OutputError: the output cannot be written whole.
        VeilError: the detector failed in every pass.
    """
    settings = settings or VeilSettings()
    check_target(target, overwrite=settings.write.overwrite, inputs=[source])
    protect_process()
    content = sniff_file(source)
    if content.kind not in {ContentKind.PICTURE, ContentKind.CLIP}:
        raise UnsupportedError(f"{source.name} must be a picture or a clip, got {content.name}")
    own = None
    if detector is None:
        detector = own = Detector(settings.find)
    try:
        if content.kind is ContentKind.PICTURE:
            detector.prepare()
            return _picture(source, target, settings, detector, tracks)
        hook = CoverHook(before_cover) if before_cover else None
        job = _Clip(source, target, settings, detector, progress=progress, limits=limits or OverlapLimits(), hook=hook)
        return job.veil(tracks)
    finally:
        if own is not None:
            own.close()


def _picture(
    source: Path, target: Path, settings: VeilSettings, detector: LoadedDetector, tracks: tuple[Track, ...] | None
) -> VeiledFile:
    began = time.monotonic()
    still = veil_picture(source, target, settings, detector, tracks)
    report = VeilReport(
        **_common(source, target, settings, detector),
        width=still.width,
        height=still.height,
        frames=len(still.covered_px),
        frames_encoded=len(still.covered_px),
        frames_with_cover=sum(px > 0 for px in still.covered_px),
        covered_share=sum(still.covered_px) / still.area_px,
        seconds=time.monotonic() - began,
        sizes=face_sizes(still.tracks),
        notes=still.notes,
    )
    return VeiledFile(report, still.tracks, still=still)


class _Clip:
    """One clip on its way from input to output."""

    def __init__(
        self,
        source: Path,
        target: Path,
        settings: VeilSettings,
        detector: LoadedDetector,
        *,
        progress: Progress | None,
        limits: OverlapLimits,
        hook: CoverHook | None = None,
    ) -> None:
        self._source, self._target, self._settings = source, target, settings
        self._detector, self._limits = detector, limits
        self._progress: Progress = progress or (lambda *_: None)
        self._covered_px = 0
        self._hook, self._stretches = hook, Stretches() if hook else None
        self._told = 0

    def veil(self, tracks: tuple[Track, ...] | None) -> VeiledFile:
        """Watch and write, at once where that is possible, with these faces covered instead of those found."""
        began = time.monotonic()
        both = tracks is None and not self._settings.cover.keep
        watched, written = self._write_while_watched() if both else (None, None)
        if watched is None or written is None:
            watched = watched or self._watch()
            written = self._write(watched, watched.tracks if tracks is None else tracks, tell=both)
        faces = watched.tracks if tracks is None else tracks
        return VeiledFile(self._report(watched, written, faces, time.monotonic() - began), faces, watched=watched)

    def _report(
        self, watched: WatchedClip, written: WriteReport, faces: tuple[Track, ...], seconds: float
    ) -> VeilReport:
        area = watched.info.width_px * watched.info.height_px
        whole = [CoveredWhole("nothing could be judged: the detector failed", len(watched.unjudged))]
        whole.append(CoveredWhole("the frame did not decode cleanly", written.covered_frames))
        return VeilReport(
            **_common(self._source, self._target, self._settings, self._detector),
            width=watched.info.width_px,
            height=watched.info.height_px,
            frames=written.frames,
            frames_encoded=written.encoded_frames,
            frames_with_cover=self._plan(watched, faces).frames_touched,
            covered_share=self._covered_px / max(1, area * written.frames),
            seconds=seconds,
            sizes=face_sizes(faces),
            whole=tuple(one for one in whole if one.frames),
            encoder=written.encoder,
            no_hardware=written.no_hardware,
            notes=(*written.notes, *(f"left out: {what}" for what in written.dropped)),
        )

    def _watch(self, *, on_frame: OnFrame | None = None, on_final: OnFinal | None = None) -> WatchedClip:
        """Say where faces are, and give back the memory that inference took."""
        watched = watch(
            self._source,
            self._detector,
            policy_for(self._settings.find),
            thorough=self._settings.find.thorough,
            progress=partial(self._progress, "watching"),
            on_frame=on_frame,
            on_final=on_final,
            stretches=self._stretches,
        )
        self._detector.check_weights()
        self._detector.rest()
        return watched

    def _write_while_watched(self) -> tuple[WatchedClip, WriteReport | None]:
        """Write what is final while the rest is watched; without a report where the clip is damaged."""
        info = probe_clip(self._source)
        size, find, limits = (info.width_px, info.height_px), self._settings.find, self._limits
        sides = pass_sizes_px(*size, thorough=find.thorough)
        passes = [pass_size(side, size, self._detector.multiple) for side in sides]
        self._detector.prepare([*passes, *closeup_sizes()])
        promised = None if self._settings.write.full_reencode else predict_record(self._source, info)
        painter = Painter(self._settings.cover, *size)
        findings = Findings(self._source.name, promised, always=bool(self._settings.cover.zones))
        wait_frames = limits.wait_frames or policy_for(find).wait_frames(info.rate)
        held = HeldFrames(limits.held_bytes, wait_frames)

        def edit(frame: int, picture: av.VideoFrame) -> None:
            whole, boxes = findings.is_whole(frame), findings.take_boxes(frame)
            if self._hook is not None:
                shown_ns = int(findings.pts_at(frame) * info.time_base * 1_000_000_000)
                self._tell(frame, picture, boxes, shown_ns, whole=whole)
            self._covered_px += painter.paint(picture, boxes, whole=whole)

        with OverlappedWatch(self._watch, findings, held, patience_s=limits.patience_s) as ahead:
            try:
                written = transcode(
                    self._source,
                    self._target,
                    edit=edit,
                    needs_edit=findings.needs_edit,
                    settings=self._settings.write,
                    record=promised,
                    ahead=ahead,
                    progress=lambda done: self._progress("writing", done, info.frames_estimate),
                )
            except UnreadableError:
                watched = ahead.watched()
                if not findings.surprised:
                    raise
                self._covered_px = 0
                return watched, None
            return ahead.watched(), written

    def _tell(self, frame: int, picture: av.VideoFrame, boxes: Boxes, shown_ns: int, *, whole: bool) -> None:
        """Tell who asked of a frame that is about to be covered."""
        if self._hook is None or self._stretches is None:
            return
        tracks, stretches = self._stretches.take_final(frame)
        self._told = frame + 1
        if not whole:
            self._hook.call(UncoveredFaces(picture, shown_ns, boxes, tracks, stretches))

    def _write(self, watched: WatchedClip, faces: tuple[Track, ...], *, tell: bool) -> WriteReport:
        """Write the clip after it was watched, with these faces covered; tell who asked of what was not told before."""
        plan = self._plan(watched, faces)
        painter = Painter(self._settings.cover, watched.info.width_px, watched.info.height_px)

        def edit(frame: int, picture: av.VideoFrame) -> None:
            whole, soft, boxes = frame in plan.whole, plan.soft_at(frame), plan.boxes_at(frame)
            if tell and self._hook is not None and frame >= self._told and not whole:
                shown_ns = int(watched.record.pts[frame] * watched.info.time_base * 1_000_000_000)
                unsure = np.full(len(boxes), UNSURE, np.intp)
                self._hook.call(UncoveredFaces(picture, shown_ns, boxes, (UNSURE,) * len(boxes), unsure))
            self._covered_px += painter.paint(picture, boxes, whole=whole, soft=soft)

        return transcode(
            self._source,
            self._target,
            edit=edit,
            needs_edit=plan.touches,
            settings=self._settings.write,
            record=watched.record,
            progress=lambda done: self._progress("writing", done, plan.frames),
        )

    def _plan(self, watched: WatchedClip, faces: tuple[Track, ...]) -> Plan:
        """Say what is covered where.

        Raises:
            UsageError: a track that is to stay clear is not there.
        """
        cover = self._settings.cover
        _check_keep(self._settings, faces)
        return Plan(
            faces,
            len(watched.record.pts),
            whole=watched.unjudged,
            keep=cover.keep,
            soft=cover.soft,
            always=bool(cover.zones),
        )


def _common(source: Path, target: Path, settings: VeilSettings, detector: LoadedDetector) -> dict[str, Any]:
    return {
        "source": source.name,
        "source_digest": digest_file(source),
        "output": target.name,
        "output_digest": digest_file(target),
        "device": detector.runs_on,
        "weights": detector.digest,
        "zones": tuple(zone.name for zone in settings.cover.zones),
        "exclude_zones": tuple((zone.name, zone_share(zone)) for zone in settings.cover.exclude_zones),
        "kept_tracks": tuple(sorted(settings.cover.keep)),
        "settings": plain_values(settings),
    }


def _check_keep(settings: VeilSettings, tracks: tuple[Track, ...]) -> None:
    unknown = settings.cover.keep - {track.number for track in tracks}
    if unknown:
        raise UsageError(
            f"--keep names tracks that this file has not: {', '.join(map(str, sorted(unknown)))}",
            hint="--tracks-out writes the tracks and a numbered contact sheet",
        )
