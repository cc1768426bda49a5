"""``passerby doctor``: what runs where on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from passerby.media import protect_process
from passerby.veil.doctor import checks


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what runs where: processor, detector, codecs, GPU, weights, versions. Exits 1 if something needed is missing."""
    protect_process()
    found = []
    for check in checks():
        found.append(check)
        if not as_json:
            typer.echo(f"{check.state:8}{check.name:20}{check.detail}")
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in found], indent=1))
    missing = [check.name for check in found if check.state == "missing"]
    if missing:
        typer.echo(f"error: needed and missing or broken: {', '.join(missing)}", err=True)
        raise typer.Exit(1)
