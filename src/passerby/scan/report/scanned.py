"""What a report is about: the results of one run over one or more targets, in the order in which findings are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from passerby.scan.declarations import CheckedDeclaration
from passerby.scan.values import (
    Ability,
    Confidence,
    Evidence,
    Finding,
    FindingKind,
    Rating,
    ScanResult,
    Unread,
    Weights,
)
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


class ComponentFound(NamedTuple):
    """All findings of one component that are of one class, told as one: a library and its hundred calls are one thing to know.

    Attributes:
        whole: A finding with what all of them show: the places of all, whatever any of them can do, the surest confidence.
        kinds: How many of each kind.
    """

    whole: Finding
    kinds: tuple[tuple[FindingKind, int], ...]


def by_rating(findings: Iterable[Finding]) -> Iterator[tuple[Rating, tuple[ComponentFound, ...]]]:
    """Give what was found class by class, the gravest first; classes without any are left out."""
    listed = tuple(findings)
    for rating in Rating:
        some = components_found(finding for finding in listed if finding.rating is rating)
        if some:
            yield rating, some


def components_found(findings: Iterable[Finding]) -> tuple[ComponentFound, ...]:
    """Return findings put together by component and class; networks without a name and processes stay apart."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        together = finding.component and finding.kind is not FindingKind.PROCESS
        apart = () if together else (finding.path, finding.title, finding.kind)
        groups.setdefault((finding.rating, finding.component, *apart), []).append(finding)
    return tuple(_together(group) for group in groups.values())


def _together(group: list[Finding]) -> ComponentFound:
    ordered = sorted(group, key=lambda finding: list(FindingKind).index(finding.kind))
    able = {ability for finding in ordered for ability in finding.abilities}
    held = {finding.weights for finding in ordered}
    digests = {finding.digest for finding in ordered}
    whole = replace(
        ordered[0],
        version=next(filter(None, (finding.version for finding in ordered)), ""),
        abilities=tuple(ability for ability in Ability if ability in able),
        confidence=min((finding.confidence for finding in ordered), key=list(Confidence).index),
        weights=next(weights for weights in Weights if weights in held),
        evidence=_places(ordered),
        chain=max((finding.chain for finding in ordered), key=lambda names: len(names) > 1),
        digest=digests.pop() if len(digests) == 1 else None,
        note=_note(ordered),
    )
    return ComponentFound(whole, tuple(Counter(finding.kind for finding in ordered).items()))


def _places(ordered: list[Finding]) -> tuple[Evidence, ...]:
    """Return all places, the first of each finding before the others."""
    places = [*(one.evidence[:1] for one in ordered), *(one.evidence[1:] for one in ordered)]
    return tuple(dict.fromkeys(chain.from_iterable(places)))


def _note(ordered: list[Finding]) -> str:
    notes = (finding.note.partition(_ELSEWHERE)[0].rstrip(". ") for finding in ordered)
    return next(filter(None, notes), "")


_ELSEWHERE = "The same component is found here as"
"""How a joined result begins to say what is told together here."""
