"""What each budget is served by, on rows written by hand: cut, forced, and traces that are their own answers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.costs.cost_models import COST_MODELS, cell_cost, total_tokens
from analysis.reading import reading
from analysis.reading.choices import Choices
from analysis.report.explorer import Size, section
from analysis.runs import outcomes
from analysis.runs.health import read_health
from analysis.runs.samples import Samples, read
from results import store
from results.cuts import along_budgets
from results.schema import ANSWERS, CELLS, GRADES, MODELS, OUTCOMES, PROMPTS, TRACES
from tests.analysis.conftest import LADDER, _model_row, identity
from tests.report.conftest import data_of

PROMPT_TOKENS, CAP = 14, 64
BUDGETS = (0, 16, 64)
# Thinking tokens of four samples: two end by themselves, one of them late, and two are cut at the cap.
LENGTHS = (10, 40, CAP, CAP)
RUNG = LADDER[0]


def answer(sample: int, budget: int | None, *, thinking: int, closing: int, written: int, forced: bool) -> dict:
    return {
        "identity": identity(RUNG),
        "prompt_id": "p/0",
        "pool": "evaluation",
        "sample": sample,
        "budget": budget,
        "num_thinking_tokens": thinking,
        "num_answer_tokens": written,
        "num_prompt_tokens": PROMPT_TOKENS + thinking + closing,
        "forced": forced,
        "finish_reason": "stop",
        "text": "" if not written else "so 4",
    }


def graded(row: dict, outcome: str = "correct") -> dict:
    key = {name: row[name] for name in ("identity", "prompt_id", "pool", "sample", "budget")}
    is_right = outcome == "correct"
    grade = {"grader": "g", "grader_version": "1", "vote_key": "4", "correct": is_right, "outcome": outcome}
    return key | grade | {"score": float(is_right)}


def rows(*, own_answer: bool) -> tuple[list[dict], list[dict]]:
    """Traces and answers of plain chains of thought;
    those that end are their own answers, or an answer is forced.
    """
    traces, answers = [], []
    for sample, length in enumerate(LENGTHS):
        ended = length < CAP
        key = {"identity": identity(RUNG), "prompt_id": "p/0", "pool": "evaluation", "sample": sample}
        request = {"start_token": 0, "num_prompt_tokens": PROMPT_TOKENS, "num_thinking_tokens": length}
        traces.append(key | request | {"ended": ended, "text": "2 and 2 is 4"})
        for budget in (budget for budget in BUDGETS if budget < length or not ended):
            answers.append(answer(sample, budget, thinking=budget, closing=5, written=3, forced=True))
        if ended:
            own = {"closing": 0, "written": 0, "forced": False}
            led = {"closing": 5, "written": 3, "forced": True}
            answers.append(answer(sample, None, thinking=length, **(own if own_answer else led)))
    return traces, answers


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    def write(*, own_answer: bool = True, outcome: str = "correct") -> Path:
        traces, answers = rows(own_answer=own_answer)
        cell = {"identity": identity(RUNG), "pool": "evaluation", "num_samples": len(LENGTHS), "num_prompts": 1}
        tables = (
            (MODELS, [_model_row(RUNG)]),
            (CELLS, [cell | {"budget": budget} for budget in BUDGETS]),
            (PROMPTS, [{"task": "planted", "prompt_id": "p/0", "text": "2 + 2?", "dials": "{}"}]),
            (TRACES, traces),
            (ANSWERS, answers),
            (GRADES, [graded(row, outcome) for row in answers]),
        )
        for table, stored in tables:
            store.append(tmp_path, table, stored, writer="m")
        return tmp_path

    return write


def grid_of(root: Path) -> Samples:
    return read(
        root,
        identity=identity(RUNG),
        pool="evaluation",
        settings=along_budgets(BUDGETS),
        prompt_ids=pd.Index(["p/0"]),
        prompt_tokens=np.array([PROMPT_TOKENS]),
        grader=("g", "1"),
    )


def test_a_trace_that_is_its_own_answer_writes_and_reads_nothing_more(make: Callable[..., Path]):
    found = grid_of(make())
    assert found.present.all()
    at_cap = found.take(budgets=np.array([2]), prompts=np.array([0]), num_samples=4)
    assert at_cap.thinking_tokens.ravel().tolist() == list(LENGTHS)
    assert at_cap.closing_tokens.ravel().tolist() == [0, 0, 5, 5]
    assert at_cap.answer_tokens.ravel().tolist() == [0, 0, 3, 3]


def test_cut_is_still_thinking_and_forced_is_led_to_an_answer(make: Callable[..., Path]):
    found = grid_of(make(own_answer=False))
    assert found.cut[:, 0].tolist() == [[True] * 4, [False, True, True, True], [False, False, True, True]]
    assert found.forced.all()


def test_what_is_its_own_answer_is_neither_cut_nor_forced(make: Callable[..., Path]):
    found = grid_of(make())
    np.testing.assert_array_equal(found.cut, found.forced)
    assert found.cut.mean(axis=(1, 2)).tolist() == [1, 0.75, 0.5]


def test_a_trace_that_is_its_own_answer_costs_its_thinking_alone(make: Callable[..., Path]):
    arm = outcomes.load(make()).arms[0]
    assert arm.prompt_tokens.tolist() == [PROMPT_TOKENS]
    decoded = arm.decoded_tokens[-1, 0]
    assert decoded.tolist() == [10, 40, CAP + 8, CAP + 8]
    spent = total_tokens(prompt_tokens=arm.prompt_tokens, decoded_tokens=arm.decoded_tokens[-1], widths=[1])
    assert spent.ravel().tolist() == [PROMPT_TOKENS + decoded.mean()]
    cost = cell_cost(
        COST_MODELS["c1"],
        arm.rung.shape,
        prompt_tokens=arm.prompt_tokens,
        decoded_tokens=decoded[None, :2],
        widths=[1],
    )
    assert cost.ravel().tolist() == [2 * RUNG.num_params * (PROMPT_TOKENS + 25)]


def test_health_reads_a_trace_that_is_its_own_answer(make: Callable[..., Path]):
    at_16, at_64 = read_health(make(), identity(RUNG), [16, 64]).to_dict("records")
    assert (at_16["cut"], at_16["forced"], at_16["answer_tokens"]) == (0.75, 0.75, 3 * 3 / 4)
    assert (at_64["cut"], at_64["forced"], at_64["answer_tokens"]) == (0.5, 0.5, 3 * 2 / 4)
    assert at_64["thinking_tokens"] == (10 + 40 + 2 * CAP) / 4 and at_64["correct"] == 1


@pytest.mark.parametrize("own_answer", [True, False])
def test_the_explorer_says_that_a_trace_is_its_own_answer(make: Callable[..., Path], own_answer: bool):
    root = make(own_answer=own_answer)
    loaded = outcomes.load(root)
    page = section(root, reading.read(loaded, Choices()), size=Size(), room=10**6).body
    samples = data_of(page, "explorer-data")["prompts"][0]["samples"]
    natural = [row for sample in samples for row in sample["answers"] if row[0] is None]
    assert [row[3] for row in natural] == ([None, None] if own_answer else [["so 4"], ["so 4"]])


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_of_the_grader_is_read(make: Callable[..., Path], outcome: str):
    root = make(outcome=outcome)
    assert (grid_of(root).outcome == OUTCOMES.index(outcome)).all()
    health = read_health(root, identity(RUNG), [16])
    assert health[outcome].item() == 1 and health[list(OUTCOMES)].sum(axis=1).item() == 1


def test_refused_comes_last_so_that_stored_codes_stay():
    assert OUTCOMES[-1] == "refused" and OUTCOMES[:6] == (
        "correct",
        "wrong",
        "unparsed",
        "unanswered",
        "truncated",
        "timeout",
    )
