"""The answer that leads the vote of a random subset of samples, counted exactly. Compiled loops.

Legend of the loops: n samples in a row, c of them drawn of one class, z marks a draw, x a rival that ties.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import roots_legendre

from analysis.arrays import Array, Floats, Ints
from analysis.stats.compiled import compiled


def classes(votes: Ints, correct: Floats) -> tuple[Ints, Floats]:
    """Votes as compact class codes, and what each class is worth.

    votes (N, S), correct (N, S) -> codes (N, S) in 0..S-1, negative where a sample does not vote, and worth (N,
    S): the mean correctness of each class's members, 0 for a class that is not there. Source: ours.
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

    codes (N, S), worth (N, S) as `classes` gives them -> (N, K). Source: the multivariate hypergeometric law.
    """
    num_rows, num_samples = codes.shape
    size = class_sizes(codes)
    expected = np.zeros((num_rows, len(ks)))
    if expected.size:
        nodes, shares = tie_nodes(int(codes.max()) // 2 + 1)
        _count_subsets(
            size, worth, np.asarray(ks, dtype=np.int64), binomials(num_samples), nodes, shares, expected
        )
    return expected


def exact_terms(codes: Ints, ks: Sequence[int]) -> Floats:
    """Multiplications that `exact` needs for each row; (N, S) -> (N,). Source: ours."""
    terms = np.zeros(len(codes))
    _count_terms(class_sizes(codes), max(ks, default=0), len(ks), terms)
    return terms


@compiled
def _count_subsets(
    size: Ints, worth: Floats, ks: Ints, choose: Floats, nodes: Floats, shares: Floats, expected: Floats
) -> None:
    """Add to expected (N, K) each class's worth times its share of subsets, ties counting 1/t.

    With c members drawn, the subsets in which no rival has more, t of them exactly c, are counted by the
    coefficient of x^t z^(k-c) in prod_i [sum_{a<c} C(m_i, a) z^a + x C(m_i, c) z^c] (1+z)^rest, rivals with fewer
    than c members and abstainers being the rest. The share 1/(1+t) of a tie is the integral of x^t over [0, 1],
    exact by Gauss-Legendre nodes. Every term is positive, so nothing cancels.
    """
    num_rows, n = size.shape
    ways = np.empty(n + 1)
    for row in range(num_rows):
        by_size = -np.sort(-size[row])
        for label in range(n):
            own = size[row, label]
            if own == 0 or worth[row, label] == 0:
                continue
            place = np.argmax(by_size == own)
            for c in range(1, min(own, ks.max()) + 1):
                num_rivals = np.sum(by_size >= c) - 1
                rest = n - by_size[: num_rivals + 1].sum()
                top = min(ks.max() - c, num_rivals * c)
                half = num_rivals // 2
                for node in range(half + 1):
                    _multiply_rivals(ways, by_size[: num_rivals + 1], place, c, top, nodes[half, node], choose)
                    scale = worth[row, label] * shares[half, node] * choose[own, c]
                    for at in range(len(ks)):
                        left = ks[at] - c
                        count = 0.0
                        for j in range(max(0, left - rest), min(top, left) + 1):
                            count += ways[j] * choose[rest, left - j]
                        expected[row, at] += scale * count / choose[n, ks[at]]


@compiled
def _count_terms(size: Ints, max_k: int, num_ks: int, terms: Floats) -> None:
    for row in range(len(size)):
        largest = size[row].max()
        # at_least[c]: number of classes with c members or more.
        at_least = np.zeros(largest + 2)
        for label in range(size.shape[1]):
            at_least[size[row, label]] += 1
        for c in range(largest, 0, -1):
            at_least[c] += at_least[c + 1]
            num_rivals = at_least[c] - 1
            if num_rivals > 0:
                degree = min(num_rivals * c, max_k)
                terms[row] += (num_rivals // 2 + 1) * degree * ((num_rivals - 1) * (c + 1) + 2 + num_ks)


@compiled
def _multiply_rivals(ways: Floats, sizes: Ints, place: int, c: int, top: int, tie: float, choose: Floats) -> None:
    """Coefficients 0..top in z of prod_i [sum_{a<c} C(m_i, a) z^a + tie C(m_i,
    c) z^c], less the class at `place`.
    """
    ways[: top + 1] = 0.0
    ways[0] = 1.0
    degree = 0
    for rival in range(len(sizes)):
        if rival == place:
            continue
        before, degree = degree, min(degree + c, top)
        for j in range(degree, -1, -1):
            product = ways[j - c] * tie * choose[sizes[rival], c] if j >= c else 0.0
            for a in range(max(0, j - before), min(c - 1, j) + 1):
                product += ways[j - a] * choose[sizes[rival], a]
            ways[j] = product


@lru_cache(maxsize=4)
def binomials(n: int) -> Floats:
    """C(m, j) for m, j in 0..n, (n + 1, n + 1); finite to n = 1,029. Source: Pascal's triangle."""
    choose = np.zeros((n + 1, n + 1))
    choose[:, 0] = 1
    for m in range(1, n + 1):
        choose[m, 1:] = choose[m - 1, 1:] + choose[m - 1, :-1]
    return choose


@lru_cache(maxsize=4)
def tie_nodes(most: int) -> tuple[Floats, Floats]:
    """Row i: the i + 1 Gauss-Legendre nodes on [0, 1] and their weights, exact to degree 2 i + 1, zeros behind.

    (most, most) each. Source: Gauss and Legendre's quadrature, by scipy.
    """
    nodes, shares = (np.zeros((most, most)) for _ in range(2))
    for number in range(1, most + 1):
        at, weight = roots_legendre(number)
        nodes[number - 1, :number], shares[number - 1, :number] = (at + 1) / 2, weight / 2
    return nodes, shares


def class_sizes(codes: Ints) -> Ints:
    """Number of voters of each class; (N, S) -> (N, S). Source: by definition."""
    return _tally(codes, np.ones(codes.shape)).astype(np.int64)


def _tally(codes: Ints, weight: Array) -> Floats:
    """Sum of weight by class; (N, S) -> (N, S). Abstainers are left out."""
    num_rows, num_samples = codes.shape
    flat = np.where(codes >= 0, codes, num_samples) + np.arange(num_rows)[:, None] * (num_samples + 1)
    sums = np.bincount(flat.ravel(), weights=weight.ravel(), minlength=num_rows * (num_samples + 1))
    return np.asarray(sums, dtype=float).reshape(num_rows, num_samples + 1)[:, :num_samples]
