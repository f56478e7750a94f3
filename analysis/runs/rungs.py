"""The rungs of a stored run: what each is called, its shape, and what it costs. Knows the tables, no outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.costs.shapes import PerToken, Shape
from analysis.runs import throughput
from analysis.runs.throughput import Measured
from results import schema, store
from results.folder import read_object

# Bytes a weight and, where weights are quantized, a weight of that format; "auto" is a 16-bit type in vLLM.
DTYPE_BYTES = {"float32": 4.0, "float": 4.0}
QUANTIZED_BYTES = {"fp8": 1.0, "int8": 1.0, "awq": 0.5, "gptq": 0.5, "awq_marlin": 0.5, "gptq_marlin": 0.5}
# Settings that set two identities of a model apart are written out where they are short.
MAX_NAME_CHARS = 40
# Of what an identity is the hash of: a model's own, or what says nothing of how it was asked.
OWN = ("weights", "chat_template", "further_ends", "bos_ids", "seed", "model", "outcomes", "source")
_COUNTS = ("num_matmul_params", "num_layers", "num_heads", "head_dim", "num_kv_heads")
_REFINEMENTS = ("value_head_dim", "cached_width", "num_linear_layers", "num_window_layers", "window")


@dataclass(frozen=True)
class Rung:
    """One model of the ladder: the name it goes by, its identity in the store, its size and its shape.

    num_params and the shape's counts are NaN where they are not known. Outcomes from elsewhere may lack tokens,
    those of prompts alone, answers to vote on, or what ended them (a limit, or the model itself). measured_on:
    where and how the shape's throughput was logged, None where it was not. asked: what its identity is the hash of
    and no model's own, by dotted name; none where that was not recorded. usd: budgets, and the mean dollars
    charged for a sample there; none where that is not known.
    """

    name: str
    identity: str
    num_params: float
    shape: Shape
    pretraining_tokens: int | None = None
    has_tokens: bool = True
    has_prompt_tokens: bool = True
    has_votes: bool = True
    has_ends: bool = True
    is_counted: bool = False
    measured_on: str | None = None
    asked: tuple[tuple[str, str], ...] = ()
    usd: tuple[tuple[int, float], ...] = ()


def read(root: Path, models: pd.DataFrame) -> list[Rung]:
    """The rungs of these rows of the models table, by size, with what the run's outcomes and log tell of them.

    Names that stand for several identities carry what sets them apart.
    """
    return _tell(_by_size(models), _spent(root), throughput.read(root))


def _by_size(models: pd.DataFrame) -> list[Rung]:
    models = models.drop_duplicates("identity").sort_values(["num_params", "model", "identity"])
    names = pd.concat([_tell_apart(variants) for _, variants in models.groupby("model")]).loc[models.index]
    return [
        Rung(
            name,
            row.identity,
            float(row.num_params),
            shape_of(row),
            None if pd.isna(row.pretraining_tokens) else int(row.pretraining_tokens),
            asked=tuple(_asked(settings(row.identity_parts)).items()),
        )
        for name, row in zip(names, models.itertuples(), strict=True)
    ]


def _tell_apart(variants: pd.DataFrame) -> pd.Series:
    """A name for each identity of one model: its own,
    with the settings that differ between them, as in `m dtype=half`.

    The beginning of the identity stands in where settings were not recorded, or do not tell all apart in a few
    words.
    """
    names = variants["model"]
    if len(variants) == 1:
        return names
    parts = [settings(text) for text in variants["identity_parts"]]
    differing = sorted(name for name in set().union(*parts) if len({repr(part.get(name)) for part in parts}) > 1)
    told = [" ".join(f"{name.split('.')[-1]}={part.get(name, 'default')}" for name in differing) for part in parts]
    is_recorded = variants["identity_parts"].notna().all()
    if not is_recorded or len(set(told)) < len(told) or max(map(len, told)) > MAX_NAME_CHARS:
        return names + "@" + variants["identity"].str[:6]
    return names + " " + pd.Series(told, index=variants.index)


def settings(identity_parts: object) -> dict[str, Any]:
    """What an identity is the hash of, by dotted name; empty where it was not recorded."""
    return (
        dict(store.flatten(read_object(identity_parts, where="identity_parts of a model")))
        if isinstance(identity_parts, str)
        else {}
    )


def _asked(parts: Mapping[str, Any]) -> dict[str, str]:
    """Of an identity's parts those that say how a model was asked, each value in words."""
    return {name: repr(value) for name, value in parts.items() if name.split(".")[0] not in OWN}


def shape_of(row: Any) -> Shape:
    """A row of the models or scorers table as what costs depend on; counts that are not known are NaN.

    Rows from before experts, windows and linear layers were counted are of dense models with full attention.
    """
    counts = {name: np.nan if pd.isna(count := getattr(row, name)) else int(count) for name in _COUNTS}
    refined = {name: 0 if pd.isna(count := getattr(row, name)) else int(count) for name in _REFINEMENTS}
    shape = Shape(**counts, **refined, **_experts(row), bytes_per_weight=_bytes_per_weight(row))  # type: ignore[arg-type]
    multiplier = getattr(row, "cost_multiplier", np.nan)
    return shape if pd.isna(multiplier) else shape.repeated(float(multiplier))


