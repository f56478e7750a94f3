"""What the calls of a run's strategies wrote, round by round, and how many samples were asked for."""

from pathlib import Path

import numpy as np
import pandas as pd

from results import schema, store
from results.nodes import read_pool

KEY = ["prompt_id", "pool", "sample", "budget"]


def count_rounds(root: Path, identity: str, *, grader: tuple[str, str]) -> pd.DataFrame:
    """A row a strategy, version, round, call and thinking budget of one model: samples that were asked for, and
    that are there; means of their thinking and answer tokens; shares whose thinking was cut, whose text reached
    its limit, and whose answer has no grade that could be read (NaN of free text). Empty where no strategy was
    drawn.
    """
    cells = store.scan(root, schema.CELLS, identity=identity).to_pandas()
    asked = {
        str(pool): int((part["num_samples"] * part["num_prompts"]).max())
        for pool, part in cells.groupby("pool", observed=True)
        if read_pool(str(pool)) is not None
    }
    if not asked:
        return pd.DataFrame()
    answers = _read(root, identity, asked)
    grades = store.scan(
        root, schema.GRADES, columns=[*KEY, "grader", "grader_version", "outcome"], identity=identity
    )
    standing = grades.to_pandas().astype({"prompt_id": object, "pool": object})
    standing = standing[(standing["grader"] == grader[0]) & (standing["grader_version"] == grader[1])]
    answers = answers.merge(standing[[*KEY, "outcome"]], on=KEY, how="left")
    answers["is_lost"] = np.where(
        answers["outcome"].isna(), np.nan, answers["outcome"].isin(["unparsed", "unanswered"])
    )
    means = answers.groupby("pool").agg(
        num_samples=("sample", "size"),
        thinking_tokens=("num_thinking_tokens", "mean"),
        answer_tokens=("num_answer_tokens", "mean"),
        cut=("forced", "mean"),
        full=("is_full", "mean"),
        unparsed=("is_lost", "mean"),
    )
    rows = []
    for name, num_asked in asked.items():
        pool = read_pool(name)
        assert pool is not None
        told = {"strategy": pool.strategy, "version": pool.version, "round": pool.round, "call": pool.node}
        told |= {"budget": pool.budget, "num_asked": num_asked}
        rows.append(told | (means.loc[name].to_dict() if name in means.index else {"num_samples": 0}))
    order = ["strategy", "version", "budget", "round"]
    counted = pd.DataFrame(rows).sort_values(order, kind="stable", ignore_index=True)
    return counted.astype({"num_samples": int})


def _read(root: Path, identity: str, asked: dict[str, int]) -> pd.DataFrame:
    """The answers of these pools: of a sample whose thinking ended in time there is one."""
    columns = [*KEY, "num_thinking_tokens", "num_answer_tokens", "forced", "finish_reason"]
    parts = []
    for shard in store.iterate(root, schema.ANSWERS, columns=columns, identity=identity):
        rows = shard.to_pandas().astype({"prompt_id": object, "pool": object})
        parts.append(rows[rows["pool"].isin(list(asked))])
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(is_full=rows["finish_reason"] == "length")
