"""Words of the command line: what model.path alone means, quotes where Hydra needs them, lists."""

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from sweeps.start import where
from sweeps.words import choose_plan, complete, find_twice, name_place


def test_a_path_alone_is_one_model_with_a_run_of_its_name() -> None:
    added = ["model=hf", "experiment=checkpoint", "run='Qwen3-8B'"]
    assert complete(["model.path=Qwen/Qwen3-8B"]) == [*added, "model.path=Qwen/Qwen3-8B"]


def test_what_is_given_is_left_as_it_is() -> None:
    words = ["model=qwen3-8b", "model.path=/m", "experiment=qwen3", "run=x"]
    assert complete(words) == words
    assert complete(["experiment=qwen3", "model.path=/m"]) == ["model=hf", "experiment=qwen3", "model.path=/m"]
    assert complete(["task.size=3"]) == ["task.size=3"] and complete([]) == []
    assert complete(["model.path=/m", "run=x"])[:2] == ["model=hf", "experiment=checkpoint"]


def test_completed_words_are_complete() -> None:
    """A job's own process is given the words that its sweep was."""
    once = complete(["model.path=/models/my model (v2)", "model.name=it's"])
    assert complete(once) == once
    assert once[-2:] == ["model.path='/models/my model (v2)'", "model.name='it\\'s'"]


@pytest.mark.parametrize(
    "name",
    ["1.10", "1e5", "007", "1_000", "-3", "inf", "NaN", "true", "False", "mod\xe8le", "\u6a21", "a=b"]
    + ["a b", "it's", "a\\", "a\\'b", "x*y", "(v2)", "50%", "a#b", "null1"],
)
@pytest.mark.parametrize("field", ["run", "model.name", "task.data"])
def test_a_name_reaches_a_job_as_it_is_written(field: str, name: str) -> None:
    override = OverridesParser.create().parse_override(complete([f"{field}={name}"])[-1])
    value = override.value()
    assert isinstance(value, QuotedString | str) and str(getattr(value, "text", value)) == name


def test_what_hydra_escaped_for_a_job_stays_as_it_is() -> None:
    for word in (r"engine.url=http\://127.0.0.1\:8000/v1", r"model.path=/m/a\:b", r"run=a\=b"):
        assert complete([word])[-1] == word


def test_a_models_name_names_the_run() -> None:
    assert "run='mine'" in complete(["model.path=/models/checkpoint-500", "model.name=mine"])


def test_several_paths_are_a_job_each_in_one_run() -> None:
    words = complete(["model.path=/a,/b"])
    assert words == ["model=hf", "experiment=checkpoint", "model.path=/a,/b"]


def test_a_home_folder_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert complete(["run=x", "task.data=~/a.jsonl"]) == ["run=x", "task.data=/home/me/a.jsonl"]
    assert complete(["model.path=~/a,~/b"])[-1] == "model.path=/home/me/a,/home/me/b"


def test_a_folder_with_a_comma_is_one_folder(tmp_path: Path) -> None:
    (tmp_path / "a,b").mkdir()
    words = complete([f"model.path={tmp_path}/a,b"])
    assert words[2:] == ["run='a,b'", f"model.path='{tmp_path}/a,b'"]
    assert find_twice([f"model.path={tmp_path}/a,b"]) is None


def test_an_extractor_is_added_to_a_task_that_names_none() -> None:
    words = complete(["task.extract=harness.answers.boxed"])
    assert words == ["++task.extract=harness.answers.boxed"] and complete(words) == words


def test_added_words_stand_before_hydras_flags() -> None:
    assert complete(["model.path=/m", "run=x", "--cfg", "job"])[-2:] == ["--cfg", "job"]
    assert choose_plan(["seed=1", "--cfg", "job"])[:3] == [
        "hydra/launcher=plan",
        "hydra.launcher.is_here=True",
        "seed=1",
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Qwen/Qwen3-8B", "Qwen3-8B"),
        ("~/models/mine/", "mine"),
        ("/c/hub/models--Qwen--Qwen3-8B/snapshots/0123abcd", "Qwen3-8B"),
        (".", Path.cwd().name),
        ("..", Path.cwd().parent.name),
        ("", ""),
    ],
)
def test_a_model_is_named_by_where_it_lies(path: str, name: str) -> None:
    assert name_place(path) == name


@pytest.mark.parametrize("mode", ["RUN", "MULTIRUN", "null"])
def test_a_plan_starts_nothing_in_whatever_mode_it_is_asked_for(mode: str) -> None:
    """Without a launcher a job would draw by itself."""
    words = choose_plan(["seed=1", f"hydra.mode={mode}", "hydra/launcher=slurm"])
    assert words == choose_plan(["seed=1", "hydra/launcher=slurm"]) and "hydra/launcher=plan" in words


def test_a_value_that_is_listed_twice_is_told() -> None:
    assert find_twice(["model=a,b", "seed=1,2,1"]) == "seed lists 1 twice; list it once."
    assert find_twice(["grid.widths=[1,1]", "model=a,b"]) is None


@pytest.mark.parametrize(
    ("words", "run"),
    [
        ([], "results/runs/embedded"),
        (["model.path=/models/my model"], "results/runs/my model"),
        (["model.path=/models/007"], "results/runs/007"),
        (["model.path=~/m"], "results/runs/m"),
        (["experiment=qwen3", "model.path=/m"], "results/runs/qwen3"),
        (["experiment=qwen3_off"], "results/runs/qwen3"),
        (["experiment=qwen3", "model=qwen3-8b,qwen3-4b", "run=/tmp/x"], "/tmp/x"),
    ],
)
def test_the_run_of_a_sweep_is_known_without_it(words: list[str], run: str) -> None:
    assert where(words) == Path(run)


@pytest.mark.parametrize(
    ("words", "run"),
    [
        (["model.path=/m/Q"], "run='Q'"),
        (["model.path=/m/Q", "task=gsm8k"], "run='Q-gsm8k'"),
        (["model.path=/m/Q", "task=reasoning_gym", "task.name=zebra_puzzles"], "run='Q-zebra_puzzles'"),
        (["model.path=/m/Q", "model.name=mine", "task=gsm8k", "task.size=20"], "run='mine-gsm8k'"),
        (["model.path=/m/Q", "task=gsm8k,svamp"], "run='Q'"),
    ],
)
def test_one_models_run_is_named_by_it_and_by_the_task_that_is_named(words: list[str], run: str) -> None:
    assert run in complete(words)
