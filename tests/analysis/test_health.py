"""What a cell is made of, on rows written by hand, and on the committed run."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.runs.health import OUTCOMES, read_health
from analysis.text.health import left_out
from isoquant.__main__ import main
from results import store
from results.schema import ANSWERS, CELLS, GRADES, MODELS, THROUGHPUT, TRACES

KEY = {"identity": "i", "prompt_id": "p", "pool": "evaluation"}

NUM_PROMPTS, NUM_SAMPLES = 20, 8
# Tokens at which each sample of each prompt ends by itself; those of the first prompts end early, all of them.
LENGTHS = np.random.default_rng(0).geometric(
    np.geomspace(0.5, 0.02, NUM_PROMPTS)[:, None], (NUM_PROMPTS, NUM_SAMPLES)
)

Drawn = Callable[[int, int], Collection[int]]

NUM_PROMPTS, NUM_SAMPLES = 20, 8
# Tokens at which each sample of each prompt ends by itself; those of the first prompts end early, all of them.
LENGTHS = np.random.default_rng(0).geometric(
    np.geomspace(0.5, 0.02, NUM_PROMPTS)[:, None], (NUM_PROMPTS, NUM_SAMPLES)
)

Drawn = Callable[[int, int], Collection[int]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four samples: one ends at 4 tokens, one at 10 in two segments,
    two are cut at 16, one of those at 8 ungraded.
    """
    traces = [
        KEY | {"sample": 0, "start_token": 0, "num_thinking_tokens": 4, "ended": True},
        KEY | {"sample": 1, "start_token": 0, "num_thinking_tokens": 8, "ended": False},
        KEY | {"sample": 1, "start_token": 8, "num_thinking_tokens": 2, "ended": True},
        KEY | {"sample": 2, "start_token": 0, "num_thinking_tokens": 16, "ended": False},
        KEY | {"sample": 3, "start_token": 0, "num_thinking_tokens": 16, "ended": False},
    ]
    budgets = {0: [None], 1: [None, 8], 2: [8, 16], 3: [8, 16]}
    outcomes = {
        (0, None): "correct",
        (1, None): "wrong",
        (1, 8): "unparsed",
        (2, 8): "truncated",
        (2, 16): "correct",
    }
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
    cells = [
        {"identity": "i", "pool": "evaluation", "budget": b, "num_samples": 4, "num_prompts": 1} for b in (8, 16)
    ]
    cells = [
        {"identity": "i", "pool": "evaluation", "budget": b, "num_samples": 4, "num_prompts": 1} for b in (8, 16)
    ]
    log = {"identity": "i", "job": "j", "elapsed_seconds": 3.0, "seconds": 3.0, "num_tokens": 60, "num_devices": 2}
    tables = (CELLS, cells), (TRACES, traces + bins), (ANSWERS, answers), (GRADES, grades), (THROUGHPUT, [log])
    for table, rows in tables:
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
    assert said.count("countdown-") == 4 and said.count("\n   256 ") == 4
    assert main(["health", "results/nothing"]) == 2


def plant(root: Path, declared: Mapping[int, Collection[tuple[int, int]]], drawn: Drawn) -> pd.DataFrame:
    """A run of these cells, {budget: (samples, prompts)}, whose samples have got to these budgets; its health."""
    cells = [
        {"identity": "i", "pool": "evaluation", "budget": budget, "num_samples": samples, "num_prompts": prompts}
        for budget, sizes in declared.items()
        for samples, prompts in sizes
    ]
    traces, answers = [], []
    for (prompt, sample), length in np.ndenumerate(LENGTHS):
        if not (budgets := drawn(prompt, sample)):
            continue
        key = KEY | {"prompt_id": f"p/{prompt:05d}", "sample": sample}
        ended = bool(length <= max(budgets))
        thinking = {"start_token": 0, "num_thinking_tokens": int(min(length, max(budgets))), "ended": ended}
        served = {None if length <= budget else budget for budget in budgets}
        traces.append(key | thinking)
        answers += [key | {"budget": b, "num_answer_tokens": 2, "forced": b is not None} for b in served]
    for table, rows in ((CELLS, cells), (TRACES, traces), (ANSWERS, answers)):
        store.append(root, table, rows, writer="m")
    return read_health(root, "i", [0, 8, 16, 32]).set_index("budget")


