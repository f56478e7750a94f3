"""Runs the jobs of a sweep as local processes: one a GPU where there are GPUs, else one after the other."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

from sweeps.grade import grade_run
from sweeps.job import Job, prepare
from sweeps.provenance import list_gpus


def run_jobs(jobs: Sequence[Job], overrides: Sequence[Sequence[str]]) -> None:
    """Check every job, run those that lack something, grade what they wrote; a failed job fails the sweep.

    overrides: what Hydra composed each job from, which is how its process is told.
    """
    pending = find_pending(jobs)
    devices: Queue[str | None] = Queue()
    for device in _list_devices():
        devices.put(device)
    with ThreadPoolExecutor(devices.qsize()) as threads:
        codes = list(threads.map(lambda index: _run(overrides[index], devices), pending))
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


def _run(overrides: Sequence[str], devices: Queue[str | None]) -> int:
    device = devices.get()
    environment = os.environ | ({} if device is None else {"CUDA_VISIBLE_DEVICES": device})
    try:
        command = [sys.executable, "-m", "sweeps", *overrides, "hydra.mode=RUN"]
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        devices.put(device)


def _list_devices() -> list[str | None]:
    """What CUDA_VISIBLE_DEVICES is set to for each job that may run at once; [None] without GPUs."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return list(visible.split(",") if visible else map(str, range(len(list_gpus())))) or [None]
