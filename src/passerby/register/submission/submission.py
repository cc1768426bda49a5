"""What a gateway sends to the writer of a log: numbered entries in a note that the gateway's own key signed.

    passerby submission v1
    <origin of the log>
    <stream: 32 hex digits, fresh for each queue>
    <number> <entry in its one spelling>
    ...

An entry's *id* is its gateway, stream and number. Numbers grow, so that the order of one gateway is kept, and an entry that is
sent again is known again. The answer is a proof (C2SP tlog-proof) for each entry: a receipt that only the log's key can make.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from passerby.errors import FormatError
from passerby.register.notes import (
    Signer,
    VerifierKey,
    decode_decimal,
    open_note,
    sign_note,
)

MAX_ENTRIES = 64
"""In one submission."""
MAX_SUBMISSION_BYTES = 500_000
"""Strangers can send as much before their signature is looked for: times the connections of a writer this must fit its memory."""
_HEADER = "passerby submission v1"
_STREAM = re.compile(r"[0-9a-f]{32}")
Numbered = tuple[int, bytes]
"""An entry's number in its stream, and its one spelling."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Entries of one gateway, in order.

    Attributes:
        gateway: Name of the key that signed.
        origin: Of the log they are for.
        stream: Of the queue they come from.
        entries: Numbers grow.
    """

    gateway: str
    origin: str
    stream: str
    entries: tuple[Numbered, ...]

    @classmethod
    def open(cls, raw: bytes, keys: Iterable[VerifierKey]) -> Submission:
        """Read a submission that one of the keys signed.

        Raises:
            FormatError: it is none.
            VerificationError: none of the keys signed it.
        """
        note = open_note(raw, keys)
        lines = note.text.removesuffix("\n").split("\n")
        if len(lines) < 4 or lines[0] != _HEADER:
            raise FormatError(f"submission must start with {_HEADER}, origin and stream, and hold an entry")
        if not _STREAM.fullmatch(lines[2]):
            raise FormatError("stream of a submission must be 32 hex digits")
        if len(lines) - 3 > MAX_ENTRIES:
            raise FormatError(f"submission must hold at most {MAX_ENTRIES} entries, got {len(lines) - 3}")
        entries = []
        for line in lines[3:]:
            number, _, entry = line.partition(" ")
            entries.append((decode_decimal(number, "number of an entry"), entry.encode()))
        numbers = [number for number, _ in entries]
        if sorted(set(numbers)) != numbers:
            raise FormatError("numbers of a submission must grow")
        return cls(note.signed_by[0][0].name, lines[1], lines[2], tuple(entries))

    def to_note(self, signer: Signer) -> bytes:
        """Return the signed note.

        Raises:
            FormatError: it is too long.
        """
        lines = [_HEADER, self.origin, self.stream, *(f"{number} {data.decode()}" for number, data in self.entries)]
        return sign_note("\n".join(lines) + "\n", [signer])


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that the writer will never take; nothing of its submission was written.

    Attributes:
        number: Of the entry.
        why: What was wanted and what came.
    """

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class IntakeAnswer:
    """What the writer says.

    Attributes:
        status: 200 with proofs, 400, 401, 403 and 422 for an entry, 409, 413, 429, 503.
        proofs: One for each entry, in order.
        error: Why not.
        number: The entry that is refused for ever.
        retry_s: When to ask again.
    """

    status: HTTPStatus
    proofs: Sequence[str] = ()
    error: str = ""
    number: int | None = None
    retry_s: int = 0
