"""Writes a report as plain JSON values, in the form that ``schemas/scan.schema.json`` publishes.

``schema`` in each document names the form; a field may be added within a version, none is renamed or dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

import passerby
from passerby.scan.declarations import CheckedDeclaration
from passerby.scan.report.scanned import ScanReport
from passerby.scan.report.words import CORRECTION, PRESENCE_MEANING, abilities_of, declaration_of, shown, timing_of
from passerby.scan.values import Evidence, Finding, Rating, ScanResult, Unread

SCAN_SCHEMA = "passerby-scan/1"
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def report_to_json(report: ScanReport) -> dict[str, Json]:
    """Return a report as JSON values that the schema ``scan`` describes."""
    return {
        "schema": SCAN_SCHEMA,
        "presence": PRESENCE_MEANING,
        "made": report.made.isoformat(timespec="seconds"),
        "version": passerby.__version__,
        "catalogue": report.catalogue,
        "correction": CORRECTION,
        "rating": worst_rating(report).value,
        "declaration": _declaration(report.declaration) if report.declaration else None,
        "targets": [_target(result) for result in report.results],
    }


def worst_rating(report: ScanReport) -> Rating:
    """Return the gravest class of all findings that are not suppressed; ``does-not`` where there is none."""
    found = {finding.rating for finding in report.findings()}
    return next((rating for rating in Rating if rating in found), Rating.DOES_NOT)


def dump_json(values: Mapping[str, Json]) -> str:
    """Return JSON values as text that ends with a line break."""
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"


def read_schema() -> dict[str, Json]:
    """Return the JSON Schema of a report."""
    text = files("passerby.scan").joinpath("schemas/scan.schema.json").read_text(encoding="utf-8")
    found: dict[str, Json] = json.loads(text)
    return found


def _declaration(checked: CheckedDeclaration) -> dict[str, Json]:
    said = checked.declaration
    return {
        "supplier": shown(said.supplier),
        "product": shown(said.product),
        "version": shown(said.version),
        "date": said.date.isoformat(),
        "promise": said.promise.value,
        "outcome": checked.outcome.value,
        "signer": shown(checked.signature.signer),
        "key": checked.signature.key,
        "says": list(declaration_of(checked)),
        "against": [_finding(finding) for finding in checked.against],
        "excluded": [_finding(finding) for finding in checked.excluded],
    }


def _target(result: ScanResult) -> dict[str, Json]:
    return {
        "target": shown(result.target),
        "files": result.files,
        "size_bytes": result.size_bytes,
        "packages": result.packages,
        "findings": [_finding(finding) for finding in result.findings],
        "suppressed": [
            {"reason": shown(reason), "finding": _finding(finding)} for finding, reason in result.suppressed
        ],
        "unread": [_unread(unread) for unread in result.unread],
    }


def _finding(finding: Finding) -> dict[str, Json]:
    return {
        "kind": finding.kind.value,
        "path": shown(finding.path),
        "title": shown(finding.title),
        "component": finding.component,
        "version": shown(finding.version),
        "rating": finding.rating.value,
        "confidence": finding.confidence.value,
        "abilities": [ability.value for ability in finding.abilities],
        "says": list(abilities_of(finding)),
        "timing": timing_of(finding),
        "weights": finding.weights.value,
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "chain": [shown(name) for name in finding.chain],
        "digest": finding.digest,
        "note": shown(finding.note),
    }


def _evidence(evidence: Evidence) -> dict[str, Json]:
    return {"path": shown(evidence.path), "line": evidence.line, "what": shown(evidence.what)}


def _unread(unread: Unread) -> dict[str, Json]:
    return {"path": shown(unread.path), "reason": shown(unread.reason), "hides": unread.hides}
