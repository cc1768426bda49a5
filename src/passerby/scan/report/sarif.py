"""Writes a report as SARIF 2.1.0, for code hosts and editors that show findings beside the files: one run for each target.

Written by hand, since the library for it is no longer kept. Source: OASIS, Static Analysis Results Interchange Format
(SARIF) Version 2.1.0, sections 3.14 (run) to 3.58 (notification).
"""

from __future__ import annotations

import hashlib
from datetime import UTC
from urllib.parse import quote

import passerby
from passerby.scan.catalogue import read_catalogue
from passerby.scan.report.json_values import Json
from passerby.scan.report.scanned import ScanReport
from passerby.scan.report.words import (
    CONFIDENCE_WORDS,
    CORRECTION,
    KIND_WORDS,
    PRESENCE,
    PRESENCE_MEANING,
    RATING_WORDS,
    WEIGHTS_WORDS,
    abilities_of,
    declaration_of,
    shown,
    timing_of,
    title_of,
)
from passerby.scan.values import MEMBER, Evidence, Finding, Rating, ScanResult

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "TARGET"
_NOT_READ = "not-read"
_LEVEL = {Rating.IDENTIFIES: "error", Rating.CAN: "warning", Rating.DOES_NOT: "none"}
_KIND = {Rating.IDENTIFIES: "fail", Rating.CAN: "fail", Rating.DOES_NOT: "informational"}


def report_to_sarif(report: ScanReport) -> dict[str, Json]:
    """Return a report as a SARIF log."""
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(result, report) for result in report.results]}


def _run(result: ScanResult, report: ScanReport) -> dict[str, Json]:
    told: list[tuple[Finding, str | None]] = [*((finding, None) for finding in result.findings), *result.suppressed]
    rules = list(dict.fromkeys(_rule_id(finding) for finding, _ in told))
    by_rule = {_rule_id(finding): finding for finding, _ in reversed(told)}
    target = shown(result.target)
    return {
        "tool": {
            "driver": {
                "name": "Passerby scan",
                "version": passerby.__version__,
                "shortDescription": {"text": f"{PRESENCE}."},
                "fullDescription": {"text": PRESENCE_MEANING},
                "rules": [_rule(name, by_rule[name]) for name in rules],
                "notifications": [
                    {"id": _NOT_READ, "shortDescription": {"text": "Something was not read, or not to its end."}}
                ],
                "properties": {
                    "catalogue": report.catalogue,
                    "correction": CORRECTION,
                    "declaration": list(declaration_of(report.declaration)) if report.declaration else [],
                },
            }
        },
        "automationDetails": {"id": f"passerby-scan/{target}"},
        "originalUriBaseIds": {_BASE: {"description": {"text": target}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "endTimeUtc": report.made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "toolExecutionNotifications": [
                    {
                        "descriptor": {"id": _NOT_READ},
                        "level": "warning" if unread.hides else "note",
                        "message": {"text": shown(unread.reason)},
                        "locations": [_location(Evidence(unread.path, unread.reason))],
                    }
                    for unread in result.unread
                ],
            }
        ],
        "results": [_result(finding, reason, rules) for finding, reason in told],
        "properties": {"files": result.files, "size_bytes": result.size_bytes, "packages": result.packages},
    }


def _rule_id(finding: Finding) -> str:
    return f"{finding.rating}/{finding.component or finding.kind}"


def _rule(name: str, finding: Finding) -> dict[str, Json]:
    component = read_catalogue().components.get(finding.component)
    rule: dict[str, Json] = {
        "id": name,
        "shortDescription": {
            "text": f"{component.title if component else KIND_WORDS[finding.kind]}: {RATING_WORDS[finding.rating]}."
        },
        "defaultConfiguration": {"level": _LEVEL[finding.rating]},
    }
    if component:
        rule["fullDescription"] = {"text": component.note or component.sources[0].says}
        rule["helpUri"] = component.sources[0].url
    return rule


def _result(finding: Finding, reason: str | None, rules: list[str]) -> dict[str, Json]:
    evidence = finding.evidence or (Evidence(finding.path, ""),)
    identity = "\0".join((finding.kind, finding.component, finding.title, finding.path))
    result: dict[str, Json] = {
        "ruleId": _rule_id(finding),
        "ruleIndex": rules.index(_rule_id(finding)),
        "kind": _KIND[finding.rating],
        "level": _LEVEL[finding.rating],
        "message": {"text": _message(finding)},
        "locations": [_location(evidence[0])],
        "partialFingerprints": {"passerbyScan/v1": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()},
        "properties": {
            "abilities": [ability.value for ability in finding.abilities],
            "rating": finding.rating.value,
            "confidence": finding.confidence.value,
            "weights": finding.weights.value,
            "chain": [shown(name) for name in finding.chain],
            "digest": finding.digest,
        },
    }
    related: list[Json] = []
    for place in map(_location, evidence[1:]):  # 3.27.22 wants each once, and two places may be told alike
        if place not in related:
            related.append(place)
    if related:
        result["relatedLocations"] = related
    if reason is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": shown(reason)}]
    return result


def _message(finding: Finding) -> str:
    sentences = [
        f"{title_of(finding)} ({KIND_WORDS[finding.kind]}) {RATING_WORDS[finding.rating]}",
        "Able to: " + "; ".join(filter(None, (*abilities_of(finding), timing_of(finding)))),
        f"Weights: {WEIGHTS_WORDS[finding.weights]}",
        f"Confidence: {CONFIDENCE_WORDS[finding.confidence]}",
        *([f"Brought in by {' > '.join(shown(name) for name in finding.chain)}"] if len(finding.chain) > 1 else []),
        *([shown(finding.note).removesuffix(".")] if finding.note else []),
        PRESENCE,
    ]
    return ". ".join(sentences) + "."


def _location(evidence: Evidence) -> dict[str, Json]:
    path = shown(evidence.path)
    outer, _, member = path.partition(MEMBER)
    place: dict[str, Json] = {"artifactLocation": {"uri": quote(outer) or ".", "uriBaseId": _BASE}}
    if evidence.line and not member:
        place["region"] = {"startLine": evidence.line}
    location: dict[str, Json] = {"physicalLocation": place}
    if evidence.what:
        location["message"] = {"text": shown(evidence.what)}
    if member:
        location["logicalLocations"] = [{"fullyQualifiedName": path, "kind": "member"}]
    return location
