"""Deployments drawn at random, for properties that hold of all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from passerby import law
from passerby.law.engine.rulebook import rulebook_on
from passerby.law.facts.check import find_problems
from passerby.law.facts.defaults import accept_facts

OFFENCES = ("terrorism", "murder", "corruption", "fraud", "burglary", "none")
NUMBERS = {
    "offence_max_years": (2, 3, 4, 5, 30),
    "human_verifiers": (0, 1, 2, 3),
    "delay_seconds": (10, 120, 1800, 7200),
    "request_after_hours": (1, 30, 60),
}
SAFEGUARDS: dict[str, Any] = {
    "authorisation": "none",
    "registered": False,
    "fria": False,
    "limits_set": False,
    "national_law": False,
    "targeted": False,
    "strictly_necessary": False,
}


def values_of(name: str) -> tuple[Any, ...]:
    fact = law.vocabulary()[name]
    return NUMBERS.get(name) or (OFFENCES if fact.open else fact.domain())


def without_clashes(facts: dict[str, Any]) -> dict[str, Any]:
    while problems := find_problems(facts):
        facts = {name: value for name, value in facts.items() if name != problems[0].fact}
    return facts


def facts_about(**fixed: object) -> st.SearchStrategy[dict[str, Any]]:
    """Return deployments with every fact stated; those given stay, facts that make no sense beside them are left out."""
    free = {name: st.sampled_from(values_of(name)) for name in law.vocabulary() if name not in fixed}
    return st.fixed_dictionaries({name: st.just(value) for name, value in fixed.items()} | free).map(without_clashes)


def likely_facts() -> st.SearchStrategy[dict[str, Any]]:
    """Return deployments of which many are live police use, where most rules meet."""
    police = facts_about(
        role="deployer", function="rbi", actor="police", purpose="law-enforcement", space="public", activated=True
    )
    lawful = facts_about(
        **{name: True for name, value in SAFEGUARDS.items() if value is False},
        role="deployer", function="rbi", actor="police", purpose="law-enforcement", space="public", activated=True,
        authorisation="prior", authoriser="court", reference_db="watchlist", active_involvement=False,
        person_present=False, biometric_data=True, member_state="generic", decision_solely_on_output=False,
    )  # fmt: skip
    return st.one_of(facts_about(), police, lawful)


def possible(facts: dict[str, Any], position: str) -> set[law.Outcome | None]:
    worlds = rulebook_on(position, (), None, amended=True).worlds
    return set(worlds.possible(worlds.assume(accept_facts(facts).known)))


def sparse_facts() -> st.SearchStrategy[dict[str, Any]]:
    """Return deployments as people write them: most facts that have a default are left out."""
    defaults = sorted(n for n, f in law.vocabulary().items() if f.default is not None or f.default_by is not None)

    def sparse(facts: dict[str, Any], kept: set[str]) -> dict[str, Any]:
        return without_clashes({name: value for name, value in facts.items() if name in kept or name not in defaults})

    return st.builds(sparse, likely_facts(), st.sets(st.sampled_from(defaults), max_size=30))
