"""A job checked and compared with the store, before anything is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.checkpoint import Checkpoint, read_checkpoint
from harness.foreign import check_tokenizer_files
from harness.grading import check_fence
from harness.knobs import check_knobs
from harness.rendering import Renderer, load_tokenizer
from harness.search.verdicts import Verifier
from harness.trial import check_tokenizer
from harness.types import Prompt, Sampling
from results import store
from results.closed import check_open
from results.prompts import in_order
from results.schema import MODELS, PROMPTS
from results.searching import STRATEGY
from sweeps import kept
from sweeps.caps import check_cap
from sweeps.graphs import Layer, check_graphs, longest_request, longest_text, read_layers
from sweeps.identity import check_prompts, hash_identity, identity_parts, name_task
from sweeps.plan import (
    PoolState,
    check_context,
    check_extending,
    check_vocabulary,
    pool_specs,
    read_states,
)
from sweeps.recognised import Asked, Setting, check_servable, describe_settings, resolve
from sweeps.searched import prepare_verifier, read_searched
from sweeps.tools import Toolbox, equip

if TYPE_CHECKING:
    from sweeps.job import Job


@dataclass(frozen=True)
class Prepared:
    """A checked job: what it will be stored as, and what is still missing of it.

    states: of samples as they come, or of a search; layers: of the rounds behind them, in order.
    """

    job: "Job"
    checkpoint: Checkpoint
    identity: str
    task_id: str
    identity_parts: Mapping[str, Any]
    renderer: Renderer
    sampling: Sampling
    settings: Sequence[Setting]
    prompts: Sequence[Prompt]
    max_model_len: int
    states: Sequence[PoolState]
    layers: Sequence[Layer] = ()
    verifier: Verifier | None = None
    toolbox: Toolbox | None = None

    @property
    def every_state(self) -> list[PoolState]:
        """What is stored of all that is drawn."""
        return [*self.states, *(state for layer in self.layers for state in layer.states)]

    @property
    def num_samples(self) -> int:
        """All that are asked for, those that are stored with them."""
        return sum(state.pending_PS.size for state in self.every_state)

    @property
    def num_pending(self) -> int:
        return sum(int(state.pending_PS.sum()) for state in self.every_state)


def prepare(job: "Job") -> Prepared:
    """Check the job and find what is missing; raises ValueError with the way on. Loads no weights."""
    check_open(job.run)
    check_fence(job.task, unfenced=job.grade_unfenced)
    checkpoint = read_checkpoint(job.model)
    check_servable(checkpoint, job.engine, is_here=job.is_here)
    check_tokenizer_files(job.model.path)
    tokenizer, task_id = load_tokenizer(job.model.path, job.model.revision), name_task(job.task)
    prompts = load_prompts(job, task_id)
    check_tokenizer(tokenizer, prompts)
    asked = resolve(job, checkpoint, tokenizer, prompts[0])
    check_knobs(job.model)
    check_cap(job.cap, job.model)
    check_graphs(job)
    toolbox = equip(job)
    renderer = build_renderer(job, tokenizer, asked, toolbox, prompts[0])
    needed = find_context(job, checkpoint, renderer, asked.sampling, toolbox, prompts)
    # A dtype that the machine chooses is part of what the rows are, so it is settled first.
    engine = job.engine.settle(job.model, checkpoint.architecture, max_model_len=needed)
    settings = describe_settings(job, asked, checkpoint, renderer, dtype=engine.dtype)
    job = replace(job, engine=engine)
    verifier = prepare_verifier(job, renderer, max_model_len=needed)
    parts = list_parts(job, checkpoint, asked, renderer, toolbox, verifier)
    identity, has_marker = hash_identity(parts), renderer.close_id is not None
    check_name(job, identity)
    if any(job.grid.extensions):
        check_extending(job.run, identity, renderer)
    return Prepared(
        job,
        checkpoint,
        identity,
        task_id,
        parts,
        renderer,
        sampling=asked.sampling,
        settings=settings,
        prompts=prompts,
        max_model_len=needed,
        states=read_own_states(job, identity, prompts),
        layers=read_layers(job.run, identity, prompts, job.graphs, job.grid, has_marker=has_marker),
        verifier=verifier,
        toolbox=toolbox,
    )


def build_renderer(job: "Job", tokenizer: Any, asked: Asked, toolbox: Toolbox | None, first: Prompt) -> Renderer:
    """How prompts are written; raises ValueError where the model cannot be told of its tools."""
    tools = () if toolbox is None else toolbox.described
    renderer = Renderer(tokenizer, asked.thinking, asked.stop_ids, job.task.answer_form, tools=tools)
    if toolbox is not None:
        toolbox.check_written(renderer)
        toolbox.check_told(renderer, first)
    return renderer


def find_context(
    job: "Job",
    checkpoint: Checkpoint,
    renderer: Renderer,
    sampling: Sampling,
    toolbox: Toolbox | None,
    prompts: Sequence[Prompt],
) -> int:
    """Tokens that the longest request needs; raises ValueError where the model cannot take or write that many."""
    longest, largest_id = kept.measure_prompts(prompts, renderer)
    check_vocabulary(checkpoint, largest_id=largest_id, renderer=renderer)
    return check_context(
        checkpoint,
        model=job.model,
        longest_prompt=max(longest, longest_request(job.graphs, job.grid, prompts, renderer)),
        grid=job.grid,
        renderer=renderer,
        sampling=replace(sampling, max_answer_tokens=longest_text(job.graphs, sampling)),
        observed=0 if toolbox is None else toolbox.most_observed(renderer),
    )


def list_parts(
    job: "Job",
    checkpoint: Checkpoint,
    asked: Asked,
    renderer: Renderer,
    toolbox: Toolbox | None,
    verifier: Verifier | None,
) -> dict[str, Any]:
    """What the identity of the job's rows is the hash of."""
    parts = identity_parts(
        checkpoint,
        dtype=job.engine.dtype,
        quantization=job.engine.quantization,
        engine_options=job.engine.options,
        chat_template=renderer.tokenizer.chat_template,
        task=job.task.identity,
        thinking=asked.thinking,
        bos_ids=renderer.bos_ids,
        form=renderer.form,
        until=job.task.until,
        sampling=asked.sampling,
        seed=job.seed,
    )
    if asked.further_ends:
        # What the checkpoint's own settings tell is part of it already.
        parts["further_ends"] = list(asked.further_ends)
    if toolbox is not None:
        parts["tools"] = toolbox.identity
    if job.model.knobs:
        parts["knobs"] = dict(job.model.knobs)
    if verifier is not None:
        assert job.strategy is not None
        parts[STRATEGY] = job.strategy.identity_parts(verifier.version)
    return parts


