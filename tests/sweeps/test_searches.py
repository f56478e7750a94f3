"""Searches in a run: stored whole, gone on with, read by no scorer twice, and carried by all that carries rows."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from results import store
from results.inspection import inspect
from results.schema import ANSWERS, GRADES, MODELS, SAMPLE_KEY, SCORERS, SCORES, SEARCHES, TRACES
from results.searching import read_searching
from results.shards import list_shards
from results.travel.packing import pack
from results.travel.union import merge
from results.travel.unpacking import unpack
from sweeps.compose import build_job, build_scoring
from sweeps.configs import compose, compose_words
from sweeps.forecast import forecast
from sweeps.grade import grade_run
from sweeps.job import Job, run_job
from sweeps.launchers.plan import show_plan
from sweeps.made_with import is_plain
from sweeps.prepare import prepare
from sweeps.repair import repair
from sweeps.score import score_run
from tests import forked

NUM_PROMPTS, WIDTH, KILLS = 6, 3, 20
SMALL = [
    *("experiment=search", "model=countdown-33k", f"task.size={NUM_PROMPTS}", "grid.budgets=[32]", "probe=false"),
    *("engine._target_=tests.scripted_settings.Scripted", "engine.max_num_seqs=8", "flush_seconds=0"),
]
SEARCH = ["strategy.expansions=2", "strategy.max_step_tokens=8"]
TABLES = (SEARCHES, TRACES, ANSWERS)


def job_of(root: Path, kind: str = "dvts", width: int = WIDTH, *words: str) -> Job:
    job = compose_job(kind, width, *words)
    return dataclasses.replace(job, run=root, config={**job.config, "run": str(root)})


@cache
def compose_job(kind: str, width: int, *words: str) -> Job:
    """Of a run somewhere."""
    asked = [f"strategy=embedded_{kind.replace('beam', 'beam_2')}", f"strategy.width={width}", *SEARCH]
    return build_job(compose([*SMALL, *asked, "run=somewhere", *words]))


Draw = Callable[..., Path]


@pytest.fixture(scope="module")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """draw(root, kind, width) puts a graded run of that search at `root`; each is drawn once and then copied."""

    @cache
    def once(kind: str, width: int) -> Path:
        job = job_of(tmp_path_factory.mktemp("searches") / "run", kind, width)
        run_job(job)
        grade_run(job.run, [job.task])
        return job.run

    return lambda root, kind="dvts", width=WIDTH: Path(shutil.copytree(once(kind, width), root))


def frame(root: Path, table: Any) -> pd.DataFrame:
    return store.scan(root, table).to_pandas()


def keys(root: Path, table: Any = ANSWERS) -> set[tuple[Any, ...]]:
    rows = [tuple(row.values()) for row in store.scan(root, table, columns=SAMPLE_KEY).to_pylist()]
    assert table is TRACES or len(rows) == len(set(rows))
    return set(rows)


def assert_whole(root: Path, num_paths: int) -> None:
    """Every path is there once, in every table, with its tokens."""
    assert keys(root, SEARCHES) == keys(root, TRACES) == keys(root) and len(keys(root)) == num_paths
    assert inspect(root) == ([], [])
    thought = frame(root, TRACES).groupby(list(SAMPLE_KEY), observed=True)["num_thinking_tokens"].sum()
    answers = frame(root, ANSWERS).set_index(list(SAMPLE_KEY))
    assert (thought.sort_index() == answers["num_thinking_tokens"].sort_index()).all()
    searches = frame(root, SEARCHES).set_index(list(SAMPLE_KEY))
    written = searches["expansion_tokens"].map(sum) + answers["num_answer_tokens"]
    assert (written == searches["num_written_tokens"]).all()
    assert (searches["reading_tokens"].map(sum) == searches["num_read_tokens"]).all()


@pytest.mark.parametrize("kind", ["dvts", "beam"])
def test_a_search_is_drawn_whole_and_never_twice(tmp_path: Path, draw: Draw, kind: str) -> None:
    job = job_of(draw(tmp_path / "run", kind), kind)
    assert_whole(job.run, NUM_PROMPTS * WIDTH)
    before = {path: path.read_bytes() for path in job.run.glob("*/*.parquet")}
    run_job(job)
    assert {path: path.read_bytes() for path in job.run.glob("*/*.parquet")} == before
    [scorer] = store.scan(job.run, SCORERS).to_pylist()
    assert set(frame(job.run, SEARCHES)["scorer_version"].astype(str)) == {scorer["scorer_version"]}


def test_more_subtrees_and_more_prompts_draw_what_is_missing_and_a_wider_beam_all(
    tmp_path: Path, draw: Draw
) -> None:
    root = draw(tmp_path / "run")
    first = frame(root, ANSWERS)
    wider = job_of(root, "dvts", WIDTH + 2, f"task.size={NUM_PROMPTS + 1}")
    assert prepare(wider).num_pending == NUM_PROMPTS * 2 + WIDTH + 2
    run_job(wider)
    assert_whole(root, (NUM_PROMPTS + 1) * (WIDTH + 2))
    kept = frame(root, ANSWERS).merge(first, on=[*SAMPLE_KEY], suffixes=("", "_before"))
    assert len(kept) == len(first) and (kept["text"] == kept["text_before"]).all()
    for width in (WIDTH, WIDTH + 2):
        run_job(job_of(root, "beam", width))
    assert sorted(read_searching(root).values()) == [1, WIDTH, WIDTH + 2]


def test_subtrees_are_the_same_whichever_run_they_are_of(tmp_path: Path) -> None:
    for name, width in (("few", 2), ("many", 5)):
        run_job(job_of(tmp_path / name, "dvts", width))
    few, many = (frame(tmp_path / name, TRACES).astype({"token_ids": str}) for name in ("few", "many"))
    both = few.merge(many, on=[*SAMPLE_KEY, "start_token"], suffixes=("", "_many"))
    assert len(both) == len(few)
    assert (both["token_ids"] == both["token_ids_many"]).all() and (both["seed"] == both["seed_many"]).all()


def test_the_scorer_of_a_search_reads_its_paths_once_and_another_reads_them_as_answers(
    tmp_path: Path, draw: Draw
) -> None:
    root = draw(tmp_path / "run")

    def scored(words: str) -> int:
        asked = compose_words([*words.split(), *SMALL[5:7]], root="score")
        done = score_run(root, build_scoring(asked).scorer, pools=("evaluation",))
        return done.num_scored + done.num_refused

    assert scored("scorer=step_verifier_125k engine.dtype=float32") == 0
    assert scored("scorer=step_verifier_33k engine.dtype=float32") == NUM_PROMPTS * WIDTH
    # The score of a path is the one that a scoring pass gives its answer.
    mine = frame(root, SEARCHES).set_index(list(SAMPLE_KEY))
    for shard in list_shards(root / SEARCHES.name):
        shard.unlink()
    (root / "manifest" / "countdown-33k.jsonl").unlink()
    assert scored("scorer=step_verifier_125k engine.dtype=float32") == NUM_PROMPTS * WIDTH
    scores = frame(root, SCORES)
    scores = scores[scores["scorer"] == "step-verifier-125k"]
    both = scores.merge(mine.reset_index(), on=list(SAMPLE_KEY), suffixes=("", "_searched"))
    assert len(both) == NUM_PROMPTS * WIDTH
    assert np.allclose(both["score"], both["score_searched"], equal_nan=True)


@pytest.mark.parametrize("kind", ["dvts", "beam"])
@pytest.mark.parametrize("lost", TABLES)
def test_part_of_a_search_is_set_aside_and_the_whole_drawn_again(
    tmp_path: Path, draw: Draw, kind: str, lost: Any
) -> None:
    root = draw(tmp_path / "run", kind)
    job = job_of(root, kind)
    # As a kill between two appends leaves it, or a shard that is gone.
    shards = list_shards(root / lost.name)
    rows = [store.scan(root, lost, shards=[shard]).to_pylist() for shard in shards]
    for shard in shards:
        shard.unlink()
    (root / "manifest" / "countdown-33k.jsonl").unlink()
    with store.lock(root, "countdown-33k"):
        store.append(root, lost, [row for part in rows for row in part][1:], writer="countdown-33k")
    repair(root)
    assert keys(root, SEARCHES) == keys(root, TRACES) == keys(root)
    num_left = len(keys(root))
    assert num_left in ((NUM_PROMPTS - 1) * WIDTH, NUM_PROMPTS * WIDTH - 1)
    assert kind == "dvts" or num_left % WIDTH == 0
    run_job(job)
    grade_run(root, [job.task])
    assert keys(root, SEARCHES) == keys(root, TRACES) == keys(root) == keys(root, GRADES)
    assert len(keys(root)) == NUM_PROMPTS * WIDTH


def draw_in_a_fork(root: Path, kind: str, *, kill_at: int | None, wait: float) -> bool:
    """Search in a process of its own, killed so long after so many more shards are there; whether it still ran."""

    job = job_of(root, kind, WIDTH, "+engine.seconds_a_request=0.002")

    def work() -> None:
        with open(os.devnull, "w") as silent:
            os.dup2(silent.fileno(), 1)
            os.dup2(silent.fileno(), 2)
            run_job(job)

    return forked.work_until_killed(
        work, kill_at=kill_at, wait=wait, count=lambda: len(list(root.glob("*/*.parquet")))
    )


@pytest.mark.parametrize("kind", ["dvts", pytest.param("beam", marks=pytest.mark.long)])
def test_a_search_killed_at_random_moments_loses_no_finished_row_and_doubles_none(
    tmp_path: Path, kind: str
) -> None:
    rng = np.random.default_rng(20262488)
    num_met, root, number = 0, tmp_path / "run0", 0
    for _ in range(KILLS // 2):
        before = keys(root) if root.exists() else set()
        was_at_work = draw_in_a_fork(root, kind, kill_at=int(rng.integers(2, 40)), wait=rng.uniform(0, 0.02))
        num_met += was_at_work and 0 < len(keys(root)) < NUM_PROMPTS * WIDTH
        # An answer is stored behind all else of its path, so that it tells.
        assert before <= keys(root) and keys(root) <= keys(root, SEARCHES) & keys(root, TRACES)
        if not was_at_work:
            assert_whole(root, NUM_PROMPTS * WIDTH)
            number += 1
            root = tmp_path / f"run{number}"
    assert num_met >= 3, "kills met searches at work"
    draw_in_a_fork(root, kind, kill_at=None, wait=0)
    assert keys(root, SEARCHES) == keys(root, TRACES) == keys(root)
    assert len(keys(root)) == NUM_PROMPTS * WIDTH


def test_searches_travel(tmp_path: Path, draw: Draw) -> None:
    root = draw(tmp_path / "run")
    run_job(job_of(root, "beam"))
    grade_run(root, [job_of(root).task])
    packed = tmp_path / "packed.tar"
    pack(root, packed)
    unpack(packed, tmp_path / "there")
    assert frame(tmp_path / "there", SEARCHES).equals(frame(root, SEARCHES))
    wider = tmp_path / "wider"
    run_job(job_of(wider, "dvts", WIDTH + 1))
    grade_run(wider, [job_of(wider).task])
    merged = merge(root, wider, tmp_path / "merged")
    assert len(keys(tmp_path / "merged", SEARCHES)) == NUM_PROMPTS * (2 * WIDTH + 1)
    assert any(line.startswith("searches: ") for line in merged.lines)
    assert inspect(tmp_path / "merged") == ([], [])


def test_a_plan_counts_dropped_steps_and_what_the_verifier_reads(
    tmp_path: Path, draw: Draw, capsys: pytest.CaptureFixture[str]
) -> None:
    job = job_of(tmp_path / "run")
    plan = forecast(prepare(job))
    # Of 32 tokens of thinking each is written in two ways, and the answer once.
    assert plan.max_tokens == NUM_PROMPTS * WIDTH * (2 * 32 + 32) and not plan.is_measured
    draw(job.run)
    spent = frame(job.run, SEARCHES)
    more = forecast(prepare(job_of(job.run, "dvts", 2 * WIDTH)))
    assert more.num_verifier_tokens == pytest.approx(spent["num_read_tokens"].sum(), rel=0.01)
    assert more.expected_tokens == pytest.approx(spent["num_written_tokens"].sum(), rel=0.25)
    assert plan.num_verifier_tokens > more.num_verifier_tokens
    show_plan([job_of(job.run, "dvts", 2 * WIDTH)])
    said = capsys.readouterr().out
    assert "countdown-33k dvts: step-verifier-125k reads" in " ".join(said.split())
    assert max(map(len, said.splitlines())) <= 120


def test_a_run_with_searches_is_gone_on_with_by_its_records(tmp_path: Path) -> None:
    root = tmp_path / "run"
    words = [*SMALL, "strategy=embedded_dvts", "strategy.width=2", *SEARCH, f"run={root}", "hydra.mode=RUN"]
    ended = forked.run("sweeps", *words)
    assert ended.code == 0, ended.out + ended.err
    target = SMALL[5]
    ended = forked.run("isoquant", "plan", str(root), "+task.size=2", target)
    assert ended.code == 0, ended.out + ended.err
    assert f"task.size={NUM_PROMPTS + 2}" in ended.out and "strategy=embedded_dvts" in ended.out
    [row] = [line.split() for line in ended.out.splitlines() if line.startswith("countdown-33k dvts ")]
    assert row[5] == "4"


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("strategy=embedded_dvts", True),
        ("strategy=/tmp/other", False),
        ("strategy.width=4", True),
        ("strategy.scorer=step_verifier_125k", True),
        ("strategy.scorer='process scorer.path=x'", False),
        ("strategy.scorer='step_verifier_125k engine._target_=os.system'", False),
        ("strategy._target_=os.system", False),
    ],
)
def test_only_plain_words_of_a_strategy_are_taken_from_a_record(word: str, plain: bool) -> None:
    assert is_plain(word) == plain


def test_a_search_that_cannot_run_is_refused_before_a_weight_is_loaded(tmp_path: Path) -> None:
    for words, told in (
        (["grid.budgets=[0]"], "thinking budget above 0"),
        (["grid.extensions=[0,1]"], "extends no thinking"),
        (["sampling.logprobs=true"], "sampling.logprobs"),
        (["strategy.scorer=mean_logprob"], "is a generator scorer"),
        (["strategy.scorer=verifier_125k"], "is a outcome scorer|is an outcome scorer"),
        (["strategy.aggregate=product"], "only chances"),
        (["strategy.step_token=ab"], "2 tokens"),
        (["strategy.scorer='step_verifier_125k scorer.reads_thinking=false'"], "reads no thinking"),
        (["strategy.scorer='step_verifier_125k scorer.tasks=[gsm8k]'"], "knows answers to gsm8k"),
    ):
        with pytest.raises(ValueError, match=told):
            prepare(job_of(tmp_path / "run", "dvts", WIDTH, *words))
    with pytest.raises(ValueError, match="no_such"):
        job_of(tmp_path / "run", "dvts", WIDTH, "strategy.scorer=no_such")


def test_a_sweep_without_a_strategy_has_the_identity_it_always_had(tmp_path: Path) -> None:
    job = build_job(
        compose(["experiment=embedded", "model=countdown-33k", "engine.dtype=float32", f"run={tmp_path}"])
    )
    stored = {row["model"]: row for row in store.scan(Path("results/reference"), MODELS).to_pylist()}
    prepared = prepare(job)
    assert prepared.identity == stored["countdown-33k"]["identity"]
    assert "strategy" not in json.loads(stored["countdown-33k"]["identity_parts"])
    assert prepare(dataclasses.replace(job)).identity == prepared.identity
