"""Checks facts: known names, values of the vocabulary, right types, no contradictions. For mappings and for files alike."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from passerby.errors import FactsError
from passerby.law.facts.contradictions import find_clashes, value_to_yaml
from passerby.law.facts.terms import Fact, vocabulary
from passerby.law.reference import SLUG, offences
from passerby.law.values import UNKNOWN, FactValue

CLOSE = 0.82
"""Likeness from which an offence is taken for a misspelling. Source: difflib's ratio; `terorism` gives 0.94."""
_LOOSE = 0.6
_WHOLE = frozenset({"human_verifiers"})
_MAX_SHOWN = 12
_MAX_NUMBER = 1e9
_FLAGS = {
    "yes": "true",
    "y": "true",
    "on": "true",
    "true": "true",
    "no": "false",
    "n": "false",
    "off": "false",
    "false": "false",
}


@dataclass(frozen=True, slots=True)
class FactsProblem:
    """One mistake in the facts.

    Attributes:
        fact: The name as given.
        message: What was expected, what came, and the nearest known word.
        write: What to write instead.
    """

    fact: str
    message: str
    write: str


def nearest_word(word: str, known: Iterable[str], *, cutoff: float = _LOOSE) -> str | None:
    """Return the known word that is most like another, or None when none is. Case, ``-`` and ``_`` do not count.

    >>> nearest_word("Real time", ("real-time", "post"))
    'real-time'
    """
    plain = {_plain(name): name for name in known}
    found = difflib.get_close_matches(_plain(word), list(plain), n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def find_problems(facts: Mapping[str, object]) -> tuple[FactsProblem, ...]:
    """Return every mistake: first names and values in the order given, then contradictions among the facts that are right.

    >>> [problem.write for problem in find_problems({"timming": "post"})]
    ['write timing']
    """
    own = [problem for name, value in facts.items() for problem in _problems_of(name, value)]
    wrong = {problem.fact for problem in own}
    right = {name: value for name, value in facts.items() if name not in wrong}
    return (*own, *(FactsProblem(clash.fact, clash.message, clash.write) for clash in find_clashes(right)))


def check_facts(facts: Mapping[str, object]) -> dict[str, FactValue]:
    """Return the facts as a new mapping once every name and value is known and none contradict; None becomes unknown.

    Raises:
        FactsError: with every mistake, one a line, and the nearest known name or value.
    """
    problems = find_problems(facts)
    if problems:
        raise FactsError(
            "\n".join(p.message for p in problems), hint="; ".join(dict.fromkeys(p.write for p in problems))
        )
    known = {name: UNKNOWN if value is None else value for name, value in facts.items()}
    return {name: value for name, value in known.items() if isinstance(value, (str, bool, int, float))}


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "").replace("_", "").replace(" ", "")


def _problems_of(name: object, value: object) -> Iterator[FactsProblem]:
    if not isinstance(name, str):
        yield FactsProblem(str(name), f"the name of a fact must be a word, got {name!r}", "write the name as text")
        return
    fact = vocabulary().get(name)
    if fact is None:
        close = nearest_word(name, vocabulary())
        yield FactsProblem(
            name,
            f"'{name}' is no fact of the vocabulary" + (f"; the nearest is '{close}'" if close else ""),
            f"write {close}" if close else f"leave {name} out; passerby law facts lists the names",
        )
    elif value is None or value == UNKNOWN:
        return
    elif fact.kind == "bool":
        yield from _check_flag(name, value)
    elif fact.kind == "number":
        yield from _check_number(name, value)
    elif fact.open:
        yield from _check_offence(name, value)
    else:
        yield from _check_word(fact, value)


def _check_flag(name: str, value: object) -> Iterator[FactsProblem]:
    if isinstance(value, bool):
        return
    meant = _FLAGS.get(str(value).strip().lower())
    write = f"write {name}: {meant}, without quotes" if meant else f"write {name}: true, false or unknown"
    yield FactsProblem(name, f"'{name}' must be true or false, got {_got(value)}", write)


def _check_number(name: str, value: object) -> Iterator[FactsProblem]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield FactsProblem(
            name, f"'{name}' must be a number, got {_got(value)}", f"write the number alone, as in {name}: 4"
        )
    elif not math.isfinite(value) or value < 0 or value > _MAX_NUMBER:
        yield FactsProblem(
            name,
            f"'{name}' must be a number of 0 or more, got {value}",
            f"write a number that can be, or {name}: unknown",
        )
    elif name in _WHOLE and value != int(value):
        yield FactsProblem(name, f"'{name}' must be a whole number, got {value}", f"write {name}: {int(value)}")


def _check_offence(name: str, value: object) -> Iterator[FactsProblem]:
    """An offence in no list is an offence; a word that is nearly a listed one is a slip that would change the verdict."""
    known = offences().known()
    if isinstance(value, str) and offences().recognises(value):
        return
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        close = nearest_word(str(value), known)
        yield FactsProblem(
            name,
            f"'{name}' must be an offence in lower-case words joined by hyphens, got {_got(value)}"
            + (f"; the nearest is '{close}'" if close else ""),
            f"write {name}: {close or 'armed-robbery'}",
        )
        return
    close = nearest_word(value, known, cutoff=CLOSE)
    if close:
        yield FactsProblem(
            name,
            f"'{name}' must be an offence as the lists spell it, got '{value}'; the nearest is '{close}'",
            f"write {name}: {close}",
        )


def _check_word(fact: Fact, value: object) -> Iterator[FactsProblem]:
    words = tuple(fact.values)
    more = f" or one of {len(words) - _MAX_SHOWN} more" if len(words) > _MAX_SHOWN else ""
    expected = f"one of {', '.join(words[:_MAX_SHOWN])}{more}"
    if not isinstance(value, str):
        none = f"write {fact.name}: none" if value is False and "none" in words else "write one of its words"
        yield FactsProblem(fact.name, f"'{fact.name}' must be {expected}, got {_got(value)}", none)
    elif value not in words:
        close = nearest_word(value, words)
        yield FactsProblem(
            fact.name,
            f"'{fact.name}' must be {expected}, got '{value}'" + (f"; the nearest is '{close}'" if close else ""),
            f"write {fact.name}: {close}" if close else f"see its words with: passerby law facts {fact.name}",
        )


def _got(value: object) -> str:
    if isinstance(value, bool):
        return f"the flag {value_to_yaml(value)}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return f"the text '{value}'" if isinstance(value, str) else f"a {type(value).__name__}"
