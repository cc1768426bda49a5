"""What belongs beside a veiled file: tracks, their contact sheets, manifest, and the places for a person to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import passerby
from passerby.media import build_manifest, digest_named, write_manifest
from passerby.values import Track
from passerby.veil.cover import exposed_share, with_margin
from passerby.veil.review import (
    MOT_SUFFIXES,
    RUN_DIGEST_FRAMES,
    ReviewPlace,
    SidecarHeader,
    VeilReport,
    add_place_pictures,
    contact_sheets,
    doubtful_places,
    merge_intervals,
    run_digests,
    save_sheets,
    track_boxes,
    write_labels,
    write_sidecar,
)
from passerby.veil.run.file import VeiledFile
from passerby.veil.run.rerender import settings_digest
from passerby.veil.settings import VeilSettings

BARE_SHARE = 0.1
"""A faint detection of which more than this is not covered anyway is listed."""


def manifest_beside(
    source: Path,
    written: Path,
    target: Path,
    settings: VeilSettings,
    report: VeilReport,
    *,
    also: Mapping[str, Path] | None = None,
) -> Path:
    """Write the manifest of an output that has no name yet, and return where it stands.

    Args:
        source: The input.
        written: The output as it stands, under a hidden name.
        target: The name that it will take.
        settings: What it was made with.
        report: What was done.
        also: What belongs to the output besides, by name, and where it lies.

    Raises:
        OutputError: it cannot be written.
    """
    others = [digest_named(path, name=name) for name, path in (also or {}).items()]
    found = build_manifest(
        inputs=[digest_named(source, digest=report.source_digest)],
        outputs=[digest_named(written, name=target.name), *others],
        settings=settings,
        weights=report.weights,
        encoder=report.encoder,
    )
    return write_manifest(found, target, overwrite=True)


def sidecar_header(veiled: VeiledFile, settings: VeilSettings) -> tuple[SidecarHeader, list[float]]:
    """Return the sidecar's header and the time of each frame in seconds."""
    report = veiled.report
    times_s, time_base = _page_times_s(veiled), Fraction(1, 1)
    whole: tuple[tuple[int, int], ...] = ()
    cuts: tuple[int, ...] = ()
    if veiled.watched is not None:
        whole = merge_intervals((frame, frame) for frame in veiled.watched.unjudged)
        cuts = veiled.watched.cuts
        time_base = veiled.watched.info.time_base
        times_s = [float(int(ticks) * time_base) for ticks in veiled.watched.record.pts]
    frames = len(times_s)
    header = SidecarHeader(
        source=report.source_digest,
        width=report.width,
        height=report.height,
        frames=frames,
        time_base=time_base,
        passerby=passerby.__version__,
        weights=report.weights,
        output=report.output_digest,
        settings=settings_digest(settings),
        run_frames=RUN_DIGEST_FRAMES,
        runs=run_digests(veiled.tracks, frames, cover=settings.cover),
        whole=whole,
        cuts=cuts,
    )
    return header, times_s


def _page_times_s(veiled: VeiledFile) -> list[float]:
    """Return the times of a picture's pages: a page counts as a frame of a second."""
    return [float(page) for page in range(len(veiled.still.doubts))] if veiled.still is not None else [0.0]


def write_tracks(path: Path, veiled: VeiledFile, settings: VeilSettings) -> None:
    """Write tracks: MOT for ``.csv`` and ``.txt``, COCO for ``.coco.json``, otherwise our sidecar.

    Raises:
        OutputError: they cannot be written.
    """
    header, times_s = sidecar_header(veiled, settings)
    marks = track_boxes(veiled.tracks)
    if path.suffix in MOT_SUFFIXES or path.name.endswith(".coco.json"):
        write_labels(path, marks, header.width, header.height)
    else:
        write_sidecar(path, header, marks, times_s)


def write_contact_sheets(path: Path, veiled: VeiledFile, target: Path, settings: VeilSettings) -> list[Path]:
    """Write the numbered contact sheets beside the tracks, from the veiled output alone.

    Raises:
        UnreadableError: the output does not decode.
        OutputError: a sheet cannot be written.
    """
    report = veiled.report
    size, rotation, times_s = (report.width, report.height), 0, _page_times_s(veiled)
    tracks = tuple(track for track in veiled.tracks if len(track.xyxy))
    if veiled.watched is not None:
        rotation = veiled.watched.info.rotation_deg
        times_s = [veiled.watched.time_s(frame) for frame in range(len(veiled.watched.record.pts))]
        tracks, times_s = _cut(tracks, times_s, settings)
    sheets = contact_sheets(target, tracks, times_s, size, rotation)
    return save_sheets(path, sheets, overwrite=settings.write.overwrite)


