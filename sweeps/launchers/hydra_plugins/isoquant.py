"""Hydra's door to the launchers. Hydra takes plugins from its namespace package hydra_plugins only."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from results.places import place_run
from results.shortage import explain_refusal, explain_shortage, tell_refusal
from results.stopping import end_closed, idle
from sweeps.compose import build_job, check_fields, read_origins
from sweeps.goals import own_words, plan_pursuit, plan_round, pursue
from sweeps.job import Job
from sweeps.launchers.jobs import draw_jobs, run_jobs, start_elsewhere, tell_failed
from sweeps.launchers.lanes import Place
from sweeps.launchers.local import Local
from sweeps.launchers.plan import show_plan
from sweeps.launchers.ray_cluster import RayCluster
from sweeps.launchers.slurm import Slurm
from sweeps.words import is_of_launcher


class ComposedOnce(BasicSweeper):
    """Hydra's own way from lists to jobs, without composing each beforehand to see whether it can be:
    the launcher composes all of them here before it starts any.
    """

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        pass


class SweepLauncher(Launcher):
    """A process a job, so that a model's memory is gone before the next one loads,
    and one crash is one model's.
    """

    place: ClassVar[Callable[..., Place]]

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        try:
            self.run(job_overrides)
        except BrokenPipeError:
            end_closed()
        except OSError as error:
            sys.exit(tell_refusal(ValueError(explain_refusal(error, place_run(str(self.config.run))))))
        except ValueError as error:
            sys.exit(tell_refusal(error))
        except (RuntimeError, MemoryError, ImportError) as error:
            if (line := explain_shortage(error)) is None:
                raise
            sys.exit(tell_refusal(ValueError(line)))
        return [
            JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED, _return_value=None)
            for overrides in job_overrides
        ]

    def run(self, job_overrides: Sequence[Sequence[str]]) -> None:
        check_fields(cast(type, type(self).place), self.options, room="hydra.launcher")
        place = type(self).place(**self.options)
        jobs = [self.compose(overrides) for overrides in job_overrides]
        # A job does not need to know where it was started; its record does, for whoever goes on from it.
        started = [str(word) for word in self.config.hydra.overrides.hydra if is_of_launcher(str(word))]
        with idle(False):
            if jobs[0].goal is None:
                run_jobs(jobs, [[*started, *overrides] for overrides in job_overrides], place)
            else:
                self.pursue(jobs, job_overrides, started, place)

    def pursue(
        self, jobs: Sequence[Job], job_overrides: Sequence[Sequence[str]], started: Sequence[str], place: Place
    ) -> None:
        """Rounds of these jobs, each composed anew with the numbers that were decided."""
        own = own_words(jobs, job_overrides)

        def run_round(added: Mapping[str, Sequence[str]], is_again: bool) -> list[str]:
            words = [[*own[name], *more] for name, more in added.items()]
            composed = [self.compose(each) for each in words]
            return draw_jobs(composed, [[*started, *each] for each in words], place, is_again=is_again)

        tell_failed(pursue(plan_pursuit(jobs, job_overrides), run_round))

    def compose(self, overrides: Sequence[str]) -> Job:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        # ${hydra:...} is resolved against the configuration that was set last.
        HydraConfig.instance().set_config(config)
        origins = read_origins(config.hydra)
        with open_dict(config):
            config.pop("hydra")
        return build_job(config, origins)


class PlanLauncher(SweepLauncher):
    """hydra/launcher=plan: starts nothing."""

    def run(self, job_overrides: Sequence[Sequence[str]]) -> None:
        jobs = [self.compose(overrides) for overrides in job_overrides]
        with idle(False):
            lines: Sequence[str] = ()
            if jobs[0].goal is not None:
                jobs, lines = self.next_round(jobs, job_overrides)
            if jobs:
                show_plan(jobs if self.options["is_here"] else [start_elsewhere(job) for job in jobs])
            print(*lines, sep="\n", end="\n" if lines else "")

    def next_round(
        self, jobs: Sequence[Job], job_overrides: Sequence[Sequence[str]]
    ) -> tuple[list[Job], Sequence[str]]:
        """The jobs of the round that a goal asks for next, and what is expected behind it."""
        added, lines = plan_round(plan_pursuit(jobs, job_overrides))
        own = own_words(jobs, job_overrides)
        return [self.compose([*own[name], *more]) for name, more in added.items()], lines


class ProcessesLauncher(SweepLauncher):
    """hydra/launcher=processes"""

    place = Local


class SlurmLauncher(SweepLauncher):
    """hydra/launcher=slurm"""

    place = Slurm


class RayLauncher(SweepLauncher):
    """hydra/launcher=ray"""

    place = RayCluster
