"""Our accuracy against lm_eval's on the same task, sample by sample, through one server that both draw from."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from omegaconf import OmegaConf

from harness.engines.server import Server
from harness.types import Grid, Sampling, Thinking
from results import store
from results.schema import ANSWERS, GRADES, TRACES
from sweeps.compose import build
from sweeps.export import export_task
from sweeps.grade import grade_run
from sweeps.job import Job, run_job
from tests.conftest import RUNG, SETTINGS
from tests.real_server import serve_model

pytestmark = pytest.mark.server

SIZE, BUDGET, CONTEXT = 24, 256, 320
THINKING = Thinking(open="<think>", close="</think>", force="</think>")
GREEDY = Sampling(temperature=0)
COUNTDOWN: dict[str, Any] = {
    **OmegaConf.to_container(OmegaConf.load("conf/task/countdown.yaml")),  # type: ignore[dict-item]
    "size": SIZE,
}


class Ours(NamedTuple):
    """A sample of ours: what it answered, whether that is right, and whether its thinking had ended by itself."""

    text: str
    correct: bool
    ended: bool


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # lm_eval reads text, so that this server keeps its tokenizer.
    settings = dataclasses.replace(SETTINGS, max_num_seqs=1)
    with serve_model(RUNG.path, log=tmp_path_factory.mktemp("parity") / "log.txt", settings=settings) as url:
        yield url


@pytest.fixture(scope="module")
def ours(url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ours]:
    """One sample a prompt, one at a time, at temperature 0 and the full budget."""
    root, task = tmp_path_factory.mktemp("ours") / "run", build(COUNTDOWN, "task")
    engine = Server(url, dtype="float32", max_num_seqs=1)
    run_job(Job(root, RUNG, THINKING, task, GREEDY, Grid((1,), (BUDGET,)), engine))
    grade_run(root, [task])
    ended = {row["prompt_id"]: row["ended"] for row in store.scan(root, TRACES).to_pylist()}
    texts = {row["prompt_id"]: row["text"] for row in store.scan(root, ANSWERS).to_pylist()}
    grades = {row["prompt_id"]: row["correct"] for row in store.scan(root, GRADES).to_pylist()}
    return {name: Ours(texts[name], grades[name], ended[name]) for name in grades}


@pytest.fixture(scope="module")
def theirs(url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, bool]]:
    """lm_eval's own run of the exported task: text and grade of every prompt."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    folder = tmp_path_factory.mktemp("exported")
    task = build(COUNTDOWN, "task")
    name = export_task(task, COUNTDOWN, thinking=THINKING, sampling=GREEDY, budget=BUDGET, folder=folder)
    arguments = {
        "base_url": f"{url}/completions",
        "model": RUNG.path,
        "tokenizer": RUNG.path,
        "tokenizer_backend": "huggingface",
        "num_concurrent": 1,
        "max_length": CONTEXT,
    }
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    done = simple_evaluate(
        "local-completions", model_args=arguments, tasks=[name], task_manager=manager, bootstrap_iters=0
    )
    assert done is not None
    samples = done["samples"][name]
    assert done["results"][name]["correct,none"] == pytest.approx(sum(s["correct"] for s in samples) / SIZE)
    return {sample["doc"]["prompt_id"]: (sample["resps"][0][0], bool(sample["correct"])) for sample in samples}


def test_where_thinking_ended_by_itself_answers_and_grades_are_the_same(
    ours: dict[str, Ours], theirs: dict[str, tuple[str, bool]]
) -> None:
    assert ours.keys() == theirs.keys() and len(ours) == SIZE
    ended = {name: sample for name, sample in ours.items() if sample.ended}
    # At temperature 0 this small rung goes round in circles on most problems.
    assert len(ended) >= SIZE / 4
    assert {name: (s.text, s.correct) for name, s in ended.items()} == {
        name: (theirs[name][0].partition("</think>")[2], theirs[name][1]) for name in ended
    }


def test_they_disagree_only_where_the_budget_cut_thinking_and_an_answer_was_forced(
    ours: dict[str, Ours], theirs: dict[str, tuple[str, bool]]
) -> None:
    differing = {name for name, sample in ours.items() if sample.correct != theirs[name][1]}
    for name in sorted(differing):
        print(
            f"{name}: ours {ours[name].correct} {ours[name].text!r}, lm_eval {theirs[name][1]} {theirs[name][0]!r}"
        )
    num_right = sum(sample.correct for sample in ours.values()), sum(correct for _, correct in theirs.values())
    print(f"of {SIZE}: ours {num_right[0]} right, lm_eval {num_right[1]}; {len(differing)} differ")
    assert all(not ours[name].ended for name in differing)