def _places_of(veiled: VeiledFile, settings: VeilSettings) -> tuple[tuple[ReviewPlace, ...], int]:
    """Return where a person should look in the output, and how many places more there are than are listed."""
    times_s = _page_times_s(veiled)
    if veiled.watched is not None:
        watched = veiled.watched
        times_s = [watched.time_s(frame) for frame in range(len(watched.record.pts))]
    faint = _faint(veiled)
    bare = [(frame, box, score) for frame, box, score in faint if _is_bare(veiled, settings, frame, box)]
    doubts_ = [
        (frame, (box[0], box[1], box[2], box[3]), score) for frame, xyxy, score in bare for box in (xyxy.tolist(),)
    ]
    places, left_out = doubtful_places(_covered(veiled, settings), times_s, doubts_)
    start_s, end_s = settings.write.start_s or 0.0, settings.write.end_s
    inside = [p for p in places if not p.time_s < start_s and (end_s is None or not p.time_s >= end_s)]
    return tuple(inside), left_out


def _faint(veiled: VeiledFile) -> list[tuple[int, NDArray[np.float32], float]]:
    """Return frame or page, box and score of what was not taken for a face."""
    if veiled.watched is not None:
        return [(doubt.frame, doubt.xyxy, doubt.score) for doubt in veiled.watched.doubts]
    pages = veiled.still.doubts if veiled.still is not None else ()
    return [
        (page, box, score)
        for page, doubts in enumerate(pages)
        for box, score in zip(doubts.xyxy, doubts.score.tolist(), strict=True)
    ]


def _covered(veiled: VeiledFile, settings: VeilSettings) -> list[Track]:
    """Return the tracks that hide a face: not those of who is left clear, nor what is only blurred or pixelated."""
    others = settings.cover.keep | {number for number, _ in settings.cover.soft}
    return [track for track in veiled.tracks if track.number not in others]


def _is_bare(veiled: VeiledFile, settings: VeilSettings, frame: int, box: NDArray[np.float32]) -> bool:
    """Whether a faint detection is not hidden by the cover of another face."""
    tracks = _covered(veiled, settings)
    here = [track.xyxy[frame - track.first] for track in tracks if track.first <= frame <= track.last]
    cover, long_side_px = settings.cover, max(veiled.report.width, veiled.report.height)
    covers = with_margin(np.array(here, np.float32), cover.mask_scale, long_side_px, heads=cover.heads)
    return exposed_share(box, covers) > BARE_SHARE


def with_places(veiled: VeiledFile, target: Path, settings: VeilSettings) -> VeilReport:
    """Return the report with the places for a person to look at, each with a picture cut from the veiled output.

    Raises:
        UnreadableError: the output does not decode.
    """
    report, rotation = veiled.report, 0
    places, left_out = _places_of(veiled, settings)
    if veiled.watched is not None:
        rotation = veiled.watched.info.rotation_deg
    size, start_s = (report.width, report.height), _begins_s(veiled, settings)
    shown = add_place_pictures(places, target, size, start_s=start_s, rotation=rotation)
    return replace(report, places=shown, places_left_out=left_out)


def _begins_s(veiled: VeiledFile, settings: VeilSettings) -> float:
    """Return the time of the input that is 0 in the output."""
    start_s = settings.write.start_s
    if veiled.watched is None or start_s is None:
        return 0.0
    times_s = (veiled.watched.time_s(frame) for frame in range(len(veiled.watched.record.pts)))
    return next((time_s for time_s in times_s if time_s >= start_s), 0.0)


def _cut(
    tracks: tuple[Track, ...], times_s: list[float], settings: VeilSettings
) -> tuple[tuple[Track, ...], list[float]]:
    """Leave what lies between start and end, in the output's own frames and times."""
    start_s, end_s = settings.write.start_s, settings.write.end_s
    if start_s is None and end_s is None:
        return tracks, times_s
    inside = [n for n, time_s in enumerate(times_s) if (start_s or 0) <= time_s and (end_s is None or time_s < end_s)]
    if not inside:
        return (), []
    first, last = inside[0], inside[-1]
    left = []
    for track in tracks:
        begin, end = max(track.first, first), min(track.last, last)
        if begin <= end:
            rows = slice(begin - track.first, end - track.first + 1)
            left.append(Track(track.number, begin - first, track.xyxy[rows], track.score[rows]))
    shift = times_s[first] if start_s is not None else 0.0
    return tuple(left), [time_s - shift for time_s in times_s[first : last + 1]]
