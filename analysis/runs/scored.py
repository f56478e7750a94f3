"""What scorers have read of a run: how many answers each scored, and how many it refused."""

from pathlib import Path

import pandas as pd

from results import schema, store

VERSION = ["scorer", "scorer_version"]


def count_scored(root: Path, identity: str) -> pd.DataFrame:
    """A row a scorer and version: `scored` and `refused` answers of this model. Shape (scorers, 4)."""
    columns = [*VERSION, "verdict", "score"]
    scores = store.scan(root, schema.SCORES, columns=columns, identity=identity).to_pandas()
    # Further verdicts are on the same answers.
    first = scores[scores["verdict"] == 0].astype(dict.fromkeys(VERSION, object))
    counts = first.assign(refused=first["score"].isna(), scored=first["score"].notna()).groupby(VERSION)
    return counts[["scored", "refused"]].sum().astype(int).reset_index()
