"""What an audit writes: names checked before any work, files that appear whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import typer

from passerby.errors import UsageError
from passerby.files import check_target, write_atomic


def check_outputs(paths: Iterable[Path | None], *, overwrite: bool, inputs: Sequence[Path]) -> None:
    """Refuse outputs that could not or must not be written; None where one is not asked for.

    Raises:
        UsageError: one exists, is an input, or is named twice.
        OutputError: its folder is missing.
    """
    named: set[Path] = set()
    for path in paths:
        if path is None:
            continue
        check_target(path, overwrite=overwrite, inputs=inputs)
        if path.resolve() in named:
            raise UsageError(
                f"outputs must have names of their own, got {path} twice", hint="choose another name for one"
            )
        named.add(path.resolve())


def write_outputs(texts: Iterable[tuple[Path | None, Callable[[], str]]], *, overwrite: bool) -> None:
    """Write what was asked for and say so; a text is made only where it is.

    Raises:
        OutputError: one cannot be written.
    """
    for path, text in texts:
        if path is not None:
            write_atomic(path, text().encode(), overwrite=overwrite)
            typer.echo(f"wrote {path}", err=True)
