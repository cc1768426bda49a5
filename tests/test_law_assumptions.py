"""What is taken for granted: no permission rests on a default, and the verdict's sentence names what could make it stricter."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.law_deployments import possible, sparse_facts, values_of

from passerby import law
from passerby.law.engine.rulebook import rulebook_on
from passerby.law.facts.check import find_problems
from passerby.law.facts.defaults import accept_facts
from passerby.law.report.wording import wording_in
from passerby.law.report.words import clause_of, verdict_line

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENGLISH = wording_in("en")
CONDITIONS = ("targeted", "limits_set", "national_law", "fria", "registered", "notified")
SEARCH: dict[str, Any] = {
    "role": "deployer", "actor": "police", "purpose": "law-enforcement", "function": "rbi", "space": "public",
    "modality": "face", "authorisation": "prior", "authoriser": "court",
}  # fmt: skip
LIVE = {**SEARCH, "timing": "real-time", "objective": "victim-search", "victim_crime": "abduction"}
ORDERED = {
    **SEARCH, "timing": "post", "objective": "suspect", "offence": "terrorism", "offence_max_years": 20,
    "offence_past": True, "link_to_offence": True, "initial_identification": False,
}  # fmt: skip


WHOLE = {
    **LIVE, **dict.fromkeys(CONDITIONS, True), "link_to_offence": True, "initial_identification": False,
}  # fmt: skip


def test_a_live_search_is_permitted_only_if_what_nobody_stated_is_so() -> None:
    """Art. 5(1)(h), 5(2) to (5): a court's order alone does not say that the other conditions are met."""
    verdict = law.assess(LIVE)
    assert verdict.possible == {law.Outcome.PROHIBITED, law.Outcome.PERMITTED}
    assert set(verdict.unknown) == {*CONDITIONS, "strictly_necessary"}
    line = verdict_line(ENGLISH, verdict)
    assert "permitted only if specific persons are sought" in line
    for name in verdict.unknown:
        assert clause_of(ENGLISH, name, True) in line
    assert "no decision with adverse effect is taken on a match alone" in line, "what still takes its default is told"


def test_what_is_stated_is_not_asked_again() -> None:
    """Who states whom the search aims at is not asked for strict necessity too; it stands in the sentence instead."""
    verdict = law.assess({**LIVE, **dict.fromkeys(CONDITIONS, True)})
    assert verdict.outcome == "permitted-with-authorisation"
    assert verdict.provided["strictly_necessary"] is True
    assert "the use is strictly necessary" in verdict_line(ENGLISH, verdict)


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_condition_left_out_leaves_the_use_undecided(name: str) -> None:
    stated = {**LIVE, **dict.fromkeys(CONDITIONS, True)}
    assert law.assess({n: v for n, v in stated.items() if n != name}).outcome == "depends"


def test_a_search_of_recordings_rests_on_no_default_either() -> None:
    """Art. 26(10) and EP amendment 227: targeted; an assessment and a registration are duties beside it, not conditions."""
    for position in ("act-2024", "parliament-2023"):
        verdict = law.assess(ORDERED, position=position)
        assert verdict.outcome == "depends", position
        assert set(verdict.unknown) == {"targeted", "strictly_necessary"}, position
        known = law.assess({**ORDERED, "targeted": True}, position=position)
        assert known.outcome == "permitted-with-authorisation", position
        assert "fria" in known.provided, position


def test_proposals_ask_for_their_own_conditions() -> None:
    """Art. 5(2)-(4) of 2021: limits and a national law; no assessment, no registration, no notification."""
    verdict = law.assess(LIVE, position="commission-2021")
    assert {"limits_set", "national_law"} <= set(verdict.unknown)
    assert not {"fria", "registered", "notified"} & set(verdict.unknown)


def test_a_condition_is_also_asked_where_the_authorisation_is_not_known() -> None:
    verdict = law.assess({n: v for n, v in LIVE.items() if n != "authorisation"})
    assert {*CONDITIONS, "authorisation"} <= set(verdict.unknown)
    assert "the answer to" in verdict_line(ENGLISH, verdict)
    assert "authorisation" in verdict_line(ENGLISH, verdict)


