"""Every yaml becomes its dataclass, and every key is a field."""

import copy
import dataclasses
import functools
import itertools
from pathlib import Path
from typing import Any, get_args

import pytest
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from harness.scorers.generator import Generator
from harness.scorers.protocol import Kind
from harness.types import Grid, Model
from results.places import place_run
from sweeps.compose import GOAL, ROOMS, SCORER, STRATEGY, build, build_job, resolve
from sweeps.configs import CONF, compose
from sweeps.mistakes import read_value
from sweeps.words import complete
from tests.scripted_settings import Scripted

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
# Of one model each.
SINGLE = ("compare", "checkpoint")
LADDERS = [name for name in EXPERIMENTS if name not in SINGLE]
OPTIONS = [[f"{room}={path.stem}" for path in sorted((CONF / room).glob("*.yaml"))] for room in ROOMS]


@functools.cache
def composed(*overrides: str) -> Any:
    """Read and never changed, so that equal words are composed once."""
    return compose(overrides)


@pytest.mark.parametrize(
    "options", itertools.zip_longest(*OPTIONS), ids=lambda these: "+".join(filter(None, these))
)
def test_every_option_becomes_a_job(options: tuple[str | None, ...]) -> None:
    """The first of each room together, then the second of each, and so on."""
    given = [option for option in options if option]
    model = [] if any(option.startswith("model=") for option in given) else ["model=countdown-33k"]
    job = build_job(composed(*given, *model, "model.path=some/folder", "run=x"))
    assert all(dataclasses.is_dataclass(getattr(job, option.split("=")[0])) for option in given)


