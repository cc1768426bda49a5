"""What attackers gain over themselves with shuffled covers, how sure that is, and whether it is a leak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from passerby.audit.attack.attackers import (
    ENOUGH_OF_FEW,
    Saved,
    channels_of,
    each_of,
    folds_of,
    gaussian_kernel,
    hidden_of,
    linear_kernel,
    orders_of,
    patch_attack,
    patches_of,
    summary_of,
    whole_attack,
)
from passerby.audit.attack.capture import AttackEvidence
from passerby.audit.attack.settings import AttackSettings

ATTACKERS = (
    ("patches", "ridge regression on the patch around each cell"),
    ("whole", "ridge regression on the whole covered area"),
    ("bytes", "ridge regression on the bytes of frames"),
    ("kernel", "Gaussian kernel regression on the bytes of frames, and on mean and spread of each channel"),
)
"""Names and what they are."""
FOUND_BELOW = 0.01
"""A leak is found where shuffled covers do as well so rarely, all attackers together. Source: a choice."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class AttackGain:
    """What one attacker gains.

    Attributes:
        attacker: Its name.
        gain: Explained variance of the hidden picture, of people left out, less the same with shuffled covers; 1 is all.
        low: Lower limit of its 95 % interval.
        high: Upper limit.
        p: How often shuffled covers do as well, 0 to 1.
    """

    attacker: str
    gain: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """What all attackers gain from one kind of cover.

    Attributes:
        people: Attacked.
        scenes: Files, or drawn people, that they are from.
        around_share: Of the hidden picture's variance, what the surroundings explain, 0 to 1; no cover can help that.
        gains: One for each attacker.
        p: How often the luckiest attacker has as much luck with shuffled covers, 0 to 1: corrected for their number.
            Source: the smallest of several p, calibrated by the same shuffles (Westfall, Young 1993).
    """

    people: int
    scenes: int
    around_share: float
    gains: tuple[AttackGain, ...]
    p: float

    @property
    def found(self) -> bool:
        """Whether something shows through."""
        return self.p <= FOUND_BELOW

    @property
    def best(self) -> AttackGain:
        """The attacker that gains most."""
        return max(self.gains, key=lambda one: one.gain)

    @property
    def bound(self) -> float:
        """The largest upper limit of all attackers."""
        return max(one.high for one in self.gains)


def attack(evidence: AttackEvidence, settings: AttackSettings) -> AttackOutcome:
    """Let every attacker loose on what was captured.

    On one thread: many small matrices, for which threads only wait for each other, many times as long on a busy machine.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        return _attack(evidence, settings)


def _attack(evidence: AttackEvidence, settings: AttackSettings) -> AttackOutcome:
    fold = folds_of(evidence.source, settings.folds, settings.seed)
    orders = orders_of(fold, settings.shuffles, settings.seed)
    hidden = hidden_of(evidence, fold)
    channels = channels_of(evidence, hidden)
    saved = (
        patch_attack(patches_of(channels), hidden, fold, orders),
        whole_attack(linear_kernel(channels.reshape(len(fold), -1)), hidden, fold, orders),
        whole_attack(linear_kernel(each_of(hidden.excess)), hidden, fold, orders, enough=ENOUGH_OF_FEW),
        whole_attack(gaussian_kernel(summary_of(channels, hidden.excess)), hidden, fold, orders),
    )
    gains = tuple(
        _gain(name, one, hidden.total, evidence.source) for (name, _), one in zip(ATTACKERS, saved, strict=True)
    )
    luckiest = np.min([_luck(one) for one in saved], axis=0)
    scenes = len(np.unique(evidence.source))
    return AttackOutcome(len(fold), scenes, hidden.around_share, gains, float((luckiest <= luckiest[0]).mean()))


def _gain(name: str, saved: Saved, total: float, source: NDArray[np.int64]) -> AttackGain:
    """Return a gain with its interval by scenes.

    Source: Student's t with the variance of means of clusters (Liang, Zeger 1986); a scene of one person is a cluster of one.
    """
    shares = saved.astype(np.float64) / total
    each = shares[0] - shares[1:].mean(axis=0)
    gain = float(each.mean())
    clusters = np.bincount(np.unique(source, return_inverse=True)[1], each - gain)
    count = len(clusters)
    error = float(np.sqrt((clusters**2).sum() * count / max(count - 1, 1))) / len(each)
    wide = error * float(stats.t.ppf((1 + LEVEL) / 2, max(count - 1, 1)))
    return AttackGain(name, gain, gain - wide, gain + wide, float(_luck(saved)[0]))


def _luck(saved: Saved) -> NDArray[np.float64]:
    """Return for each order how often others do as well, shape (orders,), 0 to 1."""
    means = saved.astype(np.float64).mean(axis=1)
    return np.asarray((len(means) - np.searchsorted(np.sort(means), means, side="left")) / len(means))
