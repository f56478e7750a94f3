"""Planted ladders: models whose prompts differ in difficulty, and how far a run has drawn each. Knows no files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from analysis.arrays import Floats, Ints, Weights
from analysis.goals.planner import Limits
from analysis.goals.question import Drawn
from analysis.goals.rates import Pair
from analysis.stats import bootstrap, estimators, substitution
from analysis.validation.worlds import HARDNESS, SHARE

# The numbers of samples that a model may have, as the embedded ladder's grid has them.
WIDTHS = (1, 2, 4, 8, 16)
MOST_WIDTH = WIDTHS[-1]
MOST_PROMPTS = 6000
# Logits of a prompt differ by what is common to all models and by what is each model's own: standard deviations.
COMMON, OWN = 1.5, 0.7
# Harder prompts take longer answers: the logarithm of their tokens rises by this for each unit of hardness.
LONGER = 0.25
EVERY_PROMPT = "all prompts"
Prompts = Mapping[str, Drawn]


class Rung(NamedTuple):
    """A model of this mean logit, with the tokens of its mean sample and what a token of it costs."""

    name: str
    ability: float
    length: float
    cost: float

    @property
    def accuracy(self) -> Floats:
        """Truth at 1, 2, ... MOST_WIDTH samples, (K,)."""
        chance = expit(self.ability - np.hypot(COMMON, OWN) * HARDNESS)
        return np.asarray(SHARE @ (1 - (1 - chance[:, None]) ** np.arange(1, MOST_WIDTH + 1)))


def ladder(num_rungs: int, *, smallest: float = -3.0, largest: float = 0.5) -> tuple[Rung, ...]:
    """Rungs in even steps of mean logit, size and length, smallest first; the smaller ones write more.

    From first to last a token costs 64 times as much, and a sample has half the tokens.
    """
    return tuple(
        Rung(f"rung {at}", smallest + (largest - smallest) * step, 400 * 0.5**step, 64.0**step)
        for at, step in enumerate(np.linspace(0, 1, num_rungs), start=1)
    )


def able(accuracy: float, num_samples: float) -> float:
    """The mean logit of a rung that reaches this accuracy with so many samples,
    linear between them in their log.
    """

    def excess(ability: float) -> float:
        reached = Rung("", ability, 1.0, 1.0).accuracy
        return float(np.interp(np.log(num_samples), np.log(np.arange(1, MOST_WIDTH + 1)), reached)) - accuracy

    return float(brentq(excess, -12, 12))


def true_rate(small: Rung, large: Rung) -> float:
    """What the smaller model spends over the larger one's single answer; inf where it is not within the grid."""
    widths = np.arange(1, MOST_WIDTH + 1)
    spent, against = (rung.length * rung.cost for rung in (small, large))
    crossing = substitution.invert(small.accuracy, spent * widths, np.log(widths), large.accuracy[0])
    return float(crossing.cost / against)


@dataclass(frozen=True)
class Planted:
    """Outcomes of all that a run could draw: numbers of right samples by rung and width, (W, P), and tokens,
    (P,).
    """

    rungs: tuple[Rung, ...]
    num_correct: Mapping[str, Ints]
    tokens: Mapping[str, Floats]

    @cached_property
    def by_name(self) -> dict[str, Rung]:
        return {rung.name: rung for rung in self.rungs}

    def correct(self, name: str, prompts: int, samples: int) -> Ints:
        """Right samples of the first prompts, of so many each; (P,)."""
        return self.num_correct[name][WIDTHS.index(samples), :prompts]

    def accuracy(self, name: str, prompts: int, samples: int) -> Floats:
        """Of one answer, (P,)."""
        return self.correct(name, prompts, samples) / samples

    def spent(self, drawn: Prompts) -> float:
        """Tokens of all that is drawn."""
        return float(sum(each.samples * self.tokens[name][: each.prompts].sum() for name, each in drawn.items()))

    def limits(self, drawn: Prompts, *, start: float) -> Limits:
        """What a run that has drawn so far takes a further sample to cost."""
        price = {name: float(self.tokens[name][: each.prompts].mean()) for name, each in drawn.items()}
        return Limits(len(self.tokens[self.rungs[0].name]), WIDTHS, price, {}, start)

    def paired(self, models: Sequence[str], drawn: Prompts) -> dict[str, Drawn]:
        """Of these models what is drawn of prompts that all of them have."""
        prompts = min(drawn[name].prompts for name in models)
        return {name: Drawn(prompts, drawn[name].samples) for name in models}

    def pair(self, small: str, large: str, drawn: Prompts) -> Pair:
        """Both on the prompts that both have."""
        both = self.paired((small, large), drawn)
        prompts, own = both[small]
        widths = np.arange(1, own + 1)
        spent, against = (self.by_name[name].cost * self.tokens[name][:prompts] for name in (small, large))
        return Pair(
            small=small,
            large=large,
            bin=EVERY_PROMPT,
            accuracy=pass_at_widths(own)[self.correct(small, prompts, own)],
            cost=spent[:, None] * widths,
            steps=np.log(widths),
            target=self.accuracy(large, *both[large]),
            target_cost=against,
            weights=weights(prompts),
            drawn=both,
            most_width=MOST_WIDTH,
            is_width=True,
        )


def plant(rungs: Sequence[Rung], rng: np.random.Generator, *, prompts: int = MOST_PROMPTS) -> Planted:
    """A run's outcomes, of which it sees what it draws."""
    hardness = rng.standard_normal(prompts)
    starts = [0, *WIDTHS[:-1]]
    num_correct, tokens = {}, {}
    for rung in rungs:
        chance = expit(rung.ability - COMMON * hardness + OWN * rng.standard_normal(prompts))
        right = rng.random((prompts, MOST_WIDTH), dtype=np.float32) < chance[:, None]
        num_correct[rung.name] = np.add.reduceat(right, starts, axis=1, dtype=np.int64).cumsum(axis=1).T
        tokens[rung.name] = rung.length * np.exp(LONGER * hardness) * rng.uniform(0.5, 1.5, prompts)
    return Planted(tuple(rungs), num_correct, tokens)


@lru_cache(maxsize=len(WIDTHS))
def pass_at_widths(num_samples: int) -> Floats:
    """pass@1, 2, ... by the number of samples that are right, (S + 1, S)."""
    counts = np.arange(num_samples + 1)
    return np.asarray(estimators.pass_at_k(num_samples, counts[:, None], np.arange(1, num_samples + 1)))


def weights(num_prompts: int) -> Weights:
    """Resamplings of so many prompts, shared by all runs of a process.

    Prompts of a planted run are exchangeable, and the weights were drawn without it: so each run's interval is one
    that weights of its own could have given.
    """
    return _weights(num_prompts, bootstrap.MIN_REPLICATES)


@lru_cache(maxsize=256)
def _weights(num_prompts: int, num_replicates: int) -> Weights:
    rng = np.random.default_rng(num_prompts)
    return bootstrap.prompt_weights(num_prompts, num_replicates=num_replicates, rng=rng)
