"""The Commission's worked examples: each one within scope is a case, and each other one has its reason."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from passerby import law

FILE = Path(__file__).parent / "law_cases" / "guidelines.yaml"
CONTENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


def example_of(key: str) -> tuple[str, int]:
    """Return paragraph and number of an example, without the letter that tells its situations apart."""
    paragraph, _, number = key.partition("-")
    return paragraph, int(number.rstrip("abcdef"))


def test_every_worked_example_is_a_case_or_has_its_reason() -> None:
    told = {example_of(case["example"]) for case in CONTENT["cases"]} | {
        example_of(key) for key in CONTENT["elsewhere"]
    }
    wanted = {(paragraph, n) for paragraph, count in CONTENT["counts"].items() for n in range(1, count + 1)}
    assert told == wanted


def test_no_example_is_told_twice() -> None:
    keys = Counter([*(case["example"] for case in CONTENT["cases"]), *CONTENT["elsewhere"]])
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize("case", CONTENT["cases"], ids=lambda case: case["id"])
def test_example_names_its_paragraph(case: dict[str, Any]) -> None:
    paragraph, _ = example_of(case["example"])
    assert ("section 10.8" if paragraph == "box" else f"¶{paragraph.lstrip('0')}") in case["law"]
    assert all(reason for reason in CONTENT["elsewhere"].values())


FACTS = b"facts: {role: deployer, actor: private, purpose: own-security, function: rbi, space: public}"
MOST = 5
"""Paragraphs that one rule may name in a row; more is a chapter, and no paragraph."""


@pytest.mark.parametrize("provision", law.provisions("act-2024"), ids=lambda provision: provision.id)
def test_headings_name_single_paragraphs_and_rules_of_article_5_their_own(provision: law.Provision) -> None:
    assert "-" not in (provision.guideline or "")
    for rule in provision.rules:
        assert all(int(last) - int(first) < MOST for first, last in re.findall(r"(\d+)-(\d+)", rule.guideline or ""))
        if provision.id.startswith("act-2024/art-05"):
            assert rule.guideline, f"{rule.id} must name its paragraph"


def test_a_reason_names_no_paragraph_that_is_not_its_own() -> None:
    verdict = law.assess(
        {"role": "deployer", "actor": "private", "purpose": "own-security", "function": "rbi", "space": "public"}
    )
    own = {rule.id: rule.guideline for provision in law.provisions() for rule in provision.rules}
    told: Any = law.assessment_to_json(law.assess_deployment(law.parse_deployment(FACTS, "shop.yaml")))["verdicts"]
    assert [reason["guideline"] for reason in told[0]["reasons"]] == [
        own[reason.rule or ""] for reason in verdict.reasons
    ]
