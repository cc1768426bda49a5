"""The days that checklists carry: those of the text as amended, whether a day was asked for or not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.law_deployments import sparse_facts

from passerby import law

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ANNEX_III = date(2027, 12, 2)
SHOP: dict[str, Any] = {
    "role": "deployer", "actor": "private", "purpose": "own-security", "function": "rbi", "timing": "real-time",
    "space": "public", "modality": "face",
}  # fmt: skip
CITY = {**SHOP, "actor": "public-authority", "registered": False, "fria": False}
DUTIES_OF_CHAPTER_III = {
    "identification-log", "keep-logs", "follow-instructions", "inform-persons", "two-person-check", "assess-impact",
    "register", "police-file", "annual-report", "provider-duties",
}  # fmt: skip


def days_of(facts: dict[str, Any], *, position: str = "act-2024", amended: bool = True) -> dict[str, date | None]:
    return {duty.id: duty.applies_from for duty in law.assess(facts, position=position, amended=amended).duties}


def test_without_a_day_duties_bear_the_days_as_amended() -> None:
    """Art. 113(c) as replaced by Regulation (EU) 2026/1744: sections 1 to 3 for Annex III from 2 December 2027."""
    assert set(days_of(SHOP).values()) == {ANNEX_III}
    assert set(days_of(SHOP, amended=False).values()) == {date(2026, 8, 2)}


def test_registration_binds_once_there_is_a_high_risk_system_to_register() -> None:
    """Art. 49 stands in section 5 and was not moved, but asks it of high-risk systems, which there are from 2027 on."""
    assert days_of(CITY)["register"] == ANNEX_III
    assert days_of({**CITY, "registered": True, "fria": True})["register"] == ANNEX_III


def test_conditions_of_live_use_keep_their_own_day() -> None:
    """Guidelines ¶370: since 2 February 2025, whatever the days of Articles 27 and 49."""
    live = {
        **SHOP, "actor": "police", "purpose": "law-enforcement", "authorisation": "prior", "authoriser": "court",
        "objective": "victim-search", "victim_crime": "abduction", "targeted": True, "limits_set": True,
        "national_law": True, "fria": True, "registered": True, "notified": True,
    }  # fmt: skip
    days = days_of(live)
    assert days["notify-use"] == days["update-assessment"] == date(2025, 2, 2)
    assert days["two-person-check"] == days["assess-impact"] == ANNEX_III


def test_emotions_are_told_of_from_their_day_and_logged_from_another() -> None:
    customers = {**SHOP, "function": "emotion", "purpose": "commercial", "emotion_context": "other"}
    days = days_of(customers)
    assert (days["inform-exposed"], days["keep-logs"]) == (date(2026, 8, 2), ANNEX_III)


def test_older_systems_of_authorities_have_until_2030() -> None:
    """Art. 111(2), second sentence."""
    older = {**CITY, "placed_on_market": "before-2026-08-02", "design_changed": False}
    assert days_of(older)["keep-logs"] == date(2030, 8, 2)
    changed = {**older, "design_changed": True}
    assert days_of(changed)["keep-logs"] == ANNEX_III
    verdict = law.assess(older, on=date(2028, 1, 1))
    assert verdict.outcome == "not-regulated"
    assert [(later.on, later.outcome) for later in verdict.later] == [(date(2030, 8, 2), "non-compliant")]


def test_a_system_in_use_today_is_not_told_to_be_high_risk_later_for_sure() -> None:
    """Art. 111(2) as amended: one that is there before 2 December 2027 is reached when changed, an authority's by 2030."""
    on = date(2026, 11, 29)
    shop = law.assess(SHOP, on=on)
    assert [(later.on, later.outcome) for later in shop.later] == [(ANNEX_III, "depends")]
    assert any("state placed_on_market" in note for note in shop.notes)
    city = law.assess(CITY, on=on)
    assert [(later.on, later.outcome) for later in city.later][-1][0] == date(2030, 8, 2)
    coming = law.assess({**SHOP, "placed_on_market": "later"}, on=on)
    assert [(later.on, later.outcome) for later in coming.later] == [(ANNEX_III, "high-risk")]
    assert not any("state placed_on_market" in note for note in coming.notes)


def test_fines_are_lower_for_mid_caps_only_where_the_text_says_so() -> None:
    """Art. 99(6a): paragraphs 4 and 5, not paragraph 3."""
    banned = law.assess(
        {**SHOP, "function": "emotion", "emotion_context": "workplace", "emotion_reason": "performance"}
    )
    assert banned.fine is not None
    assert "not for small mid-caps" in banned.fine.text
    breached = law.assess({**SHOP, "human_verifiers": 1})
    assert breached.fine is not None
    assert "for small mid-caps, the lower amount" in breached.fine.text


@SOME
@given(sparse_facts(), st.sampled_from(("none", "2026-07-26", "2026-08-02", "2026-11-29", "2027-12-02", "2030-08-02")))
def test_no_duty_of_chapter_iii_bears_a_day_before_the_amended_one(facts: dict[str, Any], day: str) -> None:
    on = None if day == "none" else date.fromisoformat(day)
    for duty in law.assess(facts, on=on).duties:
        if duty.id in DUTIES_OF_CHAPTER_III:
            assert duty.applies_from is not None
            assert duty.applies_from >= ANNEX_III


@pytest.mark.parametrize("position", [p for p in law.positions() if p != "act-2024"])
def test_a_text_that_never_was_law_sets_no_day(position: str) -> None:
    assert set(days_of(SHOP, position=position).values()) <= {None}
