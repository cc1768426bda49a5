"""What entries have in common: that they are stated, of a camera, of a request, over a span."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from passerby.register.fields import EntryPart, Identifier, Instant


class Stated(EntryPart):
    """What all entries share.

    Attributes:
        v: Version of the form of this kind.
        at: When it happened or was decided, by the operator's clock.
    """

    v: Literal[1] = 1
    at: Instant


class StatedSpan(Stated):
    """Says something about a span of time."""

    begin: Instant
    end: Instant

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.begin:
            raise ValueError("end must not be before begin")
        return self


class OfCamera(Stated):
    """Says something about one camera."""

    camera: Identifier


class OfCase(Stated):
    """Says something about one request."""

    case: Identifier
