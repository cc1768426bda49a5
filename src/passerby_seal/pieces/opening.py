"""From a custodian's key to shares: an authority's seeds are run forward to the pieces that an entry names, and to no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from passerby.errors import UsageError
from passerby.register import ProvenEntry
from passerby.values import utc_now
from passerby_seal.keys import SECRET_BYTES, AuthorityKey, CustodyKey, FileCustodyKey, SealingKey, wipe
from passerby_seal.pieces.context import FORMAT
from passerby_seal.pieces.on_record import (
    OpeningRecord,
    require_before,
    require_hold,
    require_kept,
    require_release,
    require_unlock,
)
from passerby_seal.pieces.pack import Pack
from passerby_seal.pieces.parcels import MOST_PARCEL_PIECES, AuthorityBoxes, ParcelKind, ShareParcel
from passerby_seal.pieces.shares import SeedChain, seeds_of
from passerby_seal.refusals import (
    ForeignShareError,
    MalformedShareError,
    NotOnRecordError,
    SealAlteredError,
    WrongAuthorityKeyError,
    WrongCameraError,
    WrongCustodyKeyError,
    WrongHourError,
)

Shares = dict[int, dict[int, bytearray]]
"""By piece, by number of the seed."""


def unlock(
    pack: Pack, key: CustodyKey | FileCustodyKey, *, entry: ProvenEntry, now: datetime | None = None
) -> AuthorityBoxes:
    """Return what the custodian hands to the authorities. It opens no face: each box needs its authority's key.

    Args:
        pack: What is handed out.
        key: The custodian's.
        entry: That names pieces of the pack, to be opened or held.
        now: Aware; None takes the clock.

    Raises:
        NotOnRecordError: the entry names no piece of this pack.
        RetentionOverError: the retention that it was sealed under is over.
        WrongCameraError, WrongHourError, WrongCustodyKeyError, SealAlteredError: as for ``custody_boxes``.
    """
    require_unlock(entry, pack)
    require_kept(pack, now or utc_now())
    return custody_boxes(pack, key)


def custody_boxes(pack: Pack, key: CustodyKey | FileCustodyKey) -> AuthorityBoxes:
    """Return the boxes that a pack holds for its authorities, before it was asked whether they may be handed out.

    Raises:
        WrongCameraError, WrongHourError: the key says that it is of another one.
        WrongCustodyKeyError: it is not the key that the pack names.
        SealAlteredError: the box is not what was sealed.
    """
    context = pack.context
    if key.about.get("camera", context.camera) != context.camera:
        raise WrongCameraError(f"custodian's key must be of camera {context.camera}, is of {key.about['camera']}")
    if key.about.get("hour", context.hour) != context.hour:
        raise WrongHourError(f"custodian's key must be of hour {context.hour}, is of {key.about['hour']}")
    if key.public.digest != pack.binding.custody:
        raise WrongCustodyKeyError("custodian's key must be the one that the pack names, got another")
    plaintext = key.open(pack.outer, pack.binding.info(f"{FORMAT} custody"))
    if plaintext is None:
        raise SealAlteredError("box to the custodian is not what was sealed")
    boxes, at = [], 0
    while at < len(plaintext):
        length = int.from_bytes(plaintext[at : at + 4], "big")
        boxes.append(bytes(plaintext[at + 4 : at + 4 + length]))
        at += 4 + length
    if len(boxes) != len(pack.policy.authorities) or at != len(plaintext):
        raise SealAlteredError("box to the custodian must hold one box for each authority, holds others")
    return AuthorityBoxes(pack.binding.digest, tuple(boxes))


def release(
    pack: Pack,
    key: AuthorityKey,
    held: AuthorityBoxes | ShareParcel,
    pieces: Iterable[int],
    *,
    requester: SealingKey,
    record: OpeningRecord,
    now: datetime | None = None,
) -> ShareParcel:
    """Return an authority's shares of the pieces that an entry of the register names, locked to the requester.

    Args:
        pack: Where the pieces are.
        key: The authority's.
        held: What the custodian handed over; or the authority's own hold of these pieces.
        pieces: Numbers of pieces, each named by the entry.
        requester: The key that the entry names.
        record: The entry, and what it rests on.
        now: Aware; None takes the clock.

    Raises:
        NotOnRecordError: the record does not allow it.
        RetentionOverError: the retention that it was sealed under, or the hold, is over.
        UnknownPieceError, SealAlteredError: a piece is not there as it was sealed.
        WrongAuthorityKeyError: the key is of no authority of the pack.
        ForeignShareError: boxes or hold are of another pack, or hold other pieces.
        SealAlteredError, MalformedShareError: the authority's box does not open, or holds something else.
    """
    numbers = tuple(sorted(set(pieces)))
    leaf = require_release(record, pack, numbers, requester)
    _check_count(numbers)
    if isinstance(held, ShareParcel) and held.kind == "hold":
        require_before(held.until, now or utc_now())
    else:
        require_kept(pack, now or utc_now())
    return lock_shares("release", pack, authority_shares(pack, key, held, numbers), (key, requester), leaf)


def hold(
    pack: Pack,
    key: AuthorityKey,
    boxes: AuthorityBoxes,
    pieces: Iterable[int],
    *,
    entry: ProvenEntry,
    now: datetime | None = None,
) -> ShareParcel:
    """Return an authority's shares of held pieces, locked to itself: they outlast the destruction of the hour's key.

    Raises:
        NotOnRecordError: the entry is no hold of these pieces.
        RetentionOverError: the retention, or the hold, is over.
        UnknownPieceError, SealAlteredError, WrongAuthorityKeyError, ForeignShareError: as for ``release``.
    """
    numbers = tuple(sorted(set(pieces)))
    at = now or utc_now()
    leaf, until = require_hold(entry, pack, numbers, at)
    _check_count(numbers)
    require_kept(pack, at)
    shares = authority_shares(pack, key, boxes, numbers)
    return lock_shares("hold", pack, shares, (key, key.public), leaf, until=until)


def authority_number(pack: Pack, key: AuthorityKey) -> int:
    """Return which authority of the pack's policy a key is of, from 1.

    Raises:
        WrongAuthorityKeyError: of none.
    """
    for index, authority in enumerate(pack.policy.authorities, start=1):
        if authority.key == key.public:
            return index
    raise WrongAuthorityKeyError("key must be of an authority of the pack's policy, got another")


def opened_shares(pack: Pack, parcel: ShareParcel, plaintext: bytearray) -> Shares:
    """Return the shares of a parcel that was opened; its plaintext is overwritten.

    Raises:
        MalformedShareError: it holds not as many as the parcel says.
    """
    numbers = _seeds(pack, parcel.authority)
    if len(plaintext) != SECRET_BYTES * len(numbers) * len(parcel.pieces):
        raise MalformedShareError(
            f"parcel of authority {parcel.authority} must hold {len(numbers)} shares a piece, got {len(plaintext)} bytes"
        )
    cut = iter([plaintext[at : at + SECRET_BYTES] for at in range(0, len(plaintext), SECRET_BYTES)])
    wipe(plaintext)
    return {piece: {number: next(cut) for number in numbers} for piece in parcel.pieces}


def _check_count(numbers: tuple[int, ...]) -> None:
    if not numbers:
        raise NotOnRecordError("entry must name pieces of this pack, names none of them")
    if len(numbers) > MOST_PARCEL_PIECES:
        raise UsageError(f"pieces must be at most {MOST_PARCEL_PIECES}, got {len(numbers)}")


def _seeds(pack: Pack, authority: int) -> tuple[int, ...]:
    return seeds_of(authority, len(pack.policy.authorities), pack.policy.needed)


def authority_shares(
    pack: Pack, key: AuthorityKey, held: AuthorityBoxes | ShareParcel, pieces: tuple[int, ...]
) -> Shares:
    """Return an authority's shares of some pieces, before they are locked to anybody.

    Raises:
        WrongAuthorityKeyError, ForeignShareError, SealAlteredError, MalformedShareError: as for ``release``.
    """
    authority = authority_number(pack, key)
    if held.context != pack.binding.digest:
        raise ForeignShareError("what an authority holds must be of this pack, is of another")
    if isinstance(held, ShareParcel):
        return _held_shares(pack, key, held, pieces)
    if len(held.boxes) != len(pack.policy.authorities):
        raise ForeignShareError(f"boxes must be one for each authority, got {len(held.boxes)}")
    plaintext = key.open(held.boxes[authority - 1], pack.binding.info(f"{FORMAT} authority") + bytes([authority]))
    if plaintext is None:
        raise SealAlteredError(f"box to authority {authority} is not what was sealed")
    numbers = _seeds(pack, authority)
    if len(plaintext) != SECRET_BYTES * len(numbers):
        raise MalformedShareError(f"box to authority {authority} must hold {len(numbers)} seeds, holds something else")
    seeds = {number: plaintext[SECRET_BYTES * place :][:SECRET_BYTES] for place, number in enumerate(numbers)}
    wipe(plaintext)
    return _run_to(SeedChain(seeds, pack.binding), pieces)


def _run_to(chain: SeedChain, pieces: tuple[int, ...]) -> Shares:
    """Run seeds forward and return what they give for some pieces; the seeds are overwritten."""
    found: Shares = {}
    for piece in pieces:
        while chain.piece < piece:
            chain.step()
        found[piece] = chain.shares()
    chain.forget()
    return found


def _held_shares(pack: Pack, key: AuthorityKey, held: ShareParcel, pieces: tuple[int, ...]) -> Shares:
    if held.kind != "hold" or held.authority != authority_number(pack, key):
        raise ForeignShareError("hold must be of this authority, is another's or no hold")
    missing = set(pieces) - set(held.pieces)
    if missing:
        raise ForeignShareError(f"hold must be of the pieces that are asked for, lacks {min(missing)}")
    plaintext = key.open(held.box, held.info(pack.binding))
    if plaintext is None:
        raise ForeignShareError("hold does not open with this key, or was altered")
    shares = opened_shares(pack, held, plaintext)
    for piece in set(held.pieces) - set(pieces):
        wipe(*shares.pop(piece).values())
    return shares


def lock_shares(
    kind: ParcelKind,
    pack: Pack,
    shares: Mapping[int, Mapping[int, bytearray]],
    keys: tuple[AuthorityKey, SealingKey],
    entry: bytes,
    *,
    until: str = "",
) -> ShareParcel:
    """Lock shares to the second key; they are overwritten."""
    empty = ShareParcel(
        kind, pack.binding.digest, authority_number(pack, keys[0]), entry, tuple(sorted(shares)), b"", until
    )
    plaintext = bytearray()
    for piece in empty.pieces:
        for share in shares[piece].values():
            plaintext += share
            wipe(share)
    box = keys[1].seal(plaintext, empty.info(pack.binding))
    wipe(plaintext)
    return replace(empty, box=box)
