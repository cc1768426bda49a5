"""Facts as a plain mapping, checked against the vocabulary and filled with its defaults. No input or output."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from passerby.errors import FactsError
from passerby.law.contradictions import find_clashes
from passerby.law.reference import SLUG, offences
from passerby.law.values import UNKNOWN, FactValue
from passerby.law.vocabulary import Fact, vocabulary

CLOSE = 0.82
"""Likeness of two words from which one is taken for a misspelling of the other. Source: difflib; `terorism` gives 0.94."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with given facts.

    Attributes:
        fact: The name as given.
        message: What was wanted and what came; no file, no line.
        write: What to write instead.
    """

    fact: str
    message: str
    write: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that fit the vocabulary.

    Attributes:
        given: As given, without those said to be unknown.
        assumed: Absent facts that took their default.
        unknown: Names of facts that are not known: said to be so, or absent without a default.
    """

    given: Mapping[str, FactValue] = field(hash=False)
    assumed: Mapping[str, FactValue] = field(hash=False)
    unknown: frozenset[str]

    @property
    def known(self) -> dict[str, FactValue]:
        """Given and assumed facts together."""
        return {**self.assumed, **self.given}


def find_problems(facts: Mapping[str, object]) -> tuple[Problem, ...]:
    """Return everything that is wrong with a mapping of facts: names and values in its order, then contradictions.

    >>> [p.write for p in find_problems({"timming": "post"})]
    ['write timing']
    """
    own = [problem for name, value in facts.items() if (problem := _problem(str(name), value)) is not None]
    wrong = {problem.fact for problem in own}
    right = {name: value for name, value in facts.items() if name not in wrong}
    return (*own, *(Problem(clash.fact, clash.message, clash.write) for clash in find_clashes(right)))


def accept(facts: Mapping[str, object]) -> Facts:
    """Check facts and fill in defaults.

    Args:
        facts: Name to value. ``unknown`` or None says that the fact is not known; an absent fact takes its default where
            there is one, and else is not known.

    Raises:
        FactsError: a name or value is outside the vocabulary, or two facts contradict each other. The message holds every
            problem, one a line.
    """
    wrong = find_problems(facts)
    if wrong:
        hints = "; ".join(dict.fromkeys(p.write for p in wrong))
        raise FactsError("\n".join(p.message for p in wrong), hint=hints)
    unknown = {name for name, value in facts.items() if value is None or value == UNKNOWN}
    given = {n: v for n, v in facts.items() if n not in unknown and isinstance(v, str | bool | int | float)}
    assumed: dict[str, FactValue] = {}
    for name, fact in vocabulary().items():
        if name in given or name in unknown:
            continue
        fallback = fact.fallback({**assumed, **given})
        if fallback is None:
            unknown.add(name)
        else:
            assumed[name] = fallback
    return Facts(given, assumed, frozenset(unknown))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like another, or None when none is.

    >>> nearest("Real time", ("real-time", "post"))
    'real-time'
    """
    plain = {_plain(name): name for name in known}
    found = difflib.get_close_matches(_plain(word), list(plain), n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "").replace("_", "").replace(" ", "")


def _problem(name: str, value: object) -> Problem | None:
    fact = vocabulary().get(name)
    if fact is None:
        near = nearest(name, vocabulary())
        write = f"write {near}" if near else "what it describes lies outside this rulebook; see: passerby law facts"
        return Problem(
            name, f"'{name}' is no fact of the vocabulary" + (f"; the nearest is '{near}'" if near else ""), write
        )
    if value is None or value == UNKNOWN:
        return None
    if fact.kind == "bool":
        return None if isinstance(value, bool) else _bad_bool(name, value)
    if fact.kind == "number":
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
            return None
        return Problem(
            name,
            f"'{name}' must be a number of 0 or more, got {_got(value)}",
            f"write the number alone, as in {name}: 4",
        )
    return _bad_offence(name, value) if fact.open else _bad_choice(fact, value)


def _bad_bool(name: str, value: object) -> Problem:
    meant = {
        "yes": "true",
        "y": "true",
        "on": "true",
        "true": "true",
        "no": "false",
        "n": "false",
        "off": "false",
        "false": "false",
    }
    word = meant.get(str(value).strip().lower())
    write = f"write {name}: {word}, without quotes" if word else f"write {name}: true, false or unknown"
    return Problem(name, f"'{name}' must be true or false, got {_got(value)}", write)


def _bad_choice(fact: Fact, value: object) -> Problem | None:
    if isinstance(value, str) and value in fact.values:
        return None
    near = nearest(str(value), fact.values)
    message = f"'{fact.name}' must be one of {', '.join(fact.values)}, got {_got(value)}"
    write = f"write {fact.name}: {near}" if near else "anything else lies outside this rulebook"
    return Problem(fact.name, message + (f"; the nearest is '{near}'" if near else ""), write)


def _bad_offence(name: str, value: object) -> Problem | None:
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        message = f"'{name}' must be lower-case words joined by hyphens, got {_got(value)}"
        return Problem(name, message, f"write {name}: armed-robbery")
    known = offences().known()
    near = [value] if value in known else difflib.get_close_matches(value, known, n=1, cutoff=CLOSE)
    if not near or near[0] == value:
        return None
    message = f"'{name}' must be an offence as the lists spell it, got '{value}'; the nearest is '{near[0]}'"
    return Problem(name, message, f"write {name}: {near[0]}")


def _got(value: object) -> str:
    if isinstance(value, bool):
        return f"the flag {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    return f"the text '{value}'" if isinstance(value, str) else f"a {type(value).__name__}"
