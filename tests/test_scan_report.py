"""Reports of what a scan found, over results that nobody thought of: every form says the same, and holds foreign text at bay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.needs import chromium, module
from tests.scan_results import DETECTOR, DIGEST, HOSTILE, INSIGHT, NOW, REPORT, RESULT, reports

from passerby import scan
from passerby.scan import (
    Ability,
    Confidence,
    Evidence,
    FindingKind,
    Rating,
    ScanReport,
    ScanResult,
    Weights,
)
from passerby.scan.report.scanned import components_found
from passerby.scan.report.words import ABILITY_WORDS, CONFIDENCE_WORDS, KIND_WORDS, RATING_MEANING, WEIGHTS_WORDS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Request


class Page(HTMLParser):
    """Checks that tags close in order, and gathers what a reader and a browser get."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in {"src", "style"} for name, _ in attrs)
        if tag != "meta":
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def test_every_value_has_words() -> None:
    for table, values in (
        (ABILITY_WORDS, Ability),
        (scan.ABILITY_SHORT, Ability),
        (scan.RATING_WORDS, Rating),
        (RATING_MEANING, Rating),
        (WEIGHTS_WORDS, Weights),
        (CONFIDENCE_WORDS, Confidence),
        (KIND_WORDS, FindingKind),
    ):
        assert list(table) == list(values)


def test_the_schema_knows_every_value() -> None:
    schema = json.loads(json.dumps(scan.read_schema()))
    finding = schema["$defs"]["finding"]["properties"]
    assert schema["$defs"]["ability"]["enum"] == [ability.value for ability in Ability]
    assert schema["$defs"]["rating"]["enum"] == [rating.value for rating in Rating]
    assert finding["kind"]["enum"] == [kind.value for kind in FindingKind]
    assert finding["confidence"]["enum"] == [confidence.value for confidence in Confidence]
    assert finding["weights"]["enum"] == [weights.value for weights in Weights]


@settings(max_examples=50, deadline=None)
@given(reports)
def test_json_fits_its_schema_and_holds_every_finding(report: ScanReport) -> None:
    values = json.loads(scan.dump_json(scan.report_to_json(report)))
    jsonschema.Draft202012Validator(scan.read_schema()).validate(values)
    assert [len(target["findings"]) for target in values["targets"]] == [len(one.findings) for one in report.results]
    assert [len(target["suppressed"]) for target in values["targets"]] == [
        len(one.suppressed) for one in report.results
    ]
    assert [len(target["unread"]) for target in values["targets"]] == [len(one.unread) for one in report.results]
    ratings = {finding.rating for finding in report.findings()}
    assert (
        values["rating"]
        == min((list(Rating).index(rating), rating.value) for rating in ratings or {Rating.DOES_NOT})[1]
    )
    assert all(text.isprintable() for text in strings(values))


