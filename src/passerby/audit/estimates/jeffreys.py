"""The interval of a rate whose observations are not independent, and what is asked of anything that has one.

The interval is Jeffreys' for the number of independent observations that would be as uncertain, with a small-sample
correction by the degrees of freedom of the variance. Sources: Brown, Cai, DasGupta 2001, Statistical Science 16(2), eq. 6
(Jeffreys); Korn, Graubard 1998, Survey Methodology 24(2), section 3 (effective sample size and its correction by t
quantiles).
"""

from __future__ import annotations

from typing import Protocol

from scipy import stats

LEVEL = 0.95


class Estimated(Protocol):
    """A rate that is known from a sample."""

    @property
    def name(self) -> str:
        """Of what, for people."""
        ...

    @property
    def errors(self) -> int:
        """Observations that went wrong."""
        ...

    @property
    def value(self) -> float:
        """The rate, 0 to 1."""
        ...

    @property
    def low(self) -> float:
        """Lower limit of its interval."""
        ...

    @property
    def high(self) -> float:
        """Upper limit of its interval."""
        ...

    @property
    def variance(self) -> float | None:
        """Of the value; None without errors."""
        ...

    @property
    def effective(self) -> float:
        """Independent observations that would be as uncertain."""
        ...

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the variance."""
        ...


def interval(value: float, effective: float, freedom: float) -> tuple[float, float]:
    """Return the limits of a rate.

    Args:
        value: The rate, 0 to 1.
        effective: Independent observations.
        freedom: Degrees of freedom, at least 1.
    """
    tail = (1 - LEVEL) / 2
    shrink = float((stats.norm.ppf(1 - tail) / stats.t.ppf(1 - tail, freedom)) ** 2)
    count = effective * shrink
    errors = value * count
    low = float(stats.beta.ppf(tail, errors + 0.5, count - errors + 0.5)) if errors > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, errors + 0.5, count - errors + 0.5)) if errors < count else 1.0
    return min(low, value), max(high, value)


def upper_without_errors(effective: float) -> float:
    """Return the upper limit of a rate of which no error was seen: about 3 in as many observations (rule of 3).

    Source: ISO/IEC 19795-1:2021, annex B.
    """
    return float(stats.beta.ppf((1 + LEVEL) / 2, 0.5, effective + 0.5))
