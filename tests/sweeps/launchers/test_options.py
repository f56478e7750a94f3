"""What a person types after hydra/launcher= reaches its place by the place's own names."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sweeps.launchers.local import Local
from sweeps.launchers.ray_cluster import RayCluster
from sweeps.launchers.slurm import Slurm

CONF = Path("conf").resolve()
PLACES = {"processes": Local, "slurm": Slurm, "ray": RayCluster}


def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("sweep", ["model=countdown-33k", *overrides], return_hydra_config=True)
    resolved = OmegaConf.create(OmegaConf.to_container(config))
    resolved.hydra.runtime.choices = {"experiment": "embedded"}
    options = OmegaConf.to_container(resolved.hydra.launcher, resolve=True)
    assert isinstance(options, dict)
    return {name: value for name, value in options.items() if not name.startswith("_")}


@pytest.mark.parametrize("launcher", PLACES)
def test_options_are_the_fields_of_a_place_and_say_its_defaults(launcher: str) -> None:
    options = composed(f"hydra/launcher={launcher}", "jobs_at_once=1")
    fields = {field.name: field for field in dataclasses.fields(PLACES[launcher])}
    assert set(options) == set(fields)
    for name, field in fields.items():
        default = field.default if field.default is not dataclasses.MISSING else field.default_factory()  # type: ignore[misc]
        assert options[name] == default, name


def test_every_launcher_is_a_file_of_options() -> None:
    assert {path.stem for path in (CONF / "hydra" / "launcher").glob("*.yaml")} == {*PLACES, "plan"}


def test_an_experiment_says_how_many_jobs_run_at_once() -> None:
    assert composed("experiment=embedded") == {"jobs_at_once": 2}


def test_an_experiment_goes_with_any_launcher() -> None:
    assert (
        composed("experiment=embedded", "hydra/launcher=slurm", "hydra.launcher.partition=gpu")["partition"]
        == "gpu"
    )


def test_a_place_that_cannot_be_is_told_in_a_line_before_any_model_is_looked_at(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sweeps", "model=countdown-33k", f"run={tmp_path}/run"]
    done = subprocess.run(
        [*command, "hydra/launcher=slurm", "hydra.launcher.cluster=lsf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: hydra.launcher.cluster: it should be 'slurm' or 'local'; got 'lsf'.\n"
