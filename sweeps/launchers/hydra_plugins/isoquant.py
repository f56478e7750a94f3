"""Hydra's door to the local launcher. Hydra takes plugins from its namespace package hydra_plugins only."""

import sys
from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from sweeps.compose import build_job
from sweeps.job import Job
from sweeps.launchers.local import run_jobs


class LocalLauncher(Launcher):
    """A process a job, so that a model's memory is gone before the next one loads, and one crash is one model's."""

    # jobs_at_once: without GPUs; with GPUs, one job runs on each.
    def __init__(self, jobs_at_once: int) -> None:
        self.jobs_at_once = jobs_at_once

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        try:
            jobs = [self._compose(overrides) for overrides in job_overrides]
        except ValueError as error:
            sys.exit(str(error))
        run_jobs(jobs, job_overrides, jobs_at_once=self.jobs_at_once)
        return [
            JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED, _return_value=None)
            for overrides in job_overrides
        ]

    def _compose(self, overrides: Sequence[str]) -> Job:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        # ${hydra:...} is resolved against the configuration that was set last.
        HydraConfig.instance().set_config(config)
        with open_dict(config):
            config.pop("hydra")
        return build_job(config)


ConfigStore.instance().store(
    group="hydra/launcher",
    name="processes",
    node={"_target_": f"{LocalLauncher.__module__}.{LocalLauncher.__qualname__}", "jobs_at_once": 1},
)
