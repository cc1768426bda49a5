"""What changed between two days: in the law, for one deployment, as text and as JSON; invented layers are never told."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from passerby import law
from passerby.law.engine import LegalChange, Turn, legal_changes, timeline
from passerby.law.reference import Threshold, thresholds

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples" / "law"
EVER = (date(2000, 1, 1), date(2040, 1, 1))


def told(since: date, until: date, state: str | None = None) -> list[tuple[date, str, str]]:
    changes = legal_changes(since, until, law.positions(), state=state)
    return [(one.on, one.turn.value, one.where) for one in changes]


@pytest.mark.parametrize(
    "change",
    [
        (date(2025, 2, 2), "begins", "act-2024"),
        (date(2025, 8, 2), "begins", "act-2024"),
        (date(2026, 1, 1), "ends", "national/italy-2021"),
        (date(2026, 7, 1), "begins", "national/sweden-2026"),
        (date(2026, 7, 27), "begins", "amendment-2026"),
        (date(2026, 7, 27), "moves", "act-2024"),
        (date(2026, 12, 2), "unruled", "amendment-2026"),
        (date(2027, 12, 2), "begins", "act-2024"),
        (date(2025, 12, 18), "unruled", "national/ireland-2025"),
    ],
)
def test_the_days_of_the_law_are_told(change: tuple[date, str, str]) -> None:
    assert change in told(*EVER)
    on = change[0]
    assert change in told(on, on)
    assert change not in told(EVER[0], on - timedelta(days=1))
    assert change not in told(on + timedelta(days=1), EVER[1])


def test_high_risk_rules_begin_once_on_the_day_to_which_they_were_moved() -> None:
    high_risk = [one for one in legal_changes(*EVER, ("act-2024",)) if "high risk" in one.text]
    assert [(one.on, one.turn) for one in high_risk] == [
        (date(2026, 7, 27), Turn.MOVES),
        (date(2027, 12, 2), Turn.BEGINS),
    ]
    assert "on 2 December 2027 instead of 2 August 2026" in high_risk[0].text


def test_each_change_says_where_it_stands_and_no_example_is_told() -> None:
    changes = legal_changes(*EVER, law.positions())
    assert list(changes) == sorted(changes, key=lambda one: one.on)
    for one in changes:
        assert one.text
        assert one.reference
        assert not one.where.startswith("examples/")


def test_a_deployment_hears_of_its_own_state_alone() -> None:
    for state, layers in {"SE": {"national/sweden-2026"}, "DE-HE": {"national/hesse-2025"}, "generic": set()}.items():
        where = {place for _, _, place in told(*EVER, state)}
        assert {place for place in where if place.startswith("national/")} == layers


def test_texts_that_never_were_law_never_change() -> None:
    assert legal_changes(*EVER, ("edpb-2021", "parliament-2023")) == ()
    deployment = law.read_deployment(EXAMPLES / "museum.json")
    changes = law.changes_between(*EVER, ("parliament-2023",), deployment)
    assert not changes.answers
    assert "same on all these days" in law.changes_to_text(changes)


@pytest.mark.parametrize(
    "name", ["museum.json", "christmas-market.yaml", "mall-shoplifters.yaml", "billboard-age.yaml"]
)
def test_each_answer_is_the_one_of_its_day(name: str) -> None:
    deployment = law.read_deployment(EXAMPLES / name)
    changes = law.changes_between(date(2025, 1, 1), date(2028, 1, 1), ("act-2024",), deployment)
    (before,) = changes.first
    assert before.outcome == law.assess(deployment.facts, on=date(2024, 12, 31)).outcome
    assert changes.answers
    for one in changes.answers:
        assert one.before.possible == law.assess(deployment.facts, on=one.on - timedelta(days=1)).possible
        assert one.after.possible == law.assess(deployment.facts, on=one.on).possible
        assert {duty.id for duty in one.new_duties}.isdisjoint(duty.id for duty in one.before.duties)
    last = changes.answers[-1].after
    assert last.possible == law.assess(deployment.facts, on=date(2028, 1, 1)).possible


def test_swedish_police_hear_on_the_day_that_only_their_own_law_counts() -> None:
    text = b"""
      role: deployer
      function: rbi
      timing: real-time
      space: public
      modality: face
      actor: police
      purpose: law-enforcement
      authorisation: prior
      authoriser: court
      objective: missing-person
      link_to_offence: false
      strictly_necessary: true
      targeted: true
      limits_set: true
      fria: true
      registered: true
      notified: true
      law_notified: true
      national_law: true
      human_verifiers: 2
      decision_solely_on_output: false
      biometric_data: true
      person_present: false
      reference_db: watchlist
      member_state: SE
    """
    deployment = law.parse_deployment(text, "search.yaml")
    changes = law.changes_between(date(2026, 6, 1), date(2026, 7, 31), ("act-2024",), deployment)
    first = changes.answers[0]
    assert first.on == date(2026, 7, 1)
    assert first.after.outcome is law.Outcome.PROHIBITED
    shown = law.changes_to_text(changes)
    assert "1 July 2026" in shown
    assert "> act-2024: prohibited (before:" in " ".join(shown.split())


@pytest.mark.parametrize("name", [None, "museum.json", "station-not-yet-decided.yaml"])
def test_text_and_json_hold_their_form(name: str | None) -> None:
    deployment = None if name is None else law.read_deployment(EXAMPLES / name)
    changes = law.changes_between(date(2025, 1, 1), date(2026, 11, 30), ("act-2024",), deployment)
    document: Any = law.changes_to_json(changes)
    jsonschema.validate(document, law.read_schema("changes"))
    assert document["later"][0] == "2026-12-02"
    assert (document["title"] is None) == (name is None)
    text = law.changes_to_text(changes)
    assert all(len(line) <= 80 for line in text.splitlines() if "://" not in line)
    assert "Known to come (ask with --until): 2 December 2026" in " ".join(text.split())


def test_nothing_changed_is_said() -> None:
    changes = law.changes_between(date(2026, 9, 1), date(2026, 9, 30), law.positions())
    assert changes.law == ()
    assert "Nothing that is known here changed." in law.changes_to_text(changes)


def test_a_number_that_changes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    days = ((date(2024, 8, 1), 4.0), (date(2030, 1, 1), 3.0))
    other = {**thresholds(), "annex-ii-years": Threshold("annex-ii-years", "offence_max_years", True, "here", days)}
    monkeypatch.setattr(timeline, "thresholds", lambda: other)
    found: list[LegalChange] = [one for one in legal_changes(*EVER, ("act-2024",)) if one.on == days[1][0]]
    assert [one.text for one in found] == ["annex-ii-years is 3 (compared with offence_max_years)."]
