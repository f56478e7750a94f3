"""What a rule that reads a verifier's scores yields, and what the verifier spends. Arrays in, arrays out."""

from collections.abc import Sequence

import numpy as np

from analysis.arrays import Array, Floats, Ints
from analysis.costs.cost_models import Verdicts
from analysis.runs.arms import Arm
from analysis.stats import estimators, filtered
from analysis.stats.estimators import Drawn


def accuracy(
    arm: Arm, widths: Sequence[int], rule: str, *, rng: np.random.Generator, budgets: Ints | slice
) -> Drawn:
    """Expected accuracy of a verifier's rule at every width and these budgets; (B, P, K) each.

    A refused answer has the lowest score of its prompt, and no weight in a vote. What is worth something between
    right and wrong counts with that. Source: `estimators.best_of_n`, `estimators.weighted_vote_at_k`, `filtered`.
    """
    assert arm.verifier is not None
    votes, worth = arm.samples.votes[budgets], arm.samples.worth[budgets]
    if rule == "best_of_n":
        found = estimators.best_of_n(_ranked(arm, budgets), worth, widths)
        return Drawn(found, np.zeros(found.shape))
    if rule == "weighted_vote":
        return estimators.weighted_vote_at_k(votes, worth, arm.scores.weight[budgets], widths, rng=rng)
    share = arm.verifier.filter_share
    return filtered.filtered_vote_at_k(votes, worth, _ranked(arm, budgets), widths, share=share, rng=rng)


def verdicts(arm: Arm, budgets: Ints | slice) -> Verdicts | None:
    """What the verifier reads and writes of each sample; None where it is not counted. Source: ours."""
    if arm.verifier is None or not arm.verifier.is_counted:
        return None
    read, written = arm.scores.read_tokens[budgets], arm.scores.written_tokens[budgets]
    return Verdicts(arm.verifier.shape, read, written)


def equivalent_tokens(arm: Arm) -> Floats:
    """What the verifier's tokens of one sample are worth in the model's own at 2N FLOPs each,
    at every budget; (B, P).

    0 where it reads nothing, NaN where a size or its tokens are not known. Source: Snell et al. 2024 (arXiv
    2408.03314), whose v is this over the tokens of a sample.
    """
    if arm.verifier is None or arm.verifier.is_free:
        return np.zeros(arm.decoded_tokens.shape[:2])
    ratio = float(arm.verifier.shape.num_matmul_params) / float(arm.rung.shape.num_matmul_params)
    tokens: Floats = (arm.scores.read_tokens + arm.scores.written_tokens.sum(axis=-1)).mean(axis=-1)
    return ratio * tokens


def _ranked(arm: Arm, budgets: Ints | slice) -> Array:
    return arm.scores.ranked[budgets]
