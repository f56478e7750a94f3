"""The plurality answer of a random subset of samples: exactly by generating functions, or by seeded draws."""

from collections.abc import Sequence

import numpy as np
from scipy.special import comb

from analysis.arrays import Floats, Ints


def classes(votes: Ints, correct: Floats) -> tuple[Ints, Floats]:
    """Votes as compact class codes, and what each class is worth.

    votes (N, S), correct (N, S) -> codes (N, S) in 0..S-1, negative where a sample does not vote, and worth (N, S): the
    mean correctness of each class's members, 0 for a class that is not there.
    """
    num_rows, num_samples = votes.shape
    order = np.argsort(votes, axis=1, kind="stable")
    ordered = np.take_along_axis(votes, order, axis=1)
    first = np.ones_like(ordered, dtype=bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    # Only voters open a class, so codes of voters start at 0 whatever stands before them.
    rank = np.cumsum(first & (ordered >= 0), axis=1) - 1
    codes = np.empty((num_rows, num_samples), dtype=np.int64)
    np.put_along_axis(codes, order, np.where(ordered >= 0, rank, -1), axis=1)
    size = _tally(codes, np.ones_like(correct))
    total = _tally(codes, correct)
    return codes, np.divide(total, size, out=np.zeros_like(total), where=size > 0)


def exact(codes: Ints, worth: Floats, ks: Sequence[int]) -> Floats:
    """Expected worth of the plurality class over all size-k subsets, ties split evenly.

    codes (N, S), worth (N, S) as `classes` gives them -> (N, K). What a class wins depends only on its size, the sizes
    of its rivals and the number of abstainers, so each such contest is solved once (`contests_won`).
    """
    num_rows, num_samples = codes.shape
    size = _tally(codes, np.ones(codes.shape)).astype(np.int64)
    row, label = np.nonzero((worth > 0) & (size > 0))
    rivals = size[row]
    own = rivals[np.arange(len(row)), label]
    rivals[np.arange(len(row)), label] = 0
    contest = np.column_stack([own, num_samples - size[row].sum(axis=1), -np.sort(-rivals, axis=1)])
    distinct, which = np.unique(contest, axis=0, return_inverse=True)
    won = contests_won(distinct[:, 0], distinct[:, 2:], distinct[:, 1], max_k=max(ks))[:, list(ks)]
    won /= comb(num_samples, np.asarray(ks))
    expected = np.zeros((num_rows, len(ks)))
    np.add.at(expected, row, worth[row, label][:, None] * won[which.ravel()])
    return expected


def contests_won(own: Ints, rivals: Ints, abstainers: Ints, *, max_k: int) -> Floats:
    """Number of size-k subsets in which one class is the plurality, a tie of t classes counting 1/t.

    own (R,): size of the class; rivals (R, C): sizes of the others, descending; abstainers (R,) -> (R, max_k + 1).

    With c members drawn, the subsets in which no rival has more, t of them exactly c, are counted by the coefficient
    of x^t z^(k-c) in prod_i [sum_{a<c} C(m_i, a) z^a + x C(m_i, c) z^c] (1+z)^abstainers. The share 1/(1+t) of a tie
    is the integral of x^t over [0, 1], exact by Gauss-Legendre nodes. Every term is positive, so nothing cancels.
    """
    total = int((own + rivals.sum(axis=1) + abstainers).max(initial=0))
    won: Floats = np.zeros((len(own), max_k + 1))
    nobody = _coefficients(abstainers, max_k)
    for drawn_own in range(1, min(max_k, int(own.max(initial=0))) + 1):
        # At most total // drawn_own - 1 rivals tie, the degree in x; n nodes integrate degree 2n - 1.
        nodes, shares = np.polynomial.legendre.leggauss(max(1, -(-(total // drawn_own) // 2)))
        ways = _bounded_ways(rivals, nobody, cap=drawn_own, tie=(nodes + 1) / 2)
        ways = np.matmul(shares / 2, ways)
        won[:, drawn_own:] += comb(own, drawn_own)[:, None] * ways[:, : max_k + 1 - drawn_own]
    return np.asarray(won)


def drawn(codes: Ints, worth: Floats, ks: Sequence[int], *, rng: np.random.Generator, num_draws: int) -> Floats:
    """As `exact`, by the mean over `num_draws` random orders, whose first k samples are a random size-k subset."""
    num_rows, num_samples = codes.shape
    rows, expected = np.arange(num_rows), np.zeros((num_rows, len(ks)))
    for _ in range(num_draws):
        order = rng.permuted(codes, axis=1)
        tally = np.zeros((num_rows, num_samples + 1))
        for width in range(1, max(ks) + 1):
            # An abstainer's code is -1: it lands in the last column, which is not counted.
            tally[rows, order[:, width - 1]] += 1
            if width in ks:
                expected[:, np.asarray(ks) == width] += _plurality_worth(tally[:, :-1], worth)[:, None]
    return expected / num_draws


def _plurality_worth(tally: Floats, worth: Floats) -> Floats:
    leads = (tally == tally.max(axis=1, keepdims=True)) & (tally > 0)
    shared: Floats = (worth * leads).sum(axis=1) / np.maximum(leads.sum(axis=1), 1)
    return shared


def _bounded_ways(rivals: Ints, nobody: Floats, *, cap: int, tie: Floats) -> Floats:
    """Coefficients in z of the rivals' product at each node of x; (R, C), (R, Z), (X,) -> (R, X, Z)."""
    ways = np.repeat(nobody[:, None, :], len(tie), axis=1)
    length = ways.shape[2]
    for sizes in rivals.T:
        choose = _coefficients(sizes, cap)
        product = choose[:, :1, None] * ways
        for count in range(1, min(cap, int(sizes.max(initial=0)), length - 1) + 1):
            factor = choose[:, count, None, None] * (tie[:, None] if count == cap else 1.0)
            product[:, :, count:] += factor * ways[:, :, : length - count]
        ways = product
    return ways


def _coefficients(sizes: Ints, max_count: int) -> Floats:
    """C(size, count) for count in 0..max_count; (R,) -> (R, max_count + 1)."""
    coefficients: Floats = comb(sizes[:, None], np.arange(max_count + 1))
    return coefficients


def _tally(codes: Ints, weight: Floats) -> Floats:
    """Sum of weight by class; (N, S) -> (N, S). Abstainers are left out."""
    num_rows, num_samples = codes.shape
    flat = np.where(codes >= 0, codes, num_samples) + np.arange(num_rows)[:, None] * (num_samples + 1)
    sums = np.bincount(flat.ravel(), weights=weight.ravel(), minlength=num_rows * (num_samples + 1))
    return np.asarray(sums, dtype=float).reshape(num_rows, num_samples + 1)[:, :num_samples]
