"""From shares to a face: enough parcels make the keys of the named pieces, and a key opens its piece whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from passerby_seal.keys import SECRET_BYTES, RequesterKey, wipe
from passerby_seal.pieces.layout import CHUNK_HEAD, chunk_data, nonce
from passerby_seal.pieces.opening import Shares, opened_shares
from passerby_seal.pieces.pack import Pack
from passerby_seal.pieces.parcels import ShareParcel
from passerby_seal.pieces.shares import PieceKey
from passerby_seal.refusals import (
    DoubledShareError,
    ForeignShareError,
    SealAlteredError,
    SealFormatError,
    TooFewSharesError,
    WrongRequesterKeyError,
    WrongShareError,
)


@dataclass(frozen=True, slots=True)
class OpenedPiece:
    """One piece in clear.

    Attributes:
        number: In its bucket.
        meta: What is needed to read the data.
        data: The encoded stream.
    """

    number: int
    meta: dict[str, Any]
    data: bytes


def combine(releases: Sequence[ShareParcel], key: RequesterKey, pack: Pack) -> dict[int, PieceKey]:
    """Return the keys of the pieces that enough authorities released.

    Raises:
        DoubledShareError: one authority stands twice.
        ForeignShareError: a parcel is of another pack, entry, authority, of other pieces, or was altered.
        TooFewSharesError: fewer than the policy needs.
        WrongRequesterKeyError: none is to this key.
        MalformedShareError: one opens and holds something else.
        WrongShareError: shares contradict each other, or do not make the key of a piece.
        UnknownPieceError, SealAlteredError: a piece is not there as it was sealed.
    """
    _check_together(releases, pack)
    commitments = {piece: _commitment(pack, piece) for piece in releases[0].pieces}
    opened = [(parcel, key.open(parcel.box, parcel.info(pack.binding))) for parcel in releases]
    if all(plaintext is None for _, plaintext in opened):
        raise WrongRequesterKeyError("parcels must be to this requester's key, none is")
    together: Shares = {piece: {} for piece in commitments}
    keys: dict[int, PieceKey] = {}
    try:
        for parcel, plaintext in opened:
            _join(together, pack, parcel, plaintext)
        for piece, shares in together.items():
            keys[piece] = PieceKey(shares, pack.binding, piece)
            _check_key(keys[piece], commitments[piece], pack, releases)
    except BaseException:
        for made in keys.values():
            made.forget()
        raise
    finally:
        wipe(*(share for shares in together.values() for share in shares.values()))
    return keys


def open_piece(pack: Pack, number: int, key: PieceKey) -> OpenedPiece:
    """Return what was sealed, after all of it was checked.

    Raises:
        UnknownPieceError: there is no such piece.
        ForeignShareError: the key is of another piece or pack.
        SealAlteredError: the piece is not what was sealed.
        SealFormatError: its meta is no canonical JSON.
    """
    piece = pack.check_piece(number)
    if key.piece != number or key.context != pack.binding.digest or key.commitment != _stored_commitment(pack, number):
        raise ForeignShareError(f"key must be of piece {number} of this pack, is of another")
    cipher = ChaCha20Poly1305(key.stream)
    data = chunk_data(pack.binding, number, key.commitment)
    plain = []
    for index in range(piece.chunks):
        body = pack.chunk(number, index)
        sealed = body[CHUNK_HEAD + (0 if index else SECRET_BYTES) :]
        try:
            plain.append(cipher.decrypt(nonce(index, last=index == piece.chunks - 1), sealed, data))
        except InvalidTag as exc:
            raise SealAlteredError(f"chunk {index} of piece {number} is not what was sealed") from exc
    return OpenedPiece(number, _meta(plain.pop(), number), b"".join(plain))


def _check_together(releases: Sequence[ShareParcel], pack: Pack) -> None:
    count, needed = len(pack.policy.authorities), pack.policy.needed
    authorities = [parcel.authority for parcel in releases]
    for parcel in releases:
        if parcel.kind != "release" or parcel.context != pack.binding.digest or not 1 <= parcel.authority <= count:
            raise ForeignShareError(
                f"parcel of authority {parcel.authority} must be a release of this pack, is of another"
            )
        if (parcel.entry, parcel.pieces) != (releases[0].entry, releases[0].pieces):
            raise ForeignShareError(
                f"parcel of authority {parcel.authority} must rest on the same entry and pieces as the others"
            )
    for authority in authorities:
        if authorities.count(authority) > 1:
            raise DoubledShareError(
                f"each authority must stand once, {pack.policy.authorities[authority - 1].name} stands twice"
            )
    if len(authorities) < needed:
        raise TooFewSharesError(f"shares must come from {needed} authorities, got {len(authorities)}")


def _join(together: Shares, pack: Pack, parcel: ShareParcel, plaintext: bytearray | None) -> None:
    """Add an authority's shares to those of the others; what both hold must be the same."""
    if plaintext is None:
        raise ForeignShareError(f"parcel of authority {parcel.authority} is not to this key, or was altered")
    for piece, shares in opened_shares(pack, parcel, plaintext).items():
        for number, share in shares.items():
            if together[piece].setdefault(number, share) != share:
                raise WrongShareError(
                    f"authority {parcel.authority} contradicts another one about piece {piece}: one of them is wrong"
                )


def _check_key(key: PieceKey, commitment: bytes, pack: Pack, releases: Sequence[ShareParcel]) -> None:
    if key.commitment != commitment:
        names = ", ".join(pack.policy.authorities[parcel.authority - 1].name for parcel in releases)
        raise WrongShareError(f"shares do not make the key of piece {key.piece}: one of these is wrong: {names}")


def _commitment(pack: Pack, number: int) -> bytes:
    pack.check_piece(number)
    return _stored_commitment(pack, number)


def _stored_commitment(pack: Pack, number: int) -> bytes:
    return pack.chunk(number, 0)[CHUNK_HEAD : CHUNK_HEAD + SECRET_BYTES]


def _meta(text: bytes, number: int) -> dict[str, Any]:
    try:
        meta = json.loads(text)
        fits = isinstance(meta, dict) and rfc8785.dumps(meta) == text
    except (ValueError, RecursionError) as exc:
        raise SealFormatError(f"meta of piece {number} must be canonical JSON, got something else") from exc
    if not fits:
        raise SealFormatError(f"meta of piece {number} must be a canonical JSON object, got something else")
    return dict(meta)
