"""From a composed config to plain dataclasses, and back from what a run recorded. DictConfig ends here."""

import json
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from harness.types import Task
from sweeps.job import Job

RUNS = Path("results/runs")
ROOMS = ("model", "thinking", "task", "sampling", "grid", "engine")


def build_job(config: DictConfig) -> Job:
    """The job a config describes; raises ValueError with the field at fault."""
    resolved: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    parts = {room: build(resolved[room], room) for room in ROOMS}
    scalars = {name: resolved[name] for name in ("seed", "probe", "flush_seconds", "progress_row")}
    return Job(run=find_run(resolved["run"]), config=resolved, **scalars, **parts)


def build(part: dict[str, Any], room: str) -> Any:
    """A dataclass from its yaml; `_target_` names it and the other keys are its fields."""
    try:
        return instantiate(part, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        raise ValueError(f"{room}: {cause if isinstance(cause, (ValueError, TypeError)) else error}") from error


def find_run(name: str) -> Path:
    """A run directory: a path as it stands, a bare name under results/runs."""
    return Path(name) if "/" in name else RUNS / name


def load_tasks(root: Path) -> list[Task]:
    """The tasks of a run, as its jobs recorded them."""
    parts = {
        json.dumps(json.loads(path.read_text())["config"]["task"], sort_keys=True)
        for path in sorted((root / "provenance").glob("*.json"))
    }
    if not parts:
        raise ValueError(f"No recorded jobs in {root}/provenance; is this a run of `make sweep`?")
    return [build(json.loads(part), "task") for part in sorted(parts)]
