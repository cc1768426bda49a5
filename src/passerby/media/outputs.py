"""Where the veiled copy of each source goes. Nothing is written and no folder is made here."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import UsageError
from passerby.media.clip_formats import FORMAT_OF_NAME
from passerby.media.pictures import FORMAT_OF_SUFFIX, UNASKED
from passerby.media.sources import MEDIA_SUFFIXES, VEILED, Inputs, InputSource, SourceKind
from passerby.objects import StoredPath, place_named


@dataclass(frozen=True, slots=True)
class OutputJob:
    """A source and where its veiled copy goes."""

    source: InputSource
    target: Path


def plan_outputs(inputs: Inputs, output: str | Path | None = None, *, veiled: str | None = None) -> list[OutputJob]:
    """Give each source the place of its output.

    Without an output, beside the input with ``_veiled``, or what takes its place, before the suffix. With several inputs the
    output is a folder, in which files keep their names and their place below the named folder. A suffix that does not fit what
    is written (a JPEG named .png, a transport stream, which becomes MP4) is replaced by one that does; where two outputs would
    have one name by that, the old suffix stays before the new one.

    Args:
        inputs: From ``expand_inputs``.
        output: What the user gave as ``-o``. Text that ends in a slash means a folder, also where it is missing. It may be
            an address of an object store.
        veiled: What stands before the suffix, in an output folder too; None means ``_veiled`` beside the inputs alone.

    Raises:
        UsageError: ``veiled`` can be no part of a name, an output is an input, two sources have the same output, several
            inputs have one file as output,
            or a camera has none.
    """
    if veiled is not None:
        _check_ending(veiled)
    folder = None if output is None else place_named(output)
    if folder is not None and not _is_folder(folder, str(output), many=inputs.many):
        folder = None
    jobs = _apart([OutputJob(source, _target(source, output, folder, veiled)) for source in inputs.sources])
    taken: dict[Path, Path] = {}
    sources = {_identity(source.path) for source in inputs.sources}
    for job in jobs:
        if _identity(job.target) in sources:
            raise UsageError(f"output must not be an input, got {job.target}", hint="choose another -o")
        place = job.target.resolve()
        if place in taken:
            message = f"{taken[place]} and {job.source.path} would both be written to {job.target}"
            raise UsageError(message, hint="veil them in two runs, with different -o")
        taken[place] = job.source.path
    return jobs


def _check_ending(veiled: str) -> None:
    if not veiled or {"/", os.sep, "\0"} & set(veiled) or veiled.strip() != veiled:
        raise UsageError(f"--suffix must be a part of a name, as _veiled, got {veiled!r}")
    if Path(f"a{veiled}").suffix.lower() in MEDIA_SUFFIXES:
        raise UsageError(
            f"--suffix goes before the dot, as _veiled, got {veiled!r}", hint="-o NAME.png names another format"
        )


def _apart(jobs: list[OutputJob]) -> list[OutputJob]:
    """Keep the old suffix in the name of an output that has a new one, where another output would have the same name."""
    taken = Counter(job.target for job in jobs)
    return [
        OutputJob(job.source, job.target.with_stem(job.target.stem + job.source.path.suffix))
        if taken[job.target] > 1 and job.target.suffix != job.source.path.suffix
        else job
        for job in jobs
    ]


def _is_folder(output: Path, text: str, *, many: bool) -> bool:
    """Say whether the output is a folder in which files keep their names; refuse what cannot be one but must."""
    if output.is_dir() or text.endswith(("/", os.sep)):
        return True
    if not many:
        return False
    wanted = "with several inputs or a folder, -o must be a folder"
    if output.exists():
        raise UsageError(f"{wanted}, got the file {output}", hint="name a folder; it is made where it is missing")
    if output.suffix.lower() in MEDIA_SUFFIXES:
        raise UsageError(
            f"{wanted}, got {output}", hint=f"name a folder; for a folder of that very name write {output}/"
        )
    return True


def _target(source: InputSource, output: str | Path | None, folder: Path | None, veiled: str | None) -> Path:
    name = Path(_fitting_name(source))
    if folder is not None:
        return folder / source.below.with_name(name.name if veiled is None else f"{name.stem}{veiled}{name.suffix}")
    if output is not None:
        if veiled is not None:
            raise UsageError(
                "--suffix goes with several inputs or an output folder, got one output", hint="leave it out"
            )
        return place_named(output)
    if source.kind is SourceKind.CAMERA:
        raise UsageError("a camera needs an output, got none", hint="add -o NAME.mp4")
    return source.path.with_name(f"{name.stem}{veiled or VEILED}{name.suffix}")


def _fitting_name(source: InputSource) -> str:
    path = source.path
    if source.kind is SourceKind.CAMERA:
        return f"{path.name}.mp4"
    if source.kind is SourceKind.PICTURE:
        unasked = UNASKED.get(source.content)
        same = tuple(suffix for suffix, name in FORMAT_OF_SUFFIX.items() if name == source.content)
        fitting = (unasked,) if unasked else same
    else:
        fitting = FORMAT_OF_NAME[source.content].written
    suffix = path.suffix.lower()
    if suffix in fitting:
        return path.name
    return (path.stem if suffix in MEDIA_SUFFIXES else path.name) + fitting[0]


def _identity(path: Path) -> tuple[int, int] | Path:
    """Return what two names of one file have in common: device and number, or the full path of a missing file."""
    if isinstance(path, StoredPath):
        return path
    try:
        status = path.stat()
    except OSError:
        return path.resolve()
    return status.st_dev, status.st_ino
