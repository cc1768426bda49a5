"""Audits a comparison log: rates, curves and differences by group, each with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.audit.estimates import Equality, compare
from passerby.audit.scores.comparison_log import ComparisonLog
from passerby.audit.scores.rates import Rate, rates_of
from passerby.audit.scores.resampling import draw_rates
from passerby.audit.scores.settings import ScoresSettings
from passerby.audit.scores.sums import LogSums, add_up
from passerby.errors import AuditError, UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How a group's two errors trade off as the threshold moves (detection error trade-off).

    Attributes:
        group: Whose.
        threshold: Shape (N,), float64, rising.
        false_match, false_non_match: Shape (N,), float64, 0 to 1, at each threshold.
    """

    group: str
    threshold: NDArray[np.float64]
    false_match: NDArray[np.float64]
    false_non_match: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RateCheck:
    """A rate with what the two-role bootstrap says of it: 95 of 100 draws lie between the two; None where nobody was drawn."""

    rate: Rate
    drawn_low: float | None
    drawn_high: float | None


@dataclass(frozen=True, slots=True, eq=False)
class ScoresAudit:
    """What a comparison log says.

    Attributes:
        source: Name of the file.
        settings: As given.
        rows, persons, groups: What the log holds.
        copies: Rows that repeat another in every column, few enough to be chance.
        low, high: Least and greatest score.
        both_roles: Whether both people of a comparison are named; if not, the intervals of false matches are too narrow.
        misses: False non-match rates by group.
        matches: False match rates by pair of groups, those within one group first.
        equal_misses, equal_matches: Whether groups differ; of false matches only pairs within one group are compared.
        curves: By group.
        sampled: Comparisons without error that the bootstrap used.
    """

    source: str
    settings: ScoresSettings
    rows: int
    persons: int
    groups: tuple[str, ...]
    copies: int
    low: float
    high: float
    both_roles: bool
    misses: tuple[RateCheck, ...]
    matches: tuple[RateCheck, ...]
    equal_misses: Equality | None
    equal_matches: Equality | None
    curves: tuple[Curve, ...]
    sampled: int


def audit_scores(path: Path, settings: ScoresSettings) -> ScoresAudit:
    """Audit a comparison log.

    Args:
        path: CSV or Parquet with the columns ``score``, ``mated``, ``group``, ``subject`` and, for true intervals,
            ``reference``.
        settings: Threshold and direction.

    Raises:
        UsageError: there is no such file.
        AuditError: the log cannot be read, its values cannot be used, or there is one group and nothing to cross it with.
    """
    if not path.is_file():
        raise UsageError(f"log must be a file, got {'a folder' if path.is_dir() else 'none'}: {path}")
    log = ComparisonLog(path, settings)
    if len(log.groups) == len(log.crossings) == 1:
        raise AuditError(
            f"log must hold at least two groups, got one: {log.groups[0][:60]!a}",
            hint="name people's groups, or cross the one with --by COLUMN",
        )
    sums = add_up(log, settings)
    rates = rates_of(sums.strata)
    drawn = draw_rates(sums.sample, len(log.persons), settings)
    checks = tuple(_check(rate, drawn[:, index]) for index, rate in enumerate(rates))
    return ScoresAudit(
        source=path.name,
        settings=settings,
        rows=log.rows,
        persons=len(log.persons),
        groups=tuple(log.groups),
        copies=sums.copies,
        low=log.low,
        high=log.high,
        both_roles=log.has_reference,
        misses=tuple(check for check in checks if check.rate.stratum.mated),
        matches=tuple(sorted((check for check in checks if not check.rate.stratum.mated), key=_across)),
        equal_misses=_compare(rates, drawn, mated=True),
        equal_matches=_compare(rates, drawn, mated=False),
        curves=_curves(log, sums, settings),
        sampled=sum(len(sample.others) for sample in sums.sample),
    )


def _across(check: RateCheck) -> bool:
    return check.rate.stratum.group != check.rate.stratum.other


def _check(rate: Rate, drawn: NDArray[np.float64]) -> RateCheck:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return RateCheck(rate, None, None)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return RateCheck(rate, float(low), float(high))


def _compare(rates: tuple[Rate, ...], drawn: NDArray[np.float64], *, mated: bool) -> Equality | None:
    chosen = [
        index
        for index, rate in enumerate(rates)
        if rate.stratum.mated == mated and rate.stratum.group == rate.stratum.other
    ]
    return compare([rates[index] for index in chosen], drawn[:, chosen])


def _curves(log: ComparisonLog, sums: LogSums, settings: ScoresSettings) -> tuple[Curve, ...]:
    found = []
    for index, group in enumerate(log.groups):
        other, mated = sums.histogram[:, index]
        if not other.sum() or not mated.sum():
            continue
        # at an edge, what lies above it is accepted where higher is closer
        other_below = np.concatenate(([0], np.cumsum(other))) / other.sum()
        mated_below = np.concatenate(([0], np.cumsum(mated))) / mated.sum()
        if settings.higher_is_closer:
            false_match, false_non_match = 1 - other_below, mated_below
        else:
            false_match, false_non_match = other_below, 1 - mated_below
        found.append(Curve(group, sums.edges, false_match, false_non_match))
    return tuple(found)
