"""The Merkle tree of RFC 6962 (SHA-256): hashes, proofs, and verifiers. Pure: no file, no network.

A node is named by its level (0 for leaves) and its index in that level; it spans the leaves from ``index << level`` on.
The proof makers take a function that gives the hash of any such full node. The verifiers take nothing but the proof; they
are the iterative ones of RFC 9162, sections 2.1.3.2 and 2.1.4.2, and check that every hash has 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from passerby.errors import UsageError, VerificationError

Node = Callable[[int, int], bytes]
"""Gives the hash of the full node (level, index)."""
HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_SIZE = 2**63 - 1
MAX_PROOF = 63
"""Source: C2SP tlog-witness, the most lines that a consistency proof may have."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry: SHA-256 of 0x00 and the entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of 0x01, the left and the right hash."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(hashes: Sequence[bytes]) -> bytes:
    """Return the root over some hashes in a row, as RFC 6962 splits them; none gives the hash of the empty tree.

    >>> tree_hash([b"a" * 32]) == b"a" * 32
    True
    """
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        pairs = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) - len(row) % 2 :]
    return row[0]


def full_nodes(start: int, stop: int) -> list[tuple[int, int]]:
    """Return the full nodes (level, index) that tile the leaves from ``start`` to ``stop``, from left to right.

    >>> full_nodes(0, 7)
    [(2, 0), (1, 2), (0, 6)]
    """
    nodes = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def span_hash(start: int, stop: int, node: Node) -> bytes:
    """Return the hash of the leaves from ``start`` to ``stop``, a span that occurs in a tree (its start is a split point)."""
    hashes = [node(level, index) for level, index in full_nodes(start, stop)]
    if not hashes:
        return EMPTY_ROOT
    total = hashes.pop()
    while hashes:
        total = node_hash(hashes.pop(), total)
    return total


def tree_root(size: int, node: Node) -> bytes:
    """Return the root of the tree over the first ``size`` leaves."""
    return span_hash(0, size, node)


def prove_inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Return the path that shows leaf ``index`` in the tree of ``size`` leaves, from the leaf's sibling up.

    Raises:
        UsageError: the index is not below the size.
    """
    if not 0 <= index < size:
        raise UsageError(f"index must be below the size {size}, got {index}")
    path = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(span_hash(middle, stop, node))
            stop = middle
        else:
            path.append(span_hash(start, middle, node))
            start = middle
    return path[::-1]


def prove_consistency(old: int, new: int, node: Node) -> list[bytes]:
    """Return the hashes that show the tree of ``old`` leaves to be the start of the tree of ``new``; empty for old 0.

    Raises:
        UsageError: old is not from 0 to new.
    """
    if not 0 <= old <= new:
        raise UsageError(f"old size must be from 0 to {new}, got {old}")
    if old in (0, new):
        return []
    path = []
    start, stop, whole = 0, new, True
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            path.append(span_hash(middle, stop, node))
            stop = middle
        else:
            path.append(span_hash(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(span_hash(start, stop, node))
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root_hash: bytes) -> None:
    """Check that a leaf's hash stands at ``index`` in the tree with this size and root.

    Source: RFC 9162, section 2.1.3.2; the numbers are its steps.

    Raises:
        VerificationError: it does not, or a hash has not 32 bytes.
    """
    _check_hashes([leaf, root_hash, *path])
    if not 0 <= index < size <= MAX_SIZE:  # 1
        raise VerificationError(f"index of an inclusion proof must be below the size {size}, got {index}")
    fn, sn, r = index, size - 1, leaf  # 2, 3
    for p, is_left in _climb(fn, sn, path, "inclusion"):  # 4, 5
        r = node_hash(p, r) if is_left else node_hash(r, p)
    if r != root_hash:  # 5
        raise VerificationError(f"inclusion proof of index {index} does not lead to the root of size {size}")


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of ``old`` leaves is the start of the tree of ``new`` leaves.

    Size 0 is the start of every tree: its proof is empty and its root is the hash of nothing (as tlog-witness has it).

    Source: RFC 9162, section 2.1.4.2; the numbers are its steps.

    Raises:
        VerificationError: it is not, or a hash has not 32 bytes.
    """
    _check_hashes([old_root, new_root, *path])
    if not 0 <= old <= new <= MAX_SIZE:
        raise VerificationError(f"old size of a consistency proof must be from 0 to {new}, got {old}")
    if old in (0, new):
        _verify_trivial(old, new, path, old_root, EMPTY_ROOT if old == 0 else new_root)
        return
    if not path:  # 1
        raise VerificationError("consistency proof is empty")
    hashes = list(path) if old & (old - 1) else [old_root, *path]  # 2
    fn, sn = old - 1, new - 1  # 3
    while fn & 1:  # 4
        fn, sn = fn >> 1, sn >> 1
    fr = sr = hashes[0]  # 5
    for c, is_left in _climb(fn, sn, hashes[1:], "consistency"):  # 6, 7
        fr, sr = (node_hash(c, fr), node_hash(c, sr)) if is_left else (fr, node_hash(sr, c))
    if fr != old_root or sr != new_root:  # 7
        raise VerificationError(
            f"tree of size {new} does not start with the tree of size {old}: the history was rewritten"
        )