# The parts of SARIF 2.1.0 that a report uses, written down after the sections named; no package that could be pinned ships the
# official schema. What was written was held against the official one by hand (errata 01, of 30 November 2026).
_TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
    "additionalProperties": False,
}
_LOCATION = {  # 3.28, 3.29, 3.30, 3.33, 3.4
    "type": "object",
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {
                        "uri": {"type": "string", "pattern": "^[A-Za-z0-9._~!$&'()*+,;=@:/%-]+$"},
                        "uriBaseId": {"const": "TARGET"},
                    },
                    "additionalProperties": False,
                },
                "region": {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
            "additionalProperties": False,
        },
        "logicalLocations": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "properties": {"fullyQualifiedName": {"type": "string"}, "kind": {"type": "string"}},
                "additionalProperties": False,
            },
        },
        "message": _TEXT,
    },
    "additionalProperties": False,
}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],  # 3.13
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],  # 3.14
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],  # 3.18
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],  # 3.19
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "shortDescription": _TEXT,
                                    "fullDescription": _TEXT,
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],  # 3.49
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": _TEXT,
                                                "fullDescription": _TEXT,
                                                "helpUri": {"type": "string", "pattern": "^https://"},
                                                "defaultConfiguration": {
                                                    "type": "object",
                                                    "properties": {"level": _LEVEL},
                                                },
                                            },
                                            "additionalProperties": False,
                                        },
                                    },
                                    "notifications": {"type": "array", "items": {"type": "object", "required": ["id"]}},
                                    "properties": {"type": "object"},
                                },
                                "additionalProperties": False,
                            }
                        },
                        "additionalProperties": False,
                    },
                    "automationDetails": {"type": "object", "properties": {"id": {"type": "string"}}},  # 3.17
                    "originalUriBaseIds": {  # 3.14.14
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "properties": {"description": _TEXT},
                            "additionalProperties": False,
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],  # 3.20
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "endTimeUtc": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["message"],  # 3.58
                                        "properties": {
                                            "descriptor": {"type": "object"},
                                            "level": _LEVEL,
                                            "message": _TEXT,
                                            "locations": {"type": "array", "uniqueItems": True, "items": _LOCATION},
                                        },
                                        "additionalProperties": False,
                                    },
                                },
                            },
                            "additionalProperties": False,
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],  # 3.27
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "kind": {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
                                "level": _LEVEL,
                                "message": _TEXT,
                                "locations": {"type": "array", "items": _LOCATION},
                                "relatedLocations": {"type": "array", "uniqueItems": True, "items": _LOCATION},
                                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                                "suppressions": {
                                    "type": "array",
                                    "uniqueItems": True,
                                    "items": {
                                        "type": "object",
                                        "required": ["kind"],  # 3.35
                                        "properties": {
                                            "kind": {"enum": ["inSource", "external"]},
                                            "status": {"enum": ["accepted", "underReview", "rejected"]},
                                            "justification": {"type": "string"},
                                        },
                                        "additionalProperties": False,
                                    },
                                },
                                "properties": {"type": "object"},
                            },
                            # 3.27.10: a level other than "none" goes with kind "fail" alone
                            "anyOf": [
                                {"properties": {"kind": {"const": "fail"}}},
                                {"properties": {"level": {"const": "none"}}},
                            ],
                            "additionalProperties": False,
                        },
                    },
                    "properties": {"type": "object"},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}


@settings(max_examples=50, deadline=None)
@given(reports)
def test_sarif_is_sarif(report: ScanReport) -> None:
    log = json.loads(scan.dump_json(scan.report_to_sarif(report)))
    jsonschema.Draft7Validator(SARIF).validate(log)
    assert len(log["runs"]) == len(report.results)
    for run, result in zip(log["runs"], report.results, strict=True):
        rules = run["tool"]["driver"]["rules"]
        assert len(run["results"]) == len(result.findings) + len(result.suppressed)
        assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
        assert sum("suppressions" in one for one in run["results"]) == len(result.suppressed)
        assert len(run["invocations"][0]["toolExecutionNotifications"]) == len(result.unread)
    assert all(text.isprintable() for text in strings(log))


def test_sarif_points_at_the_archive_and_names_the_member() -> None:
    run = json.loads(scan.dump_json(scan.report_to_sarif(REPORT)))["runs"][0]
    first = run["results"][0]
    assert first["level"] == "error"
    place = first["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "requirements.txt", "uriBaseId": "TARGET"}, "region": {"startLine": 3}}
    inner = first["relatedLocations"][0]
    assert inner["physicalLocation"] == {"artifactLocation": {"uri": "a%20b.zip", "uriBaseId": "TARGET"}}
    assert inner["logicalLocations"][0]["fullyQualifiedName"] == "a b.zip!/lib/x.py"
    assert "app > fancy-vision > insightface" in first["message"]["text"]
    assert run["results"][3]["suppressions"][0]["justification"] == "in a test alone, until 2027-01-01"


@settings(max_examples=25, deadline=None)
@given(reports)
def test_cyclonedx_fits_the_official_schema(report: ScanReport) -> None:
    """The schema is the one that the library of CycloneDX ships."""
    validation, schema = module("cyclonedx.validation.json"), module("cyclonedx.schema")
    text = scan.dump_json(scan.report_to_cyclonedx(report))
    assert validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert len(bill["components"]) == sum(len(one.findings) + len(one.suppressed) for one in report.results)
    assert all(value.isprintable() for value in strings(bill))
    assert scan.dump_json(scan.report_to_cyclonedx(report)) == text, "the same whenever it is written"


@settings(max_examples=50, deadline=None)
@given(reports, st.sampled_from([None, 20, 60, 140]), st.booleans())
def test_text_lets_no_control_character_through(report: ScanReport, width: int | None, colour: bool) -> None:
    text = scan.report_to_text(report, width=width, colour=colour)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text) if colour else text
    assert all(line.isprintable() for line in plain.splitlines())
    assert "\x1b[31mred" not in text


