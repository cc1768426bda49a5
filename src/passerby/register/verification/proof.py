"""A proof that can be kept and checked without the log (C2SP tlog-proof): index, path and checkpoint in one text."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from datetime import datetime

from passerby.errors import EntryError, FormatError, VerificationError
from passerby.register.codec import decode_entry, encode_entry
from passerby.register.entries import Entry
from passerby.register.notes import (
    NO_QUORUM,
    Checkpoint,
    Policy,
    believable,
    decode_base64,
    decode_decimal,
    encode_base64,
    judge_witnesses,
    split_note,
)
from passerby.register.tiles import HASH_BYTES, MAX_PROOF, leaf_hash, verify_inclusion
from passerby.values import utc_now

_HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = 1_100_000


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry stands at an index of a log.

    Attributes:
        index: From 0.
        path: Hashes from the leaf's sibling up.
        checkpoint: The signed checkpoint, as published.
        extra: Bytes that came along; nothing vouches for them. This log puts the entry itself there.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @classmethod
    def parse(cls, raw: bytes) -> Proof:
        """Read a proof file.

        Raises:
            FormatError: it is not one.
        """
        if len(raw) > MAX_PROOF_BYTES:
            raise FormatError(f"proof must be at most {MAX_PROOF_BYTES} bytes, got {len(raw)}")
        head, gap, checkpoint = raw.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as exc:
            raise FormatError("proof must be ASCII down to its checkpoint") from exc
        if not gap or lines.pop(0) != _HEADER:
            raise FormatError(f"proof must start with {_HEADER} and hold a checkpoint after an empty line")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "), "extra line of a proof")
        if not lines or not lines[0].startswith("index "):
            raise FormatError("proof must have an index line")
        index = decode_decimal(lines.pop(0).removeprefix("index "), "index of a proof")
        if len(lines) > MAX_PROOF:
            raise FormatError(f"proof must have at most {MAX_PROOF} hashes, got {len(lines)}")
        path = tuple(decode_base64(line, "hash of a proof") for line in lines)
        if any(len(value) != HASH_BYTES for value in path):
            raise FormatError(f"hash of a proof must be {HASH_BYTES} bytes")
        Checkpoint.parse(split_note(checkpoint)[0])
        return cls(index, path, checkpoint, extra)

    def to_text(self) -> str:
        """Return the proof as a ``.tlog-proof`` file."""
        lines = [_HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines += [f"index {self.index}", *map(encode_base64, self.path), "", self.checkpoint.decode()]
        return "\n".join(lines)


_SEAL = object()


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """What ``require`` found to hold; nothing else can make one, so a function that takes it cannot run off the record.

    Attributes:
        entry: The bytes of the entry that was proven.
        index: Of the entry.
        checkpoint: That covers it.
        time_s: The earliest time that a quorum of witnesses puts to it: each of a quorum had seen it by then; None
            where no witness signed.
        witnesses: Names of the witnesses that signed, at a time that can be.
    """

    entry: bytes
    index: int
    checkpoint: Checkpoint
    time_s: int | None
    witnesses: tuple[str, ...]
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise VerificationError("only register.require can say that an entry is proven")


def require(
    proof: Proof, entry: Entry | bytes, policy: Policy, *, witnessed: bool = False, now: datetime | None = None
) -> ProvenEntry:
    """Pass only if the proof shows the entry in a log of the policy, under the policy's quorum of witnesses.

    This is the gate before anything that must never happen off the record, such as opening a sealed track. It needs the
    entry itself, not the proof's word for it. Source: C2SP tlog-proof, "Verifying a tlog proof"; the numbers are its steps.

    Args:
        proof: As handed over.
        entry: What must stand in the log.
        policy: Which logs and witnesses count.
        witnessed: Refuse a policy that asks for no witnesses, too.
        now: Against which the witnesses' times are held; None takes the clock. A signature whose time cannot be does not count.

    Raises:
        FormatError: the checkpoint inside does not parse.
        VerificationError: a signature, the quorum or the path says no.
    """
    if witnessed and policy.quorum == NO_QUORUM:
        raise VerificationError("policy must ask for witnesses, asks for none")
    data = entry if isinstance(entry, bytes) else encode_entry(entry)
    leaf = leaf_hash(data)  # 1
    checkpoint, note = policy.open(proof.checkpoint)  # 2, 3
    clock = now or utc_now()
    times = judge_witnesses(note, policy, clock, believable(_instant_of(data), clock))
    if not policy.met_by(times.counted):
        raise VerificationError(f"quorum {policy.quorum} is not met: {'; '.join(times.reasons())}")
    if proof.index >= checkpoint.size:
        raise VerificationError(f"index must be below the checkpoint's size {checkpoint.size}, got {proof.index}")
    verify_inclusion(proof.index, checkpoint.size, leaf, proof.path, checkpoint.root)  # 4
    names = {w.key: w.name for w in policy.witnesses}
    signed = tuple(names[key] for key, _ in note.signed_by if key in times.counted)
    return ProvenEntry(data, proof.index, checkpoint, times.quorum_s(policy), signed, _SEAL)


def _instant_of(data: bytes) -> datetime | None:
    """When an entry says it was stated; bytes that fit no form say nothing."""
    try:
        return decode_entry(data).at
    except EntryError:
        return None
