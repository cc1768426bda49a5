"""The citizen's pages in several languages: plain TOML files in `web/translations`, one per language, all with the same keys.

Texts are trusted and may hold no markup; values that are put into them are escaped unless they are markup already.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from passerby.languages import Texts, marked
from passerby.register import format_instant

FOLDER = Path(__file__).parent.parent / "translations"


class Translation(Texts):
    """The pages' texts in one language.

    Args:
        language: One of ``LANGUAGES``.

    Raises:
        UsageError: there is no such translation.
    """

    def __init__(self, language: str) -> None:
        super().__init__(language, FOLDER / f"register.{language}.toml")

    def say(self, key: str, /, **values: object) -> Markup:
        """Return a text as markup, with every value in it escaped."""
        told = {name: isolated(value) for name, value in values.items()}
        return Markup(escape(self.table[key])).format(**told)  # noqa: S704  # escaped

    def count(self, key: str, n: int, /, **values: object) -> Markup:
        """Return a text that depends on a number: ``key.one`` or ``key.other``; ``{n}`` is the number as written."""
        return self.say(self.form(key, n), **({"n": self.number(n)} | values))

    def instant(self, at: datetime, **attributes: object) -> Markup:
        """Return day and time as a ``time`` element."""
        return element("time", self.moment(at), datetime=format_instant(at), **attributes)


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
    if isinstance(value, str) and not isinstance(value, Markup) and marked(value):
        return Markup("<bdi>{}</bdi>").format(value)
    return value


@cache
def words_in(language: str) -> Translation:
    """Return a language, read once."""
    return Translation(language)
