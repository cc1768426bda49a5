"""Adds a comparison log up: for each kind and pair of groups the errors, and what their uncertainty needs.

Comparisons that share a person are not independent. For a mean over pairs of people the variance is a sum over all pairs
of comparisons that share somebody; it needs one sum for each person and one for each pair of people.
Source: Aronow, Samii, Assenova 2015, "Cluster-robust variance estimation for dyadic data", Political Analysis 23(4), eq. 4;
Fafchamps, Gubert 2007. For mated comparisons, in which both pictures are of one person, it is the usual sum over clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.audit.scores.comparison_log import ComparisonLog, ComparisonRows
from passerby.audit.scores.settings import ScoresSettings
from passerby.errors import AuditError

BINS = 4096


@dataclass(frozen=True, slots=True)
class Stratum:
    """Comparisons that are counted together.

    Attributes:
        mated: Of one person (misses), or of two (false matches).
        group, other: Groups of the two people, in order; the same for mated comparisons.
        cross: Values of the crossed columns.
    """

    mated: bool
    group: str
    other: str
    cross: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people."""
        pair = self.group if self.group == self.other else f"{self.group} and {self.other}"
        return ", ".join((pair, *self.cross))


@dataclass(frozen=True, slots=True, eq=False)
class StratumSums:
    """What a stratum adds up to.

    Attributes:
        errors: Comparisons that went wrong at the threshold.
        comparisons: All of them.
        persons: People who take part.
        squares: Sum over people of (errors - rate * comparisons) squared, over all their comparisons.
        fourths: The same to the fourth power.
        shared: Sum over pairs of people of the same, squared; 0 for mated comparisons.
    """

    errors: int
    comparisons: int
    persons: int
    squares: float
    fourths: float
    shared: float


@dataclass(frozen=True, slots=True, eq=False)
class LogSums:
    """A whole log, added up.

    Attributes:
        strata: With their sums, mated first, by groups and crossing.
        histogram: Shape (2, groups, BINS), int64: scores of non-mated (0) and mated (1) comparisons within each group.
        edges: Shape (BINS + 1,), float64: limits of the bins.
        sample: What the two-role bootstrap draws from.
        copies: Rows that repeat another one in every column.
    """

    strata: dict[Stratum, StratumSums]
    histogram: NDArray[np.int64]
    edges: NDArray[np.float64]
    sample: tuple[BootstrapSample, ...]
    copies: int


@dataclass(frozen=True, slots=True, eq=False)
class BootstrapSample:
    """One stratum's comparisons for the bootstrap: every error, and a share of the others.

    Attributes:
        stratum: Whose.
        errors: Shape (E, 2), int32: both people of each error.
        others: Shape (M, 2), int32: both people of some comparisons without error.
        weight: How many comparisons without error each of ``others`` stands for.
    """

    stratum: Stratum
    errors: NDArray[np.int32]
    others: NDArray[np.int32]
    weight: float


def add_up(log: ComparisonLog, settings: ScoresSettings) -> LogSums:
    """Read a log and add it up.

    Raises:
        AuditError: a row cannot be used.
    """
    tally = _Tally(log, settings)
    for batch in log.batches():
        tally.add(batch)
    return tally.sums()


