"""Runs the jobs of a sweep as local processes: one a GPU where there are GPUs, else as many at once as it is told."""

import ctypes
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Lock
from typing import NamedTuple

from results import store
from sweeps.grade import grade_run
from sweeps.job import Job, declare, prepare
from sweeps.provenance import list_gpus
from sweeps.repair import repair

PR_SET_PDEATHSIG = 1


class Slot(NamedTuple):
    """A place to run a job: its GPUs, None without any, and the line of the terminal its progress bar takes."""

    devices: str | None
    row: int


def run_jobs(jobs: Sequence[Job], overrides: Sequence[Sequence[str]], *, jobs_at_once: int) -> None:
    """Check every job, run those that lack something, grade what they wrote; a failed job fails the sweep.

    overrides: what Hydra composed each job from, which is how its process is told. jobs_at_once: without GPUs.
    """
    repair(jobs[0].run)
    pending = find_pending(jobs)
    slots: Queue[Slot] = Queue()
    for row, devices in enumerate(_group_devices(jobs) or [None] * jobs_at_once):
        slots.put(Slot(devices, row))
    # A model's jobs write under one lock, so that they go one after the other.
    turns: dict[str, Lock] = defaultdict(Lock)

    def run(index: int) -> int:
        with turns[jobs[index].model.name]:
            return _run(overrides[index], slots)

    with ThreadPoolExecutor(slots.qsize()) as threads:
        codes = list(threads.map(run, pending))
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
            # Declared here, since a model with nothing left to draw starts no process that could.
            with store.lock(job.run, job.model.name):
                declare(prepared)
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
    environment = os.environ | ({} if slot.devices is None else {"CUDA_VISIBLE_DEVICES": slot.devices})
    try:
        command = [sys.executable, "-m", "sweeps", *overrides, f"progress_row={slot.row}", "hydra.mode=RUN"]
        return subprocess.run(command, env=environment, check=False, preexec_fn=_die_with_parent).returncode
    finally:
        slots.put(slot)


def _die_with_parent() -> None:
    """A sweep that is killed takes its jobs along, which would otherwise draw on and hold their locks. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _group_devices(jobs: Sequence[Job]) -> list[str]:
    """What CUDA_VISIBLE_DEVICES is set to for each job that may run at once; empty without GPUs."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(index) for index in range(len(list_gpus()))]
    size = max(job.engine.num_devices for job in jobs)
    if devices and size > len(devices):
        sys.exit(f"A job needs {size} GPUs and there are {len(devices)}; lower engine.tensor_parallel_size.")
    return [",".join(devices[first : first + size]) for first in range(0, len(devices) - size + 1, size)]
