"""``veil --until-clean``: an output is verified, and what seems left is covered, a few rounds long."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np

from passerby.cli.progress import Report
from passerby.cli.veil.verify import opened_verifiers
from passerby.files import HIDDEN_PREFIX
from passerby.veil import (
    Detector,
    TrackBox,
    VeiledFile,
    VeilSettings,
    append_tracks,
    mend_file,
    sidecar_header,
    tracks_from_edited,
    veil_file,
    verify_file,
)

MOST_ROUNDS = 3
"""A detector that goes on seeing faces in what was covered for it is not helped by more. Source: a choice."""


def cover_until_clean(
    source: Path, beside: Path, settings: VeilSettings, veiled: VeiledFile, *, detector: Detector, progress: Report
) -> tuple[VeiledFile, tuple[str, ...]]:
    """Verify an output, and cover what seems left until nothing does, or for three rounds.

    Args:
        source: The input.
        beside: The output, still under its hidden name; it is replaced.
        settings: It was made with.
        veiled: What was done.
        detector: It was made with.
        progress: Told as it goes.

    Returns:
        What was done in the end, and sentences about the rounds.

    Raises:
        PasserbyError: a round could not be done.
    """
    notes: tuple[str, ...] = ()
    with opened_verifiers() as verifiers:
        for round_ in range(MOST_ROUNDS + 1):
            found = verify_file(beside, verifiers, progress=lambda done, total: progress("verifying", done, total))
            places = f"{len(found.exposed)} place{'s' * (len(found.exposed) != 1)}"
            if not found.exposed:
                notes += ("verified: no face detected; that is no proof that none is there",)
                break
            if round_ == MOST_ROUNDS:
                notes += (
                    f"verified: after {MOST_ROUNDS} rounds a face still seems to be left at {places}; verify lists them",
                )
                break
            notes += (f"round {round_ + 1}: covered what seemed left at {places}",)
            boxes = _in_input(found.boxes, veiled, settings)
            veiled = _again(source, beside, settings, veiled, boxes, detector=detector, progress=progress)
    return veiled, notes


def _again(
    source: Path,
    beside: Path,
    settings: VeilSettings,
    veiled: VeiledFile,
    boxes: tuple[TrackBox, ...],
    *,
    detector: Detector,
    progress: Report,
) -> VeiledFile:
    """Write an output once more with further boxes: only what changed, where that goes."""
    tracks = append_tracks(veiled.tracks, tracks_from_edited(boxes))
    fresh = beside.with_name(f"{HIDDEN_PREFIX}{secrets.token_hex(16)}{beside.suffix}")
    try:
        header, _ = sidecar_header(veiled, settings)
        done = mend_file(source, beside, fresh, settings, header=header, tracks=tracks, progress=progress)
        if isinstance(done, str):
            done = veil_file(source, fresh, settings, detector=detector, tracks=tracks, progress=progress)
        fresh.replace(beside)
    finally:
        fresh.unlink(missing_ok=True)
    seconds = veiled.report.seconds + done.report.seconds
    return replace(done, report=replace(done.report, seconds=seconds), watched=veiled.watched or done.watched)


def _in_input(boxes: tuple[TrackBox, ...], veiled: VeiledFile, settings: VeilSettings) -> tuple[TrackBox, ...]:
    """Count the frames of boxes from the input's first, not from the output's."""
    start_s = settings.write.start_s
    if veiled.watched is None or start_s is None:
        return boxes
    times_s = veiled.watched.record.pts * float(veiled.watched.info.time_base)
    first = int(np.searchsorted(times_s, start_s))
    return tuple(replace(box, frame=box.frame + first) for box in boxes)
