"""Makes one result of what all files said, in an order that does not depend on who read them when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from passerby.scan.catalogue import read_catalogue
from passerby.scan.packages import join_packages
from passerby.scan.run.answers import FileAnswers
from passerby.scan.run.layers import Layers
from passerby.scan.run.suppressing import Suppression
from passerby.scan.values import Finding, FindingKind, PackageMention, Rating, ScanResult, Unread, Weights

_RATINGS = list(Rating)
_FOUND_AS = {
    FindingKind.PACKAGE: "package",
    FindingKind.MODEL: "weights",
    FindingKind.CALL: "call",
    FindingKind.BINARY: "binary",
    FindingKind.WIRING: "wiring",
}


class Joining:
    """Takes the answers of files in any order.

    Args:
        target: As it was named.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._findings: set[Finding] = set()
        self._mentions: set[PackageMention] = set()
        self._unread: set[Unread] = set()
        self._images: set[tuple[str, ...]] = set()
        self._whiteouts: set[str] = set()
        self._places: set[int] = set()
        self._files = self._size_bytes = 0

    def add(self, answers: FileAnswers) -> None:
        """Take in the answers of one file."""
        self._findings.update(answers.findings)
        self._mentions.update(answers.mentions)
        self._unread.update(answers.unread)
        self._images.update(answers.images)
        self._whiteouts.update(answers.whiteouts)
        self._places.update(answers.places)
        self._files += answers.files
        self._size_bytes += answers.size_bytes

    def result(self, suppressions: Sequence[Suppression], today: date) -> ScanResult:
        """Return the result of the scan.

        Args:
            suppressions: Findings that are known.
            today: On this day.
        """
        findings = set(self._findings)
        if self._mentions:
            findings.update(join_packages(self._mentions, read_catalogue()))
        layers = Layers(self._images, self._whiteouts, self._places)
        ordered = sorted(map(layers.told, _told_together(findings)), key=finding_order)
        counting = [one for one in suppressions if one.until >= today]
        reasons = {finding: _reason(finding, counting) for finding in ordered}
        return ScanResult(
            self._target,
            tuple(finding for finding in ordered if not reasons[finding]),
            tuple(sorted({*self._unread, *_ended(suppressions, today)})),
            self._files,
            self._size_bytes,
            len({(mention.ecosystem, mention.name) for mention in self._mentions}),
            tuple((finding, reasons[finding]) for finding in ordered if reasons[finding]),
        )


def finding_order(finding: Finding) -> tuple[int, str, str, str]:
    """Return what findings are sorted by: rating, path, title, and all else."""
    return _RATINGS.index(finding.rating), finding.path, finding.title, repr(finding)


def _told_together(findings: Iterable[Finding]) -> list[Finding]:
    """Say of each finding what else shows the same component, and that its weights are here where they are."""
    listed = list(findings)
    kinds: defaultdict[str, Counter[FindingKind]] = defaultdict(Counter)
    for finding in listed:
        if finding.component:
            kinds[finding.component][finding.kind] += 1
    return [_told(finding, kinds[finding.component]) if finding.component else finding for finding in listed]


def _told(finding: Finding, kinds: Counter[FindingKind]) -> Finding:
    others = [word for kind, word in _FOUND_AS.items() if kinds[kind] and kind is not finding.kind]
    if not others:
        return finding
    said = f"The same component is found here as {' and '.join(others)}"
    note = f"{finding.note.rstrip('.')}. {said}" if finding.note else said
    held = FindingKind.MODEL in kinds and finding.weights in {Weights.FETCHED, Weights.GIVEN}
    return replace(finding, note=note, weights=Weights.HELD if held else finding.weights)


def _reason(finding: Finding, suppressions: Iterable[Suppression]) -> str:
    """Return why a finding is left out of the answer, or nothing."""
    for one in suppressions:
        if one.covers(finding):
            return f"{one.reason} (until {one.until})"
    return ""


def _ended(suppressions: Iterable[Suppression], today: date) -> set[Unread]:
    return {
        Unread(
            f"suppressions:{one.line}",
            f"the suppression of {one.component or one.path} ended on {one.until} and counts no more: {one.reason}",
            hides=False,
        )
        for one in suppressions
        if one.until < today
    }
