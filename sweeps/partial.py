"""Searches of which a kill, or damage, has left a part: a new one must not be mixed with it."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from results import store
from results.schema import ANSWERS, SAMPLE_KEY, SEARCHES, TRACES, Table
from results.searching import read_searching

# What a whole search has rows in for each of its paths.
TABLES = (SEARCHES, TRACES, ANSWERS)


def withdraw_partial(root: Path, writer: str) -> dict[str, int]:
    """Take out what is stored of searches that are not whole, the writer's lock held; by table how many rows."""
    searching = read_searching(root)
    if not searching:
        return {}
    keep = functools.partial(_of_whole, searching=searching, whole=find_whole(root, searching))
    return {table.name: store.withdraw_rows(root, table, writer, keep=keep) for table in TABLES}


def find_whole(root: Path, searching: Mapping[str, int]) -> pd.Index:
    """Hashes of the paths whose search is whole: of each of its paths cost, answer and all thinking are stored."""
    searches, traces, answers = (_read_lengths(root, table, searching) for table in TABLES)
    paths = answers.to_frame("answered").join(traces.rename("traced"), how="outer").join(searches.rename("cost"))
    # Of the cost there is no length.
    is_whole = (paths["answered"] == paths["traced"]) & paths["cost"].notna()
    num_whole = is_whole.groupby(level=list(SAMPLE_KEY[:-1])).transform("sum")
    together = paths.index.get_level_values("identity").map(searching)
    whole = paths[is_whole & (num_whole >= together.to_numpy())].index.to_frame(index=False)
    return pd.Index(np.unique(store.hash_keys(whole, SAMPLE_KEY)))


def _read_lengths(root: Path, table: Table, searching: Mapping[str, int]) -> pd.Series:
    """By path the thinking tokens that a table has of it, 0 where it counts none."""
    length = "num_thinking_tokens"
    columns = [*SAMPLE_KEY, *([length] if length in table.schema.names else [])]
    shards = [shard.to_pandas() for shard in store.iterate(root, table, columns=columns)]
    own = pd.concat([shard[shard["identity"].isin(list(searching))] for shard in shards])
    own = own.astype({"identity": object, "prompt_id": object, "pool": object})
    lengths: pd.Series = own.assign(**{length: own.get(length, 0)}).groupby(list(SAMPLE_KEY))[length].sum()
    return lengths


def _of_whole(rows: pa.Table, searching: Mapping[str, int], whole: pd.Index) -> pa.Array:
    keys = rows.select(SAMPLE_KEY).to_pandas()
    is_search = keys["identity"].isin(list(searching)).to_numpy()
    return pa.array(~is_search | (whole.get_indexer(store.hash_keys(keys, SAMPLE_KEY)) >= 0))
