"""Reads the fields of a JSON object strictly: each mistake is told as what must be, and what came."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from passerby.boxes import BoxTuple
from passerby.errors import UsageError

MOST_NAME = 60
MOST_WHY = 200
MOST_PIXELS = 1e6
"""Beyond this no coordinate is believed."""
_SHOWN = 60
T = TypeVar("T", bound=str)


def shown(value: object) -> str:
    """Return a value as an error shows it, cut short.

    >>> shown("a"), shown(None)
    ("'a'", 'nothing')
    """
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one object.

    Attributes:
        what: What it is, for errors.
        row: As JSON has it.
    """

    what: str
    row: dict[str, Any]

    @classmethod
    def of(cls, what: str, value: object, names: Iterable[str]) -> Fields:
        """Take a value that must be an object with no other fields than these.

        Raises:
            UsageError: it is none, or has others.
        """
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise UsageError(f"{what} must be a JSON object, got {shown(value)}")
        known = set(names)
        if unknown := sorted(set(value) - known):
            raise UsageError(f"{what} may have {', '.join(sorted(known))}, got {', '.join(map(shown, unknown))}")
        return cls(what, value)

    def whole(self, name: str, *, least: int = 0) -> int:
        """Return a whole number."""
        value = self.row.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 1 << 31:
            raise UsageError(f"{name} of {self.what} must be a whole number from {least} on, got {shown(value)}")
        return value

    def whole_or_none(self, name: str) -> int | None:
        """Return a whole number from 0 on, or None where nothing is said."""
        return None if self.row.get(name) is None else self.whole(name)

    def one_of(self, name: str, options: tuple[T, ...], *, default: T | None = None) -> T:
        """Return one of some words."""
        value = self.row.get(name, default)
        if value not in options:
            raise UsageError(f"{name} of {self.what} must be one of {', '.join(options)}, got {shown(value)}")
        return cast("T", value)

    def text(self, name: str, *, most: int) -> str:
        """Return words that stand on one line, without blanks around them."""
        value = self.row.get(name)
        good = isinstance(value, str) and value.strip() == value and value.isprintable() and 0 < len(value) <= most
        if not good:
            raise UsageError(
                f"{name} of {self.what} must be 1 to {most} letters on one line, got {shown(value)}",
                hint="no blanks before or after it, no line breaks",
            )
        return str(value)

    def numbers(self, name: str, *, least: int = 1) -> tuple[int, ...]:
        """Return numbers of tracks, each once."""
        value = self.row.get(name)
        if not isinstance(value, list) or len(value) < least:
            raise UsageError(
                f"{name} of {self.what} must be a list of {least} or more track numbers, got {shown(value)}"
            )
        found = tuple(Fields(self.what, {name: one}).whole(name, least=1) for one in value)
        if len(set(found)) != len(found):
            raise UsageError(f"{name} of {self.what} must name each track once, got {shown(value)}")
        return found

    def box(self, name: str) -> BoxTuple:
        """Return a box, pixels."""
        return box_of(self.what, name, self.row.get(name))


def box_of(what: str, name: str, value: object) -> BoxTuple:
    """Return a box, pixels.

    Raises:
        UsageError: it is none, or has no area.
    """
    if not isinstance(value, list) or len(value) != 4 or not all(is_number(edge, MOST_PIXELS) for edge in value):
        raise UsageError(f"{name} of {what} must be four numbers [x0, y0, x1, y1], got {shown(value)}")
    x0, y0, x1, y1 = (round(float(edge), 2) for edge in value)
    if not (x0 < x1 and y0 < y1):
        raise UsageError(
            f"{name} of {what} must have x0 < x1 and y0 < y1, got {shown(value)}",
            hint="the corners are not x, y, width, height",
        )
    return x0, y0, x1, y1


def is_number(value: object, most: float) -> bool:
    """Whether a value of JSON is a number, not beyond ``most`` on either side."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and -most <= value <= most
    )
