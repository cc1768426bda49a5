"""What would change an outcome: the worlds that differ from the given facts in one, two or three of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import clingo

from passerby.law.engine.sweep import Columns, Sweep
from passerby.law.engine.worlds import OUTSIDE, configure, program, value_term
from passerby.law.facts import Fact, Facts, vocabulary
from passerby.law.rules import Book, split_atom
from passerby.law.values import UNKNOWN, Change, FactValue, Outcome

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

_Change = tuple[str, FactValue]
_Set = tuple[_Change, ...]
_Outcomes = frozenset[Outcome | None]


class Singles:
    """Every change of one known fact, with the outcomes that are then possible; None: outside the rulebook.

    Args:
        between: Each change to the outcomes that are possible for sure, and to all that may be.
        solve: Says exactly what is possible after some changes; asked only where an answer turns on it.
    """

    def __init__(
        self,
        between: Mapping[_Change, tuple[_Outcomes, _Outcomes]],
        solve: Callable[[AbstractSet[_Change]], Mapping[_Change, AbstractSet[Outcome | None]]],
    ) -> None:
        self._between = dict(between)
        self._solve = solve

    def joined(self) -> Iterator[tuple[_Change, Outcome]]:
        """Yield each change with the only outcome that it leaves, or ``depends``."""
        self._settle({change for change, (sure, may) in self._between.items() if len(sure) == 1 < len(may)})
        for change, (sure, _) in self._between.items():
            yield change, _joined(sure)

    def reaching(self, outcomes: AbstractSet[Outcome], names: AbstractSet[str]) -> frozenset[str]:
        """Return those of some facts of which one change alone can lead to one of the outcomes."""
        mine = [change for change in self._between if change[0] in names]
        self._settle({one for one in mine if self._between[one][1] & outcomes and not self._between[one][0] & outcomes})
        return frozenset(change[0] for change in mine if self._between[change][0] & outcomes)

    def _settle(self, wanted: AbstractSet[_Change]) -> None:
        for change, found in self._solve(wanted).items() if wanted else ():
            self._between[change] = (frozenset(found), frozenset(found))


class Neighbours:
    """The program of one book with a second copy of the facts, from which a world may differ in a few.

    Args:
        book: The rules.
        groups: The dated groups that apply.
        sweep: Of the same rules.
    """

    def __init__(self, book: Book, groups: frozenset[str], sweep: Sweep) -> None:
        self.book = book
        self.sweep = sweep
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
        tying = ("follows(", "watches(", "stands(")
        self._tied = {atom: literal for atom, literal in self._literals.items() if atom.startswith(tying)}
        self._sizes = {
            size: [self._literals[f"size({number})"] * (1 if number == size else -1) for number in range(1, MOST + 1)]
            for size in range(1, MOST + 1)
        }
        self._new = {change: self._literals[atom] for atom, change in self._values.items() if atom in self._literals}
        self._shown: dict[clingo.Symbol, tuple[str, FactValue] | Outcome | None] = {}

    def singles(self, facts: Facts) -> Singles:
        """Return every change of one known fact, with what is then possible.

        Args:
            facts: The facts. Unknown ones may take any value and never count as changed; an absent one whose default
                follows another fact goes on following it.
        """
        changes, columns = self._single_changes(facts)
        now = self._assume(facts) + self._sizes[1]

        def solve(wanted: AbstractSet[_Change]) -> dict[_Change, set[Outcome | None]]:
            found: dict[_Change, set[Outcome | None]] = {change: set() for change in wanted}
            closed = [-self._new[change] for change in changes if change not in wanted]
            for changed, outcome in self._models([*now, *closed], 0):
                found[changed[0]].add(outcome)
            return found

        return Singles(dict(zip(changes, self.sweep.outcomes(columns), strict=True)), solve)

    def _single_changes(self, facts: Facts) -> tuple[list[_Change], Columns]:
        """Return every change of one known fact, and the worlds in which each alone is made, with what follows it."""
        known = facts.known
        now = {name: self.book.narrow(name, known[name]) if name in known else None for name in self.names}
        changes = [change for name, current in now.items() for change in self._other_values(name, current)]
        worlds = dict.fromkeys(now.items(), (1 << len(changes)) - 1)
        following = [fact for fact in facts.following() if fact.name in now]
        for place, change in enumerate(changes):
            for name, value in self._with_followers(change, facts, following):
                worlds[name, now[name]] ^= 1 << place
                worlds[name, value] = worlds.get((name, value), 0) | 1 << place
        given = {(name, value): mask for (name, value), mask in worlds.items() if value is not None}
        unknown = {name: mask for (name, value), mask in worlds.items() if value is None}
        return changes, Columns(len(changes), given, unknown)

    def _other_values(self, name: str, current: FactValue | None) -> Iterator[_Change]:
        """Yield what a known fact could be instead."""
        if current is not None and name not in FIXED:
            yield from ((name, value) for value in self.book.domains[name] if value != current)

    def _with_followers(
        self, change: _Change, facts: Facts, following: Sequence[Fact]
    ) -> Iterator[tuple[str, FactValue | None]]:
        """Yield a change and every change of a default that follows it."""
        yield change
        known, stated = {**facts.known, change[0]: change[1]}, {*facts.given, change[0]}
        moved = {change[0]}
        for fact in following:
            if fact.name != change[0] and fact.drivers() & moved:
                default = fact.fallback(known, stated)
                moved.add(fact.name)
                if default is None:
                    known.pop(fact.name, None)
                else:
                    known[fact.name] = default
                yield fact.name, None if default is None else self.book.narrow(fact.name, default)

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
        found: list[tuple[_Set, Outcome]] = [((one,), then) for one, then in singles.joined() if then != outcome]
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
        """Return the first sets of one size, in the order of `_rank`, that lead to an outcome and hold no smaller set.

        All are looked at before any is chosen: which ones a solver finds first depends on what it was asked before.
        """
        literal = self._literals.get(f"outcome({value_term(target)})")
        if literal is None:
            return []
        alone = [-self._new[changed[0]] for changed in smaller if len(changed) == 1 and changed[0] in self._new]
        base = now + self._sizes[size]
        result: list[_Set] = []
        for changed in sorted({one for one, _ in self._models([*base, *alone, literal], 0)}, key=self._rank):
            fixed = [*base, *(self._literals[f"fact({name},{value_term(value)})"] for name, value in changed)]
            redundant = any(set(other) <= set(changed) for other in smaller)
            if not redundant and _joined({outcome for _, outcome in self._models(fixed, 0)}) is target:
                result.append(changed)
                if len(result) == ENOUGH:
                    break
        return result

    def _spread(self, changed: _Set) -> Iterator[_Set]:
        """Yield a set of changes and those that differ from it only in values that no rule tells apart."""
        yield changed
        for number, (name, value) in enumerate(changed if len(changed) == 1 else ()):
            for same in self.book.alike[name]:
                if self.book.alike[name][same] == value and same != value:
                    yield (*changed[:number], (name, same), *changed[number + 1 :])

    def _rank(self, changed: _Set) -> tuple[int, int, list[tuple[int, int]]]:
        names = list(vocabulary())
        return (
            len(changed),
            sum(name in WHO_AND_WHAT for name, _ in changed),
            sorted((names.index(name), _place_of(name, value)) for name, value in changed),
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
            now = self.book.narrow(name, known[name]) if name in known else None
            if name in FIXED and now is not None:
                chosen.append(self._literals[f"fact({name},{value_term(now)})"])
            # an unknown fact equals every value, so that it never counts as changed
            chosen += [literal if now is None or value == now else -literal for value, literal in pairs]
        true = {atom for fact in facts.following() for atom in _ties(fact, facts)}
        return chosen + [literal * (1 if atom in true else -1) for atom, literal in self._tied.items()]


def _ties(fact: Fact, facts: Facts) -> Iterator[str]:
    """Yield what ties an absent fact to those on which its default rests, as `_following` reads it."""
    if fact.default_by is not None and fact.default_by[0] in facts.known:
        yield f"follows({fact.name},{fact.default_by[0]})"
    for driver, by in fact.beside.items():
        if driver in facts.known:
            yield f"watches({fact.name},{driver})"
        if facts.given.get(driver) in by:
            yield f"stands({fact.name},{driver},{value_term(facts.given[driver])})"


def _place_of(name: str, value: FactValue) -> int:
    domain = vocabulary()[name].domain()
    return domain.index(value) if value in domain else len(domain)


def _joined(outcomes: AbstractSet[Outcome | None]) -> Outcome:
    only = next(iter(outcomes)) if len(outcomes) == 1 else None
    return Outcome.DEPENDS if only is None else only


def _difference(book: Book) -> Iterator[str]:
    """Yield the rules that compare the facts with the given ones and count the differences."""
    for name in book.facts():
        for value in book.domains[name]:
            pair = f"{name},{value_term(value)}"
            yield f"{{ base({pair}) }}."
            yield f"expected({pair}) :- base({pair}), not moves({name})."
            yield f"altered({name}) :- fact({pair}), not base({pair})."
        yield from _following(book, vocabulary()[name])
    yield "new(F,V) :- fact(F,V), not expected(F,V)."
    yield "changed(F) :- new(F,_)."
    for size in range(1, MOST + 1):
        yield f"{{ size({size}) }}. :- size({size}), #count {{ F : new(F,_) }} != {size}."
    yield "#show new/2."
    yield "#show outcome/1."


def _following(book: Book, fact: Fact) -> Iterator[str]:
    """Yield the rules by which a default moves with the facts on which it rests.

    One that it follows moves it in whatever way it changes; one beside which it is another moves it only when changed itself,
    since no default presupposes anything.
    """
    name, beside = fact.name, {driver: by for driver, by in fact.beside.items() if driver in book.facts()}
    earlier: list[str] = []
    for driver, by in beside.items():
        yield f"{{ watches({name},{driver}) }}. moves({name}) :- watches({name},{driver}), changed({driver})."
        for cause, default in by.items():
            term = value_term(cause)
            yield f"{{ stands({name},{driver},{term}) }}."
            yield f"held({name},{driver},{term}) :- stands({name},{driver},{term}), not changed({driver})."
            yield f"held({name},{driver},{term}) :- watches({name},{driver}), new({driver},{term})."
            yield f"held({name},{driver}) :- held({name},{driver},{term})."
            holds = (f"moves({name})", f"held({name},{driver},{term})", *earlier)
            yield from _expecting(book, fact, None if default == UNKNOWN else default, holds)
        earlier.append(f"not held({name},{driver})")
    if fact.default_by is not None and fact.default_by[0] in book.facts():
        driver, values = fact.default_by
        yield f"{{ follows({name},{driver}) }}. moves({name}) :- follows({name},{driver}), altered({driver})."
        for cause in book.domains[driver]:
            holds = (f"moves({name})", f"follows({name},{driver})", f"fact({driver},{value_term(cause)})", *earlier)
            yield from _expecting(book, fact, values.get(cause, fact.default), holds)
        earlier.append(f"not follows({name},{driver})")
    yield from _expecting(book, fact, fact.default, (f"moves({name})", *earlier))


def _expecting(book: Book, fact: Fact, default: FactValue | None, holds: Sequence[str]) -> Iterator[str]:
    for value in book.domains[fact.name]:
        # without a default the fact is not known, so that every value is expected
        if default is None or value == book.narrow(fact.name, default):
            yield f"expected({fact.name},{value_term(value)}) :- {', '.join(holds)}."
