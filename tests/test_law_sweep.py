"""Many worlds at once agree with the solver, and an answer does not depend on what was asked before."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.law_deployments import likely_facts, sparse_facts

from passerby import law
from passerby.law.engine.examples import plainest
from passerby.law.engine.rulebook import Rulebook, rulebook_on
from passerby.law.engine.sweep import TRIES, Columns, Sweep
from passerby.law.engine.worlds import value_term
from passerby.law.facts.defaults import Facts, accept_facts
from passerby.law.rules.book import load_book

FEW = settings(max_examples=25, deadline=None)
LIVE: dict[str, Any] = {
    "role": "deployer", "actor": "police", "purpose": "law-enforcement", "function": "rbi", "timing": "real-time",
    "space": "public", "modality": "face",
}  # fmt: skip
FAR_FROM_CHANGE: list[dict[str, Any]] = [
    {**LIVE, "objective": "general-security", "authorisation": "none", "authoriser": "none"},
    {**LIVE, "objective": "none", "authorisation": "none", "targeted": False},
    {**LIVE, "objective": "suspect", "offence": "shoplifting", "offence_max_years": 1, "authorisation": "none"},
    {
        **LIVE,
        "objective": "threat-health",
        "limits_set": False,
        "authorisation": "requested-late",
        "authoriser": "none",
    },
    {"role": "deployer", "actor": "household", "purpose": "personal", "function": "anonymisation", "space": "home"},
    {
        "role": "deployer",
        "actor": "private",
        "purpose": "statistics",
        "function": "generic-analytics",
        "space": "public",
    },
]
FACTS: dict[str, Any] = {
    "role": "deployer", "actor": "police", "purpose": "law-enforcement", "function": "rbi", "timing": "real-time",
    "space": "public", "objective": "suspect", "offence": "murder",
}  # fmt: skip


@FEW
@given(likely_facts(), st.sampled_from(law.positions()))
def test_a_world_swept_is_the_world_solved(facts: dict[str, Any], position: str) -> None:
    book = rulebook_on(position, (), None, amended=True)
    known = accept_facts(facts).known
    world = book.worlds.find(book.worlds.assume(known))
    assert world is not None
    values = {
        name: next(v for v in domain if f"fact({name},{value_term(v)})" in world.atoms)
        for name, domain in book.book.domains.items()
    }
    assert book.sweep.world(values, world.readings()) == world


@FEW
@given(st.one_of(likely_facts(), sparse_facts()), st.sampled_from(law.positions()))
def test_what_is_possible_lies_between_what_was_met_and_what_may_be(facts: dict[str, Any], position: str) -> None:
    book = rulebook_on(position, (), None, amended=True)
    known = {
        name: book.book.narrow(name, v) for name, v in accept_facts(facts).known.items() if name in book.book.domains
    }
    unknown = dict.fromkeys(book.book.domains.keys() - known, 1)
    [(met, may)] = book.sweep.outcomes(Columns(1, dict.fromkeys(known.items(), 1), unknown))
    assert met <= book.worlds.outcomes(book.worlds.assume(known)) <= may


@FEW
@given(st.one_of(likely_facts(), sparse_facts()), st.sampled_from(law.positions()), st.randoms(use_true_random=False))
def test_a_single_change_leads_where_the_changed_facts_lead(
    facts: dict[str, Any], position: str, chance: random.Random
) -> None:
    book = rulebook_on(position, (), None, amended=True)
    accepted = accept_facts(facts)
    changes = list(book.neighbours.singles(accepted).joined())
    for (name, value), then in chance.sample(changes, min(4, len(changes))):
        # what follows the fact by default follows it here too, as when a user asks again
        changed = Facts({**accepted.given, name: value}, {}, frozenset()).without(())
        found = book.worlds.outcomes(book.worlds.assume(changed.known))
        only = next(iter(found)) if len(found) == 1 else None
        assert then is (law.Outcome.DEPENDS if only is None else only), (name, value)


def test_reasons_are_the_same_whatever_was_asked_before() -> None:
    fresh, used = (Rulebook(load_book("commission-2021"), frozenset({"text", "always"})) for _ in range(2))
    chance = random.Random(3)
    for _ in range(30):
        values = {name: chance.choice(domain) for name, domain in used.book.domains.items()}
        used.worlds.outcomes(used.worlds.assume({name: v for name, v in values.items() if chance.random() < 0.5}))
    assert told(fresh) == told(used)


def told(book: Rulebook) -> frozenset[str]:
    known = accept_facts({**FACTS, "scrape_source": law.UNKNOWN}).known
    [(outcome, world)] = book.worlds.possible(book.worlds.assume({**known, "authorisation": "none"})).items()
    return plainest(book, {**known, "authorisation": "none"}, outcome, world, unknown=(), points=()).atoms


def test_changes_of_several_facts_are_the_same_in_any_order_of_questions() -> None:
    """Each is asked of a rulebook that was asked nothing before, and of one that was asked the others, in two orders."""
    groups = frozenset({"text", "always"})
    book = load_book("commission-2021")
    asked = [accept_facts(facts) for facts in FAR_FROM_CHANGE]
    alone = [changes_of(Rulebook(book, groups), facts) for facts in asked]
    assert any(len(change.facts) > 1 for changes in alone for change in changes)
    fresh = Rulebook(book, groups)
    for facts, changes in zip(asked, alone, strict=True):
        for change in changes:
            changed = Facts({**facts.given, **change.facts}, {}, frozenset()).without(())
            found = fresh.worlds.outcomes(fresh.worlds.assume(changed.known))
            only = next(iter(found)) if len(found) == 1 else None
            assert change.outcome is (law.Outcome.DEPENDS if only is None else only), change
    for order in (range(len(asked)), reversed(range(len(asked)))):
        used = Rulebook(book, groups)
        for number in order:
            assert changes_of(used, asked[number]) == alone[number], FAR_FROM_CHANGE[number]


def changes_of(book: Rulebook, facts: Facts) -> tuple[law.Change, ...]:
    [outcome] = book.worlds.outcomes(book.worlds.assume(facts.known))
    assert outcome is not None
    return book.neighbours.changes(facts, outcome, book.neighbours.singles(facts))


@FEW
@given(sparse_facts(), st.lists(sparse_facts(), min_size=1, max_size=3), st.sampled_from(law.positions()))
def test_a_verdict_is_the_same_whatever_was_asked_between(
    facts: dict[str, Any], others: list[dict[str, Any]], position: str
) -> None:
    first = law.assess(facts, position=position)
    for other in others:
        law.assess(other, position=position)
    assert law.assess(facts, position=position) == first


def test_unknown_facts_are_filled_in_the_same_way_in_every_process() -> None:
    book = load_book("act-2024")
    columns = Columns(1, {}, dict.fromkeys(book.domains, 1))
    groups = frozenset(book.dates)
    assert TRIES > 1
    assert Sweep(book, groups).outcomes(columns) == Sweep(book, groups).outcomes(columns)