@pytest.mark.parametrize(
    "path", sorted(p for room in ROOMS for p in (CONF / room).glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_key_is_a_field(path: Path) -> None:
    config = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(config, dict)
    # Options that are composed of others name those by the fields that they fill, or change one of them.
    composed_of = config.pop("defaults", [])
    changed = next((option for option in composed_of if "@" not in option), None)
    named = config if changed is None else {**OmegaConf.load(path.with_stem(changed)), **config}
    fields = {field.name for field in dataclasses.fields(get_class(named["_target_"]))}
    filled = {option.partition("@")[2] for option in composed_of} - {""}
    assert set(config) - {"_target_"} | filled <= fields


@functools.cache
def swept(experiment: str) -> list[list[str]]:
    """The jobs of an experiment, each as the overrides that its sweep gives it."""
    given = [f"experiment={experiment}", "run=x", "model=hf", "model.path=a/b"]
    params = compose(given, with_hydra=True).hydra.sweeper.params
    choices = [[f"{name}={value}" for value in str(values).split(",")] for name, values in params.items()]
    return [list(choice) for choice in itertools.product(*choices)]


@pytest.mark.parametrize("experiment", LADDERS)
def test_every_rung_of_a_ladder_is_a_job_on_every_task(experiment: str) -> None:
    choices = swept(experiment)
    # One that differs from the first job in its task alone is read for all that share it, and the last rung for the
    # others, which are jobs of their own above.
    rungs = list(dict.fromkeys(word for choice in choices for word in choice if word.startswith("model=")))
    read = [choice for choice in choices if sum(map(str.__ne__, choice, choices[0])) <= 1]
    read = [choice for choice in read if {rungs[0], rungs[-1]} & set(choice)]
    jobs = [build_job(composed(f"experiment={experiment}", "run=x", *overrides)) for overrides in read]
    models, tasks = {option_of_model(rung).name for rung in rungs}, {job.task.name for job in jobs}
    strategies = {job.strategy for job in jobs}
    assert len(models) * len(tasks) * len(strategies) == len(choices) and len(models) * len(strategies) >= 2
    assert {job.model.name for job in jobs} <= models and jobs[0].grid.anchor in models


def option_of_model(word: str) -> Model:
    """What a file of conf/model says, on its own."""
    part = OmegaConf.load(CONF / "model" / f"{word.removeprefix('model=')}.yaml")
    assert isinstance(part, DictConfig)
    model = build(resolve(part), "model")
    assert isinstance(model, Model)
    return model


def test_a_comparison_draws_one_model_as_the_ladder_was_drawn() -> None:
    (overrides,) = swept("compare")
    new = build_job(composed("experiment=compare", "run=x", *overrides, "model.path=a/b"))
    old = build_job(composed("experiment=qwen3", "run=x", "model=qwen3-8b"))
    assert (new.task, new.thinking, new.sampling, new.grid) == (old.task, old.thinking, old.sampling, old.grid)


def test_an_experiment_with_one_model_has_the_ladders_settings_but_for_its_model() -> None:
    words = complete(["experiment=qwen3", "model.path=a/b", "run=x"])
    one, rung = build_job(composed(*words)), build_job(composed("experiment=qwen3", "model=qwen3-8b", "run=x"))
    assert one.model == Model("a/b") and "model=hf" in words
    assert (one.task, one.thinking, one.sampling, one.grid) == (rung.task, rung.thinking, rung.sampling, rung.grid)


@pytest.mark.parametrize(("one", "other"), [("r1", "qwen25"), ("qwen3_off", "qwen3")])
def test_pairs_stand_in_one_run_on_one_task_and_grid(one: str, other: str) -> None:
    configs = [composed(f"experiment={name}", *swept(name)[0]) for name in (one, other)]
    # Without a name of its own, a run has its experiment's.
    runs = [OmegaConf.to_container(config)["run"] for config in configs]  # type: ignore[index,call-overload]
    assert runs[0] == (other if runs[1].startswith("${") else runs[1])
    jobs = [build_job(composed(f"experiment={name}", *swept(name)[0], "run=x")) for name in (one, other)]
    assert jobs[0].task == jobs[1].task and jobs[0].grid.budgets == jobs[1].grid.budgets
    assert jobs[0].thinking != jobs[1].thinking


def test_every_yaml_is_an_option_an_experiment_or_a_launcher() -> None:
    rooms = {path.parent.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")}
    assert rooms == {
        ".",
        "experiment",
        "hydra/launcher",
        "tools",
        "calls",
        "shapes",
        SCORER,
        STRATEGY,
        GOAL,
        *ROOMS,
    }
    for path in (CONF / "hydra" / "launcher").glob("*.yaml"):
        given = ["model.path=a/b", "run=x", f"hydra/launcher={path.stem}"]
        launcher = compose(given, with_hydra=True).hydra.launcher
        assert callable(get_class(launcher["_target_"]))


@pytest.mark.parametrize("path", sorted((CONF / "goal").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_goal_is_built_with_its_defaults_and_says_all_its_fields(path: Path) -> None:
    given = ["experiment=embedded", "model=countdown-33k", "run=x", f"goal={path.stem}"]
    goal = build_job(composed(*given)).goal
    told = {name: value for name, value in OmegaConf.load(path).items() if name != "_target_"}
    assert {field.name for field in dataclasses.fields(goal)} == told.keys()
    assert goal == type(goal)()


def test_pretraining_tokens_stand_beside_their_source_or_a_reason() -> None:
    for path in (CONF / "model").glob("*.yaml"):
        config = OmegaConf.load(path)
        assert (config.get("pretraining_tokens") is None) == (config.get("pretraining_source") is None), path
        assert config.get("pretraining_tokens") is not None or "# " in path.read_text(), path


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["grid.budgets=[]"], "grid.budgets must be whole numbers"),
        (["grid.budgets=[-1]"], "none negative"),
        (["grid.widths=[0,1]"], "grid.widths start at 1"),
        (["grid.bin_samples=0"], "bin_samples must be at least 1"),
        (["+grid.depth=3"], "There is no grid.depth"),
        (["+engine.max_sequences=3"], "There is no engine.max_sequences"),
        (["model.path=''"], "model.path"),
        (["model.name=a/b"], "model.name becomes part of file names"),
        (["model.name=' '"], "model.name becomes part of file names"),
        (["sampling.temperature=-1"], "sampling.temperature"),
        (["sampling.temperature=inf"], "sampling.temperature must be finite"),
        (["sampling.top_p=nan"], "sampling.top_p"),
        (["sampling.min_p=nan"], "sampling.min_p"),
        (["sampling.min_p=2"], "sampling.min_p"),
        (["sampling.top_k=-5"], "sampling.top_k"),
        (["sampling.top_p=0"], "sampling.top_p"),
        (["grid.reference_budget=-1"], "grid.reference_budget"),
        (["sampling.max_answer_tokens=0"], "sampling.max_answer_tokens"),
        (["thinking.close=''"], "thinking.close"),
        (["task.size=0"], "task.size"),
    ],
)
def test_a_bad_value_is_told_with_its_field(overrides: list[str], message: str) -> None:
    config = copy.deepcopy(composed("model=countdown-33k", "run=x"))
    for name, value in map(read_value, overrides):
        OmegaConf.update(config, name, value, force_add=True)
    with pytest.raises(ValueError, match=message):
        build_job(config)


@pytest.mark.parametrize("path", ["Qwen/Qwen3-8B", "ladder/checkpoints/countdown-1.1m/", "/models/qwen2.5-7b"])
def test_a_model_is_named_after_the_last_part_of_its_path(path: str) -> None:
    assert Model(path).name == path.rstrip("/").split("/")[-1]


@pytest.mark.parametrize("name", ["../../esc", "a/b", ".hidden", "..", " ", "two\nlines", "nul\0"])
def test_a_name_that_is_no_part_of_a_file_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"model.name becomes part of file names.*Set another"):
        Model("ladder/checkpoints/countdown-33k", name=name)


def test_widths_and_budgets_are_sorted_and_counted_once() -> None:
    grid = Grid(widths=(8, 1, 8), budgets=(64, 0))
    assert (grid.widths, grid.budgets, grid.reference_budget) == ((1, 8), (0, 64), 64)


def test_a_bare_run_name_lies_under_results_and_a_path_stands_as_it_is() -> None:
    assert place_run("pilot") == Path("results/runs/pilot")
    assert place_run("/somewhere/pilot") == Path("/somewhere/pilot")


def test_quantization_and_a_tasks_template_are_axes_of_their_own() -> None:
    jobs = [
        build_job(composed("experiment=embedded", "model=countdown-33k", "run=x", *overrides))
        for overrides in (
            [],
            ["engine.quantization=fp8"],
            ["task=reasoning_gym", "task.instructions=Think."],
            ["task=reasoning_gym"],
            ["thinking=opened"],
        )
    ]
    parts = [(job.engine.quantization, str(job.task.identity), job.thinking) for job in jobs]
    assert len({str(part) for part in parts}) == len(jobs)


SCORERS = sorted(path.stem for path in (CONF / SCORER).glob("*.yaml"))


def scorer_of(name: str, *words: str) -> Any:
    """A scorer's settings, without its checkpoint."""
    config = compose([f"scorer={name}", *words], root="score")
    return build(resolve(config.scorer), SCORER)


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_is_composed_with_fields_that_it_has(name: str) -> None:
    given = ["scorer.path=a/b", "model.path=a/b"] if name in ("outcome", "process", "generative") else []
    scorer = scorer_of(name, *given)
    assert scorer.kind in get_args(Kind)
    if isinstance(scorer, Generator):
        assert scorer.name == name and scorer.prepare(Scripted()) is scorer
        return
    # An id on a hub, or one of the checkpoints here.
    assert scorer.layout.path.count("/") == 1 or (Path(scorer.layout.path) / "config.json").is_file()
    assert scorer.layout.name == scorer.layout.path.rpartition("/")[2]


@pytest.mark.long
def test_any_model_can_be_asked() -> None:
    for path in sorted((CONF / "model").glob("*.yaml")):
        words = [f"model={path.stem}", *(["model.path=a/b"] if path.stem == "hf" else [])]
        model, scorer = build_job(composed(*words, "run=x")).model, scorer_of("generative", *words)
        assert (scorer.path, scorer.name, scorer.revision) == (model.path, model.name, model.revision)


@pytest.mark.parametrize(("experiment", "base"), [("qwen3_reward", "qwen3"), ("qwen25_math_prm", "qwen25_math")])
def test_an_experiment_with_scorers_draws_what_it_is_named_after(experiment: str, base: str) -> None:
    configs = [composed(f"experiment={name}", *swept(name)[0]) for name in (experiment, base)]
    assert swept(experiment) == swept(base)
    jobs = [build_job(composed(f"experiment={name}", *swept(name)[0], "run=x")) for name in (experiment, base)]
    assert dataclasses.replace(jobs[0], config={}) == dataclasses.replace(jobs[1], config={})
    runs = [OmegaConf.to_container(config)["run"] for config in configs]  # type: ignore[index,call-overload]
    assert runs[0] == (base if runs[1].startswith("${") else runs[1])
    assert configs[0].scorers and not configs[1].scorers
    assert all(scorer_of(name).layout.path for name in configs[0].scorers)


def test_a_process_scorer_of_a_chain_of_thought_reads_it() -> None:
    job = build_job(composed("experiment=qwen25_math_prm", *swept("qwen25_math_prm")[0]))
    # Its solutions stand in what is called thinking.
    assert job.thinking.close is None and scorer_of("qwen25_math_prm_7b").reads_thinking
    assert not scorer_of("skywork_reward_v2_8b").reads_thinking
