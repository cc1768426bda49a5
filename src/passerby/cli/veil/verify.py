"""``passerby verify``: a veiled file, passed to the detectors once more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.progress import clock, progress_for
from passerby.errors import UsageError
from passerby.files import check_target
from passerby.media import protect_process
from passerby.objects import place_named
from passerby.veil import (
    VERIFY_EVERY_FRAMES,
    Detector,
    ExposedPlace,
    FindSettings,
    VerifyResult,
    open_yunet,
    verify_file,
    write_labels,
)

FACE_LEFT = 4
"""Exit code when a face seems to be left."""
MOST_LINES = 50
MOST_FAINT_LINES = 10


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    *,
    place: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A veiled picture or clip; also on an object store (s3://, gs://, az://)."),
    ],
    detector: Annotated[
        list[Path] | None,
        typer.Option("--detector", help="A further detector (ONNX file) of another architecture; may be repeated."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "-t", "--thresh", "--threshold", help="Confidence from which a face seems left; measured for each detector."
        ),
    ] = None,
    every: Annotated[int, typer.Option("--every", help="Look at every Nth frame.")] = VERIFY_EVERY_FRAMES,
    ep: Annotated[str, typer.Option("--ep", "--execution-provider", help="cpu or cuda.")] = "cpu",
    require_gpu: Annotated[bool, typer.Option("--require-gpu", help="Fail rather than run on the CPU.")] = False,
    every_place: Annotated[bool, typer.Option("--all", help="List every place.")] = False,
    tracks_out: Annotated[
        Path | None,
        typer.Option(
            "--tracks-out",
            help="Write boxes over what seems left, as veil --tracks-in takes them (.json COCO, .csv MOT).",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file of tracks.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
) -> None:
    """Look at a veiled FILE once more, at other sizes and with a lower threshold. Exits 4 when a face seems to be left.

    Two detectors look: the one that veils, and one of another architecture.
    """
    if threshold is not None and not 0 < threshold < 1:
        raise UsageError(f"--thresh must lie between 0 and 1, got {threshold:g}")
    if every < 1:
        raise UsageError(f"--every must be 1 or more, got {every}")
    file = place_named(place)
    if tracks_out is not None:
        check_target(tracks_out, overwrite=overwrite, inputs=[file])
    protect_process()
    with opened_verifiers([None, *(detector or [])], ep, require_gpu=require_gpu) as opened:
        if not quiet:
            _introduce(opened)
        with progress_for(file.name, quiet=quiet) as progress:
            tell = partial(progress, "looking")
            result = verify_file(file, opened, seems_left=threshold, every=every, progress=tell)
    if tracks_out is not None:
        write_labels(tracks_out, result.boxes, result.width_px, result.height_px)
    if as_json:
        typer.echo(json.dumps({"file": file.name, **result.as_json()}, indent=1))
    else:
        _say(file, result, every_place=every_place)
    if result.exposed:
        raise typer.Exit(FACE_LEFT)


@contextmanager
def opened_verifiers(
    paths: Sequence[Path | None] = (None,), ep: str = "cpu", *, require_gpu: bool = False
) -> Iterator[list[Detector]]:
    """Open the detectors that verify, CenterFace for None, and YuNet beside them; close them when the block is left."""
    found: list[Detector] = []
    try:
        for path in paths:
            found.append(Detector(FindSettings(detector=path, provider=ep, require_gpu=require_gpu, floats=True)))  # noqa: PERF401
        found.append(open_yunet())
        yield found
    finally:
        for one in found:
            one.close()


def _introduce(detectors: Sequence[Detector]) -> None:
    for one in detectors:
        typer.echo(f"looking with {one.runs_on}", err=True)


def _say(file: Path, result: VerifyResult, *, every_place: bool) -> None:
    looked = f"{result.examined} of {result.frames} frames looked at" if result.frames > 1 else "looked at"
    looked += f" with {' and '.join(_name(detector) for detector in result.detectors)}"
    if result.exposed:
        typer.echo(f"{file}: a face seems to be left at {_places(len(result.exposed))} ({looked})")
        _list(result.exposed, most=None if every_place else MOST_LINES)
    else:
        typer.echo(f"{file}: no face detected ({looked}); that is no proof that none is there")
    if result.faint:
        typer.echo(f"{_places(len(result.faint))} more for a person to look at: faint, most of them no face")
        _list(result.faint, most=None if every_place else MOST_FAINT_LINES)


def _name(runs_on: str) -> str:
    return runs_on.partition(" on ")[0]


def _places(count: int) -> str:
    return f"{count} {'place' if count == 1 else 'places'}"


def _list(places: Sequence[ExposedPlace], most: int | None) -> None:
    for place in places[:most]:
        typer.echo(f"  {_place(place)}")
    if most is not None and len(places) > most:
        typer.echo(f"  and {len(places) - most} more (--all lists them)")


def _place(place: ExposedPlace) -> str:
    x0, y0, x1, y1 = (round(edge) for edge in place.best.box)
    one_frame = place.first_frame == place.last_frame
    when = clock(place.first_s) if one_frame else f"{clock(place.first_s)} to {clock(place.last_s)}"
    frames = f"frame {place.best.frame}" if one_frame else f"frames {place.first_frame} to {place.last_frame}"
    first, *others = (_name(detector) for detector in place.detectors)
    also = f", also seen by {' and '.join(others)}" if others else ""
    return f"{when}, {frames}, at {x0},{y0} to {x1},{y1}, confidence {place.best.score:.2f} by {first}{also}"
