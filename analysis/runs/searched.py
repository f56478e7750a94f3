"""What the searches of a run are made of: paths, steps, what was written, kept and read, and what was refused."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results import schema, store
from results.searching import count_paths, read_strategies

COLUMNS = ("num_steps", "num_expansions", "num_written_tokens", "num_read_tokens")


def name_searches(models: Mapping[str, str], strategies: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """By identity what a search is called beside its model, which `models` tells: `dvts` or `beam of 4`.

    The second of a model that would be called the same, having other settings, is `dvts#2` or `beam#2 of 4`.
    """
    named, count = {}, Counter[tuple[str, str]]()
    for identity, model in models.items():
        strategy = strategies[identity]
        method, size = ("beam", f" of {count_paths(strategy)}") if strategy.get("together") else ("dvts", "")
        count[model, method + size] += 1
        number = count[model, method + size]
        named[identity] = f"{method}#{number}{size}" if number > 1 else f"{method}{size}"
    return named


def count_searched(root: Path, task: str) -> pd.DataFrame:
    """A row a search of the task: its model and what it is called, paths that are there and that were asked for,
    the means of a path's COLUMNS, `num_kept_tokens`, thinking and answer, and how many paths have no score.
    """
    models = {row["identity"]: row for row in store.scan(root, schema.MODELS).to_pylist() if row["task"] == task}
    strategies = read_strategies(root)
    names = name_searches({name: row["model"] for name, row in models.items() if name in strategies}, strategies)
    rows = []
    for identity, name in names.items():
        searches = store.scan(root, schema.SEARCHES, identity=identity).to_pandas()
        answers = store.scan(root, schema.ANSWERS, identity=identity).to_pandas()
        cells = store.scan(root, schema.CELLS, identity=identity).to_pandas()
        kept = answers["num_thinking_tokens"] + answers["num_answer_tokens"]
        row = {"model": models[identity]["model"], "search": name, "num_paths": len(searches)}
        asked = cells["num_samples"] * cells["num_prompts"]
        row |= {"num_asked": int(asked.max()) if len(asked) else 0}
        row |= {column: searches[column].mean() for column in COLUMNS}
        row |= {"num_kept_tokens": kept.mean() if len(kept) else np.nan}
        rows.append(row | {"num_refused": int(searches["score"].isna().sum())})
    return pd.DataFrame(rows)
