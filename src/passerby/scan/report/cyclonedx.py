"""Writes a report as a CycloneDX 1.6 bill of materials: a component for each finding, what is said of it as properties.

Source: ECMA-424, CycloneDX Bill of Materials specification 1.6; names of properties stand under ``passerby:scan:``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC

import passerby
from passerby.scan.report.json_values import Json, dump_json
from passerby.scan.report.scanned import ScanReport
from passerby.scan.report.words import PRESENCE_MEANING, abilities_of, declaration_of, shown, timing_of
from passerby.scan.values import Confidence, Finding, FindingKind, ScanResult

_PREFIX = "passerby:scan:"
_TYPE = {
    FindingKind.PACKAGE: "library",
    FindingKind.MODEL: "machine-learning-model",
    FindingKind.STORE: "data",
    FindingKind.CALL: "library",
    FindingKind.BINARY: "library",
    FindingKind.WIRING: "application",
    FindingKind.PROCESS: "application",
    FindingKind.CAMERA: "device",
}
_SURE = {Confidence.CERTAIN: 1.0, Confidence.LIKELY: 0.7, Confidence.MAY_BE: 0.3}


def report_to_cyclonedx(report: ScanReport) -> dict[str, Json]:
    """Return a report as a bill of materials. Its serial number follows from its content."""
    bill: dict[str, Json] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": report.made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {"components": [{"type": "application", "name": "passerby", "version": passerby.__version__}]},
            "component": {
                "type": "application",
                "bom-ref": "scanned",
                "name": ", ".join(shown(result.target) for result in report.results) or "nothing",
            },
            "properties": _properties(
                [
                    ("presence", PRESENCE_MEANING),
                    ("catalogue", report.catalogue),
                    *_declared(report),
                    *_told(report.results),
                ]
            ),
        },
        "components": [
            _component(finding, reason, f"{place}/{number}")
            for place, result in enumerate(report.results, 1)
            for number, (finding, reason) in enumerate(_all(result), 1)
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, dump_json(bill))
    return {**bill, "serialNumber": f"urn:uuid:{serial}"}


def _all(result: ScanResult) -> Iterator[tuple[Finding, str | None]]:
    yield from ((finding, None) for finding in result.findings)
    yield from result.suppressed


def _declared(report: ScanReport) -> Iterator[tuple[str, str]]:
    if report.declaration:
        yield from (("declaration", words) for words in declaration_of(report.declaration))


def _told(results: tuple[ScanResult, ...]) -> Iterator[tuple[str, str]]:
    for result in results:
        target = shown(result.target)
        yield "read", f"{target}: {result.files} files, {result.size_bytes} bytes, {result.packages} packages named"
        for unread in result.unread:
            hides = " (could hide something)" if unread.hides else ""
            yield "not-read", f"{target}: {shown(unread.path)}: {shown(unread.reason)}{hides}"


def _component(finding: Finding, reason: str | None, ref: str) -> dict[str, Json]:
    component: dict[str, Json] = {
        "type": _TYPE[finding.kind],
        "bom-ref": ref,
        "name": shown(finding.title),
        "evidence": {
            "identity": [{"field": "name", "confidence": _SURE[finding.confidence]}],
            "occurrences": [
                {
                    "location": shown(one.path),
                    **({"line": one.line} if one.line else {}),
                    "additionalContext": shown(one.what),
                }
                for one in finding.evidence
            ],
        },
        "properties": _properties(_says(finding, reason)),
    }
    if finding.version:
        component["version"] = shown(finding.version)
    if finding.digest:
        component["hashes"] = [{"alg": "SHA-256", "content": finding.digest.removeprefix("sha256:")}]
    return component


def _says(finding: Finding, reason: str | None) -> Iterator[tuple[str, str]]:
    yield "kind", finding.kind
    yield "rating", finding.rating
    yield "confidence", finding.confidence
    yield "weights", finding.weights
    yield from (("ability", ability) for ability in finding.abilities)
    yield from (("says", words) for words in (*abilities_of(finding), timing_of(finding)))
    yield "component", finding.component
    yield "chain", " > ".join(shown(name) for name in finding.chain)
    yield "note", shown(finding.note)
    if reason is not None:
        yield "suppressed", shown(reason) or "without a reason"


def _properties(pairs: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> list[Json]:
    return [{"name": _PREFIX + name, "value": str(value)} for name, value in pairs if value]
