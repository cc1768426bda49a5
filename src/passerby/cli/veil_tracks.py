"""Tracks in and out of ``passerby veil``: sidecar, labels of other tools, contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from passerby.errors import UsageError
from passerby.values import Track, digest_file
from passerby.veil import Veiled, VeilSettings
from passerby.veil.contact import contact_sheets, save_sheets
from passerby.veil.edits import RUN_FRAMES, added, merged, run_digests, tracks_from_edited
from passerby.veil.labels import MOT_SUFFIXES, is_sidecar, read_labels, write_coco, write_mot
from passerby.veil.mend import settings_digest
from passerby.veil.report import Place, doubtful_places
from passerby.veil.sidecar import Header, check_source, marks_of, read_sidecar, write_sidecar


def tracks_of(paths: Sequence[Path], source: Path) -> tuple[Header, tuple[Track, ...]]:
    """Return the tracks of the one sidecar among the files, with the boxes of all others on top.

    Args:
        paths: Sidecar, COCO and MOT files as typed.
        source: The input that they belong to.

    Raises:
        UsageError: there is not exactly one sidecar, or one does not belong to the input.
        UnreadableError: one cannot be read.
    """
    sidecars = [path for path in paths if is_sidecar(path)]
    if len(sidecars) != 1:
        raise UsageError(
            f"--tracks-in needs exactly one sidecar of Passerby's, got {len(sidecars)}",
            hint="--tracks-out tracks.json writes it; boxes from other tools (COCO, MOT) come on top of it",
        )
    header, marks = read_sidecar(sidecars[0])
    check_source(header, digest_file(source), sidecars[0])
    tracks = tracks_from_edited(marks)
    for path in paths:
        if path != sidecars[0]:
            found = read_labels(path, header.width, header.height, header.frames)
            tracks = added(tracks, tracks_from_edited(found))
    return header, tracks


def header_of(veiled: Veiled, settings: VeilSettings, version: str) -> tuple[Header, list[float]]:
    """Return the sidecar's header and the time of each frame in seconds."""
    report = veiled.report
    times_s, time_base = [0.0], Fraction(1, 1)
    whole: tuple[tuple[int, int], ...] = ()
    if veiled.watched is not None:
        whole = merged((frame, frame) for frame in veiled.watched.unjudged)
        time_base = veiled.watched.info.time_base
        times_s = [float(int(ticks) * time_base) for ticks in veiled.watched.seen.pts]
    frames = len(times_s)
    header = Header(
        report.source_digest, report.width, report.height, frames, time_base, version, report.weights, report.output_digest,
        settings_digest(settings), RUN_FRAMES, run_digests(veiled.tracks, frames), whole,
    )  # fmt: skip
    return header, times_s


def write_tracks(path: Path, veiled: Veiled, settings: VeilSettings, version: str) -> None:
    """Write tracks: MOT for ``.csv`` and ``.txt``, COCO for ``.coco.json``, otherwise our sidecar.

    Raises:
        OutputError: they cannot be written.
    """
    header, times_s = header_of(veiled, settings, version)
    marks = marks_of(veiled.tracks)
    if path.suffix in MOT_SUFFIXES:
        write_mot(path, marks)
    elif path.name.endswith(".coco.json"):
        write_coco(path, header, marks)
    else:
        write_sidecar(path, header, marks, times_s)


def contact_sheet(path: Path, veiled: Veiled, target: Path, settings: VeilSettings) -> list[Path]:
    """Write the numbered contact sheets beside the tracks, from the veiled output alone.

    Raises:
        UnreadableError: the output does not decode.
        OutputError: a sheet cannot be written.
    """
    report = veiled.report
    size, rotation, times_s = (report.width, report.height), 0, [0.0]
    tracks = tuple(track for track in veiled.tracks if len(track.xyxy))
    if veiled.watched is not None:
        rotation = veiled.watched.info.rotation_deg
        times_s = [veiled.watched.time_s(frame) for frame in range(len(veiled.watched.seen.pts))]
        tracks, times_s = _cut(tracks, times_s, settings)
    sheets = contact_sheets(target, tracks, times_s, size, rotation)
    return save_sheets(path, sheets, overwrite=settings.write.overwrite)


def places_of(veiled: Veiled, settings: VeilSettings) -> tuple[tuple[Place, ...], int]:
    """Return where a person should look in the output, and how many places more there are than are listed."""
    if veiled.watched is None:
        still = veiled.still
        faint = [] if still is None else zip(still.doubts.xyxy.tolist(), still.doubts.score.tolist(), strict=True)
        return doubtful_places(veiled.tracks, [0.0], [(0, (x0, y0, x1, y1), s) for (x0, y0, x1, y1), s in faint])
    watched = veiled.watched
    times_s = [watched.time_s(frame) for frame in range(len(watched.seen.pts))]
    start_s, end_s = settings.write.start_s or 0.0, settings.write.end_s
    doubts = []
    for doubt in watched.doubts:
        x0, y0, x1, y1 = doubt.xyxy.tolist()
        doubts.append((doubt.frame, (x0, y0, x1, y1), doubt.score))
    places, left_out = doubtful_places(veiled.tracks, times_s, doubts)
    return tuple(p for p in places if start_s <= p.time_s and (end_s is None or p.time_s < end_s)), left_out


def begins_s(veiled: Veiled, settings: VeilSettings) -> float:
    """Return the time of the input that is 0 in the output."""
    start_s = settings.write.start_s
    if veiled.watched is None or start_s is None:
        return 0.0
    times_s = (veiled.watched.time_s(frame) for frame in range(len(veiled.watched.seen.pts)))
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
