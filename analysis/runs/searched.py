"""What the searches of a run are made of: paths, steps, what was written, kept and read, and what was refused."""

from pathlib import Path

import numpy as np
import pandas as pd

from results import schema, store
from results.searching import count_paths, read_strategies

COLUMNS = ("num_steps", "num_expansions", "num_written_tokens", "num_read_tokens")


def count_searched(root: Path, task: str) -> pd.DataFrame:
    """A row a search of the task: its model and what it is called, paths that are there and that were asked for,
    the means of a path's COLUMNS, `num_kept_tokens`, thinking and answer, and how many paths have no score.
    """
    models = {row["identity"]: row for row in store.scan(root, schema.MODELS).to_pylist() if row["task"] == task}
    rows = []
    for identity, strategy in read_strategies(root).items():
        if identity not in models:
            continue
        searches = store.scan(root, schema.SEARCHES, identity=identity).to_pandas()
        answers = store.scan(root, schema.ANSWERS, identity=identity).to_pandas()
        cells = store.scan(root, schema.CELLS, identity=identity).to_pandas()
        kept = answers["num_thinking_tokens"] + answers["num_answer_tokens"]
        name = f"beam of {count_paths(strategy)}" if strategy.get("together") else "dvts"
        row = {"model": models[identity]["model"], "search": name, "num_paths": len(searches)}
        row |= {"num_asked": int((cells["num_samples"] * cells["num_prompts"]).max())}
        row |= {column: searches[column].mean() for column in COLUMNS}
        row |= {"num_kept_tokens": kept.mean() if len(kept) else np.nan}
        rows.append(row | {"num_refused": int(searches["score"].isna().sum())})
    return pd.DataFrame(rows)
