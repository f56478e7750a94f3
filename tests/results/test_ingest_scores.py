"""What a score says of an answer, on which scale, and what is told where it is neither right nor wrong."""

from pathlib import Path

import pytest

from results import schema, store
from results.ingest.sizes import LEAST_PARAMS, LEAST_TOKENS, parse_size
from tests.door import ingest as main

MAP = ["--map", "model=m", "prompt=p", "correct=s"]


def ingest(folder: Path, content: str, *options: str) -> int:
    (folder / "t.csv").write_text(content)
    return main([str(folder / "t.csv"), str(folder / "run"), *MAP, *options])


def counts(folder: Path) -> list[tuple[int, int]]:
    found = store.scan(folder / "run", schema.COUNTS).to_pylist()
    return [(row["num_correct"], row["num_samples"]) for row in found]


@pytest.mark.parametrize("scores", [(80, 75), (97.5, 0), (1, 2), (100, 100), (-1, 1), (0.5, 1.5)])
def test_scores_beyond_0_to_1_are_refused_with_the_way_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scores: tuple[float, float]
):
    content = "m,p,s\n" + "".join(f"m,p{at},{score}\n" for at, score in enumerate(scores))
    assert ingest(tmp_path, content) == 2
    error = capsys.readouterr().err
    assert "scores must be from 0 to 1. Give --scale 100 for percent" in error and len(error) < 300


@pytest.mark.parametrize(
    ("content", "options", "right"),
    [
        ("m,p,s\nm,p,100\nm,q,0\n", ["--scale", "100"], [(1, 1), (0, 1)]),
        ("m,p,s\nm,p,4\nm,q,3\n", ["--correct-at", "4"], [(1, 1), (0, 1)]),
        ("m,p,s\nm,p,-1\nm,q,1\n", ["--correct-at", "1"], [(0, 1), (1, 1)]),
        ("m,p,s\nm,p,True\nm,q,False\n", [], [(1, 1), (0, 1)]),
        ("m,p,s\nm,p,correct\nm,q,incorrect\n", [], [(1, 1), (0, 1)]),
        ("m,p,s\nm,p,1.0\nm,q,0.0\n", [], [(1, 1), (0, 1)]),
        ("m,p,s\nm,p,100%\nm,q,0%\n", [], [(1, 1), (0, 1)]),
    ],
)
def test_a_scale_that_is_told_is_read(
    tmp_path: Path, content: str, options: list[str], right: list[tuple[int, int]]
):
    assert ingest(tmp_path, content, *options) == 0
    assert counts(tmp_path) == right


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ("1 1 0 0", None),
        ("1 0.5 0 0", "1 of 4 scores are neither 0 nor 1; the mean of all is 0.375"),
        ("0.8 0.8 0.8 0.8", "4 of 4 scores are neither 0 nor 1; the mean of all is 0.8"),
        ("0.99 1 1 1", "1 of 4 scores are neither 0 nor 1; the mean of all is 0.9975"),
        ("0.1 0.2 0.3 0.4", "4 of 4 scores are neither 0 nor 1; the mean of all is 0.25"),
    ],
)
def test_how_many_scores_are_neither_right_nor_wrong_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scores: str, said: str | None
):
    content = "m,p,s\n" + "".join(f"m,p{at},{score}\n" for at, score in enumerate(scores.split()))
    assert ingest(tmp_path, content) == 0
    printed = capsys.readouterr().out
    assert (said in printed) if said else ("neither 0 nor 1" not in printed)


def test_a_share_of_a_number_of_samples_is_a_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content = "m,p,s,n\nm,p,0.625,8\nm,q,0.3333333,3\nm,r,1,16\n"
    assert ingest(tmp_path, content, "num_samples=n") == 0
    assert counts(tmp_path) == [(5, 8), (1, 3), (16, 16)]
    assert ingest(tmp_path, "m,p,s,n\nm,p,0.4,8\nm,q,0.7,3\n", "num_samples=n") == 2
    assert "row 1 of t.csv: 3.2 correct of 8 samples is not possible" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "size"),
    [("7e9", 7e9), ("7B", 7e9), ("0.5b", 5e8), ("70M", 7e7), ("1.1t", 1.1e12), ("32000", 32000), ("14k", 14e3)],
)
def test_sizes_are_read_as_people_write_them(written: str, size: float):
    assert parse_size(written, least=LEAST_PARAMS) == pytest.approx(size)


