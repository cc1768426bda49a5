"""``passerby witness``, as the commands under ``passerby register witness`` were called."""

from __future__ import annotations

import typer

from passerby.cli.old_names import add_old_name
from passerby.cli.register.witness import add_log, init, serve


def add_to(app: typer.Typer) -> None:
    """Add the old names."""
    group = typer.Typer(no_args_is_help=True, help="Old name of `passerby register witness`.")
    for old, new, command in (("init", "init", init), ("add-log", "add-log", add_log), ("run", "serve", serve)):
        add_old_name(group, old, command, old=f"witness {old}", new=f"register witness {new}")
    app.add_typer(group, name="witness")
