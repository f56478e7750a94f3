"""Puts damaged shards aside, and with them the rows that lean on what was lost. Generates nothing."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from results import store
from results.schema import ANSWERS, GRADES, SAMPLE_KEY, TRACES
from sweeps.plan import read_traces


def repair(root: Path) -> None:
    """Put what is damaged out of the way, saying so; the shards of a writer at work are left to it."""
    writers = store.list_writers(root)
    # What leans on lost rows is found by reading every writer's, so that all are sound before any is read.
    for step in (set_damaged_aside, withdraw_leaning, withdraw_grades):
        for writer in writers:
            with contextlib.suppress(store.BusyError), store.lock(root, writer):
                step(root, writer)


def repair_writer(root: Path, writer: str) -> None:
    """The same for what one writer draws, whose lock the caller holds."""
    set_damaged_aside(root, writer)
    withdraw_leaning(root, writer)


def set_damaged_aside(root: Path, writer: str) -> None:
    """Put the writer's damaged shards aside, a line each."""
    for fault in store.set_damaged_aside(root, writer):
        print(fault, flush=True)


def withdraw_leaning(root: Path, writer: str) -> None:
    """Take out traces whose beginning is lost, then the answers that were cut from them."""
    if store.was_damaged(root):
        usable = _read_usable(root)
        _report(writer, "traces", store.withdraw_rows(root, TRACES, writer, keep=lambda rows: _joined(rows, usable)))
        _report(writer, "answers", store.withdraw_rows(root, ANSWERS, writer, keep=lambda rows: _cut(rows, usable)))


def _read_usable(root: Path) -> pd.DataFrame:
    """Segments that can be reached from the beginning of their trace."""
    identities = store.scan(root, TRACES, columns=["identity"])["identity"].unique().to_pylist()
    parts = [read_traces(root, identity).assign(identity=identity) for identity in identities]
    traces = pd.concat(parts) if parts else pd.DataFrame(columns=[*SAMPLE_KEY, "start_token", "joined"])
    return traces[traces["joined"].astype(bool)]


def _joined(rows: pa.Table, usable: pd.DataFrame) -> pa.Array:
    key = [*SAMPLE_KEY, "start_token"]
    return pa.array(np.isin(store.hash_keys(rows.select(key).to_pandas(), key), store.hash_keys(usable, key)))


def _cut(rows: pa.Table, usable: pd.DataFrame) -> pa.Array:
    """Answers whose thinking is stored. One at budget 0 needs none; a natural one needs a trace that ended there."""
    lengths = usable.groupby(store.hash_keys(usable, SAMPLE_KEY)).agg(
        length=("num_thinking_tokens", "sum"), ended=("ended", "any")
    )
    answers = rows.select([*ANSWERS.key, "num_thinking_tokens"]).to_pandas()
    found = lengths.reindex(store.hash_keys(answers, SAMPLE_KEY))
    natural = answers["budget"].isna().to_numpy()
    length, ended = found["length"].fillna(0).to_numpy(), found["ended"].fillna(value=False).to_numpy(dtype=bool)
    spent = answers["num_thinking_tokens"].to_numpy()
    return pa.array((spent <= length) & (~natural | (ended & (spent == length))))


def withdraw_grades(root: Path, writer: str) -> None:
    """Take out the grades of answers that are lost."""
    if not store.was_damaged(root):
        return
    shards = store.iterate(root, ANSWERS, columns=ANSWERS.key)
    answers = np.concatenate([store.hash_keys(shard.to_pandas(), ANSWERS.key) for shard in shards])

    def keep(rows: pa.Table) -> pa.Array:
        return pa.array(np.isin(store.hash_keys(rows.select(ANSWERS.key).to_pandas(), ANSWERS.key), answers))

    _report(writer, "grades", store.withdraw_rows(root, GRADES, writer, keep=keep))


def _report(writer: str, table: str, num_rows: int) -> None:
    if num_rows:
        print(f"{writer}: {num_rows:,} {table} that leaned on lost rows are set aside and made again.", flush=True)
