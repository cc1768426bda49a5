"""What the law room says, in several languages: English as the code and the data have it, others from tables of whole texts.

A text is found by its English words, so that a changed one loses its translation instead of keeping a wrong one; a test holds
that none is missing.
"""

from __future__ import annotations

import re
import string
from calendar import month_name
from collections.abc import Iterable
from datetime import date
from functools import cache, cached_property
from pathlib import Path

from passerby.languages import FALLBACK_LANGUAGE, Texts, straight

FOLDER = Path(__file__).parent.parent / "translations"
CITED = (
    "AI Act",
    "GDPR",
    "LED",
    "Annex",
    "recital",
    "recitals",
    "guidelines",
    "EP amendment",
    "Council general approach",
    "as moved by",
)
"""Words of citations that languages write otherwise; the rest of a citation is the same in all."""
_NO_LAYER = (
    "No national layer in force is known for {name}: its national law decides whether the police may identify people live "
    "(Art. 5(5)) and may be stricter on all remote identification."
)
FILLED = (
    "{fact} ({value}) does not reach {edge} ({reference}).",
    "{fact} ({value}) exceeds {edge} ({reference}).",
    "{fact} ({value}) reaches {edge} ({reference}).",
    "{fact} ({value}) stays within {edge} ({reference}).",
    (
        "{facts}: without effect here, being about another function than {function}. A file describes one function; what does "
        "more needs a file for each, and the strictest answer counts."
    ),
    "The list of offences {list} holds: {title}.",
    "The rules on {group} are to begin on {start} instead of {before}.",
    "The rules on {group} begin to apply.",
    "{threshold} is {value} (compared with {fact}).",
    "{title} ({status}; changes no answer here)",
    "{title}: {day} was its last day.",
    "{statement} Read here: no.",
    "{statement} Read here: yes.",
    "National law ({status}, changes nothing here): {title}. {says}",
    "National law: Sources of {layer} read on {day} ({certainty}); nothing later is known here.",
    "National law: {says} Sources of {layer} read on {day} ({certainty}); nothing later is known here.",
    "National law: {title}, ended on {day}; nothing that follows it is known here.",
    _NO_LAYER,
    _NO_LAYER + " Only a part of it has one: member_state: {parts}.",
    "Not so: {statement}",
    "Read with the layer {name}: {title}.",
    "The offence ({offence}) does not stand in {list} ({reference}).",
    "The offence ({offence}) stands in {list} ({reference}).",
    "The offence {offence} is in none of the lists known here and was read as an offence in no list.",
    "The overlay {name} does not hold on {day} and was left out.",
    "The rules on {group} do not apply yet on {day}; they do from {start}.",
    "This would apply, and what follows lifts it: {statement}",
    "What would cover this does not apply yet on {day}.",
)
"""Sentences that the engine fills in itself, in English; what is filled in is translated too where it is a text."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONG_DAY = re.compile(rf"(\d{{1,2}}) ({'|'.join(month_name[1:])}) (\d{{4}})")
_SHAPES = {"day": rf"{_DAY.pattern}|\d{{1,2}} \w+ \d{{4}}"}
"""Places for values of which the form is known, so that a sentence with two places is read right."""
_CITED = re.compile(r"\b(" + "|".join(sorted(CITED, key=len, reverse=True)) + r")\b", re.IGNORECASE)


class Wording(Texts):
    """The room's texts in one language.

    Args:
        language: One of ``LANGUAGES``.

    Raises:
        UsageError: there is no such language.
    """

    def __init__(self, language: str) -> None:
        files = () if language == FALLBACK_LANGUAGE else (FOLDER / f"law.{language}.toml",)
        super().__init__(language, *files)

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((re.compile(_pattern(key), re.DOTALL), key) for key in FILLED if key in self.table)

    def knows(self, english: str) -> bool:
        """Tell whether a text is said in this language and does not fall back to English."""
        plain = " ".join(english.split())
        return self.language == FALLBACK_LANGUAGE or plain in self.table or self._filled(plain) is not None

    def of(self, english: str) -> str:
        """Return a text of the code or the data in this language, in English where it has no translation.

        >>> wording_in("fr").of("Why")
        'Pourquoi'
        """
        plain = " ".join(english.split())
        if self.language == FALLBACK_LANGUAGE:
            return plain
        return self.table.get(plain) or self._filled(plain) or plain

    def _filled(self, plain: str) -> str | None:
        for pattern, key in self._patterns:
            if found := pattern.fullmatch(plain):
                return self.table[key].format(**{name: self._value(value) for name, value in found.groupdict().items()})
        return None

    def _value(self, value: str) -> str:
        if found := _LONG_DAY.fullmatch(value):
            day, month, year = found.groups()
            return self.day(date(int(year), [*month_name].index(month), int(day)))
        return self.day(date.fromisoformat(value)) if _DAY.fullmatch(value) else self.of(value)

    def text(self, key: str, /, **values: object) -> str:
        """Return an English text in this language with values put into it, without direction marks."""
        words = self.table[key] if key in self.table else self.of(key)
        return words.format(**{name: straight(value) for name, value in values.items()})

    def listed(self, parts: Iterable[str]) -> str:
        """Return parts of a sentence with semicolons between them, as the language spaces these.

        >>> wording_in("en").listed(["a", "b"])
        'a; b'
        """
        return ("\u202f; " if self.language == "fr" else "; ").join(parts)

    def cite(self, citation: str) -> str:
        """Return a citation as this language writes it.

        >>> wording_in("de").cite("AI Act Art. 5(1)(h), recital 33; guidelines ¶295")
        'KI-VO Art. 5(1)(h), Erwägungsgrund 33; Leitlinien ¶295'
        """
        return _CITED.sub(lambda found: self._cited(found[0]), citation)

    def _cited(self, word: str) -> str:
        english = next(one for one in CITED if one.lower() == word.lower())
        said = self.of(english)
        return said[:1].upper() + said[1:] if word[:1].isupper() else said


@cache
def wording_in(language: str) -> Wording:
    """Return the texts of a language, read once.

    Raises:
        UsageError: there is no such language.
    """
    return Wording(language)


def fields(text: str) -> frozenset[str]:
    """Return the names of the places for values in a text."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def _pattern(template: str) -> str:
    return "".join(
        re.escape(words) + (f"(?P<{name}>{_SHAPES.get(name, '.+?')})" if name else "")
        for words, name, _, _ in string.Formatter().parse(template)
    )
