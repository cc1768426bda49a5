"""The kinds of entries about sealed faces: that they are kept and to whom, holds, and tests of whether the sealing is honest.

Sealing is announced ahead of its beginning, so that nobody's face is kept before the public could know. A test names its
pieces as an opening does; what was shown to the camera, and when, is fixed by a commitment before it was shown.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from passerby.register.fields import Commitment, Count, DigestText, EntryPart, Identifier, Instant, Line
from passerby.register.stated import OfCamera, OfCase, Stated

SEAL_NOTICE = timedelta(days=7)
"""How long before it begins sealing is announced. Source: a choice; whoever comes by once a week can have read it."""
MOST_PIECES = 60
"""Pieces that one entry names. Source: a choice; of one figure, at least half a minute and at most an hour."""
MOST_AUTHORITIES = 7
"""Source: replicated XOR sharing has as many shares as there are ways to leave out all but the needed; of 7 at most 35."""
Pieces = Annotated[tuple[DigestText, ...], Field(min_length=1, max_length=MOST_PIECES)]


class AnnouncedAuthority(EntryPart):
    """One of those who can open together; an office, never a person."""

    name: Line
    role: Line
    """For example ``court`` or ``data-protection``."""
    key: DigestText
    """Of its public key."""


class AnnouncedCustodian(EntryPart):
    """Who holds the key of each hour that is destroyed when retention ends: an authority, or the operator itself."""

    name: Line
    who: Literal["authority", "operator"]


class SealAnnounced(OfCamera):
    """From an instant on the faces that this camera covers are kept, locked to authorities; or no longer.

    It holds until a later one begins. Whatever is laxer than what was announced for a moment before (turned on, kept longer,
    fewer authorities needed, others, another custodian) begins at least ``SEAL_NOTICE`` after this entry.
    """

    kind: Literal["seal.announced"] = "seal.announced"
    begins: Instant
    retention_h: Count
    """Hours that locked faces are kept; 0: none are, and what follows is left out."""
    needed: Annotated[int, Field(ge=2, le=MOST_AUTHORITIES)] | None = None
    """How many authorities open together."""
    authorities: Annotated[tuple[AnnouncedAuthority, ...], Field(min_length=2, max_length=MOST_AUTHORITIES)] | None = (
        None
    )
    custodian: AnnouncedCustodian | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.begins < self.at:
            raise ValueError("begins must not be before at")
        stated = [part is not None for part in (self.needed, self.authorities, self.custodian)]
        if self.retention_h == 0:
            if any(stated):
                raise ValueError("needed, authorities and custodian must be left out where retention_h is 0")
            return self
        if not all(stated):
            raise ValueError("needed, authorities and custodian must be stated where faces are kept")
        held = self.authorities or ()
        if (self.needed or 0) > len(held):
            raise ValueError(f"needed must be at most {len(held)}, as many as there are authorities")
        for part in ("name", "key"):
            if len({getattr(one, part) for one in held}) < len(held):
                raise ValueError(f"authorities must differ in {part}")
        return self


class SealHeld(OfCase, OfCamera):
    """Named pieces are kept beyond their retention for a request that is still pending, and until when."""

    kind: Literal["seal.held"] = "seal.held"
    pieces: Pieces
    until: Instant

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.until <= self.at:
            raise ValueError("until must be after at")
        return self


class SealTestPlanned(Stated):
    """An authority will show a test face to a camera. Which face, which camera and when is fixed here, and revealed later."""

    kind: Literal["test.planned"] = "test.planned"
    test: Identifier
    details: Commitment


class SealTestAnnounced(OfCamera):
    """The pieces that a planned test opens. This entry stands in the log before any share is released for it."""

    kind: Literal["test.announced"] = "test.announced"
    test: Identifier
    pieces: Pieces
    requester: DigestText
    """Of the public key that the shares are released to."""


class SealTestOpened(OfCamera):
    """What a test found: whether each piece held the test face, of the time it was shown, and nobody else."""

    kind: Literal["test.opened"] = "test.opened"
    test: Identifier
    pieces: Pieces
    """Those that were opened."""
    passed: bool
