"""Scores that a verifier gave come in with their outcomes, beside grades and never in their place."""

import json
from pathlib import Path

import pytest

from results import schema, store
from tests.door import ingest as main

MAP = ["--map", "model=m", "prompt=p", "correct=c", "answer=a", "verifier=r"]


def ingest(folder: Path, content: str, *options: str, name: str = "t.csv") -> int:
    (folder / name).write_text(content)
    return main([str(folder / name), str(folder / "run"), *(options or MAP)])


def scores(folder: Path) -> list[tuple[str, int, float | None, list[float] | None]]:
    rows = store.scan(folder / "run", schema.SCORES).to_pylist()
    return [(row["prompt_id"], row["sample"], row["score"], row["step_scores"]) for row in rows]


def identities(folder: Path) -> list[str]:
    return sorted(store.scan(folder / "run", schema.MODELS, columns=["identity"])["identity"].to_pylist())


@pytest.mark.parametrize("score", ["-3.5", "0", "1e-12", "12345.678", "-0.0", "1E3"])
def test_any_finite_number_is_a_raw_score(tmp_path: Path, score: str):
    assert ingest(tmp_path, f"m,p,c,a,r\nm,p,1,x,{score}\n") == 0
    assert scores(tmp_path) == [("outside/p", 0, float(score), None)]
    (row,) = store.scan(tmp_path / "run", schema.SCORERS).to_pylist()
    assert (row["scorer"], row["kind"], row["num_params"]) == ("r", "outside", None)
    (scored,) = store.scan(tmp_path / "run", schema.SCORES).to_pylist()
    assert scored["num_read_tokens"] is None and scored["verdict"] == 0 and scored["budget"] is None


def test_an_empty_score_is_missing_and_its_answer_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert ingest(tmp_path, "m,p,c,a,r\nm,p,1,x,0.5\nm,p,0,y,\nm,p,0,y,nan\n") == 0
    assert "Scores of r: 1 of 3 samples have one." in capsys.readouterr().out
    assert scores(tmp_path) == [("outside/p", 0, 0.5, None)]
    assert len(store.scan(tmp_path / "run", schema.ANSWERS)) == 3


@pytest.mark.parametrize("score", ["good", "inf", "-Infinity", "0.5.1", "{}", "true"])
def test_a_score_that_is_no_finite_number_is_refused_with_the_way_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], score: str
):
    assert ingest(tmp_path, f"m,p,c,a,r\nm,p,1,x,{score}\n") == 2
    error = capsys.readouterr().err
    assert "is not a finite number, under verifier; leave the cell empty" in error and error.count("\n") == 1


def test_one_odd_score_skips_its_row_and_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert ingest(tmp_path, "m,p,c,a,r\nm,p,1,x,1\nm,p,0,y,bad\nm,q,0,y,2\n") == 0
    assert "Skipped 1: 'bad' is not a finite number" in capsys.readouterr().out
    assert [score for _, _, score, _ in scores(tmp_path)] == [1, 2]


