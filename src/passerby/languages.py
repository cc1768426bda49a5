"""Texts in several languages, as the citizen's pages and the law's reports use them: plain TOML files, one per language.

What every text needs (days, numbers, spans of time) stands in ``translations/common.*.toml``; each room adds files of its own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from passerby.errors import UsageError

LANGUAGES = ("en", "fr", "de")
FALLBACK_LANGUAGE = "en"
COMMON = Path(__file__).parent / "translations"
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Texts:
    """The texts of one language, by key.

    Args:
        language: One of ``LANGUAGES``.
        files: What to read besides the common texts; of a key in several files the last counts.

    Raises:
        UsageError: there is no such language.
    """

    def __init__(self, language: str, *files: Path) -> None:
        if language not in LANGUAGES:
            raise UsageError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
        self.language = language
        self.table: dict[str, str] = {}
        for path in (COMMON / f"common.{language}.toml", *files):
            self.table |= flatten(tomllib.loads(path.read_text(encoding="utf-8")))

    def __contains__(self, key: str) -> bool:
        return key in self.table

    def text(self, key: str, /, **values: object) -> str:
        """Return a text with values put into it, without direction marks."""
        return self.table[key].format(**{name: straight(value) for name, value in values.items()})

    def form(self, key: str, n: int) -> str:
        """Return the key of the text for one, or for any other number; French counts 0 as one."""
        return f"{key}.one" if n == 1 or (n == 0 and self.language == "fr") else f"{key}.other"

    def number(self, n: int) -> str:
        """Return a whole number with the language's own separators.

        >>> Texts("de").number(1234567)
        '1.234.567'
        """
        return f"{n:,}".replace(",", self.table["format.thousands"])

    def day(self, at: date) -> str:
        """Return a day in words; an instant's day is that in UTC.

        >>> Texts("fr").day(date(2026, 8, 1))
        '1er août 2026'
        """
        at = at.astimezone(UTC) if isinstance(at, datetime) else at
        day = "1er" if self.language == "fr" and at.day == 1 else str(at.day)
        return self.text("format.day", day=day, month=self.table[f"month.{at.month}"], year=at.year)

    def clock(self, at: datetime) -> str:
        """Return the time of day, in UTC."""
        at = at.astimezone(UTC)
        return self.text("format.clock", hour=f"{at.hour:02}", minute=f"{at.minute:02}")

    def moment(self, at: datetime) -> str:
        """Return day and time, in UTC."""
        return self.text("format.instant", day=self.day(at), clock=self.clock(at))

    def span(self, seconds: int) -> str:
        """Return a length of time in its two largest units.

        >>> Texts("en").span(93_600)
        '1 day 2 h'
        """
        minutes, hours, days = (seconds // 60) % 60, (seconds // 3600) % 24, seconds // 86_400
        if seconds < 60:
            return self.text("format.seconds", n=seconds)
        parts = [self.text(self.form("format.days", days), n=self.number(days))] if days else []
        if hours:
            parts.append(self.text("format.hours", n=hours))
        if minutes and not days:
            parts.append(self.text("format.minutes", n=minutes))
        return " ".join(parts)

    def pick(self, words: Mapping[str, str]) -> tuple[str, str]:
        """Choose from the same words in several languages: this one, else English, else the first.

        Returns:
            The language taken, and the words.
        """
        for language in (self.language, FALLBACK_LANGUAGE):
            if language in words:
                return language, words[language]
        return next(iter(sorted(words.items())))


def marked(text: str) -> bool:
    """Tell whether a text holds direction marks, which turn around what stands beside them."""
    return _DIRECTIONS.search(text) is not None


def straight(value: object) -> object:
    r"""Return a text without direction marks, for where nothing can hold them together: titles, drawings, feeds, letters.

    >>> straight("a\u202eb")
    'ab'
    """
    return _DIRECTIONS.sub("", value) if isinstance(value, str) else value


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return a tree of texts with dotted keys."""
    flat: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = str(value)
    return flat


def negotiate(accept: str, usual: str = FALLBACK_LANGUAGE) -> str:
    """Choose a language by an Accept-Language header.

    >>> negotiate("da, fr-CH;q=0.8, de;q=0.9")
    'de'
    """
    best, weight = usual, 0.0
    for part in accept[:500].split(","):
        found = re.fullmatch(r"\s*([A-Za-z]{2,3}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*", part)
        if not found:
            continue
        q = float(found[2] or 1)
        language = usual if found[1] == "*" else found[1].lower()
        if language in LANGUAGES and q > weight:
            best, weight = language, q
    return best
