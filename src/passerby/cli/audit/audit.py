"""``passerby audit``: measures, with honest uncertainty. Exit codes: 0 measured, 1 failed, 2 wrong use."""

from __future__ import annotations

import typer

from passerby.cli.audit import attack, scores, veil


def add_to(app: typer.Typer) -> None:
    """Add the group and its commands, each from its own module."""
    group = typer.Typer(no_args_is_help=True, help="Measure a face system: who is missed, who is wronged.")
    group.callback()(_measure)
    for module in (scores, veil, attack):
        module.add_to(group)
    app.add_typer(group, name="audit")


def _measure() -> None:
    """Measure a face system: who is missed, who is wronged."""
