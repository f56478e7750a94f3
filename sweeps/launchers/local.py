"""Runs the jobs of a sweep as local processes: one a GPU where there are GPUs, else as many at once as it is told."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import NamedTuple

from sweeps.grade import grade_run
from sweeps.job import Job, prepare
from sweeps.provenance import list_gpus


class Slot(NamedTuple):
    """A place to run a job: its GPU, None without GPUs, and the line of the terminal its progress bar takes."""

    device: str | None
    row: int


def run_jobs(jobs: Sequence[Job], overrides: Sequence[Sequence[str]], *, jobs_at_once: int) -> None:
    """Check every job, run those that lack something, grade what they wrote; a failed job fails the sweep.

    overrides: what Hydra composed each job from, which is how its process is told. jobs_at_once: without GPUs.
    """
    pending = find_pending(jobs)
    slots: Queue[Slot] = Queue()
    for row, device in enumerate(_list_devices() or [None] * jobs_at_once):
        slots.put(Slot(device, row))
    with ThreadPoolExecutor(slots.qsize()) as threads:
        codes = list(threads.map(lambda index: _run(overrides[index], slots), pending))
    failed = [jobs[index].model.name for index, code in zip(pending, codes, strict=True) if code]
    tasks = {str(job.task): job.task for job in jobs}
    num_graded = grade_run(jobs[0].run, tasks.values())
    print(f"{num_graded:,} answers graded. Rows are in {jobs[0].run}.")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}. What they drew is kept; run the same command again to go on.")


def find_pending(jobs: Sequence[Job]) -> list[int]:
    """Indices of the jobs that lack something. Ends the program with every problem found, before a weight is loaded."""
    pending, problems = [], []
    for index, job in enumerate(jobs):
        try:
            prepared = prepare(job)
        except ValueError as error:
            problems.append(f"{job.model.name}: {error}")
            continue
        if prepared.num_pending:
            pending.append(index)
        print(f"{job.model.name:>16}: {prepared.num_pending or 'no'} samples to draw", flush=True)
    if problems:
        sys.exit("\n".join(problems))
    return pending


def _run(overrides: Sequence[str], slots: Queue[Slot]) -> int:
    slot = slots.get()
    environment = os.environ | ({} if slot.device is None else {"CUDA_VISIBLE_DEVICES": slot.device})
    try:
        command = [sys.executable, "-m", "sweeps", *overrides, f"progress_row={slot.row}", "hydra.mode=RUN"]
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        slots.put(slot)


def _list_devices() -> list[str]:
    """What CUDA_VISIBLE_DEVICES is set to for each job that may run at once; empty without GPUs."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",") if visible else [str(index) for index in range(len(list_gpus()))]
