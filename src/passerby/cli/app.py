"""Puts the commands together and turns errors into lines and exit codes."""

from __future__ import annotations

import gc
import importlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

import passerby
from passerby.cli.verbs import VERBS
from passerby.errors import PasserbyError

if TYPE_CHECKING:
    from typer.models import CommandInfo, TyperInfo


def build(verb: str | None = None) -> typer.Typer:
    """Return the command with its verbs.

    Args:
        verb: The only verb that is needed, so that nothing else is loaded; where there is no such verb, all are listed and
            none is loaded, which is enough for the help. None loads all.
    """
    app = typer.Typer(
        name="passerby",
        help="Hide faces, state the law, keep a public record.",
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback(invoke_without_command=True)(_root)
    wanted = tuple(VERBS) if verb is None else (verb,) if verb in VERBS else ()
    for name in wanted:
        importlib.import_module(f"passerby.cli.{VERBS[name].module}").add_to(app)
    for name in () if wanted or verb == "--version" else VERBS:
        app.command(name)(_listed)
    for command in app.registered_commands:
        _head(command)
    for group in app.registered_groups:
        _head(group)
    return app


def _head(info: CommandInfo | TyperInfo) -> None:
    """Put a verb under the heading of its users, with its line."""
    about = VERBS[str(info.name)]
    info.hidden, info.short_help, info.rich_help_panel = about.users is None, about.line, about.users or ""


def main(argv: list[str] | None = None) -> None:
    """Run the command and exit.

    Args:
        argv: Arguments without the program's name; None takes the process's own.
    """
    arguments = sys.argv[1:] if argv is None else argv
    verb = next((word for word in arguments if word != "--"), "")
    try:
        build(verb)(args=arguments, prog_name="passerby")
    except PasserbyError as error:
        say_error(error)
        sys.exit(error.exit_code)
    finally:
        gc.freeze()  # the process ends: looking for garbage once more would only take time


def say_error(error: PasserbyError) -> None:
    """Write one error to standard error, with its hint."""
    typer.echo(f"error: {error.message}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"passerby {passerby.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def _listed() -> None:
    """Stand for a verb that is listed and not loaded: it is never run."""
    raise NotImplementedError
