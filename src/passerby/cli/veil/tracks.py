"""Tracks that ``passerby veil`` takes: sidecar, and labels of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from passerby.errors import UsageError
from passerby.values import Track, digest_file
from passerby.veil import (
    SidecarHeader,
    append_tracks,
    check_sidecar_source,
    is_sidecar,
    read_labels,
    read_sidecar,
    tracks_from_edited,
)


def tracks_of(paths: Sequence[Path], source: Path) -> tuple[SidecarHeader, tuple[Track, ...]]:
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
    check_sidecar_source(header, digest_file(source), sidecars[0])
    tracks = tracks_from_edited(marks)
    for path in paths:
        if path != sidecars[0]:
            found = read_labels(path, header.width, header.height, header.frames)
            tracks = append_tracks(tracks, tracks_from_edited(found))
    return header, tracks
