"""python -m sweeps experiment=...: Hydra composes one job a model, a launcher runs each in a process of its own.

python -m sweeps model.path=...: the same for this one model, asked as its checkpoint asks to be.
python -m sweeps plan experiment=...: the same command, which then prints what it would do, and starts nothing.
python -m sweeps where experiment=...: print the folder of the run that the same command writes.
python -m sweeps export FOLDER task=...: write a task as a folder that lm-eval runs.
python -m sweeps grade RUN: grade the answers of a run that its task's grader has not seen yet; task.extract=... and
task.vote_key=... put other functions in its place. A run names no code but isoquant's own: what else one was drawn with
is given again here, and task.trust=true where its task lies in a folder of yours with code. grade_unfenced=true
grades where the kernel cannot hold its graders.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from harness.fence.gaps import find_fence
from harness.recognition import AutoThinking
from harness.types import EngineFailedError
from results.shortage import explain_refusal, explain_shortage
from results.stopping import end_closed, end_stopped, stopping_in_a_line
from sweeps.compose import EXAMPLE_READER, build, build_job, find_run
from sweeps.export import export_task
from sweeps.grade import grade_run
from sweeps.job import run_job
from sweeps.mistakes import compose, find_mistake, find_other_run
from sweeps.recorded import load_tasks
from sweeps.repair import repair
from sweeps.words import adapt, choose_plan, complete, find_twice, name_place

UNFENCED = "grade_unfenced=true"
# What of a composed config makes an exported task.
EXPORTED = ("task", "thinking", "sampling", "grid")


@hydra.main(version_base="1.3", config_path="../conf", config_name="sweep")
def sweep(config: DictConfig) -> None:
    """One job, in this process: what a launcher calls, once a model."""
    # What it says begins with the model's name, by which a launcher finds its last words.
    name = config.model.get("name") or name_place(str(config.model.get("path") or "")) or config.model.path
    try:
        run_job(build_job(config))
    except BrokenPipeError:
        end_closed()
    except OSError as error:
        sys.exit(f"{name}: {explain_refusal(error, find_run(config.run))}")
    except (ValueError, EngineFailedError) as error:
        sys.exit(f"{name}: {error}")
    except (RuntimeError, MemoryError, ImportError) as error:
        if (line := explain_shortage(error)) is None:
            raise
        sys.exit(f"{name}: {line}")
    except KeyboardInterrupt:
        end_stopped(f"{name}: stopped; what was drawn is kept.")


def grade(name: str, words: Sequence[str]) -> None:
    try:
        root = find_run(name)
        tasks = load_tasks(root, [word for word in words if word != UNFENCED])
        repair(root)
        print(find_fence())
        print(f"{grade_run(root, tasks, unfenced=UNFENCED in words):,} answers graded in {root}")
    except BrokenPipeError:
        raise
    except ValueError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(explain_refusal(error, root))


def export(words: Sequence[str]) -> None:
    """Write the task, thinking and largest budget that the words compose as a task of lm-eval's."""
    folder, *overrides = words
    try:
        config = compose(["run=none", "model.path=none", *map(adapt, overrides)])
        parts: dict[str, Any] = {room: OmegaConf.to_container(config[room], resolve=True) for room in EXPORTED}
        made = {room: build(part, room) for room, part in parts.items()}
        task, thinking, sampling, grid = (made[room] for room in EXPORTED)
        if isinstance(thinking, AutoThinking):
            raise ValueError("thinking=auto asks a checkpoint, and an exported task has none; give thinking=<preset>.")
        name = export_task(
            task, parts["task"], thinking=thinking, sampling=sampling, budget=max(grid.budgets), folder=Path(folder)
        )
    except (ValueError, HydraException) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or folder}: {error.strerror or error}. Give another FOLDER, or mend this.")
    print(f"python -m lm_eval --include_path {folder} --tasks {name} --model ...")


def where(words: Sequence[str]) -> Path:
    """The run that a sweep of these words writes."""
    parsed = OverridesParser.create().parse_overrides(complete(words))
    # A list is a job a value, which one config does not hold.
    single = [str(override.input_line) for override in parsed if not override.is_sweep_override()]
    return find_run(compose(single, with_hydra=True).run)


def main() -> None:
    with stopping_in_a_line("Stopped. What was drawn and graded is kept; run the same command again to go on."):
        run_command()


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
    if sys.argv[1:2] == ["where"]:
        try:
            print(where(sys.argv[2:]))
        except (ValueError, HydraException) as error:
            sys.exit(str(error))
        return
    is_plan = sys.argv[1:2] == ["plan"]
    words = complete(sys.argv[2:] if is_plan else sys.argv[1:])
    sys.argv[1:] = choose_plan(words) if is_plan else words
    # hydra_plugins is a namespace package: ours lies beside the launchers it opens the door to.
    # Hydra looks for them once, at its first word.
    sys.path.append(str(Path(__file__).parent / "launchers"))
    if told := find_twice(words) or find_mistake(words) or find_other_run(words):
        sys.exit(told)
    sweep()


if __name__ == "__main__":
    main()
