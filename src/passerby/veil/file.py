"""Veils one file: watch it, decide, cover, write. The library call behind ``passerby veil``.

    from passerby import veil
    report = veil.veil_file(Path("in.mp4"), Path("out.mp4"))

Bare frames are in memory only; core dumps are off while they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from passerby.errors import UnsupportedError, UsageError
from passerby.media import Kind, as_plain, check_target, protect_process, sniff, transcode
from passerby.values import Boxes, Track, digest_file
from passerby.veil.cover import Painter
from passerby.veil.detector import Detector
from passerby.veil.plan import Plan
from passerby.veil.report import VeilReport, Whole, sizes_of
from passerby.veil.rules import rules_for
from passerby.veil.settings import VeilSettings
from passerby.veil.still import Still, veil_picture
from passerby.veil.watch import Watched, watch
from passerby.veil.zones import zone_share

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done (``watching``, ``writing``), frames done, and frames in all or None."""


@dataclass(frozen=True, slots=True, eq=False)
class Veiled:
    """A file that was veiled.

    Attributes:
        report: What was done.
        tracks: Every followed face.
        watched: What is known of the clip; None for a picture.
        still: What is known of the picture; None for a clip.
    """

    report: VeilReport
    tracks: tuple[Track, ...]
    watched: Watched | None = None
    still: Still | None = None


def veil_file(
    source: Path,
    target: Path,
    settings: VeilSettings | None = None,
    *,
    detector: Detector | None = None,
    tracks: tuple[Track, ...] | None = None,
    progress: Progress | None = None,
) -> Veiled:
    """Hide every face in a picture or clip.

    Args:
        source: The file; its content tells what it is, not its name.
        target: The output; its suffix names the container. It appears whole or not at all.
        settings: What is covered and how; None takes the defaults.
        detector: One that is open already; None opens one for this file.
        tracks: Faces as they were edited by hand, instead of looking for them.
        progress: Told as it goes.

    Raises:
        UsageError: the target, a setting or the kind of file is wrong.
        MediaError: the file cannot be read or written right.
        VeilError: the detector failed at every look.
    """
    settings = settings or VeilSettings()
    check_target(target, overwrite=settings.write.overwrite, inputs=[source])
    protect_process()
    content = sniff(source)
    if content.kind not in {Kind.PICTURE, Kind.CLIP}:
        raise UnsupportedError(f"{source.name} must be a picture or a clip, got {content.name}")
    opened = detector or Detector(settings.find)
    try:
        if content.kind is Kind.PICTURE:
            return _picture(source, target, settings, opened, tracks)
        return _clip(source, target, settings, opened, tracks, progress or (lambda *_: None))
    finally:
        if detector is None:
            opened.close()


def _picture(
    source: Path, target: Path, settings: VeilSettings, detector: Detector, tracks: tuple[Track, ...] | None
) -> Veiled:
    began = time.monotonic()
    still = veil_picture(source, target, settings, detector, tracks)
    report = VeilReport(
        **_common(source, target, settings, detector),
        width=still.width,
        height=still.height,
        frames=1,
        frames_encoded=1,
        frames_with_cover=int(still.covered_px > 0),
        covered_share=still.covered_px / (still.width * still.height),
        seconds=time.monotonic() - began,
        sizes=sizes_of(still.tracks),
        notes=still.notes,
    )
    return Veiled(report, still.tracks, still=still)


def _clip(
    source: Path,
    target: Path,
    settings: VeilSettings,
    detector: Detector,
    tracks: tuple[Track, ...] | None,
    progress: Progress,
) -> Veiled:
    began = time.monotonic()
    watched = watch(
        source,
        detector,
        rules_for(settings.find),
        thorough=settings.find.thorough,
        progress=lambda done, total: progress("watching", done, total),
    )
    detector.check_weights()
    detector.rest()
    faces = watched.tracks if tracks is None else tracks
    frames = len(watched.seen.pts)
    _check_keep(settings, faces)
    plan = Plan(faces, frames, whole=watched.unjudged, keep=settings.cover.keep, always=bool(settings.cover.zones))
    painter = Painter(settings.cover, watched.info.width_px, watched.info.height_px)
    covered_px = 0

    def edit(frame: int, picture: av.VideoFrame) -> None:
        nonlocal covered_px
        boxes: Boxes = plan.boxes_at(frame)
        covered_px += painter.paint(picture, boxes, whole=frame in plan.whole)

    written = transcode(
        source,
        target,
        edit=edit,
        needs_edit=plan.touches,
        settings=settings.write,
        seen=watched.seen,
        progress=lambda done: progress("writing", done, frames),
    )
    area = watched.info.width_px * watched.info.height_px
    whole = [Whole("nothing could be judged: the detector failed", len(watched.unjudged))]
    whole.append(Whole("the frame did not decode cleanly", written.covered_frames))
    report = VeilReport(
        **_common(source, target, settings, detector),
        width=watched.info.width_px,
        height=watched.info.height_px,
        frames=written.frames,
        frames_encoded=written.encoded_frames,
        frames_with_cover=plan.frames_touched,
        covered_share=covered_px / max(1, area * written.frames),
        seconds=time.monotonic() - began,
        sizes=sizes_of(faces),
        whole=tuple(one for one in whole if one.frames),
        notes=(*written.notes, *(f"left out: {what}" for what in written.dropped)),
    )
    return Veiled(report, faces, watched=watched)


def _common(source: Path, target: Path, settings: VeilSettings, detector: Detector) -> dict[str, Any]:
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
        "settings": as_plain(settings),
    }


def _check_keep(settings: VeilSettings, tracks: tuple[Track, ...]) -> None:
    unknown = settings.cover.keep - {track.number for track in tracks}
    if unknown:
        raise UsageError(
            f"--keep names tracks that this file has not: {', '.join(map(str, sorted(unknown)))}",
            hint="--tracks-out writes the tracks and a numbered contact sheet",
        )
