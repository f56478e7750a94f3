"""Tasks as runs recorded them: a stranger's record names code, and none of it runs."""

import contextlib
import importlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis.runs import provenance
from harness import answers
from harness.readers import FUNCTIONS, TASKS, find_function, find_task, is_plain
from results import store
from results.schema import PROMPTS
from sweeps.identity import name_task
from sweeps.recorded import load_tasks
from tests import forked

GYM = {"_target_": "harness.tasks.reasoning_gym.ReasoningGym", "name": "countdown", "seed": 0, "size": 4}
SHIPPED = [yaml.safe_load(path.read_text()) for path in sorted(Path("conf/task").glob("*.yaml"))]
PROJECT_RUNS = [
    Path("results/reference"),
    *sorted(path for path in Path("results/real").iterdir() if path.is_dir()),
]


def record(root: Path, task: Any, *, name: str = "m-000") -> Path:
    path = root / "provenance" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(task if isinstance(task, str) else json.dumps({"time": "2026", "config": {"task": task}}))
    return root


def method(path: str) -> dict[str, str]:
    return {"_target_": "hydra.utils.get_method", "path": path}


def evil(canary: Path) -> dict[str, Any]:
    """What writes the canary where it is instantiated."""
    return {"_target_": "pathlib.Path.touch", "_args_": [{"_target_": "pathlib.Path", "_args_": [str(canary)]}]}


def touch(canary: Path) -> str:
    return f"__import__('pathlib').Path({str(canary)!r}).touch()"


