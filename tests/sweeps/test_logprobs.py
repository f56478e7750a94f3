"""Log-probabilities in a run: stored on request, whatever is drawn when, and scores made of them alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs.outcomes import load
from analysis.runs.verifiers import Scoring
from harness.certainty import lowest_mean
from harness.scorers.generator import Generator
from isoquant.__main__ import main
from results import store
from results.inspection import inspect
from results.schema import ANSWERS, CERTAINTY, MODELS, SAMPLE_KEY, SCORERS, SCORES, TRACES
from results.travel.packing import pack
from results.travel.union import merge
from results.travel.unpacking import unpack
from sweeps.compose import build_job, build_scoring
from sweeps.configs import compose, compose_words
from sweeps.grade import grade_run
from sweeps.job import run_job
from sweeps.prepare import prepare
from sweeps.score import Scored, measure, score_run
from tests.harness.scripted_engine import certainty_of

SMALL = [
    *("experiment=embedded", "model=countdown-33k", "task.size=5", "grid.widths=[1,3]", "grid.budgets=[0,8,32]"),
    *("grid.anchor=countdown-33k", "grid.bin_samples=2", "probe=false", "scorers=[]"),
    *("engine._target_=tests.scripted_settings.Scripted", "engine.max_num_seqs=8", "engine.dtype=float32"),
]
ASKED = "sampling.logprobs=true"
EVALUATION = ("evaluation",)


def draw(root: Path, *words: str) -> Path:
    run_job(build_job(compose([*SMALL, f"run={root}", *words])))
    return root


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was drawn without; no test changes it."""
    return draw(tmp_path_factory.mktemp("runs") / "plain")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run drawn with them."""
    return draw(tmp_path_factory.mktemp("runs") / "asked", ASKED)


@pytest.fixture(scope="module")
def deepened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was drawn deeper later, which continues its traces."""
    root = draw(tmp_path_factory.mktemp("runs") / "deepened", ASKED, "grid.budgets=[0,8]")
    return draw(root, ASKED)


def copied(run: Path, root: Path) -> Path:
    """The run to change."""
    return Path(shutil.copytree(run, root))


def rows(root: Path, table: Any) -> list[dict[str, Any]]:
    return store.scan(root, table).to_pylist()


def sample_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in SAMPLE_KEY)


