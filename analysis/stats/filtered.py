"""The vote of the best-scored part of a random subset of samples, at every width. Arrays in, arrays out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints
from analysis.stats import estimators, plurality, strata
from analysis.stats.compiled import compiled
from analysis.stats.estimators import EXACT_MAX_SAMPLES, EXACT_MAX_TERMS, NUM_DRAWS, Drawn

SHARE = 0.5


def num_kept(k: int, share: float) -> int:
    """Of k samples those that vote where the lowest share is dropped, rounded down: at least one. A number.

    Source: ours.
    """
    # A share written in decimals may miss a whole number of samples by a hair.
    return max(k - int(np.floor(share * k + 1e-9)), 1)


def filtered_vote_at_k(
    votes: ArrayLike,
    correct: ArrayLike,
    scores: ArrayLike,
    ks: Sequence[int],
    *,
    share: float = SHARE,
    rng: np.random.Generator,
    num_draws: int = NUM_DRAWS,
    max_terms: float = EXACT_MAX_TERMS,
) -> Drawn:
    """Expected correctness of the plurality answer of the best-scored samples of a random size-k subset.

    votes, correct as in `estimators.maj_at_k`; scores (..., S), finite, of which only the order counts -> (..., K)
    each. `num_kept` of the k vote, those that do not vote among them; which of equally scored samples are dropped
    is even chance, and ties of the vote split evenly. With the highest dropped sample at place j + 1 from the top,
    the m kept ones are a random m-subset of the best j: sum_j C(j, m) C(n-j-1, k-m-1) / C(n, k) maj@m of these j.
    With equal scores the sum is over their groups. Exact (standard error 0) where that takes at most `max_terms`
    products a pool, as any 16 samples do; else by `num_draws` random orders. Raises ValueError where k is not in
    1..S, the share not in [0, 1), shapes differ or a score is missing. Source: ours.
    """
    votes, correct = np.asarray(votes), np.asarray(correct, dtype=float)
    scores = np.asarray(scores, dtype=float)
    if not 0 <= share < 1:
        raise ValueError(f"The share of samples that is dropped must be at least 0 and below 1; got {share}.")
    # Those that do not vote may be dropped too, so that they need a score as well.
    estimators.ballots(np.zeros(votes.shape, dtype=np.int64), correct, scores, ks)
    num_samples, shape = votes.shape[-1], votes.shape[:-1]
    order = np.argsort(-scores.reshape(-1, num_samples), axis=1, kind="stable")
    ordered, best = (
        np.take_along_axis(array.reshape(-1, num_samples), order, axis=1) for array in (votes, scores)
    )
    worth = np.take_along_axis(correct.reshape(-1, num_samples), order, axis=1)
    codes, worth = plurality.classes(_by_appearance(ordered), worth)
    kept = [num_kept(k, share) for k in ks]
    found = Drawn(*(np.zeros((len(codes), len(ks))) for _ in range(2)))
    # Where none is dropped the order of the scores tells nothing.
    has_ties = np.any(best[:, 1:] == best[:, :-1], axis=1) & any(m < k for m, k in zip(kept, ks, strict=True))
    few = num_samples <= EXACT_MAX_SAMPLES
    exact = ~has_ties & (_terms(codes, kept) <= max_terms) & few
    found.mean[exact] = _counted(codes[exact], worth[exact], ks, kept)
    tied = ~exact & (strata.terms(codes, best) <= max_terms) & few
    found.mean[tied] = strata.counted(codes[tied], worth[tied], best[tied], ks, kept)
    drawn = ~exact & ~tied
    if drawn.any():
        parts = _drawn(codes[drawn], worth[drawn], best[drawn], ks, kept, rng=rng, num_draws=num_draws)
        found.mean[drawn], found.standard_error[drawn] = parts
    return Drawn(*(part.reshape(*shape, len(ks)) for part in found))


def _by_appearance(votes: Ints) -> Ints:
    """Votes numbered by where each first stands in its row, so that those of the first j are below j."""
    order = np.argsort(votes, axis=1, kind="stable")
    ordered = np.take_along_axis(votes, order, axis=1)
    starts: Bools = np.ones(votes.shape, dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(starts, np.arange(votes.shape[1]), 0), axis=1)
    named = np.empty(votes.shape, dtype=np.int64)
    np.put_along_axis(named, order, np.take_along_axis(order, first, axis=1), axis=1)
    return np.where(votes >= 0, named, -1)


def _terms(codes: Ints, kept: Sequence[int]) -> Floats:
    """Products that `_counted` takes of each pool; (N, S) -> (N,)."""
    least = min(kept, default=1)
    terms = [plurality.exact_terms(codes[:, :j], kept) for j in range(least, codes.shape[1] + 1)]
    return np.asarray(sum(terms, np.zeros(len(codes))))


def _counted(codes: Ints, worth: Floats, ks: Sequence[int], kept: Sequence[int]) -> Floats:
    """The sum over the place of the highest dropped sample; codes and worth (N, S), best first -> (N, K)."""
    num_samples, expected = codes.shape[1], np.zeros((len(codes), len(ks)))
    choose = plurality.binomials(num_samples)
    for j in range(1, num_samples + 1):
        if not (
            ms := sorted({m for m, k in zip(kept, ks, strict=True) if m <= j and (m < k) == (j < num_samples)})
        ):
            continue
        voted = plurality.exact(codes[:, :j], worth[:, :j], ms)
        for at, (k, m) in enumerate(zip(ks, kept, strict=True)):
            if m == k and j == num_samples:
                expected[:, at] = voted[:, ms.index(m)]
            elif m < k and m <= j < num_samples:
                share = choose[j, m] * (choose[num_samples - j - 1, k - m - 1] / choose[num_samples, k])
                expected[:, at] += share * voted[:, ms.index(m)]
    return expected


def _drawn(
    codes: Ints,
    worth: Floats,
    scores: Floats,
    ks: Sequence[int],
    kept: Sequence[int],
    *,
    rng: np.random.Generator,
    num_draws: int,
) -> tuple[Floats, Floats]:
    """Mean and standard error of the vote over random orders,
    whose first k samples are a random subset; (N, K).
    """
    total, squares = (np.zeros((len(codes), len(ks))) for _ in range(2))
    sizes = np.asarray([ks, kept], dtype=np.int64)
    _draw_kept(codes, worth, scores, sizes, rng, num_draws, total, squares)
    mean = total / num_draws
    variance = np.maximum(squares / num_draws - mean**2, 0) / max(num_draws - 1, 1)
    return mean, np.sqrt(variance)


@compiled
def _plurality(codes: Ints, worth: Floats, samples: Ints, counts: Ints) -> float:
    """Mean worth of the classes that most of these samples vote for; counts (S,) is scratch."""
    counts[:] = 0
    most = 0
    for sample in samples:
        if codes[sample] >= 0:
            counts[codes[sample]] += 1
            most = max(most, counts[codes[sample]])
    if most == 0:
        return 0.0
    total, num_leaders = 0.0, 0
    for label in range(len(counts)):
        if counts[label] == most:
            total += worth[label]
            num_leaders += 1
    return total / num_leaders


@compiled
def _draw_kept(
    codes: Ints,
    worth: Floats,
    scores: Floats,
    sizes: Ints,
    rng: np.random.Generator,
    num_draws: int,
    total: Floats,
    squares: Floats,
) -> None:
    num_rows, n = codes.shape
    counts, order, ranked = np.zeros(n, dtype=np.int64), np.arange(n), np.arange(n)
    for row in range(num_rows):
        for _ in range(num_draws):
            for position in range(n):
                other = position + int(rng.random() * (n - position))
                order[position], order[other] = order[other], order[position]
                # Best first; an insertion keeps equal scores in the order that chance gave them.
                sample, where = order[position], position
                while where > 0 and scores[row, ranked[where - 1]] < scores[row, sample]:
                    ranked[where] = ranked[where - 1]
                    where -= 1
                ranked[where] = sample
                for at in range(sizes.shape[1]):
                    if sizes[0, at] == position + 1:
                        leading = _plurality(codes[row], worth[row], ranked[: sizes[1, at]], counts)
                        total[row, at] += leading
                        squares[row, at] += leading * leading
