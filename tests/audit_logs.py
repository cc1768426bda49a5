"""Comparison logs of drawn people, for tests: who is compared with whom, how often, and with which errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats


def drawn_log(
    rates: Mapping[str, float], *, people: int = 40, effect: float = 0.25, seed: int = 0, pictures: int = 4
) -> pl.DataFrame:
    """Return a log in which a score of 0 or more is a match, with false matches at known rates.

    Args:
        rates: True false match rate of each group, 0 to 1; the miss rate is 0.1 for all.
        people: Of each group.
        effect: Share of the scores' variance that both people bring with them, 0 to 1.
        seed: Of the draws.
        pictures: Mated comparisons of each person.
    """
    generator = np.random.default_rng(seed)
    frames = []
    for group, rate in rates.items():
        names = np.array([f"{group}{index:03d}" for index in range(people)])
        first, second = np.triu_indices(people, 1)
        own = generator.standard_normal(people)
        noise = generator.standard_normal(len(first))
        other = np.sqrt(effect / 2) * (own[first] + own[second]) + np.sqrt(1 - effect) * noise
        frames.append(_frame(other - upper(rate), 0, group, names[first], names[second]))
        who = np.repeat(np.arange(people), pictures)
        same = np.sqrt(effect) * own[who] + np.sqrt(1 - effect) * generator.standard_normal(len(who))
        frames.append(_frame(same + upper(0.1), 1, group, names[who], names[who]))
    return pl.concat(frames)


def upper(rate: float) -> float:
    """Return the value that a standard normal number exceeds at a rate."""
    return float(stats.norm.isf(rate))


def _frame(
    score: NDArray[np.float64], mated: int, group: str, subject: NDArray[np.str_], reference: NDArray[np.str_]
) -> pl.DataFrame:
    return pl.DataFrame({"score": score, "mated": mated, "group": group, "subject": subject, "reference": reference})


def write(frame: pl.DataFrame, path: Path) -> Path:
    """Write a log under a name that ends in .csv or .parquet."""
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return path
