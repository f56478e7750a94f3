"""Puts damaged shards aside, and with them the rows that lean on what was lost. Generates nothing."""

import contextlib
from pathlib import Path

import pandas as pd
import pyarrow as pa

from results import store
from results.schema import ANSWERS, GRADES, SAMPLE_KEY, TRACES
from sweeps.plan import read_traces

ANSWER_KEY = [*SAMPLE_KEY, "budget"]


def repair(root: Path) -> None:
    """Put what is damaged out of the way, saying so; the shards of a writer at work are left to it."""
    writers = store.list_writers(root)
    for writer in writers:
        with contextlib.suppress(store.BusyError), store.lock(root, writer):
            repair_writer(root, writer)
    if store.was_damaged(root):
        for writer in writers:
            with contextlib.suppress(store.BusyError), store.lock(root, writer):
                _report(writer, "grades", _withdraw_grades(root, writer))


def repair_writer(root: Path, writer: str) -> None:
    """The same for one writer, whose lock the caller holds: traces first, then the answers that were cut from them."""
    for fault in store.set_damaged_aside(root, writer):
        print(fault, flush=True)
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
    return pa.array(_keys(rows.select(key).to_pandas(), key).isin(_keys(usable, key)))


def _cut(rows: pa.Table, usable: pd.DataFrame) -> pa.Array:
    """Answers whose thinking is stored. One at budget 0 needs none; a natural one needs a trace that ended there."""
    lengths = usable.groupby(_keys(usable, [*SAMPLE_KEY])).agg(
        length=("num_thinking_tokens", "sum"), ended=("ended", "any")
    )
    answers = rows.select([*ANSWER_KEY, "num_thinking_tokens"]).to_pandas()
    found = lengths.reindex(_keys(answers, [*SAMPLE_KEY]))
    natural = answers["budget"].isna().to_numpy()
    length, ended = found["length"].fillna(0).to_numpy(), found["ended"].fillna(value=False).to_numpy(dtype=bool)
    spent = answers["num_thinking_tokens"].to_numpy()
    return pa.array((spent <= length) & (~natural | (ended & (spent == length))))


def _withdraw_grades(root: Path, writer: str) -> int:
    answers = _keys(store.scan(root, ANSWERS, columns=ANSWER_KEY).to_pandas(), ANSWER_KEY)

    def keep(rows: pa.Table) -> pa.Array:
        return pa.array(_keys(rows.select(ANSWER_KEY).to_pandas(), ANSWER_KEY).isin(answers))

    return store.withdraw_rows(root, GRADES, writer, keep=keep)


def _keys(rows: pd.DataFrame, columns: list[str]) -> pd.Index:
    """A hash of each row's key, a missing budget told from every number."""
    columns_only = rows[columns].astype({name: object for name in columns if name not in ("sample", "budget")})
    if "budget" in columns:
        columns_only = columns_only.assign(budget=columns_only["budget"].astype("float64").fillna(-1.0))
    return pd.Index(pd.util.hash_pandas_object(columns_only, index=False))


def _report(writer: str, table: str, num_rows: int) -> None:
    if num_rows:
        print(f"{writer}: {num_rows:,} {table} that leaned on lost rows are set aside and made again.", flush=True)
