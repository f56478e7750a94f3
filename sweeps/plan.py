"""What a job still has to do: compares the declared grid with what is stored. Generates nothing."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.checkpoint import Checkpoint
from harness.rendering import Renderer
from harness.samples import Pending
from harness.traces import SampleKey
from harness.types import Grid, Model, Pool, Prompt, Sampling, Task, Thinking
from results import store
from results.schema import ANSWERS, TRACES


@dataclass(frozen=True)
class PoolSpec:
    """How many samples a pool needs, and at which budgets."""

    pool: Pool
    num_samples: int
    budgets: tuple[int, ...]


def hash_identity(parts: Mapping[str, Any]) -> str:
    """Sixteen hex digits that name everything that shapes a model's outputs."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def name_task(task: Task) -> str:
    """The task's name and a hash of what shapes its prompts; its size is no part of it."""
    return f"{task.name}-{hash_identity(task.identity)[:8]}"


def identity_parts(
    checkpoint: Checkpoint,
    *,
    dtype: str,
    quantization: str | None,
    engine_options: Mapping[str, Any],
    chat_template: str | None,
    task: Mapping[str, Any],
    thinking: Thinking,
    sampling: Sampling,
    seed: int,
) -> dict[str, Any]:
    """Everything that shapes a model's outputs. Engine, parallelism and versions are provenance, not identity."""
    return {
        "weights": checkpoint.weights_digest,
        "dtype": dtype,
        "quantization": quantization,
        # Any of vLLM's arguments may be among them, such as a quantized cache or another rope scaling.
        "engine_options": dict(engine_options),
        "chat_template": chat_template if thinking.chat else None,
        "task": task,
        "thinking": asdict(thinking),
        "sampling": asdict(sampling),
        "seed": seed,
    }


def pool_specs(grid: Grid, model: Model) -> list[PoolSpec]:
    """Evaluation samples for every model; the anchor also draws samples of their own for difficulty bins."""
    specs = [PoolSpec("evaluation", max(grid.widths), grid.budgets)]
    if model.name == grid.anchor:
        assert grid.reference_budget is not None
        specs.append(PoolSpec("bins", grid.bin_samples, (grid.reference_budget,)))
    return specs


def pending_samples(
    root: Path, identity: str, prompts: Sequence[Prompt], specs: Sequence[PoolSpec], *, renderer: Renderer
) -> list[list[Pending]]:
    """The unfinished samples of every prompt that has any, in the order of `prompts`."""
    traces = _stored_traces(root, identity)
    answered = _stored_answers(root, identity)
    unfinished = []
    for prompt in prompts:
        prompt_ids = renderer.prompt_ids(prompt)
        samples = [
            Pending(SampleKey(prompt, prompt_ids, spec.pool, sample), spec.budgets, *traces[key], answered[key])
            for spec in specs
            for sample in range(spec.num_samples)
            for key in [(prompt.prompt_id, spec.pool, sample)]
        ]
        unfinished.append([pending for pending in samples if not pending.is_done])
    return [samples for samples in unfinished if samples]


def check_context(
    checkpoint: Checkpoint, *, model: Model, longest_prompt: int, grid: Grid, renderer: Renderer, sampling: Sampling
) -> int:
    """Tokens the longest request needs; raises ValueError where the model's context is shorter."""
    budget = max(max(grid.budgets), grid.reference_budget or 0)
    needed = longest_prompt + budget + len(renderer.force_ids) + sampling.max_answer_tokens
    if needed > checkpoint.context:
        raise ValueError(
            f"{model.name} has a context of {checkpoint.context} tokens; a prompt of {longest_prompt}, a budget of "
            f"{budget} and an answer of {sampling.max_answer_tokens} need {needed}. Lower grid.budgets to at most "
            f"{budget - needed + checkpoint.context}."
        )
    return needed


SampleId = tuple[str, str, int]


def _stored_traces(root: Path, identity: str) -> dict[SampleId, tuple[tuple[int, ...], bool]]:
    """(prompt, pool, sample) -> thinking tokens so far, segments joined, and whether the trace ended by itself."""
    columns = ["prompt_id", "pool", "sample", "start_token", "token_ids", "ended"]
    rows = store.scan(root, TRACES, columns=columns, identity=identity).to_pylist()
    joined: dict[SampleId, tuple[tuple[int, ...], bool]] = defaultdict(lambda: ((), False))
    for row in sorted(rows, key=lambda row: row["start_token"]):
        key = (row["prompt_id"], row["pool"], row["sample"])
        before, _ = joined[key]
        # A segment whose predecessor was lost cannot be used: the trace goes on from what is left of it.
        if len(before) == row["start_token"]:
            joined[key] = (before + tuple(row["token_ids"]), row["ended"])
    return joined


def _stored_answers(root: Path, identity: str) -> dict[SampleId, frozenset[int | None]]:
    rows = store.scan(root, ANSWERS, columns=["prompt_id", "pool", "sample", "budget"], identity=identity).to_pylist()
    answered: dict[SampleId, set[int | None]] = defaultdict(set)
    for row in rows:
        answered[row["prompt_id"], row["pool"], row["sample"]].add(row["budget"])
    return defaultdict(frozenset, {key: frozenset(budgets) for key, budgets in answered.items()})
