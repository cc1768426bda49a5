"""Attackers that learn on some people what covered pictures say of hidden pixels, and are judged on other people.

All answer one question: what does the covered area say beyond its surroundings? Surroundings are fitted first and taken off; what
they leave is what attackers seek, from inputs that stand as they are or are shuffled between people. Nothing else differs between
attack and control, so that inputs which say nothing gain nothing on average, however many they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage

from passerby.audit.attack.capture import COARSE_CELLS, AttackEvidence

Rows = NDArray[np.float32]
Saved = NDArray[np.float32]
"""Shape (orders, N): by how much the squared error of each person falls."""
RIDGES = (0.3, 3.0, 30.0)
"""Penalties that are tried, as multiples of the mean eigenvalue. Source: a choice."""
AROUND_RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""The same for surroundings, of which always something can be learned. Source: a choice."""
AROUND_WEIGHTS = (1.0, 0.3, 0.3, 0.1, 0.03)
"""Weights of surroundings: brightness, two colours, grain, bytes. Source: a choice: brightness says most."""
PATCH_RIDGES = (0.0001, 0.003, 0.1)
"""The same for patches, of which there are many more. Source: a choice."""
PARTS = 12
"""Principal components of what is sought that are sought one by one. Source: a choice."""
ENOUGH = 3.0
"""A fit is used where it explains more of people left out than so many standard errors. Source: a choice: useless inputs then
mostly gain nothing instead of losing something."""
PATCH_ENOUGH = 1.0
"""The same for patches, of which there are so many that a fit to nothing costs next to nothing. Source: a choice."""
ENOUGH_OF_FEW = 2.0
"""The same for inputs that are few, and so fit little by chance. Source: a choice."""
_TINY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """What is sought, after what surroundings say was taken off.

    Attributes:
        luma: Shape (N, cells * cells).
        grain: Shape (N, 16), each weighted as the cells that it stands for.
        guess: Shape (N, cells * cells): the brightness that surroundings let expect.
        excess: Shape (N, 2): bytes beyond those of coding the output once more, less what surroundings say of them.
        total: Mean over people of the squared deviation before surroundings were taken off.
        around_share: Share of it that surroundings explain of people left out.
    """

    luma: Rows
    grain: Rows
    guess: Rows
    excess: Rows
    total: float
    around_share: float


