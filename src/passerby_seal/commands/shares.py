"""What an authority gives out, and what a requester makes of it: nothing without the entry that allows it."""

from __future__ import annotations

import json
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from passerby.errors import UsageError
from passerby.register import MOST_PIECES
from passerby_seal.commands.given import (
    BoxesOption,
    OutOption,
    PackPaths,
    PolicyOption,
    ProofOption,
    UnfinishedOption,
    make_folder,
    named_pieces,
    opened_pack,
    proven,
    read_boxes,
    read_key,
    read_parcel,
    read_plan,
    read_public,
    write,
)
from passerby_seal.keys import AuthorityKey, RequesterKey
from passerby_seal.patches import decode_piece
from passerby_seal.pieces import OpenedPiece, OpeningRecord, open_piece
from passerby_seal.pieces import combine as combine_parcels
from passerby_seal.pieces import hold as hold_pieces
from passerby_seal.pieces import release as release_pieces

PICTURES = 5
"""Of each piece, to look at: enough to see whose face it is."""
_Key = Annotated[Path, typer.Option("--key", help="Your authority's private key.")]


def release(
    *,
    packs: PackPaths,
    key_path: _Key,
    proof: ProofOption,
    witnesses: PolicyOption,
    planned: Annotated[
        Path,
        typer.Option(
            help="Proof of the test's test.planned, made right after it was appended: before the face was shown."
        ),
    ],
    plan: Annotated[Path, typer.Option(help="What it fixed, as `seal test plan` wrote it.")],
    heartbeat: Annotated[
        list[Path] | None,
        typer.Option(help="Proof of a heartbeat with a root over the pieces (`seal list --log`); may be given again."),
    ] = None,
    requester: Annotated[Path, typer.Option(help="File with the requester's public key, which the entry names.")],
    out: OutOption,
    boxes: BoxesOption = None,
    held: Annotated[
        Path | None, typer.Option("--hold", help="Your own hold of these pieces, instead of boxes.")
    ] = None,
    unfinished: UnfinishedOption = False,
) -> None:
    """As an authority, release your shares of the pieces that an entry of the register names, to the requester it names.

    The entries, their proofs and witnesses are checked here, offline; without them nothing is released. Only test openings
    can be released by now: of a face whose showing was planned before, at this camera and in this hour.
    """
    have = read_boxes(boxes) if boxes else read_parcel(held) if held else None
    if have is None or (boxes and held):
        raise UsageError("shares come from --boxes or from --hold", hint="give one of them")
    record = OpeningRecord(
        proven(proof, witnesses),
        proven(planned, witnesses),
        read_plan(plan)[1],
        tuple(proven(one, witnesses) for one in heartbeat or ()),
    )
    entry, key = record.entry, read_key(AuthorityKey, key_path)
    with opened_pack(packs, unfinished=unfinished) as pack:
        pieces = named_pieces(pack, entry)
        parcel = release_pieces(pack, key, have, pieces, requester=read_public(requester), record=record)
    key.forget()
    write(out, parcel.to_json())
    typer.echo(
        f"released {len(pieces)} pieces under entry {entry.index}, seen by {', '.join(entry.witnesses)}", err=True
    )


def hold(
    *,
    packs: PackPaths,
    key_path: _Key,
    proof: ProofOption,
    witnesses: PolicyOption,
    out: OutOption,
    boxes: Annotated[Path, typer.Option("--boxes", help="What the custodian handed over, as `seal unlock` writes it.")],
    unfinished: UnfinishedOption = False,
) -> None:
    """As an authority, keep your shares of the pieces that a hold in the register names, beyond the end of retention."""
    entry, key = proven(proof, witnesses), read_key(AuthorityKey, key_path)
    with opened_pack(packs, unfinished=unfinished) as pack:
        pieces = named_pieces(pack, entry)
        parcel = hold_pieces(pack, key, read_boxes(boxes), pieces, entry=entry)
    key.forget()
    write(out, parcel.to_json())
    typer.echo(f"held {len(pieces)} pieces until {parcel.until}; destroy {out} then", err=True)


def combine(
    *,
    packs: PackPaths,
    parcels: Annotated[list[Path], typer.Option("--parcel", help="What an authority released; once for each.")],
    key_path: Annotated[Path, typer.Option("--key", help="The requester's private key.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder, which is made.")],
) -> None:
    """As the requester, put the shares together and read the pieces back: pictures of each, readable by you alone."""
    key = read_key(RequesterKey, key_path)
    with opened_pack(packs) as pack:
        keys = combine_parcels([read_parcel(path) for path in parcels], key, pack)
        if len(keys) > MOST_PIECES:
            raise UsageError(f"pieces must be at most {MOST_PIECES}, got {len(keys)}")
        opened = [open_piece(pack, number, piece_key) for number, piece_key in keys.items()]
    make_folder(out)
    for one in opened:
        write(out / f"piece-{one.number}.json", json.dumps(one.meta, indent=1).encode())
        _write_pictures(one, out)
    for piece_key in keys.values():
        piece_key.forget()
    key.forget()
    typer.echo(f"{len(opened)} pieces are in {out}: delete them when the test is done", err=True)


def _write_pictures(opened: OpenedPiece, folder: Path) -> None:
    """Write some pictures of a piece, evenly apart, each named by the piece and its place in it."""
    decoded = iter(decode_piece(opened))
    first = next(decoded, None)  # its meta is checked by now
    step = max(1, opened.meta["frames"] // PICTURES) if first is not None else 1
    for place, shown in enumerate(chain([first] if first is not None else [], decoded)):
        if place % step == 0 and place // step < PICTURES:
            data = BytesIO()
            Image.fromarray(shown.rgb()).save(data, "PNG")
            write(folder / f"piece-{opened.number}-{place}.png", data.getvalue())
