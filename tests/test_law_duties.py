"""An outcome never contradicts the duties listed under it: over random facts, days, Member States and positions."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.law_deployments import likely_facts, sparse_facts

from passerby import law
from passerby.law.engine.rulebook import rulebook_on
from passerby.law.engine.worlds import OWED_ALL_THE_SAME
from passerby.law.facts.defaults import accept_facts
from passerby.law.rules.book import load_book
from passerby.law.rules.clauses import split_atom

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DAYS = tuple(
    date.fromisoformat(day)
    for day in ("2025-01-01", "2025-02-02", "2025-08-02", "2026-08-02", "2026-11-29", "2027-12-02", "2030-08-02")
)
ENDING = frozenset(name.replace("_", "-") for name in OWED_ALL_THE_SAME)
TELLING = frozenset({"inform-exposed", "inform-and-consent"})
OWED = {
    law.Outcome.OUT_OF_SCOPE: frozenset[str](),
    law.Outcome.NOT_REGULATED: frozenset[str](),
    law.Outcome.NOT_PROHIBITED: frozenset[str](),
    law.Outcome.TRANSPARENCY_ONLY: TELLING,
    law.Outcome.PROHIBITED: ENDING,
}
"""What each outcome leaves to be owed, where it says so; under the others any duty but to stop may stand."""


def contradicted(outcome: law.Outcome | None, duties: set[str]) -> set[str]:
    """Return the duties that the words of an outcome deny."""
    if outcome in OWED:
        return duties - OWED[outcome]
    return duties & {"stop-use"}


@MANY
@given(st.one_of(likely_facts(), sparse_facts()), st.sampled_from(law.positions()), st.sampled_from((None, *DAYS)))
def test_no_outcome_contradicts_its_duties(facts: dict[str, Any], position: str, day: date | None) -> None:
    known = accept_facts(facts).known
    state = str(known.get("member_state", "generic"))
    engine = rulebook_on(position, (), day, amended=True, state=state)
    for outcome, world in engine.worlds.possible(engine.worlds.assume(known)).items():
        duties = {split_atom(atom)[1][0].replace("_", "-") for atom in world.atoms if atom.startswith("duty(")}
        assert not contradicted(outcome, duties), outcome


@MANY
@given(sparse_facts(), st.sampled_from(law.positions()), st.sampled_from((None, *DAYS)))
def test_no_verdict_contradicts_its_duties(facts: dict[str, Any], position: str, day: date | None) -> None:
    verdict = law.assess(facts, position=position, on=day)
    listed = {duty.id for duty in verdict.duties}
    for outcome in verdict.possible - {law.Outcome.DEPENDS}:
        assert not contradicted(outcome, listed), outcome
    if day is not None:
        assert all(duty.applies_from is None or duty.applies_from <= day for duty in verdict.duties), "it binds already"


@pytest.mark.parametrize("day", ["2026-08-02", "2026-11-29", "2027-12-01"])
def test_emotions_read_of_customers_must_be_told_before_high_risk_rules_apply(day: str) -> None:
    """Art. 50(3) applies since 2 August 2026; Art. 113(c) as amended moves Annex III to 2 December 2027."""
    customers = {
        "role": "deployer", "actor": "private", "purpose": "commercial", "function": "emotion", "emotion_context": "other",
    }  # fmt: skip
    verdict = law.assess(customers, on=date.fromisoformat(day))
    assert verdict.outcome == "transparency-only"
    assert [duty.id for duty in verdict.duties] == ["inform-exposed"]
    assert law.assess(customers, on=date(2027, 12, 2)).outcome == "high-risk"


def test_what_lies_outside_a_text_owes_nothing_under_it() -> None:
    """Art. 2(3): a system for national security alone; reading emotions there calls for no notice under this Act."""
    facts = {
        "role": "deployer", "actor": "security-service", "purpose": "national-security", "function": "emotion",
        "emotion_context": "other",
    }  # fmt: skip
    verdict = law.assess(facts)
    assert verdict.outcome == "out-of-scope"
    assert verdict.duties == ()


def test_who_may_not_sell_owes_no_papers_for_the_sale() -> None:
    """Art. 5(1)(f) bans placing on the market; Art. 8 to 22 are for systems that may be placed there."""
    facts = {
        "role": "provider", "actor": "private", "purpose": "commercial", "function": "emotion",
        "emotion_context": "workplace", "emotion_reason": "performance",
    }  # fmt: skip
    verdict = law.assess(facts)
    assert verdict.outcome == "prohibited"
    assert "provider-duties" not in {duty.id for duty in verdict.duties}


def test_a_layer_that_prohibits_leaves_no_duty_of_use(tmp_path: Path) -> None:
    """Whoever writes a ban in a layer need not think of the duties below it."""
    layer = tmp_path / "our-town"
    layer.mkdir()
    (layer / "overlay.md").write_text("---\ntitle: Our town\nover: [act-2024]\n---\n", encoding="utf-8")
    (layer / "ban.md").write_text(
        "---\narticle: Section 1\ntitle: A ban\nreference: a test\ncertainty: quoted\napplies: always\n---\n\n## ban\n"
        "> It is banned.\n\n```asp\nfinding(prohibited_by_other_law) :- fact(function, rbi).\n```\n",
        encoding="utf-8",
    )
    shop = {
        "role": "deployer", "actor": "private", "purpose": "own-security", "function": "rbi", "timing": "real-time",
        "space": "public", "modality": "face",
    }  # fmt: skip
    assert {duty.id for duty in law.assess(shop).duties} > {"identification-log", "keep-logs"}
    assert {duty.id for duty in law.assess(shop, overlays=[layer]).duties} == {"stop-use"}


def test_what_is_owed_all_the_same_is_a_duty_of_some_text() -> None:
    heads = {head for position in law.positions() for head in load_book(position).heads}
    assert {f"duty({name})" for name in OWED_ALL_THE_SAME} <= heads