def folds_of(source: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each person, shape (N,): people of one scene share theirs, and folds are about as large.

    >>> sorted(folds_of(np.array([0, 0, 1, 2, 2]), 3, 1).tolist())
    [0, 0, 1, 1, 2]
    """
    scenes, place, counts = np.unique(source, return_inverse=True, return_counts=True)
    order = np.random.default_rng([seed, 1]).permutation(len(scenes))
    load, fold = np.zeros(folds), np.zeros(len(scenes), np.int64)
    for scene in order[np.argsort(-counts[order], kind="stable")]:
        fold[scene] = load.argmin()
        load[fold[scene]] += counts[scene]
    return np.asarray(fold[place])


def orders_of(fold: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Return whose covered pixels stand with each person, shape (1 + count, N): their own first, then shuffled within folds."""
    draw = np.random.default_rng([seed, 2])
    orders = np.tile(np.arange(len(fold)), (count + 1, 1))
    for number in np.unique(fold):
        rows = np.flatnonzero(fold == number)
        for order in orders[1:]:
            order[rows] = draw.permutation(rows)
    return orders


def hidden_of(evidence: AttackEvidence, fold: NDArray[np.int64]) -> Hidden:
    """Return what surroundings leave of the hidden picture: each person's by a ridge fit to the people of other folds."""
    weight = np.float32(evidence.luma.shape[1] / COARSE_CELLS)
    luma = evidence.luma.reshape(len(fold), -1)
    sought = np.concatenate([luma, weight * evidence.grain.reshape(len(fold), -1)], axis=1)
    seen = np.concatenate([sought, evidence.excess], axis=1)
    kernel = np.zeros((len(fold), len(fold)), np.float32)
    for block, heavy in zip((*evidence.around, evidence.again), AROUND_WEIGHTS, strict=True):
        rows = standard(block)
        kernel += np.float32(heavy / rows.shape[1]) * (rows @ rows.T)
    left, total = np.zeros_like(seen), 0.0
    ends = (0, luma.shape[1], sought.shape[1], seen.shape[1])
    blocks = [slice(*pair) for pair in pairwise(ends)]
    for number in np.unique(fold):
        test, train = fold == number, fold != number
        off = seen - seen[train].mean(axis=0)
        total += float((off[test, : ends[2]] ** 2).sum())
        values, vectors = _eigen(kernel[np.ix_(train, train)])
        outer = kernel[np.ix_(test, train)]
        for columns in blocks:
            turned = vectors.T @ off[train, columns]
            fits = [_left_out(values, vectors, turned, ridge) for ridge in AROUND_RIDGES]
            weights, _ = min(fits, key=lambda fit: float((fit[1] ** 2).sum()))
            left[test, columns] = off[test, columns] - outer @ weights
    share = 1 - float((left[:, : ends[2]] ** 2).sum()) / max(total, _TINY)
    bright, grain, excess = (left[:, columns] for columns in blocks)
    return Hidden(bright, grain, luma - bright, excess, total / len(fold), share)


def standard(rows: Rows) -> Rows:
    """Return inputs around their mean in units of their common spread, shape (N, K); zeros where they do not vary."""
    flat = rows.reshape(len(rows), -1)
    flat = flat - flat.mean(axis=0)
    spread = float(np.sqrt((flat.astype(np.float64) ** 2).mean()))
    return np.asarray(flat / spread if spread > 1e-6 else flat * 0, np.float32)


def _eigen(kernel: Rows) -> tuple[Rows, Rows]:
    values, vectors = linalg.eigh(kernel.astype(np.float64))
    return np.clip(values, 0, None).astype(np.float32), vectors.astype(np.float32)


def _left_out(values: Rows, vectors: Rows, turned: Rows, ridge: float) -> tuple[Rows, Rows]:
    """Return a kernel ridge fit's weights and, of each person, the error when he is left out.

    Source: the closed form of leave-one-out errors of linear smoothers (Allen 1974, PRESS).
    """
    shrink = 1 / (values + np.float32(ridge * max(float(values.mean()), _TINY)))
    weights = np.asarray(vectors @ (shrink[:, None] * turned), np.float32)
    return weights, np.asarray(weights / (vectors**2 @ shrink)[:, None], np.float32)


def whole_attack(
    kernel: Rows, hidden: Hidden, fold: NDArray[np.int64], orders: NDArray[np.int64], *, enough: float = ENOUGH
) -> Saved:
    """Seek the components of the hidden picture one by one, by ridge regression on whole covered areas.

    Args:
        kernel: Shape (N, N): how alike the inputs of two people are.
        hidden: What is sought.
        fold: Shape (N,).
        orders: As from :func:`orders_of`.
        enough: Standard errors by which a fit must explain people left out.
    """
    saved = np.zeros(orders.shape, np.float32)
    for block in (hidden.luma, hidden.grain):
        # what is sought, in the order of the covers it stands with: the same as shuffling covers, and the kernel stays
        sought = block[np.argsort(orders, axis=1)]
        for number in np.unique(fold):
            test, train = fold == number, fold != number
            inner, outer = _centred(kernel[np.ix_(train, train)], kernel[np.ix_(test, train)])
            values, vectors = _eigen(inner)
            if float(values.max()) < 1e-6:
                continue
            parts = linalg.svd(block[train], full_matrices=False)[2][:PARTS].T
            known = sought[:, train] @ parts
            flat = known.transpose(1, 0, 2).reshape(int(train.sum()), -1)
            weights = _best_fits(flat, values, vectors, enough)
            told = outer @ weights
            guess = told.reshape(-1, len(orders), parts.shape[1]).transpose(1, 0, 2)
            here = (2 * (sought[:, test] @ parts) * guess - guess**2).sum(axis=2)
            full = np.zeros(orders.shape, np.float32)
            full[:, test] = here
            saved += np.take_along_axis(full, orders, axis=1)
    return saved


def _centred(inner: Rows, outer: Rows) -> tuple[Rows, Rows]:
    """Return kernels of people learned on, and of others beside them, around the mean of those learned on."""
    columns = inner.mean(axis=0)
    return inner - columns - columns[:, None] + columns.mean(), outer - columns - outer.mean(axis=1)[
        :, None
    ] + columns.mean()


def _best_fits(flat: Rows, values: Rows, vectors: Rows, enough: float) -> Rows:
    """Return the weights of the best fit of each column, zero where none explains enough."""
    turned = vectors.T @ flat
    best, taken = np.full(flat.shape[1], enough, np.float32), np.zeros_like(flat)
    for ridge in RIDGES:
        weights, error = _left_out(values, vectors, turned, ridge)
        gain = flat**2 - error**2
        sure = gain.mean(axis=0) / (gain.std(axis=0) / np.float32(np.sqrt(len(flat))) + np.float32(_TINY))
        better = sure > best
        best[better] = sure[better]
        taken[:, better] = weights[:, better]
    return taken


def channels_of(evidence: AttackEvidence, hidden: Hidden) -> Rows:
    """Return all that the covered area shows, shape (N, channels, cells, cells).

    Pixels that look bare are taken as such: what they add is how they differ from what their surroundings let expect.
    """
    cells = evidence.luma.shape[1]
    guess = hidden.guess.reshape(-1, 1, cells, cells)
    news = evidence.bare[:, :, 1] - evidence.bare[:, :, 0] * guess
    channels = np.concatenate([evidence.covered, news], axis=1)
    return np.stack(
        [standard(channels[:, number]).reshape(-1, cells, cells) for number in range(channels.shape[1])], axis=1
    )


def linear_kernel(inputs: Rows) -> Rows:
    """Return the products of people's inputs, shape (N, N)."""
    return np.asarray(inputs @ inputs.T)


def gaussian_kernel(inputs: Rows) -> Rows:
    """Return how near people's inputs are, shape (N, N), 0 to 1, by the median distance."""
    square = (inputs**2).sum(axis=1)
    apart = np.clip(square[:, None] + square - 2 * inputs @ inputs.T, 0, None)
    middle = float(np.median(apart[np.triu_indices(len(apart), 1)]))
    return np.asarray(np.exp(-apart / np.float32(middle)) if middle > _TINY else np.zeros_like(apart))


def each_of(columns: Rows) -> Rows:
    """Return inputs each in units of its own spread, shape (N, K)."""
    return np.concatenate([standard(columns[:, number : number + 1]) for number in range(columns.shape[1])], axis=1)


def summary_of(channels: Rows, excess: Rows) -> Rows:
    """Return a few inputs for each person, shape (N, K): bytes, and mean and spread of each channel."""
    columns = np.concatenate([channels.mean(axis=(2, 3)), channels.std(axis=(2, 3))], axis=1)
    return np.concatenate([each_of(excess), each_of(columns) / np.float32(np.sqrt(columns.shape[1]))], axis=1)


def patches_of(channels_: Rows) -> Rows:
    """Return the patch around each cell, shape (N, cells * cells, K): it and its four neighbours, two blurs, the mean."""
    count, channels, cells, _ = channels_.shape
    found = []
    for number in range(channels):
        grid = channels_[:, number]
        near = np.pad(grid, ((0, 0), (1, 1), (1, 1)), mode="edge")
        found += [grid, near[:, :-2, 1:-1], near[:, 2:, 1:-1], near[:, 1:-1, :-2], near[:, 1:-1, 2:]]
        found += [ndimage.gaussian_filter(grid, (0, spread, spread), mode="nearest") for spread in (1.5, 3.0)]
        found.append(np.broadcast_to(grid.mean(axis=(1, 2), keepdims=True), grid.shape))
    return np.stack(found, axis=-1).reshape(count, cells * cells, -1)


def patch_attack(patches: Rows, hidden: Hidden, fold: NDArray[np.int64], orders: NDArray[np.int64]) -> Saved:
    """Seek the hidden brightness of each cell by one ridge regression on the patches around cells, the same for all cells.

    Arguments and result as in :func:`whole_attack`; ``patches`` as from :func:`patches_of`.
    """
    sums = _PatchSums(patches, hidden.luma[np.argsort(orders, axis=1)], fold)
    full = np.zeros(orders.shape, np.float32)
    for number in np.unique(fold):
        full[:, fold == number] = sums.saved(fold == number, sums.fit(int(number))).T
    return np.take_along_axis(full, orders, axis=1)


def patch_guess(patches: Rows, hidden: Hidden, fold: NDArray[np.int64], number: int) -> Rows:
    """Return what the patches add to the surroundings' guess for the people of one fold, by the others': (n, cells * cells)."""
    sums = _PatchSums(patches, hidden.luma[None], fold)
    return np.asarray(patches[fold == number] @ sums.fit(number)[:, 0].astype(np.float32))


class _PatchSums:
    """Sums of products of patches, person by person, from which fits to any people follow without going through cells again.

    Args:
        patches: Shape (N, cells * cells, K).
        sought: Shape (orders, N, cells * cells).
        fold: Shape (N,).
    """

    def __init__(self, patches: Rows, sought: Rows, fold: NDArray[np.int64]) -> None:
        turned = patches.transpose(0, 2, 1)
        self._fold, self._inputs = fold, patches.shape[2]
        self._gram: Rows = np.matmul(turned, patches)
        self._cross: Rows = np.matmul(turned, sought.transpose(1, 2, 0))
        self._numbers = np.unique(fold)
        self._grams = {n: self._gram[fold == n].sum(axis=0, dtype=np.float64) for n in self._numbers.tolist()}
        self._crosses = {n: self._cross[fold == n].sum(axis=0, dtype=np.float64) for n in self._numbers.tolist()}

    def saved(self, rows: NDArray[np.bool_], fit: NDArray[np.float64]) -> Rows:
        """Return by how much the squared error of people falls, shape (n, orders)."""
        weights = fit.astype(np.float32)
        products = np.matmul(self._gram[rows], weights)
        return np.asarray(2 * (self._cross[rows] * weights).sum(axis=1) - (products * weights).sum(axis=1))

    def fit(self, left_out: int) -> NDArray[np.float64]:
        """Return the weights learned on all folds but one, shape (K, orders), zero where none explains enough."""
        others = [number for number in self._numbers.tolist() if number != left_out]
        orders = self._cross.shape[2]
        best, taken = np.full(orders, PATCH_ENOUGH), np.zeros((self._inputs, orders))
        for ridge in PATCH_RIDGES:
            gain = np.concatenate(
                [
                    self.saved(self._fold == inner, self._solved([n for n in others if n != inner], ridge))
                    for inner in others
                ]
            )
            sure = gain.mean(axis=0) / (gain.std(axis=0) / np.sqrt(len(gain)) + _TINY)
            better = sure > best
            best[better] = sure[better]
            taken[:, better] = self._solved(others, ridge)[:, better]
        return taken

    def _solved(self, numbers: list[int], ridge: float) -> NDArray[np.float64]:
        gram = sum((self._grams[number] for number in numbers), np.zeros((self._inputs, self._inputs)))
        cross = sum((self._crosses[number] for number in numbers), np.zeros((self._inputs, self._cross.shape[2])))
        penalty = max(ridge * float(np.trace(gram)) / self._inputs, _TINY)
        return np.asarray(linalg.solve(gram + penalty * np.eye(self._inputs), cross, assume_a="pos"))
