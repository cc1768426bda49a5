"""``passerby demo``: veils a clip that it makes itself, and shows what came of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from passerby.veil import DemoResult


SECONDS = 6.0
"""Length of the clip, so that the whole command takes less than a minute on two cores."""


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the result; what is in it is replaced.")
    ] = Path("demo-output"),
    thorough: Annotated[bool, typer.Option("--thorough", help="Look at more frames and sizes.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
) -> None:
    """Make a short clip of one public-domain portrait in several sizes, veil it, and measure what is left."""
    show_demo(output, thorough=thorough, quiet=quiet)


def show_demo(output: Path, *, thorough: bool, quiet: bool, seconds: float = SECONDS) -> None:
    """Veil a clip that is made for it, and print what came of it.

    Args:
        output: Folder for the result; made where it is missing.
        thorough: Look at more frames and sizes.
        quiet: Show no progress.
        seconds: Length of the clip.

    Raises:
        OutputError: the folder or what belongs into it cannot be written.
        MediaError: the portrait is missing.
    """
    from passerby.cli.progress import progress_for
    from passerby.errors import OutputError
    from passerby.files import unwind_on_signals
    from passerby.media import protect_process
    from passerby.veil import FindSettings, VeilSettings, WriteSettings, run_demo, with_places, write_report

    protect_process()
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output} must be a folder, got: {error.strerror or error}") from error
    target = output / "demo_veiled.mp4"
    settings = VeilSettings(FindSettings(thorough=thorough), write=WriteSettings(overwrite=True))
    with unwind_on_signals(), progress_for("demo", quiet=quiet) as progress:
        done = run_demo(target, settings, seconds=seconds, progress=progress)
    report = with_places(done.veiled, target, settings)
    page, data = write_report(output / "report.html", [replace(report, source="demo.mp4")])
    _print(done, (target, page, data))


def _print(done: DemoResult, files: tuple[Path, ...]) -> None:
    report = done.veiled.report
    speed = report.frames / report.seconds if report.seconds else 0.0
    rows = [
        ("clip", f"{report.frames} frames, {report.width}x{report.height}, made from a public-domain portrait"),
        ("detector", report.device),
        ("tracks of faces", str(report.tracks)),
        ("covered", f"{report.covered_share:.1%} of the picture, in {report.frames_with_cover} frames"),
        ("copied", f"{report.copied_share:.0%} of the frames, unchanged"),
        ("time", f"{report.seconds:.1f} s ({speed:.0f} frames a second)"),
    ]
    for name, value in rows:
        typer.echo(f"{name:16}{value}")
    typer.echo("\nwidth of face     frames  exposed (less than 90 % of it covered)")
    for row in done.exposures:
        size = (
            f"{row.low_px:.0f}" if round(row.low_px) == round(row.high_px) else f"{row.low_px:.0f} to {row.high_px:.0f}"
        )
        typer.echo(f"{size + ' px':16}{row.frames:8}{row.exposed:9}")
    frames, exposed = (sum(getattr(row, key) for row in done.exposures) for key in ("frames", "exposed"))
    typer.echo(f"{'all':16}{frames:8}{exposed:9}  ({exposed / max(1, frames):.1%})")
    where = "was in memory only" if done.in_memory else "was in a temporary file and is removed"
    typer.echo(f"\nThe bare clip {where}. Hidden faces do not make people anonymous.")
    for path in files:
        typer.echo(str(path))
