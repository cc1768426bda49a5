"""The order of an interview: what it does, what for, who, where, when; then what it is about; what is rare comes last."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from passerby import law
from passerby.law.facts.stages import place_of, stages

HUMAN = ("function", "purpose", "actor", "role", "space", "member_state", "timing", "delay_seconds")
LIVE = {"function": "rbi", "role": "deployer", "space": "public", "timing": "real-time", "reference_db": "watchlist",
        "active_involvement": "no", "biometric_data": "yes", "activated": "yes", "person_present": "no"}  # fmt: skip
SITUATIONS: Mapping[str, Mapping[str, str]] = {
    "live police search": LIVE | {
        "purpose": "law-enforcement", "actor": "police", "objective": "suspect", "offence": "murder",
        "offence_max_years": "30", "authorisation": "prior", "authoriser": "court", "national_law": "yes", "fria": "yes",
        "registered": "yes", "targeted": "yes", "limits_set": "yes", "strictly_necessary": "yes", "notified": "yes",
        "human_verifiers": "2", "decision_solely_on_output": "no", "member_state": "generic", "urgent": "no",
    },
    "shop with a watch-list": LIVE | {"purpose": "own-security", "actor": "private", "human_verifiers": "2"},
    "school that takes attendance": {
        "function": "active-identification", "purpose": "education", "actor": "school", "role": "deployer",
        "space": "non-public", "timing": "real-time", "reference_db": "access-list", "active_involvement": "yes",
    },
    "stadium that bars hooligans": LIVE | {"purpose": "own-security", "actor": "private", "human_verifiers": "1"},
    "city that counts people": {
        "function": "generic-analytics", "purpose": "statistics", "actor": "public-authority", "role": "deployer",
        "space": "public", "timing": "real-time", "biometric_data": "no",
    },
    "face clock-in": {
        "function": "verification", "purpose": "work-management", "actor": "employer", "role": "deployer",
        "space": "non-public", "timing": "real-time", "active_involvement": "yes",
    },
    "emotions in a call centre": {
        "function": "emotion", "purpose": "work-management", "actor": "employer", "role": "deployer",
        "space": "non-public", "timing": "real-time", "emotion_context": "workplace", "emotion_reason": "performance",
    },
    "unlocking a phone": {
        "function": "verification", "purpose": "personal", "actor": "household", "role": "deployer", "space": "home",
        "criminal_activity": "no",
    },
}  # fmt: skip
# situation, question: its place when the one that settled most was asked first whatever it was, and how late it may come now
# (None: it is not asked, or later than before)
PLACES = {
    ("live police search", "purpose"): (5, 2),
    ("live police search", "objective"): (21, 9),
    ("live police search", "offence"): (22, 11),
    ("shop with a watch-list", "purpose"): (5, 2),
    ("shop with a watch-list", "exam_proctoring"): (8, None),
    ("school that takes attendance", "actor"): (4, 3),
    ("school that takes attendance", "exam_proctoring"): (9, None),
    ("stadium that bars hooligans", "exam_proctoring"): (8, None),
    ("stadium that bars hooligans", "crime_risk_assessment"): (9, None),
    ("city that counts people", "purpose"): (4, 2),
    ("city that counts people", "exam_proctoring"): (5, None),
    ("face clock-in", "purpose"): (4, 2),
    ("face clock-in", "exam_proctoring"): (5, None),
    ("emotions in a call centre", "emotion_context"): (12, 8),
    ("emotions in a call centre", "exam_proctoring"): (9, None),
    ("unlocking a phone", "actor"): (3, 3),
    ("unlocking a phone", "fria"): (5, None),
}


def asked_in(situation: str) -> list[str]:
    """Answer as the situation says, unknown where it says nothing; return what was asked, in order."""
    state = law.Interview(lambda facts: (law.assess(facts),))
    asked = []
    while (fact := state.next_fact()) is not None:
        asked.append(fact.name)
        state.answer(fact.name, SITUATIONS[situation].get(fact.name, "unknown"))
    return asked


@pytest.fixture(scope="module")
def orders() -> dict[str, list[str]]:
    return {situation: asked_in(situation) for situation in SITUATIONS}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_person_is_asked_what_it_does_what_for_who_where_and_when_before_all_else(
    situation: str, orders: dict[str, list[str]]
) -> None:
    asked = orders[situation]
    first = [name for name in asked if name in HUMAN]
    assert asked[: len(first)] == first
    assert first == [name for name in HUMAN if name in first]
    assert first[:3] == ["function", "purpose", "actor"]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_rare_comes_last(situation: str, orders: dict[str, list[str]]) -> None:
    asked = orders[situation]
    rare = [name for name in asked if name in stages()[-1].facts]
    assert asked[len(asked) - len(rare) :] == rare


@pytest.mark.parametrize(("situation", "name"), PLACES)
def test_no_question_comes_later_than_a_person_expects_it(
    situation: str, name: str, orders: dict[str, list[str]]
) -> None:
    before, latest = PLACES[situation, name]
    place = orders[situation].index(name) + 1 if name in orders[situation] else None
    if latest is None:
        assert place is None or place > before
    else:
        assert place is not None
        assert place <= min(latest, before)


def test_every_fact_has_its_stage_and_one_place() -> None:
    named = [name for stage in stages() for name in stage.facts]
    assert sorted(named) == sorted(law.vocabulary())
    assert all(law.stage_of(name) is stages()[place_of(name)[0]] for name in named)
    assert len({stage.title for stage in stages()}) == len(stages())


def test_words_of_the_law_are_explained_where_they_are_asked() -> None:
    known = law.vocabulary()
    for name, word in {
        "function": "Remote identification",
        "timing": "Real time",
        "space": "Publicly accessible",
        "purpose": "Law enforcement",
        "reference_db": "reference database",
        "strictly_necessary": "Strictly necessary",
        "emotion_reason": "safety reason",
        "biometric_data": "Biometric data",
        "untargeted": "Untargeted",
        "active_involvement": "active part",
    }.items():
        assert word in known[name].explanation
