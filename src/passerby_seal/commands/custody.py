"""``passerby seal custody``: a custodian's keys of camera and hour, made ahead, and destroyed when retention ends."""

from __future__ import annotations

import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from passerby.errors import UsageError
from passerby.register import RetentionShredded, format_instant, open_in_turn
from passerby.values import utc_now
from passerby_seal.commands.given import read_custody_key
from passerby_seal.custody import HOUR, begin_of, destroy_due, destroy_key, hours_ahead, make_ahead, stated
from passerby_seal.keys import CustodyKey, read_policy

_FOLDER = typer.Argument(metavar="KEYS", help="The custodian's folder of private keys.")
_Public = Annotated[
    Path, typer.Option(help="The folder of public keys, which the gateway reads (custody in city.yml).")
]


def add_to(group: typer.Typer) -> None:
    """Add the group and its commands."""
    made = typer.Typer(no_args_is_help=True, help="A custodian's keys: made ahead, destroyed when the time is over.")
    made.command("make")(make)
    made.command("destroy")(destroy)
    group.add_typer(made, name="custody")


def make(
    *,
    keys: Annotated[Path, _FOLDER],
    public: _Public,
    policy: Annotated[Path, typer.Option(help="authorities.yaml: for how long these keys will be kept.")],
    camera: Annotated[list[str], typer.Option(help="Its identifier in the register; may be given again.")],
    hours: Annotated[int, typer.Option(help="How many hours from the present one on.", min=1)] = 24 * 14,
) -> None:
    """Make the keys of the hours to come. What is there already stays. Hand the public folder to the gateway."""
    now, retention_s = utc_now(), read_policy(policy).retention_s
    for one in camera:
        count = make_ahead(keys, public, one, now, hours, retention_s=retention_s)
        typer.echo(f"camera {one}: {count} keys made, {hours_ahead(public, one, now)} hours ahead")


def destroy(
    *,
    keys: Annotated[Path | None, _FOLDER] = None,
    policy: Annotated[Path | None, typer.Option(help="authorities.yaml: for how long keys are kept.")] = None,
    public: Annotated[
        Path | None, typer.Option(help="The folder of public keys: those of the same hours go too.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="The register's directory, where the operator is the custodian.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Destroy this one key of files, or of an hour before its time, instead.")
    ] = None,
) -> None:
    """Destroy the keys whose retention is over, and say so: in the log, or as entries for the operator to append."""
    if key is not None:
        destroyed = partial(_destroy_one, key)
    elif keys is None or policy is None:
        raise UsageError(
            "what is destroyed must be KEYS with --policy, or --key FILE", hint="give the one or the other"
        )
    else:
        destroyed = partial(destroy_due, keys, public, read_policy(policy).retention_s, utc_now())
    with nullcontext() if log is None else open_in_turn(log) as register:  # first: what cannot be told is not done
        entries = destroyed()
        if register is not None and entries:
            register.append_many(entries)
    for entry in entries:
        typer.echo(
            f"camera {entry.camera}: {entry.keys} keys destroyed, "
            f"{format_instant(entry.begin)} to {format_instant(entry.end)}",
            err=True,
        )
    if log is None:
        typer.echo(json.dumps([entry.model_dump(mode="json", exclude_none=True) for entry in entries], indent=1))
    if key is None and keys is not None:
        stated(keys)


def _destroy_one(path: Path) -> list[RetentionShredded]:
    """Destroy one key, and nothing that is none; returns the entry that says so where it was of a camera."""
    found, entries = read_custody_key(path), []
    if isinstance(found, CustodyKey):
        try:
            begin = begin_of(found.about["hour"])
            end = begin + HOUR
            entries.append(RetentionShredded(at=utc_now(), begin=begin, end=end, camera=found.about["camera"], keys=1))
        except ValueError as exc:
            raise UsageError(f"key {path} must be of a camera and an hour, says something else") from exc
    found.forget()
    destroy_key(path)
    typer.echo(f"{path} is destroyed: what was sealed to it can never be opened again", err=True)
    return entries
