"""Makes one result of what all files said, in an order that does not depend on who read them when."""

from __future__ import annotations

from collections.abc import Iterable

from passerby.scan.catalogue import read_catalogue
from passerby.scan.packages import join_packages
from passerby.scan.values import Finding, Observation, PackageMention, Rating, ScanResult, Unread

_RATINGS = list(Rating)


def join_observations(target: str, observations: Iterable[Observation], *, files: int, size_bytes: int) -> ScanResult:
    """Return the result of a scan.

    Args:
        target: As it was named.
        observations: Of all files, in any order.
        files: How many were read.
        size_bytes: Of them together.
    """
    findings: set[Finding] = set()
    mentions: set[PackageMention] = set()
    unread: set[Unread] = set()
    for one in observations:
        if isinstance(one, Finding):
            findings.add(one)
        elif isinstance(one, PackageMention):
            mentions.add(one)
        else:
            unread.add(one)
    if mentions:
        findings.update(join_packages(mentions, read_catalogue()))
    return ScanResult(
        target,
        tuple(sorted(findings, key=finding_order)),
        tuple(sorted(unread)),
        files,
        size_bytes,
        len({(mention.ecosystem, mention.name) for mention in mentions}),
    )


def finding_order(finding: Finding) -> tuple[int, str, str, str]:
    """Return what findings are sorted by: rating, path, title, and all else."""
    return _RATINGS.index(finding.rating), finding.path, finding.title, repr(finding)
