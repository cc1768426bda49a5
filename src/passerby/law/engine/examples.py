"""Picks the plainest example of an outcome: unknown facts as a deployment in order would have them, as far as that goes.

The solver returns any world with an outcome, and which one depends on what it was asked before. An example for people must
not: fact after fact takes its plainest value with which the outcome can still come about, so that "prohibited" is shown with
the one thing that is wrong and not with six. What the outcome does not turn on takes its plainest value outright, so that the
same facts are told the same reasons every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from passerby.law.engine.rulebook import Rulebook
from passerby.law.engine.worlds import World, outcome_atom
from passerby.law.facts import vocabulary
from passerby.law.values import FactValue, Outcome


def plainest(
    rulebook: Rulebook,
    known: Mapping[str, FactValue],
    outcome: Outcome | None,
    world: World,
    *,
    unknown: Sequence[str],
    points: Sequence[str],
) -> World:
    """Return the plainest world with an outcome.

    Args:
        rulebook: Its lock is held by the caller.
        known: Facts given and assumed.
        outcome: Which some world under these facts has; None: outside the rulebook.
        world: Any such world.
        unknown: Facts to choose, the first one first.
        points: Open legal points; each is answered with no where that can be.
    """
    literal = rulebook.worlds.literal(outcome_atom(outcome))
    if literal is None:
        return world
    # first the readings: an example that rests on an open point is plain only where no other leads here
    fixed = [literal]
    for point in points:
        reading = rulebook.worlds.literal(f"reading({point})")
        for answer in () if reading is None else (-reading, reading):
            found = rulebook.worlds.find([*rulebook.worlds.assume(known), *fixed, answer])
            if found is not None:
                fixed, world = [*fixed, answer], found
                break
    chosen = dict(known)
    for name in unknown:
        for value in _plain_values(rulebook, name, chosen):
            found = rulebook.worlds.find([*rulebook.worlds.assume({**chosen, name: value}), *fixed])
            if found is not None:
                chosen[name], world = value, found
                break
    return _completed(rulebook, chosen, {point: world.readings().get(point, False) for point in points})


def _completed(rulebook: Rulebook, chosen: Mapping[str, FactValue], readings: Mapping[str, bool]) -> World:
    """Return the world in which all that was not chosen is plain, and open points that do not matter are answered no."""
    values = {
        name: rulebook.book.narrow(name, value) for name, value in chosen.items() if name in rulebook.book.domains
    }
    for name in rulebook.book.facts():
        if name not in values:
            values[name] = next(_plain_values(rulebook, name, {**chosen, **values}))
    return rulebook.sweep.world(values, readings)


def _plain_values(rulebook: Rulebook, name: str, known: Mapping[str, FactValue]) -> Iterator[FactValue]:
    fact = vocabulary()[name]
    domain = rulebook.book.domains[name]
    usual = fact.fallback(known, known)
    if usual is not None:
        yield rulebook.book.narrow(name, usual)
    yield from reversed(domain) if fact.kind == "number" and fact.at_least else domain
