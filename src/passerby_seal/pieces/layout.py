"""The records of a pack: how they are written, what is signed, how large they may be. Source: docs/seal-format.md."""

from __future__ import annotations

from enum import IntEnum

from passerby.register import leaf_hash
from passerby_seal.keys import prefixed
from passerby_seal.pieces.context import FORMAT, Binding

MAGIC = b"passerby-seal/1\n"
HEAD_BYTES = 5
HASH_BYTES = 32
SIGNATURE_BYTES = 64
TAG_BYTES = 16
NONCE_ZEROS = bytes(7)
CHUNK_HEAD = 9
"""Piece, sequence, last."""
COUNTS_HEAD = 8
MOST_HEADER = 65_536
MOST_PLAIN = 65_536
MOST_PIECES = 1 << 18
MOST_CHUNKS = 4096
MOST_RECORDS = 1 << 22
MOST_BYTES = 1 << 33


class RecordKind(IntEnum):
    """The first byte of a record."""

    HEADER = 1
    CHUNK = 2
    END = 3
    TREE = 4
    CLOSE = 5


LENGTHS = {
    RecordKind.HEADER: (1, MOST_HEADER),
    RecordKind.CHUNK: (CHUNK_HEAD + TAG_BYTES + 1, CHUNK_HEAD + HASH_BYTES + MOST_PLAIN + TAG_BYTES),
    RecordKind.END: (COUNTS_HEAD + HASH_BYTES + SIGNATURE_BYTES,) * 2,
    RecordKind.TREE: (COUNTS_HEAD + HASH_BYTES + SIGNATURE_BYTES,) * 2,
    RecordKind.CLOSE: (12 + SIGNATURE_BYTES,) * 2,
}
"""Least and most bytes of each record's body."""


def u32(*numbers: int) -> bytes:
    """Return numbers as the format writes them: four bytes each, the highest first."""
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def numbers_in(data: bytes) -> tuple[int, ...]:
    """Return the numbers that ``u32`` wrote.

    >>> numbers_in(u32(1, 70_000))
    (1, 70000)
    """
    return tuple(int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4))


def record(kind: RecordKind, body: bytes) -> bytes:
    """Return a record with its head."""
    return bytes([kind]) + u32(len(body)) + body


def nonce(sequence: int, *, last: bool) -> bytes:
    """Return a chunk's nonce."""
    return NONCE_ZEROS + u32(sequence) + bytes([last])


def chunk_data(binding: Binding, piece: int, commitment: bytes) -> bytes:
    """Return a chunk's associated data."""
    return binding.about(f"{FORMAT} chunk") + u32(piece) + commitment


def header_message(binding: Binding, policy: bytes, outer: bytes) -> bytes:
    """Return what a header's signature is over."""
    return binding.about(f"{FORMAT} header") + prefixed(policy, outer)


def end_message(binding: Binding, piece: int, chunks: int, digest: bytes) -> bytes:
    """Return what the signature of a piece's end is over; it is the piece's leaf as well."""
    return binding.about(f"{FORMAT} end") + u32(piece, chunks) + digest


def tree_message(binding: Binding, number: int, leaves: int, root: bytes) -> bytes:
    """Return what a tree's signature is over."""
    return binding.about(f"{FORMAT} tree") + u32(number, leaves) + root


def close_message(binding: Binding, numbers: int, ended: int, trees: int) -> bytes:
    """Return what the signature of a pack's close is over."""
    return binding.about(f"{FORMAT} close") + u32(numbers, ended, trees)


def index_message(binding: Binding, part: bytes) -> bytes:
    """Return what the signature of a part of a recording's index is over."""
    return binding.about(f"{FORMAT} index part") + part


def header_leaf(binding: Binding, body_hash: bytes) -> bytes:
    """Return the hash of the header's leaf, the first of a pack's first tree."""
    return leaf_hash(binding.about(f"{FORMAT} header") + body_hash)


def piece_leaf(binding: Binding, piece: int, chunks: int, digest: bytes) -> bytes:
    """Return the hash of a piece's leaf."""
    return leaf_hash(end_message(binding, piece, chunks, digest))
