"""The rungs of a stored run and the outcomes of each. Knows the tables, nothing of pairing or statistics."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis import counts, grid
from analysis.arrays import Ints
from analysis.costs import PerToken, Shape
from analysis.grid import Grid
from results import schema, store
from results.ingest.write import GRADER as OUTSIDE

# Bytes a weight and, where weights are quantized, a weight of that format; "auto" is a 16-bit type in vLLM.
DTYPE_BYTES = {"float32": 4.0, "float": 4.0}
QUANTIZED_BYTES = {"fp8": 1.0, "int8": 1.0, "awq": 0.5, "gptq": 0.5, "awq_marlin": 0.5, "gptq_marlin": 0.5}
# Settings that set two identities of a model apart are written out where they are short.
MAX_NAME_CHARS = 40
COUNTED = "counts"
_COUNTS = ("num_matmul_params", "num_layers", "num_heads", "head_dim", "num_kv_heads")


@dataclass(frozen=True)
class Rung:
    """One model of the ladder: the name it goes by, its identity in the store, its size and its shape.

    num_params and the shape's counts are NaN where they are not known. Outcomes from elsewhere may lack tokens, or
    answers to vote on.
    """

    name: str
    identity: str
    num_params: float
    shape: Shape
    pretraining_tokens: int | None = None
    has_tokens: bool = True
    has_votes: bool = True


@dataclass(frozen=True, eq=False)
class Arm:
    """One rung's outcomes: budgets (B,), a grid (B, P, S) and the prompts' lengths in its own tokens (P,)."""

    rung: Rung
    budgets: Ints
    grid: Grid
    prompt_tokens: Ints

    @property
    def decoded_tokens(self) -> Ints:
        """Tokens after the prompt: thinking, the marker that closes it, the answer; (B, P, S)."""
        return self.grid.thinking_tokens + self.grid.closing_tokens + self.grid.answer_tokens

    def split(self, num_samples: int) -> "tuple[Arm, Arm]":
        """The first `num_samples` samples of each prompt, and the rest."""
        parts = (self.grid.samples(slice(num_samples)), self.grid.samples(slice(num_samples, None)))
        first, rest = (Arm(self.rung, self.budgets, part, self.prompt_tokens) for part in parts)
        return first, rest

    def take(self, *, budgets: Ints, prompts: Ints, num_samples: int) -> "Arm":
        """The part at these positions, and each prompt's first `num_samples` samples."""
        part = self.grid.take(budgets=budgets, prompts=prompts, num_samples=num_samples)
        return Arm(self.rung, self.budgets[budgets], part, self.prompt_tokens[prompts])


class StoredRun:
    """One task of a run: its rungs, what is declared of each, and their arms on the union of its prompts.

    Raises ValueError where nothing is graded, and where the run holds several tasks and none is named.
    """

    def __init__(self, root: Path, *, task: str | None = None):
        models = store.scan(root, schema.MODELS).to_pandas()
        if models.empty:
            raise ValueError(nothing_in(root))
        self.root = root
        self.task = only("task", sorted(models["task"].unique()), task)
        self.rungs = _tell(_rungs(models[models["task"] == self.task]), _spent(root))
        self.grader = _grader(root, [rung.identity for rung in self.rungs if rung.has_votes])
        self.cells = store.scan(root, schema.CELLS).to_pandas()
        self.dials = _dials(root, self.task)
        self.prompt_tokens = _prompt_tokens(root, {rung.identity for rung in self.rungs})
        self.prompt_ids = self.prompt_tokens.index

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether the outcomes were ingested, so that there are no traces and no engine's record of them."""
        return self.grader[0] in (OUTSIDE, COUNTED)

    def declared(self, rung: Rung, pool: str) -> pd.DataFrame:
        """The cells declared of one pool, a row for each time the grid was declared or grown."""
        return self.cells[(self.cells["identity"] == rung.identity) & (self.cells["pool"] == pool)]

    def arm(self, rung: Rung, pool: str, budgets: list[int]) -> Arm:
        """The rung's outcomes at these budgets on every prompt of the run, holes included."""
        prompt_tokens = self.prompt_tokens[rung.identity].fillna(0).to_numpy(dtype=np.int64)
        if not rung.has_votes:
            counted = counts.read(self.root, identity=rung.identity, budgets=budgets, prompt_ids=self.prompt_ids)
            return Arm(rung, np.asarray(budgets, dtype=np.int64), counted, prompt_tokens)
        read = grid.read(
            self.root,
            identity=rung.identity,
            pool=pool,
            budgets=budgets,
            prompt_ids=self.prompt_ids,
            prompt_tokens=prompt_tokens,
            grader=self.grader,
        )
        return Arm(rung, np.asarray(budgets, dtype=np.int64), read, prompt_tokens)


