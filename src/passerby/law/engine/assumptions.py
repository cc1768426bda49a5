"""What a verdict takes for granted: no permission rests on a default, and every other lenient outcome names what it assumes.

A fact that was not given takes a default, as a deployment in order would have it. A permission must not rest on that: what
somebody must have done or found before a use is permitted is not known until it is said. Other defaults may stand, but the
verdict names each whose opposite alone could make it stricter.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from passerby.law.engine.neighbours import Singles
from passerby.law.engine.rulebook import Rulebook
from passerby.law.engine.worlds import outcome_atom
from passerby.law.facts import Facts, vocabulary
from passerby.law.rules import Literal
from passerby.law.values import Outcome


def without_permitting_defaults(rulebook: Rulebook, facts: Facts) -> Facts:
    """Return the facts with those conditions not known on whose default a permission would rest.

    Args:
        rulebook: Its lock is held by the caller.
        facts: Given facts with every default.
    """
    conditions = {name for name in facts.assumed if vocabulary()[name].condition}
    permitted = rulebook.worlds.literal(outcome_atom(Outcome.PERMITTED))
    if not conditions or permitted is None:
        return facts
    assumptions = [*rulebook.worlds.assume(facts.known), permitted]
    doubted: set[str] = set()
    for clause, behind in rulebook.permissions.items():
        if conditions & behind and _can_hold(rulebook, assumptions, clause.body):
            doubted |= conditions & behind
    return facts.without(doubted) if doubted else facts


def _can_hold(rulebook: Rulebook, assumptions: list[int], body: Iterable[Literal]) -> bool:
    wanted = list(assumptions)
    for condition in body:
        literal = rulebook.worlds.literal(condition.atom)
        if literal is None and condition.positive:
            return False
        if literal is not None:
            wanted.append(literal if condition.positive else -literal)
    return rulebook.worlds.find(wanted) is not None


def stricter_alone(
    singles: Singles, names: AbstractSet[str], outcome: Outcome, possible: Iterable[Outcome | None]
) -> frozenset[str]:
    """Return those of some facts of which one alone, were it otherwise, could make an outcome stricter.

    Args:
        singles: Each change of one fact and what is then possible.
        names: The facts asked about.
        outcome: What the facts lead to, or may lead to.
        possible: Everything that they may lead to; what is possible already is no news.
    """
    worse = {one for one in Outcome.strictest_first() if one.strictness > outcome.strictness} - set(possible)
    return singles.reaching(worse, names)
