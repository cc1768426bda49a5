"""From the key that a reader knows to the key that signs today: the log's own key may change, and the change is an entry.

At each change the log publishes the proof of the ``key.added`` entry under a checkpoint that the old key signed, as
``rotation/<n>.tlog-proof`` with the entry in its extra line. A reader who trusts the old key can so trust the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from passerby.errors import EntryError, FormatError, VerificationError
from passerby.register.codec import decode_entry
from passerby.register.entries import KeyAdded
from passerby.register.notes import Checkpoint, Policy, VerifierKey
from passerby.register.storage import LogSource
from passerby.register.verification.proof import Proof, require

VKEY = "vkey"
POLICY = "policy"
MAX_ROTATIONS = 100
"""Each is a file that every reader asks for, also of a log that means harm."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The key that counts now, and how the reader came to it.

    Attributes:
        key: That signs checkpoints now.
        passed: Checkpoints of earlier keys on the way: each must be a start of the present log.
        rotations: Index of the entry and the key it brought in, in order.
    """

    key: VerifierKey
    passed: tuple[Checkpoint, ...] = ()
    rotations: tuple[tuple[int, VerifierKey], ...] = ()


def rotation_path(number: int) -> str:
    """Return where the proof of the n-th change of key stands, from 0."""
    return f"rotation/{number}.tlog-proof"


def follow(source: LogSource, known: VerifierKey) -> Trust:
    """Follow the log's changes of key from a key that is trusted.

    Raises:
        StorageError: the log cannot be read.
        FormatError: a proof does not parse.
        VerificationError: a proof does not hold.
    """
    trust = Trust(known)
    for number in range(MAX_ROTATIONS):
        raw = source.get(rotation_path(number))
        if raw is None:
            return trust
        trust = _step(trust, raw, rotation_path(number))
    raise VerificationError(f"log must have at most {MAX_ROTATIONS} changes of key")


def earlier_keys(source: LogSource, key: VerifierKey, stands: Callable[[int, bytes], bool]) -> set[VerifierKey]:
    """Return the keys that a log had before one that is trusted, as entries say that stand in its own tree.

    Args:
        source: Of the log.
        key: That is trusted.
        stands: Whether an entry with these bytes stands in the log at an index.

    Raises:
        StorageError: the log cannot be read.
        FormatError: a proof does not parse.
        VerificationError: a proof is not one of a change of key.
    """
    changes = []
    for number in range(MAX_ROTATIONS):
        raw = source.get(rotation_path(number))
        if raw is None:
            break
        changes.append(_change(raw, rotation_path(number)))
    found = {key}
    for proof, old, new in reversed(changes):
        if new in found and old.name == new.name and stands(proof.index, proof.extra or b""):
            found.add(old)
    return found - {key}


def accept(policy: Policy, trust: Trust) -> Policy:
    """Return a policy that takes the present key of a log in the place of the one it names."""
    return replace(policy, logs=(trust.key,))


def _change(raw: bytes, path: str) -> tuple[Proof, VerifierKey, VerifierKey]:
    """The proof of a change of key, the old key and the new one; nothing vouches for them yet."""
    try:
        proof = Proof.parse(raw)
        entry = decode_entry(proof.extra or b"")
    except (FormatError, EntryError) as exc:
        raise FormatError(f"{path}: {exc.message}") from exc
    if not isinstance(entry, KeyAdded) or entry.use != "log" or entry.replaces is None:
        raise VerificationError(f"{path} must prove a key.added entry of use log")
    return proof, VerifierKey.parse(entry.replaces), VerifierKey.parse(entry.key)


def _step(trust: Trust, raw: bytes, path: str) -> Trust:
    proof, old, new = _change(raw, path)
    if old != trust.key:
        # a reader who came later starts from a newer key; proofs before it are not this reader's business
        return trust
    if (new.name, new.kind) != (old.name, old.kind):
        raise VerificationError(f"{path}: new key must be of {old.name}, got {new.name}")
    proven = require(proof, proof.extra or b"", Policy(logs=(old,)))
    return Trust(new, (*trust.passed, proven.checkpoint), (*trust.rotations, (proof.index, new)))
