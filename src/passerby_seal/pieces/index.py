"""Where each piece of a pack is, told from its records in their order."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from passerby.register import tree_hash
from passerby_seal.pieces.context import Binding
from passerby_seal.pieces.layout import (
    CHUNK_HEAD,
    COUNTS_HEAD,
    HASH_BYTES,
    MOST_CHUNKS,
    MOST_PIECES,
    MOST_PLAIN,
    TAG_BYTES,
    RecordKind,
    close_message,
    numbers_in,
    piece_leaf,
    tree_message,
)
from passerby_seal.pieces.records import FoundRecord
from passerby_seal.pieces.sealed import PieceTree, SealedPiece
from passerby_seal.refusals import SealAlteredError, SealFormatError, SealOrderError

Verify = Callable[[bytes, bytes, str], None]
"""Takes signature, message, and what it is of."""


class PackIndex:
    """Takes the records after the header; each must fit those before it.

    Attributes:
        places: Offset and length of each chunk's body, by piece, for those that were ended.
        ends: Digest and signature of each end.
        pieces: Those that were ended.
        trees: In their order.
        trees_of: The number of its tree and its place there, by leaf.
        closed: Whether the close was there.
    """

    def __init__(self, binding: Binding, header_leaf: bytes, verify: Verify) -> None:
        self._binding, self._verify = binding, verify
        self._open: dict[int, array[int]] = {}
        self._last: set[int] = set()
        self._leaves = [header_leaf]
        self._numbers = 0
        self.places: dict[int, array[int]] = {}
        self.ends: dict[int, tuple[bytes, bytes]] = {}
        self.pieces: dict[int, SealedPiece] = {}
        self.trees: list[PieceTree] = []
        self.trees_of: dict[bytes, tuple[int, int]] = {}
        self.closed = False

    @property
    def unended(self) -> int:
        """How many pieces were begun and have no end."""
        return len(self._open)

    def take(self, record: FoundRecord) -> None:
        """Take one more record.

        Raises:
            SealOrderError: it does not follow from those before it.
            SealAlteredError: a root or a signature does not fit.
            SealFormatError: it is beyond the format's bounds.
        """
        if self.closed:
            raise SealOrderError(f"nothing must follow a pack's close, got a record of type {record.kind.name.lower()}")
        match record.kind:
            case RecordKind.CHUNK:
                self._take_chunk(record)
            case RecordKind.END:
                self._take_end(record.start)
            case RecordKind.TREE:
                self._take_tree(record.start)
            case RecordKind.CLOSE:
                self._take_close(record.start)
            case RecordKind.HEADER:
                raise SealOrderError("pack must have one header, got a second one")

    def _take_chunk(self, record: FoundRecord) -> None:
        piece, sequence = numbers_in(record.start[:8])
        last = record.start[8]
        if last > 1 or piece >= MOST_PIECES or sequence >= MOST_CHUNKS:
            raise SealFormatError(
                f"chunk must be within the format's bounds, got piece {piece}, sequence {sequence}, last {last}"
            )
        if sequence == 0:
            if piece in self._open or piece in self.pieces:
                raise SealOrderError(f"piece {piece} must begin once, got its first chunk twice")
            self._open[piece] = array("Q")
            self._numbers = max(self._numbers, piece + 1)
        places = self._open.get(piece)
        if places is None or piece in self._last or sequence != len(places) // 2:
            raise SealOrderError(f"chunk {sequence} of piece {piece} does not follow what stands before it")
        plain = record.length - CHUNK_HEAD - TAG_BYTES - (0 if sequence else HASH_BYTES)
        if not 1 <= plain <= MOST_PLAIN:
            raise SealFormatError(f"chunk must hold 1 to {MOST_PLAIN} bytes, got {plain}")
        places.extend((record.offset, record.length))
        if last:
            self._last.add(piece)

    def _take_end(self, body: bytes) -> None:
        piece, chunks = numbers_in(body[:COUNTS_HEAD])
        if piece not in self._last or len(self._open[piece]) != 2 * chunks:
            raise SealOrderError(f"end of piece {piece} must follow its {chunks} chunks, got it elsewhere")
        digest = body[COUNTS_HEAD : COUNTS_HEAD + HASH_BYTES]
        self._last.remove(piece)
        self.places[piece] = self._open.pop(piece)
        self.ends[piece] = (digest, body[COUNTS_HEAD + HASH_BYTES :])
        sealed = SealedPiece(piece, chunks, piece_leaf(self._binding, piece, chunks, digest))
        self.pieces[piece] = sealed
        self._leaves.append(sealed.leaf)

    def _take_tree(self, body: bytes) -> None:
        number, count = numbers_in(body[:COUNTS_HEAD])
        root = body[COUNTS_HEAD : COUNTS_HEAD + HASH_BYTES]
        if number != len(self.trees) or count != len(self._leaves) or not count:
            raise SealOrderError(
                f"tree {len(self.trees)} over {len(self._leaves)} leaves must come next, got {number} over {count}"
            )
        if tree_hash(self._leaves) != root:
            raise SealAlteredError(f"tree {number} is not over what stands before it: its root differs")
        self._verify(
            body[COUNTS_HEAD + HASH_BYTES :], tree_message(self._binding, number, count, root), f"tree {number}"
        )
        self.trees.append(PieceTree(number, root, tuple(self._leaves)))
        self.trees_of.update((leaf, (number, place)) for place, leaf in enumerate(self._leaves))
        self._leaves = []

    def _take_close(self, body: bytes) -> None:
        numbers, ended, trees = numbers_in(body[:12])
        if numbers < self._numbers or (ended, trees) != (len(self.pieces), len(self.trees)):
            raise SealOrderError(
                f"close must count {len(self.pieces)} pieces and {len(self.trees)} trees before it, got {ended} and {trees}"
            )
        self._verify(body[12:], close_message(self._binding, numbers, ended, trees), "close")
        self.closed = True
