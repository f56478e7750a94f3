"""How many tokens of a small model equal one
of a large one once pretraining is paid for. Arrays in, arrays out.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats

Verifier = Literal["none", "small_only", "both"]


def snell_multiplier(
    size_ratio: ArrayLike, workload: ArrayLike, *, verifier: Verifier = "none", verifier_cost: ArrayLike = 0.0
) -> Floats:
    """Inference tokens m(R) the small model may spend for each of the large one's at equal total FLOPs.

    size_ratio M > 0: parameters of the large model over the small one's, both trained on D tokens. workload R > 0:
    inference tokens served over pretraining tokens. verifier_cost v: what verifying costs over what the small
    model's generation does. none: M + 3 (M - 1) / R; small_only: that over (1 + v), as the large model is not
    verified; both: M + 3 (M - 1) / ((1 + v) R). Arguments broadcast. Source: Snell et al. 2024 (arXiv 2408.03314),
    section 7, v = 1 in its later version. Raises ValueError for an unknown verifier, a cost without one, and what
    is not positive.
    """
    M, R, v = (
        _positive(size_ratio, "size_ratio"),
        _positive(workload, "workload"),
        np.asarray(verifier_cost, float),
    )
    if verifier not in get_args(Verifier):
        raise ValueError(f"Unknown verifier {verifier!r}; choose from {list(get_args(Verifier))}.")
    if np.any(v < 0) or (verifier == "none" and np.any(v != 0)):
        raise ValueError("verifier_cost must be 0 without a verifier, and not below 0 with one.")
    saved = 3 * (M - 1) / R
    if verifier == "both":
        return np.asarray(M + saved / (1 + v))
    return np.asarray((M + saved) / (1 + v))


def break_even(size_ratio: ArrayLike, k_star: ArrayLike, *, large_spends: ArrayLike = 1.0) -> Floats:
    """The workload R* below which the small model's inference is the cheaper way: 3 (M - 1) / (k* - M l).

    k_star: tokens the small model needs, a verifier's counted at the small model's size, over those the large one
    decodes at its reference, inf where it never gets there. large_spends l: the large one's own tokens with its
    verifier's over those that it decodes, 1 where it has none. k* <= M l wins at every workload (R* = inf); never
    gives 0; NaN stays NaN. Arguments broadcast. Pass replicates, and read an interval off them. Raises ValueError
    where size_ratio is not above 1 or large_spends below 1. Source: ours, Snell's multiplier solved for R.
    """
    M, k = _positive(size_ratio, "size_ratio"), np.asarray(k_star, dtype=float)
    if np.any(M <= 1):
        raise ValueError("size_ratio is the large model's parameters over the small one's: it must be above 1.")
    spends = np.asarray(large_spends, dtype=float)
    if np.any(spends < 1):
        raise ValueError("large_spends holds the large model's own tokens: it must be at least 1.")
    M, k, spends = np.broadcast_arrays(M, k, spends)
    free = M * spends
    workload = np.divide(3 * (M - 1), k - free, out=np.full(k.shape, np.inf), where=k > free)
    return np.where(np.isnan(k) | np.isnan(spends), np.nan, workload)


def match_samples(
    *,
    small_params: ArrayLike,
    large_params: ArrayLike,
    small_pretraining_tokens: ArrayLike,
    large_pretraining_tokens: ArrayLike,
    prompt_tokens: ArrayLike,
    small_tokens: ArrayLike,
    large_tokens: ArrayLike,
    queries: ArrayLike,
) -> Floats:
    """Samples a query k that make the small model's training and serving cost as much as the large one's.

    [N_l (6 D_l + 2 q (P + T_l)) - N_s (6 D_s + 2 q P)] / (2 N_s q T_s): the small model reads each prompt once and
    decodes T_s tokens k times. All broadcast; tokens are a prompt's, or a sample's, in each model's own. Negative
    where the small one costs more before it has decoded anything. Source: ours, the general form of Snell's for
    unequal pretraining.
    """
    N_s, N_l, T_s, q = (
        _positive(value, "every count") for value in (small_params, large_params, small_tokens, queries)
    )
    D_s, D_l, P, T_l = (
        np.asarray(value, dtype=float)
        for value in (small_pretraining_tokens, large_pretraining_tokens, prompt_tokens, large_tokens)
    )
    large = N_l * (6 * D_l + 2 * q * (P + T_l))
    return np.asarray((large - N_s * (6 * D_s + 2 * q * P)) / (2 * N_s * q * T_s))


def _positive(value: ArrayLike, name: str) -> Floats:
    array = np.asarray(value, dtype=float)
    if not np.all(array > 0):
        raise ValueError(f"{name} must be positive, not {np.min(array):g}.")
    return array
