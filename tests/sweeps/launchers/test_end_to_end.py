"""`python -m sweeps` through submitit and through Ray: a rung on the real engine,
beside a model that disappears.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from results import decisions, store
from results.schema import ANSWERS, GRADES, TRACES
from sweeps.provenance import list_gpus
from tests.sweeps.launchers.conftest import wait_until
from tests.sweeps.test_goals import GOAL, GRID

pytestmark = pytest.mark.long
RUNG, OTHER = Path("ladder/checkpoints/countdown-33k"), Path("ladder/checkpoints/countdown-125k")
NUM_PROMPTS, NUM_SAMPLES = 4, 2
SMALL = [
    *("experiment=embedded", "grid.anchor=null", f"task.size={NUM_PROMPTS}", f"grid.widths=[{NUM_SAMPLES}]"),
    *("grid.budgets=[0,16]", "engine.gpu_memory_utilization=0.3"),
]
NUM_GPUS = "null" if list_gpus() else "0"
Sweeps = dict[str, tuple[Path, int, str, str]]


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory, ray_address: str) -> Sweeps:
    """launcher -> (run, exit code, stdout, stderr), of sweeps side by side;
    their second model is gone once checked.
    """
    launchers = {
        "slurm": ["hydra.launcher.cluster=local", f"hydra.launcher.gpus_per_node={NUM_GPUS}"],
        "ray": [f"hydra.launcher.address={ray_address}", f"hydra.launcher.num_gpus={NUM_GPUS}"],
    }
    folder = tmp_path_factory.mktemp("sweeps")
    running = {}
    for launcher, options in launchers.items():
        gone = folder / launcher / "gone"
        shutil.copytree(OTHER, gone)
        models = ["model=hf", f"model.path={RUNG},{gone}"]
        command = [*SMALL, *models, f"run={folder / launcher}", f"hydra/launcher={launcher}", *options]
        with (folder / f"{launcher}.out").open("w") as out, (folder / f"{launcher}.err").open("w") as err:
            running[launcher] = subprocess.Popen(
                [sys.executable, "-m", "sweeps", *command], stdout=out, stderr=err
            )
    for launcher, sweep in running.items():
        told = folder / f"{launcher}.out"
        wait_until(lambda: "Waiting for" in told.read_text() or sweep.poll() is not None)  # noqa: B023
        shutil.rmtree(folder / launcher / "gone")
    return {
        launcher: (
            folder / launcher,
            sweep.wait(300),
            *((folder / f"{launcher}.{n}").read_text() for n in ("out", "err")),
        )
        for launcher, sweep in running.items()
    }


@pytest.mark.parametrize("launcher", ["slurm", "ray"])
def test_a_rung_is_drawn_and_graded_through(sweeps: Sweeps, launcher: str) -> None:
    root, _, out, err = sweeps[launcher]
    assert store.scan(root, TRACES).num_rows == NUM_PROMPTS * NUM_SAMPLES, err
    assert store.scan(root, GRADES).num_rows == store.scan(root, ANSWERS).num_rows > 0
    assert "countdown-33k: done" in out
    assert "countdown-33k: 8 samples in" in (root / "logs" / "countdown-33k.log").read_text()


@pytest.mark.parametrize("launcher", ["slurm", "ray"])
def test_a_model_that_failed_is_named_with_the_way_on_and_fails_the_sweep_through(
    sweeps: Sweeps, launcher: str
) -> None:
    _, code, _, err = sweeps[launcher]
    assert code == 1
    [told] = [line for line in err.splitlines() if line.startswith("gone failed: ")]
    assert (
        "exit code 1: " in told and "gone: No model at '/" in told and "/gone': give a folder that exists" in told
    )
    assert "Failed: gone. What was drawn is kept. Correct the errors above and run the same command again." in err
    assert "Traceback" not in err


@pytest.mark.parametrize("launcher", ["slurm", "ray"])
def test_a_goal_is_pursued_in_rounds_through(launcher: str, tmp_path: Path, ray_address: str) -> None:
    options = {
        "slurm": ["hydra.launcher.cluster=local", f"hydra.launcher.gpus_per_node={NUM_GPUS}"],
        "ray": [f"hydra.launcher.address={ray_address}", f"hydra.launcher.num_gpus={NUM_GPUS}"],
    }[launcher]
    words = [*GRID, *GOAL, "model=countdown-33k,countdown-125k", f"hydra/launcher={launcher}", *options]
    plain = subprocess.run(
        [sys.executable, "-m", "sweeps", *words, f"run={tmp_path}"], capture_output=True, text=True, timeout=600
    )
    assert plain.returncode == 0, plain.stderr
    found = decisions.read(tmp_path)
    assert len(found) >= 3 and found[-1]["end"] in ("known", "limits")
    assert plain.stdout.count("countdown-33k: done") == len(found) - 1, "one job a model and round"
    num_samples = {name: prompts * samples for name, (prompts, samples) in found[-1]["targets"].items()}
    assert store.scan(tmp_path, TRACES).num_rows >= sum(num_samples.values())
