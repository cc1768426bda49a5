"""The answer set program of one book: which worlds fit the facts, and what each position concludes in them.

A world fills in every unknown fact and answers every open legal point one way. The rules of a book fix all else, so that a
world has exactly one outcome. Grounding happens once; facts are assumptions of a solve, days are externals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import clingo

from passerby.law.facts import vocabulary
from passerby.law.reference import offences, thresholds
from passerby.law.rules import FINDINGS, Book, split_atom, word_term
from passerby.law.values import FactValue, Outcome

OUTSIDE = "outside"
"""Stands for an outcome where no rule finds anything: outside the rulebook."""
OWED_ALL_THE_SAME = frozenset(
    {"stop_use", "stop_on_refusal", "delete_on_refusal", "stop_and_delete_recorded", "notify_law"}
)
"""Duties that stand beside a prohibited use: those that end or undo it, and the State's own. All others are for a use that
may go on."""


@dataclass(frozen=True, slots=True)
class World:
    """One answer set.

    Attributes:
        outcome: The outcome, or None when no rule finds anything.
        atoms: Everything that holds.
    """

    outcome: Outcome | None
    atoms: frozenset[str] = field(repr=False)

    def found(self) -> bool:
        """Tell whether any rule finds anything."""
        return any(atom.startswith("finding(") for atom in self.atoms)

    def readings(self) -> dict[str, bool]:
        """Return each open point raised and the answer given to it."""
        raised = [atom[5:-1] for atom in self.atoms if atom.startswith("open(")]
        return {name: f"reading({name})" in self.atoms for name in sorted(raised)}


class Worlds:
    """The grounded program of one book.

    Args:
        book: The rules.
        groups: The dated groups that apply; all when None.
    """

    def __init__(self, book: Book, groups: frozenset[str] | None = None) -> None:
        self.book = book
        self.applying = frozenset(book.dates) if groups is None else groups
        self.dated = self.applying != frozenset(book.dates)
        self.names = book.facts()
        self.control = clingo.Control(["--warn=none"])
        self.control.add("base", [], program(book, self.applying))
        self.control.ground([("base", [])])
        self._literals = {str(atom.symbol): atom.literal for atom in self.control.symbolic_atoms}
        self._text: dict[clingo.Symbol, str] = {}
        self._outcomes = {outcome_of(a): lit for a, lit in self._literals.items() if a.startswith("outcome(")}

    def literal(self, atom: str) -> int | None:
        """Return the solver's literal of an atom, or None when nothing can derive it."""
        return self._literals.get(atom)

    def assume(self, known: Mapping[str, FactValue]) -> list[int]:
        """Return the assumptions that fix the known facts which the rules read."""
        return [self._literals[fact_atom(self.book, name, known[name])] for name in self.names if name in known]

    def possible(self, assumptions: list[int]) -> dict[Outcome | None, World]:
        """Return every outcome of some world under the assumptions, each with one such world; None: outside the rulebook."""
        found: dict[Outcome | None, World] = {}
        wanted = list(assumptions)
        while (world := self.find(wanted)) is not None:
            found[world.outcome] = world
            literal = self.literal(outcome_atom(world.outcome))
            if literal is None:
                break
            wanted.append(-literal)
        return found

    def outcomes(self, assumptions: list[int]) -> frozenset[Outcome | None]:
        """Return the outcomes of all worlds under the assumptions, as `possible` does, without the worlds."""
        found: set[Outcome | None] = set()
        wanted = list(assumptions)
        self._mode("auto", 1)
        while True:
            with self.control.solve(assumptions=wanted, yield_=True) as handle:
                model = handle.model()
                if model is None:
                    return frozenset(found)
                outcome = next(o for o, literal in self._outcomes.items() if model.is_true(literal))
            found.add(outcome)
            wanted.append(-self._outcomes[outcome])

    def always(self, assumptions: list[int], prefix: str) -> frozenset[str]:
        """Return the atoms with a prefix that hold in every world under the assumptions."""
        return self._consequences(assumptions, "cautious", prefix)

    def find(self, assumptions: list[int]) -> World | None:
        """Return a world under the assumptions, or None."""
        self._mode("auto", 1)
        with self.control.solve(assumptions=assumptions, yield_=True) as handle:
            model = handle.model()
            return self._world(model) if model is not None else None

    def every(self, assumptions: list[int]) -> Iterator[World]:
        """Yield all worlds under the assumptions; meant for known facts, where only readings vary."""
        self._mode("auto", 0)
        with self.control.solve(assumptions=assumptions, yield_=True) as handle:
            for model in handle:
                yield self._world(model)

    def _consequences(self, assumptions: list[int], mode: str, prefix: str) -> frozenset[str]:
        self._mode(mode, 0)
        last: list[clingo.Symbol] = []
        with self.control.solve(assumptions=assumptions, yield_=True) as handle:
            for model in handle:
                last = list(model.symbols(shown=True))
        return frozenset(text for symbol in last if (text := self._str(symbol)).startswith(prefix))

    def _mode(self, mode: str, models: int) -> None:
        configure(self.control, enum_mode=mode, models=models)

    def _world(self, model: clingo.Model) -> World:
        atoms = frozenset(map(self._str, model.symbols(atoms=True)))
        found = next((atom for atom in atoms if atom.startswith("outcome(")), None)
        return World(outcome_of(found) if found else None, atoms)

    def _str(self, symbol: clingo.Symbol) -> str:
        text = self._text.get(symbol)
        if text is None:
            text = self._text[symbol] = str(symbol)
        return text


