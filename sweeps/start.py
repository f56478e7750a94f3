"""The only way to Hydra: words -> one job a model, each run by a launcher in a process of its own."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import hydra
from hydra._internal.hydra import Hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from harness.types import EngineFailedError
from results.places import place_run
from results.shortage import REFUSED, explain_refusal, explain_shortage
from results.stopping import end_closed, end_stopped, idle
from sweeps.compose import build_job, read_words
from sweeps.configs import CONF, SWEEP, admit_launchers, parse_in_c
from sweeps.job import run_job
from sweeps.mistakes import compose_single, find_mistake, find_other_run
from sweeps.words import ONE_JOB, complete, find_twice, name_place

STOPPED = "Stopped. What was drawn and graded is kept; run the same command again to go on."
PROGRAM = "isoquant sweep"


@hydra.main(version_base="1.3", config_path=str(CONF), config_name=SWEEP)
def sweep(config: DictConfig) -> None:
    """One job, in this process: what a launcher calls, once a model."""
    # What it says begins with the model's name, by which a launcher finds its last words.
    name = config.model.get("name") or name_place(str(config.model.get("path") or "")) or config.model.path
    try:
        with idle(False):
            run_job(build_job(config, words=read_words(HydraConfig.get())))
    except BrokenPipeError:
        end_closed()
    except OSError as error:
        sys.exit(f"{name}: {explain_refusal(error, place_run(str(config.run)))}")
    except (ValueError, EngineFailedError) as error:
        sys.exit(f"{name}: {error}")
    except (RuntimeError, MemoryError, ImportError) as error:
        if (line := explain_shortage(error)) is None:
            raise
        sys.exit(f"{name}: {line}")
    except KeyboardInterrupt:
        end_stopped(f"{name}: stopped. What was drawn is kept.")


def check_words(words: Sequence[str]) -> Sequence[str]:
    """The words, completed; raises ValueError for the first that is wrong."""
    admit_launchers()
    parse_in_c()
    completed = complete(words)
    if told := find_twice(completed) or find_mistake(completed) or find_other_run(completed):
        raise ValueError(told)
    return completed


@contextlib.contextmanager
def telling_mode() -> Iterator[None]:
    """Tell Hydra of one job or of all, where it would compose everything once more to see what conf/ has."""

    def tell(of: Hydra, config_name: str | None, overrides: list[str]) -> RunMode | None:
        named = [word for word in overrides if word.startswith("hydra.mode=")]
        if config_name == SWEEP and named in ([], [ONE_JOB]):
            return RunMode.RUN if named else RunMode.MULTIRUN
        mode: RunMode | None = found(of, config_name, overrides)
        return mode

    found = Hydra.get_mode
    Hydra.get_mode = tell  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Hydra.get_mode = found  # type: ignore[method-assign]


def start(words: Sequence[str]) -> None:
    """Give Hydra the words, completed; raises ValueError for what is wrong with them.

    Ends the program with status 1 where a model failed, and with 2 where nothing could be composed or started.
    """
    sys.argv = [PROGRAM, *check_words(words)]
    try:
        with idle(), telling_mode():
            sweep()
    except SystemExit as end:
        # Hydra has told what it cannot compose.
        sys.exit(REFUSED if end.code == 1 and ONE_JOB not in words else end.code)


def start_all(commands: Sequence[Sequence[str]]) -> None:
    """Start one command line after the other; a model that failed does not stop the next,
    and ends all with status 1.

    Raises ValueError for what is wrong with one.
    """
    ends = []
    for words in commands:
        try:
            start(words)
        except SystemExit as end:
            if len(commands) == 1:
                raise
            ends.append(end.code)
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr, flush=True)
    if codes := [code for code in ends if code]:
        sys.exit(next((code for code in codes if isinstance(code, int)), 1))


def where(words: Sequence[str]) -> Path:
    """The run that a sweep of these words writes; raises ValueError where they cannot be composed."""
    return place_run(str(compose_single(words).run))
