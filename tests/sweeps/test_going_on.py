"""A run is gone on with by its name: what it was made with is composed again;
a stranger's record asks for no code.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from results import decisions, store
from results.schema import ANSWERS, GRADES, MODELS, PROMPTS, TRACES
from sweeps.going_on import go_on
from sweeps.made_with import is_plain
from sweeps.start import where
from tests import forked
from tests.faults.runs import SCRIPTED

TASK = {"_target_": "harness.tasks.reasoning_gym.ReasoningGym", "name": "countdown", "seed": 1, "size": 4}
EMBEDDED = ("experiment=embedded", "seed=1")
SMALL, LARGE = "countdown-33k", "countdown-1.1m"


def record(
    root: Path,
    model: str = SMALL,
    *,
    words: Sequence[str] = EMBEDDED,
    size: int = 4,
    identity: str = "",
    task: str = "countdown",
    num_drawn: int | None = None,
    number: int = 0,
) -> Path:
    """A run with one more job: its record, its prompts, and whole traces of the first `num_drawn`."""
    identity = identity or f"id-{model}"
    config = {
        "model": {"name": model},
        "task": TASK | {"size": size, "name": task},
        "grid": {"budgets": [0, 16], "widths": [1, 2]},
    }
    told = {"identity": identity, "time": f"2026-{number:02d}", "config": config}
    given = (
        {}
        if words is None
        else {
            "words": [
                *([] if "model=hf" in words else [f"model={model}"]),
                *words,
                f"task.size={size}",
                "run=elsewhere",
            ]
        }
    )
    path = root / "provenance" / f"{model}-{number:03d}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told | given))
    prompts = [f"{task}/{at:05d}" for at in range(size)]
    store.append_missing(root, MODELS, [{"identity": identity, "model": model, "task": f"{task}-1"}], writer=model)
    store.append_missing(
        root, PROMPTS, [{"task": f"{task}-1", "prompt_id": each} for each in prompts], writer=task
    )
    keys = [
        {"identity": identity, "prompt_id": each, "pool": "evaluation", "sample": sample}
        for each in prompts[: size if num_drawn is None else num_drawn]
        for sample in range(2)
    ]
    trace = {"start_token": 0, "num_thinking_tokens": 0, "ended": True, "finish_reason": "stop"}
    store.append_missing(root, TRACES, [key | trace for key in keys], writer=model)
    answer = {"budget": None, "num_thinking_tokens": 0, "forced": False}
    store.append_missing(root, ANSWERS, [key | answer for key in keys], writer=model)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return record(tmp_path / "pilot")


def words_of(root: Path, *asked: str) -> list[set[str]]:
    """The command lines without the run, which is always this one's."""
    commands = go_on([str(root), *asked])
    assert all(f"run={root}" in words and len(set(words)) == len(words) for words in commands)
    return [set(words) - {f"run={root}"} for words in commands]


MADE = {f"model={SMALL}", *EMBEDDED}


