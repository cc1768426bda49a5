"""The small types that entries are made of: instants, identifiers, digests, texts, commitments.

Entries hold no personal data. A camera or a case is a random identifier; what must stay unknown for a while is a
commitment (SHA-256 over a random salt and the value) with the date by which it is revealed. Numbers are whole (JSON's
other numbers have several spellings), instants are UTC to the second, and nothing is ever null.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from passerby.errors import EntryError
from passerby.values import Digest

SALT_BYTES = 32
MAX_COUNT = 2**53 - 1
"""Source: RFC 8785, whole numbers above this have no single spelling in JSON."""
FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Source: POSIX time begins with the one; the other is a year before ``datetime`` ends."""
_COMMITMENT_LABEL = b"passerby commitment v1\n"


def _to_second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _to_instant(at: datetime) -> datetime:
    """Both ends are far enough from the calendar's that every comparison with a slack stays inside it."""
    try:
        found = _to_second(at)
    except OverflowError as exc:
        raise ValueError("instant must be of the calendar in UTC, too") from exc
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"instant must be of a year from {FIRST_YEAR} to {LAST_YEAR}, got {found.year}")
    return found


def format_instant(at: datetime) -> str:
    """Return an aware instant as entries spell it.

    >>> format_instant(datetime(2026, 11, 23, 16, 30, tzinfo=UTC))
    '2026-11-23T16:30:00Z'
    """
    return _spell(_to_second(at))


def _spell(at: datetime) -> str:
    return at.isoformat()[:19] + "Z"  # already UTC and whole seconds; three times faster than strftime


Instant = Annotated[AwareDatetime, AfterValidator(_to_instant), PlainSerializer(_spell, return_type=str)]
"""Aware, of a year from ``FIRST_YEAR`` to ``LAST_YEAR``; kept in UTC, whole seconds (the rest is cut off)."""
Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""16 random bytes in hex: see ``new_identifier``."""
DigestText = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line of text."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Words = Annotated[dict[Language, Text], Field(min_length=1, max_length=30)]
"""The same words in one or more languages, for example ``{"fr": "Surveillance du quai"}``."""
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Seconds = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Url = Annotated[str, StringConstraints(max_length=500, pattern=r"^(https?://|mailto:|tel:)[^\s\x00-\x20\x7f]+$")]


class EntryPart(BaseModel):
    """A frozen piece of an entry that refuses keys it does not know and values of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")


class Commitment(EntryPart):
    """A value that is fixed now and shown later.

    Attributes:
        digest: ``commit(value, salt)``.
        reveal_by: The date by which a ``reveal`` entry must stand in the log.
    """

    digest: DigestText
    reveal_by: Instant


def new_identifier() -> str:
    """Return a fresh random identifier for a camera or a case: 32 lower-case hex digits."""
    return secrets.token_hex(16)


def new_salt() -> str:
    """Return a fresh salt for a commitment, in hex. Keep it apart from the log, and delete it when the value expires."""
    return secrets.token_hex(SALT_BYTES)


def commit(value: str, salt: str) -> Digest:
    """Return the digest that fixes a value without showing it.

    Args:
        value: The text to fix; canonical JSON where it has parts.
        salt: From ``new_salt``, used for this value only.

    Raises:
        EntryError: the salt is not 64 hex digits.
    """
    try:
        raw = bytes.fromhex(salt)
    except ValueError as exc:
        raise EntryError("a salt must be 64 hex digits, got something else") from exc
    if len(raw) != SALT_BYTES:
        raise EntryError(f"a salt must be {SALT_BYTES} bytes, got {len(raw)}")
    return Digest(
        "sha256:" + hashlib.sha256(_COMMITMENT_LABEL + raw + value.encode("utf-8", "surrogatepass")).hexdigest()
    )
