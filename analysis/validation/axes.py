"""Two axes of planted exponents, flat ends and planted peaks: how often the tests of axes say what is there."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from analysis.arrays import Bools, Floats
from analysis.stats import bootstrap
from analysis.stats.bootstrap import MIN_REPLICATES, weighted_means
from analysis.stats.exponents import ExponentTest, Rise, compare_exponents
from analysis.stats.intervals import FALSE_SHARE
from analysis.stats.peaks import find_peak
from analysis.validation.checks import COVERS, Check, placebo, share

CALLS: Floats = np.array([0.0, 1, 2, 3, 4, 5])
TOKENS: Floats = np.array([0.0, 16, 32, 48, 64, 96, 128])
# Accuracy with the most of both, where the two curves meet.
CORNER = 0.8
NUM_SAMPLES = 4
# Of an answer's chance to be right the parts that its prompt and its sample share in all cells.
OF_PROMPT, OF_SAMPLE = 0.4, 0.4
# A test of a wrong hypothesis has to find it so often.
POWER = 0.8
# Two fits in every replicate take a second a data set: of so many data sets of another proof one is drawn.
FEWER, FEWEST = 4, 20


class Planted(NamedTuple):
    """The curves along both axes."""

    calls: Rise
    tokens: Rise

    def draw(self, num_prompts: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Shares of right samples of each prompt along either axis, (P, J) each; the last cell is the same."""
        chances = np.concatenate([self.calls.accuracy(CALLS), self.tokens.accuracy(TOKENS)[:-1]])
        right = _draw(chances, num_prompts, rng).mean(axis=1)
        calls, tokens = right[:, : len(CALLS)], right[:, len(CALLS) :]
        return calls, np.concatenate([tokens, calls[:, -1:]], axis=1)


def plant(of_calls: float, of_tokens: float) -> Planted:
    """Curves with these exponents, whose ceilings are such that they meet in the last cell."""
    return Planted(
        _through(Rise(0.02, 1.0, 2.0, of_calls), CALLS), _through(Rise(0.1, 1.0, 40.0, of_tokens), TOKENS)
    )


def _through(rise: Rise, steps: Floats) -> Rise:
    made = float(rise._replace(floor=0.0).accuracy(steps[-1]))
    return rise._replace(ceiling=rise.floor + (CORNER - rise.floor) / made)


def _draw(chances: Floats, num_prompts: int, rng: np.random.Generator) -> Bools:
    """Whether each sample is right in cells of these chances, (P, S, J): alike within a prompt and a sample."""
    shape = (num_prompts, NUM_SAMPLES, len(chances))
    parts = (OF_PROMPT, OF_SAMPLE, 1 - OF_PROMPT - OF_SAMPLE)
    sizes = ((num_prompts, 1, 1), (num_prompts, NUM_SAMPLES, 1), shape)
    latent = sum(np.sqrt(part) * rng.standard_normal(size) for part, size in zip(parts, sizes, strict=True))
    return np.asarray(latent < ndtri(chances))


def exponents(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """How often one exponent is rejected where there is one, and where there are two; whether intervals hold."""
    size = f"{num_prompts} prompts, {NUM_SAMPLES} samples"
    equal = [_test(plant(1.5, 1.5), num_prompts, rng) for _ in range(max(num_datasets // FEWER, 1))]
    unlike = [_test(plant(2.5, 1.25), num_prompts, rng) for _ in range(max(num_datasets // FEWEST, 1))]
    found = float(np.mean([test.p_value <= FALSE_SHARE for test in unlike]))
    slack = 3 * np.sqrt(POWER * (1 - POWER) / len(unlike))
    holds = [bool(test.ratio.low <= 1 <= test.ratio.high) for test in equal]
    rejected = [test.p_value <= FALSE_SHARE for test in equal]
    return [
        placebo("One exponent of both axes is rejected", f"both 1.5, {size}", rejected),
        share(
            "95% intervals hold the truth",
            f"ratio of equal exponents, {size}",
            holds,
            low=COVERS[0],
            high=COVERS[1],
        ),
        Check(
            "One exponent of both axes is rejected",
            f"2.5 and 1.25, {size}",
            found,
            POWER - slack,
            1.0,
            len(unlike),
        ),
    ]


def peaks(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """How often a peak is seen on a flat end, and on a planted one."""
    flat, peaked = np.array([0.3, 0.6, 0.7, 0.7, 0.7, 0.7]), np.array([0.3, 0.6, 0.7, 0.7, 0.65, 0.6])
    size = f"{num_prompts} prompts, {NUM_SAMPLES} samples"
    seen = {
        name: [_has_peak(chances, num_prompts, rng) for _ in range(num_datasets)]
        for name, chances in (("flat", flat), ("peaked", peaked))
    }
    slack = 3 * np.sqrt(POWER * (1 - POWER) / num_datasets)
    return [
        placebo("A peak before the end is seen", f"four equal cells at the end, {size}", seen["flat"]),
        Check(
            "A peak before the end is seen",
            f"10 points above the end, {size}",
            float(np.mean(seen["peaked"])),
            POWER - slack,
            1.0,
            num_datasets,
        ),
    ]


def _test(planted: Planted, num_prompts: int, rng: np.random.Generator) -> ExponentTest:
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
    calls, tokens = (weighted_means(weights, values) for values in planted.draw(num_prompts, rng))
    return compare_exponents((calls, tokens), (CALLS, TOKENS), num_prompts=num_prompts)


def _has_peak(chances: Floats, num_prompts: int, rng: np.random.Generator) -> bool:
    accuracy = _draw(chances, num_prompts, rng).mean(axis=1)
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
    return find_peak(accuracy, weights).verdict == "peak"
