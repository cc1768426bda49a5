"""Reports of every example under every position: text, JSON against its schema, and the page as text."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from passerby import law
from passerby.law.report.text import WIDTH

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples" / "law"
NAMES = sorted(path.name for path in EXAMPLES.iterdir())
VOID = {"meta", "input", "br", "link", "img", "hr"}
EXPECTED = {
    "christmas-market.yaml": "permitted-with-authorisation",
    "market-every-weekend.yaml": "prohibited",
    "mall-shoplifters.yaml": "high-risk",
    "face-blur.yaml": "not-regulated",
    "museum.json": "non-compliant",
    "e-gate.toml": "not-regulated",
    "concert-recordings.yaml": "permitted-with-authorisation",
    "call-centre-emotions.yaml": "prohibited",
    "footfall-counter.yaml": "not-regulated",
    "billboard-age.yaml": "transparency-only",
    "photo-collector.yaml": "prohibited",
    "station-not-yet-decided.yaml": "depends",
}


class Page(HTMLParser):
    """Checks that tags close in order, and gathers what a reader and a browser get."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def assessments() -> dict[str, law.Assessment]:
    positions = law.positions()
    return {name: law.assess_deployment(law.read_deployment(EXAMPLES / name), positions) for name in NAMES}


def act(assessment: law.Assessment) -> law.Verdict:
    return next(verdict for verdict in assessment.verdicts if verdict.position == "act-2024")


@pytest.mark.parametrize("name", NAMES)
def test_example_has_the_verdict_it_was_written_for(name: str, assessments: dict[str, law.Assessment]) -> None:
    assert act(assessments[name]).outcome == EXPECTED[name]


@pytest.mark.parametrize("name", NAMES)
def test_json_fits_its_published_schema(name: str, assessments: dict[str, law.Assessment]) -> None:
    document = law.assessment_to_json(assessments[name])
    schema = law.read_schema("assessment")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert json.loads(law.dump_json(document)) == document


