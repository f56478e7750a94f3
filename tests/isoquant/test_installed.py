"""What a wheel brings and asks for, and commands from a folder that is no checkout."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from isoquant.__main__ import main

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What a package is imported as, where that is not its name.
IMPORTED_AS = {"scikit-learn": "sklearn", "pyyaml": "yaml"}
# matplotlib brings it.
BROUGHT = {"PIL"}
# Asked for by an extra, and imported inside the function that needs it.
OPTIONAL = {"sentence_transformers", "lm_eval", "playwright"}
OURS = {"isoquant", "harness", "sweeps", "results", "analysis", "ladder"}


def named(requirements: list[str]) -> set[str]:
    names = [re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in requirements]
    return {IMPORTED_AS.get(name, name) for name in names}


def imported(*rooms: str) -> set[str]:
    """Top packages that these rooms import anywhere, without Python's own."""
    found = set()
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).partition(".")[0])
    return found - set(sys.stdlib_module_names) - OURS


def test_the_light_layer_is_all_that_reading_imports() -> None:
    light = named(PROJECT["dependencies"])
    assert imported("analysis", "results", "isoquant") - OPTIONAL == light | BROUGHT
    assert not light & {"torch", "vllm", "hydra-core", "transformers", "datasets"}


def test_what_a_sweep_imports_is_asked_for_by_its_layer() -> None:
    layers = PROJECT["optional-dependencies"]
    asked = named([*PROJECT["dependencies"], *layers["sweep"], *layers["cpu"], *layers["slurm"], *layers["ray"]])
    known = {name.replace("-", "_") for name in asked} | {"hydra", "omegaconf", "vllm", "hydra_plugins"}
    # What transformers, lm-eval and math-verify bring.
    known |= {"huggingface_hub", "tokenizers", "sympy", "mpmath", "safetensors", "jinja2"}
    assert imported("harness", "sweeps") - known == set()


def test_a_wheel_holds_what_every_command_looks_for_and_no_tests() -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")
    held = {file.distribution_path for file in wheel.WheelBuilder(str(ROOT)).recurse_included_files()}
    for room in OURS:
        ours = {
            str(path.relative_to(ROOT)) for path in (ROOT / room).rglob("*.py") if "runs" not in path.parts[-3:-1]
        }
        assert ours - {path for path in ours if path.startswith("results/runs/")} <= held, room
    assert {"conf/sweep.yaml", "conf/hydra/launcher/slurm.yaml", "analysis/report/template.html"} <= held
    assert {path for path in held if path.startswith("ladder/checkpoints/") and path.endswith(".safetensors")}
    reference = {path.split("/")[2] for path in held if path.startswith("results/reference/")}
    assert {"answers", "traces", "grades", "models", "manifest"} <= reference and "figures" not in reference
    first = {path.split("/")[0] for path in held}
    assert first == OURS | {"conf"} and not {
        path for path in held if path.startswith(("results/runs", "results/real"))
    }


def run_elsewhere(folder: Path, *words: str) -> str:
    """What `isoquant` prints from a folder that holds nothing of the project."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "isoquant", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_find_the_committed_run_and_the_configs_from_any_folder(tmp_path: Path) -> None:
    assert "countdown-1.1m" in run_elsewhere(tmp_path, "health", "results/reference")
    planned = run_elsewhere(tmp_path, "plan", "model=countdown-33k", "task.size=4", "run=mine")
    assert "countdown-33k     0 of 30" in planned and "results/runs/mine" in planned
    assert not list((tmp_path / "results").rglob("*.parquet")) if (tmp_path / "results").exists() else True


def test_where_only_reading_is_installed_what_draws_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [
        name for name in sys.modules if f"{name}.".startswith(("sweeps.", "hydra.", "isoquant.sweep."))
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "hydra", None)
    for command in ("sweep", "plan", "export", "grade"):
        assert main([command, "x"]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"error: `isoquant {command}` needs hydra") and len(told.splitlines()) == 1


def test_a_module_of_ours_that_is_missing_is_no_matter_of_installing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "analysis.commands.health", None)
    with pytest.raises(ModuleNotFoundError):
        main(["health", "results/reference"])


# The first module that the program imports after what listens for Ctrl-C.
STOPPED_WHILE_IMPORTED = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"


@pytest.mark.parametrize("is_program", [True, False])
def test_ctrl_c_in_the_first_import_ends_the_program_in_a_line(tmp_path: Path, is_program: bool) -> None:
    (tmp_path / "typing.py").write_text(STOPPED_WHILE_IMPORTED)
    how = ["-m", "isoquant", "health"] if is_program else ["-c", "import isoquant"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    ended = subprocess.run([sys.executable, *how], env=environment, capture_output=True, text=True, timeout=60)
    if is_program:
        assert (ended.returncode, ended.stderr) == (130, "Stopped.\n")
    else:
        # A notebook's own way to stop is left as it is.
        assert ended.stderr.endswith("KeyboardInterrupt\n")
