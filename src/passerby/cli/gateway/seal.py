"""``passerby seal``: where sealing is installed its own commands, elsewhere a sentence that says how to get it."""

from __future__ import annotations

import typer

from passerby import sealing


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    if sealing.installed():
        sealing.load("commands").add_to(app)
        return
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command("seal", context_settings=settings)(absent)


def absent() -> None:
    """Keys, custody and tests of faces that are kept locked. Not installed: nobody's face is kept here."""
    sealing.load()
