"""What a report is about: the results of one run over one or more targets, in the order in which findings are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from passerby.scan.declarations import CheckedDeclaration
from passerby.scan.values import Finding, Rating, ScanResult, Unread
from passerby.values import Digest


@dataclass(frozen=True, slots=True)
class ScanReport:
    """The results of one run.

    Attributes:
        results: One for each target, in the order in which they were named.
        made: When, aware.
        catalogue: Digest of the catalogue that was held against them.
        declaration: What a supplier declared of it, held against the results.
    """

    results: tuple[ScanResult, ...]
    made: datetime
    catalogue: Digest
    declaration: CheckedDeclaration | None = None

    def findings(self) -> Iterator[Finding]:
        """Give every finding that is not suppressed, target after target."""
        for result in self.results:
            yield from result.findings

    def unread(self) -> Iterator[Unread]:
        """Give everything that was not read, target after target."""
        for result in self.results:
            yield from result.unread


def by_rating(findings: tuple[Finding, ...]) -> Iterator[tuple[Rating, tuple[Finding, ...]]]:
    """Give the findings class by class, the gravest first; classes without one are left out."""
    for rating in Rating:
        some = tuple(finding for finding in findings if finding.rating is rating)
        if some:
            yield rating, some
