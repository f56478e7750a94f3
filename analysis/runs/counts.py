"""Stored success counts of one model on every prompt. Knows the counts table; no sample in it has a vote."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from analysis.arrays import Array, Bools, Floats, Ints
from analysis.runs.samples import Samples
from results import schema
from results.schema import OUTCOMES

NO_VOTE = -1


@dataclass(frozen=True, eq=False)
class Counted:
    """Arrays (B budgets, P prompts) of one model: samples, how many are right, and the mean tokens of one.

    No samples where nothing is stored. seed: of what is drawn where samples themselves are asked for, the same
    each time.
    """

    num_samples: Ints
    num_correct: Ints
    thinking_tokens: Floats
    answer_tokens: Floats
    seed: int

    def take(self, *, budgets: Ints, prompts: Ints) -> "Counted":
        """The part at these positions, every sample of it."""
        at = np.ix_(budgets, prompts)
        arrays = {field.name: getattr(self, field.name)[at] for field in fields(self) if field.name != "seed"}
        return Counted(**arrays, seed=self.seed)

    @property
    def closing_tokens(self) -> Floats:
        """None: nobody forced these answers."""
        return np.zeros(self.num_samples.shape)

    def num_ready(self) -> Ints:
        """Number of samples; (B, P)."""
        return self.num_samples

    def split(self, num_samples: int) -> "tuple[Counted, Counted]":
        """So many samples of each prompt, drawn without replacement, and the rest."""
        rng = np.random.default_rng([self.seed, num_samples])
        first = rng.hypergeometric(self.num_correct, self.num_samples - self.num_correct, num_samples)
        return (
            replace(self, num_samples=np.full_like(self.num_samples, num_samples), num_correct=first),
            replace(self, num_samples=self.num_samples - num_samples, num_correct=self.num_correct - first),
        )

    def draw(self, num_samples: int) -> Samples:
        """So many samples of each prompt one by one, drawn without replacement in a random order."""
        drawn, _ = self.split(num_samples)
        shape = (*drawn.num_samples.shape, num_samples)
        correct: Bools = np.arange(num_samples) < drawn.num_correct[..., None]
        correct = np.random.default_rng(self.seed).permuted(correct, axis=2)
        nothing = np.zeros(shape, dtype=bool)
        return Samples(
            present=~nothing,
            correct=correct,
            votes=np.full(shape, NO_VOTE, dtype=np.int64),
            thinking_tokens=_each(self.thinking_tokens, shape),
            closing_tokens=np.zeros(shape, dtype=np.int64),
            answer_tokens=_each(self.answer_tokens, shape),
            cut=nothing,
            forced=nothing,
            capped=nothing,
            outcome=np.where(correct, OUTCOMES.index("correct"), OUTCOMES.index("wrong")),
        )


def _each(means: Floats, shape: tuple[int, int, int]) -> Ints:
    return np.broadcast_to(means[..., None].round().astype(np.int64), shape)


def read(rows: pd.DataFrame, *, identity: str, budgets: list[int], prompt_ids: pd.Index) -> Counted:
    """The counts of one identity, whose rows of the counts table these are."""
    budget = rows["budget"].fillna(schema.UNLIMITED)
    at_budget, at_prompt = pd.Index(budgets).get_indexer(budget), prompt_ids.get_indexer(rows["prompt_id"])
    kept = (at_budget >= 0) & (at_prompt >= 0)
    place, shape = (at_budget[kept], at_prompt[kept]), (len(budgets), len(prompt_ids))

    def dense(name: str) -> Array:
        values = np.zeros(shape)
        values[place] = rows[name].fillna(0)[kept]
        return values

    thinking, decoded = dense("mean_thinking_tokens"), dense("mean_decoded_tokens")
    return Counted(
        num_samples=dense("num_samples").astype(np.int64),
        num_correct=dense("num_correct").astype(np.int64),
        thinking_tokens=np.minimum(thinking, decoded),
        answer_tokens=np.maximum(decoded - thinking, 0),
        seed=int(identity, 16),
    )
