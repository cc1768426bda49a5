"""``veil --preview``: one sheet of veiled pictures out of the inputs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from passerby.cli.veil.options import VeilOptions
from passerby.errors import UsageError
from passerby.files import check_target, write_atomic
from passerby.media import OutputJob, SourceKind
from passerby.veil import Detector, VeilSettings, preview_sheet

_SUFFIXES = (".jpg", ".jpeg", ".png")


def check_preview(options: VeilOptions, jobs: Sequence[OutputJob]) -> None:
    """Refuse a preview that could not be written, or would show something else than was asked for.

    Raises:
        UsageError: that is so.
    """
    sheet = options.preview
    if sheet is None:
        return
    if sheet.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"--preview writes one sheet, .jpg or .png, got {sheet}", hint="--preview preview.jpg")
    for name, value in (
        ("--tracks-in", options.tracks_in),
        ("--tracks-out", options.tracks_out),
        ("--report", options.report),
    ):
        if value:
            raise UsageError(f"--preview does not go with {name}", hint="it veils no file; leave one of them out")
    if any(job.source.kind is SourceKind.CAMERA for job in jobs):
        raise UsageError("--preview does not go with a camera", hint="record some seconds: --end 10")
    check_target(sheet, overwrite=options.overwrite, inputs=[job.source.path for job in jobs])


def write_preview(options: VeilOptions, settings: VeilSettings, jobs: Sequence[OutputJob], sheet: Path) -> None:
    """Write the sheet, and say its name.

    Raises:
        PasserbyError: it cannot be made.
    """
    detector = Detector(settings.find)
    try:
        data = preview_sheet([job.source.path for job in jobs], detector, settings, suffix=sheet.suffix.lower())
    finally:
        detector.close()
    write_atomic(sheet, data, overwrite=options.overwrite)
    typer.echo(str(sheet))
    if not options.quiet:
        typer.echo("each picture was veiled by itself; the run follows faces too, and covers more", err=True)
