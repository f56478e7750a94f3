"""The calls of tools that a run's samples made, and whether they found what answers the question."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Array, Bools, Ints
from analysis.runs.verifiers import EVALUATION
from results import schema, store
from results.cuts import NEVER

# What can keep a call from a result.
TROUBLES = ("malformed", "timeout", "failed")
COLUMNS = (
    *("prompt_id", "pool", "sample", "call", "place", "opened"),
    *("tool", "query", "result_ids", "num_result_tokens", "tool_seconds", "trouble", "has_gold"),
)


def read(root: Path, identity: str) -> pd.DataFrame:
    """A row a call that was carried out, of one identity, in the order of its samples.

    call: its number in the sample, from 1. opened, place: after how many written tokens it begins, and was carried
    out. num_result_tokens: what stood behind it. trouble: timeout, failed or malformed, null where there is a
    result. has_gold: whether a document of the prompt's gold ones is among the results; null where the task names
    none.
    """
    key, of_call = ["prompt_id", "pool", "sample"], ["tool", "query", "result_ids", "tool_seconds", "trouble"]
    columns = [*key, "start_token", "num_thinking_tokens", "opened", *of_call, "observed_ids"]
    parts = []
    for shard in store.iterate(root, schema.TRACES, columns=columns, identity=identity):
        rows = shard.to_pandas()
        rows = rows.astype({name: object for name in ("prompt_id", "pool", "tool", "trouble")})
        # A call may begin in a segment before the one that ends it.
        parts.append(rows[rows["observed_ids"].notna() | rows["opened"].notna()])
    rows = pd.concat(parts).sort_values([*key, "start_token"], ignore_index=True)
    rows["opened"] = rows.groupby(key)["opened"].ffill()
    made = rows[rows["observed_ids"].notna()]
    gold = _read_gold(root)
    return made.assign(
        call=made.groupby(key).cumcount() + 1,
        place=made["start_token"] + made["num_thinking_tokens"],
        opened=made["opened"].astype("Int64"),
        result_ids=[() if ids is None else tuple(ids) for ids in made["result_ids"]],
        num_result_tokens=made["observed_ids"].map(len),
        has_gold=[
            None if (known := gold.get(prompt)) is None else bool(known.intersection(() if ids is None else ids))
            for prompt, ids in zip(made["prompt_id"], made["result_ids"], strict=True)
        ],
    )[list(COLUMNS)].reset_index(drop=True)


class Gold(NamedTuple):
    """named: whether a prompt names gold documents, (P,). found_at: after how many written tokens each evaluated
    sample had them all among its results, (P, S); NEVER where it had not.
    """

    named: Bools
    found_at: Ints


def find_gold(root: Path, identity: str, prompt_ids: Array, num_samples: int) -> Gold | None:
    """When the samples of one identity had found every gold document; None where no prompt names one."""
    gold = _read_gold(root)
    named = np.array([prompt in gold for prompt in prompt_ids])
    if not named.any():
        return None
    place_of = {prompt: at for at, prompt in enumerate(prompt_ids) if named[at]}
    found_at = np.full((len(prompt_ids), num_samples), NEVER)
    missing: dict[tuple[int, int], set[str]] = {}
    calls = read(root, identity)
    calls = calls[
        (calls["pool"] == EVALUATION) & (calls["sample"] < num_samples) & calls["prompt_id"].isin(place_of)
    ]
    columns = (calls[name] for name in ("prompt_id", "sample", "place", "result_ids"))
    for prompt, sample, place, ids in zip(*columns, strict=True):
        key = place_of[prompt], int(sample)
        left = missing.setdefault(key, set(gold[prompt]))
        if left and not left.difference(ids):
            found_at[key] = place
        left.difference_update(ids)
    return Gold(named, found_at)


def _read_gold(root: Path) -> dict[str, set[str]]:
    """By prompt the documents that hold its answer, of prompts whose task names them."""
    prompts = store.scan(root, schema.PROMPTS, columns=["prompt_id", "gold_ids"]).to_pylist()
    return {row["prompt_id"]: set(row["gold_ids"]) for row in prompts if row["gold_ids"]}


def summarize(calls: pd.DataFrame) -> dict[str, float]:
    """Of `read`'s rows: how many there are, in how many samples, and means;
    NaN where there is nothing to average.
    """
    found = calls["has_gold"].dropna()
    return {
        "num_calls": len(calls),
        "num_samples": calls.groupby(["prompt_id", "pool", "sample"]).ngroups,
        **{f"{name}_share": float((calls["trouble"] == name).mean()) for name in TROUBLES},
        "gold_share": float(found.astype(float).mean()) if len(found) else np.nan,
        "tool_seconds": float(calls["tool_seconds"].mean()),
        "num_result_tokens": float(calls["num_result_tokens"].mean()),
    }
