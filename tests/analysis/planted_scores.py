"""Scores of planted verifiers, written beside the answers of a run as a scoring pass would write them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results import schema, store

# What a planted verifier gives an answer: (row of the answer with `correct`, rng) -> columns of its score.
Give = Callable[[Any, np.random.Generator], dict[str, Any]]
SIZE = {
    "num_params": 50_000,
    "num_matmul_params": 50_000,
    "num_layers": 3,
    "num_heads": 2,
    "num_kv_heads": 2,
    "head_dim": 32,
}


def score(
    root: Path,
    give: Give,
    *,
    scorer: str = "rm",
    version: str = "1",
    kind: str = "outcome",
    num_verdicts: int = 1,
    seed: int = 0,
    pool: str = "evaluation",
    leave_out: Callable[[Any], bool] = lambda row: False,
    **shape: Any,
) -> Path:
    """Write the scores that `give` makes of each graded answer of a pool; a verdict of it None is left out."""
    writer = f"{scorer}-{version}-{pool}"
    row = {"scorer": scorer, "scorer_version": version, "kind": kind} | (SIZE | shape if kind != "outside" else {})
    grades = store.scan(root, schema.GRADES).to_pandas()
    answers = store.scan(root, schema.ANSWERS).to_pandas()
    key = list(schema.ANSWERS.key)
    merged = grades.merge(answers[[*key, "num_thinking_tokens", "num_answer_tokens"]], on=key)
    merged = merged[merged["pool"] == pool].sort_values(key).reset_index(drop=True)
    rng, rows = np.random.default_rng(seed), []
    for each in merged.itertuples():
        for verdict in range(num_verdicts):
            given = give(each, rng)
            if leave_out(each) or given is None:
                continue
            place = {name: None if pd.isna(getattr(each, name)) else getattr(each, name) for name in key}
            place["budget"] = None if place["budget"] is None else int(place["budget"])
            rows.append(
                place
                | {"scorer": scorer, "scorer_version": version, "verdict": verdict, "num_read_tokens": 20}
                | given
            )
    with store.lock(root, writer):
        store.append(root, schema.SCORERS, [row], writer=writer)
        store.append(root, schema.SCORES, rows, writer=writer)
    return root
