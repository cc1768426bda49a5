"""A file that was veiled, for the tests of the desk: no pixels, two tracks, one of them barely detected."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from passerby.desk import DeskState, DeskTrack, Project
from passerby.values import Track, digest_file
from passerby.veil import RUN_DIGEST_FRAMES, CoverSettings, SidecarHeader, run_digests, track_boxes, write_sidecar

FRAMES = 200


def track(number: int, first: int, last: int, x: float, score: float = 0.9) -> Track:
    """Return a face of 20 pixels that goes to the right by a pixel a frame, detected in every eighth frame."""
    steps = np.arange(last - first + 1, dtype=np.float32)
    xyxy = np.stack([x + steps, 0 * steps + 10, x + 20 + steps, 0 * steps + 30], axis=1).astype(np.float32)
    return Track(number, first, xyxy, np.where(steps % 8 == 0, score, 0).astype(np.float32))


TRACKS = (track(1, 10, 90, 30.0), track(2, 20, 60, 200.0), track(3, 110, 150, 130.0), track(4, 40, 48, 400.0, 0.2))


def veiled_file(
    folder: Path,
    tracks: tuple[Track, ...] = TRACKS,
    *,
    content: bytes = b"veiled",
    cover: CoverSettings | None = None,
) -> tuple[Path, Path]:
    """Make a bare input, its output of some content, covered so, and the output's sidecar; return both files."""
    source, veiled = folder / "clip.mp4", folder / "clip_veiled.mp4"
    source.write_bytes(b"bare")
    veiled.write_bytes(content)
    header = SidecarHeader(
        digest_file(source), 640, 360, FRAMES, Fraction(1, 25), "0", output=digest_file(veiled), run_frames=RUN_DIGEST_FRAMES,
        runs=run_digests(tracks, FRAMES, cover=cover),
    )  # fmt: skip
    write_sidecar(veiled.with_name(veiled.name + ".tracks.json"), header, track_boxes(tracks))
    return source, veiled


def opened(folder: Path) -> Project:
    """Open the project of that file, as it is now."""
    return Project.open(folder / "clip.mp4", folder / "clip_veiled.mp4")


def covers_at(state: DeskState, frame: int) -> list[DeskTrack]:
    """Return the tracks that are covered in a frame."""
    return [one for one in state.tracks if not one.kept and one.first <= frame <= one.last]
