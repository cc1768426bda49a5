"""Whose signatures make a checkpoint count (C2SP tlog-policy): logs, witnesses, groups of them, and the quorum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from passerby.errors import FormatError, VerificationError
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.notes.note import COSIGNATURE, ED25519, Note, VerifierKey, decode_decimal, open_note

NO_QUORUM = "none"
MAX_LINES = 1000


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """One witness of a policy.

    Attributes:
        name: Within the policy.
        key: Of type 0x04.
        url: Where checkpoints are submitted, or None.
    """

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs that count and the witnesses that must have seen them.

    Attributes:
        logs: Keys of type 0x01; the name of each is the log's origin.
        witnesses: In the order of the file.
        groups: Name to (how many, members).
        quorum: A witness, a group, or ``none``.
    """

    logs: tuple[VerifierKey, ...] = ()
    witnesses: tuple[PolicyWitness, ...] = ()
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = NO_QUORUM

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read a policy file.

        Raises:
            FormatError: it is not one, with the line.
        """
        lines = text.split("\n")
        if lines[-1] != "":
            raise FormatError("policy must end in a newline")
        if len(lines) > MAX_LINES:
            raise FormatError(f"policy must have at most {MAX_LINES} lines, got {len(lines)}")
        reader = _PolicyLines()
        for number, line in enumerate(lines, 1):
            if any((c < " " and c != "\t") or c == "\x7f" for c in line):
                raise FormatError(f"policy line {number}: must not hold control characters")
            words = [word for word in line.replace("\t", " ").split(" ") if word]
            if words and not words[0].startswith("#"):
                try:
                    reader.take(words)
                except FormatError as exc:
                    raise FormatError(f"policy line {number}: {exc.message}") from exc
        if reader.quorum is None:
            raise FormatError("policy must have exactly one quorum line, got none")
        return cls(tuple(reader.logs), tuple(reader.witnesses), reader.groups, reader.quorum)

    def to_text(self) -> str:
        """Return the policy as a file."""
        lines = [f"log {key}" for key in self.logs]
        lines += [f"witness {w.name} {w.key}" + (f" {w.url}" if w.url else "") for w in self.witnesses]
        lines += [f"group {name} {count} {' '.join(members)}" for name, (count, members) in self.groups.items()]
        return "\n".join([*lines, f"quorum {self.quorum}", ""])

    def met_by(self, keys: Iterable[VerifierKey]) -> bool:
        """Say whether these keys, each counted once, make the quorum."""
        signed = set(keys)
        standing = {w.name: w.key in signed for w in self.witnesses}
        for name, (count, members) in self.groups.items():  # members stand before their group, so one pass is enough
            standing[name] = sum(standing[member] for member in members) >= count
        return self.quorum == NO_QUORUM or standing[self.quorum]

    def open(self, raw: bytes, *, quorum: bool = True) -> tuple[Checkpoint, Note]:
        """Give out a checkpoint that a log of this policy signed.

        Args:
            raw: The signed checkpoint.
            quorum: Whether the witnesses' quorum is asked for too.

        Raises:
            FormatError: it is no checkpoint.
            VerificationError: a known key's signature is wrong, no log of the policy signed, or the quorum is not met.
        """
        witnesses = [w.key for w in self.witnesses]
        note = open_note(raw, [*self.logs, *witnesses])
        checkpoint = Checkpoint.parse(note.text)
        checkpoint.check_empty()
        signed_by = [key for key, _ in note.signed_by]
        if not any(key in self.logs and key.name == checkpoint.origin for key in signed_by):
            raise VerificationError(f"no key of the policy for log {checkpoint.origin} signed the checkpoint")
        if quorum and not self.met_by(signed_by):
            seen = sum(key in witnesses for key in signed_by)
            raise VerificationError(f"quorum {self.quorum} is not met: {seen} of {len(witnesses)} witnesses signed")
        return checkpoint, note


class _PolicyLines:
    """Takes a policy line by line; names stand before they are used."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: list[PolicyWitness] = []
        self.groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.quorum: str | None = None
        self._names: set[str] = {NO_QUORUM}
        self._grouped: set[str] = set()

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                key = VerifierKey.parse(vkey)
                self._refuse_twice(key, ED25519, self.logs)
                self.logs.append(key)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                key = VerifierKey.parse(vkey)
                self._refuse_twice(key, COSIGNATURE, [w.key for w in self.witnesses])
                self._define(name)
                self.witnesses.append(PolicyWitness(name, key, url[0] if url else None))
            case ["group", name, count, *members] if members:
                needed = {"all": len(members), "any": 1}.get(count) or decode_decimal(count, "group's number")
                if not 1 <= needed <= len(members):
                    raise FormatError(f"group's number must be from 1 to {len(members)}, got {needed}")
                for member in members:
                    self._use(member)
                self._define(name)
                self.groups[name] = (needed, tuple(members))
            case ["quorum", name]:
                if self.quorum is not None:
                    raise FormatError("must be the only quorum line")
                if name not in self._names:
                    raise FormatError(f"quorum must be named on a line before, got {name!r}")
                self.quorum = name
            case _:
                raise FormatError("must be a log, witness, group or quorum line")

    def _define(self, name: str) -> None:
        if name in self._names:
            raise FormatError(f"name {name!r} is taken")
        self._names.add(name)

    def _use(self, member: str) -> None:
        if member == NO_QUORUM or member not in self._names:
            raise FormatError(f"member must be named on a line before, got {member!r}")
        if member in self._grouped:
            raise FormatError(f"{member!r} may be a member only once")
        self._grouped.add(member)

    @staticmethod
    def _refuse_twice(key: VerifierKey, kind: int, others: list[VerifierKey]) -> None:
        if key.kind != kind:
            raise FormatError(f"key of {key.name} must be of type 0x{kind:02x}, got 0x{key.kind:02x}")
        if any(key.public == other.public for other in others):
            raise FormatError(f"key of {key.name} stands twice")
