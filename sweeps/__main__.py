"""python -m sweeps experiment=...: Hydra composes one job a model, a launcher runs each in a process of its own.

python -m sweeps plan experiment=...: the same command, which then prints what it would do, and starts nothing.
python -m sweeps export FOLDER task=...: write a task as a folder that lm-eval runs.
python -m sweeps grade RUN: grade the answers of a run that its task's grader has not seen yet; task.extract=... and
task.vote_key=... put other functions in its place.
"""

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from harness.types import EngineFailedError
from sweeps.compose import EXAMPLE_READER, build, build_job, change_readers, find_run, load_tasks
from sweeps.disk import explain
from sweeps.export import export_task
from sweeps.grade import grade_run
from sweeps.job import run_job
from sweeps.repair import repair

# What of a composed config makes an exported task.
EXPORTED = ("task", "thinking", "sampling", "grid")
# A word that is an override, not one of Hydra's flags or such a flag's value.
OVERRIDE = re.compile(r"~|[^-].*=")
# A word that stands for a job a value; quotes and brackets hold commas of their own.
LIST = re.compile(r"""[^-=]+=[^\\'"()[\]{}]*,[^\\'"()[\]{}]*""")


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


def grade(name: str, words: Sequence[str]) -> None:
    try:
        root = find_run(name)
        tasks = change_readers(load_tasks(root), words)
        repair(root)
        print(f"{grade_run(root, tasks):,} answers graded in {root}")
    except ValueError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(explain(error, root))


def export(words: Sequence[str]) -> None:
    """Write the task, thinking and largest budget that the words compose as a task of lm-eval's."""
    folder, *overrides = words
    try:
        with hydra.initialize_config_dir(str(Path("conf").resolve()), version_base="1.3"):
            config = hydra.compose("sweep", ["run=none", "model.path=none", *overrides])
        parts: dict[str, Any] = {room: OmegaConf.to_container(config[room], resolve=True) for room in EXPORTED}
        made = {room: build(part, room) for room, part in parts.items()}
        task, thinking, sampling, grid = (made[room] for room in EXPORTED)
        name = export_task(
            task, parts["task"], thinking=thinking, sampling=sampling, budget=max(grid.budgets), folder=Path(folder)
        )
    except (ValueError, HydraException) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or folder}: {error.strerror or error}. Give another FOLDER, or mend this.")
    print(f"python -m lm_eval --include_path {folder} --tasks {name} --model ...")


def choose_plan(words: Sequence[str]) -> list[str]:
    """The same command line with the launcher that starts nothing for whichever it names."""
    others = [word for word in words if not word.lstrip("+~").startswith(("hydra/launcher", "hydra.launcher."))]
    named = [word.partition("=")[2] for word in words if word.startswith("hydra/launcher=")]
    is_here = named in ([], ["processes"])
    # Hydra reads all overrides in one go: behind one of its flags, further ones are not recognized.
    first = next((place for place, word in enumerate(others) if OVERRIDE.match(word)), len(others))
    return [*others[:first], "hydra/launcher=plan", f"hydra.launcher.is_here={is_here}", *others[first:]]


def check_lists(words: Sequence[str]) -> None:
    """End the program where a word lists a value twice: its jobs would write the same rows."""
    for word in filter(LIST.fullmatch, words):
        name, _, values = word.partition("=")
        if twice := [value for value, count in Counter(values.split(",")).items() if count > 1]:
            sys.exit(f"{name} lists {twice[0]} twice; list it once.")


def main() -> None:
    try:
        run_command()
    except KeyboardInterrupt:
        sys.exit("Stopped. What was drawn and graded is kept; run the same command again to go on.")


def run_command() -> None:
    if sys.argv[1:2] == ["grade"]:
        if len(sys.argv) < 3:
            sys.exit(f"Usage: python -m sweeps grade RUN [{EXAMPLE_READER} ...]")
        grade(sys.argv[2], sys.argv[3:])
        return
    if sys.argv[1:2] == ["export"]:
        if not "".join(sys.argv[2:3]) or "=" in sys.argv[2]:
            sys.exit("Usage: python -m sweeps export FOLDER task=countdown")
        export(sys.argv[2:])
        return
    if sys.argv[1:2] == ["plan"]:
        sys.argv[1:] = choose_plan(sys.argv[2:])
    check_lists(sys.argv[1:])
    # hydra_plugins is a namespace package: ours lies beside the launchers it opens the door to.
    sys.path.append(str(Path(__file__).parent / "launchers"))
    sweep()


if __name__ == "__main__":
    main()