def test_schema_refuses_what_is_no_assessment(assessments: dict[str, law.Assessment]) -> None:
    schema = law.read_schema("assessment")
    document = law.assessment_to_json(assessments["museum.json"])
    for broken in (
        {**document, "schema": "passerby-assessment/2"},
        {**document, "verdicts": []},
        {**document, "disclaimer": "Legal advice."},
        {**document, "more": 1},
        {key: value for key, value in document.items() if key != "facts"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


@pytest.mark.parametrize("name", NAMES)
def test_text_keeps_to_80_columns_without_colour(name: str, assessments: dict[str, law.Assessment]) -> None:
    one = assessments[name]
    for text in (law.assessment_to_text(one), law.side_by_side_to_text(one), law.comparison_to_text((one,))):
        assert [line for line in text.splitlines() if len(line) > WIDTH] == []
        assert "\x1b" not in text
        assert "Not legal advice" in text
        assert text.endswith("\n")


@pytest.mark.parametrize("name", NAMES)
def test_text_tells_verdict_reasons_duties_changes_and_sources(
    name: str, assessments: dict[str, law.Assessment]
) -> None:
    one = assessments[name]
    text = " ".join(law.assessment_to_text(one).split())
    for verdict in one.verdicts:
        told = [verdict.position, str(verdict.certainty), *verdict.notes]
        told += [" ".join(duty.text.split()) for duty in verdict.duties]
        told += [" ".join(step.statement.split()) for reason in verdict.reasons for step in (reason, *reason.premises)]
        told += [provision.article for reason in verdict.reasons for provision in reason.chain()]
        told += [question.question for question in (law.vocabulary()[name] for name in verdict.unknown)]
        told += [point.question for point in verdict.open_points]
        told += [name for change in verdict.changes for name in change.facts]
        assert [words for words in told if " ".join(words.split()) not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_page_is_whole_and_loads_nothing(name: str, assessments: dict[str, law.Assessment]) -> None:
    one = assessments[name]
    html = law.assessment_to_html(one)
    page = Page(html)
    assert page.stack == []
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?://|@import|url\(|javascript:", html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    inside = [a["href"] for tag, a in page.tags if tag == "a"]
    assert all(href and href.startswith("#") and href[1:] in ids for href in inside)
    labels = {a.get("for") for tag, a in page.tags if tag == "label"}
    assert {a["id"] for tag, a in page.tags if tag == "input"} == labels


@pytest.mark.parametrize("name", NAMES)
def test_page_tells_everything_that_the_verdicts_hold(name: str, assessments: dict[str, law.Assessment]) -> None:
    one = assessments[name]
    text = Page(law.assessment_to_html(one)).text
    assert "Not legal advice" in text
    assert one.title in text
    for verdict in one.verdicts:
        told = [duty.text for duty in verdict.duties] + [point.question for point in verdict.open_points]
        told += [p.reference for reason in verdict.reasons for p in reason.chain()]
        told += [reason.statement for reason in verdict.reasons] + list(verdict.notes)
        assert [words for words in told if " ".join(words.split()) not in text] == []
    assert [claim.text for claim in one.liability if " ".join(claim.text.split()) not in text] == []


def test_text_from_a_facts_file_is_never_markup() -> None:
    data = b'title: "<script>alert(1)</script>"\ndescription: "<b>x</b> & y"\nactor: police\noffence: murder\n'
    html = law.assessment_to_html(law.assess_deployment(law.parse_deployment(data, "d.yaml")))
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "&lt;b&gt;x&lt;/b&gt; &amp; y" in html


def test_matrix_and_side_by_side_tell_every_outcome(assessments: dict[str, law.Assessment]) -> None:
    rows = tuple(assessments.values())
    document = law.comparison_to_json(rows)
    jsonschema.validate(document, law.read_schema("comparison"))
    matrix = Page(law.comparison_to_html(rows, "Examples")).text
    assert [row.title for row in rows if row.title not in matrix] == []
    for row in rows:
        beside = Page(law.comparison_to_html((row,), row.title)).text
        assert [v.position for v in row.verdicts if law.OUTCOME_TITLE[v.outcome] not in beside] == []


def test_what_no_rule_answers_is_said_to_be_outside(assessments: dict[str, law.Assessment]) -> None:
    one = assessments["face-blur.yaml"]
    silent = dataclasses.replace(
        act(one),
        outcome=law.Outcome.DEPENDS,
        possible=frozenset({law.Outcome.DEPENDS}),
        certain=False,
        outside=True,
        reasons=(),
        alternatives=(),
    )
    outside = dataclasses.replace(one, verdicts=(silent,))
    text = law.assessment_to_text(outside)
    assert "OUTSIDE THIS RULEBOOK" in text
    assert "nothing is guessed" in text
    assert "DEPENDS" not in text
    assert "Outside this rulebook" in Page(law.assessment_to_html(outside)).text
    jsonschema.validate(law.assessment_to_json(outside), law.read_schema("assessment"))
    partly = dataclasses.replace(silent, possible=frozenset({law.Outcome.DEPENDS, law.Outcome.PROHIBITED}))
    text = law.assessment_to_text(dataclasses.replace(one, verdicts=(partly,)))
    assert "IT DEPENDS" in text
    assert "Still possible: prohibited, outside this rulebook." in text


def test_day_is_told_and_reaches_the_verdict() -> None:
    deployment = law.read_deployment(EXAMPLES / "market-every-weekend.yaml")
    early = law.assess_deployment(deployment, on=date(2025, 2, 1))
    assert "As in force on 1 February 2025." in law.assessment_to_text(early)
    assert act(early).outcome != law.Outcome.PROHIBITED
    assert act(law.assess_deployment(deployment, on=date(2025, 2, 2))).outcome == law.Outcome.PROHIBITED


def test_a_verdict_that_changes_by_itself_says_so_at_the_top() -> None:
    mall = law.read_deployment(EXAMPLES / "mall-shoplifters.yaml")
    there = law.assess_deployment(mall, on=date(2026, 11, 23))
    assert "By itself from 2 December 2027: It depends." in law.assessment_to_text(there), "Art. 111(2)"
    coming = dataclasses.replace(mall, facts={**mall.facts, "placed_on_market": "later"})
    one = law.assess_deployment(coming, on=date(2026, 11, 23))
    text = law.assessment_to_text(one)
    assert "By itself from 2 December 2027: High-risk." in text
    assert text.index("By itself from") < text.index("Why")
    assert "By itself from 2 December 2027 : High-risk" in Page(law.assessment_to_html(one)).text


def test_own_day_of_a_file_is_used_unless_another_is_asked_for() -> None:
    deployment = law.parse_deployment(b"on: 2025-02-01\nactor: police\n", "d.yaml")
    assert law.assess_deployment(deployment).on == date(2025, 2, 1)
    assert law.assess_deployment(deployment, on=date(2026, 1, 1)).on == date(2026, 1, 1)


def test_liability_tells_articles_9_and_10_and_the_withdrawn_directive(
    assessments: dict[str, law.Assessment],
) -> None:
    claims = assessments["market-every-weekend.yaml"].liability
    articles = {claim.article for claim in claims if "2024/2853" in claim.law}
    assert {"Art. 9", "Art. 10(1)", "Art. 10(2)", "Art. 10(3)", "Art. 10(4)", "Art. 10(5)"} <= articles
    assert any("never was law" in claim.status for claim in claims)
    told = {claim.id for claim in claims}
    assert {"breach-on-these-facts", "use-log", "authorisation-file"} <= told
    quiet = {claim.id for claim in assessments["footfall-counter.yaml"].liability}
    assert not {"breach-on-these-facts", "use-log", "authorisation-file", "error-rates"} & quiet


def test_every_fact_and_word_of_the_vocabulary_is_explained() -> None:
    known = law.vocabulary()
    assert set(law.fact_help()) == set(known)
    document = law.vocabulary_to_json(known)
    jsonschema.validate(document, law.read_schema("vocabulary"))
    for fact in known.values():
        assert fact.question.endswith("?")
        assert fact.explanation
        assert fact.source
        assert fact.open or all(meaning for meaning in fact.values.values())
        assert bool(fact.values) == (fact.kind == "choice")


def test_what_remains_possible_is_shown_with_one_thing_wrong_and_the_same_each_time() -> None:
    facts = law.read_deployment(EXAMPLES / "station-not-yet-decided.yaml").facts
    first = law.assess(facts)
    law.assess({**facts, "objective": "unknown", "targeted": "unknown"})
    assert law.assess(facts) == first
    prohibited, permitted = first.alternatives
    assert (prohibited.outcome, permitted.outcome) == (law.Outcome.PROHIBITED, law.Outcome.PERMITTED)
    (wrong,) = [name for name, value in prohibited.facts.items() if permitted.facts[name] != value]
    text = " ".join(law.assessment_to_text(law.assess_deployment(law.parse_deployment(_yaml(facts), "d.yaml"))).split())
    assert f"(if {wrong}: {prohibited.facts[wrong]}" in text


def _yaml(facts: dict[str, law.FactValue]) -> bytes:
    return law.facts_to_yaml(facts).encode()
