"""The answer whose samples weigh most in a random subset of them: every subset visited, or some drawn. Compiled
loops.

Classes of answers, and what each is worth, are those of `plurality.classes`.
"""

from collections.abc import Sequence
from math import comb

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.stats.compiled import compiled


def enumerated(codes: Ints, worth: Floats, weights: Floats, k: int) -> Floats:
    """Expected worth of the class with the largest sum of weights over all size-k subsets, each visited.

    codes, worth, weights (N, S) -> (N,). Equal sums split evenly, up to rounding; weights of 1 make it the
    plurality. Source: by definition.
    """
    leading = np.zeros(len(codes))
    _visit(codes, worth, weights, k, comb(codes.shape[1], k), leading)
    return leading


def drawn(
    codes: Ints, worth: Floats, weights: Floats, ks: Sequence[int], *, rng: np.random.Generator, num_draws: int
) -> tuple[Floats, Floats]:
    """As `enumerated`, by the mean over `num_draws` random orders,
    whose first k samples are a random size-k subset.

    Returns the mean and its standard error, (N, K) each. Source: simple random sampling without replacement.
    """
    widths, which = np.unique(np.asarray(ks, dtype=np.int64), return_inverse=True)
    total, squares = (np.zeros((len(codes), len(widths))) for _ in range(2))
    if len(widths):
        _draw(codes, worth, weights, widths, rng, num_draws, total, squares)
    mean = total / num_draws
    variance = np.maximum(squares / num_draws - mean**2, 0) / max(num_draws - 1, 1)
    return mean[:, which], np.sqrt(variance)[:, which]


@compiled
def _leader(sums: Floats, counts: Ints, worth: Floats, slack: float) -> float:
    """Mean worth of the classes present whose sum is the largest, up to `slack`; 0 where none is present."""
    best = -np.inf
    for label in range(len(sums)):
        if counts[label] and sums[label] > best:
            best = sums[label]
    total, num_leaders = 0.0, 0
    for label in range(len(sums)):
        if counts[label] and sums[label] >= best - slack:
            total += worth[label]
            num_leaders += 1
    return total / max(num_leaders, 1)


@compiled
def _ahead(best: float, second: float, leader: int, label: int, total: float) -> tuple[float, float, int]:
    """The largest sum, the largest of another class and whose the first is, where a class has grown to `total`."""
    if label == leader:
        return total, second, leader
    if total > best:
        return total, best, label
    return best, max(second, total), leader


@compiled
def _visit(codes: Ints, worth: Floats, weights: Floats, k: int, num_subsets: int, leading: Floats) -> None:
    """Add to leading (N,) the mean over all size-k subsets in the order of their samples: each shares its first
    samples with the one before it, whose sums are kept.
    """
    num_rows, n = codes.shape
    taken, before = np.zeros(k, dtype=np.int64), np.zeros(k)
    # Who leads after so many samples of a subset.
    best, second, leader = np.full(k + 1, -np.inf), np.full(k + 1, -np.inf), np.full(k + 1, -1)
    for row in range(num_rows):
        num_classes = codes[row].max() + 1
        slack, can_fall = 1e-12 * np.abs(weights[row]).sum(), weights[row].min() < 0
        sums, counts = np.zeros(num_classes), np.zeros(num_classes, dtype=np.int64)
        depth, sample = 0, 0
        while depth >= 0:
            if depth < k and sample <= n - k + depth:
                label, after = codes[row, sample], depth + 1
                best[after], second[after], leader[after] = best[depth], second[depth], leader[depth]
                if label >= 0:
                    before[depth] = sums[label]
                    sums[label] += weights[row, sample]
                    counts[label] += 1
                    best[after], second[after], leader[after] = _ahead(
                        best[depth], second[depth], leader[depth], label, sums[label]
                    )
                taken[depth] = sample
                depth, sample = after, sample + 1
                continue
            if depth == k:
                is_alone = not can_fall and second[k] < best[k] - slack
                value = worth[row, leader[k]] if is_alone else _leader(sums, counts, worth[row], slack)
                leading[row] += value / num_subsets
            depth -= 1
            if depth >= 0:
                sample = taken[depth] + 1
                if codes[row, taken[depth]] >= 0:
                    sums[codes[row, taken[depth]]] = before[depth]
                    counts[codes[row, taken[depth]]] -= 1


@compiled
def _draw(
    codes: Ints,
    worth: Floats,
    weights: Floats,
    ks: Ints,
    rng: np.random.Generator,
    num_draws: int,
    total: Floats,
    squares: Floats,
) -> None:
    num_rows, n = codes.shape
    order = np.arange(n)
    for row in range(num_rows):
        num_classes = codes[row].max() + 1
        slack = 1e-12 * np.abs(weights[row]).sum()
        sums, counts = np.zeros(num_classes), np.zeros(num_classes, dtype=np.int64)
        for _ in range(num_draws):
            sums[:] = 0.0
            counts[:] = 0
            at = 0
            for position in range(ks[-1]):
                # The first positions of a Fisher-Yates shuffle; whatever order the last draw left is as good a
                # start.
                other = position + int(rng.random() * (n - position))
                order[position], order[other] = order[other], order[position]
                sample = order[position]
                if codes[row, sample] >= 0:
                    sums[codes[row, sample]] += weights[row, sample]
                    counts[codes[row, sample]] += 1
                if position + 1 == ks[at]:
                    leading = _leader(sums, counts, worth[row], slack)
                    total[row, at] += leading
                    squares[row, at] += leading * leading
                    at += 1
