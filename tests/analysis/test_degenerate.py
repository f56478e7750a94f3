"""Traces that hold nothing, or go round to the cap, on rows written by hand."""

from pathlib import Path

import numpy as np
import pytest

from analysis.runs import degenerate
from analysis.text.health import traces
from isoquant.__main__ import main
from results import store
from results.schema import TRACES

KEY = {"identity": "i", "pool": "evaluation"}
RNG = np.random.default_rng(0)


def segment(
    sample: int, tokens: list[int] | None, *, ended: bool, text: str | None = "words", start: int = 0
) -> dict:
    return KEY | {
        "prompt_id": f"p/{sample // 10}",
        "sample": sample % 10,
        "start_token": start,
        "num_thinking_tokens": len(tokens or []),
        "ended": ended,
        "text": text,
        "token_ids": tokens,
    }


def read(root: Path, rows: list[dict]) -> degenerate.Traces:
    for at, row in enumerate(rows):
        store.append(root, TRACES, [row], writer=f"m{at % 2}")
    return degenerate.read(root, "i")


def varied(count: int) -> list[int]:
    """Tokens of which no cycle comes round."""
    return RNG.permutation(1000)[:count].tolist()


@pytest.mark.parametrize(
    ("tokens", "loops"),
    [
        ([7] * 64, True),
        ([7] * 200, True),
        ([*varied(40), *[7] * 64], True),
        ([*varied(100), *[1, 2, 3] * 30], True),
        ([*varied(100), *list(range(16)) * 5], True),
        ([7] * 20, True),
        ([1, 2, 3, 4] * 4, True),
        ([7] * 15, False),
        ([*varied(20), *[7] * 20], False),
        ([*list(range(17)) * 6], False),
        ([*[7] * 100, 8], False),
        (varied(128), False),
        ([], False),
    ],
)
def test_a_trace_goes_round_where_a_short_cycle_fills_its_end(tmp_path: Path, tokens: list[int], loops: bool):
    found = read(tmp_path, [segment(0, tokens, ended=False)])
    assert found == (1, 0.0, float(loops))


def test_ends_are_looked_at_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(degenerate, "BLOCK", 2)
    ends = [[7] * 64, varied(64), [7], [1, 2] * 20, [7] * 30, varied(3), varied(30)]
    store.append(tmp_path, TRACES, [segment(at, end, ended=False) for at, end in enumerate(ends)], writer="m")
    assert degenerate.read(tmp_path, "i") == (7, 0.0, pytest.approx(3 / 7))


def test_a_trace_that_ended_by_itself_did_not_go_round_to_the_cap(tmp_path: Path):
    assert read(tmp_path, [segment(0, [7] * 64, ended=True)]).looping == 0


def test_only_the_last_segment_of_a_trace_says_whether_it_goes_round(tmp_path: Path):
    rows = [
        segment(0, [7] * 64, ended=False),
        segment(0, varied(64), ended=False, start=64),
        segment(1, varied(64), ended=False),
        segment(1, [7] * 64, ended=False, start=64),
    ]
    assert read(tmp_path, rows) == (2, 0.0, 0.5)


def test_a_trace_is_empty_where_no_segment_holds_a_word(tmp_path: Path):
    rows = [
        segment(0, [2], ended=True, text=""),
        segment(1, [5, 2], ended=True, text=" \n"),
        segment(2, varied(8), ended=False, text=""),
        segment(2, varied(8), ended=True, text="so 4", start=8),
        segment(3, varied(8), ended=True),
    ]
    found = read(tmp_path, rows)
    assert found == (4, 0.5, 0.0)
    assert traces(found) == ["Of 4 traces 50% are empty."]


def test_what_is_not_stored_is_not_known(tmp_path: Path):
    found = read(tmp_path, [segment(0, None, ended=False, text=None)])
    assert np.isnan([found.empty, found.looping]).all() and traces(found) == []


def test_traces_for_bins_and_of_other_models_do_not_count(tmp_path: Path):
    rows = [segment(0, varied(64), ended=False), segment(1, [7] * 64, ended=False) | {"pool": "bins"}]
    assert read(tmp_path, [*rows, segment(2, [7] * 64, ended=False) | {"identity": "j"}]) == (1, 0.0, 0.0)


def test_a_run_without_traces_has_none(tmp_path: Path):
    assert degenerate.read(tmp_path, "i").num_traces == 0


def test_health_tells_how_many_traces_are_degenerate(capsys: pytest.CaptureFixture[str]):
    assert main(["health", "results/reference"]) == 0
    said = capsys.readouterr().out.split("countdown-125k")[1].split("countdown-0.4m")[0]
    assert "Of 1,920 traces 0.052% repeat one token or a short cycle up to the cap." in said
