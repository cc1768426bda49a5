"""One error rate with its interval.

``bench/audit.py coverage`` measures how often it holds the true rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from passerby.audit.estimates import interval, upper_without_errors
from passerby.audit.scores.sums import Stratum, StratumSums


@dataclass(frozen=True, slots=True)
class Rate:
    """An error rate and how sure it is.

    Attributes:
        stratum: What it is a rate of.
        errors, comparisons, persons: Counts.
        value: 0 to 1.
        low, high: Limits that hold the true rate in 95 of 100 such logs.
        variance: Of the value; None without errors.
        effective: Independent comparisons that would be as uncertain, at most ``comparisons``.
        freedom: Degrees of freedom of the variance.
    """

    stratum: Stratum
    errors: int
    comparisons: int
    persons: int
    value: float
    low: float
    high: float
    variance: float | None
    effective: float
    freedom: float

    @property
    def name(self) -> str:
        """Of the stratum, for people."""
        return self.stratum.name

    @property
    def supported(self) -> bool:
        """Whether 30 effective errors stand behind it, which 90 of 100 logs need to come within 30 % of the true rate.

        Source: the rule of 30, Doddington and others 2000; ISO/IEC 19795-1:2021, annex B.
        """
        return self.value * self.effective >= 30

    @property
    def design_effect(self) -> float:
        """How many times larger the variance is than that of independent comparisons."""
        return self.comparisons / self.effective


def rates_of(strata: Mapping[Stratum, StratumSums]) -> tuple[Rate, ...]:
    """Return each stratum's rate, in the given order.

    Where no error was seen nothing says how far comparisons depend on each other: the median of the other rates of the
    same kind is taken, else as many comparisons as people. The upper limit then is about 3 in as many comparisons
    (rule of 3, ISO/IEC 19795-1:2021 annex B).
    """
    effects: dict[bool, list[float]] = {True: [], False: []}
    for stratum, sums in strata.items():
        if sums.errors:
            effects[stratum.mated].append(sums.comparisons / _effective(sums)[0])
    return tuple(_rate(stratum, sums, effects[stratum.mated]) for stratum, sums in strata.items())


def _rate(stratum: Stratum, sums: StratumSums, effects: list[float]) -> Rate:
    count, value = sums.comparisons, sums.errors / sums.comparisons
    if not sums.errors:
        middle = sorted(effects)[len(effects) // 2] if effects else 0.0
        effective = count / middle if middle else float(min(count, sums.persons))
        high = upper_without_errors(effective)
        return Rate(stratum, 0, count, sums.persons, 0.0, 0.0, high, None, effective, float(max(sums.persons - 1, 1)))
    effective, freedom = _effective(sums)
    variance = value * (1 - value) / effective
    low, high = interval(value, effective, freedom)
    return Rate(stratum, sums.errors, count, sums.persons, value, low, high, variance, effective, freedom)


def _effective(sums: StratumSums) -> tuple[float, float]:
    """Return how many independent comparisons are as uncertain, and the degrees of freedom."""
    count, value = sums.comparisons, sums.errors / sums.comparisons
    if sums.persons < 2:
        return 1.0, 1.0
    independent = value * (1 - value) / count
    if independent == 0:
        return float(min(count, sums.persons)), float(sums.persons - 1)
    correction = sums.persons / (sums.persons - 1)
    variance = max((sums.squares * correction - sums.shared) / count**2, independent)
    # Satterthwaite's degrees of freedom of a sum of squares, with the empirical fourth powers
    freedom = max(sums.squares**2 / sums.fourths - 1, 1.0) if sums.fourths else 1.0
    return independent * count / variance, freedom


def rule_of_three(rate: Rate) -> float:
    """Return the rate that a stratum without errors cannot exclude, 0 to 1.

    >>> rule = rule_of_three(Rate(Stratum(False, "a", "a"), 0, 5000, 100, 0.0, 0.0, 0.001, None, 3000.0, 99.0))
    >>> rule
    0.001
    """
    return min(1.0, 3.0 / rate.effective)


def rows_for_thirty(rate: Rate) -> int | None:
    """Return about how many comparisons of this kind would be needed for 30 effective errors; None without an error."""
    return math.ceil(30 / rate.value * rate.design_effect) if rate.errors else None