def read_own_states(job: "Job", identity: str, prompts: Sequence[Prompt]) -> list[PoolState]:
    """What is stored of the job's samples, or of its search."""
    if job.strategy is None:
        return read_states(job.run, identity, prompts, pool_specs(job.grid, job.model))
    width, together = job.strategy.width, job.strategy.together
    budget = max(job.grid.budgets)
    return [read_searched(job.run, identity, prompts, width=width, together=together, budget=budget)]


def check_name(job: "Job", identity: str) -> None:
    """Raise ValueError where the same rows are stored under another name of the model:
    two jobs would pay for them.
    """
    stored = store.scan(job.run, MODELS, columns=["model"], identity=identity)["model"].to_pylist()
    for name in set(stored) - {job.model.name}:
        raise ValueError(
            f"{job.run} already has these samples under the name {name}: the same weights with the same settings "
            f"as {job.model.name}. Set model.name={name}."
        )


def load_prompts(job: "Job", task_id: str) -> list[Prompt]:
    """The task's prompts, from the store where they are already there: a task's generator can be slow to import.

    Stored prompts come without `reference`, which only graders need. Raises ValueError where more are asked for
    and the task reads otherwise than those that are stored.
    """
    rows = [row for row in store.scan(job.run, PROMPTS).to_pylist() if row["task"] == task_id]
    if len(rows) >= job.task.size:
        stored = [Prompt(row["prompt_id"], row["text"], {}) for row in rows]
        return sorted(stored, key=lambda prompt: in_order(prompt.prompt_id))[: job.task.size]
    prompts = kept.load_prompts(job.task)
    check_prompts(job.task, prompts, {row["prompt_id"]: row["prompt_hash"] for row in rows}, job.run)
    return prompts
