"""python -m sweeps experiment=...: Hydra composes one job a model, a launcher runs each in a process of its own.

python -m sweeps plan experiment=...: the same command, which then prints what it would do, and starts nothing.
python -m sweeps grade RUN: grade the answers of a run that its task's grader has not seen yet.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from omegaconf import DictConfig

from harness.types import EngineFailedError
from sweeps.compose import build_job, find_run, load_tasks
from sweeps.disk import explain
from sweeps.grade import grade_run
from sweeps.job import run_job
from sweeps.repair import repair


@hydra.main(version_base="1.3", config_path="../conf", config_name="sweep")
def sweep(config: DictConfig) -> None:
    """One job, in this process: what a launcher calls, once a model."""
    try:
        run_job(build_job(config))
    except OSError as error:
        sys.exit(f"{config.model.name or config.model.path}: {explain(error, find_run(config.run))}")
    except (ValueError, EngineFailedError) as error:
        sys.exit(f"{config.model.name or config.model.path}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{config.model.name or config.model.path}: stopped; what was drawn is kept.")


def grade(name: str) -> None:
    root = find_run(name)
    try:
        tasks = load_tasks(root)
        repair(root)
        print(f"{grade_run(root, tasks):,} answers graded in {root}")
    except ValueError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(explain(error, root))


def choose_plan(words: Sequence[str]) -> list[str]:
    """The same command line with the launcher that starts nothing for whichever it names."""
    others = [word for word in words if not word.lstrip("+~").startswith(("hydra/launcher", "hydra.launcher."))]
    named = [word.partition("=")[2] for word in words if word.startswith("hydra/launcher=")]
    is_here = named in ([], ["processes"])
    return [*others, "hydra/launcher=plan", f"hydra.launcher.is_here={is_here}"]


def main() -> None:
    if sys.argv[1:2] == ["grade"]:
        if len(sys.argv) != 3:
            sys.exit("Usage: python -m sweeps grade RUN")
        grade(sys.argv[2])
        return
    if sys.argv[1:2] == ["plan"]:
        sys.argv[1:] = choose_plan(sys.argv[2:])
    # hydra_plugins is a namespace package: ours lies beside the launchers it opens the door to.
    sys.path.append(str(Path(__file__).parent / "launchers"))
    sweep()


if __name__ == "__main__":
    main()