def hostile(canary: Path) -> dict[str, Any]:
    """Records of a stranger, by what they try."""
    return {
        "a function of the system as extractor": GYM | {"extract": method("os.system")},
        "a function that is not called by get_method": GYM | {"extract": evil(canary)},
        "the task itself": evil(canary),
        "eval as the task": {"_target_": "builtins.eval", "_args_": [touch(canary)]},
        "exec by another door of Hydra's": GYM
        | {"vote_key": {"_target_": "hydra.utils.call", "config": evil(canary)}},
        "a plain dotted name": GYM | {"extract": "subprocess.getoutput"},
        "a module that is imported for its own sake": GYM | {"extract": "antigravity.f"},
        "code in the parameters": GYM | {"params": {"min_numbers": evil(canary)}},
        "code deep in the parameters": GYM | {"params": {"min_numbers": [{"a": evil(canary)}]}},
        "code as the name of a variable": GYM
        | {"name": "polynomial_multiplication", "params": {"variables": [touch(canary)]}},
        "code as a parameter's name": GYM | {"params": {touch(canary): 1}},
        "a file of words somewhere else": GYM
        | {"name": "spell_backward", "params": {"data_file": "../../../a.txt"}},
        "code as a size": GYM | {"size": evil(canary)},
        "code as instructions": GYM | {"instructions": evil(canary)},
        "code as render": GYM | {"render": method("builtins.exec")},
        "code as dials": GYM | {"dials": method("builtins.eval")},
        "a partial": GYM | {"extract": {"_target_": "os.system", "_partial_": True}},
        "a function of the harness that reads no answers": GYM
        | {"extract": method("harness.checkpoint.read_checkpoint")},
        "an inner name of the harness": GYM | {"extract": method("harness.answers._clean")},
        "another class of the harness": GYM | {"_target_": "harness.engines.vllm.Vllm"},
        "a name with a way out": GYM | {"name": "../../escaped"},
        "a name that is no text": GYM | {"name": {"a": 1}},
        "a target that is no text": GYM | {"_target_": ["os", "system"]},
        "an interpolation": GYM | {"instructions": "${oc.env:HOME}", "seed": "${oc.env:HOME}"},
        "a folder with code": {
            **{"_target_": "harness.tasks.lm_eval.LmEval", "name": "evil", "size": 1},
            **{"include_path": str(canary.parent / "code"), "trust": True},
        },
        "no mapping": ["a"],
        "nothing": None,
        "a deep nest": '{"config":' * 100_000,
        "deep parameters": json.dumps({"config": {"task": GYM}})[:-3]
        + ', "params": '
        + "[" * 900
        + "]" * 900
        + "}}}",
        "a number without end": json.dumps({"config": {"task": GYM}}).replace("4}", "1" * 10_000 + "}"),
        "a number out of range": GYM | {"size": 10**400},
        "an infinite size": '{"config": {"task": ' + json.dumps(GYM).replace("4}", "1e400}") + "}}",
    }


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that appears if a record runs what it names, or a folder of tasks that it names."""
    folder, canary = tmp_path / "code", tmp_path / "canary"
    folder.mkdir()
    (folder / "evil.py").write_text(f"{touch(canary)}\ndef f(*a, **k): pass\n")
    (folder / "evil.yaml").write_text(
        "task: evil\nprocess_results: !function evil.f\noutput_type: generate_until\n"
    )
    return canary


@pytest.mark.parametrize("case", hostile(Path("none")))
def test_nothing_that_a_record_names_is_run(case: str, canary: Path) -> None:
    root = record(canary.parent / "run", hostile(canary)[case])
    with contextlib.suppress(ValueError):
        # Prompts, so that what is taken for a task is loaded.
        rows = [{"task": name_task(task), "prompt_id": "p", "text": "t"} for task in load_tasks(root)]
        store.append(root, PROMPTS, rows, writer="w")
    ended = forked.run("isoquant", "grade", str(root))
    assert not canary.exists() and not list(canary.parent.glob("escaped*"))
    assert ended.code != 0 and "Traceback" not in ended.err and len(ended.err.splitlines()) == 1, ended
    assert len(ended.err) < 1000


def test_the_cases_have_teeth(canary: Path) -> None:
    """What is refused above runs where Hydra is let at it."""
    from hydra.utils import instantiate

    instantiate(hostile(canary)["code in the parameters"]["params"])
    assert canary.exists()


def test_a_refusal_names_the_command_that_allows_it_and_that_command_does(tmp_path: Path) -> None:
    root = record(tmp_path, GYM | {"extract": method("textwrap.dedent")})
    with pytest.raises(
        ValueError, match=r"names task\.extract='textwrap\.dedent'.* grade .* task\.extract=<dotted name>"
    ):
        load_tasks(root)
    [task] = load_tasks(root, ["task.extract=textwrap.dedent"])
    assert inspect.getmodule(task.extract).__name__ == "textwrap"  # type: ignore[attr-defined, union-attr]


def test_another_task_class_is_named_by_the_user_alone(tmp_path: Path) -> None:
    root = record(tmp_path, {"_target_": "tests.sweeps.test_grade.Echo"})
    with pytest.raises(ValueError, match=r"names task\._target_='tests\.sweeps\.test_grade\.Echo'"):
        load_tasks(root)
    [task] = load_tasks(root, ["task._target_=tests.sweeps.test_grade.Echo"])
    assert task.name == "echo"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("task.extract", "Expected task.render, task.extract"),
        ("extract=harness.answers.boxed", "Expected task.render"),
        ("task.trust=maybe", "task.trust must be true or false; got 'maybe'"),
        ("task.trust=true", "There is no task.trust; task's fields are name, seed"),
        ("task._target_=no.such.Task", "task._target_: "),
        ("task._target_=pathlib.Path", "task._target_: pathlib.Path is not a dataclass"),
        ("task.params=x", "Expected task.render"),
    ],
)
def test_a_word_that_names_nothing_is_told(word: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        load_tasks(record(tmp_path, GYM), [word])


def test_every_shipped_task_names_what_the_list_has() -> None:
    for part in SHIPPED:
        assert part["_target_"] in TASKS and find_task(part["_target_"]) is not None
        named = {field: part[field]["path"] for field in FUNCTIONS if isinstance(part.get(field), Mapping)}
        for field, name in named.items():
            module, _, function = name.rpartition(".")
            assert find_function(field, name) is getattr(importlib.import_module(module), function)


def test_every_public_reader_of_answers_is_in_the_list() -> None:
    compared = {"math_equal", "same_worth", "after_thoughts", "behind_box", "digits_of_base"}
    listed = {name for named in FUNCTIONS.values() for name in named}
    assert {f"harness.answers.{name}" for name in answers.__all__ if name not in compared} <= listed


def test_every_name_of_the_list_is_one_function() -> None:
    for field, named in FUNCTIONS.items():
        for name, plain in named.items():
            function = find_function(field, name)
            assert inspect.isfunction(function) and is_plain(function) == plain
        assert find_function(field, "harness.answers.after_thoughts") is None
    assert is_plain(None) and not is_plain(answers.boxed, len)


@pytest.mark.parametrize("root", PROJECT_RUNS, ids=str)
def test_the_runs_of_the_project_are_read_back_as_they_were_composed(root: Path) -> None:
    assert load_tasks(root)


def test_what_macos_lays_beside_a_record_is_none(tmp_path: Path) -> None:
    root = record(tmp_path, GYM)
    (root / "provenance" / "._m-000.json").write_bytes(b"\0\5\x16\7Mac OS X")
    assert [task.name for task in load_tasks(root)] == ["countdown"]
    assert [each["record"] for each in provenance.read(root)] == ["m-000"]
