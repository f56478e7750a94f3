"""What a run holds of a search, and what stands in the way of one. Generates nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness.rendering import Renderer
from harness.search.verdicts import Verifier, build_verifier
from harness.types import Prompt
from results import store
from results.cuts import NEVER, Events, along_budgets
from results.schema import ANSWERS, SAMPLE_KEY
from sweeps.plan import PoolSpec, PoolState
from sweeps.provenance import list_gpus
from sweeps.score import version_of

if TYPE_CHECKING:
    from sweeps.job import Job


def prepare_verifier(job: "Job", renderer: Renderer, *, max_model_len: int) -> Verifier | None:
    """Who judges the paths of a job's search, None of a job without one; raises ValueError with the way on."""
    if job.strategy is None:
        return None
    assert job.judging is not None
    if max(job.grid.budgets) < 1:
        raise ValueError("A search needs a thinking budget above 0; give grid.budgets=[N].")
    if job.grid.extensions != (0,):
        raise ValueError("A search extends no thinking; set grid.extensions=[0].")
    if job.sampling.logprobs:
        raise ValueError("A search stores no log-probabilities; set sampling.logprobs=false.")
    _ = job.strategy.step_ids(renderer)
    check_memory(job)
    scorer = job.judging.settings.prepare(job.judging.engine)
    if scorer.tasks and job.task.name not in scorer.tasks:
        raise ValueError(
            f"{scorer.name} knows answers to {', '.join(scorer.tasks)}, and the task is {job.task.name}. Choose "
            "another strategy.scorer, or add scorer.tasks=[] to its words."
        )
    return build_verifier(
        scorer,
        version=version_of(scorer),
        strategy=job.strategy,
        renderer=renderer,
        longest_request=max_model_len,
    )


def check_memory(job: "Job") -> None:
    """Raise ValueError where model and verifier ask for more than the memory of the GPUs that they share."""
    assert job.judging is not None
    engines = (job.engine, job.judging.engine)
    shares = [getattr(engine, "gpu_memory_utilization", 0.0) for engine in engines if engine.num_devices]
    if job.is_here and list_gpus() and len(shares) > 1 and sum(shares) > 1:
        raise ValueError(
            f"The model and its verifier run beside each other, and ask for {sum(shares):g} of the GPU's memory. "
            "Set engine.gpu_memory_utilization=0.45, which both take."
        )


def read_searched(
    root: Path, identity: str, prompts: Sequence[Prompt], *, width: int, together: bool, budget: int
) -> PoolState:
    """Which paths are stored, P prompts and `width` paths; those of a beam are there together or not at all.

    A path's answer is stored behind all else of it, so that it tells.
    """
    spec = PoolSpec("evaluation", width, along_budgets([budget]))
    shape = (len(prompts), width)
    done_PS = np.zeros(shape, bool)
    positions = pd.Index([prompt.prompt_id for prompt in prompts])
    for shard in store.iterate(root, ANSWERS, columns=[*SAMPLE_KEY[1:]], identity=identity):
        answers = shard.to_pandas()
        answers = answers[(answers["pool"] == spec.pool) & (answers["sample"] < width)]
        at = positions.get_indexer(answers["prompt_id"].astype(object))
        done_PS[at[at >= 0], answers["sample"].to_numpy()[at >= 0]] = True
    if together:
        done_PS[~done_PS.all(axis=1)] = False
    none = np.full((0, *shape), NEVER)
    return PoolState(
        spec,
        num_thinking_PS=np.where(done_PS, budget, 0),
        events=Events(none, none.astype(bool), none, none),
        answers_of=np.flatnonzero(done_PS),
        answer_places=np.full(np.count_nonzero(done_PS), budget),
    )