def _verify_trivial(old: int, new: int, path: Sequence[bytes], old_root: bytes, expected: bytes) -> None:
    """Between these sizes there is nothing to climb: the proof must be empty, and the old root is known."""
    if path or old_root != expected:
        raise VerificationError(
            f"sizes {old} and {new} need an empty proof and {'the empty' if old == 0 else 'one'} root"
        )


def _climb(fn: int, sn: int, path: Sequence[bytes], what: str) -> Iterator[tuple[bytes, bool]]:
    """Yield each hash of a proof from the bottom up, and whether it stands left of the node that was reached.

    Source: RFC 9162, the loop that sections 2.1.3.2 (steps 4 and 5) and 2.1.4.2 (steps 6 and 7) have in common: ``fn`` is the
    index of the node reached, ``sn`` that of the last node of its level.

    Raises:
        VerificationError: the proof is longer or shorter than its tree is high.
    """
    for value in path:
        if sn == 0:
            raise VerificationError(f"{what} proof is longer than its tree is high")
        is_left = bool(fn & 1) or fn == sn
        yield value, is_left
        while is_left and not fn & 1 and fn:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise VerificationError(f"{what} proof is shorter than its tree is high")


class Frontier:
    """The right edge of a growing tree: enough to add leaves and give the root, in O(log n) space.

    >>> edge = Frontier()
    >>> edge.add(leaf_hash(b"a")); edge.add(leaf_hash(b"b"))
    >>> edge.root() == tree_hash([leaf_hash(b"a"), leaf_hash(b"b")])
    True
    """

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        """Start at a size.

        Args:
            size: Leaves so far.
            nodes: Hashes of ``full_nodes(0, size)``, in that order.

        Raises:
            UsageError: not as many nodes as the size has.
        """
        self.size = size
        self._nodes = list(nodes)
        if len(self._nodes) != size.bit_count():
            raise UsageError(f"a tree of size {size} has {size.bit_count()} full nodes, got {len(self._nodes)}")

    def add(self, leaf: bytes) -> None:
        """Add one leaf's hash."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._nodes.pop(), leaf)
            size >>= 1
        self._nodes.append(leaf)
        self.size += 1

    def add_full(self, level: int, node: bytes) -> None:
        """Add a full node of ``1 << level`` leaves at once.

        Raises:
            UsageError: the size is no multiple of the node's leaves.
        """
        if self.size & ((1 << level) - 1):
            raise UsageError(f"a node of level {level} cannot follow size {self.size}")
        size = self.size >> level
        while size & 1:
            node = node_hash(self._nodes.pop(), node)
            size >>= 1
        self._nodes.append(node)
        self.size += 1 << level

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._nodes:
            return EMPTY_ROOT
        total = self._nodes[-1]
        for node in self._nodes[-2::-1]:
            total = node_hash(node, total)
        return total

    def copy(self) -> Frontier:
        """Return a second edge that grows on its own."""
        return Frontier(self.size, self._nodes)


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _check_hashes(hashes: Iterable[bytes]) -> None:
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise VerificationError(f"hash must be {HASH_BYTES} bytes, got {len(value)}")
