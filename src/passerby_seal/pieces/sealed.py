"""What stands in a pack when it is done: pieces with their leaves, and trees over them."""

from __future__ import annotations

from dataclasses import dataclass

from passerby.values import Digest


@dataclass(frozen=True, slots=True)
class SealedPiece:
    """A piece that was ended and signed.

    Attributes:
        number: In its bucket, from 0.
        chunks: How many it has.
        leaf: Hash of its leaf, 32 bytes.
    """

    number: int
    chunks: int
    leaf: bytes

    @property
    def digest(self) -> Digest:
        """By which entries of the register name the piece."""
        return Digest(f"sha256:{self.leaf.hex()}")


@dataclass(frozen=True, slots=True)
class PieceTree:
    """What was ended since the tree before it.

    Attributes:
        number: In its bucket, from 0.
        root: What a heartbeat puts on record, 32 bytes.
        leaves: Hashes of the leaves; in the first tree the header's, then pieces in the order of their ends.
    """

    number: int
    root: bytes
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LeafPath:
    """How a piece's leaf leads to the root of a tree. Source: RFC 9162, section 2.1.3.

    Attributes:
        tree: Whose root stands in a heartbeat.
        index: Of the leaf.
        path: Hashes from the leaf's sibling up.
    """

    tree: PieceTree
    index: int
    path: tuple[bytes, ...]