@settings(max_examples=50, deadline=None)
@given(reports)
def test_page_is_whole_and_loads_nothing(report: ScanReport) -> None:
    text = scan.report_to_html(report)
    page = Page(text)
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(page.tags)
    assert text.count("<article") == sum(
        len(components_found(one.findings)) + len(one.suppressed) for one in report.results
    )
    assert "49" not in page.text.split("{{ 7*7 }}")[0][-5:]


def test_every_report_opens_with_presence_is_not_use() -> None:
    assert scan.report_to_text(REPORT).startswith("Presence is not use")
    assert scan.report_to_text(REPORT, width=140).startswith("Presence is not use")
    assert list(scan.report_to_json(REPORT))[:2] == ["schema", "presence"]
    page = Page(scan.report_to_html(REPORT)).text
    assert page.index("Presence is not use") < page.index("InsightFace")
    bill = json.loads(scan.dump_json(scan.report_to_cyclonedx(REPORT)))
    assert bill["metadata"]["properties"][0]["value"].startswith("Presence is not use")
    driver = json.loads(scan.dump_json(scan.report_to_sarif(REPORT)))["runs"][0]["tool"]["driver"]
    assert driver["shortDescription"]["text"] == "Presence is not use."
    assert all(
        one.text.startswith("# A draft out of `passerby scan`. Presence is not use") for one in scan.draft_facts(REPORT)
    )


@pytest.mark.parametrize("width", [None, 40, 100, 160])
def test_every_form_tells_what_was_found(width: int | None) -> None:
    told = {
        "text": scan.report_to_text(REPORT, width=width),
        "page": Page(scan.report_to_html(REPORT)).text,
        "json": scan.dump_json(scan.report_to_json(REPORT)),
        "sarif": scan.dump_json(scan.report_to_sarif(REPORT)),
        "cyclonedx": scan.dump_json(scan.report_to_cyclonedx(REPORT)),
    }
    for form, text in told.items():
        flat = " ".join(text.split())
        for word in ("InsightFace 0.7.3", "a face detector", "b.rar", "until 2027-01-01", "detection only"):
            assert word in flat or (form in {"json", "cyclonedx"} and word == "InsightFace 0.7.3"), (form, word)
        for word in ("one-to-many", "fetch", "certain", "fancy-vision", "Art. 3(42)", "free for research"):
            assert word in flat, (form, word)
    assert "docs/catalogue.md" in told["text"]
    assert "docs/catalogue.md" in told["page"]


def test_text_says_one_answer_at_the_end() -> None:
    text = scan.report_to_text(REPORT)
    identifying, rest = (
        "1 component found that can identify people by their faces",
        "1 that could when given weights or a key",
    )
    assert f"some/folder: {identifying}; {rest}; 1 that cannot" in text
    assert "120 files read, 12.0 MB, 40 packages named; 1 place was not read and could hide something" in text
    nothing = scan.report_to_text(ScanReport((ScanResult("empty"),), NOW, DIGEST))
    assert "empty: nothing found that identifies people by their faces" in nothing


