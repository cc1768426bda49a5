"""``passerby register witness``: sign other people's checkpoints, so that no log can show two histories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from passerby import register
from passerby.cli.register.input import KEY_HINT, NAME_HINT, typed
from passerby.errors import UsageError
from passerby.values import is_loopback
from passerby.web import bind_port, serve_app

_Path = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's directory.")]


def add_to(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="A witness (C2SP tlog-witness) for any log that speaks C2SP.")
    group.command("init")(init)
    group.command("add-log")(add_log)
    group.command("serve")(serve)
    app.add_typer(group, name="witness")


def init(
    *,
    path: _Path,
    name: Annotated[str, typer.Option(help="The witness's name: a URL without https://, no + and no space.")],
) -> None:
    """Make a witness and print its verifier key, which is what logs and readers put into their policy."""
    with typed(NAME_HINT):
        typer.echo(str(register.Witness.create(path, name)))


def add_log(*, path: _Path, vkey: Annotated[str, typer.Argument(help="The log's verifier key.")]) -> None:
    """Take one more log, or a log's new key. A witness that runs takes it at once."""
    with typed(KEY_HINT):
        register.Witness.add_log(path, vkey)


def serve(
    *,
    path: _Path,
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but loopback needs --beyond-loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8920,
    beyond: Annotated[bool, typer.Option("--beyond-loopback", help="Listen where others reach it.")] = False,
) -> None:
    """Serve until interrupted. Keeps no record of who asked."""
    if not beyond and not is_loopback(host):
        raise UsageError(f"host must be loopback, got {host}", hint="say --beyond-loopback to be reached by others")
    witness = register.Witness.open(path)
    try:
        with bind_port(host, port) as listener:
            at = f"{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
            told = f"witness {witness.signer.key} on http://{at}"
            serve_app(register.witness_app(witness), listener, ready=lambda: typer.echo(told, err=True))
    finally:
        witness.close()
