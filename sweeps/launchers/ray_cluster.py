"""Lanes as tasks of a Ray cluster. Not called ray.py, which would hide Ray itself."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeps.launchers.lanes import STOP_SECONDS, Lane, run_lane


@dataclass(frozen=True)
class RayCluster:
    """One Ray task a model; the names are Ray's.

    address: host:port of a running cluster, "auto" for the one this machine belongs to, "local" to start one here.
    num_gpus: None takes what the engine needs (engine.num_devices), 0 asks for none.
    resources, runtime_env: passed on to every task.
    """

    address: str = "auto"
    num_cpus: float = 1
    num_gpus: float | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    is_here = False

    def __post_init__(self) -> None:
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise ValueError("Ray is not installed. Install the extra `ray` of pyproject.toml.") from error

    def run(self, lanes: Sequence[Lane], *, logs: Path) -> Generator[tuple[Lane, str | None], None, None]:
        """Run every lane as a task; yield each when it ends,
        with the reason if it failed. Closing stops what runs.
        """
        import ray

        logs.mkdir(parents=True, exist_ok=True)
        self.connect()
        running: dict[Any, Lane] = {}
        try:
            running = {self.start(lane, logs.absolute()): lane for lane in lanes}
            print(f"Logs are in {logs}. Waiting for {len(lanes)} Ray tasks; Ctrl-C stops them.", flush=True)
            while running:
                [ended], _ = ray.wait(list(running))
                lane = running.pop(ended)
                yield lane, tell_failure(ended)
        finally:
            for task in running:
                ray.cancel(task)
            ray.wait(list(running), num_returns=len(running), timeout=STOP_SECONDS) if running else None
            ray.shutdown()

    def connect(self) -> None:
        """Join the cluster; raises ValueError where there is none."""
        import ray

        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.address == "local":
            quiet["include_dashboard"] = False
        try:
            ray.init(self.address, runtime_env=dict(self.runtime_env), **quiet)
        except (ConnectionError, RuntimeError) as error:
            said = str(error).splitlines()[0].split(". ")[0]
            raise ValueError(
                f"No Ray cluster at {self.address}: {said}. Start one with `ray start --head` and give "
                "hydra.launcher.address=host:port (with RAY_AUTH_MODE=token in the environment if it needs "
                "tokens), or give hydra.launcher.address=local to start one for this sweep."
            ) from error

    def start(self, lane: Lane, logs: Path) -> Any:
        """The lane's task. Ray does not try it again by itself: the node it lost may still be writing."""
        import ray

        num_gpus = lane.num_devices if self.num_gpus is None else self.num_gpus
        wanted = {"CPU": self.num_cpus, "GPU": num_gpus, **self.resources}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(all(node.get(name, 0) >= amount for name, amount in wanted.items()) for node in nodes):
            missing = f"No node of the cluster has {wanted}, which {lane.model} needs"
            if self.address == "local":
                raise ValueError(f"{missing}; give hydra.launcher.num_gpus=0 to ask for no GPU.")
            print(f"{missing}. It waits for one; give hydra.launcher.num_gpus=0 to ask for no GPU.", flush=True)
        options = {"num_cpus": self.num_cpus, "num_gpus": num_gpus, "resources": dict(self.resources)}
        task = ray.remote(run_lane).options(name=lane.model, max_retries=0, **options)
        return task.remote(lane, folder=Path.cwd(), log=logs / f"{lane.model}.log")


def tell_failure(task: Any) -> str | None:
    """Why an ended task failed; None where it did not."""
    import ray

    try:
        failure = ray.get(task)
    except ray.exceptions.RayError as error:
        return f"Ray says {str(error).splitlines()[0]}"
    return str(failure) if failure else None
