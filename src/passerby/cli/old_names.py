"""Old names of commands: they work for one version, stand in no help, and say what to use instead."""

from __future__ import annotations

import functools
from collections.abc import Callable

import typer


def add_old_name(app: typer.Typer, name: str, command: Callable[..., None], *, old: str, new: str) -> None:
    """Add a command under the name that it had.

    Args:
        app: Where the old name stands.
        name: The last word of the old name.
        command: What it does.
        old: The whole old name, without ``passerby``.
        new: The whole new name.
    """

    @functools.wraps(command)
    def renamed(*args: object, **options: object) -> None:
        typer.echo(f"note: `passerby {old}` is now `passerby {new}`; the old name goes with the next version", err=True)
        command(*args, **options)

    app.command(name, hidden=True)(renamed)
