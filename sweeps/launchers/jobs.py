"""What every launcher does around its place: check all jobs,
run those that lack something, grade what they wrote.
"""

import contextlib
import dataclasses
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from harness.architecture import Architecture
from harness.fence.gaps import find_fence
from harness.types import EngineSettings, Model
from results import store
from sweeps.declare import declare
from sweeps.forecast import chosen_settings, missing_anchor, unusable_rows
from sweeps.grade import grade_run
from sweeps.job import Job
from sweeps.launchers.lanes import Lane, Place
from sweeps.lines import filled
from sweeps.prepare import prepare
from sweeps.recognised import tell_settings
from sweeps.repair import repair
from sweeps.trusted import tell_code
from sweeps.words import ONE_JOB


def run_jobs(jobs: Sequence[Job], overrides: Sequence[Sequence[str]], place: Place) -> None:
    """Check every job, run those that lack something, grade what they wrote; a failed job fails the sweep.

    overrides: what Hydra composed each job from, which is how its process is told.
    """
    tell_failed(draw_jobs(jobs, overrides, place))


def tell_failed(failed: Sequence[str]) -> None:
    """End the program with status 1 where a model failed."""
    if failed:
        sys.exit(
            f"Failed: {', '.join(failed)}. What was drawn is kept. Correct the errors above and run the same "
            "command again."
        )


def draw_jobs(
    jobs: Sequence[Job], overrides: Sequence[Sequence[str]], place: Place, *, is_again: bool = False
) -> list[str]:
    """As `run_jobs`; the models that failed. is_again: their settings were told before."""
    root = jobs[0].run
    repair(root)
    placed = jobs if place.is_here else [start_elsewhere(job) for job in jobs]
    pending, busy = find_pending(placed, is_again=is_again)
    failed = busy + run_lanes(group_lanes(jobs, overrides, pending), place, logs=root / "logs")
    tasks = {str(job.task): job.task for job in jobs}
    print(find_fence(), flush=True)
    num_graded = grade_run(root, tasks.values(), unfenced=jobs[0].grade_unfenced)
    print(f"{num_graded:,} answers graded. Rows are in {root}.")
    return failed


def run_lanes(lanes: Sequence[Lane], place: Place, *, logs: Path) -> list[str]:
    """Run the lanes, saying how each ends; return the models of those that failed.

    Raises ValueError where the place refuses them.
    """
    failed: list[str] = []
    if not lanes:
        return failed
    with contextlib.closing(place.run(lanes, logs=logs)) as ends:
        for lane, reason in ends:
            if reason:
                failed.append(lane.model)
                print(f"{lane.model} failed: {reason}", file=sys.stderr, flush=True)
            elif not place.is_here:
                print(f"{lane.model:>16}: done", flush=True)
    return failed


def group_lanes(jobs: Sequence[Job], overrides: Sequence[Sequence[str]], pending: Sequence[int]) -> list[Lane]:
    """One lane a model, in the order of the models' first pending jobs."""
    indices: dict[str, list[int]] = defaultdict(list)
    for index in pending:
        indices[jobs[index].model.name].append(index)
    return [
        Lane(
            model,
            num_devices=max(jobs[index].engine.num_devices for index in own),
            commands=tuple((sys.executable, "-m", "sweeps", *overrides[index], ONE_JOB) for index in own),
        )
        for model, own in indices.items()
    ]


def find_pending(jobs: Sequence[Job], *, is_again: bool = False) -> tuple[list[int], list[str]]:
    """Indices of the jobs that lack something, and the models that are left out since another process writes them.

    Raises ValueError with every problem found, before a weight is loaded.
    """
    pending, busy, problems, told = [], [], [], []
    for index, job in enumerate(jobs):
        try:
            prepared = prepare(job)
            # Declared here, since a model with nothing left to draw starts no process that could.
            with store.lock(job.run, job.model.name, briefly=True):
                declare(prepared)
        except store.BusyError as error:
            print(f"{job.model.name}: {error}", file=sys.stderr, flush=True)
            busy.append(job.model.name)
            continue
        except ValueError as error:
            problems.append(f"{job.label}: {error}")
            continue
        if prepared.num_pending:
            pending.append(index)
            told.append((job.label, prepared.settings))
        print(f"{job.label:>16}: {prepared.num_pending or 'no'} samples to draw", flush=True)
        for line in () if is_again else (*chosen_settings(job, prepared), *unusable_rows(prepared)):
            print(filled(line, indent=18), flush=True)
    if problems:
        raise ValueError("\n".join(problems))
    if is_again:
        return pending, list(dict.fromkeys(busy))
    for line in tell_settings(told):
        print(line, flush=True)
    for line in (*tell_code(jobs), *missing_anchor(jobs)):
        print(filled(line), flush=True)
    return pending, list(dict.fromkeys(busy))


class Elsewhere:
    """An engine's settings where it starts on another machine:
    what this one lacks, such as a GPU, says nothing.
    """

    def __init__(self, engine: EngineSettings) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def settle(self, model: Model, architecture: Architecture, *, max_model_len: int) -> EngineSettings:
        """As they are: the job settles them on the machine it comes to."""
        return cast(EngineSettings, self)


def start_elsewhere(job: Job) -> Job:
    engine, judging = cast(EngineSettings, Elsewhere(job.engine)), job.judging
    if judging is not None:
        judging = dataclasses.replace(judging, engine=cast(EngineSettings, Elsewhere(judging.engine)))
    return dataclasses.replace(job, engine=engine, judging=judging, is_here=False)
