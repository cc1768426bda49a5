"""``passerby account``: accounts of a gateway, for when nobody can log in. Works on the file, also while the gateway runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.gateway.city_file import read_city
from passerby.errors import UsageError
from passerby.gateway import Accounts, Role, new_password

_Config = Annotated[
    Path, typer.Argument(metavar="CITY.YML", help="The configuration; its state folder holds the accounts.")
]
_Name = Annotated[str, typer.Argument(help="Account.")]


def add_to(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="Accounts of a gateway: list, add, reset, remove.")
    for command in (show, add, reset, remove):
        group.command("list" if command is show else command.__name__)(command)
    app.add_typer(group, name="account")


def show(*, config: _Config) -> None:
    """List the accounts: name, role, since when, whether there is a stream key."""
    with closing(_accounts(config)) as accounts:
        for one in accounts.all():
            typer.echo(f"{one.name}\t{one.role}\t{one.made}\t{'stream key' if one.stream_key else '-'}")


def add(
    *, config: _Config, name: _Name, role: Annotated[Role, typer.Option(help="What it is for.")] = Role.VIEWER
) -> None:
    """Make an account with a fresh password, and print that."""
    password = new_password()
    with closing(_accounts(config)) as accounts:
        accounts.add(name, role, password)
    typer.echo(password)


def reset(
    *,
    config: _Config,
    name: _Name,
    stream_key: Annotated[bool, typer.Option("--stream-key", help="Make a new stream key instead.")] = False,
) -> None:
    """Give an account a fresh password, or stream key, and print that. Logins and streams that are open end."""
    with closing(_accounts(config)) as accounts:
        if stream_key:
            typer.echo(accounts.new_stream_key(name))
            return
        password = new_password()
        accounts.change(name, password=password)
    typer.echo(password)


def remove(*, config: _Config, name: _Name) -> None:
    """Remove an account."""
    with closing(_accounts(config)) as accounts:
        accounts.remove(name)


def _accounts(config: Path) -> Accounts:
    state = read_city(config).state
    if not (state / "accounts.sqlite").exists():
        raise UsageError(
            f"there must be accounts in {state}, are none", hint="the first start of passerby run makes admin"
        )
    return Accounts(state / "accounts.sqlite")
