"""Small sets and small bins whose truth lies near 1: how often intervals hold it, and bands whole curves."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import betabinom

from analysis.arrays import Floats
from analysis.stats import bootstrap, estimators, intervals
from analysis.stats.bootstrap import MIN_REPLICATES, weighted_means
from analysis.validation import interval_coverage, worlds
from analysis.validation.checks import COVERS, Check, share
from analysis.validation.worlds import SHARE, Model

SIZES = (12, 26, 60)
TRUTHS = (0.9, 0.95, 0.98, 0.99, 0.999)
NUM_SAMPLES, PASS_AT, MAJ_AT = 16, 4, 5
# Chances of prompts are beta distributed with this second parameter: most are near 1, few are hopeless.
TAIL = 0.5
ABLE = {
    "a model that is often right": interval_coverage.SMALL,
    "one that is nearly always": Model(2.0, 200_000_000),
}


class Statistic(NamedTuple):
    """What a prompt is worth by the number of its samples that are right, (S + 1,) in 0..1."""

    name: str
    by_num_correct: Floats

    @property
    def num_samples(self) -> int:
        """S."""
        return len(self.by_num_correct) - 1

    def first_parameter(self, truth: float) -> float:
        """That of the beta distribution of chances under which the mean is `truth`."""
        counts = np.arange(self.num_samples + 1)

        def excess(log_first: float) -> float:
            shares = betabinom.pmf(counts, self.num_samples, np.exp(log_first), TAIL)
            return float(shares @ self.by_num_correct) - truth

        return float(np.exp(brentq(excess, -5, 15)))

    def draw(self, first: float, num_prompts: int, rng: np.random.Generator) -> Floats:
        """Of each prompt, (P,), whose chances have this first parameter."""
        chance = rng.beta(first, TAIL, size=num_prompts)
        return self.by_num_correct[rng.binomial(self.num_samples, chance)]


def statistics() -> list[Statistic]:
    """0 or 1 of one answer, and the values between them of several samples."""
    counts = np.arange(NUM_SAMPLES + 1)
    correct = np.arange(NUM_SAMPLES) < counts[:, None]
    votes = estimators.maj_at_k(np.where(correct, 0, 1), correct, [MAJ_AT])[:, 0]
    return [
        Statistic("one answer a prompt", np.array([0.0, 1.0])),
        Statistic(f"share of {NUM_SAMPLES} samples that are right", counts / NUM_SAMPLES),
        Statistic(f"pass@{PASS_AT} of {NUM_SAMPLES} samples", estimators.pass_at_k(NUM_SAMPLES, counts, PASS_AT)),
        Statistic(f"maj@{MAJ_AT} of {NUM_SAMPLES} samples", votes),
    ]


def accuracies(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """Intervals of accuracies near 1, the worst of TRUTHS, and, held to nothing, those of resampling alone."""
    checks = []
    every = statistics()
    planted = [(one, one.first_parameter(truth)) for one in every for truth in TRUTHS]
    for num_prompts in SIZES:
        held, alone = (np.zeros((len(every), len(TRUTHS), num_datasets), dtype=bool) for _ in range(2))
        for at in range(num_datasets):
            weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
            values = [one.draw(first, num_prompts, rng) for one, first in planted]
            means = weighted_means(weights, np.column_stack(values)).reshape(-1, len(every), len(TRUTHS))
            for hits, found in (
                (held, intervals.accuracy_interval(means, num_prompts)),
                (alone, bootstrap.percentile_interval(means)),
            ):
                hits[..., at] = (found.low <= TRUTHS) & (found.high >= TRUTHS)
        for statistic, ours, theirs in zip(every, held, alone, strict=True):
            case = f"{statistic.name}, {num_prompts} prompts"
            checks.append(_worst("95% intervals hold a truth near 1", case, ours, low=COVERS[0]))
            checks.append(_worst("Resampling alone (not used near 1)", case, theirs))
    return checks


def curves(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """Bands of pass@k over all widths, on few prompts."""
    checks = []
    for num_prompts in SIZES:
        for name, model in ABLE.items():
            truth = worlds.true_pass_at_k(model, interval_coverage.WIDTHS).T @ SHARE
            hits = []
            for _ in range(num_datasets):
                hardness = worlds.draw_hardness(num_prompts, rng)
                weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
                means = weighted_means(weights, interval_coverage.pass_at_widths(model, hardness, rng))
                band = intervals.accuracy_band(means, intervals.accuracy_interval(means, num_prompts))
                hits.append(bool(np.all((band.low <= truth) & (truth <= band.high))))
            case = f"{len(truth)} widths of {name}, {num_prompts} prompts"
            checks.append(share("A band holds the whole curve", case, hits, low=COVERS[0], high=1.0))
    return checks


def _worst(claim: str, case: str, hits: Floats, *, low: float = np.nan) -> Check:
    """The truth that is held least often; hits (T, D)."""
    least = int(hits.mean(axis=1).argmin())
    case = f"{case}; worst of {TRUTHS[0]} to {TRUTHS[-1]}, at {TRUTHS[least]}"
    return share(claim, case, hits[least].tolist(), low=low, high=1.0 if low == low else np.nan)
