"""The facts that describe a deployment: names, values, defaults, questions. Read from `data/vocabulary.yaml`."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from passerby.errors import RuleError
from passerby.law.reference import DATA, offences, read_yaml, thresholds
from passerby.law.values import UNKNOWN, FactValue

KINDS = ("choice", "bool", "number")


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the vocabulary.

    Attributes:
        name: Such as ``offence_max_years``.
        kind: ``choice``, ``bool`` or ``number``.
        question: To ask a person.
        explanation: One line on why it matters.
        source: Where it stands.
        values: Word to meaning, for a choice; empty for bools and numbers.
        open: True when well-formed words outside ``values`` are accepted too, unless they look like a misspelling of a
            listed one: an offence that stands in no list is an offence all the same (``offence``).
        default: Taken when the fact is absent and ``default_by`` says nothing, or None.
        default_by: Name of another fact, and its value to the default of this one; or None.
        beside: Name of another fact to those of its values that, when stated, presuppose another default than the usual
            one: to that default, or to ``unknown`` where it must be asked. Comes before ``default_by``.
        bands: For a number: the values that stand for all numbers the rules can tell apart, in ascending order.
        at_least: For a number: True when it is rounded down to a band, False when up.
        says: Value to the fact as half a sentence; for the values that a default may take.
        condition: True for what somebody must have done or found before a use is permitted: no permission rests on its default.
    """

    name: str
    kind: str
    question: str
    explanation: str
    source: str
    values: Mapping[str, str] = field(hash=False)
    open: bool
    default: FactValue | None
    default_by: tuple[str, Mapping[FactValue, FactValue]] | None = field(hash=False)
    beside: Mapping[str, Mapping[FactValue, FactValue]] = field(hash=False)
    bands: tuple[float, ...]
    at_least: bool
    says: Mapping[FactValue, str] = field(hash=False)
    condition: bool

    def domain(self) -> tuple[FactValue, ...]:
        """Return the values that the rules can tell apart."""
        if self.kind == "bool":
            return (True, False)
        if self.open:
            return _classes()
        return self.bands if self.kind == "number" else tuple(self.values)

    def narrow(self, value: FactValue) -> FactValue:
        """Return the member of the domain that stands for a value."""
        if self.kind == "number" and isinstance(value, int | float):
            if self.at_least:
                return max((b for b in self.bands if b <= value), default=self.bands[0])
            return min((b for b in self.bands if b >= value), default=self.bands[-1])
        if self.open:
            return offence_class(str(value))
        return value

    def fallback(self, known: Mapping[str, FactValue], stated: Container[str]) -> FactValue | None:
        """Return the default, or None where there is none.

        Args:
            known: The facts known so far.
            stated: Names of those among them that somebody stated; only they presuppose anything.
        """
        for name, by in self.beside.items():
            if name in stated and known.get(name) in by:
                return None if by[known[name]] == UNKNOWN else by[known[name]]
        if self.default_by is not None and self.default_by[0] in known:
            return self.default_by[1].get(known[self.default_by[0]], self.default)
        return self.default

    def drivers(self) -> frozenset[str]:
        """Return the names of the facts on which its default rests."""
        return frozenset({*self.beside, *(() if self.default_by is None else (self.default_by[0],))})


Vocabulary = Mapping[str, Fact]
"""All facts by name, in the order in which a person would tell them."""


@cache
def offence_class(slug: str) -> str:
    """Return the offence that stands for all those in the same lists.

    >>> offence_class("rape") == offence_class("murder") != offence_class("shoplifting")
    True
    """
    lists = offences()
    wanted = lists.membership(slug)
    return next((name for name in _classes() if lists.membership(name) == wanted), "any")


@cache
def _classes() -> tuple[str, ...]:
    """Return one offence for each set of lists that some offence stands in."""
    lists = offences()
    first: dict[frozenset[str], str] = {frozenset(): "any"}
    for name in ("terrorism", "murder", "corruption", "fraud", *lists.known()):
        first.setdefault(lists.membership(name), name)
    return tuple(first.values())


def _lists_of(slug: str) -> str:
    titles = [entry.title for name, entry in offences().lists.items() if name in offences().membership(slug)]
    return "in " + ", ".join(titles) if titles else "in no list"


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary of the worked cases.

    Raises:
        RuleError: the vocabulary's file is broken.
    """
    path = DATA / "vocabulary.yaml"
    return MappingProxyType({name: _fact(name, entry) for name, entry in read_yaml(path).items()})


def _fact(name: str, entry: dict[str, Any]) -> Fact:
    kind = entry.get("kind")
    if kind not in KINDS:
        raise RuleError(f"vocabulary.yaml: {name}: kind must be one of {', '.join(KINDS)}, got {kind}")
    values = dict(entry.get("values", {}))
    if entry.get("open"):
        values = {slug: _lists_of(slug) for slug in offences().known()}
    by = entry.get("default_by")
    return Fact(
        name=name,
        kind=kind,
        question=entry["question"],
        explanation=entry["explain"],
        source=entry["source"],
        values=values,
        open=bool(entry.get("open")),
        default=entry.get("default"),
        default_by=(by["fact"], by["values"]) if by else None,
        beside=entry.get("beside", {}),
        bands=_bands(name, at_least=entry.get("reads") == "at-least") if kind == "number" else (),
        at_least=entry.get("reads") == "at-least",
        says=entry.get("says", {}),
        condition=bool(entry.get("condition")),
    )


def _bands(name: str, *, at_least: bool) -> tuple[float, ...]:
    """Return the numbers that stand for all that the thresholds on a fact can tell apart."""
    edges = {value for t in thresholds().values() if t.fact == name for _, value in t.values}
    if at_least:
        return (0.0, *sorted(edges))
    return (*sorted(edges), max(edges, default=0.0) + 1)
