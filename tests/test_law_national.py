"""National law: the Member State chooses it, on the day asked about; what is no law is told; a state without one is told so."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from passerby import law
from passerby.errors import RuleError
from passerby.law.report.wording import wording_in
from passerby.law.rules.overlay import LayerStatus, Overlay, overlay_names, read_overlay
from passerby.law.rules.source import read_events, read_sources

LIVE: dict[str, Any] = {
    "role": "deployer", "function": "rbi", "timing": "real-time", "space": "public", "modality": "face", "actor": "police",
    "purpose": "law-enforcement", "authorisation": "prior", "authoriser": "court", "objective": "missing-person",
    "link_to_offence": False, "strictly_necessary": True, "targeted": True, "limits_set": True, "fria": True,
    "registered": True, "notified": True, "law_notified": True, "national_law": True, "human_verifiers": 2,
    "decision_solely_on_output": False,
}  # fmt: skip
SHOP: dict[str, Any] = {
    "role": "deployer", "function": "rbi", "timing": "real-time", "space": "public", "modality": "face",
    "actor": "private", "purpose": "own-security", "objective": "none",
}  # fmt: skip
NATIONAL = [read_overlay(name) for name in overlay_names() if name.startswith("national/")]


@pytest.mark.parametrize(
    ("state", "on", "overlays"),
    [
        ("SE", None, ("national/sweden-2026",)),
        ("SE", date(2026, 6, 30), ()),
        ("SE", date(2026, 7, 1), ("national/sweden-2026",)),
        ("DE-HE", date(2025, 2, 2), ("national/hesse-2025",)),
        ("DE", None, ()),
        ("IT", None, ()),
        ("IT", date(2025, 12, 31), ("national/italy-2021",)),
        ("IT", date(2026, 1, 1), ()),
        ("IE", None, ()),
        ("generic", None, ()),
        ("unknown", None, ()),
    ],
)
def test_the_member_state_chooses_the_law_of_the_day(state: str, on: date | None, overlays: tuple[str, ...]) -> None:
    assert law.assess({**LIVE, "member_state": state}, on=on).overlays == overlays


def test_amendment_and_national_law_are_read_together() -> None:
    verdict = law.assess({**LIVE, "member_state": "SE"}, on=date(2026, 11, 30))
    assert verdict.overlays == ("amendment-2026", "national/sweden-2026")


def test_swedish_law_is_narrower_than_the_act_from_its_first_day_on() -> None:
    facts = {**LIVE, "member_state": "SE"}
    before = law.assess(facts, on=date(2026, 6, 30))
    assert before.outcome == "permitted-with-authorisation"
    assert (date(2026, 7, 1), "prohibited") in [(later.on, later.outcome) for later in before.later]
    after = law.assess(facts, on=date(2026, 7, 1))
    assert after.outcome == "prohibited"
    assert after.certainty is law.Certainty.SECONDARY
    assert any("lag 2026:806" in note for note in after.notes)
    assert law.assess({**facts, "link_to_offence": True}, on=date(2026, 7, 1)).outcome == "permitted-with-authorisation"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("AT", "No national layer in force is known for Austria: its national law decides"),
        ("DE", "member_state: DE-HE"),
        ("IE", "National law (bill, changes nothing here): Ireland"),
        ("DK", "National law (position, changes nothing here): Denmark"),
        ("FR", "National law (adopted, changes nothing here): France"),
        ("IT", "ended on 2025-12-31; nothing that follows it is known here"),
        ("SE", "Sources of national/sweden-2026 read on 2026-11-30 (secondary)"),
    ],
)
def test_what_is_known_of_a_state_is_told(state: str, words: str) -> None:
    notes = law.assess({**LIVE, "member_state": state}).notes
    assert any(words in note for note in notes), notes


def test_a_state_is_told_only_where_it_matters() -> None:
    proposal = law.assess({**LIVE, "member_state": "AT"}, position="commission-2021")
    assert not any("national" in note.lower() for note in proposal.notes)
    counting = {"role": "deployer", "actor": "private", "purpose": "statistics", "function": "generic-analytics"}
    assert not any("national" in note.lower() for note in law.assess({**counting, "member_state": "AT"}).notes)


def test_national_law_is_no_breach_of_the_act() -> None:
    shop = law.assess({**SHOP, "member_state": "IT"}, on=date(2025, 9, 1))
    assert shop.outcome == "prohibited"
    assert shop.fine is None, "another law than the Act prohibits it"


@pytest.mark.parametrize("state", ["SE", "DK", "DE-HE"])
def test_no_change_moves_a_camera_to_another_state(state: str) -> None:
    verdict = law.assess({**LIVE, "member_state": state, "link_to_offence": True})
    assert all("member_state" not in change.facts for change in verdict.changes)


@pytest.mark.parametrize("layer", NATIONAL, ids=lambda layer: layer.name)
def test_every_national_layer_says_where_it_stands_and_when_that_was_read(layer: Overlay) -> None:
    assert layer.sources
    assert layer.certainty
    assert layer.read
    assert layer.start
    assert set(layer.states) <= set(law.vocabulary()["member_state"].values) - {"generic"}
    assert all(source.words for source in layer.sources), "what is not quoted is no source"
    assert layer.status is LayerStatus.LAW or (layer.says and not layer.files), (
        "what is no law is told and has no rules"
    )
    least = max((rule.certainty.rank for file in layer.files for rule in file.provision.rules), default=0)
    assert least <= layer.certainty.rank, "no rule is less sure than its layer says"


def test_examples_are_named_as_such_and_chosen_by_nobody() -> None:
    examples = [read_overlay(name) for name in overlay_names() if name.startswith("examples/")]
    assert examples
    assert all(layer.status is LayerStatus.EXAMPLE and not layer.states and not layer.automatic for layer in examples)
    others = [name for name in overlay_names() if not name.startswith(("examples/", "national/"))]
    assert others == ["amendment-2026"]
    with pytest.raises(RuleError, match="overlay must be one of") as caught:
        read_overlay("olympic-opt-in")
    assert caught.value.hint == "did you mean examples/olympic-opt-in?"


def test_sources_and_events_are_checked() -> None:
    assert read_sources(None, "x:1") == ()
    with pytest.raises(RuleError, match="x:1: sources must be a list, got str"):
        read_sources("a page", "x:1")
    with pytest.raises(RuleError, match="each of the sources must have address, dated, kind, words"):
        read_sources([{"address": "here"}], "x:1")
    with pytest.raises(RuleError, match="x:1: certainty must be one of"):
        read_events([{"day": "2026-12-02", "text": "a", "reference": "b", "certainty": "sure"}], "x:1")
    event = read_events([{"day": date(2026, 12, 2), "text": "a", "reference": "b", "certainty": "quoted"}], "x:1")[0]
    assert (event.on, event.certainty) == (date(2026, 12, 2), law.Certainty.QUOTED)


def test_the_amendment_says_what_it_changes_and_where_that_stands() -> None:
    amendment = read_overlay("amendment-2026")
    assert amendment.start == date(2026, 7, 27)
    assert amendment.certainty is law.Certainty.QUOTED
    assert not amendment.unconfirmed
    assert any("2026/1744" in word for source in amendment.sources for word in source.words)
    assert [event.on for event in amendment.events] == [date(2026, 12, 2), date(2028, 8, 2)]


@pytest.mark.parametrize("language", ["de", "fr"])
@pytest.mark.parametrize("on", [None, date(2026, 11, 30)])
def test_what_is_said_of_national_law_is_said_in_every_language(language: str, on: date | None) -> None:
    w = wording_in(language)
    for state in law.vocabulary()["member_state"].values:
        for note in law.assess({**LIVE, "member_state": state}, on=on).notes:
            assert w.knows(note), note
            assert "National" not in w.of(note) or language == "de"