def test_no_line_is_wrapped_in_a_pipe_and_none_sticks_out_at_a_terminal() -> None:
    long = replace(INSIGHT, evidence=(Evidence("/".join(["folder"] * 60), "names it"),))
    report = ScanReport((ScanResult("t", (long,)),), NOW, DIGEST)
    assert "/".join(["folder"] * 60) + "  names it" in scan.report_to_text(report)
    for width in (30, 80, 120, 200):
        assert max(len(line) for line in scan.report_to_text(report, width=width).splitlines()) <= width


def test_findings_of_one_component_and_class_are_told_as_one() -> None:
    calls = [
        replace(INSIGHT, kind=FindingKind.CALL, version="", confidence=Confidence.LIKELY, abilities=(Ability.GROUP,), chain=(),
                path=f"{name}.py", evidence=(Evidence(f"{name}.py", "imports it", 1), Evidence(f"{name}.py", "calls it", 2)))
        for name in "ab"
    ]  # fmt: skip
    (found,) = components_found([*calls, INSIGHT])
    assert found.kinds == ((FindingKind.PACKAGE, 1), (FindingKind.CALL, 2))
    assert found.whole.confidence is Confidence.CERTAIN
    assert found.whole.version == "0.7.3"
    assert found.whole.abilities == (Ability.SEARCH, Ability.GROUP, Ability.VERIFY, Ability.EMBED, Ability.DETECT)
    assert [one.path for one in found.whole.evidence[:3]] == ["requirements.txt", "a.py", "b.py"], "each file first"
    assert len(found.whole.evidence) == 6
    text = scan.report_to_text(ScanReport((ScanResult("t", (*calls, INSIGHT)),), NOW, DIGEST))
    assert "package, 2 files of source code; certain" in text
    assert "t: 1 component found that can identify people by their faces" in text
    assert len(components_found([DETECTOR, replace(DETECTOR, path="other.onnx")])) == 2, "known by structure alone"


@settings(max_examples=50, deadline=None)
@given(reports)
def test_nothing_is_lost_where_findings_are_told_as_one(report: ScanReport) -> None:
    findings = tuple(report.findings())
    told = components_found(findings)
    assert sum(number for found in told for _, number in found.kinds) == len(findings)
    for what in ("abilities", "evidence"):
        assert {one for found in told for one in getattr(found.whole, what)} == {
            one for finding in findings for one in getattr(finding, what)
        }
    assert {found.whole.rating for found in told} == {finding.rating for finding in findings}


def test_rules_name_the_component_and_its_source() -> None:
    rules = json.loads(scan.dump_json(scan.report_to_sarif(REPORT)))["runs"][0]["tool"]["driver"]["rules"]
    assert rules[0]["id"] == "identifies/insightface"
    assert rules[0]["helpUri"].startswith("https://")
    assert rules[2]["id"] == "does-not/model"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.browser
@pytest.mark.parametrize("columns", [360, 1000])
def test_page_fits_its_window_and_fetches_nothing(browser: Browser, columns: int, tmp_path: Path) -> None:
    hostile = replace(INSIGHT, title=HOSTILE, note=HOSTILE, path=HOSTILE, evidence=(Evidence("x" * 300, HOSTILE),))
    result = replace(RESULT, target=HOSTILE, findings=(hostile, *RESULT.findings), suppressed=((hostile, HOSTILE),))
    path = tmp_path / "page.html"
    path.write_text(scan.report_to_html(replace(REPORT, results=(result,))), encoding="utf-8")
    page = browser.new_page(viewport={"width": columns, "height": 740})
    asked: list[Request] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request))
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], "nothing sticks out to the side"
    assert len(asked) == 1
    assert said == []
    assert page.locator("script").count() == 0
    assert page.get_by_text("Presence is not use").first.is_visible()
    marks = page.evaluate("[...document.querySelectorAll('bdi')].map(e => getComputedStyle(e).unicodeBidi)")
    assert set(marks) == {"isolate"}
    page.emulate_media(media="print")
    assert page.get_by_text("in a test alone").count() == 0
    assert page.locator("article").first.is_visible()
    page.close()
