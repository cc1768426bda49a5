"""What holds for all facts: fewer safeguards never help, Parliament is stricter, unknowns never lie, changes do change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.law_deployments import SAFEGUARDS, facts_about, likely_facts, possible, values_of, without_clashes

from passerby import law
from passerby.errors import RuleError
from passerby.law.facts.check import find_problems

FEW = settings(max_examples=40, deadline=None)
MANY = settings(max_examples=150, deadline=None)


@MANY
@given(likely_facts(), st.sampled_from(sorted(SAFEGUARDS)), st.sampled_from(law.positions()))
def test_taking_a_safeguard_away_never_turns_prohibited_into_permitted(
    facts: dict[str, Any], name: str, position: str
) -> None:
    if possible(facts, position) == {law.Outcome.PROHIBITED}:
        weaker = without_clashes({**facts, name: SAFEGUARDS[name]})
        assert possible(weaker, position) == {law.Outcome.PROHIBITED}


@MANY
@given(likely_facts(), st.sampled_from(law.positions()))
def test_taking_all_safeguards_away_leaves_no_permission(facts: dict[str, Any], position: str) -> None:
    before = possible(facts, position)
    after = possible(without_clashes({**facts, **SAFEGUARDS}), position)
    if law.Outcome.PERMITTED not in before:
        assert law.Outcome.PERMITTED not in after


@MANY
@given(st.one_of(likely_facts(), facts_about(function="rbi", space="public")))
def test_what_the_act_prohibits_of_public_identification_parliament_prohibits(facts: dict[str, Any]) -> None:
    facts = {**facts, "function": "rbi", "space": "public"}
    if not find_problems(facts) and possible(facts, "act-2024") == {law.Outcome.PROHIBITED}:
        assert possible(facts, "parliament-2023") == {law.Outcome.PROHIBITED}


@MANY
@given(likely_facts(), st.data(), st.sampled_from(law.positions()))
def test_an_unknown_never_yields_what_a_completion_contradicts(
    facts: dict[str, Any], data: st.DataObject, position: str
) -> None:
    hidden = data.draw(st.sets(st.sampled_from(sorted(facts)), min_size=1, max_size=6))
    vague = {name: law.UNKNOWN if name in hidden else value for name, value in facts.items()}
    if not find_problems(vague):
        assert possible(facts, position) <= possible(vague, position)


@FEW
@given(likely_facts(), st.data(), st.sampled_from(law.positions()))
def test_a_verdict_on_vague_facts_says_what_it_turns_on(
    facts: dict[str, Any], data: st.DataObject, position: str
) -> None:
    hidden = data.draw(st.sets(st.sampled_from(sorted(facts)), min_size=1, max_size=4))
    verdict = law.assess({n: law.UNKNOWN if n in hidden else v for n, v in facts.items()}, position=position)
    assert (verdict.outcome is law.Outcome.DEPENDS) is not verdict.certain
    assert {alternative.outcome for alternative in verdict.alternatives} == set(verdict.possible) - {
        law.Outcome.DEPENDS
    }
    assert bool(verdict.unknown or verdict.open_points or verdict.outside) is not verdict.certain
    assert verdict.next_question == (verdict.unknown[0] if verdict.unknown else None)
    for alternative in verdict.alternatives:
        filled = {**facts, **dict.fromkeys(hidden, law.UNKNOWN), **alternative.facts}
        if not find_problems(filled):
            assert alternative.outcome in possible(filled, position)


@FEW
@given(likely_facts(), st.sampled_from(law.positions()))
def test_every_change_gives_the_outcome_it_names(facts: dict[str, Any], position: str) -> None:
    verdict = law.assess(facts, position=position)
    for change in verdict.changes:
        assert 1 <= len(change.facts) <= 3
        assert change.outcome is not verdict.outcome
        changed = {**facts, **change.facts}
        if not find_problems(changed):
            got = possible(changed, position)
            assert got == {change.outcome} or (change.outcome is law.Outcome.DEPENDS and (len(got) > 1 or None in got))


@FEW
@given(likely_facts(), st.data(), st.sampled_from(law.positions()))
def test_no_single_change_is_missed(facts: dict[str, Any], data: st.DataObject, position: str) -> None:
    verdict = law.assess(facts, position=position)
    if not verdict.certain:
        return
    name = data.draw(st.sampled_from(sorted(facts)))
    value = data.draw(st.sampled_from(values_of(name)))
    changed = {**facts, name: value}
    if find_problems(changed) or possible(changed, position) == {verdict.outcome}:
        return
    fact = law.vocabulary()[name]
    single = [{n: law.vocabulary()[n].narrow(v) for n, v in c.facts.items()} for c in verdict.changes]
    assert {name: fact.narrow(value)} in single


@FEW
@given(likely_facts(), st.sampled_from(law.positions()))
def test_reasons_tell_the_facts_as_given(facts: dict[str, Any], position: str) -> None:
    verdict = law.assess(facts, position=position)
    known = {**verdict.assumed, **facts}
    rest = list(verdict.reasons)
    assert rest
    while rest:
        reason = rest.pop()
        rest.extend(reason.premises)
        assert reason.statement
        assert (reason.rule is None) is (reason.provision is None)
        assert all(value == known.get(name, law.UNKNOWN) for name, value in reason.facts.items())
    weakest = max((certainty.rank for a in verdict.alternatives for certainty in [a.certainty]), default=0)
    assert verdict.certainty.rank == weakest


def test_a_default_does_not_rest_on_a_fact_that_was_said_to_be_unknown() -> None:
    rated = {"role": "deployer", "actor": "police", "purpose": "law-enforcement", "function": "generic-analytics",
             "crime_risk_assessment": True, "solely_profiling": True, "human_assessment": False}  # fmt: skip
    assert law.assess({**rated, "offence_max_years": 0}).outcome is law.Outcome.NOT_REGULATED
    assert law.assess({**rated, "offence_max_years": 5}).outcome is law.Outcome.PROHIBITED
    assert law.assess({**rated, "offence_max_years": law.UNKNOWN}).outcome is law.Outcome.DEPENDS
    assert law.assess(rated).outcome is law.Outcome.PROHIBITED


@pytest.mark.parametrize("position", law.positions())
def test_a_position_can_open_where_it_ever_permits_with_authorisation(position: str) -> None:
    """The opinion that bans it everywhere grants nothing, so that nothing may be sealed under it either."""
    assert law.can_open(position) is (position != "edpb-2021")
    with pytest.raises(RuleError):
        law.can_open("nobody-1999")


@MANY
@given(likely_facts())
def test_what_can_open_nothing_never_permits(facts: dict[str, Any]) -> None:
    assert law.Outcome.PERMITTED not in possible(facts, "edpb-2021")
