"""Which unknown facts and open points an outcome turns on: two worlds side by side that differ in exactly one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import clingo

from passerby.law.engine.worlds import fact_atom, program
from passerby.law.rules import Book, split_atom
from passerby.law.values import FactValue

_TWIN = "twin_"


class Relevance:
    """The program of one book twice, joined by: all choices equal but one, outcomes different.

    Args:
        book: The rules.
        groups: The dated groups that apply.
    """

    def __init__(self, book: Book, groups: frozenset[str]) -> None:
        self.book = book
        self.names = book.facts()
        single = program(book, groups, show=False)
        twin = program(book, groups, show=False, prefix=_TWIN)
        self.control = clingo.Control(["--warn=none", "--enum-mode=brave", "--models=0"])
        self.control.add("base", [], "\n".join((single, twin, *_join())))
        self.control.ground([("base", [])])
        self._literals = {str(atom.symbol): atom.literal for atom in self.control.symbolic_atoms}

    def turns_on(self, known: Mapping[str, FactValue]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the unknown facts, then the open points, that alone can change the outcome in some world.

        Args:
            known: Facts given and assumed; those not named are unknown.
        """
        assumptions = []
        for name in self.names:
            if name in known:
                atom = fact_atom(self.book, name, known[name])
                assumptions += [self._literals[atom], self._literals[_TWIN + atom]]
        shown: list[str] = []
        with self.control.solve(assumptions=assumptions, yield_=True) as handle:
            for model in handle:
                shown = [str(symbol) for symbol in model.symbols(shown=True)]
        differing = {split_atom(text) for text in shown}
        facts = {arguments[0] for name, arguments in differing if name == "fact_differs"}
        points = sorted(arguments[0] for name, arguments in differing if name == "reading_differs")
        return tuple(name for name in self.names if name in facts), tuple(points)


def _join() -> Iterator[str]:
    yield f"fact_differs(F) :- fact(F,V), {_TWIN}fact(F,W), V != W."
    yield f"reading_differs(P) :- open(P), {_TWIN}open(P), reading(P), not {_TWIN}reading(P)."
    yield f"reading_differs(P) :- open(P), {_TWIN}open(P), not reading(P), {_TWIN}reading(P)."
    yield ":- #count { f,F : fact_differs(F); r,P : reading_differs(P) } != 1."
    yield f":- outcome(X), {_TWIN}outcome(X)."
    yield "#show fact_differs/1."
    yield "#show reading_differs/1."
