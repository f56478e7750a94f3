"""How a total budget splits between training and serving:
least 6ND + 2Nq(P + kT) along a ladder. Arrays in and out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats, Ints
from analysis.stats import frontier
from analysis.stats.bootstrap import Interval, percentile_interval, share_of_replicates
from analysis.stats.substitution import invert

LEVELS_PER_OCTAVE = 4


class Serving(NamedTuple):
    """What a query takes of tokens, or of another cost, for one model to reach the target: (1 + R,), inf where
    never.

    cells (F,): the cells that its frontier's folds chose there, -1 where never. at_or_below: the cheapest cell is
    already there, so that it is an upper bound.
    """

    by_query: Floats
    cells: Ints
    at_or_below: bool


class Plan(NamedTuple):
    """The cheapest way to serve q queries at the target accuracy, for each of Q workloads.

    total_flops is training and serving together, inf where no model gets there; model (Q,) the cheapest one's
    position, -1 where none; share_chosen (Q, M) how often each was the cheapest among the replicates;
    training_share the part of the total that is training.
    """

    queries: Floats
    total_flops: Interval
    model: Ints
    share_chosen: Floats
    training_share: Interval


class Switch(NamedTuple):
    """Beyond how many queries the `above` model is cheaper than the `below` one,
    which has the cheaper training.
    """

    below: int
    above: int
    queries: Interval


def serve(
    accuracy: ArrayLike, spent: ArrayLike, target: float, *, weights: ArrayLike, folds: ArrayLike
) -> Serving:
    """The least that a query takes for a target accuracy, on a frontier that is chosen and read on different
    prompts.

    accuracy, spent (P, J): every cell of one model's grid on each prompt; weights (1 + R, P) from
    `bootstrap.prompt_weights`; folds (P,) from `frontier.draw_folds`. Source: ours, over `frontier`.
    """
    means = np.asarray(spent, dtype=float).mean(axis=0)
    num_levels = 2 + int(LEVELS_PER_OCTAVE * np.log2(means.max() / means.min()))
    levels = np.geomspace(means.min(), means.max(), num_levels)
    found = frontier.cross_fit(accuracy, spent, levels, weights=weights, folds=folds)
    crossing = invert(found.accuracy, found.cost, np.log(levels), np.full(len(found.accuracy), target))
    at = np.searchsorted(np.log(levels), crossing.step[0] - 1e-9)
    cells = found.cell[0, :, at] if at < num_levels else np.full(found.cell.shape[1], -1)
    return Serving(crossing.cost, cells, bool(crossing.at_or_below[0]))


def plan(
    num_params: ArrayLike,
    pretraining_tokens: ArrayLike,
    serving_tokens: ArrayLike,
    queries: ArrayLike,
    *,
    offline_flops: ArrayLike = 0.0,
) -> Plan:
    """The least 6ND + F + 2Nq(P + kT) over the models of a ladder, with its interval, at each number of queries.

    num_params N (M,); pretraining_tokens D (M,); serving_tokens P + kT (M, 1 + R) from `serve`, the estimate
    first; queries q (Q,); offline_flops F () or (M,): spent once before any query, beside training, which it
    counts as. Source: Sardana et al. 2024 (arXiv 2401.00448), with samples and thinking as part of
    serving.
    """
    N, D = _positive(num_params, "num_params")[:, None, None], _positive(pretraining_tokens, "pretraining_tokens")
    q = _positive(queries, "queries")
    training = 6 * N * D[:, None, None] + _offline(offline_flops, len(N))[:, None, None]
    total = training + 2 * N * q * np.asarray(serving_tokens, dtype=float)[:, :, None]
    model, least = total.argmin(axis=0), total.min(axis=0)
    possible = np.isfinite(least)
    share = np.divide(training[model, 0, 0], least, out=np.full(least.shape, np.nan), where=possible)
    chosen = np.stack([(model == number) & possible for number in range(len(total))], axis=-1)
    return Plan(
        queries=q,
        total_flops=percentile_interval(least),
        model=np.where(possible[0], model[0], -1),
        share_chosen=share_of_replicates(chosen, np.zeros(chosen.shape)),
        training_share=percentile_interval(share),
    )


def switches(
    num_params: ArrayLike,
    pretraining_tokens: ArrayLike,
    serving_tokens: ArrayLike,
    *,
    offline_flops: ArrayLike = 0.0,
) -> list[Switch]:
    """Where the cheapest model changes as queries grow, each with its interval; arguments as in `plan`.

    Of two lines T + 2Nq S, T = 6ND + F, the one that starts higher wins beyond q = (T_a - T_b) / 2 (N_b S_b - N_a
    S_a), at once (0) where the other never gets there, never (inf) where its serving is no cheaper. Source: ours.
    """
    N, S = _positive(num_params, "num_params"), np.asarray(serving_tokens, dtype=float)
    training = 6 * N * _positive(pretraining_tokens, "pretraining_tokens") + _offline(offline_flops, len(N))
    slope = 2 * N[:, None] * S
    return [
        Switch(below, above, percentile_interval(_meeting(training[[below, above]], slope[[below, above]])))
        for below, above in _envelope(training, slope[:, 0])
    ]


def _envelope(training: Floats, slope: Floats) -> list[tuple[int, int]]:
    """Neighbours on the lower envelope of training + q slope, from no queries to endless ones."""
    reachable = np.flatnonzero(np.isfinite(slope))
    if not reachable.size:
        return []
    at = reachable[np.lexsort((slope[reachable], training[reachable]))[0]]
    pairs = []
    while (flatter := reachable[slope[reachable] < slope[at]]).size:
        meets = (training[flatter] - training[at]) / (slope[at] - slope[flatter])
        pairs.append((int(at), int(flatter[np.argmin(meets)])))
        at = flatter[np.argmin(meets)]
    return pairs


def _meeting(training: Floats, slope: Floats) -> Floats:
    """Queries beyond which the second of two models is the cheaper; (2,), (2, 1 + R) -> (1 + R,)."""
    below, above = slope
    gain = np.where(np.isinf(above), -np.inf, below - np.where(np.isinf(above), 0, above))
    meets = np.divide(training[1] - training[0], gain, out=np.full(gain.shape, np.inf), where=gain > 0)
    return np.asarray(meets)


def _offline(flops: ArrayLike, num_models: int) -> Floats:
    """By model, (M,); raises ValueError below 0."""
    array = np.broadcast_to(np.asarray(flops, dtype=float), num_models)
    if not np.all(array >= 0):
        raise ValueError(f"offline_flops must not be negative; got {array}.")
    return array


def _positive(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not np.all(array > 0):
        raise ValueError(f"{name} must be positive numbers; got {array}.")
    return array