def assert_is_made_of(cell: pd.Series, lengths: np.ndarray, budget: int) -> None:
    assert (cell["num_samples"], cell["num_left_out"] >= 0) == (lengths.size, True)
    assert cell["cut"] == cell["forced"] == pytest.approx((lengths > budget).mean())
    assert cell["thinking_tokens"] == pytest.approx(np.minimum(lengths, budget).mean())


def test_a_cell_declared_narrower_holds_its_own_samples_alone(tmp_path: Path) -> None:
    declared = {0: [(8, 20)], 8: [(8, 20)], 32: [(2, 20)]}
    health = plant(tmp_path, declared, lambda prompt, sample: (0, 8, 32) if sample < 2 else (0, 8))
    assert list(health.index) == [0, 8, 32]
    for budget, num_samples in ((0, 8), (8, 8), (32, 2)):
        assert_is_made_of(health.loc[budget], LENGTHS[:, :num_samples], budget)
    assert not health["num_left_out"].any() and not left_out(health.reset_index())


def test_a_cell_declared_of_fewer_prompts_holds_the_first_alone(tmp_path: Path) -> None:
    declared = {8: [(8, 20)], 32: [(8, 5), (2, 12)]}
    health = plant(
        tmp_path, declared, lambda p, sample: (8, 32) if sample < 8 * (p < 5) or sample < 2 * (p < 12) else (8,)
    )
    assert_is_made_of(health.loc[32], np.concatenate([LENGTHS[:5].ravel(), LENGTHS[5:12, :2].ravel()]), 32)
    assert health.loc[32, "num_left_out"] == 0


def test_prompts_that_a_deeper_sweep_has_not_finished_are_left_out_and_counted(tmp_path: Path) -> None:
    declared = {0: [(8, 20)], 8: [(8, 20)], 32: [(8, 20)]}
    health = plant(
        tmp_path, declared, lambda prompt, sample: (0, 8) if (prompt, sample) == (19, 3) else (0, 8, 32)
    )
    assert LENGTHS[19, 3] > 8
    assert_is_made_of(health.loc[32], LENGTHS[:19], 32)
    assert_is_made_of(health.loc[8], LENGTHS, 8)
    [line] = left_out(health.reset_index())
    assert line.startswith("Left out at 32: 8 of 160 samples") and line.endswith("missing samples.")


def test_cells_of_more_prompts_than_can_be_are_read_by_those_that_are_there(tmp_path: Path) -> None:
    cells = plant(tmp_path, {8: [(4, NUM_PROMPTS), (2, 2**31 - 1)]}, lambda _, sample: (8,) if sample < 4 else ())
    [cell] = cells.itertuples()
    num_asked = 4 * NUM_PROMPTS + 2 * (2**31 - 1 - NUM_PROMPTS)
    assert (cell.num_samples, cell.num_left_out) == (4 * NUM_PROMPTS, num_asked - 4 * NUM_PROMPTS)


def test_a_deeper_sweep_that_has_only_begun_tells_no_shares(tmp_path: Path) -> None:
    health = plant(tmp_path, {8: [(8, 20)], 32: [(8, 20)]}, lambda prompt, _: (8, 32) if prompt < 6 else (8,))
    # Beside the six that were drawn on, any prompt whose samples all ended by 8 would count.
    num_samples = 8 * sum(prompt < 6 or (lengths <= 8).all() for prompt, lengths in enumerate(LENGTHS))
    assert health.loc[32, "num_samples"] == num_samples and num_samples < 8 * 18
    assert health.loc[32, ["cut", "forced", "graded", *OUTCOMES, "thinking_tokens", "answer_tokens"]].isna().all()
    [line] = left_out(health.reset_index())
    assert line.endswith("too few prompts are left to compute shares.")
    assert_is_made_of(health.loc[8], LENGTHS, 8)


def test_a_wider_sweep_that_is_not_finished_leaves_the_narrower_cell_whole(tmp_path: Path) -> None:
    declared = {0: [(4, 20), (8, 20)], 8: [(4, 20), (8, 20)]}
    health = plant(tmp_path, declared, lambda p, sample: (0, 8) if sample < (8, 6, 4)[min(p // 5, 2)] else ())
    assert_is_made_of(health.loc[8], np.concatenate([LENGTHS[:5].ravel(), LENGTHS[5:, :4].ravel()]), 8)
    assert health.loc[8, "num_left_out"] == 15 * 4
