"""Facts as a plain mapping, filled with the defaults of the vocabulary. What is wrong with them says `check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from passerby.law.facts.check import check_facts
from passerby.law.facts.terms import Fact, vocabulary
from passerby.law.reference import OTHER_OFFENCE, offences
from passerby.law.values import UNKNOWN, FactValue


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that fit the vocabulary.

    Attributes:
        given: As given, without those said to be unknown.
        assumed: Absent facts that took their default.
        unknown: Names of facts that are not known: said to be so, absent without a default, or an offence given in words
            that are not recognised.
        said: Those of them that were said to be unknown, or are taken as such; no default may rest on what such a fact
            might be.
    """

    given: Mapping[str, FactValue] = field(hash=False)
    assumed: Mapping[str, FactValue] = field(hash=False)
    unknown: frozenset[str]
    said: frozenset[str] = frozenset()

    @property
    def known(self) -> dict[str, FactValue]:
        """Given and assumed facts together, without what is not known."""
        return {name: value for name, value in {**self.assumed, **self.given}.items() if name not in self.unknown}

    def without(self, names: Iterable[str]) -> Facts:
        """Return the facts with some assumed ones not known, and those that took their default from them with them."""
        return _with_defaults(self.given, self.said | set(names))

    def following(self) -> Iterator[Fact]:
        """Yield the absent facts whose default rests on others, none of which was said to be unknown."""
        for name, fact in vocabulary().items():
            drivers = fact.drivers()
            if drivers and name not in self.given and name not in self.said and not drivers & self.said:
                yield fact


def accept_facts(facts: Mapping[str, object]) -> Facts:
    """Check facts and fill in defaults.

    Args:
        facts: Name to value. ``unknown`` or None says that the fact is not known; an absent fact takes its default where
            there is one, and else is not known.

    Raises:
        FactsError: a name or value is outside the vocabulary, or two facts contradict each other.
    """
    said = check_facts({name: UNKNOWN if value is None else value for name, value in facts.items()})
    unknown = {name for name, value in said.items() if value == UNKNOWN}
    given = {name: value for name, value in said.items() if name not in unknown}
    if not offences().recognises(str(given.get("offence", OTHER_OFFENCE))):
        unknown.add("offence")
    return _with_defaults(given, frozenset(unknown))


def _with_defaults(given: Mapping[str, FactValue], said: frozenset[str]) -> Facts:
    assumed: dict[str, FactValue] = {}
    left = set(said)
    for name, fact in vocabulary().items():
        if name in given or name in said:
            continue
        # of a fact that is asked and not known, any value counts, also the one beside which the default is another
        fallback = None if fact.drivers() & said else fact.fallback({**assumed, **given}, given)
        if fallback is None:
            left.add(name)
        else:
            assumed[name] = fallback
    return Facts(given, assumed, frozenset(left), said)
