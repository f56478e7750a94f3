"""Searches of which a kill, or damage, has left a part: a new one must not be mixed with it."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from results import store
from results.schema import ANSWERS, SAMPLE_KEY, SEARCHES, TRACES
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
    """Hashes of the paths whose search is whole: cost, trace and answer of each of its paths are stored."""
    stored = []
    for table in TABLES:
        shards = [shard.to_pandas() for shard in store.iterate(root, table, columns=SAMPLE_KEY)]
        own = pd.concat([shard[shard["identity"].isin(list(searching))] for shard in shards]).astype(object)
        stored.append(own.drop_duplicates().assign(num=1))
    tables = pd.concat(stored)
    paths = tables.groupby([*SAMPLE_KEY], sort=False)["num"].sum().eq(len(stored)).reset_index(name="is_whole")
    together = paths["identity"].map(searching).astype(int)
    of_search = paths[paths["is_whole"]].groupby([*SAMPLE_KEY[:-1]], sort=False)["sample"].transform("size")
    is_whole = paths["is_whole"] & (of_search.reindex(paths.index, fill_value=0) >= together)
    whole = paths.loc[is_whole, [*SAMPLE_KEY]].astype({"sample": "int32"})
    return pd.Index(np.unique(store.hash_keys(whole, SAMPLE_KEY)))


def _of_whole(rows: pa.Table, searching: Mapping[str, int], whole: pd.Index) -> pa.Array:
    keys = rows.select(SAMPLE_KEY).to_pandas()
    is_search = keys["identity"].isin(list(searching)).to_numpy()
    return pa.array(~is_search | (whole.get_indexer(store.hash_keys(keys, SAMPLE_KEY)) >= 0))
