"""Lanes as Slurm jobs through submitit. The nodes import this too, so that submitit loads inside functions."""

import contextlib
import itertools
import shutil
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sweeps.launchers.lanes import Failure, Lane, run_lane

POLL_SECONDS = 1
# submitit by itself asks Slurm more and more rarely, at last every ten minutes.
ASK_SECONDS = 30
# Slurm kills what it told to stop after KillWait seconds, 30 unless configured otherwise.
KILL_WAIT_SECONDS = 120
SHARED = ("name", "timeout_min", "mem_gb", "cpus_per_task")
OF_SLURM = (
    *("partition", "qos", "account", "constraint", "exclude", "gres"),
    *("array_parallelism", "setup", "signal_delay_s", "additional_parameters"),
)


@dataclass(frozen=True)
class Slurm:
    """One Slurm job a model; the names are submitit's.

    cluster: "local" runs the same through submitit on this machine.
    gpus_per_node: None takes what the engine needs (engine.num_devices), 0 asks for none.
    max_num_timeout: how often a job whose time is up is queued again; one that is preempted always is.
    """

    cluster: Literal["slurm", "local"] = "slurm"
    name: str = "isoquant"
    timeout_min: int = 240
    mem_gb: float | None = None
    cpus_per_task: int | None = None
    gpus_per_node: int | None = None
    partition: str | None = None
    qos: str | None = None
    account: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    gres: str | None = None
    array_parallelism: int = 256
    setup: Sequence[str] | None = None
    signal_delay_s: int = 90
    max_num_timeout: int = 3
    additional_parameters: Mapping[str, Any] = field(default_factory=dict)
    is_here = False

    def __post_init__(self) -> None:
        try:
            import submitit  # noqa: F401
        except ImportError as error:
            raise ValueError("submitit is not installed. Install the extra `slurm` of pyproject.toml.") from error
        if self.cluster not in ("slurm", "local"):
            raise ValueError(f"cluster must be slurm or local; got {self.cluster!r}.")
        if self.cluster == "slurm":
            check_slurm()

    def run(self, lanes: Sequence[Lane], *, logs: Path) -> Generator[tuple[Lane, str | None], None, None]:
        """Submit every lane; yield each when it ends, with the reason if it failed.
        Closing cancels what still runs.
        """
        logs.mkdir(parents=True, exist_ok=True)
        running: dict[Any, Lane] = {}
        try:
            for job, lane in self.submit(lanes, logs.absolute()):
                running[job] = lane
            print(f"Submitted {', '.join(f'{lane.model} as {job.job_id}' for job, lane in running.items())}.")
            print(f"Logs are in {logs}. Waiting for the jobs; Ctrl-C cancels them.", flush=True)
            while running:
                for job in wait_for_some(list(running)):
                    lane = running.pop(job)
                    yield lane, tell_failure(job)
        finally:
            for job in running:
                job.cancel(check=False)
            if running:
                print(f"Cancelled {', '.join(job.job_id for job in running)}.", flush=True)

    def submit(self, lanes: Sequence[Lane], logs: Path) -> Generator[tuple[Any, Lane], None, None]:
        """Submit every lane, in one array for each number of GPUs; yield each job with its lane."""
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        for num_gpus, group in itertools.groupby(sorted(lanes, key=self.num_gpus), key=self.num_gpus):
            alike = list(group)
            try:
                jobs = self.make_executor(num_gpus, logs).map_array(RunLane(Path.cwd(), logs), alike)
            except (FailedJobError, FailedSubmissionError, AssertionError) as error:
                raise ValueError(
                    f"A job could not be submitted: {str(error).strip().splitlines()[-1]}. Set its options as "
                    "hydra.launcher.*; hydra.launcher.gpus_per_node=0 asks for no GPU."
                ) from error
            yield from zip(jobs, alike, strict=True)

    def num_gpus(self, lane: Lane) -> int:
        return lane.num_devices if self.gpus_per_node is None else self.gpus_per_node

    def make_executor(self, num_gpus: int, logs: Path) -> Any:
        import submitit

        executor = submitit.AutoExecutor(logs, cluster=self.cluster, slurm_max_num_timeout=self.max_num_timeout)
        executor.update_parameters(
            **{name: getattr(self, name) for name in SHARED},
            **{f"slurm_{name}": getattr(self, name) for name in OF_SLURM},
            gpus_per_node=num_gpus or None,
        )
        return executor


class RunLane:
    """run_lane on a node. submitit pickles it, and queues it again where Slurm preempts it or its time is up."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self.folder, self.logs = folder, logs

    def __call__(self, lane: Lane) -> Failure | None:
        failure = run_lane(lane, folder=self.folder, log=self.logs / f"{lane.model}.log")
        if failure and failure.was_told_to_stop:
            # Slurm tells all processes of a job, so the command is gone first. What follows is Slurm's to say: it
            # kills this one if the job is cancelled, and submitit's signal handler queues it again if it is not.
            time.sleep(KILL_WAIT_SECONDS)
        return failure

    def checkpoint(self, lane: Lane) -> Any:
        """What is queued in this one's place: the same, since a job goes on where it was."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, lane)


def check_slurm() -> None:
    """Raise ValueError where jobs cannot be submitted or, once submitted, be followed."""
    if not shutil.which("sbatch"):
        raise ValueError(
            "sbatch is not on PATH. Run this on a machine with Slurm's commands, or choose another hydra/launcher."
        )
    try:
        subprocess.run(["sacct", "--allocations"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        raise ValueError(
            "sacct does not work here. Without Slurm's accounting a sweep would wait for ever for a cancelled "
            "job: "
            f"{said.strip().splitlines()[-1]}"
        ) from error


def wait_for_some(jobs: Sequence[Any]) -> list[Any]:
    """Wait until some of the jobs have ended, and return those."""
    asked = time.monotonic()
    # submitit takes a suspended job for one that has ended.
    while not (ended := [job for job in jobs if job.done() and job.state != "SUSPENDED"]):
        time.sleep(POLL_SECONDS)
        if time.monotonic() - asked > ASK_SECONDS:
            # One question is for all jobs.
            jobs[0].done(force_check=True)
            asked = time.monotonic()
    return ended


def tell_failure(job: Any) -> str | None:
    """Why an ended job failed; None where it did not."""
    from submitit.core.utils import UncompletedJobError

    with contextlib.suppress(UncompletedJobError):
        failure = job.result()
        return f"job {job.job_id}, {failure}" if failure else None
    return f"job {job.job_id} ended as {job.state}; see {job.paths.stderr} for messages of Slurm"
