"""The difficulty bins of a run under the reader's choices, as prompt weights.
Knows outcomes, nothing of curves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np

from analysis.arrays import Array, Floats, Ints, Weights
from analysis.reading import chosen
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.stats import bootstrap, difficulty, optimism, parts
from analysis.stats.bootstrap import Interval
from analysis.stats.parts import Part

ALL_PROMPTS = "all prompts"
# Labels with more values than this are binned by quantiles.
MAX_LABELS = 10
OWN_SAMPLES = 8

Difficulty = Literal["anchor", "own", "agreement", "score", "label"]
DIFFICULTIES: tuple[Difficulty, ...] = get_args(Difficulty)


@dataclass(frozen=True)
class Binning:
    """Whose difficulty makes the bins, and how.

    anchor: held-out pass@1 of the anchor; own: of each model, which bins its own prompts; agreement: predicted, by
    the share of the anchor's held-out votes that agree; score: predicted, by a verifier's mean score of the
    anchor's held-out samples; label: a dial of the prompts. num_bins quantiles (None: by the number of prompts),
    or fixed thresholds: of accuracy on scores shrunk by a beta-binomial prior, of plain agreement.
    """

    difficulty: Difficulty = "anchor"
    label: str | None = None
    num_bins: int | None = None
    thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(f"Unknown difficulty {self.difficulty!r}; choose from {list(DIFFICULTIES)}.")
        if self.label is not None and self.difficulty != "label":
            raise ValueError(
                f"Only bins of a label read --label, and --difficulty is {self.difficulty}. Add --difficulty "
                "label, or leave --label out."
            )


class Bin(NamedTuple):
    """A bin's name and the prompt weights in it, (1 + R, P)."""

    name: str
    weights: Weights | Part


class Predictor(NamedTuple):
    """How well what bins are read from ranks the prompts as the anchor's fresh samples do,
    and its tokens a prompt.
    """

    rank_agreement: Interval
    tokens: float


