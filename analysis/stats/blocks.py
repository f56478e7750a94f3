"""Votes among answers that come in blocks: of a random subset of blocks, all answers vote. Arrays in,
arrays out.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats, Ints
from analysis.stats.compiled import compiled
from analysis.stats.estimators import NUM_DRAWS, Drawn, ballots, estimated_maj_at_k


def vote_of_blocks(
    votes: ArrayLike,
    correct: ArrayLike,
    ks: Sequence[int],
    *,
    rng: np.random.Generator,
    num_draws: int = NUM_DRAWS,
) -> Drawn:
    """Expected correctness of the plurality answer of k random blocks, ties split evenly.

    votes, correct (P, G, M): G blocks of M answers each, as in `estimators.maj_at_k` -> (P, K) each. Every subset
    of blocks is counted where there are at most `num_draws`, else so many are drawn of each prompt. Blocks of one
    answer are samples. Raises ValueError where a width is not in 1..G. Source: by definition; simple random
    sampling without replacement.
    """
    votes, correct = np.asarray(votes), np.asarray(correct, dtype=float)
    num_prompts, num_blocks, size = votes.shape
    if size == 1:
        return estimated_maj_at_k(votes[..., 0], correct[..., 0], ks, rng=rng, num_draws=num_draws)
    if not all(1 <= k <= num_blocks for k in ks):
        raise ValueError(f"Widths must lie between 1 and the number of blocks ({num_blocks}); got {list(ks)}.")
    codes, worth, _, _ = ballots(votes.reshape(num_prompts, -1), correct.reshape(num_prompts, -1), None, [1])
    blocks = codes.reshape(votes.shape)
    found = Drawn(*(np.zeros((num_prompts, len(ks))) for _ in range(2)))
    for at, k in enumerate(ks):
        every = comb(num_blocks, k) <= num_draws
        subsets = np.array(list(combinations(range(num_blocks), k))) if every else np.zeros((0, k), dtype=np.int64)
        for prompt in range(num_prompts):
            which = subsets if every else _draw_subsets(num_blocks, k, rng, num_draws)
            led = _lead(blocks[prompt], worth[prompt], which)
            found.mean[prompt, at] = led.mean()
            found.standard_error[prompt, at] = 0.0 if every else led.std() / np.sqrt(num_draws)
    return found


def _draw_subsets(num_blocks: int, k: int, rng: np.random.Generator, num_draws: int) -> Ints:
    orders = rng.permuted(np.tile(np.arange(num_blocks), (num_draws, 1)), axis=1)
    return np.ascontiguousarray(orders[:, :k])


@compiled
def _lead(blocks: Ints, worth: Floats, subsets: Ints) -> Floats:
    """Mean worth of the classes that lead in each subset of blocks, 0 where nobody votes; (G, M), (D,
    k) -> (D,).
    """
    led, counts = np.zeros(len(subsets)), np.zeros(len(worth), dtype=np.int64)
    for row in range(len(subsets)):
        counts[:] = 0
        for block in subsets[row]:
            for label in blocks[block]:
                if label >= 0:
                    counts[label] += 1
        most = counts.max()
        if most > 0:
            total, num_leaders = 0.0, 0
            for label in range(len(counts)):
                if counts[label] == most:
                    total += worth[label]
                    num_leaders += 1
            led[row] = total / num_leaders
    return led
