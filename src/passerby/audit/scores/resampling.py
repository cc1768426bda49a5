"""The two-role bootstrap: people are drawn, and a comparison counts as often as both of its people were drawn together.

Source: Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2). It errs on the wide side. Rates are
computed from every error and a stated sample of the other comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.audit.scores.settings import ScoresSettings
from passerby.audit.scores.sums import BootstrapSample

_DRAWS_AT_ONCE = 50


def draw_rates(samples: Sequence[BootstrapSample], persons: int, settings: ScoresSettings) -> NDArray[np.float64]:
    """Return what each stratum's rate would have been with other people.

    Args:
        samples: One for each stratum.
        persons: How many people the log names.
        settings: Number of draws, seed.

    Returns:
        Shape (replicates, strata), float64; NaN where nobody of a stratum was drawn.
    """
    generator = np.random.default_rng(settings.seed)
    drawn = np.empty((settings.replicates, len(samples)))
    for start in range(0, settings.replicates, _DRAWS_AT_ONCE):
        count = min(_DRAWS_AT_ONCE, settings.replicates - start)
        times = generator.multinomial(persons, np.full(persons, 1 / persons), size=count).T.astype(np.float32)
        for index, sample in enumerate(samples):
            errors = _weigh(sample.errors, times, mated=sample.stratum.mated)
            others = _weigh(sample.others, times, mated=sample.stratum.mated) * sample.weight
            with np.errstate(invalid="ignore", divide="ignore"):
                drawn[start : start + count, index] = errors / (errors + others)
    return drawn


def _weigh(pairs: NDArray[np.int32], times: NDArray[np.float32], *, mated: bool) -> NDArray[np.float64]:
    """Return the sum of weights of some comparisons in each draw; shape (draws,)."""
    total = np.zeros(times.shape[1])
    for start in range(0, len(pairs), 4096):
        part = pairs[start : start + 4096]
        first = times[part[:, 0]]
        total += (first if mated else first * times[part[:, 1]]).sum(axis=0, dtype=np.float64)
    return total