def test_steps_are_lists_a_sample_also_of_one_sample_and_without_a_score_of_the_whole(tmp_path: Path):
    several = {"p": "a", "c": [1, 0], "a": ["x", "y"], "s": [[0.5, 0.25], [1.0]]}
    one = {"p": "b", "c": [1], "a": ["x"], "s": [[0.5, 0.75]]}
    plain = {"p": "c", "c": 1, "a": "x", "s": [0.5, 0.25, 0.125]}
    written = {"p": "d", "c": 1, "a": "x", "s": "[0.5, 0.25]"}
    options = ("--model", "m", "--map", "prompt=p", "correct=c", "answer=a", "step_scores=s")
    lines = "\n".join(map(json.dumps, (several, one, plain, written)))
    assert ingest(tmp_path, lines, *options, name="t.jsonl") == 0
    assert [(prompt[-1], steps) for prompt, _, _, steps in scores(tmp_path)] == [
        *[("a", [0.5, 0.25]), ("a", [1.0]), ("b", [0.5, 0.75])],
        *[("c", [0.5, 0.25, 0.125]), ("d", [0.5, 0.25])],
    ]
    assert {score for _, _, score, _ in scores(tmp_path)} == {None}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("0.5", "'0.5' is not a list, under step_scores"),
        ("[0.5, bad]", "is not a list, under step_scores"),
        ('[0.5, "bad"]', "'bad' is not a finite number, under step_scores"),
        ("[0.5, null]", "a step has no score, under step_scores"),
    ],
)
def test_steps_that_are_none_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: str, said: str
):
    line = json.dumps({"p": "a", "c": 1, "a": "x", "s": steps})
    options = ("--model", "m", "--map", "prompt=p", "correct=c", "answer=a", "step_scores=s")
    assert ingest(tmp_path, line, *options, name="t.jsonl") == 2
    assert said in capsys.readouterr().err


def test_lists_of_scores_belong_to_their_samples(tmp_path: Path):
    line = json.dumps({"p": "a", "c": [1, 0, 1], "a": ["x", "y", "x"], "r": [[0.5], [-1], [2]]})
    options = ("--model", "m", "--map", "prompt=p", "correct=c", "answer=a", "verifier=r")
    assert ingest(tmp_path, line, *options, name="t.jsonl") == 0
    assert [score for _, _, score, _ in scores(tmp_path)] == [0.5, -1, 2]


def test_scores_do_not_change_who_a_model_is_and_a_second_scorer_comes_beside_the_first(tmp_path: Path):
    content = "m,p,c,a,r,o\nm,p,1,x,0.5,7\nm,p,0,y,0.25,8\n"
    assert ingest(tmp_path, content, "--map", "model=m", "prompt=p", "correct=c", "answer=a") == 0
    before = identities(tmp_path)
    for column, name in (("r", "first"), ("o", "second"), ("r", "first")):
        options = ("--map", "model=m", "prompt=p", "correct=c", "answer=a", f"verifier={column}", "--scorer", name)
        assert ingest(tmp_path, content, *options) == 0
    assert identities(tmp_path) == before
    rows = store.scan(tmp_path / "run", schema.SCORES).to_pandas()
    assert rows.groupby("scorer", observed=True)["score"].apply(list).to_dict() == {
        "first": [0.5, 0.25],
        "second": [7, 8],
    }
    assert len(store.scan(tmp_path / "run", schema.ANSWERS)) == 2


def test_samples_without_answers_stay_samples_where_they_are_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    content, options = "m,p,c,r\nm,p,1,0.5\nm,p,0,0.25\n", ("--map", "model=m", "prompt=p", "correct=c")
    assert ingest(tmp_path, content, *options, "verifier=r") == 0
    assert len(store.scan(tmp_path / "run", schema.ANSWERS)) == 2
    assert not len(store.scan(tmp_path / "run", schema.COUNTS))
    assert ingest(tmp_path, content, *options) == 2
    assert "already holds other outcomes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([*MAP, "--counts"], "Counts keep no scores of a verifier; leave out --counts"),
        ([*MAP[:-1], "--scorer", "rm"], "--scorer names what gave scores; map them"),
        (
            ["--map", "model=m", "prompt=p", "num_samples=c", "num_correct=c", "verifier=r"],
            "Counts have no single",
        ),
    ],
)
def test_what_cannot_hold_scores_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
):
    assert ingest(tmp_path, "m,p,c,a,r\nm,p,1,x,0.5\n", *options) == 2
    assert said in capsys.readouterr().err


def test_two_samples_of_one_number_with_different_scores_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    content = "m,p,c,a,r,n\nm,p,1,x,0.5,0\nm,p,1,x,0.25,0\n"
    assert ingest(tmp_path, content, *MAP, "sample=n") == 2
    assert "two different samples with number 0" in capsys.readouterr().err
