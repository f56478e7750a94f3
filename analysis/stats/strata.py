"""The vote of the best-scored samples of a random subset where scores are equal, counted exactly. Compiled loops.

Legend of the loops: k drawn and m kept samples, x of them above a group of equal scores and a of it, y drawn of
it.
"""

from collections.abc import Sequence

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.stats import plurality
from analysis.stats.compiled import compiled


def terms(codes: Ints, scores: Floats) -> Floats:
    """At most so many products `counted` takes of each pool; (N, S) -> (N,). Source: ours."""
    num_samples = codes.shape[1]
    num_groups = 1 + np.count_nonzero(scores[:, 1:] != scores[:, :-1], axis=1)
    num_classes = codes.max(axis=1, initial=-1) + 1
    # Of two strata whose sizes add up to S the table of counts is widest where they are equal.
    table = (num_samples / 2 + 1) ** 2
    return np.asarray(num_groups * table * 4.0 * num_classes * (num_classes / 2 + 1) * num_samples)


def counted(codes: Ints, worth: Floats, scores: Floats, ks: Sequence[int], kept: Sequence[int]) -> Floats:
    """Expected worth of the plurality of the m best-scored of a random size-k subset; (N, S) each -> (N, K).

    codes and worth as `plurality.classes` gives them, samples best first; kept: m of each k. All samples of a
    subset above the score of its lowest kept one are kept, and a random part of those that share it: so each group
    of equal scores counts with the vote of x random samples above it and m - x random ones of it. Source: ours.
    """
    expected = np.zeros((len(codes), len(ks)))
    if expected.size:
        nodes, shares = plurality.tie_nodes(max(int(codes.max(initial=0)), 0) // 2 + 1)
        sizes = np.asarray([ks, kept], dtype=np.int64)
        _count_strata(codes, worth, scores, sizes, plurality.binomials(codes.shape[1]), nodes, shares, expected)
    return expected


@compiled
def _count_strata(
    codes: Ints,
    worth: Floats,
    scores: Floats,
    sizes: Ints,
    choose: Floats,
    nodes: Floats,
    shares: Floats,
    expected: Floats,
) -> None:
    """Add to expected (N, K) each class's worth times its share of subsets, group of equal scores by group.

    As `plurality._count_subsets`, with a variable for the samples above the group and one for those in it.
    """
    n = codes.shape[1]
    for row in range(len(codes)):
        start = 0
        while start < n:
            stop = start + 1
            while stop < n and scores[row, stop] == scores[row, start]:
                stop += 1
            # Voters of each class above the group and in it, at the end those that do not vote.
            above, inside = np.zeros(n + 1, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
            for place in range(stop):
                label = codes[row, place] if codes[row, place] >= 0 else n
                if place < start:
                    above[label] += 1
                else:
                    inside[label] += 1
            _count_group(above, inside, worth[row], sizes, n - stop, choose, nodes, shares, expected[row])
            start = stop


@compiled
def _count_group(
    above: Ints,
    inside: Ints,
    worth: Floats,
    sizes: Ints,
    num_below: int,
    choose: Floats,
    nodes: Floats,
    shares: Floats,
    expected: Floats,
) -> None:
    n, most = len(above) - 1, sizes[1].max()
    num_above, num_inside = above.sum(), inside.sum()
    shape = (min(num_above, most) + 1, min(num_inside, most) + 1)
    voters = above[:n] + inside[:n]
    for label in range(n):
        if worth[label] == 0:
            continue
        for c in range(1, min(voters[label], most) + 1):
            half = (np.sum(voters >= c) - 1) // 2
            for node in range(half + 1):
                ways = np.zeros(shape)
                ways[0, 0] = 1.0
                for rival in range(n):
                    if rival != label and voters[rival] > 0:
                        ways = _times(ways, above[rival], inside[rival], c, nodes[half, node], choose)
                ways = _times(ways, above[n], inside[n], n + 1, 1.0, choose)
                for at in range(sizes.shape[1]):
                    won = _won(ways, above[label], inside[label], c, sizes[:, at], num_inside, num_below, choose)
                    expected[at] += worth[label] * shares[half, node] * won / choose[n, sizes[0, at]]


@compiled
def _won(
    ways: Floats, above: int, inside: int, c: int, sizes: Ints, num_inside: int, num_below: int, choose: Floats
) -> float:
    """Subsets of k, of which m are kept, some of the group among them, and c of those of one class."""
    k, m = sizes
    total = 0.0
    for a in range(max(1, m - len(ways) + 1), min(ways.shape[1] - 1, m) + 1):
        x, count, subsets = m - a, 0.0, 0.0
        for i in range(max(0, c - inside, c - a), min(above, c, x) + 1):
            count += choose[above, i] * choose[inside, c - i] * ways[x - i, a - c + i]
        if count > 0:
            for y in range(max(a, k - x - num_below), min(num_inside, k - x) + 1):
                subsets += choose[num_inside, y] * choose[num_below, k - x - y]
            total += count * subsets / choose[num_inside, a]
    return total


@compiled
def _times(ways: Floats, above: int, inside: int, c: int, tie: float, choose: Floats) -> Floats:
    """Coefficients times those of a class of which at most c are drawn, c itself counting `tie`."""
    product = np.zeros(ways.shape)
    for i in range(min(above, c) + 1):
        for j in range(min(inside, c - i) + 1):
            own = choose[above, i] * choose[inside, j] * (tie if i + j == c else 1.0)
            for x in range(i, ways.shape[0]):
                for a in range(j, ways.shape[1]):
                    product[x, a] += own * ways[x - i, a - j]
    return product
