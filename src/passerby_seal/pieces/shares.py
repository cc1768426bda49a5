"""Replicated sharing: which authority holds which seed, and what the seeds give for each piece.

There is a seed for every set of ``needed - 1`` authorities, known to all who are not in it. Any ``needed`` authorities hold all
seeds together, fewer lack one, and an XOR that lacks one share is uniformly random: no field arithmetic, nothing to get wrong.

Source: Ito, Saito and Nishizeki, Secret sharing scheme realizing general access structure, 1987; docs/seal-format.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import comb

from passerby_seal.keys import SECRET_BYTES, expand_into, prefixed, wipe, xor_into
from passerby_seal.pieces.context import FORMAT, Binding
from passerby_seal.pieces.layout import u32

_STREAM = prefixed(f"{FORMAT} stream".encode())
_COMMITMENT = prefixed(f"{FORMAT} commitment".encode())


def seed_count(authorities: int, needed: int) -> int:
    """Return how many seeds there are.

    >>> seed_count(5, 3)
    10
    """
    return comb(authorities, needed - 1)


def seeds_of(authority: int, authorities: int, needed: int) -> tuple[int, ...]:
    """Return the numbers of the seeds that an authority (from 1) holds: those of the sets that it is not in.

    >>> seeds_of(1, 3, 2), seeds_of(4, 4, 3)
    ((1, 2), (0, 1, 3))
    """
    sets = combinations(range(1, authorities + 1), needed - 1)
    return tuple(number for number, members in enumerate(sets) if authority not in members)


class SeedChain:
    """Seeds that run forward from piece to piece, each overwritten by the next."""

    def __init__(self, seeds: Mapping[int, bytearray], binding: Binding) -> None:
        """Hold seeds for piece 0; the buffers are the chain's from now on."""
        self._seeds = dict(seeds)
        self._share = binding.about(f"{FORMAT} share")
        self._next = binding.about(f"{FORMAT} next")
        self.piece = 0

    def share(self, number: int) -> bytearray:
        """Return what one seed gives for the piece that the chain stands at."""
        share = bytearray(SECRET_BYTES)
        expand_into(self._seeds[number], self._share + bytes([number]) + u32(self.piece), share)
        return share

    def shares(self) -> dict[int, bytearray]:
        """Return what every seed gives for the piece that the chain stands at."""
        return {number: self.share(number) for number in self._seeds}

    def step(self) -> None:
        """Go on to the next piece; what the seeds were cannot be had from them any more."""
        for number, seed in self._seeds.items():
            expand_into(seed, self._next + bytes([number]) + u32(self.piece), seed)
        self.piece += 1

    def forget(self) -> None:
        """Overwrite all seeds."""
        wipe(*self._seeds.values())
        self._seeds = {}


class PieceKey:
    """The key of one piece of one bucket, in buffers that are overwritten when it is forgotten.

    Attributes:
        piece: The piece's number.
        context: Digest of the bucket's context.
        stream: The key of its chunks.
        commitment: What stands in its first chunk.
    """

    def __init__(self, shares: Mapping[int, bytearray], binding: Binding, piece: int) -> None:
        """Make the key of all shares, which are overwritten."""
        self.piece, self.context = piece, binding.digest
        key = bytearray(SECRET_BYTES)
        for share in shares.values():
            xor_into(key, share)
            wipe(share)
        expand_into(key, binding.about(f"{FORMAT} piece") + u32(piece), key)
        commitment = bytearray(SECRET_BYTES)
        expand_into(key, _COMMITMENT, commitment)
        expand_into(key, _STREAM, key)
        self.stream, self.commitment = key, bytes(commitment)

    def forget(self) -> None:
        """Overwrite the key."""
        wipe(self.stream)