def thoughts(root: Path) -> dict[tuple[Any, ...], list[int]]:
    """By sample the tokens of its trace."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in sorted(rows(root, TRACES), key=lambda row: row["start_token"]):
        found[sample_of(row)] = found.get(sample_of(row), []) + row["token_ids"]
    return found


def test_they_are_stored_for_every_token_where_the_sweep_asks_and_for_none_else(plain: Path, asked: Path) -> None:
    assert all(
        row[name] is None for table in (TRACES, ANSWERS) for row in rows(plain, table) for name in CERTAINTY
    )
    for row in rows(asked, TRACES):
        certainty = certainty_of(tuple(row["token_ids"]))
        assert (row["logprobs"], row["confidences"]) == (list(certainty.logprobs), list(certainty.confidences))
    for row in rows(asked, ANSWERS):
        assert len(row["logprobs"]) == len(row["confidences"]) == row["num_answer_tokens"] > 0
    assert inspect(asked) == ([], [])


def test_asking_changes_no_token_and_not_what_rows_are_stored_under(plain: Path, asked: Path) -> None:
    leave = {*CERTAINTY, "seconds"}
    for table in (TRACES, ANSWERS):
        both = (
            sorted(json.dumps({k: v for k, v in row.items() if k not in leave}) for row in rows(root, table))
            for root in (plain, asked)
        )
        assert next(both) == next(both)
    assert rows(plain, MODELS)[0]["identity"] == rows(asked, MODELS)[0]["identity"]
    assert not prepare(build_job(compose([*SMALL, f"run={plain}", ASKED]))).num_pending


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"over": "trace"},
        {"over": "answer"},
        {"measure": "confidence", "over": "trace", "window": 4},
        {"window": 4},
        {"measure": "confidence", "window": 2048},
    ],
)
def test_a_score_is_of_the_thinking_up_to_the_cut_and_of_the_answer(
    tmp_path: Path, deepened: Path, settings: dict[str, Any]
) -> None:
    root = copied(deepened, tmp_path / "run")
    scorer = Generator("own", **settings)
    done = score_run(root, scorer, pools=EVALUATION)
    lengths = [row["num_thinking_tokens"] for row in rows(root, ANSWERS) if row["pool"] == "evaluation"]
    num_empty = lengths.count(0) if scorer.over == "trace" else 0
    refusal = "the model wrote no token of it" if num_empty else None
    assert done == Scored(len(lengths) - num_empty, num_empty, 0, 0, 0, refusal)
    tokens, answers = (
        thoughts(root),
        {tuple(row[name] for name in ANSWERS.key): row for row in rows(root, ANSWERS)},
    )
    assert len({len(each) for each in tokens.values()}) > 1
    for row in rows(root, SCORES):
        answer = answers[tuple(row[name] for name in ANSWERS.key)]
        trace = certainty_of(tuple(tokens[sample_of(row)][: answer["num_thinking_tokens"]]))
        parts = {"trace": [trace], "answer": []}.get(scorer.over, [trace])
        at = 0 if scorer.measure == "logprob" else 1
        values = [value for part in parts for value in part[at]]
        values += answer[CERTAINTY[at]] if scorer.over != "trace" else []
        assert row["score"] == (pytest.approx(lowest_mean(values, scorer.window)) if values else None)
        assert (row["refusal"] is None) == bool(values)
        assert row["num_read_tokens"] == row["num_written_tokens"] == row["verdict"] == 0


def test_what_was_drawn_without_is_refused_and_what_comes_later_is_scored(tmp_path: Path) -> None:
    root = draw(tmp_path / "run", "grid.widths=[1]")
    with pytest.raises(ValueError, match=r"holds no log-probabilities\. A sweep with sampling\.logprobs=true"):
        measure(root, Generator("own"), pools=EVALUATION)
    draw(root, ASKED)
    score_run(root, Generator("own"), pools=EVALUATION)
    for row in rows(root, SCORES):
        assert (row["score"] is None) == (row["sample"] == 0)
        assert row["sample"] or row["refusal"] == "no log-probabilities are stored with it"
    assert {row["sample"] for row in rows(root, SCORES)} == {0, 1, 2}


def test_a_trace_of_which_only_the_beginning_is_known_scores_the_answers_within(tmp_path: Path) -> None:
    root = draw(tmp_path / "run", ASKED, "grid.budgets=[0,8]")
    draw(root)
    score_run(root, Generator("own", over="trace"), pools=EVALUATION)
    lengths = {tuple(row[n] for n in ANSWERS.key): row["num_thinking_tokens"] for row in rows(root, ANSWERS)}
    deep = [row for row in rows(root, SCORES) if lengths[tuple(row[n] for n in ANSWERS.key)] > 8]
    within = [row for row in rows(root, SCORES) if 0 < lengths[tuple(row[n] for n in ANSWERS.key)] <= 8]
    assert deep and all(row["refusal"] == "no log-probabilities are stored with it" for row in deep)
    assert within and all(row["score"] is not None for row in within)


def test_a_second_pass_scores_nothing_and_no_pass_starts_an_engine(
    tmp_path: Path, asked: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = copied(asked, tmp_path / "run")
    capfd.readouterr()
    words = ["score", str(root), "scorer=mean_logprob"]
    assert main([*words, "--plan"]) == 0
    num_answers = sum(row["pool"] == "evaluation" for row in rows(root, ANSWERS))
    assert f"mean_logprob would read {num_answers} answers" in capfd.readouterr().out
    assert main(words) == 0
    shown = capfd.readouterr()
    assert "answers scored and 0 refused by mean_logprob" in shown.out and "engine starts" not in shown.err
    assert main(words) == 0 and "0 answers scored and 0 refused by" in capfd.readouterr().out
    assert main([*words, "scorer.over=trace"]) == 0
    assert "refused (the model wrote no token of it) by mean_logprob" in capfd.readouterr().out
    scorer = build_scoring(compose_words(words[2:], root="score")).scorer
    row = rows(root, SCORERS)[0]
    assert (row["kind"], row["path"], row["num_params"]) == ("generator", None, None)
    assert measure(root, scorer, pools=EVALUATION).num_scores == 0


def test_rows_with_and_without_travel_together(tmp_path: Path) -> None:
    one, other = draw(tmp_path / "one", ASKED, "grid.widths=[2]"), draw(tmp_path / "other", "grid.widths=[3]")
    score_run(one, Generator("own"), pools=EVALUATION)
    both = merge(one, other, tmp_path / "both").root
    pack(both, tmp_path / "both.tar")
    back = unpack(tmp_path / "both.tar", tmp_path / "back").root
    known = [sum(row["logprobs"] is not None for row in rows(root, ANSWERS)) for root in (one, both, back)]
    assert 0 < known[0] == known[1] == known[2] and len(rows(back, SCORES)) == len(rows(one, SCORES))
    assert inspect(back) == ([], [])


def test_the_scores_choose_among_samples_and_cost_nothing(
    tmp_path: Path, asked: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = copied(asked, tmp_path / "run")
    grade_run(root, [build_job(compose([*SMALL, f"run={root}", ASKED])).task])
    score_run(root, Generator("own"), pools=EVALUATION)
    capfd.readouterr()
    assert main(["verifier", str(root)]) == 0
    assert "own (generator" in capfd.readouterr().out
    outcomes = load(root, scoring=Scoring("own"))
    (arm,) = outcomes.arms
    assert arm.verifier is not None and arm.verifier.is_free and arm.samples.scores is not None
    assert arm.samples.scores.is_whole and not arm.samples.scores.read_tokens.any()
    chosen, covered = (read(outcomes, Choices(), rule=rule) for rule in ("best_of_n", "pass_at_k"))
    path = chosen.path(0, "width")
    assert (chosen.curve(0, path).cost == covered.curve(0, path).cost).all()