@pytest.mark.parametrize(
    ("asked", "expected", "told"),
    [
        ([], {*MADE, "task.size=4"}, "as it was made"),
        (["+task.size=8"], {*MADE, "task.size=12"}, "8 more prompts, 12 in all"),
        (["+task.size=1"], {*MADE, "task.size=5"}, "1 more prompt, 5 in all"),
        (["task.size=9"], {*MADE, "task.size=9"}, "task.size=9"),
        (["+grid.budgets=[64,16]"], {*MADE, "task.size=4", "grid.budgets=[0,16,64]"}, "grid.budgets=[0,16,64]"),
        (["+grid.budgets=64"], {*MADE, "task.size=4", "grid.budgets=[0,16,64]"}, "grid.budgets=[0,16,64]"),
        (["grid.budgets=[64]"], {*MADE, "task.size=4", "grid.budgets=[64]"}, "grid.budgets=[64]"),
        (["+grid.widths=[8]"], {*MADE, "task.size=4", "grid.widths=[1,2,8]"}, "grid.widths=[1,2,8]"),
        (
            ["+task.size=8", "+grid.widths=[8]"],
            {*MADE, "task.size=12", "grid.widths=[1,2,8]"},
            "8 more prompts, 12 in all, grid.widths=[1,2,8]",
        ),
        (["seed=2"], {f"model={SMALL}", "experiment=embedded", "seed=2", "task.size=4"}, "seed=2"),
        (["++task.size=3"], {*MADE, "++task.size=3"}, "++task.size=3"),
        (
            ["+task.params.max_value=9"],
            {*MADE, "task.size=4", "+task.params.max_value=9"},
            "+task.params.max_value=9",
        ),
        (["task=gsm8k"], {*MADE, "task=gsm8k"}, "task=gsm8k"),
        (["model=qwen3-4b"], {"model=qwen3-4b", *EMBEDDED, "task.size=4"}, "model=qwen3-4b"),
        (
            ["model.path=/mine"],
            {"model=hf", "model.path=/mine", *EMBEDDED, "task.size=4"},
            "model.path=/mine",
        ),
        (["hydra/launcher=slurm"], {*MADE, "task.size=4", "hydra/launcher=slurm"}, "hydra/launcher=slurm"),
        (
            ["flush_seconds=1", "--cfg", "job"],
            {*MADE, "task.size=4", "flush_seconds=1", "--cfg", "job"},
            "flush_se",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_asked_anew_is_composed_over_what_the_run_was_made_with(
    root: Path, asked: list[str], expected: set[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words_of(root, *asked) == [expected]
    assert capsys.readouterr().out.startswith(f"going on with {root}: {told}")


def test_words_without_a_run_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["experiment=embedded"], ["--cfg", "job"], ["~seed"], ["task.size=3", "pilot"]):
        assert go_on(words) == [words]
    assert capsys.readouterr().out == ""


def test_models_of_one_sweep_are_one_command_in_their_order(root: Path) -> None:
    record(root, LARGE, number=1)
    assert words_of(root, "+task.size=2") == [{f"model={SMALL},{LARGE}", *EMBEDDED, "task.size=6"}]
    assert words_of(root, f"model={LARGE}", "+task.size=2") == [{f"model={LARGE}", *EMBEDDED, "task.size=6"}]
    assert words_of(root, f"model={LARGE},{SMALL}") == [{f"model={SMALL},{LARGE}", *EMBEDDED, "task.size=4"}]


def test_models_that_were_made_apart_are_a_command_each(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(root, "mine", words=["model=hf", "experiment=checkpoint", "model.path='/my models/mine'"], number=1)
    first, second = words_of(root, "+task.size=2")
    assert first == MADE | {"task.size=6"}
    assert second == {"model=hf", "experiment=checkpoint", "model.path='/my models/mine'", "task.size=6"}
    assert "(countdown-33k): 2 more prompts, 6 in all" in capsys.readouterr().out


def test_the_last_command_of_a_job_is_what_it_was_made_with(root: Path) -> None:
    record(root, size=6, words=[*EMBEDDED, "grid.widths=[1,2]"], number=1)
    assert words_of(root) == [MADE | {"grid.widths=[1,2]", "task.size=6"}]
    assert words_of(root, "+task.size=2") == [MADE | {"grid.widths=[1,2]", "task.size=8"}]


def test_another_way_of_asking_a_model_is_a_job_of_its_own(root: Path) -> None:
    record(root, words=[*EMBEDDED, "thinking=qwen3_off"], identity="other", number=1)
    assert words_of(root) == [MADE | {"task.size=4"}, MADE | {"thinking=qwen3_off", "task.size=4"}]


def test_every_task_has_more_of_its_own_prompts(root: Path) -> None:
    record(root, words=[*EMBEDDED, "task=gsm8k"], identity="b", task="gsm8k", size=7, number=1)
    sizes = [
        next(word for word in words if word.startswith("task.size=")) for words in words_of(root, "+task.size=2")
    ]
    assert sizes == ["task.size=6", "task.size=9"]


@pytest.mark.parametrize("stopped_at", [0, 3, 5])
def test_the_same_command_after_a_stop_asks_for_the_same_prompts(root: Path, stopped_at: int) -> None:
    record(root, LARGE, number=1)
    record(root, LARGE, size=12, num_drawn=stopped_at, number=2)
    assert all("task.size=12" in words for words in words_of(root, "+task.size=8"))
    record(root, LARGE, size=12, number=2)
    record(root, size=12, number=3)
    assert all("task.size=20" in words for words in words_of(root, "+task.size=8"))


def test_a_first_sweep_that_was_stopped_has_what_it_was_asked_for(tmp_path: Path) -> None:
    root = record(tmp_path / "run", num_drawn=1)
    assert words_of(root, "+task.size=8") == [MADE | {"task.size=12"}]


def test_a_task_that_has_no_more_prompts_says_so(root: Path) -> None:
    record(root, words=EMBEDDED, size=4, number=1)
    told = json.loads((root / "provenance/countdown-33k-001.json").read_text())
    told["config"]["task"]["size"] = 30
    (root / "provenance/countdown-33k-001.json").write_text(json.dumps(told))
    with pytest.raises(ValueError, match="was asked for 30 prompts and has 4, which is all that its task has"):
        go_on([str(root), "+task.size=8"])


def test_a_record_asks_for_no_more_prompts_than_its_run_can_have(root: Path) -> None:
    told = json.loads((root / "provenance/countdown-33k-000.json").read_text())
    told["config"]["task"]["size"] = 10**9
    told["words"] = [f"model={SMALL}", *EMBEDDED, "task.size=1000000000"]
    (root / "provenance/countdown-33k-000.json").write_text(json.dumps(told))
    assert words_of(root) == [MADE | {"task.size=4"}]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "nowhere has no value; give nowhere=... And as a run: No run 'nowhere'"),
        (["+task.size=8"], "name the run first: isoquant sweep RUN"),
        (["+grid.budgets=[1]", "seed=1"], "name the run first"),
        (["RUN", "+task.size=0"], "how many more"),
        (["RUN", "+task.size=-8"], "how many more"),
        (["RUN", "+task.size=1.5"], "how many more"),
        (["RUN", "+task.size=8,16"], "how many more"),
        (["RUN", "+task.size="], "how many more"),
        (["RUN", "+task.size=all"], "how many more"),
        (["RUN", "+task.size=1_000"], "how many more"),
        (["RUN", "+grid.budgets=[]"], r"\+grid.budgets=\[512\]"),
        (["RUN", "+grid.budgets=[-1]"], r"\+grid.budgets=\[512\]"),
        (["RUN", "+task.size=8", "task.size=9"], "are both given"),
        (["RUN", "+task.size=8", "task=gsm8k"], "asks for others"),
        (["RUN", "run=other"], "another sweep"),
        (["RUN", "experiment=math"], "another sweep"),
        (["RUN", f"model={SMALL},qwen3-4b"], "go on with each by a command of its own"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_with_the_way_on(root: Path, words: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        go_on([str(root) if word == "RUN" else word for word in words])


def test_a_folder_without_records_is_none_to_go_on_from(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(ValueError, match=f"give the options, with run={tmp_path}"):
        go_on([str(tmp_path)])


def test_what_shapes_rows_is_said_to_make_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go_on([str(root), "sampling.temperature=0.5", "+task.size=8"])
    assert "sampling.temperature=0.5: where that is not what" in capsys.readouterr().out
    go_on([str(root), "+task.size=8", "+grid.widths=[4]"])
    assert "where that is not what" not in capsys.readouterr().out


STRANGE = [
    *(
        "task.extract=os.system",
        "++task.extract=harness.answers.boxed",
        "task.vote_key=antigravity.f",
        "task.trust=true",
    ),
    *(
        "task._target_=os.system",
        "engine._target_=os.system",
        "grid._target_=os.system",
        "+thinking.x._target_=os.system",
    ),
    *("task.params={a: {_target_: os.system}}", "thinking.template_options={a: {_target_: os.system}}"),
    *("engine.options.trust_remote_code=true", "+engine.options.trust_remote_code=true", "engine.url=http://evil"),
    *(
        "engine.api_key_variable=SECRET",
        "engine.served_model=x",
        "model.path=${oc.env:HOME}",
        "model.name='${run}'",
    ),
    *("hydra/launcher=../../evil", "hydra.launcher.setup=[id]", "hydra.launcher.additional_parameters.wrap=id"),
    *(
        "hydra.launcher.partition='a\nb'",
        "hydra.searchpath=[file:///evil]",
        "hydra.run.dir=/",
        "grade_unfenced=true",
    ),
    *("task=../../evil", "experiment=/evil", "task=nothing", "task@model=gsm8k", "~task.params", "seed=1,2"),
    *(
        "+task.params.a='__import__(\"os\")'",
        "task.render=os.system",
        "task.dials=os.system",
        "--config-dir=/evil",
    ),
    *("--multirun", "unknown=1", "x", "", "a=[", "task.name=[[1]]", "seed=glob(*)", "seed=range(1000000000)"),
    *("grid.widths=[1000000000000]", "grid.bin_samples=1000000000", "grid.calls=[99999999]"),
    *("tools=../../evil", "tools=[search,evil]", "tools.search.corpus=/etc", "tools.search._target_=os.system"),
    *(
        "calls._target_=os.system",
        "tools.search.passage='{text}'",
        "reading='--out /etc'",
        "reading='--along calls --out x'",
    ),
]


@pytest.mark.parametrize(
    "word",
    [
        *("tools=search", "tools=[search,calculator]", "tools.search.k=5", "calls=qwen3", "calls.open='<a>'"),
        *("reading='--along calls --difficulty label --label hops'", "reading='--at budget=64 extensions=1'"),
        *("++model.knobs.recurrence=8", "++model.cost='2*recurrence'", "grid.calls=[0,1,2]"),
    ],
)
def test_plain_words_of_axes_tools_and_knobs_are_gone_on_with(word: str) -> None:
    assert is_plain(word)


@pytest.mark.parametrize("word", STRANGE)
def test_a_record_asks_for_no_code_and_leads_nowhere(tmp_path: Path, word: str) -> None:
    root = record(tmp_path / "run", words=["experiment=embedded", word])
    with pytest.raises(ValueError, match="which a run folder cannot ask for by itself"):
        go_on([str(root)])


@pytest.mark.parametrize(
    "word", ["task.extract=harness.answers.boxed", "engine.url=http://mine/v1", "task.trust=true"]
)
def test_what_a_record_cannot_ask_for_is_given_again(tmp_path: Path, word: str) -> None:
    root = record(tmp_path / "run", words=["experiment=embedded", f"++{word.partition('=')[0]}=evil"])
    [words] = words_of(root, word)
    assert words - {f"model={SMALL}", "experiment=embedded", "task.size=4"} in ({word}, {f"++{word}"})


@pytest.mark.parametrize(
    "word",
    [
        *(
            "task=gsm8k",
            "task.name=zebra_puzzles",
            "+task.params.num_people=4",
            "task.data=/my/data.jsonl",
            "seed=3",
        ),
        *("sampling.temperature=0.6", "thinking.force='</think>\n'", "grid.anchor=null", "grid.budgets=[0,16]"),
        *("model.path=Qwen/Qwen3-8B", "model.path='/my models/m'", "engine.dtype=bfloat16", "engine=server"),
        *("hydra/launcher=slurm", "hydra.launcher.partition=gpu", "hydra.launcher.timeout_min=120"),
    ],
)
def test_plain_values_are_remembered(word: str) -> None:
    assert is_plain(word)


def test_what_a_pack_left_out_is_asked_for(tmp_path: Path) -> None:
    root = record(tmp_path / "run", words=["model=hf", "experiment=checkpoint", "model.path=.../mine"])
    with pytest.raises(ValueError, match=r"model.path=\.\.\./mine: folders are shortened.*model.path=\.\.\."):
        go_on([str(root)])
    [words] = words_of(root, "model.path=/models/mine")
    assert words == {"experiment=checkpoint", "model=hf", "model.path=/models/mine", "task.size=4"}


@pytest.mark.parametrize(
    "damage",
    [
        {"words": "experiment=embedded"},
        {"words": [1]},
        {"words": ["a=b"] * 1000},
        {"words": {"a": 1}},
        {"config": {"task": {"size": 4}}},
        {"config": {"task": {"size": 4}, "model": {}, "grid": {"budgets": [], "widths": []}}},
        {"config": {"task": {"size": "4"}, "model": {}, "grid": {"budgets": [], "widths": []}}},
        {"config": {"task": {"size": 4}, "model": {}, "grid": {"budgets": ["x"], "widths": [1]}}},
        {"config": {"task": {"size": 4}, "model": {}, "grid": {"budgets": [1], "widths": [10**12]}}},
        {"config": {"task": {"size": 4}, "model": [], "grid": {"budgets": [1], "widths": [1]}}},
    ],
    ids=lambda damage: str(damage)[:60],
)
def test_a_damaged_record_is_named(root: Path, damage: dict[str, Any]) -> None:
    path = root / "provenance/countdown-33k-000.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(ValueError, match="countdown-33k-000.json does not tell what its job was made with"):
        go_on([str(root)])


def test_runs_without_recorded_words_are_read_from_their_config() -> None:
    [words] = go_on(["results/reference", "+task.size=8"])
    assert "model=countdown-1.1m,countdown-0.4m,countdown-125k,countdown-33k" in words
    assert {"experiment=embedded", "task=countdown", "grid=embedded", "task.size=128"} <= set(words)
    assert where(words) == Path("results/reference")


@pytest.mark.parametrize(
    ("room", "value", "told"),
    [
        ("task", {"instructions": "${"}, "for certain"),
        ("task", {"instructions": "${oc.env:HOME}"}, "for certain"),
        ("model", {"name": "${a.b}"}, "for certain"),
        ("task", {"params": {"a": [{"_target_": "os.system"}]}}, "for certain"),
        ("task", {"a=b ~x": 1}, "for certain"),
        ("sampling", {"temperature": float("nan")}, "for certain"),
        ("thinking", {"x": {"_target_": "os.system"}}, "cannot ask for by itself"),
        ("engine", {"options": {"trust_remote_code": True}}, "cannot ask for by itself"),
        (
            "task",
            {"extract": {"_target_": "hydra.utils.get_method", "path": "os.system"}},
            "task.extract=<dotted name>",
        ),
    ],
    ids=str,
)
def test_a_strangers_config_asks_for_nothing_either(tmp_path: Path, room: str, value: Any, told: str) -> None:
    path = Path("results/reference/provenance/countdown-33k-000.json")
    record = json.loads(path.read_text())
    record["config"][room] |= value
    (tmp_path / "provenance").mkdir()
    (tmp_path / "provenance" / path.name).write_text(json.dumps(record))
    record_prompts = [{"task": "t", "prompt_id": f"countdown/{at:05d}"} for at in range(120)]
    store.append(tmp_path, PROMPTS, record_prompts, writer="t")
    store.append(tmp_path, MODELS, [{"identity": record["identity"], "model": "m", "task": "t"}], writer="m")
    with pytest.raises(ValueError, match=told):
        go_on([str(tmp_path)])


@pytest.mark.parametrize(("room", "value"), [("task", {"_target_": "os.system"}), ("grid", {}), ("model", {})])
def test_a_config_that_no_words_are_sure_to_follow_is_refused(tmp_path: Path, room: str, value: Any) -> None:
    path = Path("results/reference/provenance/countdown-33k-000.json")
    told = json.loads(path.read_text())
    told["config"][room] = told["config"][room] | {"_target_": "os.system", "odd": 1} | value
    (tmp_path / "provenance").mkdir()
    (tmp_path / "provenance" / path.name).write_text(json.dumps(told))
    with pytest.raises(ValueError, match="Give the options, with run="):
        go_on([str(tmp_path)])


def test_a_run_is_gone_on_with_by_sweep_and_plan(tmp_path: Path) -> None:
    root, engine = tmp_path / "run", "engine._target_=tests.scripted_settings.Scripted"
    few = ("task.size=6", "model=countdown-33k", f"run={root}", "hydra/launcher=processes")
    made = forked.run("sweeps", *SCRIPTED[:-1], *few)
    assert made.code == 0, made.err
    told = json.loads((root / "provenance/countdown-33k-000.json").read_text())
    assert {"hydra/launcher=processes", "model=countdown-33k", engine} <= set(told["words"])
    assert not any(word.startswith(("progress_row", "hydra.mode")) for word in told["words"])
    refused = forked.run("isoquant", "plan", str(root))
    assert refused.code == 2 and f"isoquant sweep {root} {engine}" in refused.err
    planned = forked.run("isoquant", "plan", str(root), "+task.size=2", engine)
    assert planned.code == 0 and "2 more prompts, 8 in all" in planned.out
    before = store.scan(root, GRADES).num_rows
    # Of one job it draws no figures.
    for words in (["hydra.mode=RUN"], []):
        more = forked.run("isoquant", "sweep", str(root), "task.size=8", engine, *words)
        assert more.code == 0, more.err
    assert store.scan(root, PROMPTS).num_rows == 8 and store.scan(root, GRADES).num_rows > before
    assert "no samples to draw" in more.out
    assert len(list((root / "provenance").iterdir())) == 2


def pursue(root: Path, *words: str) -> None:
    """Have the run drawn towards a goal, as its last decision tells it."""
    asked = {"goal": "Accuracy", "bins": False, "points": 4}
    row = {"goal": "g", "round": 0, "time": "2026", "asked": asked, "words": words, "known": [], "end": None}
    spent = {"num_tokens": 0, "device_seconds": 0.0, "usd": 0.0}
    decisions.append(root, row | spent | {"targets": {SMALL: (4, 2)}}, writer="goal")


@pytest.mark.parametrize("size", ["999999999", "1e9", "2000"])
def test_the_most_of_a_goal_is_for_the_user_to_give_where_no_benchmark_has_as_many(size: str, root: Path) -> None:
    pursue(root, "goal=accuracy", f"task.size={size}")
    if size == "2000":
        [[*words]] = go_on([str(root)])
        assert "task.size=2000" in words
        return
    with pytest.raises(ValueError, match="may draw 999,999,999|may draw 1,000,000,000") as told:
        go_on([str(root)])
    assert "\n" not in str(told.value)
    [[*words]] = go_on([str(root), "task.size=500"])
    assert "task.size=500" in words and not any(size in word for word in words)


@pytest.mark.parametrize("words", [["goal=accuracy"] * 201, ["goal=accuracy", f"goal.base={'x' * 10_000}"]])
def test_a_goal_of_more_words_than_a_command_line_has_is_refused(words: list[str], root: Path) -> None:
    pursue(root, *words)
    with pytest.raises(ValueError, match="than a command line has"):
        go_on([str(root)])


def test_a_size_that_only_the_words_of_a_record_ask_for_is_bounded_too(root: Path) -> None:
    path = next((root / "provenance").glob("*.json"))
    path.write_text(path.read_text().replace("task.size=4", "task.size=999999999"))
    [[*words]] = go_on([str(root)])
    assert "task.size=4" in words
