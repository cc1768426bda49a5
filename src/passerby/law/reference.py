"""Dated data of the law: offence lists, thresholds, dates, deadlines, fines. Read from the room's own `data` folder.

Every value holds from a day on and names its source. Nothing here decides anything; the rules do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from unicodedata import combining, normalize

import yaml

from passerby.errors import RuleError
from passerby.law.values import Certainty, FineTier

ROOM = Path(__file__).parent
DATA = ROOM / "data"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
OTHER_OFFENCE = "other-offence"
"""How one says that an offence stands in no list."""
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "ł": "l"})


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that facts are compared with.

    Attributes:
        name: Such as ``annex-ii-years``.
        fact: The fact it is compared with.
        at_least: True when the fact must reach it, False when it must stay within.
        reference: Source of the number.
        values: Day from which it holds, and the number; in the order of days.
    """

    name: str
    fact: str
    at_least: bool
    reference: str
    values: tuple[tuple[date, float], ...]

    def on(self, day: date | None) -> float:
        """Return the number in force on a day, the latest for None; the first one for earlier days."""
        held = [value for start, value in self.values if day is None or start <= day]
        return held[-1] if held else self.values[0][1]


@dataclass(frozen=True, slots=True)
class OffenceList:
    """A closed list of offences.

    Attributes:
        name: Such as ``annex-ii``.
        title: For people.
        reference: Source.
        certainty: How the list is known here.
        start: Day from which it holds.
        offences: Canonical slugs.
    """

    name: str
    title: str
    reference: str
    certainty: Certainty
    start: date
    offences: frozenset[str]


@dataclass(frozen=True)
class Offences:
    """All offence lists, the offences known to stand in none, and other ways to write them.

    Attributes:
        lists: By name.
        unlisted: Slugs known to stand in no list.
        aliases: Other slug to canonical slug.
    """

    lists: Mapping[str, OffenceList]
    unlisted: frozenset[str]
    aliases: Mapping[str, str]

    def canonical(self, slug: str) -> str:
        """Return the canonical slug, accents or not; a slug not known comes back as it is, and stands in no list.

        >>> offences().canonical("vergewaltigung"), offences().canonical("våldtäkt"), offences().canonical("poaching")
        ('rape', 'rape', 'poaching')
        """
        return next((self.aliases.get(word, word) for word in _spellings(slug) if word in self._all), slug)

    def recognises(self, slug: str) -> bool:
        """Tell whether an offence is known here, in a list or in none."""
        return self.canonical(slug) in self._all

    @cached_property
    def _all(self) -> frozenset[str]:
        return frozenset(self.known())

    def known(self) -> tuple[str, ...]:
        """Return every slug that can be written, sorted."""
        listed = {o for entry in self.lists.values() for o in entry.offences}
        return tuple(sorted(listed | self.unlisted | set(self.aliases)))

    def membership(self, slug: str) -> frozenset[str]:
        """Return the names of the lists that an offence stands in."""
        name = self.canonical(slug)
        return frozenset(n for n, entry in self.lists.items() if name in entry.offences)


def _spellings(word: str) -> Iterator[str]:
    """Yield a word as written, with two letters for one, and without accents."""
    yield word
    yield word.translate(_TWO_LETTERS)
    yield "".join(letter for letter in normalize("NFKD", word.replace("ł", "l")) if not combining(letter))


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - what the file holds is checked by its reader
    """Read one YAML file of the room.

    Raises:
        RuleError: it is missing or is no YAML; the message starts with the file's name.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - both are safe loaders
    except OSError as exc:
        raise RuleError(f"{path}: cannot be read: {exc.strerror}") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise RuleError(f"{path}{line}: is no YAML: {getattr(exc, 'problem', exc)}") from exc


def as_date(value: object, where: str) -> date:
    """Return a day from YAML.

    Raises:
        RuleError: it is no day written as YYYY-MM-DD.
    """
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as exc:
        raise RuleError(f"{where}: date must be written YYYY-MM-DD and exist, got {value}") from exc


@cache
def group_references(position: str) -> Mapping[str, str]:
    """Return where the first day of each dated group of a position stands."""
    return {group: str(entry["reference"]) for group, entry in read_yaml(DATA / "dates.yaml")[position].items()}


@cache
def thresholds() -> Mapping[str, Threshold]:
    """Return the thresholds by name."""
    path = DATA / "thresholds.yaml"
    result = {}
    for name, entry in read_yaml(path).items():
        values = sorted((as_date(v["from"], f"{path.name}: {name}"), float(v["value"])) for v in entry["values"])
        result[name] = Threshold(name, entry["fact"], entry["reads"] == "at-least", entry["reference"], tuple(values))
    return result


@cache
def offences() -> Offences:
    """Return the offence lists."""
    path = DATA / "offences.yaml"
    content = read_yaml(path)
    lists = {
        name: OffenceList(
            name=name,
            title=entry["title"],
            reference=entry["reference"],
            certainty=Certainty(entry["certainty"]),
            start=as_date(entry["from"], f"{path.name}: {name}"),
            offences=frozenset(entry["offences"]),
        )
        for name, entry in content["lists"].items()
    }
    tables = (content["aliases"], content["names"])
    aliases = {other: slug for table in tables for slug, others in table.items() for other in others}
    return Offences(lists, frozenset(content["unlisted"]), aliases)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time limit of a duty, in words and, where the text sets one, in hours."""

    text: str
    hours: float | None


@cache
def deadlines() -> Mapping[str, Deadline]:
    """Return the time limits by duty."""
    content = read_yaml(DATA / "deadlines.yaml")
    return {name: Deadline(entry["text"], entry["hours"]) for name, entry in content.items()}


@cache
def fines() -> Mapping[tuple[str, str], FineTier]:
    """Return the highest fines by position and tier."""
    content = read_yaml(DATA / "fines.yaml")
    return {
        (position, tier): FineTier(
            entry["article"],
            entry["text"],
            int(entry["max_eur"]),
            float(entry["max_turnover_percent"]),
            Certainty(entry["certainty"]),
        )
        for position, tiers in content.items()
        for tier, entry in tiers.items()
    }