def configure(control: clingo.Control, **options: str | int) -> None:
    """Set options of a control's next solve, such as ``models`` (0: all)."""
    for name, value in options.items():
        setattr(control.configuration.solve, name, value)


def applying_groups(dates: Mapping[str, date | None], day: date | None) -> frozenset[str]:
    """Return the dated groups that apply on a day; all of them without a day."""
    return frozenset(group for group, start in dates.items() if day is None or start is None or start <= day)


def fact_atom(book: Book, name: str, value: FactValue) -> str:
    """Return the atom that stands for a fact in a book, such as ``fact(offence_max_years,5)`` for seven years."""
    return f"fact({name},{value_term(book.narrow(name, value))})"


def value_term(value: FactValue) -> str:
    """Return a value as clingo writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return word_term(value)
    # clingo has whole numbers only, and a band is compared with nothing but itself
    return f"{value:g}" if float(value).is_integer() else f"band_{value:f}".rstrip("0").replace(".", "_")


def outcome_atom(outcome: Outcome | None) -> str:
    """Return the atom of an outcome."""
    return f"outcome({word_term(outcome) if outcome is not None else OUTSIDE})"


def outcome_of(atom: str) -> Outcome | None:
    """Return the outcome of an atom ``outcome(...)``; None: outside the rulebook."""
    word = atom[len("outcome(") : -1].replace("_", "-")
    return None if word == OUTSIDE else Outcome(word)


def program(book: Book, groups: frozenset[str], *, show: bool = True, prefix: str = "") -> str:
    """Return the whole answer set program of a book on the days when some dated groups apply.

    Args:
        book: The rules.
        groups: The dated groups that apply.
        show: Whether to show outcome, duties, fines and open points.
        prefix: Put before every predicate, for a second copy beside the first.
    """
    rules = rules_of(book, groups)
    points = sorted({head for head, _ in rules if head.startswith("open(")})
    lines = [_choice(name, book.domains[name], prefix) for name in book.facts()]
    lines += [f"{{ {prefix}reading({point[5:-1]}) }} :- {prefix}{point}." for point in points]
    lines += [_rule(head, body, prefix) for head, body in rules]
    if show:
        lines += ["#show outcome/1.", "#show duty/1.", "#show fine/1.", "#show open/1."]
    return "\n".join(lines)


def rules_of(book: Book, groups: frozenset[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return every rule of the program but the choices: conclusion and conditions, each an atom or ``not`` an atom."""
    rules = [(c.head, (*map(str, c.body), *_guard(c.head))) for c in book.clauses if c.group in groups]
    return [*rules, *_derived_from_data(book.facts(), book.edges), *_precedence(dated=groups != frozenset(book.dates))]


def _guard(head: str) -> tuple[str, ...]:
    """Return what every duty needs beside its own conditions, so that none contradicts the outcome above it.

    A text that does not apply asks nothing of anybody, and a prohibited use owes nothing but its end.
    """
    name, arguments = split_atom(head)
    if name != "duty":
        return ()
    beyond = (
        (Outcome.OUT_OF_SCOPE,) if arguments[0] in OWED_ALL_THE_SAME else (Outcome.OUT_OF_SCOPE, Outcome.PROHIBITED)
    )
    return tuple(f"not {outcome_atom(outcome)}" for outcome in beyond)


def _rule(head: str, body: tuple[str, ...], prefix: str) -> str:
    conditions = ", ".join(f"not {prefix}{c[4:]}" if c.startswith("not ") else prefix + c for c in body)
    return f"{prefix}{head} :- {conditions}." if body else f"{prefix}{head}."


def _choice(name: str, domain: tuple[FactValue, ...], prefix: str) -> str:
    """Return the choice of exactly one value of a fact."""
    atoms = "; ".join(f"{prefix}fact({name},{value_term(value)})" for value in domain)
    return f"1 {{ {atoms} }} 1."


def _derived_from_data(names: Iterable[str], edges: Mapping[str, float]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rules that compare numbers with thresholds and offences with lists."""
    read = set(names)
    for threshold in thresholds().values():
        edge = edges[threshold.name]
        for band in vocabulary()[threshold.fact].bands if threshold.fact in read else ():
            if (band >= edge) if threshold.at_least else (band <= edge):
                yield f"meets({word_term(threshold.name)})", (f"fact({threshold.fact},{value_term(band)})",)
    for slug in vocabulary()["offence"].domain() if "offence" in read else ():
        for name in sorted(offences().membership(str(slug))):
            yield f"listed({word_term(name)})", (f"fact(offence,{word_term(str(slug))})",)


def _precedence(*, dated: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rules that make one outcome of all findings.

    Args:
        dated: True when some group does not apply yet: then nothing found means that nothing applies yet.
    """
    above: list[str] = []
    for word, outcome in FINDINGS.items():
        yield f"outcome({word_term(outcome)})", (f"finding({word})", *(f"not finding({higher})" for higher in above))
        yield "some", (f"finding({word})",)
        # two findings of one outcome do not shut each other out
        above += [word] if outcome is not Outcome.PROHIBITED else []
        above += (
            [w for w, o in FINDINGS.items() if o is Outcome.PROHIBITED] if word == "prohibited_by_other_law" else []
        )
    yield f"outcome({word_term(Outcome.NOT_REGULATED) if dated else OUTSIDE})", ("not some",)
