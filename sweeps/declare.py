"""What a job stores before it draws: its prompts, the model's shapes, the cells of its grid."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.graphs import Graph
from harness.knobs import cost_multiplier
from harness.tools.protocol import GOLD_IDS
from harness.types import Prompt
from results import store
from results.schema import CELLS, MODELS, PROMPTS, SCORERS, STRATEGIES
from sweeps.score import describe_scorer

if TYPE_CHECKING:
    from sweeps.prepare import Prepared


def declare(prepared: "Prepared") -> None:
    """Store prompts, the strategy, the model's shapes and the cells of the grid it is asked for,
    where they are not stored yet.
    """
    job = prepared.job
    prompts = [store_prompt(prepared.task_id, prompt) for prompt in prepared.prompts]
    strategies = [describe_graph(graph) for graph in job.graphs]
    # Jobs of other models may be storing the same ones, so that what is stored is read under their lock.
    with store.lock(job.run, prepared.task_id, wait=True):
        for table, rows in ((PROMPTS, prompts), (STRATEGIES, strategies)):
            store.append_missing(job.run, table, rows, writer=prepared.task_id)
    scorers = [] if prepared.verifier is None else [describe_scorer(prepared.verifier.scorer)]
    for table, rows in ((SCORERS, scorers), (MODELS, [describe_model(prepared)]), (CELLS, list_cells(prepared))):
        store.append_missing(job.run, table, rows, writer=job.model.name)


def describe_graph(graph: Graph) -> dict[str, Any]:
    """A strategy as a row of the strategies table."""
    return {
        "strategy": graph.name,
        "strategy_version": graph.version,
        "strategy_parts": store.encode_json(graph.parts),
    }


def describe_model(prepared: "Prepared") -> dict[str, Any]:
    """The model on its task as a row of the models table."""
    job, checkpoint = prepared.job, prepared.checkpoint
    return {
        "identity": prepared.identity,
        "model": job.model.name,
        "task": prepared.task_id,
        "path": job.model.path,
        "revision": job.model.revision,
        "dtype": job.engine.dtype,
        "quantization": job.engine.quantization,
        "pretraining_tokens": job.model.pretraining_tokens,
        "pretraining_source": job.model.pretraining_source,
        "identity_parts": store.encode_json(prepared.identity_parts),
        "weights_digest": checkpoint.weights_digest,
        "cost_multiplier": None if (multiplier := cost_multiplier(job.model)) == 1 else multiplier,
        **asdict(checkpoint.architecture),
    }


def list_cells(prepared: "Prepared") -> list[dict[str, Any]]:
    """The declared grid as rows of the cells table."""
    return [
        {
            "identity": prepared.identity,
            "pool": state.spec.pool,
            "budget": cell.budget,
            "extensions": cell.extensions or None,
            # A run that calls none is told from one that has no tools.
            "calls": None if prepared.toolbox is None else cell.calls,
            "num_samples": state.spec.num_samples,
            "num_prompts": len(prepared.prompts),
        }
        for state in prepared.every_state
        for cell in state.spec.cells
    ]


def store_prompt(task_id: str, prompt: Prompt) -> dict[str, Any]:
    """A prompt as a row of the prompts table."""
    return {
        "task": task_id,
        "prompt_id": prompt.prompt_id,
        "prompt_hash": prompt.prompt_hash,
        "text": prompt.text,
        "dials": store.encode_json(prompt.dials),
        "gold_ids": list(prompt.reference.get(GOLD_IDS, ())) or None,
    }
