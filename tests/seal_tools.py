"""Makes seals for tests: a policy with its private keys, buckets in memory, and releases that rest on no register."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from passerby_seal.keys import Authority, AuthorityKey, Custodian, CustodyKey, RequesterKey, SealPolicy
from passerby_seal.pieces import AuthorityBoxes, BucketContext, Pack, PackBytes, SealBucket, ShareParcel
from passerby_seal.pieces.opening import authority_shares, lock_shares

ORIGIN = "register.example/city"
CAMERA = "0123456789abcdef" * 2
HOUR = "2026-11-30T10"
ENTRY = bytes(range(32))


class Memory(bytearray):
    """A sink that keeps the pack."""

    def append(self, data: bytes) -> None:  # type: ignore[override]  # a sink takes bytes
        self.extend(data)


@dataclass(frozen=True, eq=False)
class Holders:
    """Everybody who holds a private key of one policy."""

    policy: SealPolicy
    authorities: tuple[AuthorityKey, ...]
    custodian: CustodyKey
    requester: RequesterKey = field(default_factory=lambda: RequesterKey.make(name="requester"))


@cache
def holders(needed: int = 2, count: int = 3) -> Holders:
    """Return who holds the keys of a policy; the same ones each time."""
    keys = tuple(AuthorityKey.make(name=f"authority {number}") for number in range(1, count + 1))
    authorities = tuple(Authority(key.about["name"], "court", key.public) for key in keys)
    policy = SealPolicy(needed, authorities, Custodian("archive", "authority"), 72 * 3600)
    return Holders(policy, keys, CustodyKey.make(camera=CAMERA, hour=HOUR))


def sealed(who: Holders, *pieces: bytes, context: BucketContext | None = None) -> bytes:
    """Return a closed pack of some pieces."""
    memory = Memory()
    with SealBucket(context or BucketContext(ORIGIN, CAMERA, HOUR), who.policy, who.custodian.public, memory) as bucket:
        for data in pieces:
            writer = bucket.open_piece()
            writer.write(data)
            writer.close({"codec": "test", "length": len(data)})
    return bytes(memory)


def read(data: bytes) -> Pack:
    return Pack.read(PackBytes(data))


def parcel_of(pack: Pack, who: Holders, boxes: AuthorityBoxes, authority: int, *pieces: int) -> ShareParcel:
    """Return what an authority (from 1) releases, as if the register held the entry."""
    key = who.authorities[authority - 1]
    return lock_shares("release", pack, authority_shares(pack, key, boxes, pieces), (key, who.requester.public), ENTRY)
