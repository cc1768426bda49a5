"""One piece as it is sealed: its plaintext is cut into chunks and encrypted as it comes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from passerby.errors import UsageError
from passerby_seal.keys import prefixed, wipe
from passerby_seal.pieces.context import Binding
from passerby_seal.pieces.layout import MOST_CHUNKS, MOST_PLAIN, RecordKind, chunk_data, nonce, record, u32
from passerby_seal.pieces.sealed import SealedPiece
from passerby_seal.pieces.shares import PieceKey
from passerby_seal.refusals import BucketClosedError, BucketFullError

CHUNK_BYTES = 16_384
"""Plaintext a chunk: 0.2 % of it is overhead, and no more than that waits in memory for each open piece."""

Append = Callable[[bytes], None]
End = Callable[[int, int, bytes], SealedPiece]
Gone = Callable[[int], object]


class PieceWriter:
    """Takes the data of one piece, then its meta; a piece is there when it was closed, and not before."""

    def __init__(self, key: PieceKey, binding: Binding, append: Append, end: End, gone: Gone) -> None:
        """Begin a piece; ``SealBucket.open_piece`` does it.

        Args:
            key: The piece's; the writer forgets it.
            binding: Of the bucket.
            append: Takes records.
            end: Signs the end of the piece.
            gone: Is told when the piece was ended or given up.
        """
        self.number = key.piece
        self._key = key
        self._cipher: ChaCha20Poly1305 | None = ChaCha20Poly1305(key.stream)
        self._data = chunk_data(binding, key.piece, key.commitment)
        self._append, self._end, self._gone = append, end, gone
        self._waiting = bytearray(CHUNK_BYTES)
        self._filled = self._sequence = 0
        self._hash = hashlib.sha256()

    @property
    def closed(self) -> bool:
        """Whether it takes nothing any more."""
        return self._cipher is None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take more of the piece's data.

        Raises:
            BucketClosedError: piece or bucket was closed, or the sink failed.
            BucketFullError: the piece has as many chunks as the format allows; it was given up.
        """
        self._alive()
        with memoryview(data) as given, given.cast("B") as view:
            taken = 0
            while taken < len(view):
                count = min(CHUNK_BYTES - self._filled, len(view) - taken)
                self._waiting[self._filled : self._filled + count] = view[taken : taken + count]
                self._filled += count
                taken += count
                if self._filled == CHUNK_BYTES:
                    self._flush()

    def close(self, meta: Mapping[str, object]) -> SealedPiece:
        """End the piece: its meta is the last chunk.

        Args:
            meta: What is needed to read the data, as JSON's values; at most 65,536 bytes.

        Raises:
            UsageError: meta is larger, or cannot be JSON. The piece is still open.
            BucketClosedError, BucketFullError: as for ``write``.
        """
        self._alive()
        try:
            text = rfc8785.dumps(dict(meta))  # type: ignore[arg-type]  # what it cannot write it refuses
        except rfc8785.CanonicalizationError as exc:
            raise UsageError(f"meta of a piece must be values of JSON, got others: {exc}") from exc
        if len(text) > MOST_PLAIN:
            raise UsageError(f"meta of a piece must be at most {MOST_PLAIN} bytes, got {len(text)}")
        if self._filled:
            self._flush()
        self._write_chunk(text, last=True)
        chunks, digest = self._sequence, self._hash.digest()
        self._forget()
        return self._end(self.number, chunks, digest)

    def abandon(self) -> None:
        """Give the piece up: it has no end and cannot be read. Nothing happens where it was closed already."""
        if self._cipher is not None:
            self._forget()

    def _flush(self) -> None:
        if self._filled < CHUNK_BYTES:
            rest = self._waiting[: self._filled]
            self._write_chunk(rest, last=False)
            wipe(rest)
        else:
            self._write_chunk(self._waiting, last=False)
        self._filled = 0

    def _write_chunk(self, plaintext: bytes | bytearray, *, last: bool) -> None:
        cipher = self._alive()
        if self._sequence >= MOST_CHUNKS - (not last):
            self.abandon()
            raise BucketFullError(f"piece must have at most {MOST_CHUNKS} chunks, got more", hint="begin a new piece")
        head = u32(self.number, self._sequence) + bytes([last]) + (b"" if self._sequence else self._key.commitment)
        body = head + cipher.encrypt(nonce(self._sequence, last=last), plaintext, self._data)
        self._hash.update(prefixed(body))
        self._sequence += 1
        self._append(record(RecordKind.CHUNK, body))

    def _alive(self) -> ChaCha20Poly1305:
        if self._cipher is None:
            raise BucketClosedError("piece must be open, was closed or given up", hint="begin a new piece")
        return self._cipher

    def _forget(self) -> None:
        self._cipher = None
        self._key.forget()
        wipe(self._waiting)
        self._gone(self.number)