def nothing_in(root: Path) -> str:
    return f"No graded answers in {root}; run `make sweep`, or point RUN at results/reference."


def only(noun: str, names: list[str], wanted: str | None) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        raise ValueError(f"Choose one {noun} of {names}" + (f", not {wanted!r}." if wanted else "."))
    return wanted


def _rungs(models: pd.DataFrame) -> list[Rung]:
    """The models by size. Names that stand for several identities carry what sets them apart."""
    models = models.drop_duplicates("identity").sort_values(["num_params", "model", "identity"])
    names = pd.concat([_tell_apart(variants) for _, variants in models.groupby("model")]).loc[models.index]
    return [
        Rung(
            name,
            row.identity,
            float(row.num_params),
            _shape(row),
            None if pd.isna(row.pretraining_tokens) else int(row.pretraining_tokens),
        )
        for name, row in zip(names, models.itertuples(), strict=True)
    ]


def _tell_apart(variants: pd.DataFrame) -> pd.Series:
    """A name for each identity of one model: its own, with the settings that differ between them, as in `m dtype=half`.

    The beginning of the identity stands in where settings were not recorded, or do not tell all apart in a few words.
    """
    names = variants["model"]
    if len(variants) == 1:
        return names
    parts = [dict(_flatten(json.loads(text))) if isinstance(text, str) else {} for text in variants["identity_parts"]]
    differing = sorted(name for name in set().union(*parts) if len({repr(part.get(name)) for part in parts}) > 1)
    told = [" ".join(f"{name.split('.')[-1]}={part.get(name, 'default')}" for name in differing) for part in parts]
    is_recorded = variants["identity_parts"].notna().all()
    if not is_recorded or len(set(told)) < len(told) or max(map(len, told)) > MAX_NAME_CHARS:
        return names + "@" + variants["identity"].str[:6]
    return names + " " + pd.Series(told, index=variants.index)