@SOME
@given(sparse_facts(), st.sampled_from(law.positions()))
def test_no_permission_rests_on_the_default_of_a_condition(facts: dict[str, Any], position: str) -> None:
    verdict = law.assess(facts, position=position)
    engine = rulebook_on(position, (), None, amended=True)
    if verdict.outcome is law.Outcome.PERMITTED:
        for name in set(CONDITIONS) & set(verdict.assumed):
            literal = engine.worlds.literal("finding(permitted_with_authorisation)")
            known = accept_facts({**facts, name: False}).known
            assert engine.worlds.find([*engine.worlds.assume(known), literal or 0]), (
                f"{name} was not stated, and without it nothing permits"
            )


@SOME
@given(sparse_facts(), st.sampled_from(law.positions()), st.data())
def test_the_sentence_names_every_assumption_that_could_make_it_stricter(
    facts: dict[str, Any], position: str, data: st.DataObject
) -> None:
    verdict = law.assess(facts, position=position)
    line = verdict_line(ENGLISH, verdict)
    for name, value in verdict.provided.items():
        assert clause_of(ENGLISH, name, value) in line
    if not verdict.certain or verdict.outcome is law.Outcome.PROHIBITED or not verdict.assumed:
        return
    name = data.draw(st.sampled_from(sorted(verdict.assumed)))
    for value in values_of(name):
        changed = {**facts, name: value}
        if name not in verdict.provided and not find_problems(changed):
            found = {outcome for outcome in possible(changed, position) if outcome is not None}
            worse = [outcome for outcome in found if outcome.strictness > verdict.outcome.strictness]
            assert not worse, (
                f"{name}: {value} gives {worse}, and the sentence takes {verdict.assumed[name]} for granted"
            )


@pytest.mark.parametrize(
    ("facts", "asked"),
    [
        ({**WHOLE, "authorisation": "requested-in-time"}, "urgent"),
        ({**WHOLE, "registered": False, "registration_follows_without_undue_delay": True}, "urgent"),
        ({**WHOLE, "timing": "near-real-time", "authorisation": "none"}, "delay_seconds"),
        ({"role": "deployer", "actor": "police", "purpose": "law-enforcement", "function": "generic-analytics",
          "risk_of": "person", "solely_profiling": True}, "crime_risk_assessment"),
        ({"role": "deployer", "actor": "private", "purpose": "own-security", "function": "generic-analytics",
          "risk_of": "person", "risk_task": "legal-duty"}, "crime_risk_assessment"),
    ],
)  # fmt: skip
def test_a_default_that_a_stated_fact_speaks_against_is_asked_instead(facts: dict[str, Any], asked: str) -> None:
    """Art. 5(3): who asks for an authorisation after the start claims urgency. Who says whose risk it is rates one."""
    verdict = law.assess(facts)
    assert asked in verdict.unknown
    assert not verdict.certain
    assert asked not in verdict.assumed


def test_a_default_that_a_stated_fact_settles_is_settled() -> None:
    assert law.assess({"function": "rbi", "modality": "none"}).assumed["biometric_data"] is False
    assert law.assess({"function": "identity-check"}).assumed["person_present"] is True


def test_what_stands_beside_a_default_is_never_a_default_itself_and_forms_no_circle() -> None:
    """Else what nobody stated would presuppose something, or the order of the vocabulary would decide."""
    facts = law.vocabulary()
    for fact in facts.values():
        for driver, by in fact.beside.items():
            assert facts[driver].default not in by, fact.name
            assert set(by) <= {True, False, *facts[driver].values}, fact.name
            assert set(by.values()) <= {law.UNKNOWN, True, False, *fact.values}, fact.name
    assert list(TopologicalSorter({name: set(fact.beside) for name, fact in facts.items()}).static_order())


def test_every_default_can_be_told_in_words() -> None:
    for fact in law.vocabulary().values():
        usual = {fact.default} if fact.default is not None else set()
        usual |= set(fact.default_by[1].values()) if fact.default_by else set()
        usual |= {value for by in fact.beside.values() for value in by.values()} - {law.UNKNOWN}
        assert usual <= set(fact.says), fact.name
        assert not fact.condition or (fact.default is True and fact.says[True] and fact.says[False])
