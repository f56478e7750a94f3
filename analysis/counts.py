"""Stored success counts of one model as a grid. Knows the counts table; no sample in it has a vote."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.arrays import Array, Ints
from analysis.grid import Grid
from results import schema, store
from results.schema import OUTCOMES

NO_VOTE = -1


def read(root: Path, *, identity: str, budgets: list[int], prompt_ids: pd.Index) -> Grid:
    """The counts of one identity as samples, of which none votes and all of a prompt spend its mean tokens.

    Counts do not say which samples were right, so their order is drawn, the same for one identity each time: the first
    m of n are then a fair draw, and all n hold the counts themselves.
    """
    rows = store.scan(root, schema.COUNTS, identity=identity).to_pandas()
    rows["budget"] = rows["budget"].fillna(schema.UNLIMITED)
    at_budget, at_prompt = pd.Index(budgets).get_indexer(rows["budget"]), prompt_ids.get_indexer(rows["prompt_id"])
    kept = (at_budget >= 0) & (at_prompt >= 0)
    rows, place = rows[kept], (at_budget[kept], at_prompt[kept])
    shape = (len(budgets), len(prompt_ids), int(rows["num_samples"].max()) if len(rows) else 0)
    number = np.arange(shape[2])
    present = number < _dense(rows["num_samples"], place, shape)
    correct = number < _dense(rows["num_correct"], place, shape)
    thinking = _dense(rows["mean_thinking_tokens"], place, shape)
    decoded = _dense(rows["mean_decoded_tokens"], place, shape)
    correct = _shuffle(correct, present, seed=int(identity, 16))
    nothing = np.zeros(shape, dtype=bool)
    return Grid(
        present=present,
        correct=correct,
        votes=np.full(shape, NO_VOTE, dtype=np.int64),
        thinking_tokens=np.broadcast_to(np.minimum(thinking, decoded), shape),
        closing_tokens=np.zeros(shape, dtype=np.int64),
        answer_tokens=np.broadcast_to(np.maximum(decoded - thinking, 0), shape),
        cut=nothing,
        forced=nothing,
        capped=nothing,
        outcome=np.where(correct, OUTCOMES.index("correct"), OUTCOMES.index("wrong")),
    )


def _dense(values: pd.Series, place: tuple[Array, Array], shape: tuple[int, int, int]) -> Ints:
    """Values in their places, rounded, zeros elsewhere; (B, P, 1)."""
    dense = np.zeros((*shape[:2], 1), dtype=np.int64)
    dense[(*place, 0)] = values.fillna(0).round().astype(np.int64)
    return dense


def _shuffle(correct: Array, present: Array, *, seed: int) -> Array:
    """The present samples of each prompt in a drawn order."""
    keys = np.where(present, np.random.default_rng(seed).random(correct.shape), 2.0)
    return np.take_along_axis(correct, np.argsort(keys, axis=2), axis=2)
