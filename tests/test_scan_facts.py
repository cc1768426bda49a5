"""Drafts of facts out of any scan: the law room takes them, and no assessment of a draft says that something is prohibited."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from tests.scan_results import DETECTOR, DIGEST, INSIGHT, NOW, OPENCV, REPORT, reports

from passerby import law, scan
from passerby.scan import Ability, Finding, FindingKind, Rating, ScanReport, ScanResult

OF_THE_USE = ("role", "actor", "purpose", "objective", "timing", "space", "activated")


def draft_of(*findings: Finding) -> dict[str, law.FactValue]:
    """Return the facts of the first draft."""
    report = ScanReport((ScanResult("t", findings),), NOW, DIGEST)
    return law.parse_deployment(scan.draft_facts(report)[0].text.encode(), "draft.yaml").facts


def able(*abilities: Ability, rating: Rating = Rating.DOES_NOT) -> Finding:
    return Finding(FindingKind.MODEL, "m.onnx", "a network", abilities=abilities, rating=rating)


@cache
def outcomes(facts: tuple[tuple[str, law.FactValue], ...], overlays: tuple[str, ...]) -> frozenset[str]:
    """Return what all positions say of some facts; few different ones come out of however many scans."""
    text = "facts:\n" + "".join(f"  {name}: {str(value).lower()}\n" for name, value in facts)
    deployment = law.parse_deployment(text.encode(), "draft.yaml")
    assessment = law.assess_deployment(deployment, law.positions(), overlays=overlays)
    return frozenset(verdict.outcome.value for verdict in assessment.verdicts)


@settings(max_examples=60, deadline=None)
@given(reports)
def test_no_draft_is_prohibited_under_any_position(report: ScanReport) -> None:
    drafts = scan.draft_facts(report)
    assert drafts
    for draft in drafts:
        facts = law.parse_deployment(draft.text.encode(), "draft.yaml").facts
        assert facts["function"] == draft.function
        assert {facts[name] for name in OF_THE_USE} == {law.UNKNOWN}
        for overlays in ((), law.overlays()):
            said = outcomes(tuple(facts.items()), overlays)
            assert "prohibited" not in said
            assert said == {"depends"}, "nothing is decided by what is there"


@pytest.mark.parametrize(
    ("findings", "facts"),
    [
        ((INSIGHT, OPENCV), {"function": "rbi", "modality": "face"}),
        ((able(Ability.VERIFY, rating=Rating.IDENTIFIES),), {"function": "verification", "modality": "face"}),
        ((able(Ability.GROUP, rating=Rating.IDENTIFIES),), {"function": "rbi", "modality": "face"}),
        ((able(Ability.EMOTION, Ability.DETECT),), {"function": "emotion", "emotion_context": "unknown"}),
        ((able(Ability.AGE, Ability.GENDER),), {"function": "bio-categorisation", "attribute": "age-gender"}),
        ((able(Ability.AGE, Ability.ETHNICITY),), {"function": "bio-categorisation", "attribute": "unknown"}),
        ((able(Ability.PERSON),), {"function": "bio-tracking", "modality": "body"}),
        ((able(Ability.GAIT),), {"function": "rbi", "modality": "gait"}),
        ((OPENCV,), {"function": "unknown", "modality": "face"}),
        ((DETECTOR,), {"function": "unknown", "modality": "face"}),
        ((able(Ability.EMOTION, rating=Rating.CAN),), {"function": "unknown", "modality": "face"}),
        ((), {"function": "unknown", "modality": "unknown"}),
    ],
)
def test_what_is_there_says_the_function(findings: tuple[Finding, ...], facts: dict[str, str]) -> None:
    drafted = draft_of(*findings)
    assert {name: drafted[name] for name in facts} == facts


def test_each_function_has_a_draft_of_its_own_that_names_the_others() -> None:
    report = ScanReport((ScanResult("t", (INSIGHT, able(Ability.EMOTION, Ability.AGE))),), NOW, DIGEST)
    drafts = scan.draft_facts(report)
    assert [draft.function for draft in drafts] == ["rbi", "emotion", "bio-categorisation"]
    assert "# what was found can also do, each in a draft of its own: emotion, bio-categorisation" in drafts[0].text
    assert "# InsightFace 0.7.3: one-to-many" in drafts[0].text
    assert "InsightFace" not in drafts[1].text
    calls = tuple(replace(INSIGHT, kind=FindingKind.CALL, path=f"{number}.py") for number in range(99))
    many = scan.draft_facts(ScanReport((ScanResult("t", (INSIGHT, *calls)),), NOW, DIGEST))[0].text
    assert many.count("InsightFace") == 1, "a component is named once"


def test_suppressed_findings_lead_to_no_draft_and_are_said() -> None:
    report = ScanReport((ScanResult("t", suppressed=((INSIGHT, "in a test alone, until 2027-01-01"),)),), NOW, DIGEST)
    draft = scan.draft_facts(report)[0]
    assert draft.function == "unknown"
    assert "InsightFace" in draft.text
    assert "until 2027-01-01" in draft.text
    assert REPORT.results[0].suppressed


def test_the_words_stand_in_the_vocabulary() -> None:
    functions = {draft.function for ability in Ability for draft in scan.draft_facts(
        ScanReport((ScanResult("t", (able(ability, rating=Rating.IDENTIFIES),)),), NOW, DIGEST))}  # fmt: skip
    assert functions - {"unknown"} <= set(law.vocabulary()["function"].values)
    assert len(functions) == 6
