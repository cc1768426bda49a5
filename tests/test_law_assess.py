"""The room's main door: what a verdict carries, and what it does on a day, with layers, with unknown facts, in threads."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from passerby import law
from passerby.errors import FactsError

LIVE: dict[str, Any] = {
    "role": "deployer", "function": "rbi", "timing": "real-time", "space": "public", "modality": "face", "actor": "police",
    "purpose": "law-enforcement", "authorisation": "prior", "authoriser": "court", "objective": "suspect",
    "offence": "murder", "offence_max_years": 30, "national_law": True, "fria": True, "registered": True, "notified": True,
    "limits_set": True, "targeted": True,
}  # fmt: skip
SHOP: dict[str, Any] = {
    "role": "deployer", "function": "rbi", "timing": "real-time", "space": "public", "modality": "face", "actor": "private",
    "purpose": "own-security", "objective": "none",
}  # fmt: skip


def statements(reasons: tuple[law.Reason, ...]) -> list[str]:
    return [text for reason in reasons for text in (reason.statement, *statements(reason.premises))]


def test_positions_come_in_the_order_of_the_texts() -> None:
    assert law.positions() == ("commission-2021", "council-2022", "parliament-2023", "act-2024", "edpb-2021")
    verdicts = law.assess_all(LIVE)
    assert tuple(v.position for v in verdicts) == law.positions()
    assert [v.position for v in law.assess_all(LIVE, ["act-2024", "council-2022"])] == ["act-2024", "council-2022"]


def test_outcome_equals_its_word() -> None:
    assert law.assess(LIVE).outcome == "permitted-with-authorisation"


def test_verdict_cannot_be_changed() -> None:
    verdict = law.assess(LIVE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.outcome = law.Outcome.PROHIBITED  # type: ignore[misc]
    with pytest.raises(TypeError):
        verdict.assumed["fria"] = False  # type: ignore[index]


def test_reasons_name_every_condition_that_fails_and_none_that_holds() -> None:
    told = " ".join(statements(law.assess({**LIVE, "fria": False, "limits_set": False}).reasons))
    assert "No fundamental rights impact assessment was done before" in told
    assert "Time and area are not limited" in told
    assert "not registered" not in told
    assert "No national law" not in told


def test_reasons_lead_to_their_provisions() -> None:
    verdict = law.assess({**LIVE, "fria": False})
    chain = [provision.article for reason in verdict.reasons for provision in reason.chain()]
    assert chain[0] == "Art. 5(1)(h)"
    assert {"Art. 3", "Art. 5(2)"} <= set(chain)
    assert len(chain) == len(set(chain))


def test_a_ban_that_came_close_is_told_with_what_it_lacks() -> None:
    shop = law.assess(SHOP)
    assert [reason.holds for reason in shop.reasons] == [True, False]
    assert shop.reasons[1].statement.endswith("so that the ban of Art. 5(1)(h) does not bite.")
    assert "The use is not for law enforcement purposes (Art. 3(46))." in statements(shop.reasons)
    emotions = {
        "role": "deployer",
        "function": "emotion",
        "actor": "private",
        "purpose": "commercial",
        "emotion_context": "other",
    }
    told = " ".join(statements(law.assess({**emotions, "emotion_reason": "none"}).reasons))
    assert "the ban of Art. 5(1)(f) does not bite" in told
    assert "Art. 5(1)(h)" not in told, "another kind of system"


WORK: dict[str, Any] = {
    "role": "deployer", "actor": "employer", "purpose": "safety", "function": "emotion", "emotion_context": "workplace",
    "emotion_reason": "safety",
}  # fmt: skip
LABELS: dict[str, Any] = {
    "role": "deployer", "actor": "police", "purpose": "law-enforcement", "function": "bio-categorisation",
    "attribute": "race", "lawful_dataset": True, "national_law": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "ban", "lifts"),
    [
        (WORK, "Art. 5(1)(f)", "It serves a medical or a safety reason."),
        ({**WORK, "emotion_reason": "medical"}, "Art. 5(1)(f)", "It serves a medical or a safety reason."),
        (LABELS, "Art. 5(1)(g)", "lawful"),
    ],
)
@pytest.mark.parametrize("on", [None, date(2026, 11, 29)])
def test_an_exception_that_lifts_a_ban_is_told_with_the_ban(
    facts: dict[str, Any], ban: str, lifts: str, on: date | None
) -> None:
    verdict = law.assess(facts, on=on)
    assert verdict.outcome not in {law.Outcome.PROHIBITED, law.Outcome.DEPENDS}
    told = [r for r in verdict.reasons if r.statement.startswith("This would apply, and what follows lifts it: ")]
    assert [reason.provision.article for reason in told if reason.provision] == [ban]
    assert not told[0].holds
    assert lifts in told[0].premises[0].statement
    assert told[0].premises[0].facts, "the fact that brings the exception is named"


def test_open_points_that_do_not_arise_are_not_told() -> None:
    assert not [text for text in statements(law.assess(LIVE).reasons) if text.startswith("Whether")]


def test_data_behind_a_reason_is_told_with_its_source() -> None:
    told = " ".join(statements(law.assess({**LIVE, "offence": "corruption", "offence_max_years": 3}).reasons))
    assert "The offence (corruption) does not stand in Annex II of the Act" in told
    assert "offence_max_years (3) does not reach 4 (Regulation (EU) 2024/1689, Art. 5(1)(h)(iii))" in told


@pytest.mark.parametrize(
    ("position", "facts", "certainty"),
    [
        ("act-2024", {**SHOP, "purpose": "national-security"}, "quoted"),
        ("council-2022", {**SHOP, "purpose": "national-security"}, "memory"),
        ("act-2024", {**SHOP, "function": "generic-analytics"}, "secondary"),
        ("act-2024", LIVE, "derived"),
        ("commission-2021", {**LIVE, "objective": "missing-person", "minor": True}, "derived"),
    ],
)
def test_verdict_is_as_sure_as_its_weakest_rule(position: str, facts: dict[str, Any], certainty: str) -> None:
    assert law.assess(facts, position=position).certainty == certainty


def test_duties_carry_deadline_and_day() -> None:
    verdict = law.assess({**LIVE, "authorisation": "requested-in-time", "urgent": True, "request_after_hours": 3})
    duties = {duty.id: duty for duty in verdict.duties}
    assert duties["request-within-24-hours"].deadline_hours == 24
    assert duties["stop-on-refusal"].deadline == "with immediate effect"
    assert duties["keep-logs"].deadline == "at least six months"
    assert duties["notify-use"].applies_from == date(2025, 2, 2)
    assert duties["two-person-check"].article == "Art. 14(5)"
    assert all(duty.applies_from is None for duty in law.assess(LIVE, position="commission-2021").duties)


def test_fine_names_its_tier() -> None:
    fine = law.assess({**LIVE, "national_law": False}).fine
    assert fine is not None
    assert (fine.article, fine.max_eur, fine.max_turnover_percent) == ("Art. 99(3)", 35_000_000, 7)
    other = law.assess({**LIVE, "national_law": False}, position="parliament-2023").fine
    assert other is not None
    assert other.max_eur == 40_000_000


def test_changes_hold_single_facts_and_pairs() -> None:
    one = law.assess({**LIVE, "fria": False}).changes
    assert {"fria": True} in [dict(c.facts) for c in one if c.outcome == "permitted-with-authorisation"]
    two = law.assess({**LIVE, "fria": False, "registered": False}).changes
    wanted = [dict(c.facts) for c in two if c.outcome == "permitted-with-authorisation"]
    assert {"fria": True, "registered": True} in wanted
    assert all(len(facts) == 2 for facts in wanted)
    sizes = [len(c.facts) for c in two]
    assert sizes == sorted(sizes)


def test_what_the_user_does_is_told_before_what_the_deployment_is() -> None:
    names = [next(iter(c.facts)) for c in law.assess({**LIVE, "fria": False}).changes if len(c.facts) == 1]
    assert names.index("fria") < names.index("actor") < names.index("space")


def test_a_default_that_follows_a_fact_goes_on_following_it() -> None:
    changes = {tuple(c.facts.items()): c.outcome for c in law.assess(SHOP).changes}
    assert changes[(("function", "generic-analytics"),)] == "not-regulated"
    assert changes[(("function", "bio-tracking"),)] == "depends", "what it compares with would have to be asked"


def test_unknown_facts_leave_what_is_possible() -> None:
    verdict = law.assess({**LIVE, "authorisation": "unknown"})
    assert verdict.outcome == "depends"
    assert verdict.possible == {law.Outcome.PERMITTED, law.Outcome.PROHIBITED}
    assert verdict.next_question == "authorisation"
    assert not verdict.open_points
    assert {alternative.outcome for alternative in verdict.alternatives} == verdict.possible
    # one that was asked for after the start is good only in urgency
    assert all(set(alternative.facts) == {"authorisation", "urgent"} for alternative in verdict.alternatives)
    assert not verdict.changes


def test_none_and_unknown_are_the_same() -> None:
    assert law.assess({**LIVE, "fria": None}).outcome == law.assess({**LIVE, "fria": "unknown"}).outcome == "depends"


def test_unknown_that_does_not_matter_is_not_asked() -> None:
    verdict = law.assess({**SHOP, "targeted": "unknown", "authorisation": "unknown"})
    assert verdict.certain
    assert verdict.unknown == ()


def test_the_first_question_is_the_one_that_settles_most() -> None:
    assert law.assess({}).next_question == "function"
    asked = law.assess({k: v for k, v in LIVE.items() if k not in {"authorisation", "offence", "offence_max_years"}})
    assert set(asked.unknown) == {"authorisation", "offence", "offence_max_years"}


def test_open_points_are_named_with_both_answers() -> None:
    verdict = law.assess({**LIVE, "law_notified": False})
    assert [point.id for point in verdict.open_points] == ["unnotified-law"]
    assert verdict.open_points[0].article == "Art. 5(5)"
    assert {a.outcome: dict(a.readings) for a in verdict.alternatives} == {
        law.Outcome.PERMITTED: {"unnotified-law": False},
        law.Outcome.PROHIBITED: {"unnotified-law": True},
    }


def test_on_a_day_the_text_is_read_as_in_force() -> None:
    facts = {**LIVE, "national_law": False}
    before = law.assess(facts, on=date(2025, 2, 1))
    assert before.outcome == "not-regulated"
    assert [(later.on, later.outcome) for later in before.later] == [(date(2025, 2, 2), "prohibited")]
    assert statements(before.reasons) == ["What would cover this does not apply yet on 2025-02-01."]
    assert law.assess(facts, on=date(2025, 2, 2)).fine is None
    assert law.assess(facts, on=date(2025, 8, 2)).fine is not None


def test_the_amendment_is_read_from_its_first_day_on() -> None:
    day = date(2026, 11, 23)
    amended, published = law.assess(SHOP, on=day), law.assess(SHOP, on=day, amended=False)
    assert amended.overlays == ("amendment-2026",)
    assert (amended.outcome, published.outcome) == ("not-regulated", "high-risk")
    assert amended.later[0].on == date(2027, 12, 2)
    assert law.assess(SHOP, on=date(2026, 7, 26)).overlays == ()


def test_a_proposal_is_read_in_full_on_every_day() -> None:
    verdict = law.assess(SHOP, position="commission-2021", on=date(2020, 1, 1))
    assert verdict.outcome == "high-risk"
    assert verdict.later == ()
    assert "never was law" in verdict.notes[0]


def test_a_layer_that_does_not_hold_is_left_out_and_said() -> None:
    facts = {**LIVE, "objective": "missing-person", "national_law": False}
    during = law.assess(facts, on=date(2030, 2, 1), overlays=["examples/olympic-opt-in"])
    assert during.outcome == "permitted-with-authorisation"
    assert (date(2030, 4, 1), "prohibited") in [(later.on, later.outcome) for later in during.later]
    after = law.assess(facts, on=date(2030, 4, 1), overlays=["examples/olympic-opt-in"])
    assert after.outcome == "prohibited"
    assert any("olympic-opt-in does not hold on 2030-04-01" in note for note in after.notes)


def test_a_layer_is_laid_over_the_positions_it_is_written_for() -> None:
    verdicts = {v.position: v for v in law.assess_all(SHOP, overlays=["examples/full-national-ban"])}
    assert verdicts["act-2024"].outcome == "prohibited"
    assert verdicts["act-2024"].fine is None, "another law than the Act prohibits it"
    assert verdicts["edpb-2021"].overlays == ()


def test_what_lies_outside_is_said_and_not_guessed() -> None:
    verdict = law.assess(
        {
            "role": "deployer",
            "actor": "private",
            "purpose": "statistics",
            "function": "generic-analytics",
            "other_annex_use": True,
        }
    )
    assert verdict.outside
    assert verdict.outcome == "depends"
    assert "outside this rulebook" in statements(verdict.reasons)[-1]
    assert any("outside this rulebook" in note for note in verdict.notes)


def test_an_offence_that_is_not_recognised_is_unknown_and_said() -> None:
    verdict = law.assess({**LIVE, "offence": "poaching", "offence_max_years": 2})
    assert verdict.outcome == "prohibited", "the sentence is too short for any offence"
    assert any("poaching is not recognised" in note and "other-offence" in note for note in verdict.notes)
    longer = law.assess({**LIVE, "offence": "poaching", "offence_max_years": 20})
    assert longer.outcome == "depends"
    assert "offence" in longer.unknown


@pytest.mark.parametrize("word", ["mord", "meurtre", "asesinato", "moord", "zabójstwo", "dråp", "vorsätzliche-tötung"])
def test_an_offence_is_recognised_in_seven_languages_with_and_without_accents(word: str) -> None:
    assert law.assess({**LIVE, "offence": word}).outcome == law.assess({**LIVE, "offence": "murder"}).outcome


def test_facts_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(FactsError, match="timming"):
        law.assess({**LIVE, "timming": "post"})


def test_assumed_defaults_are_told() -> None:
    verdict = law.assess(SHOP)
    assert verdict.assumed["fria"] is True
    assert verdict.assumed["reference_db"] == "watchlist"
    assert "actor" not in verdict.assumed


def test_answers_from_many_threads_are_the_same() -> None:
    several = [LIVE, SHOP, {**LIVE, "fria": False}, {**SHOP, "space": "non-public"}] * 4
    alone = [law.assess(facts).outcome for facts in several]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda facts: law.assess(facts).outcome, several))
    assert together == alone


def test_facts_about_another_function_are_said_to_have_no_effect() -> None:
    """A scraper that also searches is two files: Art. 5(1)(e) for the one, 26(10) for the other."""
    search = {**LIVE, "timing": "post", "scrape_source": "internet", "untargeted": True}
    for verdict in law.assess_all(search):
        told = [note for note in verdict.notes if "without effect here" in note]
        if verdict.position in {"act-2024", "parliament-2023"}:
            assert told[0].startswith(
                "scrape_source, untargeted: without effect here, being about another function than rbi"
            )
            assert "needs a file for each, and the strictest answer counts" in told[0]
    assert not [note for note in law.assess(LIVE).notes if "without effect" in note]
    collection = {"role": "deployer", "function": "face-scraping", "scrape_source": "internet", "untargeted": True}
    assert not [note for note in law.assess(collection).notes if "without effect" in note]
