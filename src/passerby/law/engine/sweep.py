"""What the rules say of many worlds at once, as far as it can be said without search.

A world is one bit of whole numbers. Of each atom two numbers are kept: the worlds in which it may hold, and those in which it
must. A fact that is not known may have every value and must have none, and an open point may be read either way; so what is
said here holds for every way to fill them in, and what is left open is for a solver (`worlds`, `neighbours`). The rules never
rest on themselves (`rules.check`), so that one pass in their order is enough.

Source: the three-valued logic of S. C. Kleene, Introduction to Metamathematics (1952), section 64.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from passerby.law.engine.worlds import World, outcome_of, rules_of, value_term
from passerby.law.rules import Book
from passerby.law.values import FactValue, Outcome

_Body = tuple[tuple[int, ...], tuple[int, ...]]
_Outcomes = frozenset[Outcome | None]
_READING = "reading("
TRIES = 8
"""Ways to fill in what is not known; more settle more, and cost more."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The facts of many worlds: for each value the worlds that have it, for each fact those in which it is not known.

    Attributes:
        width: How many worlds.
        given: Fact and value to the worlds, bit by bit.
        unknown: Fact to the worlds.
    """

    width: int
    given: Mapping[tuple[str, FactValue], int]
    unknown: Mapping[str, int]

    @property
    def every(self) -> int:
        """All worlds."""
        return (1 << self.width) - 1


class Sweep:
    """The rules of one book, in an order in which each comes after what it rests on.

    Args:
        book: The rules.
        groups: The dated groups that apply.
    """

    def __init__(self, book: Book, groups: frozenset[str]) -> None:
        rules = rules_of(book, groups)
        below = _resting_on(rules)
        self.atoms = tuple(TopologicalSorter(below).static_order())
        number = {atom: index for index, atom in enumerate(self.atoms)}
        bodies = _numbered(rules, number)
        self._rules = [(index, tuple(bodies.get(atom, ()))) for index, atom in enumerate(self.atoms) if atom in below]
        self._point_of = {number[atom]: number[f"open({atom[8:]}"] for atom in below if atom.startswith(_READING)}
        self._outcomes = [(outcome_of(atom), number[atom]) for atom in self.atoms if atom.startswith("outcome(")]
        chance = random.Random(0)  # noqa: S311 - ways to fill in worlds, the same in every process
        self._tries = {name: chance.choices(book.domains[name], k=TRIES) for name in book.facts()}
        self._readings = {index: chance.choices((True, False), k=TRIES) for index in self._point_of}
        terms = {(n, v): f"fact({n},{value_term(v)})" for n, domain in book.domains.items() for v in domain}
        self._facts = [(*pair, number[atom]) for pair, atom in terms.items() if atom in number]

    def outcomes(self, columns: Columns) -> tuple[tuple[_Outcomes, _Outcomes], ...]:
        """Return for each world two sets: the outcomes met in one of ``TRIES`` ways to fill it in, and all that may be.

        What was met is possible, and what is in neither set is not; an outcome only in the second set may be either.
        """
        may, _ = self._run(columns)
        filled, read = self._filled(columns)
        holds, _ = self._run(filled, read)
        met = {index: _folded(holds[index], columns) for _, index in self._outcomes}
        return tuple(zip(self._by_world(met, columns), self._by_world(may, columns), strict=True))

    def _by_world(self, holding: Sequence[int] | Mapping[int, int], columns: Columns) -> list[_Outcomes]:
        found: list[set[Outcome | None]] = [set() for _ in range(columns.width)]
        for outcome, index in self._outcomes:
            for bit in _bits(holding[index]):
                found[bit].add(outcome)
        return list(map(frozenset, found))

    def _filled(self, columns: Columns) -> tuple[Columns, dict[int, int]]:
        """Return the worlds ``TRIES`` times side by side, what is not known filled in each time in another way."""
        width = columns.width
        comb = sum(1 << place * width for place in range(TRIES))
        given = {key: worlds * comb for key, worlds in columns.given.items()}
        for name, worlds in columns.unknown.items():
            for place, value in enumerate(self._tries[name] if worlds else ()):
                given[name, value] = given.get((name, value), 0) | worlds << place * width
        read = {
            index: sum(columns.every << place * width for place, yes in enumerate(ways) if yes)
            for index, ways in self._readings.items()
        }
        return Columns(width * TRIES, given, {}), read

    def world(self, values: Mapping[str, FactValue], readings: Mapping[str, bool]) -> World:
        """Return the one world with the values of all facts, in which open points are answered no unless told.

        Args:
            values: Every fact that the rules read, as narrowed by the book.
            readings: Open point, as rules write it, to its answer.
        """
        columns = Columns(1, dict.fromkeys(values.items(), 1), {})
        yes = {f"{_READING}{point})" for point, answer in readings.items() if answer}
        may, _ = self._run(columns, {index: int(self.atoms[index] in yes) for index in self._point_of})
        atoms = {atom for atom, holds in zip(self.atoms, may, strict=True) if holds}
        atoms |= {f"fact({name},{value_term(value)})" for name, value in values.items()}
        outcome = next(outcome for outcome, index in self._outcomes if may[index])
        return World(outcome, frozenset(atoms))

    def _run(self, columns: Columns, read: Mapping[int, int] | None = None) -> tuple[list[int], list[int]]:
        """Return the worlds in which each atom may hold, and those in which it must.

        Args:
            columns: The facts.
            read: For each reading the worlds in which it is answered yes, or None where it may go either way.
        """
        may, must = [0] * len(self.atoms), [0] * len(self.atoms)
        every = columns.every
        for name, value, index in self._facts:
            must[index] = given = columns.given.get((name, value), 0)
            may[index] = given | columns.unknown.get(name, 0)
        for index, bodies in self._rules:
            if index in self._point_of:
                raised = may[self._point_of[index]]
                may[index] = raised if read is None else raised & read[index]
                must[index] = 0 if read is None else may[index]
                continue
            possible = certain = 0
            for positive, negative in bodies:
                can = will = every
                for condition in positive:
                    can &= may[condition]
                    will &= must[condition]
                for condition in negative:
                    can &= ~must[condition]
                    will &= ~may[condition]
                possible |= can
                certain |= will
            may[index], must[index] = possible, certain
        return may, must


def _resting_on(rules: list[tuple[str, tuple[str, ...]]]) -> dict[str, set[str]]:
    """Return what each conclusion rests on; a reading rests on its open point."""
    below: dict[str, set[str]] = {}
    for head, body in rules:
        below.setdefault(head, set()).update(condition.removeprefix("not ") for condition in body)
    return below | {f"{_READING}{head[5:]}": {head} for head in below if head.startswith("open(")}


def _numbered(rules: list[tuple[str, tuple[str, ...]]], number: Mapping[str, int]) -> dict[str, list[_Body]]:
    """Return for each conclusion the conditions of each of its rules: those that must hold, then those that must not."""
    bodies: dict[str, list[_Body]] = {}
    for head, body in rules:
        positive = tuple(number[condition] for condition in body if not condition.startswith("not "))
        negative = tuple(number[condition[4:]] for condition in body if condition.startswith("not "))
        bodies.setdefault(head, []).append((positive, negative))
    return bodies


def _folded(worlds: int, columns: Columns) -> int:
    """Return the worlds that hold in one of the ways in which they stand side by side."""
    found = 0
    for place in range(TRIES):
        found |= worlds >> place * columns.width & columns.every
    return found


def _bits(worlds: int) -> Iterator[int]:
    while worlds:
        lowest = worlds & -worlds
        yield lowest.bit_length() - 1
        worlds ^= lowest