@pytest.mark.parametrize("written", ["0.5", "7", "405", "-7e9", "nan", "inf", "8x7B", "", "B", "big"])
def test_a_size_that_may_be_in_billions_is_refused(written: str):
    with pytest.raises(ValueError, match="write 7e9 or 7B"):
        parse_size(written, least=LEAST_PARAMS)
    with pytest.raises(ValueError, match="write 7e9 or 7B"):
        parse_size(written, least=LEAST_TOKENS)


@pytest.mark.parametrize(
    ("size", "noun", "read"),
    [
        ("0.5", "billion_params", 500_000_000),
        ("7", "billion_params", 7_000_000_000),
        ("7B", "num_params", 7_000_000_000),
        ("7e9", "num_params", 7_000_000_000),
        ("7", "num_params", None),
    ],
)
def test_sizes_of_a_table_are_read_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: str, noun: str, read: int | None
):
    status = ingest(tmp_path, f"m,p,s,size\nm,p,1,{size}\nm,q,0,{size}\n", f"{noun}=size")
    if read is None:
        assert status == 2 and "num_params: '7' is not a size; write 7e9 or 7B" in capsys.readouterr().err
    else:
        assert status == 0 and store.scan(tmp_path / "run", schema.MODELS)["num_params"].to_pylist() == [read]


@pytest.mark.parametrize(
    ("rows", "num_kept", "num_dropped"),
    [
        ("p,0,1,4 p,0,1,4", 1, 1),
        ("p,0,1,4 p,1,1,4", 2, 0),
        ("p,0,1,4 q,0,1,4 p,0,1,4 q,0,1,4", 2, 2),
        ("p,007,1,4 p,7,1,4", 2, 0),
        ("p,a,1,4 p,a,1,4 p,b,1,4", 2, 1),
    ],
)
@pytest.mark.parametrize("answers", [True, False])
def test_the_same_sample_twice_is_dropped_and_counted(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rows: str,
    num_kept: int,
    num_dropped: int,
    answers: bool,
):
    content = "m,p,i,s,a\n" + "".join(f"m,{row}\n" for row in rows.split())
    assert ingest(tmp_path, content, "sample=i", *(["answer=a"] if answers else [])) == 0
    printed = capsys.readouterr().out
    assert f"m on outside: {num_kept} samples" in printed
    assert (f"Dropped {num_dropped}: it is the same sample again." in printed) == bool(num_dropped)


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("other", ["p,0,0,4", "p,0,0,5"])
def test_two_samples_of_one_number_that_differ_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answers: bool, other: str
):
    content = f"m,p,i,s,a\nm,p,0,1,4\nm,{other}\nm,q,0,1,4\n"
    assert ingest(tmp_path, content, "sample=i", *(["answer=a"] if answers else [])) == 2
    assert "m has two different samples with number 0 on p" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("texts", "alike"), [("a a", 1), ("a b", 0), ("a a a", 2), ("a b a b", 2), ("long long other", 1)]
)
def test_rows_that_may_stand_twice_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], texts: str, alike: int
):
    content = "m,p,s,t\n" + "".join(f"m,p,1,{text}\n" for text in texts.split())
    assert ingest(tmp_path, content, "text=t") == 0
    told = f"{alike} samples have the same text as another sample, and each is counted"
    assert (told in capsys.readouterr().out) == bool(alike)


def test_answers_that_are_whole_completions_do_not_vote(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = [f"{'So we add the numbers and look at what is left to do. ' * 3} {at}" for at in range(6)]
    whole = "m,p,s,a\n" + "".join(f"m,p{at % 2},1,{text}\n" for at, text in enumerate(said))
    assert ingest(tmp_path, whole, "answer=a") == 0
    printed = capsys.readouterr().out
    assert "3 samples" not in printed and "6 samples of 2 prompts as counts: pass@k, no votes" in printed
    assert "Answers of m on outside are whole completions" in printed
    for number, content in enumerate(
        [whole.replace(said[2], said[0]).replace(said[4], said[0]), "m,p,s,a\nm,p,1,4\n"]
    ):
        (tmp_path / str(number)).mkdir()
        assert ingest(tmp_path / str(number), content, "answer=a") == 0
        assert "whole completions" not in capsys.readouterr().out
