"""The statute's own words: every letter as in the excerpt, every excerpt as its digest says, every rule of the Act quoted."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from passerby import law
from passerby.law.reference import DATA, offences
from passerby.law.statute import places, quotations, words_beside

EXCERPTS: dict[str, Any] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((DATA / "excerpts").glob("*.yaml"))
}
QUOTED: dict[str, Any] = yaml.safe_load((DATA / "quotations.yaml").read_text(encoding="utf-8"))
PROVISIONS = [*law.provisions("act-2024"), *law.provisions("act-2024", overlays=["amendment-2026"])]


def unfaithful(quoted: dict[str, Any], excerpts: dict[str, Any]) -> list[str]:
    """Return the quotations that do not stand to the letter in their excerpt."""
    return [
        f"{name}: {place}"
        for name, text in quoted.items()
        for place, entry in text["words"].items()
        if entry["words"] not in excerpts[name]["excerpts"][entry["excerpt"]]["text"]
    ]


def test_every_quotation_stands_to_the_letter_in_its_excerpt() -> None:
    assert set(QUOTED) == set(EXCERPTS)
    assert not unfaithful(QUOTED, EXCERPTS)
    assert len(quotations()) > 60


@pytest.mark.parametrize("name", EXCERPTS)
def test_every_excerpt_has_the_digest_beside_it(name: str) -> None:
    for place, entry in EXCERPTS[name]["excerpts"].items():
        assert hashlib.sha256(entry["text"].encode()).hexdigest() == entry["sha256"], place
        assert entry["text"] == " ".join(entry["text"].split()), place


@pytest.mark.parametrize("name", EXCERPTS)
def test_a_changed_letter_is_noticed(name: str) -> None:
    for place, entry in QUOTED[name]["words"].items():
        changed = entry["words"].replace("the", "tne", 1) if "the" in entry["words"] else entry["words"] + "s"
        forged = {name: {"words": {place: {**entry, "words": changed}}}}
        assert unfaithful(forged, EXCERPTS) == [f"{name}: {place}"]
        excerpt = EXCERPTS[name]["excerpts"][entry["excerpt"]]
        assert hashlib.sha256(excerpt["text"].replace("a", "e", 1).encode()).hexdigest() != excerpt["sha256"]


def test_quotations_and_excerpts_name_the_same_source() -> None:
    for name, text in QUOTED.items():
        source = EXCERPTS[name]["source"]
        assert {key: source[key] for key in text["source"]} == text["source"]
        assert len(source["sha256"]) == 64
        assert source["copy"]


def test_quotations_stand_beside_rules_that_are_there() -> None:
    there = {p.id for p in PROVISIONS} | {f"{p.position}/{rule.id}" for p in PROVISIONS for rule in p.rules}
    there |= {f"offences/{name}" for name in offences().lists}
    assert not places() - there


@pytest.mark.parametrize("provision", PROVISIONS, ids=lambda provision: provision.id)
def test_every_rule_of_the_act_has_the_statutes_words_beside_it(provision: law.Provision) -> None:
    # what is our reading of a word, or part of no provision of its own, may have none
    without = {rule.id for rule in provision.rules if not words_beside(provision, rule.id)}
    assert without <= OURS, "quote the provision in data/quotations.yaml, or say here that there is none"


OURS: frozenset[str] = frozenset({"art-111/placed-before-the-later-day"})
"""Rules that rest on words of which no copy in English is stored: paraphrase only."""


def test_a_rule_has_its_own_words_and_else_those_of_its_provision() -> None:
    ban = next(p for p in PROVISIONS if p.id == "act-2024/art-05-1-h")
    assert [q.reference for q in words_beside(ban, "art-05-1-h/victim")] == ["Art. 5(1)(h)(i)"]
    assert [q.reference for q in words_beside(ban, "art-05-1-h/ban")] == ["Art. 5(1)(h)"]
    assert "strictly necessary" in words_beside(ban, None)[0].words


def test_a_text_without_a_stored_copy_is_quoted_nowhere() -> None:
    for position in ("commission-2021", "council-2022", "parliament-2023", "edpb-2021"):
        assert not any(words_beside(p, rule.id) for p in law.provisions(position) for rule in p.rules)


def test_the_script_refuses_another_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p id='art_5'>another</p>", encoding="utf-8")
    script = Path(__file__).parent.parent / "scripts" / "excerpts.py"
    done = subprocess.run([sys.executable, script, page], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the page must have the SHA-256" in done.stderr


SHOP = law.read_deployment(Path(__file__).parent.parent / "docs/examples/law/mall-shoplifters.yaml")


def test_reports_show_the_words_beside_the_reason() -> None:
    assessment = law.assess_deployment(SHOP, ("act-2024", "council-2022"))
    text = " ".join(law.assessment_to_text(assessment).split())
    words = "AI systems referred to in Annex III shall be considered to be high-risk."
    assert f"The statute's own words - Art. 6(2): {words}" in text
    assert "Source: Regulation (EU) 2024/1689 (Artificial Intelligence Act), Official Journal of 2024-07-12" in text
    assert text.count("Paraphrase only: no stored copy of this text is quoted here.") == 1
    page = law.assessment_to_html(assessment)
    assert f'<blockquote lang="en">{words}</blockquote>' in page
    assert '<details class="quote"><summary>' in page
    document: Any = law.assessment_to_json(assessment)
    act, council = document["verdicts"]
    assert {"Art. 6(2)", "Annex III 1(a)"} <= {quoted["reference"] for quoted in act["quotations"]}
    assert not council["quotations"]
    assert act["reasons"][0]["quoted"] == ["Art. 6(2)"]


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_the_line_says_where_the_act_alone_answers(language: str) -> None:
    only = {"en": "High-risk under this Act only", "de": "Nur nach dieser Verordnung", "fr": "ce seul règlement"}
    assessment = law.assess_deployment(SHOP, ("act-2024", "council-2022"))
    for told in (law.assessment_to_text(assessment, language), law.assessment_to_html(assessment, language)):
        assert told.count(only[language]) == 1
    document: Any = law.assessment_to_json(assessment)
    assert [verdict["under_this_act_only"] for verdict in document["verdicts"]] == [True, False]


def test_a_ban_is_told_without_that_reserve() -> None:
    banned = law.assess_deployment(SHOP, overlays=["examples/full-national-ban"])
    assert banned.verdicts[0].outcome is law.Outcome.PROHIBITED
    assert "under this Act only" not in law.assessment_to_text(banned)
