"""What a run has spent: tokens and samples by model, and the seconds of its devices. Knows tables,
no cost model.
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.runs.verifiers import EVALUATION
from results import schema, store
from results.folder import read_object

PROBES = "probes"
# No probe writes as many tokens.
MOST_PROBED = 2**31


class Written(NamedTuple):
    """Of one model: tokens of its evaluated samples and how many there are, tokens of its other samples, prompts
    that have any, and tokens that its requests read.
    """

    tokens: int
    num_samples: int
    other_tokens: int
    num_prompts: int
    read_tokens: int

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
    """By model name what was written; probe_tokens: before any sample, to see whether thinking works;
    device_seconds: of all jobs while they drew, an engine elsewhere counting as one device.
    """

    by_model: dict[str, Written]
    probe_tokens: int
    device_seconds: float

    @property
    def tokens(self) -> int:
        """All that were written."""
        return self.probe_tokens + sum(each.all_tokens for each in self.by_model.values())


def read(root: Path) -> Spent:
    """Every token that is stored, thinking and answers, whoever asked for them, and the time that it took."""
    names = store.scan(root, schema.MODELS, columns=["identity", "model"]).to_pandas().astype(object)
    rows = pd.concat(
        [
            _requests(root, schema.TRACES, "num_thinking_tokens"),
            _requests(root, schema.ANSWERS, "num_answer_tokens"),
        ],
        ignore_index=True,
    )
    rows["model"] = rows["identity"].map(dict(zip(names["identity"], names["model"], strict=True)))
    log = store.scan(root, schema.THROUGHPUT, columns=["seconds", "num_devices"]).to_pandas()
    seconds = log["seconds"] * log["num_devices"].fillna(1).clip(lower=1)
    by_model = {str(name): _count(own) for name, own in rows.groupby("model")}
    return Spent(by_model, _probed(root), float(seconds.sum()))


def _requests(root: Path, table: schema.Table, tokens: str) -> pd.DataFrame:
    """What each request of a table read and wrote; an answer that took none has no seed, and read nothing."""
    names = ["identity", "prompt_id", "pool", "sample", "num_prompt_tokens", "seed", tokens]
    rows = store.scan(root, table, columns=names).to_pandas().rename(columns={tokens: "tokens"})
    rows["read"] = rows["num_prompt_tokens"].where(rows["seed"].notna(), 0)
    return rows.astype({"identity": object, "pool": object, "prompt_id": object})


def _count(rows: pd.DataFrame) -> Written:
    is_evaluated = rows["pool"] == EVALUATION
    samples = rows.loc[is_evaluated, ["prompt_id", "sample"]].drop_duplicates()
    return Written(
        tokens=int(rows.loc[is_evaluated, "tokens"].sum()),
        num_samples=len(samples),
        other_tokens=int(rows.loc[~is_evaluated, "tokens"].sum()),
        num_prompts=rows["prompt_id"].nunique(),
        read_tokens=int(rows["read"].sum()),
    )


def _probed(root: Path) -> int:
    """Tokens of the probes; a record that is damaged, or tells what cannot be, tells none."""
    found = 0
    for path in sorted((root / PROBES).glob("*.json")):
        try:
            told = read_object(path.read_text(), where=path.name).get("num_tokens", 0)
        except (OSError, ValueError):
            continue
        found += told if type(told) is int and 0 <= told < MOST_PROBED else 0
    return found
