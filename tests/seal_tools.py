"""Makes seals for tests: a policy with its private keys, buckets in memory, entries that a log holds and a witness has seen."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from passerby.register import (
    Checkpoint,
    Commitment,
    Entry,
    FileSigner,
    Heartbeat,
    Policy,
    Proof,
    ProvenEntry,
    SealTestPlanned,
    commit,
    encode_entry,
    leaf_hash,
    prove_inclusion,
    require,
    tree_hash,
)
from passerby.register.notes import COSIGNATURE, cosign, sign_note
from passerby_seal.keys import Authority, AuthorityKey, Custodian, CustodyKey, RequesterKey, SealPolicy
from passerby_seal.pieces import (
    AuthorityBoxes,
    BucketContext,
    FacePlan,
    OpeningRecord,
    Pack,
    PackBytes,
    SealBucket,
    ShareParcel,
)
from passerby_seal.pieces.opening import authority_shares, lock_shares

ORIGIN = "register.example/city"
CAMERA = "0123456789abcdef" * 2
HOUR = "2026-11-30T10"
ENTRY = bytes(range(32))
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
PLANNED, SHOWN = datetime(2026, 11, 30, 9, 50, tzinfo=UTC), datetime(2026, 11, 30, 10, 20, tzinfo=UTC)
TEST = "1" * 32
SIGNED_S = 1_796_040_000
LOG, WITNESS = FileSigner(ORIGIN, 1, b"l" * 32), FileSigner("w1.example", COSIGNATURE, b"w" * 32)


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


def proven(
    entry: Entry, *, witnessed: bool = True, log: FileSigner = LOG, index: int = 0, seen_s: int = SIGNED_S
) -> ProvenEntry:
    """Return the last entry of a log, seen by a witness or by none."""
    data = encode_entry(entry)
    leaves = [*(leaf_hash(b"%d" % number) for number in range(index)), leaf_hash(data)]
    path = prove_inclusion(index, len(leaves), lambda level, at: tree_hash(leaves[at << level : (at + 1) << level]))
    text = Checkpoint(log.key.name, len(leaves), tree_hash(leaves)).to_text()
    note = sign_note(text, [log]) + (cosign(text, WITNESS, seen_s).to_line().encode() if witnessed else b"")
    quorum = f"witness w {WITNESS.key}\nquorum w\n" if witnessed else "quorum none\n"
    return require(Proof(index, tuple(path), note, data), data, Policy.parse(f"log {log.key}\n{quorum}"))


def face_plan(camera: str = CAMERA, begin: datetime = SHOWN, seconds: int = 60) -> FacePlan:
    """Return what a test fixed."""
    return FacePlan.parse(
        json.dumps({"begin": begin.isoformat(), "camera": camera, "seconds": seconds, "face": "sha256:" + "a" * 64}),
        "5a" * 32,
    )


def planned(plan: FacePlan, *, test: str = TEST, at: datetime = PLANNED) -> SealTestPlanned:
    details = Commitment(digest=commit(plan.value, plan.salt), reveal_by=at + timedelta(days=30))
    return SealTestPlanned(at=at, test=test, details=details)


def counted(pack: Pack, camera: str = CAMERA) -> Heartbeat:
    """Return the heartbeat that puts a pack's roots on record."""
    return Heartbeat(
        at=AT, camera=camera, begin=AT - timedelta(hours=1), end=AT, frames=9, faces_covered=10, covered_whole_s=0, stalled_s=0,
        down_s=0, tracks_sealed=0, sealed_roots=tuple(tree.root.hex() for tree in pack.trees), pieces_sealed=0, unsealed_faces=0,
    )  # fmt: skip


def opening_record(pack: Pack, entry: Entry, *, witnessed: bool = True, log: FileSigner = LOG) -> OpeningRecord:
    """Return an opening with the plan and the heartbeat that it rests on."""
    plan = face_plan(pack.context.camera)
    proof = proven(planned(plan), seen_s=round(PLANNED.timestamp()))
    opening = proven(entry, index=1, witnessed=witnessed, log=log)
    return OpeningRecord(opening, proof, plan, (proven(counted(pack, pack.context.camera)),))
