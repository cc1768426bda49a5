"""``passerby verify``: another look at a veiled file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.progress import clock, progress_for
from passerby.errors import UsageError
from passerby.media import protect_process
from passerby.veil.detector import Detector
from passerby.veil.settings import FindSettings
from passerby.veil.verify import EVERY, THRESHOLD, Left, Verdict, verify_file

FACE_LEFT = 4
"""Exit code when a face seems to be left."""
MOST_LINES = 50


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    file: Annotated[Path, typer.Argument(help="A veiled picture or clip.")],
    detector: Annotated[
        list[Path] | None,
        typer.Option("--detector", help="A further detector (ONNX file) of another architecture; may be repeated."),
    ] = None,
    threshold: Annotated[
        float, typer.Option("-t", "--thresh", "--threshold", help="Confidence from which a face seems left.")
    ] = THRESHOLD,
    every: Annotated[int, typer.Option("--every", help="Look at every Nth frame.")] = EVERY,
    ep: Annotated[str, typer.Option("--ep", "--execution-provider", help="cpu or cuda.")] = "cpu",
    require_gpu: Annotated[bool, typer.Option("--require-gpu", help="Fail rather than run on the CPU.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
) -> None:
    """Look at a veiled FILE once more, at other sizes and with a lower threshold. Exits 4 when a face seems to be left."""
    if not 0 < threshold < 1:
        raise UsageError(f"--thresh must lie between 0 and 1, got {threshold:g}")
    if every < 1:
        raise UsageError(f"--every must be 1 or more, got {every}")
    protect_process()
    with _opened([None, *(detector or [])], ep, require_gpu=require_gpu) as opened:
        if not quiet:
            for one in opened:
                typer.echo(f"looking with {one.runs_on}", err=True)
        with progress_for(file.name, quiet=quiet) as progress:
            tell = partial(progress, "looking")
            verdict = verify_file(file, opened, threshold=threshold, every=every, progress=tell)
    if as_json:
        typer.echo(json.dumps({"file": file.name, **asdict(verdict)}, indent=1))
    else:
        _say(file, verdict)
    if verdict.left:
        raise typer.Exit(FACE_LEFT)


@contextmanager
def _opened(paths: list[Path | None], ep: str, *, require_gpu: bool) -> Iterator[list[Detector]]:
    found: list[Detector] = []
    try:
        for path in paths:
            found.append(Detector(FindSettings(detector=path, provider=ep, require_gpu=require_gpu)))  # noqa: PERF401
        yield found
    finally:
        for one in found:
            one.close()


def _say(file: Path, verdict: Verdict) -> None:
    looked = f"{verdict.looked} of {verdict.frames} frames looked at" if verdict.frames > 1 else "looked at"
    if not verdict.left:
        typer.echo(f"{file}: no face detected ({looked}); that is no proof that none is there")
        return
    count = len(verdict.left)
    typer.echo(f"{file}: {count} {'place' if count == 1 else 'places'} where a face seems to be left ({looked})")
    for left in verdict.left[:MOST_LINES]:
        typer.echo(f"  {_place(left)}")
    if count > MOST_LINES:
        typer.echo(f"  and {count - MOST_LINES} more, less sure")


def _place(left: Left) -> str:
    x0, y0, x1, y1 = (round(edge) for edge in left.best.box)
    when = (
        clock(left.first_s) if left.first_frame == left.last_frame else f"{clock(left.first_s)} to {clock(left.last_s)}"
    )
    frames = f"frame {left.best.frame}" if left.sightings == 1 else f"frames {left.first_frame} to {left.last_frame}"
    return f"{when}, {frames}, at {x0},{y0} to {x1},{y1}, confidence {left.best.score:.2f}"
