"""Populations of prompts with a known difficulty, what models answer on them,
and the true value of every statistic.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from scipy.stats import binom, norm

from analysis.arrays import Bools, Floats, Ints
from analysis.costs.shapes import Shape
from analysis.stats import difficulty

# The population as a fine grid of difficulties, standard normal, and the share of prompts at each.
HARDNESS = np.linspace(-5, 5, 4001)
SHARE = norm.pdf(HARDNESS) / norm.pdf(HARDNESS).sum()
PROMPT_TOKENS = 50


class Model(NamedTuple):
    """A model right with chance expit(ability - slope x hardness).

    Its samples take length x exp(hardness / 4) tokens on average, half to one and a half times that.
    """

    ability: float
    num_params: int
    slope: float = 1.2
    length: float = 100.0

    @property
    def shape(self) -> Shape:
        """What it costs."""
        return Shape(self.num_params, num_layers=12, num_heads=8, head_dim=64)

    def chance(self, hardness: Floats) -> Floats:
        """Chance that one sample is right."""
        return np.asarray(expit(self.ability - self.slope * hardness))

    def mean_tokens(self, hardness: Floats) -> Floats:
        """Expected tokens of one sample."""
        return np.asarray(self.length * np.exp(hardness / 4))


class Drawn(NamedTuple):
    """One model's samples on drawn prompts: correct and tokens, (P, S) each."""

    correct: Bools
    tokens: Floats


@dataclass(frozen=True)
class World:
    """Prompts of one population, binned by the held-out samples of an anchor."""

    anchor: Model
    num_prompts: int
    num_bins: int
    bin_samples: int = 8

    def draw_scores(self, hardness: Floats, rng: np.random.Generator) -> Floats:
        """The anchor's held-out pass@1 on these prompts, (P,)."""
        return np.asarray(rng.binomial(self.bin_samples, self.anchor.chance(hardness)) / self.bin_samples)

    def true_bins(self) -> Floats:
        """Chance of each difficulty to fall into each bin, (num_bins, H), bins as an endless sample has them."""
        counts = np.arange(self.bin_samples + 1)
        of_count = binom.pmf(counts[:, None], self.bin_samples, self.anchor.chance(HARDNESS))
        labels = difficulty.quantile_bins(counts, (of_count @ SHARE)[None], num_bins=self.num_bins)[0]
        return np.stack([of_count[labels == number].sum(axis=0) for number in range(self.num_bins)])

    def true_means(self, values: Floats) -> Floats:
        """Population mean of values by difficulty (H, J) in each bin, (num_bins, J)."""
        weight = self.true_bins() * SHARE
        return np.asarray(weight @ values / weight.sum(axis=1, keepdims=True))


def draw_hardness(num_prompts: int, rng: np.random.Generator) -> Floats:
    """Difficulties of prompts drawn from the population, (P,)."""
    return rng.standard_normal(num_prompts)


def draw(model: Model, hardness: Floats, num_samples: int, rng: np.random.Generator) -> Drawn:
    """Samples of one model on prompts of these difficulties."""
    shape = (len(hardness), num_samples)
    correct = rng.random(shape) < model.chance(hardness)[:, None]
    return Drawn(correct, model.mean_tokens(hardness)[:, None] * rng.uniform(0.5, 1.5, size=shape))


def true_pass_at_k(model: Model, widths: Ints) -> Floats:
    """Chance that any of k samples is right, by difficulty; (H, K)."""
    return np.asarray(1 - (1 - model.chance(HARDNESS)[:, None]) ** widths)


def true_maj_at_k(model: Model, widths: Ints) -> Floats:
    """Chance that most of k samples are right where wrong ones agree,
    a tie counting half, by difficulty; (H, K).
    """
    chance = model.chance(HARDNESS)[:, None]
    return np.asarray(binom.sf(widths / 2, widths, chance) + binom.pmf(widths / 2, widths, chance) / 2)
