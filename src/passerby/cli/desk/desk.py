"""``passerby desk``: a page on this machine to veil files and look them over."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.desk.install import EntryPlace, install_entry
from passerby.errors import UsageError
from passerby.media import protect_process
from passerby.web import serve_desk


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("desk")(desk)


def desk(
    *,
    named: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE or FOLDER]...", help="Files to veil at once, folders to begin in."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Files at once. Default: one a processor.")
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Write an entry that opens the desk by a click, and exit.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address and open no browser.")] = False,
) -> None:
    """Open a page on this machine to veil files, look them over and mend them. Nothing leaves the machine."""
    if install:
        for path in install_entry(EntryPlace()):
            typer.echo(str(path))
        if sys.platform in {"win32", "darwin"}:
            typer.echo("note: untried on this system", err=True)
        return
    for one in named or []:
        if not one.exists():
            raise UsageError(f"no such file or folder: {one}", hint="check the name and the folder you are in")
    for sentence in protect_process().missing:
        typer.echo(f"note: {sentence}", err=True)

    def ready(address: str) -> None:
        typer.echo(f"desk: {address}")
        typer.echo("the address works once, in one browser; Ctrl-C or the page's button ends the desk", err=True)
        if not no_browser:
            webbrowser.open(address)

    serve_desk(named or [], ready, most=jobs)
