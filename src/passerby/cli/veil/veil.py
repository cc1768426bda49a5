"""``passerby veil``: hides every face in pictures and clips."""

from __future__ import annotations

import typer

from passerby.cli.options import command_of
from passerby.cli.veil.options import VeilOptions


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("veil")(command_of(VeilOptions, veil))


def veil(options: VeilOptions) -> None:
    """Hide every face in INPUT. Prints the names of the files it wrote; exits 1 if one could not be veiled, or not sealed."""
    from passerby.cli.veil.batch import veil_batch

    if veil_batch(options):
        raise typer.Exit(1)
