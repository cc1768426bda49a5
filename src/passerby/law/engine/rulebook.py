"""One grounded rulebook, ready to answer: position, overlays and the dated groups that apply, kept for the next question."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date
from functools import cache, cached_property

from passerby.law.engine.layers import Layers, layers_on, turns_of_layers
from passerby.law.engine.neighbours import Neighbours
from passerby.law.engine.relevance import Relevance
from passerby.law.engine.sweep import Sweep
from passerby.law.engine.worlds import Worlds, applying_groups, outcome_atom
from passerby.law.reference import thresholds
from passerby.law.rules import Book, Clause, facts_behind, facts_for, load_book, position_names
from passerby.law.values import FactValue, Outcome


class Rulebook:
    """The programs of one book on the days when the same dated groups apply.

    ``lock`` must be held while its programs solve: a clingo control answers one question at a time.
    """

    def __init__(self, book: Book, groups: frozenset[str]) -> None:
        self.book = book
        self.groups = groups
        self.lock = threading.RLock()
        self.worlds = Worlds(book, groups)
        self.sweep = Sweep(book, groups)
        self._facts_for: dict[str, frozenset[str]] = {}

    @cached_property
    def neighbours(self) -> Neighbours:
        """The program that looks for changes, grounded when first asked for."""
        return Neighbours(self.book, self.groups, self.sweep)

    @cached_property
    def permissions(self) -> Mapping[Clause, frozenset[str]]:
        """Each rule that permits on the days at hand, and the facts on which it may rest."""
        rules = self.book.heads.get("finding(permitted_with_authorisation)", ())
        return {clause: facts_behind(clause, self.book.heads) for clause in rules if clause.group in self.groups}

    def facts_for(self, function: str) -> frozenset[str]:
        """Return the facts that may matter to a system with one function, found once for each."""
        if function not in self._facts_for:
            self._facts_for[function] = facts_for(function, self.book.heads)
        return self._facts_for[function]

    @cached_property
    def relevance(self) -> Relevance:
        """The program that looks for what the outcome turns on, grounded when first asked for."""
        return Relevance(self.book, self.groups)

    def first_question(self, known: Mapping[str, FactValue], unknown: tuple[str, ...]) -> tuple[str, ...]:
        """Return unknown facts, the one first whose answer leaves the fewest outcomes on average."""
        left: dict[str, float] = {}
        for name in unknown:
            values = self.book.domains[name]
            counts = [len(self.worlds.outcomes(self.worlds.assume({**known, name: value}))) for value in values]
            left[name] = sum(counts) / len(counts)
        return tuple(sorted(unknown, key=lambda name: left[name]))


def rulebook_on(
    position: str, overlays: Layers, day: date | None, *, amended: bool, state: str | None = None
) -> Rulebook:
    """Return the engine for a position with those of its layers that hold on a day.

    Args:
        position: Name of a position.
        overlays: Names of overlays asked for.
        day: The day, or None for the text read as fully applicable.
        amended: Whether to read later amendments with the position from their first day on.
        state: The Member State whose law is read with the position, or None.

    Raises:
        RuleError: position or overlay is not known, or a rule file is broken.
    """
    layers = layers_on(position, overlays, day, amended=amended, state=state)
    book = _book(position, layers, _epoch(day))
    return _rulebook(position, layers, _epoch(day), applying_groups(book.dates, day))


def turning_days(
    position: str, overlays: Layers, day: date, *, amended: bool, state: str | None = None
) -> tuple[date, ...]:
    """Return the later days on which another set of rules may apply, in order."""
    days = turns_of_layers(position, overlays, amended=amended, state=state)
    days |= {start for start in _book(position, (), None).dates.values() if start is not None}
    return tuple(sorted(one for one in days if one > day))


def book_on(position: str, layers: Layers, day: date | None) -> Book:
    """Return the rules of a position with some layers, without an engine.

    Raises:
        RuleError: position or layer is not known, or a rule file is broken.
    """
    return _book(position, layers, _epoch(day))


@cache
def can_open(position: str) -> bool:
    """Return whether a position can grant any opening: whether some facts lead to a use that an authority may permit.

    Asked of the rules themselves, read as fully applicable, without the layers of a state.

    Raises:
        RuleError: no such position.
    """
    book = rulebook_on(position, (), None, amended=False)
    permits = book.worlds.literal(outcome_atom(Outcome.PERMITTED))
    with book.lock:
        return permits is not None and book.worlds.find([permits]) is not None


@cache
def positions() -> tuple[str, ...]:
    """Return the names of the positions, the oldest first, the law last but the opinion."""
    return position_names()


def _epoch(day: date | None) -> date | None:
    """Return the first day of the span in which the same thresholds hold, so that days of one span share an engine."""
    starts = [start for threshold in thresholds().values() for start, _ in threshold.values]
    return None if day is None else max((start for start in starts if start <= day), default=date.min)


_book = cache(load_book)


@cache
def _rulebook(position: str, layers: Layers, epoch: date | None, groups: frozenset[str]) -> Rulebook:
    return Rulebook(_book(position, layers, epoch), groups)
