"""Turns an answer set into reasons: the rules that support its outcome, down to facts, as a tree.

Nothing is told that the program did not conclude: a step is there because its rule's conditions hold in the answer set, and a
denied conclusion is explained by the conditions that fail in each of its rules. The words are those of the rule itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from passerby.law.engine.worlds import World
from passerby.law.facts import vocabulary
from passerby.law.reference import Threshold, offences, thresholds
from passerby.law.rules import FINDINGS, Book, Clause, Literal, split_atom, word_term
from passerby.law.values import UNKNOWN, Certainty, FactValue, Outcome, Reason, weakest


@dataclass(frozen=True, slots=True)
class Step:
    """A reason, and how sure the whole tree below it is.

    Attributes:
        reason: The tree.
        certainty: Its weakest link; where several ways lead to one conclusion, that of the surest way.
    """

    reason: Reason
    certainty: Certainty


class Derivation:
    """Explains the conclusions of one world.

    Args:
        book: The rules.
        groups: The dated groups that apply.
        world: The answer set.
        known: Facts given and assumed; the others are told as unknown.
        turning: Unknown facts on which the outcome turns.
    """

    def __init__(
        self,
        book: Book,
        groups: frozenset[str],
        world: World,
        known: Mapping[str, FactValue],
        turning: frozenset[str] = frozenset(),
    ) -> None:
        self.book = book
        self.groups = groups
        self.atoms = world.atoms
        self.known = known
        self.turning = turning
        self._steps: dict[tuple[str, bool], Step] = {}
        self._by_term = {word_term(name): name for name in vocabulary()}

    def outcome(self, outcome: Outcome) -> tuple[Step, ...]:
        """Return a step for each rule that finds the outcome, the surest first."""
        words = [word for word, found in FINDINGS.items() if found is outcome]
        steps = [self._clause(clause) for word in words for clause in self._holding(f"finding({word})")]
        return tuple(sorted(steps, key=lambda step: step.certainty.rank))

    def bans_not_met(self) -> tuple[Reason, ...]:
        """Return why the bans that came close do not bite: one condition fails, and the system is of the kind they name.

        The first condition of a ban, or of what it rests on, names the kind of system; the rule files keep to that. Where an
        exception lifts the ban, the ban is told with the exception below it.
        """
        found: dict[str, Reason] = {}
        for clause in self.book.heads.get("finding(prohibited)", ()):
            failing = [lit for lit in clause.body if not self._true(lit)]
            if clause.group not in self.groups or not len(failing) == 1 < len(clause.body):
                continue
            failed = failing[0]
            rules = self.book.heads.get(failed.atom, ())
            of_kind = clause.body[0] is not failed or any(self._true(rule.body[0]) for rule in rules)
            if not failed.positive:
                reason = self._lifted(clause, failed)
            elif rules and of_kind:
                reason = self._denied(failed.atom).reason
            else:
                continue
            found.setdefault(reason.statement, reason)
        return tuple(found.values())

    def _lifted(self, clause: Clause, exception: Literal) -> Reason:
        """Return a ban of which all holds, with the exception that lifts it."""
        provision, rule = self.book.rules[clause.rule]
        step = self._literal(Literal(exception.atom, positive=True))
        return Reason(
            statement=f"This would apply, and what follows lifts it: {rule.statement}",
            holds=False,
            rule=clause.rule,
            provision=provision,
            certainty=rule.certainty,
            facts=self._facts(clause.body),
            premises=(step.reason,) if step is not None else (),
        )

    def _true(self, literal: Literal) -> bool:
        return (literal.atom in self.atoms) is literal.positive

    def applies_from(self, clause: Clause, dates: Mapping[str, date | None]) -> date | None:
        """Return the day from which a rule binds: when it and all that it rests on in this world apply; None: no day is set.

        Args:
            clause: A rule that holds.
            dates: Dated group to its first day.
        """
        days = [dates.get(clause.group)]
        for literal in clause.body:
            if literal.positive and (ways := self._holding(literal.atom)):
                # of several ways to one conclusion the earliest counts
                found = [self.applies_from(way, dates) for way in ways]
                days.append(None if None in found else min(day for day in found if day is not None))
        return max((day for day in days if day is not None), default=None)

    def rules_for(self, atom: str) -> tuple[Clause, ...]:
        """Return the rules that conclude an atom in this world."""
        return tuple(self._holding(atom))

    def _holding(self, atom: str) -> list[Clause]:
        rules = [c for c in self.book.heads.get(atom, ()) if c.group in self.groups]
        return [clause for clause in rules if clause.holds(self.atoms)]

    def _clause(self, clause: Clause) -> Step:
        provision, rule = self.book.rules[clause.rule]
        steps = [step for literal in clause.body if (step := self._literal(literal)) is not None]
        reason = Reason(
            statement=rule.statement,
            holds=True,
            rule=clause.rule,
            provision=provision,
            certainty=rule.certainty,
            facts=self._facts(clause.body),
            premises=tuple(step.reason for step in steps),
        )
        return Step(reason, weakest([rule.certainty, *(step.certainty for step in steps)]))

    def _literal(self, literal: Literal) -> Step | None:
        """Return the step behind one condition that holds; None for facts, which the rule's own step tells.

        An open point that does not arise has no step either.
        """
        key = (literal.atom, literal.positive)
        name, arguments = split_atom(literal.atom)
        if name in {"fact", "outcome"} or (name == "reading" and not self._holding(f"open({arguments[0]})")):
            return None
        if key not in self._steps:
            if name in {"meets", "listed"}:
                self._steps[key] = self._data(name, arguments[0], holds=literal.positive)
            elif name == "reading":
                self._steps[key] = self._reading(arguments[0], holds=literal.positive)
            elif literal.positive:
                ways = [self._clause(clause) for clause in self._holding(literal.atom)]
                self._steps[key] = min(ways, key=lambda step: step.certainty.rank)
            else:
                self._steps[key] = self._denied(literal.atom)
        return self._steps[key]

    def _denied(self, atom: str) -> Step:
        """Explain why a conclusion fails: in each of its rules, what fails."""
        rules = [c for c in self.book.heads[atom] if c.group in self.groups]
        failing = {c: tuple(literal for literal in c.body if not self._true(literal)) for c in rules}
        against = {c: self._steps_against(failing[c]) for c in rules}
        # a rule of which something holds came closer than one of which nothing does: tell only those, if there are any
        close = [c for c in rules if len(failing[c]) < len(c.body)] or rules
        facts: dict[str, FactValue] = {}
        premises: dict[str, Reason] = {}
        for clause in close:
            facts.update(self._facts_told(failing[clause]))
            premises.update({step.reason.statement: step.reason for step in against[clause]})
        spoken = self._spoken(atom)
        provision, rule = self.book.rules[spoken.rule]
        statement = rule.otherwise or f"Not so: {rule.statement}"
        below = _explaining(tuple(premises.values()), beside_facts=bool(facts))
        reason = Reason(
            statement,
            holds=False,
            rule=spoken.rule,
            provision=provision,
            certainty=rule.certainty,
            facts=MappingProxyType(facts),
            premises=below,
        )
        return Step(reason, weakest([rule.certainty, *(self._denial(c, failing[c], against[c]) for c in rules)]))

    def _spoken(self, atom: str) -> Clause:
        """Return the rule whose words say that a conclusion fails: the first that has such words, else the first."""
        rules = self.book.heads[atom]
        return next((clause for clause in rules if self.book.rules[clause.rule][1].otherwise), rules[0])

    def _steps_against(self, failing: tuple[Literal, ...]) -> tuple[Step, ...]:
        """Return the steps that say why conditions fail."""
        opposites = (Literal(literal.atom, not literal.positive) for literal in failing)
        return tuple(step for opposite in opposites if (step := self._literal(opposite)) is not None)

    def _facts_told(self, failing: tuple[Literal, ...]) -> dict[str, FactValue]:
        """Return the facts that failing conditions read, without unknown ones on which nothing turns."""
        told = self._facts(failing).items()
        return {name: value for name, value in told if value != UNKNOWN or name in self.turning}

    def _denial(self, clause: Clause, failing: tuple[Literal, ...], against: tuple[Step, ...]) -> Certainty:
        """Return how sure it is that one rule fails: as sure as the surest of what speaks against it, and as the rule."""
        if any(split_atom(literal.atom)[0] == "fact" for literal in failing):
            best = Certainty.QUOTED
        else:
            best = min((step.certainty for step in against), key=lambda c: c.rank, default=Certainty.QUOTED)
        return weakest([self.book.rules[clause.rule][1].certainty, best])

    def _data(self, name: str, word: str, *, holds: bool) -> Step:
        if name == "meets":
            threshold = next(t for t in thresholds().values() if word_term(t.name) == word)
            statement, fact, certainty = self._compared(threshold, holds=holds), threshold.fact, Certainty.QUOTED
        else:
            entry = next(entry for entry in offences().lists.values() if word_term(entry.name) == word)
            offence = self.known.get("offence", UNKNOWN)
            words = "stands in" if holds else "does not stand in"
            statement, fact, certainty = (
                f"The offence ({offence}) {words} {entry.title} ({entry.reference}).",
                "offence",
                entry.certainty,
            )
        facts = MappingProxyType({fact: self.known.get(fact, UNKNOWN)})
        return Step(
            Reason(statement, holds=holds, rule=None, provision=None, certainty=certainty, facts=facts, premises=()),
            certainty,
        )

    def _compared(self, threshold: Threshold, *, holds: bool) -> str:
        value = self.known.get(threshold.fact, UNKNOWN)
        edge = f"{self.book.edges[threshold.name]:g}"
        if threshold.at_least:
            words = f"reaches {edge}" if holds else f"does not reach {edge}"
        else:
            words = f"stays within {edge}" if holds else f"exceeds {edge}"
        return f"{threshold.fact} ({value}) {words} ({threshold.reference})."

    def _reading(self, point: str, *, holds: bool) -> Step:
        clause = self._holding(f"open({point})")[0]
        provision, rule = self.book.rules[clause.rule]
        statement = f"{rule.statement} Read here: {'yes' if holds else 'no'}."
        reason = Reason(
            statement,
            holds=holds,
            rule=clause.rule,
            provision=provision,
            certainty=rule.certainty,
            facts=self._facts(clause.body),
            premises=(),
        )
        return Step(reason, rule.certainty)

    def _facts(self, body: tuple[Literal, ...]) -> Mapping[str, FactValue]:
        """Return the facts that some conditions read themselves, with the value given."""
        parts = [split_atom(literal.atom) for literal in body]
        names = [self._by_term[arguments[0]] for name, arguments in parts if name == "fact"]
        return MappingProxyType({name: self.known.get(name, UNKNOWN) for name in names})


def _explaining(premises: tuple[Reason, ...], *, beside_facts: bool) -> tuple[Reason, ...]:
    """Leave out what rests on an unknown fact that does not matter, where something else explains."""
    telling = tuple(one for one in premises if one.holds or one.facts or one.premises)
    return telling if telling or beside_facts else premises