def hold_out(outcomes: Outcomes, binning: Binning) -> tuple[Outcomes, tuple[Arm | None, ...]]:
    """The outcomes to evaluate, and the pool that each arm's bins are read from.

    For own difficulty every arm's first samples (at most OWN_SAMPLES, at most half) become its pool and are
    evaluated nowhere; otherwise all share the anchor's. Raises ValueError where there is nothing to hold out.
    """
    if binning.difficulty != "own":
        return outcomes, (outcomes.bins,) * len(outcomes.arms)
    num_held_out = min(OWN_SAMPLES, outcomes.num_samples // 2)
    if not num_held_out:
        raise ValueError(
            "--difficulty own holds out samples of each model, and this run has only one a prompt. "
            "Draw more samples, or choose another --difficulty."
        )
    pools, rest = zip(*(arm.split(num_held_out) for arm in outcomes.arms), strict=True)
    return replace(outcomes, arms=rest, num_samples=outcomes.num_samples - num_held_out), pools


def draw(outcomes: Outcomes, pool: Arm | None, binning: Binning, weights: Weights) -> list[Bin]:
    """All prompts, then the bins from easiest to hardest (a label's from its least),
    drawn anew in every weighting.

    weights (1 + R, P) from `bootstrap.prompt_weights`. One bin alone is not repeated beside all prompts. Raises
    ValueError for thresholds of a label or of scores, or beyond 0..1, and where scores are wanted that nobody
    gave.
    """
    _refuse_thresholds(binning)
    whole = [Bin(ALL_PROMPTS, weights)]
    if binning.difficulty == "label":
        return whole + _labelled(label(outcomes, binning.label), binning, weights)
    if pool is None:
        return whole
    if binning.thresholds:
        return whole + _between_thresholds(pool, binning, weights)
    return whole + _quantiles(_scores(pool, binning), binning, weights)


def groups(
    outcomes: Outcomes, pools: tuple[Arm | None, ...], binning: Binning, weights: Weights
) -> Iterator[tuple[list[int], list[Bin]]]:
    """Positions of the arms that share their bins, and the bins: all arms at once,
    or each alone under own difficulty.

    pools as `hold_out` gives them, weights as in `draw`.
    """
    if binning.difficulty == "own":
        for at, pool in enumerate(pools):
            yield [at], draw(outcomes, pool, binning, weights)
    else:
        yield list(range(len(outcomes.arms))), draw(outcomes, pools[0], binning, weights)


def words(pool: Arm | None, binning: Binning) -> str | None:
    """What the bins are, to follow "Bins are"; None where there are none."""
    if binning.difficulty == "label":
        return f"values or quantiles of the label {binning.label}"
    if pool is None:
        return None
    kind = "fixed ranges" if binning.thresholds else "quantiles"
    held_out = f"in {pool.num_samples} samples a prompt held out of everything shown"
    return {
        "anchor": f"{kind} of {pool.rung.name}'s accuracy {held_out}",
        "own": f"{kind} of each model's own accuracy {held_out}; a pair is compared in the smaller model's bins",
        "agreement": f"{kind} of the agreement of {pool.rung.name}'s votes {held_out}",
        "score": f"{kind} of the mean score that {_scorer(pool)} gave {pool.rung.name} {held_out}",
    }[binning.difficulty]


def predictor(outcomes: Outcomes, pool: Arm | None, binning: Binning, weights: Weights) -> Predictor | None:
    """How the scores that make the bins rank the prompts against the anchor's evaluation samples; None without
    them.
    """
    if pool is None or binning.difficulty == "own":
        return None
    scores = label(outcomes, binning.label) if binning.difficulty == "label" else _scores(pool, binning)
    if scores.dtype == object:
        return None
    anchor = next(arm for arm in outcomes.arms if arm.rung.identity == pool.rung.identity)
    at = int(np.abs(anchor.budgets - pool.budgets[0]).argmin())
    # A larger label is taken for harder, so that a label that works agrees positively as the others do.
    scores = -scores if binning.difficulty == "label" else scores
    agreement = difficulty.rank_agreement(scores, anchor.accuracy[at], weights)
    return Predictor(bootstrap.percentile_interval(agreement), _tokens(pool, binning))


def same_pool(outcomes: Outcomes, binning: Binning, weights: Weights) -> optimism.BinOptimism | None:
    """What the anchor's bins would read if the samples that make them were scored in them; None without a pool."""
    pool = outcomes.bins
    if pool is None:
        return None
    anchor = next(arm for arm in outcomes.arms if arm.rung.identity == pool.rung.identity)
    at = int(np.abs(anchor.budgets - pool.budgets[0]).argmin())
    num_bins = _num_bins(pool.accuracy[0], binning)
    return optimism.bin_optimism(pool.samples.worth[0], anchor.samples.worth[at], weights, num_bins=num_bins)


def label(outcomes: Outcomes, name: str | None) -> Array:
    """A dial of the prompts, (P,). Raises ValueError that lists those there are."""
    if name is None or name not in outcomes.dials:
        raise ValueError(f"These prompts have no label {name!r}; choose one of {sorted(outcomes.dials)}.")
    return outcomes.dials[name]


def clusters(outcomes: Outcomes, name: str | None) -> Array | None:
    """What prompts that belong together share, (P,); None where each stands alone.
    Raises ValueError as `label`.
    """
    return None if name is None else label(outcomes, name)


def num_drawn(part: Bin, clusters: Array | None) -> int:
    """How many of a bin are drawn one by one in a resampling: its prompts, or the clusters (P,) that hold some."""
    inside = part.weights[0] > 0
    return int(inside.sum()) if clusters is None else len(np.unique(clusters[inside]))


def _tokens(pool: Arm, binning: Binning) -> float:
    """What the bins cost a prompt in tokens of the model: its samples, and a verifier's reading of each at its
    size; nothing of a label.
    """
    if binning.difficulty == "label":
        return 0.0
    tokens = pool.prompt_tokens + pool.decoded_tokens[0].sum(axis=1)
    if binning.difficulty == "score":
        tokens = tokens + pool.num_samples * chosen.equivalent_tokens(pool)[0]
    return float(tokens.mean())


def _scorer(pool: Arm) -> str:
    return "" if pool.verifier is None else pool.verifier.name


def _scores(pool: Arm, binning: Binning) -> Array:
    if binning.difficulty == "agreement":
        return difficulty.vote_agreement(pool.samples.votes[0])
    if binning.difficulty == "score":
        return _mean_scores(pool)
    scores: Floats = pool.accuracy[-1]
    return scores


def _mean_scores(pool: Arm) -> Floats:
    """Mean score of each prompt's held-out samples, those that were refused left out; (P,).

    A prompt of which all were refused has the lowest of all. Raises ValueError where a sample was not read.
    """
    if not pool.is_scored:
        raise ValueError(
            f"--difficulty score needs a verifier's score of every held-out sample of {pool.rung.name}. Run "
            "`isoquant score RUN scorer=NAME 'pools=[bins]'`, and give --scorer NAME if several scored the run."
        )
    score, refused = pool.scores.score[0], pool.scores.refused[0]
    given = np.count_nonzero(~refused, axis=1)
    means = np.where(refused, 0.0, score).sum(axis=1) / np.maximum(given, 1)
    lowest = means[given > 0].min() if given.any() else 0.0
    return np.where(given > 0, means, lowest)


def _num_bins(scores: Array, binning: Binning) -> int:
    num_bins = difficulty.default_num_bins(len(scores)) if binning.num_bins is None else binning.num_bins
    return min(num_bins, len(np.unique(scores)))


def _quantiles(scores: Array, binning: Binning, weights: Weights) -> list[Bin]:
    num_bins = _num_bins(scores, binning)
    if num_bins == 1:
        return []
    each = difficulty.quantile_parts(scores, weights, num_bins=num_bins)
    return [Bin(name, part) for name, part in zip(difficulty.bin_names(num_bins), each, strict=True)]


def _between_thresholds(pool: Arm, binning: Binning, weights: Weights) -> list[Bin]:
    """Accuracies are shrunk anew in every weighting, as the prior is fitted to the prompts that are drawn."""
    if binning.difficulty == "agreement":
        fixed = difficulty.threshold_bins(_scores(pool, binning), binning.thresholds)
        each = parts.by_label(weights, fixed, num_parts=len(binning.thresholds) + 1)
    else:
        labels = [_shrunk_labels(pool, binning, weights[rows]) for rows in parts.row_blocks(*weights.shape)]
        every = np.arange(weights.shape[1])
        each = parts.split(weights, np.concatenate(labels), every, num_parts=len(binning.thresholds) + 1)
    edges = [f"{100 * edge:g}%" for edge in sorted(binning.thresholds, reverse=True)]
    between = [f"{low} to {high}" for high, low in zip(edges, edges[1:], strict=False)]
    names = [f"{edges[0]} and more", *between, f"below {edges[-1]}"]
    return [Bin(name, part) for name, part in zip(names, each, strict=True)]


def _shrunk_labels(pool: Arm, binning: Binning, weights: Weights) -> Ints:
    """By thresholds of what is left of each prompt's accuracy under the prior; (R, P), a byte each."""
    scores = difficulty.shrunk_scores(pool.stored.num_correct[-1], pool.num_samples, weights)
    return difficulty.threshold_bins(scores, binning.thresholds).astype(
        np.min_scalar_type(-len(binning.thresholds))
    )


def _refuse_thresholds(binning: Binning) -> None:
    if binning.thresholds and binning.difficulty in ("label", "score"):
        named = f"label {binning.label!r}" if binning.difficulty == "label" else "a score"
        raise ValueError(
            f"--thresholds are shares of accuracy or agreement, and {named} is neither. Leave out --thresholds, "
            f"or give --bins for quantiles of {'the label' if binning.difficulty == 'label' else 'scores'}."
        )
    if not all(0 < edge <= 1 for edge in binning.thresholds):
        raise ValueError(
            f"--thresholds must be above 0 and at most 1; got {list(binning.thresholds)}. Write 40% as 0.4."
        )


def _labelled(values: Array, binning: Binning, weights: Weights) -> list[Bin]:
    """A bin a value where there are few, else quantiles of a label that is a number,
    the largest taken for hardest.
    """
    distinct, which = np.unique(values, return_inverse=True)
    if len(distinct) > MAX_LABELS:
        if values.dtype == object:
            raise ValueError(
                f"Label {binning.label!r} has {len(distinct)} values that are not numbers, and at most "
                f"{MAX_LABELS} such values make bins. Choose a label with fewer values, or one of numbers, which "
                "is cut at quantiles."
            )
        return _quantiles(-values, binning, weights)
    if len(distinct) == 1:
        return []
    each = parts.by_label(weights, which, num_parts=len(distinct))
    return [Bin(f"{binning.label} {value}", part) for value, part in zip(distinct, each, strict=True)]
