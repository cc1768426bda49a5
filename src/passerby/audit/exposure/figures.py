"""Rates and quantities with their uncertainty, from faces that belong to people who belong to clips.

Faces of one person in many frames are not independent, nor are people of one clip. So a rate has two intervals: for other people
in these clips, with the variance of a sum over people, and for other clips, by leaving each clip out once; tests take the larger
variance. Fewer clips than :data:`ENOUGH_CLIPS` support no interval for others.
Sources: Liang, Zeger 1986, Biometrika 73(1) (clusters); Bell, McCaffrey 2002, Survey Methodology 28(2) (few clusters: the
jackknife, CR3); the interval is that of ``audit scores`` (``jeffreys.py``).
``bench/audit.py exposure`` measures how often both hold the true rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from passerby.audit.estimates import LEVEL, interval, upper_without_errors

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
DRAWS = 1000
ENOUGH_CLIPS = 7
"""Equal clips whose faces count as much as these, from which other clips get an interval. Source: ``bench/audit.py exposure``."""


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces in frames as columns; all of shape (N,).

    Attributes:
        clip: Number of the clip.
        person: Number of the person; each belongs to one clip.
        wrong: float64: 1 where the face counts against the tool, else 0.
    """

    clip: Whole
    person: Whole
    wrong: Real

    def of(self, keep: NDArray[np.bool_]) -> Faces:
        """Return some of them."""
        return Faces(self.clip[keep], self.person[keep], self.wrong[keep])


@dataclass(frozen=True, slots=True)
class ExposureRate:
    """A share of faces, or of people, and how sure it is.

    Attributes:
        name: Of the group.
        errors: How many are exposed.
        faces: Of how many.
        people: Whose they are.
        clips: In which.
        value: 0 to 1.
        low, high: Limits that hold the share in these clips in 95 of 100 samples of people.
        clip_low, clip_high: Limits that hold the share of all such clips in 95 of 100 samples of clips; None with too few clips.
        variance: Of the value, the larger of both; None without errors.
        effective: Independent faces that would be as uncertain.
        freedom: Degrees of freedom of the variance.
    """

    name: str
    errors: int
    faces: int
    people: int
    clips: int
    value: float
    low: float
    high: float
    clip_low: float | None
    clip_high: float | None
    variance: float | None
    effective: float
    freedom: float

    @property
    def supported(self) -> bool:
        """Whether 30 effective errors stand behind it (rule of 30, ISO/IEC 19795-1:2021, annex B)."""
        return self.value * self.effective >= 30


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure that is no share of faces.

    Attributes:
        name: What it is.
        unit: Of the value.
        value: None where nothing can be said.
        low, high: Limits as of a rate; None where no interval exists.
        n: How many it is of.
        of: What they are.
        method: Of the interval, in words.
    """

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    of: str
    method: str


def exposure_rate(name: str, faces: Faces, *, effect: float = 0.0) -> ExposureRate:
    """Return the share of faces that are wrong.

    Args:
        name: Of the group.
        faces: At least one.
        effect: Design effect that stands in where nothing is wrong; 0 takes as many faces as people.
    """
    count, wrong = len(faces.wrong), int(faces.wrong.sum())
    people, clips = len(np.unique(faces.person)), len(np.unique(faces.clip))
    value = wrong / count
    if not 0 < wrong < count:
        effective, freedom, variance = count / effect if effect else float(people), float(max(people - 1, 1)), None
        own, other = _all_alike(value, effective), _all_alike(value, clips)
    else:
        of_people, of_clips = spreads(faces, value)
        larger = max(of_people, of_clips, key=lambda one: one.variance)
        effective, freedom, variance = value * (1 - value) / larger.variance, larger.freedom, larger.variance
        own, other = _limits(value, of_people), _limits(value, of_clips)
    low, high = other if clips_that_count(np.bincount(faces.clip)) >= ENOUGH_CLIPS else (None, None)
    return ExposureRate(
        name, wrong, count, people, clips, value, own[0], own[1], low, high, variance, effective, freedom
    )


def _all_alike(value: float, effective: float) -> tuple[float, float]:
    """Return the limits where no face is wrong, or every one."""
    high = upper_without_errors(effective)
    return (0.0, high) if not value else (1 - high, 1.0)


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance of a mean, and its degrees of freedom."""

    variance: float
    freedom: float


def _limits(value: float, spread: Spread) -> tuple[float, float]:
    return interval(value, value * (1 - value) / spread.variance, spread.freedom)


def spreads(faces: Faces, value: float) -> tuple[Spread, Spread]:
    """Return how far a mean spreads over people and over clips, neither less than that of independent faces."""
    off = faces.wrong - value
    least = float((off**2).mean()) / len(off)
    people, clips = (_sums(one, off) for one in (faces.person, faces.clip))
    size = _sums(faces.clip, np.ones(len(off)))
    count, squares = len(people), float((people**2).sum())
    of_people = squares * count / (count - 1) / len(off) ** 2 if count > 1 else 0.0
    # as alike as the people of a clip are, clips of these sizes would have these squares
    within, between = squares / len(off), max(0.0, float((clips**2).sum()) - squares) / float((size**2).sum())
    of_clips = left_out(clips, size, expected=size * within + size**2 * between)
    return (
        Spread(max(of_people, least), _between(_freedom(_sums(faces.person, np.ones(len(off)))), people**2)),
        Spread(max(of_clips.variance, least), of_clips.freedom),
    )


def _sums(cluster: Whole, values: Real) -> Real:
    """Return the sum of values in each cluster."""
    _, number = np.unique(cluster, return_inverse=True)
    return np.bincount(number, values).astype(np.float64)


