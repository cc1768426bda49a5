"""The interview: asks only what can still matter, takes answers back, and saves what it was told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from passerby import law
from passerby.errors import FactsError
from passerby.law.facts.interview import facts_to_yaml, read_answer

SHOP = {"function": "rbi", "purpose": "own-security", "actor": "private", "space": "public", "timing": "real-time"}


def judge(facts: Mapping[str, law.FactValue]) -> tuple[law.Verdict, ...]:
    return (law.assess(facts, position="act-2024"),)


def interview(answers: Mapping[str, str]) -> tuple[law.Interview, list[str]]:
    """Answer every question as a mapping says, unknown where it says nothing; return the state and what was asked."""
    state = law.Interview(judge)
    asked = []
    while (fact := state.next_fact()) is not None:
        asked.append(fact.name)
        state.answer(fact.name, answers.get(fact.name, "unknown"))
    return state, asked


def test_blurring_camera_is_settled_in_a_few_questions() -> None:
    state, asked = interview({"function": "anonymisation", "biometric_data": "no", "crime_risk_assessment": "no"})
    assert asked[0] == "function"
    assert not {"offence", "authorisation", "emotion_context", "attribute"} & set(asked)
    assert state.open_facts() == ()


def test_emotion_system_is_not_asked_for_authorisation() -> None:
    _, asked = interview({"function": "emotion", "emotion_context": "workplace", "emotion_reason": "performance"})
    assert not {"authorisation", "objective", "offence", "scrape_source"} & set(asked)


def test_nothing_is_asked_twice_and_every_question_mattered_when_asked() -> None:
    state = law.Interview(judge)
    asked: dict[str, law.FactValue] = {}
    while (fact := state.next_fact()) is not None:
        assert fact.name not in asked
        assert any(fact.name in verdict.unknown for verdict in state.verdicts)
        state.answer(fact.name, SHOP.get(fact.name, "unknown"))
        asked[fact.name] = SHOP.get(fact.name, "unknown")
    first = [name for name in asked if name in SHOP]
    assert first == [name for name in SHOP if name in asked]
    assert list(asked)[:3] == first[:3]
    assert "unknown" in asked.values()
    assert state.facts() == asked


def test_saved_facts_give_the_verdict_of_the_interview() -> None:
    answers = {
        "function": "rbi",
        "timing": "real-time",
        "space": "public",
        "actor": "private",
        "purpose": "own-security",
    }
    state, _ = interview(answers)
    saved = law.parse_deployment(facts_to_yaml(state.facts()).encode(), "saved.yaml")
    assert saved.facts == state.facts()
    again = law.assess(saved.facts, position="act-2024")
    assert again.possible <= state.verdicts[0].possible


def test_back_restores_the_question_and_the_state() -> None:
    state = law.Interview(judge)
    assert state.back() is None
    before = {name for verdict in state.verdicts for name in verdict.unknown}
    state.answer("function", "emotion")
    assert state.back() == "function"
    assert {name for verdict in state.verdicts for name in verdict.unknown} == before
    first = state.next_fact()
    assert first is not None
    assert first.name == "function"


def test_wrong_answer_leaves_the_state_as_it_was() -> None:
    state = law.Interview(judge)
    state.answer("function", "rbi")
    with pytest.raises(FactsError, match="contradicts 'function: rbi'"):
        state.answer("attribute", "race")
    assert state.answers == {"function": "rbi"}


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("fria", "Yes", True),
        ("fria", "n", False),
        ("fria", "UNKNOWN", "unknown"),
        ("timing", "1", "real-time"),
        ("timing", "post", "post"),
        ("offence", "armed robbery", "armed-robbery"),
        ("offence_max_years", "4,5", 4.5),
        ("human_verifiers", "2", 2),
    ],
)
def test_answers_are_read_as_people_type_them(name: str, typed: str, value: law.FactValue) -> None:
    assert read_answer(law.vocabulary()[name], typed) == value


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("fria", "perhaps", "expected yes, no or unknown, got 'perhaps'"),
        ("timing", "9", "expected a number from 1 to 3"),
        ("timing", "real time", "the nearest is 'real-time'"),
        ("offence_max_years", "life", "expected a number or unknown, got 'life'"),
    ],
)
def test_answers_that_cannot_be_read_say_what_was_expected(name: str, typed: str, words: str) -> None:
    with pytest.raises(FactsError, match=words):
        read_answer(law.vocabulary()[name], typed)


def test_title_with_quotes_survives_the_file() -> None:
    text = facts_to_yaml({"fria": True}, title='A "gate": #1 \\ x', description="two\nlines")
    saved = law.parse_deployment(text.encode(), "d.yaml")
    assert saved.title == 'A "gate": #1 \\ x'
    assert saved.description == "two lines"
