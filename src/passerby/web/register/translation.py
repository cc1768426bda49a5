"""The citizen's pages in several languages: plain TOML files in `web/translations`, one per language, all with the same keys.

Texts are trusted and may hold no markup; values that are put into them are escaped unless they are markup already.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from passerby.errors import UsageError
from passerby.register import format_instant

FOLDER = Path(__file__).parent.parent / "translations"
PAGE_LANGUAGES = ("en", "fr", "de")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
FALLBACK_LANGUAGE = "en"


class Translation:
    """One language.

    Args:
        language: ``en``, ``fr`` or ``de``.

    Raises:
        UsageError: there is no such translation.
    """

    def __init__(self, language: str) -> None:
        if language not in PAGE_LANGUAGES:
            raise UsageError(f"language must be one of {', '.join(PAGE_LANGUAGES)}, got {language!r}")
        self.language = language
        self.table = flatten(tomllib.loads((FOLDER / f"register.{language}.toml").read_text(encoding="utf-8")))

    def __contains__(self, key: str) -> bool:
        return key in self.table

    def text(self, key: str, **values: object) -> str:
        """Return a text without markup."""
        return self.table[key].format(**{name: straight(value) for name, value in values.items()})

    def say(self, key: str, /, **values: object) -> Markup:
        """Return a text as markup, with every value in it escaped."""
        told = {name: isolated(value) for name, value in values.items()}
        return Markup(escape(self.table[key])).format(**told)  # noqa: S704  # escaped

    def count(self, key: str, n: int, /, **values: object) -> Markup:
        """Return a text that depends on a number: ``key.one`` or ``key.other``; ``{n}`` is the number as written."""
        return self.say(self.form(key, n), **({"n": self.number(n)} | values))

    def form(self, key: str, n: int) -> str:
        """Return the key of the text for one, or for any other number; French counts 0 as one."""
        return f"{key}.one" if n == 1 or (n == 0 and self.language == "fr") else f"{key}.other"

    def number(self, n: int) -> str:
        """Return a whole number with the language's own separators.

        >>> Translation("de").number(1234567)
        '1.234.567'
        """
        return f"{n:,}".replace(",", self.table["format.thousands"])

    def day(self, at: datetime) -> str:
        """Return a day in words, in UTC."""
        at = at.astimezone(UTC)
        day = "1er" if self.language == "fr" and at.day == 1 else str(at.day)
        return self.text("format.day", day=day, month=self.table[f"month.{at.month}"], year=at.year)

    def clock(self, at: datetime) -> str:
        """Return the time of day, in UTC."""
        at = at.astimezone(UTC)
        return self.text("format.clock", hour=f"{at.hour:02}", minute=f"{at.minute:02}")

    def moment(self, at: datetime) -> str:
        """Return day and time, in UTC."""
        return self.text("format.instant", day=self.day(at), clock=self.clock(at))

    def instant(self, at: datetime, **attributes: object) -> Markup:
        """Return day and time as a ``time`` element."""
        return element("time", self.moment(at), datetime=format_instant(at), **attributes)

    def span(self, seconds: int) -> str:
        """Return a length of time in its two largest units.

        >>> Translation("en").span(93_600)
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


def element(tag: str, shown: object, **attributes: object) -> Markup:
    """Return an element with escaped content and attributes; underscores in names become hyphens."""
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    held = isolated(shown)
    return Markup("<{}{}>{}</{}>").format(Markup(tag), Markup(named), held, Markup(tag))  # noqa: S704  # both escaped above


def isolated(value: object) -> object:
    """Return a text that holds direction marks in an element of its own, so that they turn around nothing beside it."""
    if isinstance(value, str) and not isinstance(value, Markup) and _DIRECTIONS.search(value):
        return Markup("<bdi>{}</bdi>").format(value)
    return value


def straight(value: object) -> object:
    """Return a text without direction marks, for where nothing can hold them together: titles, drawings, feeds.

    >>> straight("a\u202eb")
    'ab'
    """
    return _DIRECTIONS.sub("", value) if isinstance(value, str) else value


@cache
def words_in(language: str) -> Translation:
    """Return a language, read once."""
    return Translation(language)


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
        if language in PAGE_LANGUAGES and q > weight:
            best, weight = language, q
    return best
