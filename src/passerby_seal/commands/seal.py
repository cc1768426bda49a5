"""``passerby seal``: make keys, look into a policy or a pack, hand boxes out; its groups stand beside."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from passerby.errors import UsageError
from passerby.media import protect_process
from passerby_seal.commands import custody, pointing, shares, testing
from passerby_seal.commands.given import (
    OutOption,
    PackPaths,
    PolicyOption,
    ProofOption,
    opened_pack,
    proven,
    read_custody_key,
    recorded_in,
    roots_on_record,
    write,
)
from passerby_seal.keys import AuthorityKey, FileCustodyKey, RequesterKey, is_name, read_policy
from passerby_seal.pieces import unlock as unlock_pack


class KeyRole(StrEnum):
    """What a key is for."""

    AUTHORITY = "authority"
    REQUESTER = "requester"
    CUSTODIAN_OF_FILES = "custodian-of-files"


_MAKERS = {
    KeyRole.AUTHORITY: AuthorityKey,
    KeyRole.REQUESTER: RequesterKey,
    KeyRole.CUSTODIAN_OF_FILES: FileCustodyKey,
}


def add_to(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True)
    group.callback()(protect)
    commands: list[Callable[..., None]] = [key, policy, listed, unlock, shares.release, shares.hold, shares.combine]
    for command in commands:
        group.command("list" if command is listed else command.__name__)(command)
    custody.add_to(group)
    testing.add_to(group)
    pointing.add_to(group)
    app.add_typer(group, name="seal")


def protect() -> None:
    """Faces that are kept locked: keys, custody, shares, tests."""
    protect_process()  # keys, and in the end pictures, are held in memory


def key(
    *,
    role: Annotated[KeyRole, typer.Argument(help="What the key is for.")],
    name: Annotated[str, typer.Argument(help="Of the office that holds it, never of a person.")],
    out: OutOption,
) -> None:
    """Make a key. Writes the private one to a file that only you can read, and prints the public one."""
    if not is_name(name):
        raise UsageError(
            f"name must be one line of 1 to 200 characters that show, got {len(name)}", hint="such as 'District Court'"
        )
    made = _MAKERS[role].make(name=name)
    made.save(out)
    typer.echo(made.public.text)
    typer.echo(f"its digest, as the register names it: {made.public.digest}", err=True)
    typer.echo(f"the private key is in {out}: keep a copy where it cannot be lost, and nowhere else", err=True)
    made.forget()


def policy(*, path: Annotated[Path, typer.Argument(metavar="FILE", help="authorities.yaml.")]) -> None:
    """Check a file of authorities, and print what the register will announce of it."""
    found = read_policy(path)
    typer.echo(f"any {found.needed} of {len(found.authorities)} open together:")
    for one in found.authorities:
        typer.echo(f"  {one.name} ({one.role}), key {one.key.digest}")
    who = "an authority" if found.custodian.who == "authority" else "the operator itself, which the public page says"
    hours = found.retention_s // 3600
    typer.echo(f"keys of cameras are destroyed after {hours} hours by {found.custodian.name}, {who}")
    if found.custodian.key is not None:
        typer.echo(
            f"all files are sealed to one key, {found.custodian.key.digest}: authorities give nothing out of them after "
            f"{hours} hours, but the key goes by hand only (`passerby seal custody destroy KEYS --key KEY`)"
        )


def listed(
    *,
    packs: PackPaths,
    log: Annotated[str | None, typer.Option(help="The register: says of each piece whether it is on record.")] = None,
    vkey: Annotated[str | None, typer.Option(help="The log's key, as you know it from elsewhere.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON value.")] = False,
) -> None:
    """Print what a pack holds: log, camera, hour, authorities, and each piece with the digest that entries name it by."""
    with opened_pack(packs) as pack:
        roots = {} if log is None else roots_on_record(log, pack.context.camera, vkey)
        on_record = {n: recorded_in(pack, n, roots) for n in pack.pieces}
        context = pack.context
        if as_json:
            pieces = [
                {"piece": number, "digest": piece.digest, "chunks": piece.chunks, "heartbeat": on_record[number]}
                | {"on_record": None if log is None else on_record[number] is not None}
                for number, piece in sorted(pack.pieces.items())
            ]
            about = {"log": context.origin, "camera": context.camera, "hour": context.hour}
            typer.echo(json.dumps(about | {"needed": pack.policy.needed, "pieces": pieces, "unended": pack.unended}))
            return
        typer.echo(f"{context.origin}, camera {context.camera}, hour {context.hour}")
        names = ", ".join(one.name for one in pack.policy.authorities)
        typer.echo(f"any {pack.policy.needed} of {len(pack.policy.authorities)} open a piece together: {names}")
        for number, piece in sorted(pack.pieces.items()):
            index = on_record[number]
            said = f", on record in entry {index}" if index is not None else ", NOT on record"
            typer.echo(f"piece {number}: {piece.digest}{said if log is not None else ''}")
        if pack.unended:
            typer.echo(f"{pack.unended} begun and never ended: nothing opens them", err=True)


def unlock(
    *,
    packs: PackPaths,
    key_path: Annotated[Path, typer.Option("--key", help="The custodian's: of that camera and hour, or of files.")],
    proof: ProofOption,
    witnesses: PolicyOption,
    out: OutOption,
) -> None:
    """As a custodian, hand out an hour of which an entry names pieces: writes a box for each authority. It opens no face."""
    entry, found = proven(proof, witnesses), read_custody_key(key_path)
    with opened_pack(packs) as pack:
        write(out, unlock_pack(pack, found, entry=entry).to_json())
        typer.echo(
            f"boxes of {pack.context.hour} for {len(pack.policy.authorities)} authorities are in {out}", err=True
        )
    found.forget()
