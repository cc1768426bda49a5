"""``passerby seal point``: from a figure in a covered recording to its pieces, under a request that fixed the minutes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from passerby.errors import UsageError
from passerby.register import Commitment, RequestReceived, commit, encode_entry, new_identifier, new_salt
from passerby.values import utc_now
from passerby_seal.commands.given import PolicyOption, ProofOption, opened_pack, proven, read_file, read_key, write
from passerby_seal.custody import check_camera
from passerby_seal.keys import CustodyKey
from passerby_seal.pieces import Pack
from passerby_seal.pointing import PartHeader, RequestDetails, pieces_at, read_index
from passerby_seal.refusals import SealFormatError

MOST_S = 600
"""As an index is read: ten minutes with one request."""
_FORMATS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"]
_NAMED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9a-f]{32}")
_Share = Annotated[float, typer.Option(min=0.0, max=1.0)]


def add_to(group: typer.Typer) -> None:
    """Add the group and its commands."""
    made = typer.Typer(no_args_is_help=True, help="From a figure in a covered recording to its pieces, for a request.")
    made.command("ask")(ask)
    made.command("at")(at)
    group.add_typer(made, name="point")


def ask(
    *,
    camera: Annotated[str, typer.Option(help="Its identifier in the register.")],
    begin: Annotated[datetime, typer.Option(help="Of the minutes that are asked for, UTC.", formats=_FORMATS[:1])],
    seconds: Annotated[int, typer.Option(help="How many.", min=1, max=MOST_S)] = 60,
    position: Annotated[str, typer.Option(help="Of the law that the gateway stands under, such as act-2024.")],
    reveal_days: Annotated[int, typer.Option(help="Within how many days it is revealed.", min=1, max=365)] = 30,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the details are kept, secret until revealed.")],
) -> None:
    """Ask to point at figures of one camera, in at most ten minutes. Prints the entry for the operator to append."""
    check_camera(camera)
    now, begins = utc_now(), begin.replace(tzinfo=UTC)
    value = json.dumps({
        "begin": begins.isoformat(), "camera": camera, "end": (begins + timedelta(seconds=seconds)).isoformat(),
    })  # fmt: skip
    salt = new_salt()
    fixed = Commitment(digest=commit(value, salt), reveal_by=now + timedelta(days=reveal_days))
    try:
        entry = RequestReceived(at=now, case=new_identifier(), position=position, details=fixed, camera=camera)
    except ValueError as exc:
        raise UsageError(f"position must be one of the law's, got {position}", hint="such as act-2024") from exc
    write(out, json.dumps({"salt": salt, "value": value}).encode())
    typer.echo(json.dumps([json.loads(encode_entry(entry))], indent=1))
    typer.echo("next: the operator appends this, `passerby register append LOG FILE --witnessed`", err=True)


def at(
    *,
    recordings: Annotated[Path, typer.Argument(help="The folder of the camera's recordings and their indexes.")],
    store: Annotated[Path, typer.Option(help="The folder of packs (store in city.yml).")],
    keys: Annotated[Path, typer.Option(help="The custodian's folder of private keys.")],
    proof: ProofOption,
    witnesses: PolicyOption,
    details: Annotated[Path, typer.Option(help="What the request fixed, as `seal point ask` wrote it.")],
    when: Annotated[datetime, typer.Option("--at", help="When the frame was taken, UTC.", formats=_FORMATS)],
    x: _Share,
    y: _Share,
) -> None:
    """As a custodian, say which pieces hold the figure at a place of one frame: shares of the width and height, 0 to 1."""
    request, fixed = proven(proof, witnesses), _read_details(details)
    if not recordings.is_dir():
        raise UsageError(f"recordings must lie in a folder, got {recordings}, which is none", hint="record in city.yml")
    with ExitStack() as stack:
        rows = read_index(recordings, request, fixed, _key_in(keys), _pack_in(store, stack))
    found = sorted(pieces_at(rows, when.replace(tzinfo=UTC), x, y))
    for bucket, piece in found:
        typer.echo(f"piece {piece} of the pack that ends in -{bucket}.seal")
    if not found:
        typer.echo("no piece holds a figure there: none was sealed, or none was covered", err=True)
        raise typer.Exit(1)


def _key_in(keys: Path) -> Callable[[PartHeader], CustodyKey]:
    return lambda header: read_key(CustodyKey, keys / header.camera / f"{header.hour}.key")


def _pack_in(store: Path, stack: ExitStack) -> Callable[[PartHeader], Pack]:
    opened: dict[str, Pack] = {}

    def pack_of(header: PartHeader) -> Pack:
        if not _NAMED.fullmatch(f"{header.hour}-{header.bucket}"):
            raise SealFormatError("part of an index must name its hour and bucket, names something else")
        if header.bucket not in opened:
            name = f"{header.hour}-{header.bucket}.seal"
            path = store / header.camera / name
            whole = path if path.exists() else path.with_name(f"{name}.part")  # still written
            opened[header.bucket] = stack.enter_context(opened_pack([whole]))
        return opened[header.bucket]

    return pack_of


def _read_details(path: Path) -> RequestDetails:
    try:
        told = json.loads(read_file(path))
        return RequestDetails(str(told["value"]), str(told["salt"]))
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise UsageError(f"{path} must be details as `seal point ask` writes them", hint="give the file of -o") from exc