def left_out(off: Real, size: Real, *, expected: Real) -> Spread:
    """Return how far a ratio of sums over clips spreads, by leaving each clip out once.

    Squares of few clips that differ much tell their variance badly: half of the reciprocal degrees of freedom are Satterthwaite's
    for clips of these sizes, half are those of the squares that were seen (``bench/audit.py exposure``), and so for people.

    Args:
        off: Shape (clips,): sum above less the ratio times that below.
        size: Shape (clips,): the sum below.
        expected: Shape (clips,): squares that such clips have on average, to any factor.
    """
    count, rest = len(off), float(size.sum()) - size
    if count < 2 or not rest.all():
        return Spread(0.0, 1.0)
    variance = float(((off / rest) ** 2).sum()) * (count - 1) / count
    return Spread(variance, _between(_freedom(expected), off**2))


def _between(of_sizes: float, squares: Real) -> float:
    """Return degrees of freedom whose reciprocal lies half-way between those of the sizes of clusters and of their squares."""
    return 2 / (1 / of_sizes + 1 / min(of_sizes, _freedom(squares)))


def _freedom(squares: Real) -> float:
    """Return Satterthwaite's degrees of freedom of a sum of squares."""
    total = float((squares**2).sum())
    return max(float(squares.sum()) ** 2 / total - 1, 1.0) if total else 1.0


def clips_that_count(size: NDArray[np.number]) -> float:
    """Return how many clips of one size say as much as clips of these sizes. Source: Kish 1965, "Survey Sampling", section 8.2.

    >>> clips_that_count(np.array([10, 10, 10])), round(clips_that_count(np.array([100, 1, 1])), 2)
    (3.0, 1.04)
    """
    return float(size.sum() ** 2 / (size.astype(np.float64) ** 2).sum()) if size.any() else 0.0


def design_effect(rates: Sequence[ExposureRate]) -> float:
    """Return the median design effect of rates that have errors; 0 where none has."""
    found = sorted(rate.faces / rate.effective for rate in rates if rate.errors)
    return found[len(found) // 2] if found else 0.0


def drawn_rates(faces: Faces, group: Whole, groups: int, *, seed: int = 0) -> Real:
    """Return the rates of groups that other clips, and other people in them, would have given.

    Clips are drawn, then people in each; with one clip, people only.

    Args:
        faces: Of all groups.
        group: Shape (N,): number of each face's group.
        groups: How many.
        seed: Of the draws.

    Returns:
        Shape (DRAWS, groups), float64; NaN where nobody of a group was drawn.
    """
    people, person = np.unique(faces.person, return_inverse=True)
    table = np.zeros((len(people), 2 * groups))
    np.add.at(table, (person, group), 1)
    np.add.at(table, (person, groups + group), faces.wrong)
    clip_of = np.zeros(len(people), np.int64)
    clip_of[person] = faces.clip
    generator = np.random.default_rng(seed)
    clips = np.unique(clip_of)
    times = np.ones((DRAWS, 1), np.int64) if len(clips) < 2 else generator.multinomial(
        len(clips), np.full(len(clips), 1 / len(clips)), size=DRAWS
    )  # fmt: skip
    sums = np.zeros((DRAWS, 2 * groups))
    for number, clip in enumerate(clips):
        rows = table[clip_of == clip]
        draw = np.repeat(np.arange(DRAWS), times[:, number])
        for start in range(0, len(draw), 500):
            part = draw[start : start + 500]
            picked = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=len(part))
            np.add.at(sums, part, picked @ rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[:, groups:] / sums[:, :groups]


def ratio_of_sums(above: Real, below: Real, clip: Whole) -> tuple[float | None, float | None, float | None]:
    """Return a ratio of two sums over clips with its limits; no limits with too few clips.

    Args:
        above: Shape (N,).
        below: Shape (N,).
        clip: Shape (N,): which rows belong together.
    """
    total = float(below.sum())
    if not total:
        return None, None, None
    value = float(above.sum()) / total
    off, size = _sums(clip, above - value * below), _sums(clip, below)
    if clips_that_count(size) < ENOUGH_CLIPS:
        return value, None, None
    spread = left_out(off, size, expected=size)
    half = float(stats.t.ppf((1 + LEVEL) / 2, spread.freedom)) * math.sqrt(spread.variance)
    return value, max(0.0, value - half), value + half


@dataclass(frozen=True, slots=True)
class ToolDifference:
    """How two tools differ on the same faces.

    Attributes:
        first, other: Names.
        faces: Judged of both.
        value: Exposed share of the other less that of the first.
        low, high: Limits that hold the true difference in 95 of 100 such samples.
        p: How often tools that leave as many bare would differ as much; Holm's over all compared tools.
        detectable: Difference that such a sample shows four times in five.
    """

    first: str
    other: str
    faces: int
    value: float
    low: float
    high: float
    p: float
    detectable: float


def difference(first: str, other: str, faces: Faces) -> ToolDifference:
    """Return how two tools differ.

    Args:
        first: Name.
        other: Name.
        faces: ``wrong`` is 1 where only the other leaves a face bare, -1 where only the first does, else 0.
    """
    value = float(faces.wrong.mean())
    larger = max(spreads(faces, value), key=lambda one: one.variance)
    spread, t = math.sqrt(larger.variance), float(stats.t.ppf((1 + LEVEL) / 2, larger.freedom))
    p = float(2 * stats.t.sf(abs(value) / spread, larger.freedom)) if spread else 1.0
    half = t * spread
    detectable = (t + float(stats.norm.ppf(0.8))) * spread
    return ToolDifference(first, other, len(faces.wrong), value, value - half, value + half, p, detectable)
