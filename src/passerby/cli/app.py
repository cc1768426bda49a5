"""Puts the commands together and turns errors into lines and exit codes."""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Annotated

import typer

import passerby
from passerby.errors import PasserbyError

VERBS = {
    "veil": "veil.veil",
    "verify": "veil.verify",
    "demo": "veil.demo",
    "doctor": "veil.doctor",
    "run": "gateway.run",
    "discover": "gateway.discover",
    "account": "gateway.account",
    "assess": "law.assess",
    "law": "law.law",
    "register": "register.register",
    "witness": "register.witness",
    "authority": "register.authority",
}
"""Each command with the module of this room that adds it to the application by ``add_to(app)``."""


def build(verb: str | None = None) -> typer.Typer:
    """Return the command with its verbs.

    Args:
        verb: The only verb that is needed, so that nothing else is loaded; None, or one that there is not, loads all.
    """
    app = typer.Typer(
        name="passerby",
        help="Hide faces, state the law, keep a public record.",
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback(invoke_without_command=True)(_root)
    none = verb == "--version"
    wanted = () if none else (verb,) if verb in VERBS else sorted(VERBS)
    for name in wanted:
        importlib.import_module(f"passerby.cli.{VERBS[name]}").add_to(app)
    return app


def main(argv: list[str] | None = None) -> None:
    """Run the command and exit.

    Args:
        argv: Arguments without the program's name; None takes the process's own.
    """
    arguments = sys.argv[1:] if argv is None else argv
    try:
        build(arguments[0] if arguments else None)(args=arguments, prog_name="passerby")
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
