"""What rows are stored under: a hash of everything that shapes a model's outputs, and how two of them differ."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from harness.checkpoint import Checkpoint
from harness.forms import Form
from harness.types import SHAPES_OUTPUTS, Prompt, Sampling, Task, Thinking
from results import store

# How the writers of scores end.
SCORING = "-scores"


def hash_identity(parts: Mapping[str, Any]) -> str:
    """Sixteen hex digits that name everything that shapes a model's outputs."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def name_task(task: Task) -> str:
    """The task's name and a hash of what shapes its prompts; its size is no part of it."""
    return f"{task.name}-{hash_identity(task.identity)[:8]}"


def is_of(task_id: str, names: Sequence[str]) -> bool:
    """Whether a task as a run stores it bears one of these names."""
    return task_id in names or task_id.rpartition("-")[0] in names


def name_grades(task_id: str) -> str:
    """Under whose name the grades of a task's answers are appended."""
    return f"{task_id}-grades"


def name_scores(scorer: str, version: str) -> str:
    """Under whose name a scorer's scores are appended."""
    return f"{scorer}-{version[:8]}{SCORING}"


def check_prompts(
    task: Task, prompts: Sequence[Prompt], stored: Mapping[str, str | None], root: Path
) -> list[str]:
    """Ids of the stored prompts, whose hashes are `stored`, that the task's `prompts` hold as well.

    Raises ValueError where the task has them no more, or with another text: it is another problem by the same
    name.
    """
    hashes = {prompt.prompt_id: prompt.prompt_hash for prompt in prompts}
    within = sorted(stored.keys() & hashes.keys())
    num_gone = max(min(task.size, len(stored)) - len(within), 0)
    changed = [prompt_id for prompt_id in within if stored[prompt_id] not in (None, hashes[prompt_id])]
    if num_gone or changed:
        first = changed[0] if changed else min(stored.keys() - hashes.keys())
        raise ValueError(
            f"Task {task.name} has changed since {root} was drawn: of {len(stored):,} stored prompts {num_gone:,} "
            f"are missing and {len(changed):,} have another text, such as {first}. Use the data and the library "
            f"versions that the files in {root}/provenance name, or choose another RUN."
        )
    return within


def identity_parts(
    checkpoint: Checkpoint,
    *,
    dtype: str,
    quantization: str | None,
    engine_options: Mapping[str, Any],
    chat_template: str | None,
    task: Mapping[str, Any],
    thinking: Thinking,
    bos_ids: Sequence[int],
    form: Form,
    until: Sequence[str],
    sampling: Sampling,
    seed: int,
) -> dict[str, Any]:
    """Everything that shapes a model's outputs. Engine, parallelism and versions are provenance, not identity."""
    # Named only where there is something, which leaves the identity of rows alone that none of it touches.
    read_as_text = {
        "lead": form.lead or (form.cue if thinking.close is None else ""),
        "stop": [*until, *form.stop],
        "bos_ids": list(bos_ids),
    }
    return {name: value for name, value in read_as_text.items() if value} | {
        "weights": checkpoint.weights_digest,
        "dtype": dtype,
        "quantization": quantization,
        # Any of vLLM's arguments may be among them, such as a quantized cache or another rope scaling.
        "engine_options": dict(engine_options),
        "chat_template": chat_template if thinking.chat else None,
        "task": task,
        "thinking": _chosen(thinking),
        "sampling": _chosen(sampling),
        "seed": seed,
    }


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What sets two identities apart, a line a part: "sampling.temperature: 0.6 is stored, 1.0 is asked for"."""
    before, after = dict(store.flatten(stored)), dict(store.flatten(asked))
    return [
        f"{name}: {_show(before.get(name))} is stored, {_show(after.get(name))} is asked for"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _chosen(settings: Thinking | Sampling) -> dict[str, Any]:
    """Fields that are not at their defaults,
    so that a field added later leaves the identity of older rows alone.
    """
    chosen = {}
    for field in fields(settings):
        if not field.metadata.get(SHAPES_OUTPUTS, True):
            continue
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if (value := getattr(settings, field.name)) != default:
            chosen[field.name] = value
    return chosen


def _show(value: Any) -> str:
    text = "its default" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
