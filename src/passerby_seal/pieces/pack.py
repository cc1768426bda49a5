"""Reading a pack: its records in order, its signatures, and one piece checked before anything of it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from passerby.register import prove_inclusion, tree_hash
from passerby_seal.keys import BOX_BYTES, parse_policy, prefixed
from passerby_seal.pieces.context import Binding, BucketContext
from passerby_seal.pieces.index import PackIndex
from passerby_seal.pieces.layout import SIGNATURE_BYTES, RecordKind, end_message, header_leaf, header_message
from passerby_seal.pieces.records import FoundRecord, records_of
from passerby_seal.pieces.sealed import LeafPath, PieceTree, SealedPiece
from passerby_seal.pieces.source import PackSource
from passerby_seal.refusals import SealAlteredError, SealCutError, SealFormatError, SealOrderError, UnknownPieceError


class Pack:
    """One bucket as it was written; ``Pack.read`` makes it.

    Attributes:
        binding: The context and what it binds.
        policy: Who may open it how.
        outer: The box to the custodian.
    """

    def __init__(self, source: PackSource, header: FoundRecord) -> None:
        """Read the header; ``Pack.read`` does it.

        Raises:
            SealFormatError: it is none.
            SealAlteredError: its signature or a digest in it does not fit.
        """
        self._source = source
        body = _whole(source, header)
        context, policy, self.outer, signature = _header_parts(body)
        self.binding = Binding.parse(context)
        self.policy = parse_policy(policy)
        if self.policy.digest != self.binding.policy:
            raise SealAlteredError("policy of a pack must be the one that its context names, got another")
        self.verify(signature, header_message(self.binding, policy, self.outer), "header")
        self._index = PackIndex(self.binding, header_leaf(self.binding, hashlib.sha256(body).digest()), self.verify)

    @classmethod
    def read(cls, source: PackSource, *, unfinished: bool = False) -> Self:
        """Read a pack's structure; what is in a piece is checked when the piece is used.

        Args:
            source: The pack.
            unfinished: Read one without a close as well, whose sealer was killed or goes on, up to its last whole record.

        Raises:
            SealFormatError, SealCutError, SealOrderError, SealAlteredError: it is not as the format has it.
        """
        records = records_of(source, unfinished=unfinished)
        header = next(records, None)
        if header is None:
            raise SealCutError("pack must have a header, is cut off before it")
        if header.kind is not RecordKind.HEADER:
            raise SealOrderError(f"pack must begin with its header, got a record of type {header.kind.name.lower()}")
        pack = cls(source, header)
        for record in records:
            pack._index.take(record)
        if not pack.closed and not unfinished:
            raise SealCutError("pack must have its close, is cut off before it")
        return pack

    @property
    def context(self) -> BucketContext:
        """Log, camera, hour, bucket."""
        return self.binding.context

    @property
    def pieces(self) -> Mapping[int, SealedPiece]:
        """The pieces that were ended, by number."""
        return MappingProxyType(self._index.pieces)

    @property
    def trees(self) -> tuple[PieceTree, ...]:
        """In their order."""
        return tuple(self._index.trees)

    @property
    def unended(self) -> int:
        """How many pieces were begun and have no end."""
        return self._index.unended

    @property
    def closed(self) -> bool:
        """Whether it has its close."""
        return self._index.closed

    def piece(self, number: int) -> SealedPiece:
        """Return one piece.

        Raises:
            UnknownPieceError: there is none of this number, or it has no end.
        """
        found = self._index.pieces.get(number)
        if found is None:
            raise UnknownPieceError(f"piece must be one that was ended in this pack, got {number}")
        return found

    def check_piece(self, number: int) -> SealedPiece:
        """Return one piece after all of its bytes and its signature were checked.

        Raises:
            UnknownPieceError: there is none.
            SealAlteredError: it is not what was sealed.
        """
        piece = self.piece(number)
        computed = hashlib.sha256()
        for index in range(piece.chunks):
            computed.update(prefixed(self.chunk(number, index)))
        digest, signature = self._index.ends[number]
        if computed.digest() != digest:
            raise SealAlteredError(f"piece {number} is not what was sealed: its digest differs")
        self.verify(signature, end_message(self.binding, number, piece.chunks, digest), f"end of piece {number}")
        return piece

    def check(self) -> None:
        """Check every byte that belongs to a piece.

        Raises:
            SealAlteredError: something is not what was sealed.
        """
        for number in self._index.pieces:
            self.check_piece(number)

    def chunk(self, number: int, index: int) -> bytes:
        """Return the body of one chunk record of an ended piece."""
        offset, length = self._index.places[number][2 * index : 2 * index + 2]
        body = self._source.read_at(offset, length)
        if len(body) != length:
            raise SealCutError(f"pack must be as long as when it was read first, ends within piece {number}")
        return body

    def path(self, number: int) -> LeafPath:
        """Return how a piece's leaf leads to a root that a heartbeat put on record.

        Raises:
            UnknownPieceError: there is no such piece, or no tree was written since it ended.
        """
        tree = self.tree_of(number)
        if tree is None:
            raise UnknownPieceError(f"piece {number} must be in a tree, ended after the last one")
        _, place = self._index.trees_of[self.piece(number).leaf]
        return LeafPath(tree, place, tuple(prove_inclusion(place, len(tree.leaves), _nodes_over(tree.leaves))))

    def tree_of(self, number: int) -> PieceTree | None:
        """Return the tree that a piece's leaf stands in; None where it ended after the last one.

        Raises:
            UnknownPieceError: there is no such piece.
        """
        found = self._index.trees_of.get(self.piece(number).leaf)
        return None if found is None else self._index.trees[found[0]]

    def verify(self, signature: bytes, message: bytes, what: str) -> None:
        """Check a signature by the pack's own key.

        Raises:
            SealAlteredError: it is not right.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.binding.signer).verify(signature, message)
        except (InvalidSignature, ValueError) as exc:
            raise SealAlteredError(f"{what} is not what was sealed: its signature does not fit") from exc


def _whole(source: PackSource, record: FoundRecord) -> bytes:
    return source.read_at(record.offset, record.length)


def _header_parts(body: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return context, policy, box and signature of a header."""
    parts, at = [], 0
    for _ in range(3):
        length = int.from_bytes(body[at : at + 4], "big")
        parts.append(body[at + 4 : at + 4 + length])
        at += 4 + length
    if len(body) != at + SIGNATURE_BYTES or len(parts[2]) < BOX_BYTES:
        raise SealFormatError("header must be context, policy, box and signature, got other lengths")
    return parts[0], parts[1], parts[2], body[at:]


def _nodes_over(leaves: tuple[bytes, ...]) -> Callable[[int, int], bytes]:
    """Return what gives the hash of any full node over some leaves."""

    def node(level: int, index: int) -> bytes:
        return tree_hash(leaves[index << level : (index + 1) << level])

    return node
