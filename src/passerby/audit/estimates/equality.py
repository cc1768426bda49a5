"""Whether groups differ: a test for all of them, one for each, and what the sample could have shown.

Rates are compared by their square roots, whose variance hardly depends on the rate (Freeman, Tukey 1950).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from passerby.audit.estimates.jeffreys import Estimated

ALPHA = 0.05
_POWER = 0.8
_FEW = 5
"""Effective errors of a group below which draws of its people do not tell its spread. Source: ``bench/audit.py alarms``."""
_ENOUGH_DRAWN = 0.5
"""Share of draws that must hold somebody of each group. Source: docs/audit.md, "Measured"."""


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """One group beside the mean of the others.

    Attributes:
        name: The group.
        ratio: Its rate over the mean rate of the others; None where those have no error.
        p: Holm's, over all groups; 0 to 1.
    """

    name: str
    ratio: float | None
    p: float


@dataclass(frozen=True, slots=True)
class Equality:
    """What can be said of the equality of rates of one kind.

    Attributes:
        p: Of the homogeneity test, 0 to 1: how often equal groups would differ as much.
        differences: One for each group.
        worst_over_best: Largest rate over smallest; None with a rate of 0.
        worst_over_mean: Largest rate over the geometric mean; None with a rate of 0.
        gini: 0 (equal) to 1. The three are the summaries of NIST IR 8429 (2022), sections 3 to 5.
        corrected: ``worst_over_best`` less what chance alone adds to a ratio of largest to smallest; at least 1. None where each
            draw left a group without error.
        detectable: Ratio of two groups' rates that this sample would have shown in 80 of 100 logs; None without errors.
    """

    p: float
    differences: tuple[GroupDifference, ...]
    worst_over_best: float | None
    worst_over_mean: float | None
    gini: float | None
    corrected: float | None
    detectable: float | None


def compare(rates: Sequence[Estimated], drawn: NDArray[np.float64]) -> Equality | None:
    """Compare the rates of several groups.

    Args:
        rates: One for each group, of one kind.
        drawn: Shape (draws, groups), float64: the rates that other people would have given, drawn together.

    Returns:
        None where there are fewer than two groups, no error at all, or groups so small that most draws hold nobody of some.
    """
    whole = np.isfinite(drawn).all(axis=1)
    if len(rates) < 2 or not any(rate.errors for rate in rates) or whole.sum() < _ENOUGH_DRAWN * len(drawn):
        return None
    drawn = drawn[whole]
    values = np.array([rate.value for rate in rates])
    positive = bool((values > 0).all())
    ratio = float(values.max() / values.min()) if positive else None
    return Equality(
        p=_homogeneity(rates, drawn),
        differences=_differences(rates),
        worst_over_best=ratio,
        worst_over_mean=float(values.max() / math.exp(np.log(values).mean())) if positive else None,
        gini=_gini(values),
        corrected=_corrected(ratio, values, drawn) if ratio is not None else None,
        detectable=_detectable(rates),
    )


def _spread(roots: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(((roots - roots.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1))


def _homogeneity(rates: Sequence[Estimated], drawn: NDArray[np.float64]) -> float:
    """Return how often draws around equal rates spread as much as the rates do.

    Drawing people twice, once for each role, makes draws too wide; their spread is brought half of the way to that of the
    dyadic variance, which alone would find differences too often among few errors (``bench/audit.py alarms``). Of a group with
    hardly an error, draws of its people say next to nothing: its part of all errors is drawn instead.
    """
    roots = np.sqrt(np.array([rate.value for rate in rates]))
    away = np.sqrt(drawn)
    away -= away.mean(axis=0)
    wide = away.std(axis=0)
    for index, rate in enumerate(rates):
        if rate.variance is not None and wide[index] > 0:
            own = math.sqrt(rate.variance) / (2 * roots[index])
            away[:, index] *= math.sqrt((min(1.0, own / wide[index]) + 1) / 2)
    effective = np.array([rate.effective for rate in rates])
    errors = roots**2 * effective
    whole = max(1, round(errors.sum()))
    chance = np.random.default_rng(len(away)).multinomial(whole, effective / effective.sum(), size=len(away))
    few = errors < _FEW
    away[:, few] = np.sqrt(chance * (errors.sum() / whole) / effective)[:, few] - math.sqrt(
        errors.sum() / effective.sum()
    )
    return float(((_spread(away) >= _spread(roots) * (1 - 1e-9)).sum() + 1) / (len(away) + 1))


def _root_variance(rate: Estimated) -> float:
    """Return the variance of a rate's square root: a quarter over the effective comparisons, whatever the rate."""
    return 0.25 / rate.effective


def _differences(rates: Sequence[Estimated]) -> tuple[GroupDifference, ...]:
    raw = []
    for rate in rates:
        others = [other for other in rates if other is not rate]
        gap = math.sqrt(rate.value) - sum(math.sqrt(other.value) for other in others) / len(others)
        spread = math.sqrt(_root_variance(rate) + sum(map(_root_variance, others)) / len(others) ** 2)
        freedom = min(one.freedom for one in rates if one.errors)
        raw.append(float(2 * stats.t.sf(abs(gap) / spread, freedom)))
    adjusted = holm(raw)
    found = []
    for rate, p in zip(rates, adjusted, strict=True):
        mean = sum(other.value for other in rates if other is not rate) / (len(rates) - 1)
        found.append(GroupDifference(rate.name, rate.value / mean if mean else None, p))
    return tuple(found)


def holm(values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number. Source: Holm 1979, Scandinavian Journal of Statistics 6(2).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(values)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        least = max(least, min(1.0, values[index] * (len(values) - rank)))
        adjusted[index] = least
    return adjusted


def _gini(values: NDArray[np.float64]) -> float:
    """Return Gini's coefficient, corrected for the number of groups. Source: NIST IR 8429, section 5."""
    gaps = np.abs(values[:, None] - values[None, :]).sum()
    return float(gaps / (2 * len(values) ** 2 * values.mean()) * len(values) / (len(values) - 1))


def _corrected(ratio: float, values: NDArray[np.float64], drawn: NDArray[np.float64]) -> float | None:
    """Return the ratio of largest to smallest without what drawing adds to it, on the scale of logarithms, if draws tell it."""
    drawn = drawn[(drawn > 0).all(axis=1)]
    if not len(drawn):
        return None
    added = float(np.log(drawn.max(axis=1) / drawn.min(axis=1)).mean()) - math.log(values.max() / values.min())
    return max(1.0, math.exp(math.log(ratio) - max(0.0, added)))


def _detectable(rates: Sequence[Estimated]) -> float | None:
    """Return the ratio of two typical groups' rates that a test of both at 5 % finds four times in five."""
    mean = sum(rate.value for rate in rates) / len(rates)
    middle = sorted(rate.effective for rate in rates)[(len(rates) - 1) // 2]
    gap = float(stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(_POWER)) * math.sqrt(2 * 0.25 / middle)
    return ((math.sqrt(mean) + gap) / math.sqrt(mean)) ** 2 if mean else None
