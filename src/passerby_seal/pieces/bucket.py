"""Sealing: one process seals one bucket, forgets each key when its piece ends and each seed when its piece begins."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from passerby.register import tree_hash
from passerby_seal.keys import SECRET_BYTES, SealingKey, SealPolicy, prefixed, random_buffer, wipe
from passerby_seal.pieces.context import FORMAT, Binding, BucketContext
from passerby_seal.pieces.layout import (
    MAGIC,
    MOST_PIECES,
    RecordKind,
    close_message,
    end_message,
    header_leaf,
    header_message,
    index_message,
    piece_leaf,
    record,
    tree_message,
    u32,
)
from passerby_seal.pieces.sealed import PieceTree, SealedPiece
from passerby_seal.pieces.shares import PieceKey, SeedChain, seed_count, seeds_of
from passerby_seal.pieces.writer import PieceWriter
from passerby_seal.refusals import BucketClosedError, BucketFullError


class PackSink(Protocol):
    """Where a pack goes. Any exception that it raises ends the bucket and goes to the caller."""

    def append(self, data: bytes) -> None:
        """Take the next bytes of the pack."""


class SealBucket:
    """Writes one pack. For one thread; the caller knows the clock and begins a new bucket when the hour changes."""

    def __init__(self, context: BucketContext, policy: SealPolicy, custodian: SealingKey, sink: PackSink) -> None:
        """Draw the seeds, lock them up and write the header.

        Args:
            context: Log, camera, hour.
            policy: Who may open how.
            custodian: The public key of the custodian for this camera and hour.
            sink: Takes the pack from its first byte on.
        """
        self._signer: Ed25519PrivateKey | None = Ed25519PrivateKey.generate()
        signer = self._signer.public_key().public_bytes_raw()
        self.binding = Binding(context, policy.digest, custodian.digest, signer)
        self._sink = sink
        seeds = {number: random_buffer() for number in range(seed_count(len(policy.authorities), policy.needed))}
        outer = custodian.seal(
            prefixed(*_inner_boxes(policy, seeds, self.binding)), self.binding.info(f"{FORMAT} custody")
        )
        self._chain = SeedChain(seeds, self.binding)
        self._open: dict[int, PieceWriter] = {}
        self._ended = self._trees = 0
        raw = policy.to_json()
        signature = self._signer.sign(header_message(self.binding, raw, outer))
        body = prefixed(self.binding.json, raw, outer) + signature
        self._leaves = [header_leaf(self.binding, hashlib.sha256(body).digest())]
        self._append(MAGIC + record(RecordKind.HEADER, body))

    @property
    def pieces(self) -> int:
        """How many pieces were begun."""
        return self._chain.piece

    @property
    def closed(self) -> bool:
        """Whether it takes nothing any more."""
        return self._signer is None

    def open_piece(self) -> PieceWriter:
        """Begin a piece under a key of its own.

        Raises:
            BucketFullError: it holds as many as the format allows.
            BucketClosedError: it was closed, or its sink failed.
        """
        self._alive()
        number = self._chain.piece
        if number >= MOST_PIECES:
            raise BucketFullError(f"bucket must hold at most {MOST_PIECES} pieces", hint="begin a new bucket")
        key = PieceKey(self._chain.shares(), self.binding, number)
        self._chain.step()
        writer = PieceWriter(key, self.binding, self._append, self._end, self._open.pop)
        self._open[number] = writer
        return writer

    def take_tree(self) -> PieceTree | None:
        """Write a tree over what was ended since the last one, and return it; None where nothing was.

        Raises:
            BucketClosedError: it was closed, or its sink failed.
        """
        signer = self._alive()
        if not self._leaves:
            return None
        tree = PieceTree(self._trees, tree_hash(self._leaves), tuple(self._leaves))
        signature = signer.sign(tree_message(self.binding, tree.number, len(tree.leaves), tree.root))
        self._append(record(RecordKind.TREE, u32(tree.number, len(tree.leaves)) + tree.root + signature))
        self._trees += 1
        self._leaves = []
        return tree

    def close(self) -> PieceTree | None:
        """Give up open pieces, write the last tree and the close, forget everything; return that tree, if there was one."""
        if self._signer is None:
            return None
        for writer in list(self._open.values()):
            writer.abandon()
        tree = self.take_tree()
        counts = (self._chain.piece, self._ended, self._trees)
        signature = self._signer.sign(close_message(self.binding, *counts))
        self._append(record(RecordKind.CLOSE, u32(*counts) + signature))
        self.forget()
        return tree

    def sign_index(self, part: bytes) -> bytes:
        """Return the bucket's signature over a part of the index of a recording.

        Raises:
            BucketClosedError: it was closed, or its sink failed.
        """
        return self._alive().sign(index_message(self.binding, part))

    def forget(self) -> None:
        """Overwrite seeds and keys and drop the signing key; the pack stays unfinished unless it was closed before."""
        self._chain.forget()
        self._signer = None
        for writer in list(self._open.values()):
            writer.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        self.forget()

    def _alive(self) -> Ed25519PrivateKey:
        if self._signer is None:
            raise BucketClosedError("bucket must be open, was closed or its store failed", hint="begin a new bucket")
        return self._signer

    def _append(self, data: bytes) -> None:
        try:
            self._sink.append(data)
        except BaseException:
            self.forget()
            raise

    def _end(self, piece: int, chunks: int, digest: bytes) -> SealedPiece:
        """Sign the end of a piece and write it."""
        signature = self._alive().sign(end_message(self.binding, piece, chunks, digest))
        self._append(record(RecordKind.END, u32(piece, chunks) + digest + signature))
        sealed = SealedPiece(piece, chunks, piece_leaf(self.binding, piece, chunks, digest))
        self._leaves.append(sealed.leaf)
        self._ended += 1
        return sealed


def _inner_boxes(policy: SealPolicy, seeds: dict[int, bytearray], binding: Binding) -> Iterator[bytes]:
    """Seal to each authority the seeds that it holds."""
    for index, authority in enumerate(policy.authorities, start=1):
        numbers = seeds_of(index, len(policy.authorities), policy.needed)
        held = bytearray(len(numbers) * SECRET_BYTES)
        for place, number in enumerate(numbers):
            held[SECRET_BYTES * place : SECRET_BYTES * (place + 1)] = seeds[number]
        yield authority.key.seal(held, binding.info(f"{FORMAT} authority") + bytes([index]))
        wipe(held)
