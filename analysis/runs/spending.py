"""What a run has spent: tokens and samples by model, and the seconds of its devices. Knows tables, no cost model."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.runs.verifiers import EVALUATION
from results import schema, store


class Written(NamedTuple):
    """Of one model: tokens of its evaluated samples and how many there are, of its other samples, and prompts."""

    tokens: int
    num_samples: int
    other_tokens: int
    num_prompts: int

    @property
    def all_tokens(self) -> int:
        return self.tokens + self.other_tokens

    @property
    def by_sample(self) -> float:
        return self.tokens / max(self.num_samples, 1)

    @property
    def others_by_prompt(self) -> float:
        return self.other_tokens / max(self.num_prompts, 1)


class Spent(NamedTuple):
    """By model name what was written; device_seconds: of all jobs, an engine elsewhere counting as one device."""

    by_model: dict[str, Written]
    device_seconds: float

    @property
    def tokens(self) -> int:
        return sum(each.all_tokens for each in self.by_model.values())


def read(root: Path) -> Spent:
    """Every token that is stored, thinking and answers, whoever asked for them, and the time that it took."""
    names = store.scan(root, schema.MODELS, columns=["identity", "model"]).to_pandas().astype(object)
    key = ["identity", "prompt_id", "pool", "sample"]
    parts = [
        store.scan(root, table, columns=[*key, tokens]).to_pandas().rename(columns={tokens: "tokens"})
        for table, tokens in ((schema.TRACES, "num_thinking_tokens"), (schema.ANSWERS, "num_answer_tokens"))
    ]
    rows = pd.concat(parts, ignore_index=True).astype({"identity": object, "pool": object, "prompt_id": object})
    rows["model"] = rows["identity"].map(dict(zip(names["identity"], names["model"], strict=True)))
    log = store.scan(root, schema.THROUGHPUT, columns=["seconds", "num_devices"]).to_pandas()
    seconds = log["seconds"] * log["num_devices"].fillna(1).clip(lower=1)
    return Spent({str(name): _count(own) for name, own in rows.groupby("model")}, float(seconds.sum()))


def _count(rows: pd.DataFrame) -> Written:
    is_evaluated = rows["pool"] == EVALUATION
    samples = rows.loc[is_evaluated, ["prompt_id", "sample"]].drop_duplicates()
    return Written(
        tokens=int(rows.loc[is_evaluated, "tokens"].sum()),
        num_samples=len(samples),
        other_tokens=int(rows.loc[~is_evaluated, "tokens"].sum()),
        num_prompts=rows["prompt_id"].nunique(),
    )
