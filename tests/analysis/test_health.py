"""What a cell is made of, on rows written by hand, and on the committed run."""

from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.health import OUTCOMES, read_health
from results import store
from results.schema import ANSWERS, GRADES, MODELS, THROUGHPUT, TRACES

KEY = {"identity": "i", "prompt_id": "p", "pool": "evaluation"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four samples: one ends at 4 tokens, one at 10 in two segments, two are cut at 16, one of those at 8 ungraded."""
    traces = [
        KEY | {"sample": 0, "start_token": 0, "num_thinking_tokens": 4, "ended": True},
        KEY | {"sample": 1, "start_token": 0, "num_thinking_tokens": 8, "ended": False},
        KEY | {"sample": 1, "start_token": 8, "num_thinking_tokens": 2, "ended": True},
        KEY | {"sample": 2, "start_token": 0, "num_thinking_tokens": 16, "ended": False},
        KEY | {"sample": 3, "start_token": 0, "num_thinking_tokens": 16, "ended": False},
    ]
    budgets = {0: [None], 1: [None, 8], 2: [8, 16], 3: [8, 16]}
    outcomes = {(0, None): "correct", (1, None): "wrong", (1, 8): "unparsed", (2, 8): "truncated", (2, 16): "correct"}
    answers = [
        KEY | {"sample": s, "budget": b, "num_answer_tokens": 2, "forced": b is not None}
        for s in budgets
        for b in budgets[s]
    ]
    grades = [
        KEY | {"sample": s, "budget": b, "grader": "g", "grader_version": version, "outcome": outcome}
        for (s, b), latest in outcomes.items()
        for version, outcome in (("1", "wrong"), ("2", latest))
    ]
    bins = [KEY | {"pool": "bins", "sample": 0, "start_token": 0, "num_thinking_tokens": 9, "ended": True}]
    log = {"identity": "i", "job": "j", "elapsed_seconds": 3.0, "seconds": 3.0, "num_tokens": 60, "num_devices": 2}
    for table, rows in ((TRACES, traces + bins), (ANSWERS, answers), (GRADES, grades), (THROUGHPUT, [log])):
        store.append(tmp_path, table, rows, writer="m")
    return tmp_path


def test_cells_say_what_they_are_made_of(root: Path) -> None:
    at_8, at_16 = read_health(root, "i", [8, 16]).to_dict("records")
    # At 8: sample 0 answers by itself, the others are forced; sample 3 has no grade.
    assert (at_8["num_samples"], at_8["cut"], at_8["forced"], at_8["graded"]) == (4, 0.75, 0.75, 0.75)
    assert (at_8["correct"], at_8["unparsed"], at_8["truncated"], at_8["wrong"]) == (0.25, 0.25, 0.25, 0)
    assert at_8["thinking_tokens"] == (4 + 8 + 8 + 8) / 4
    assert (at_16["cut"], at_16["correct"], at_16["wrong"]) == (0.5, 0.5, 0.25)
    assert at_16["thinking_tokens"] == (4 + 10 + 16 + 16) / 4


def test_device_seconds_go_by_the_tokens_a_cell_would_write_alone(root: Path) -> None:
    (at_8,) = read_health(root, "i", [8]).to_dict("records")
    assert at_8["device_seconds_a_thousand"] == pytest.approx(1000 * (7 + 2) * 3.0 * 2 / 60)


def test_shares_of_the_committed_run_add_up() -> None:
    root = Path("results/reference")
    for identity in store.scan(root, MODELS)["identity"].to_pylist():
        health = read_health(root, identity, [0, 32, 256])
        assert (health["graded"] == 1).all() and (health["num_samples"] == 120 * 16).all()
        assert health[list(OUTCOMES)].sum(axis=1).to_list() == pytest.approx([1, 1, 1])
        assert health["cut"].is_monotonic_decreasing and health["cut"][0] == 1
        assert health["thinking_tokens"].is_monotonic_increasing


def test_the_command_prints_every_model_and_budget(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", "results/reference"]) == 0
    said = capsys.readouterr().out
    assert said.count("countdown-") == 4 and said.count("\n     256 ") == 4
    assert main(["health", "results/nothing"]) == 2
