"""Nothing is released off the record: what an entry of the register allows, and of what.

`register.require` alone makes a `ProvenEntry`, so that whoever gives out shares has checked log, proof and witnesses; here stands
what the entry must say.
"""

from __future__ import annotations

from collections.abc import Iterable

from passerby.register import ProvenEntry, SealHeld, SealTestAnnounced, decode_entry, leaf_hash
from passerby_seal.keys import SealingKey
from passerby_seal.pieces.context import FILE_ORIGIN
from passerby_seal.pieces.pack import Pack
from passerby_seal.refusals import NotOnRecordError


def require_release(entry: ProvenEntry, pack: Pack, pieces: Iterable[int], requester: SealingKey) -> bytes:
    """Return the leaf hash of an entry that allows shares of these pieces to go to this key.

    Raises:
        NotOnRecordError: it does not.
        UnknownPieceError, SealAlteredError: a piece is not there as it was sealed.
    """
    stated = decode_entry(entry.entry)
    if not isinstance(stated, SealTestAnnounced):
        raise NotOnRecordError(
            f"shares must rest on an opening that stands in the register, got an entry {stated.kind}"
        )
    if stated.requester != requester.digest:
        raise NotOnRecordError("shares must go to the requester whom the entry names, got another key")
    return _named(entry, pack, pieces, stated)


def require_hold(entry: ProvenEntry, pack: Pack, pieces: Iterable[int]) -> bytes:
    """Return the leaf hash of an entry that says that these pieces are held.

    Raises:
        NotOnRecordError: it does not.
        UnknownPieceError, SealAlteredError: a piece is not there as it was sealed.
    """
    stated = decode_entry(entry.entry)
    if not isinstance(stated, SealHeld):
        raise NotOnRecordError(f"a hold must rest on its entry in the register, got an entry {stated.kind}")
    return _named(entry, pack, pieces, stated)


def _named(entry: ProvenEntry, pack: Pack, pieces: Iterable[int], stated: SealTestAnnounced | SealHeld) -> bytes:
    if not entry.witnesses:
        raise NotOnRecordError("entry must be seen by witnesses before it counts, got one that none has signed")
    origin = pack.context.origin
    if origin not in (FILE_ORIGIN, entry.checkpoint.origin):
        raise NotOnRecordError(
            f"entry must stand in the log of the pack, {origin}, stands in {entry.checkpoint.origin}"
        )
    if stated.camera != pack.context.camera:
        raise NotOnRecordError(f"entry must be of the pack's camera, {pack.context.camera}, is of {stated.camera}")
    for number in pieces:
        if pack.check_piece(number).digest not in stated.pieces:
            raise NotOnRecordError(f"piece must be one that the entry names, got {number}")
    return leaf_hash(entry.entry)