def _flatten(parts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in parts.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _shape(row: Any) -> Shape:
    """A row of the models table as what costs depend on. A quantization of unknown width weighs NaN bytes."""
    counts = {name: np.nan if pd.isna(count := getattr(row, name)) else int(count) for name in _COUNTS}
    is_quantized = isinstance(row.quantization, str) and row.quantization
    num_bytes = QUANTIZED_BYTES.get(row.quantization, np.nan) if is_quantized else DTYPE_BYTES.get(row.dtype, 2.0)
    return Shape(**counts)._replace(bytes_per_weight=num_bytes)  # type: ignore[arg-type]


def _grader(root: Path, identities: list[str]) -> tuple[str, str]:
    """The one grader of these identities, in its highest version."""
    grades = store.scan(root, schema.GRADES, columns=["identity", "grader", "grader_version"])
    kinds = grades.group_by(["identity", "grader", "grader_version"]).aggregate([]).to_pandas()
    kinds = kinds[kinds["identity"].isin(identities)]
    if not identities:
        return COUNTED, ""
    if kinds.empty:
        raise ValueError(nothing_in(root))
    grader = only("grader", sorted(kinds["grader"].unique()), None)
    return grader, max(kinds["grader_version"], key=_version_order)


def _dials(root: Path, task: str) -> pd.DataFrame:
    """What is known of each prompt beside its text; a row a prompt, a column a dial."""
    prompts = store.scan(root, schema.PROMPTS, columns=["task", "prompt_id", "dials"]).to_pandas()
    prompts = prompts[prompts["task"] == task].drop_duplicates("prompt_id").astype({"prompt_id": object})
    return pd.DataFrame([json.loads(text or "{}") for text in prompts["dials"]], index=prompts["prompt_id"])


def _version_order(version: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", version)]


def _prompt_tokens(root: Path, identities: set[str]) -> pd.DataFrame:
    """Length of every prompt in each model's tokens; a row a prompt, a column an identity.

    A trace's first request holds the prompt alone. Where no thinking was sampled the shortest answer request tells.
    """
    key = ["identity", "prompt_id"]
    traces = store.scan(root, schema.TRACES, columns=[*key, "start_token", "num_prompt_tokens"])
    answers = store.scan(root, schema.ANSWERS, columns=[*key, "num_thinking_tokens", "num_prompt_tokens"])
    of_traces = _shortest(traces.filter(pc.field("start_token") == 0))
    spent = pc.subtract(answers["num_prompt_tokens"], answers["num_thinking_tokens"])
    of_answers = _shortest(answers.drop_columns("num_prompt_tokens").append_column("num_prompt_tokens", spent))
    counted = store.scan(root, schema.COUNTS, columns=[*key, "mean_prompt_tokens"]).to_pandas()
    counted = counted.astype({"identity": object, "prompt_id": object})
    of_counts = counted.groupby(["prompt_id", "identity"])["mean_prompt_tokens"].min()
    # Outcomes from elsewhere may not tell the length of a prompt: the prompt is there nonetheless.
    lengths = pd.concat([of_traces.combine_first(of_answers), of_counts])
    mine = lengths[lengths.index.get_level_values("identity").isin(identities)]
    return mine.unstack("identity").reindex(columns=sorted(identities)).sort_index()


def _spent(root: Path) -> pd.DataFrame:
    """By identity: mean decoded tokens and dollars of an answer, NaN where any is unknown; and whether it votes."""
    columns = ["identity", "num_thinking_tokens", "num_answer_tokens", "num_prompt_tokens", "usd"]
    answers = store.scan(root, schema.ANSWERS, columns=columns).to_pandas()
    columns = ["identity", "num_samples", "mean_decoded_tokens", "mean_prompt_tokens", "mean_usd"]
    counted = store.scan(root, schema.COUNTS, columns=columns).to_pandas()
    decoded = answers["num_thinking_tokens"] + answers["num_answer_tokens"]
    parts = [
        pd.DataFrame({"identity": answers["identity"].astype(object), "votes": True, "samples": 1}).assign(
            decoded=decoded.where(answers["num_prompt_tokens"].notna()), usd=answers["usd"]
        ),
        pd.DataFrame({"identity": counted["identity"].astype(object), "votes": False}).assign(
            samples=counted["num_samples"],
            decoded=counted["mean_decoded_tokens"].where(counted["mean_prompt_tokens"].notna()),
            usd=counted["mean_usd"],
        ),
    ]
    every = pd.concat(parts, ignore_index=True)
    every[["decoded", "usd"]] = every[["decoded", "usd"]].mul(every["samples"], axis=0)
    sums = every.groupby("identity")[["decoded", "usd", "samples"]].agg(lambda column: column.sum(skipna=False))
    return sums.assign(votes=every.groupby("identity")["votes"].all())


def _tell(rungs: list[Rung], spent: pd.DataFrame) -> list[Rung]:
    """The rungs with what their outcomes tell: whether tokens are known and votes there, and the price per token."""
    told = []
    for rung in rungs:
        if rung.identity in spent.index:
            decoded, usd, _, votes = spent.loc[rung.identity]
            price = PerToken(0.0, 1e6 * usd / decoded) if decoded > 0 and usd > 0 else None
            shape = rung.shape._replace(price=price)
            rung = replace(rung, shape=shape, has_tokens=not pd.isna(decoded), has_votes=bool(votes))
        told.append(rung)
    return told


def _shortest(requests: pa.Table) -> pd.Series:
    least = requests.group_by(["identity", "prompt_id"]).aggregate([("num_prompt_tokens", "min")]).to_pandas()
    least = least.astype({"identity": object, "prompt_id": object})
    return least.set_index(["prompt_id", "identity"])["num_prompt_tokens_min"]