class _Tally:
    """Numbers of strata: ((mated, group, other), crossing); people of a stratum have places of their own in one long array."""

    def __init__(self, log: ComparisonLog, settings: ScoresSettings) -> None:
        self._log, self._settings = log, settings
        count, crosses = len(log.groups), len(log.crossings)
        self._size_of = np.bincount(log.group_of, minlength=count)
        self._place_of = _places(log.group_of)
        kinds = [(True, g, g) for g in range(count)] + [(False, g, h) for g in range(count) for h in range(g, count)]
        self._kinds = kinds
        self._kind_of = np.zeros((2, count, count), np.int64)
        sizes = []
        for index, (mated, g, h) in enumerate(kinds):
            self._kind_of[int(mated), g, h] = self._kind_of[int(mated), h, g] = index
            sizes.append(self._size_of[g] + (self._size_of[h] if g != h else 0))
        self._offset = np.concatenate(([0], np.cumsum(np.repeat(sizes, crosses))))
        self._second = np.array([self._size_of[g] if g != h else 0 for _, g, h in kinds])
        self._errors_of = np.zeros(self._offset[-1], np.int64)
        self._count_of = np.zeros(self._offset[-1], np.int64)
        self._histogram = np.zeros((2, count, BINS), np.int64)
        self._edges = np.linspace(
            log.low, np.nextafter(log.high, np.inf) if log.high > log.low else log.low + 1, BINS + 1
        )
        self._taken = _Taken(len(kinds) * crosses, settings)
        self._shares = -(-log.rows // settings.pairs_at_once)
        self._keys = _Keys(log.rows // self._shares + 1)
        self._one_in = -(-log.rows // _ROWS_COMPARED)
        self._rows = _Keys(log.rows // self._one_in + 1)

    def add(self, batch: ComparisonRows) -> None:
        stratum, wrong = self._judge(batch)
        for person, other in ((batch.subject, batch.reference), (batch.reference, batch.subject)):
            keep = np.ones(len(person), bool) if person is batch.subject else ~batch.mated & self._log.has_reference
            place = self._place(stratum, person, other)[keep]
            self._count_of += np.bincount(place, minlength=len(self._count_of))
            self._errors_of += np.bincount(place[wrong[keep]], minlength=len(self._errors_of))
        group = self._log.group_of[batch.subject]
        inside = group == self._log.group_of[batch.reference]
        width = self._edges[1] - self._edges[0]
        bins = np.clip(((batch.score - self._edges[0]) / width).astype(np.int64), 0, BINS - 1)
        flat = (batch.mated * len(self._log.groups) + group) * BINS + bins
        self._histogram += np.bincount(flat[inside], minlength=self._histogram.size).reshape(self._histogram.shape)
        self._taken.add(stratum, wrong, batch)
        self._take_keys(self._keys, batch, wrong, share=0)
        self._rows.add(batch.row[batch.row % self._one_in == 0].view(np.int64))

    def _judge(self, batch: ComparisonRows) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        accepted = (
            batch.score >= self._settings.threshold
            if self._settings.higher_is_closer
            else batch.score <= self._settings.threshold
        )
        groups = self._log.group_of
        kind = self._kind_of[batch.mated.astype(np.int64), groups[batch.subject], groups[batch.reference]]
        return kind * len(self._log.crossings) + batch.cross, accepted != batch.mated

    def _place(
        self, stratum: NDArray[np.int64], person: NDArray[np.int64], other: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return each person's place in the long array; the second group of a pair follows the first."""
        second = self._log.group_of[person] > self._log.group_of[other]
        kind = stratum // len(self._log.crossings)
        return np.asarray(self._offset[stratum] + self._place_of[person] + second * self._second[kind])

    def sums(self) -> LogSums:
        crosses = self._log.crossings
        rates = []
        for index in range(len(self._kinds) * len(crosses)):
            part = slice(self._offset[index], self._offset[index + 1])
            rates.append(
                (self._taken.errors[index], self._taken.counts[index], self._errors_of[part], self._count_of[part])
            )
        shared = self._shared([errors / count if count else 0.0 for errors, count, _, _ in rates])
        self._taken.finish()
        strata = {}
        samples = []
        for index, (errors, count, errors_of, count_of) in enumerate(rates):
            if not count:
                continue
            mated, g, h = self._kinds[index // len(crosses)]
            stratum = Stratum(mated, self._log.groups[g], self._log.groups[h], crosses[index % len(crosses)])
            off = errors_of - errors / count * count_of
            strata[stratum] = StratumSums(
                int(errors),
                int(count),
                int((count_of > 0).sum()),
                float((off**2).sum()),
                float((off**4).sum()),
                float(shared[index]),
            )
            samples.append(self._taken.sample(index, stratum))
        return LogSums(
            strata, self._histogram, self._edges, tuple(samples), _count_copies(self._rows.sorted(), self._one_in)
        )

    def _shared(self, rates: list[float]) -> NDArray[np.float64]:
        """Return for each stratum the sum over pairs of people; read in shares that fit into memory."""
        total = self._pairs(self._keys.sorted(), np.asarray(rates))
        for share in range(1, self._shares):
            keys = _Keys(len(self._keys.values))
            for batch in self._log.batches():
                self._take_keys(keys, batch, self._judge(batch)[1], share)
            total += self._pairs(keys.sorted(), np.asarray(rates))
        return total

    def _take_keys(self, keys: _Keys, batch: ComparisonRows, wrong: NDArray[np.bool_], share: int) -> None:
        """Keep a number for each non-mated comparison of a share: crossing and pair above, error in the lowest bit."""
        if not self._log.has_reference:
            return
        people = len(self._log.persons)
        least, most = np.minimum(batch.subject, batch.reference), np.maximum(batch.subject, batch.reference)
        take = ~batch.mated & ((least * 31 + most) % self._shares == share)
        keys.add((((batch.cross * people + least) * people + most) * 2 + wrong)[take])

    def _pairs(self, keys: NDArray[np.int64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of one share, by stratum."""
        total = np.zeros(len(rates))
        people, crosses = len(self._log.persons), len(self._log.crossings)
        for start in range(0, len(keys), _PIECE):
            # a piece begins with a pair that the one before does not hold
            low = _first_of_pair(keys, start)
            high = _first_of_pair(keys, min(start + _PIECE, len(keys)))
            part = keys[low:high]
            if not len(part):
                continue
            pair = part >> 1
            first = np.flatnonzero(np.concatenate(([True], pair[1:] != pair[:-1])))
            count = np.diff(np.append(first, len(part)))
            errors = np.add.reduceat(part & 1, first)
            most, rest = pair[first] % people, pair[first] // people
            least, cross = rest % people, rest // people
            groups = self._log.group_of
            stratum = self._kind_of[0, groups[least], groups[most]] * crosses + cross
            total += np.bincount(stratum, (errors - rates[stratum] * count) ** 2, len(rates))
        return total


class _Keys:
    """Numbers that come in pieces."""

    def __init__(self, expected: int) -> None:
        self.values = np.empty(expected, np.int64)
        self._filled = 0

    def add(self, new: NDArray[np.int64]) -> None:
        if self._filled + len(new) > len(self.values):
            self.values = np.concatenate((self.values, np.empty(len(self.values) // 2 + len(new), np.int64)))
        self.values[self._filled : self._filled + len(new)] = new
        self._filled += len(new)

    def sorted(self) -> NDArray[np.int64]:
        """Sort them in place and return them."""
        found = self.values[: self._filled]
        found.sort()
        return found


_PIECE = 500_000
_ROWS_COMPARED = 2_500_000


def _count_copies(rows: NDArray[np.int64], one_in: int) -> int:
    """Return how many rows repeat another; of a long log those are compared whose hash is a multiple of ``one_in``."""
    copies = int((rows[1:] == rows[:-1]).sum())
    if copies > max(1, 0.001 * len(rows)):
        raise AuditError(
            f"each comparison must stand once, got about {copies * one_in} rows that repeat another in every column",
            hint="remove the copies; where they are different pictures, add a column that tells them apart",
        )
    return copies * one_in


def _first_of_pair(keys: NDArray[np.int64], at: int) -> int:
    if at >= len(keys):
        return len(keys)
    return int(np.searchsorted(keys, keys[at] & ~1))


def _places(group_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each person's number within their group."""
    place = np.zeros(len(group_of), np.int64)
    for group in np.unique(group_of):
        members = np.flatnonzero(group_of == group)
        place[members] = np.arange(len(members))
    return place


class _Taken:
    """Every error, and a sample of what is none: those with the lowest of evenly drawn numbers, whatever the pieces."""

    def __init__(self, strata: int, settings: ScoresSettings) -> None:
        self.errors = np.zeros(strata, np.int64)
        self.counts = np.zeros(strata, np.int64)
        self._most = settings.sample
        self._draw = np.random.default_rng(settings.seed)
        self._errors: list[NDArray[np.int32]] = []
        self._others: list[NDArray[np.int32]] = []
        self._drawn: list[NDArray[np.float64]] = []
        self._bound = np.ones(strata)

    def add(self, stratum: NDArray[np.int64], wrong: NDArray[np.bool_], batch: ComparisonRows) -> None:
        self.counts += np.bincount(stratum, minlength=len(self.counts))
        self.errors += np.bincount(stratum[wrong], minlength=len(self.errors))
        self._errors.append(_rows(stratum, batch, np.flatnonzero(wrong)))
        drawn = self._draw.random(len(stratum))
        keep = np.flatnonzero(~wrong & (drawn < self._bound[stratum]))
        self._others.append(_rows(stratum, batch, keep))
        self._drawn.append(drawn[keep])
        if sum(map(len, self._drawn)) > 2 * self._most * len(self.counts):
            self._thin()

    def _thin(self) -> None:
        rows, drawn = np.concatenate(self._others), np.concatenate(self._drawn)
        order = np.lexsort((drawn, rows[:, 0]))
        rows, drawn = rows[order], drawn[order]
        start = np.searchsorted(rows[:, 0], np.arange(len(self.counts) + 1))
        rank = np.arange(len(rows)) - start[rows[:, 0]]
        keep = rank < self._most
        for index in np.flatnonzero(np.diff(start) > self._most):
            self._bound[index] = drawn[start[index] + self._most - 1]
        self._others, self._drawn = [rows[keep]], [drawn[keep]]

    def finish(self) -> None:
        """Put the pieces together; nothing is added afterwards."""
        self._thin()
        self._errors = [np.concatenate(self._errors)]

    def sample(self, index: int, stratum: Stratum) -> BootstrapSample:
        errors, others = (rows[rows[:, 0] == index, 1:] for rows in (self._errors[0], self._others[0]))
        without = int(self.counts[index] - self.errors[index])
        return BootstrapSample(stratum, errors, others, without / len(others) if len(others) else 0.0)


def _rows(stratum: NDArray[np.int64], batch: ComparisonRows, chosen: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.stack([column[chosen].astype(np.int32) for column in (stratum, batch.subject, batch.reference)], axis=1)
