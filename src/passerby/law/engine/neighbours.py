"""What would change an outcome: the worlds that differ from the given facts in one, two or three of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import clingo

from passerby.law.engine.worlds import OUTSIDE, configure, program, value_term
from passerby.law.facts import Facts, vocabulary
from passerby.law.rules import Book, split_atom
from passerby.law.values import Change, FactValue, Outcome

PAIR = 2
"""Facts changed at once for outcomes that no single change reaches."""
MOST = 3
"""Facts changed at once, at most, and only where fewer change nothing."""
ENOUGH = 6
"""Sets shown for an outcome that needs more than one change."""
WHO_AND_WHAT = ("role", "actor", "purpose", "function", "member_state", "space", "modality", "biometric_data")
"""Facts that make another deployment of it; changes of these come last."""

FIXED = frozenset({"member_state"})
"""Facts that no change touches: with the Member State the law itself changes, and nobody moves a camera to change it."""

_Set = tuple[tuple[str, FactValue], ...]
Singles = Mapping[_Set, frozenset[Outcome | None]]
"""Each change of one known fact to the outcomes that are then possible; None: outside the rulebook."""


class Neighbours:
    """The program of one book with a second copy of the facts, from which a world may differ in a few.

    Args:
        book: The rules.
        groups: The dated groups that apply.
    """

    def __init__(self, book: Book, groups: frozenset[str]) -> None:
        self.book = book
        self.names = book.facts()
        self.control = clingo.Control(["--warn=none", "--project=show"])
        self.control.add("base", [], "\n".join((program(book, groups, show=False), *_difference(book))))
        self.control.ground([("base", [])])
        self._literals = {str(atom.symbol): atom.literal for atom in self.control.symbolic_atoms}
        values = {(name, value) for name in self.names for value in book.domains[name]}
        self._values = {f"new({name},{value_term(value)})": (name, value) for name, value in values}
        self._base = {
            name: tuple((v, self._literals[f"base({name},{value_term(v)})"]) for v in book.domains[name])
            for name in self.names
        }
        self._sizes = {
            size: [self._literals[f"size({number})"] * (1 if number == size else -1) for number in range(1, MOST + 1)]
            for size in range(1, MOST + 1)
        }
        self._shown: dict[clingo.Symbol, tuple[str, FactValue] | Outcome | None] = {}

    def singles(self, facts: Facts) -> Singles:
        """Return every change of one known fact, with what is then possible.

        Args:
            facts: The facts. Unknown ones may take any value and never count as changed; an absent one whose default
                follows another fact goes on following it.
        """
        outcomes: dict[_Set, set[Outcome | None]] = {}
        for changed, outcome in self._models(self._assume(facts) + self._sizes[1], 0):
            outcomes.setdefault(changed, set()).add(outcome)
        return {changed: frozenset(found) for changed, found in outcomes.items()}

    def changes(self, facts: Facts, outcome: Outcome, singles: Singles) -> tuple[Change, ...]:
        """Return the smallest sets of known facts whose change gives another outcome, for each outcome within reach.

        Args:
            facts: The facts, as for `singles`.
            outcome: The outcome now, not ``depends``.
            singles: What `singles` says of them.

        Returns:
            Fewest facts first, then what the user does before what the deployment is. ``depends`` stands where a change
            leaves the outcome to an open point or an unknown fact. An outcome that needs more than one change has at most
            ``ENOUGH`` sets.
        """
        now = self._assume(facts)
        found = [(changed, then) for changed, reached in singles.items() if (then := _joined(reached)) != outcome]
        reached = {outcome, *(result for _, result in found)}
        targets = [one for one in Outcome if one not in reached and one is not Outcome.DEPENDS]
        found += self._several(now, PAIR, targets, [changed for changed, _ in found])
        if not found:
            found = self._several(now, MOST, targets, [])
        spread = [(same, result) for changed, result in found for same in self._spread(changed)]
        ordered = sorted(spread, key=lambda entry: self._rank(entry[0]))
        return tuple(Change(dict(changed), result) for changed, result in ordered)

    def _several(
        self, now: list[int], size: int, targets: Sequence[Outcome], smaller: list[_Set]
    ) -> list[tuple[_Set, Outcome]]:
        """Return the sets of one size that lead to outcomes which nothing smaller reaches.

        Args:
            now: Assumptions that say what the facts are.
            size: Facts changed at once.
            targets: The outcomes looked for.
            smaller: Sets that change the outcome already; what holds one of them is left out.
        """
        found: list[tuple[_Set, Outcome]] = []
        for target in targets:
            known = [*smaller, *(changed for changed, _ in found)]
            found += [(changed, target) for changed in self._reaching(now, size, target, known)]
        return found

    def _reaching(self, now: list[int], size: int, target: Outcome, smaller: list[_Set]) -> list[_Set]:
        literal = self._literals.get(f"outcome({value_term(target)})")
        if literal is None:
            return []
        base = now + self._sizes[size]
        result: list[_Set] = []
        for changed, _ in list(self._models([*base, literal], ENOUGH)):
            fixed = [*base, *(self._literals[f"fact({name},{value_term(value)})"] for name, value in changed)]
            redundant = any(set(other) <= set(changed) for other in smaller)
            if not redundant and _joined({outcome for _, outcome in self._models(fixed, 0)}) is target:
                result.append(changed)
        return result

    def _spread(self, changed: _Set) -> Iterator[_Set]:
        """Yield a set of changes and those that differ from it only in values that no rule tells apart."""
        yield changed
        for number, (name, value) in enumerate(changed if len(changed) == 1 else ()):
            for same in self.book.alike[name]:
                if self.book.alike[name][same] == value and same != value:
                    yield (*changed[:number], (name, same), *changed[number + 1 :])

    def _rank(self, changed: _Set) -> tuple[int, int, list[int]]:
        names = list(vocabulary())
        return (
            len(changed),
            sum(name in WHO_AND_WHAT for name, _ in changed),
            [names.index(name) for name, _ in changed],
        )

    def _models(self, assumptions: list[int], most: int) -> Iterator[tuple[_Set, Outcome | None]]:
        configure(self.control, models=most)
        with self.control.solve(assumptions=assumptions, yield_=True) as handle:
            for model in handle:
                parts = [self._read(symbol) for symbol in model.symbols(shown=True)]
                changed = sorted((p for p in parts if isinstance(p, tuple)), key=lambda p: p[0])
                yield tuple(changed), next((p for p in parts if isinstance(p, Outcome)), None)

    def _read(self, symbol: clingo.Symbol) -> tuple[str, FactValue] | Outcome | None:
        if symbol not in self._shown:
            text = str(symbol)
            word = split_atom(text)[1][0].replace("_", "-")
            outside = text.startswith("outcome(") and word == OUTSIDE
            self._shown[symbol] = self._values[text] if text.startswith("new(") else None if outside else Outcome(word)
        return self._shown[symbol]

    def _assume(self, facts: Facts) -> list[int]:
        """Return the assumptions that say what the facts are now."""
        chosen: list[int] = []
        known = facts.known
        for name, pairs in self._base.items():
            by = vocabulary()[name].default_by
            follows = name not in facts.given and by is not None and by[0] in self._base and by[0] in known
            if by is not None and by[0] in self._base:
                chosen.append(self._literals[f"follows({name})"] * (1 if follows else -1))
            now = self.book.narrow(name, known[name]) if name in known else None
            if name in FIXED and now is not None:
                chosen.append(self._literals[f"fact({name},{value_term(now)})"])
            # an unknown fact equals every value, so that it never counts as changed
            chosen += [
                literal if not follows and (now is None or value == now) else -literal for value, literal in pairs
            ]
        return chosen


def _joined(outcomes: AbstractSet[Outcome | None]) -> Outcome:
    only = next(iter(outcomes)) if len(outcomes) == 1 else None
    return Outcome.DEPENDS if only is None else only


def _difference(book: Book) -> Iterator[str]:
    """Yield the rules that compare the facts with the given ones and count the differences."""
    for name in book.facts():
        for value in book.domains[name]:
            pair = f"{name},{value_term(value)}"
            yield f"{{ base({pair}) }}. expected({pair}) :- base({pair})."
        yield from _following(book, name)
    yield "new(F,V) :- fact(F,V), not expected(F,V)."
    for size in range(1, MOST + 1):
        yield f"{{ size({size}) }}. :- size({size}), #count {{ F : new(F,_) }} != {size}."
    yield "#show new/2."
    yield "#show outcome/1."


def _following(book: Book, name: str) -> Iterator[str]:
    by = vocabulary()[name].default_by
    if by is None or by[0] not in book.facts():
        return
    yield f"{{ follows({name}) }}."
    driver, table = by
    for cause in book.domains[driver]:
        default = table.get(cause, vocabulary()[name].default)
        for value in book.domains[name]:
            # without a default the fact is not known, so that every value is expected
            if default is None or value == book.narrow(name, default):
                yield f"expected({name},{value_term(value)}) :- follows({name}), fact({driver},{value_term(cause)})."
