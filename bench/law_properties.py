"""Properties of the law room over random deployments: all positions, layers, Member States and days.

For each deployment drawn: no outcome contradicts the duties beside it; taking a safeguard away never turns prohibited into
anything else; not knowing some facts never rules out the outcome that they lead to; and what the Act alone prohibits of remote
identification in public, Parliament's text prohibits.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from passerby import law
from passerby.law.engine.layers import overlay_named
from passerby.law.engine.rulebook import Rulebook, rulebook_on
from passerby.law.engine.worlds import OWED_ALL_THE_SAME
from passerby.law.facts.check import find_problems
from passerby.law.facts.defaults import accept_facts
from passerby.law.rules.clauses import split_atom
from passerby.law.rules.overlay import overlay_names

DAYS = (None, *map(date.fromisoformat, (
    "2025-01-01", "2025-02-02", "2025-08-02", "2026-08-02", "2026-11-29", "2026-12-02", "2027-12-02", "2030-08-02",
)))  # fmt: skip
LAYERS = (None, None, None, *overlay_names())
A_BOOK = 400
"""Deployments drawn for one set of rules, so that grounding it is paid for once."""
NUMBERS = {
    "offence_max_years": (0, 0.5, 2, 3, 4, 5, 30),
    "human_verifiers": (0, 1, 2, 3),
    "delay_seconds": (10, 120, 1800, 7200),
    "request_after_hours": (1, 30, 60),
}
OFFENCES = ("terrorism", "murder", "corruption", "fraud", "burglary", "none", "mord", "poaching")
SAFEGUARDS: dict[str, Any] = {
    "authorisation": "none", "registered": False, "fria": False, "limits_set": False, "national_law": False,
    "targeted": False, "strictly_necessary": False,
}  # fmt: skip
POLICE = {
    "role": "deployer", "function": "rbi", "actor": "police", "purpose": "law-enforcement", "space": "public",
    "activated": True,
}  # fmt: skip
LAWFUL = {
    **POLICE, **{name: True for name, value in SAFEGUARDS.items() if value is False}, "authorisation": "prior",
    "authoriser": "court", "reference_db": "watchlist", "active_involvement": False, "person_present": False,
    "biometric_data": True, "decision_solely_on_output": False, "notified": True,
}  # fmt: skip
OWED = {
    law.Outcome.OUT_OF_SCOPE: frozenset[str](),
    law.Outcome.NOT_REGULATED: frozenset[str](),
    law.Outcome.NOT_PROHIBITED: frozenset[str](),
    law.Outcome.TRANSPARENCY_ONLY: frozenset({"inform_exposed", "inform_and_consent"}),
    law.Outcome.PROHIBITED: OWED_ALL_THE_SAME,
}


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A deployment for which a property fails."""

    broken: str
    position: str
    on: str
    layer: str | None
    facts: dict[str, Any]


def run(count: int, seed: int, workers: int) -> tuple[int, list[Counterexample]]:
    """Draw deployments, half as many workers' shares at a time, and return how many were checked and what failed."""
    shares = [(seed + number, A_BOOK) for number in range(-(-count // A_BOOK))]
    with ProcessPoolExecutor(workers) as pool:
        found = list(pool.map(_share, shares))
    return sum(checked for checked, _ in found), [one for _, failed in found for one in failed]


def _share(share: tuple[int, int]) -> tuple[int, list[Counterexample]]:
    seed, count = share
    chance = random.Random(seed)  # noqa: S311 - a repeatable bench
    position, day = chance.choice(law.positions()), chance.choice(DAYS)
    layer = chance.choice(LAYERS)
    if layer is not None and position not in overlay_named(layer).over:
        layer = None
    state = chance.choice(law.vocabulary()["member_state"].domain())
    layers = () if layer is None else (layer,)
    book = rulebook_on(position, layers, day, amended=True, state=str(state))
    alone = rulebook_on("parliament-2023", (), None, amended=True) if position == "act-2024" and not layers else None
    failed: list[Counterexample] = []
    for _ in range(count):
        facts = {**draw(chance), "member_state": state}
        broken = list(check(book, facts, chance, alone if day is None and state == "generic" else None))
        failed += [Counterexample(one, position, str(day), layer, facts) for one in broken]
    return count, failed


def draw(chance: random.Random) -> dict[str, Any]:
    """Return one deployment: any, of the police, or nearly lawful; whole, or with facts left out or not known."""
    fixed = chance.choice(({}, POLICE, LAWFUL))
    facts: dict[str, Any] = {}
    for name, fact in law.vocabulary().items():
        values = NUMBERS.get(name) or (OFFENCES if fact.open else fact.domain())
        facts[name] = fixed[name] if name in fixed else chance.choice(values)
    left_out = chance.choice((0.0, 0.0, 0.3, 0.8))
    facts = {name: value for name, value in facts.items() if name in fixed or chance.random() >= left_out}
    return without_clashes(
        {n: law.UNKNOWN if n not in fixed and chance.random() < 0.03 else v for n, v in facts.items()}
    )


def without_clashes(facts: dict[str, Any]) -> dict[str, Any]:
    while problems := find_problems(facts):
        facts = {name: value for name, value in facts.items() if name != problems[0].fact}
    return facts


def check(book: Rulebook, facts: dict[str, Any], chance: random.Random, parliament: Rulebook | None) -> Iterator[str]:
    """Yield what fails for one deployment."""
    found = book.worlds.possible(book.worlds.assume(accept_facts(facts).known))
    for outcome, world in found.items():
        duties = {split_atom(atom)[1][0] for atom in world.atoms if atom.startswith("duty(")}
        denied = duties - OWED[outcome] if outcome in OWED else duties & {"stop_use"}
        if denied:
            yield f"{outcome} beside the duties {', '.join(sorted(denied))}"
    if set(found) == {law.Outcome.PROHIBITED}:
        name = chance.choice(sorted(SAFEGUARDS))
        weaker = outcomes(book, without_clashes({**facts, name: SAFEGUARDS[name]}))
        if weaker != {law.Outcome.PROHIBITED}:
            yield f"prohibited, but {sorted(map(str, weaker))} with {name}: {SAFEGUARDS[name]}"
    hidden = chance.sample(sorted(facts), min(3, len(facts)))
    vague = {name: law.UNKNOWN if name in hidden and name != "member_state" else value for name, value in facts.items()}
    if not find_problems(vague) and not set(found) <= outcomes(book, vague):
        yield f"{sorted(map(str, found))} is ruled out without {', '.join(hidden)}"
    public = {**facts, "function": "rbi", "space": "public"}
    if parliament is not None and not find_problems(public) and outcomes(book, public) == {law.Outcome.PROHIBITED}:
        loose = outcomes(parliament, public)
        if loose != {law.Outcome.PROHIBITED}:
            yield f"the Act prohibits, Parliament's text says {sorted(map(str, loose))}"


def outcomes(book: Rulebook, facts: dict[str, Any]) -> set[law.Outcome | None]:
    """Return the outcomes that remain possible."""
    return set(book.worlds.outcomes(book.worlds.assume(accept_facts(facts).known)))