def _experts(row: Any) -> dict[str, float]:
    """The weights of all experts, from what a token meets of them, and the share that it meets."""
    if pd.isna(row.num_experts) or row.num_experts_per_token == row.num_experts:
        return {}
    share = float(row.num_experts_per_token / row.num_experts)
    return {"expert_share": share, "num_expert_params": (row.num_params - row.num_active_params) / (1 - share)}


def _bytes_per_weight(row: Any) -> float:
    """What a quantized checkpoint weighs, else what the settings say; NaN for a quantization of unknown width."""
    if not pd.isna(row.quantized_bytes):
        return float(row.quantized_bytes / row.num_params)
    if isinstance(row.quantization, str) and row.quantization:
        return QUANTIZED_BYTES.get(row.quantization, np.nan)
    return DTYPE_BYTES.get(row.dtype, 2.0)


def _spent(root: Path) -> pd.DataFrame:
    """By identity, a row a budget: samples, their decoded tokens and dollars (NaN:
    one is unknown), and what all have.

    That is has_prompts, the prompts' tokens, has_votes, answers to vote on, and has_ends, what ended them. A null
    budget is schema.UNLIMITED.
    """
    of_tokens = ["num_thinking_tokens", "num_answer_tokens", "num_prompt_tokens"]
    columns = ["identity", "budget", *of_tokens, "finish_reason", "usd"]
    answers = store.scan(root, schema.ANSWERS, columns=columns).to_pandas()
    columns = ["identity", "budget", "num_samples", "mean_decoded_tokens", "mean_prompt_tokens", "mean_usd"]
    counted = store.scan(root, schema.COUNTS, columns=columns).to_pandas()
    parts = [
        answers[["identity", "budget", "usd"]].assign(
            samples=1,
            decoded=answers["num_thinking_tokens"] + answers["num_answer_tokens"],
            has_prompts=answers["num_prompt_tokens"].notna(),
            has_votes=~answers["identity"].isin(_voteless(root)),
            has_ends=answers["finish_reason"].notna(),
            is_counted=False,
        ),
        counted[["identity", "budget"]].assign(
            usd=counted["mean_usd"] * counted["num_samples"],
            samples=counted["num_samples"],
            decoded=counted["mean_decoded_tokens"] * counted["num_samples"],
            has_prompts=counted["mean_prompt_tokens"].notna(),
            has_votes=False,
            has_ends=False,
            is_counted=True,
        ),
    ]
    held = [part for part in parts if len(part)] or parts[:1]
    return pd.concat([_sums(part.fillna({"budget": schema.UNLIMITED})) for part in held])


def _voteless(root: Path) -> set[str]:
    """Identities from elsewhere whose samples have scores and no answer to vote on."""
    is_voting: dict[str, bool] = {}
    for writer in store.list_writers(root):
        if writer.startswith(store.INGESTING):
            grades = store.scan(root, schema.GRADES, columns=["identity", "vote_key"], writer=writer).to_pandas()
            for identity, votes in (
                grades.assign(votes=lambda table: table["vote_key"].notna())
                .groupby("identity", observed=True)["votes"]
                .any()
                .items()
            ):
                is_voting[str(identity)] = is_voting.get(str(identity), False) or bool(votes)
    return {identity for identity, votes in is_voting.items() if not votes}


def _sums(part: pd.DataFrame) -> pd.DataFrame:
    """The rows of an identity and budget as one, by identity: sums of numbers, and whether all are true."""
    cells = part.groupby(["identity", "budget"], observed=True)
    sums = cells[["samples", "decoded", "usd"]].sum(skipna=False)
    sums = sums.join(cells[["has_prompts", "has_votes", "has_ends", "is_counted"]].min()).reset_index("budget")
    return sums.set_axis(sums.index.astype(object))


def _tell(rungs: list[Rung], spent: pd.DataFrame, logged: Mapping[str, Measured]) -> list[Rung]:
    """The rungs with what their outcomes tell: whether tokens are known and votes there, prices and speed."""
    told = []
    for rung in rungs:
        if (measured := logged.get(rung.identity)) is not None:
            shape = rung.shape._replace(throughput=measured.per_token)
            rung = replace(rung, shape=shape, measured_on=measured.where)
        told.append(_priced(rung, spent.loc[[rung.identity]]) if rung.identity in spent.index else rung)
    return told


def _priced(rung: Rung, spent: pd.DataFrame) -> Rung:
    """The rung with what its rows of `_spent` tell; a price a token takes the prompt's dollars in."""
    decoded, usd = (float(spent[name].sum(skipna=False)) for name in ("decoded", "usd"))
    price = PerToken(0.0, 1e6 * usd / decoded) if decoded > 0 and usd > 0 else None
    each = spent["usd"] / spent["samples"]
    return replace(
        rung,
        shape=rung.shape._replace(price=price),
        has_tokens=not np.isnan(decoded),
        has_prompt_tokens=bool(spent["has_prompts"].all()),
        has_votes=bool(spent["has_votes"].all()),
        has_ends=bool(spent["has_ends"].all()),
        is_counted=bool(spent["is_counted"].all()),
        usd=tuple(
            (int(budget), float(mean)) for budget, mean in zip(spent["budget"], each, strict=True) if mean > 0
        ),
    )
