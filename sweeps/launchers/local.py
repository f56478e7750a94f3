"""Lanes as processes of this machine: one a GPU where there are GPUs, else as many at once as it is told."""

import os
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from harness.engines.machine import THREAD_LIMIT, count_cores
from sweeps.launchers.lanes import Failure, Lane, run_lane, stop_running
from sweeps.provenance import list_gpus


class Slot(NamedTuple):
    """A place to run a job: the line of the terminal its progress bar takes,
    and what tells it its GPUs or cores.
    """

    row: int
    environment: dict[str, str]


@dataclass(frozen=True)
class Local:
    """jobs_at_once: without GPUs; with GPUs, one job runs on each, or on each group as large as a job needs."""

    jobs_at_once: int = 1
    is_here = True

    def __post_init__(self) -> None:
        if self.jobs_at_once < 1:
            raise ValueError(f"jobs_at_once must be at least 1; got {self.jobs_at_once}.")

    def run(self, lanes: Sequence[Lane], *, logs: Path) -> Generator[tuple[Lane, str | None], None, None]:
        """Run every lane; yield each when it ends, with the reason if it failed. Output goes to the terminal."""
        slots: Queue[Slot] = Queue()
        groups = group_devices(lanes)
        places = [{"CUDA_VISIBLE_DEVICES": devices} for devices in groups] or [
            self.share_cores()
        ] * self.jobs_at_once
        for row, environment in enumerate(places):
            slots.put(Slot(row, environment))
        with ThreadPoolExecutor(slots.qsize()) as threads:
            futures = {threads.submit(run_in_slot, lane, slots): lane for lane in lanes}
            try:
                for future in as_completed(futures):
                    failure = future.result()
                    yield futures[future], str(failure) if failure else None
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                stop_running()
                raise

    def share_cores(self) -> dict[str, str]:
        """What holds a job to its share of the cores: several that each took all would wait for one another."""
        cores = count_cores() // self.jobs_at_once
        return {THREAD_LIMIT: str(max(1, cores))} if self.jobs_at_once > 1 else {}


def run_in_slot(lane: Lane, slots: Queue[Slot]) -> Failure | None:
    slot = slots.get()
    environment = slot.environment
    placed = tuple((*command, f"progress_row={slot.row}") for command in lane.commands)
    try:
        return run_lane(lane._replace(commands=placed), folder=Path.cwd(), environment=environment)
    finally:
        slots.put(slot)


def group_devices(lanes: Sequence[Lane]) -> list[str]:
    """What CUDA_VISIBLE_DEVICES is set to for each lane that may run at once;
    empty where no GPU is there or needed.
    """
    size = max(lane.num_devices for lane in lanes)
    if not size:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(index) for index in range(len(list_gpus()))]
    if devices and size > len(devices):
        raise ValueError(
            f"A job needs {size} GPUs and this machine has {len(devices)}. Lower engine.tensor_parallel_size."
        )
    return [",".join(devices[first : first + size]) for first in range(0, len(devices) - size + 1, size)]
