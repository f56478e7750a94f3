"""A sweep of rungs that search: drawn, grown by calls, read along them, told in health and as a frame."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import isoquant
from results import store
from results.inspection import inspect
from results.schema import ANSWERS, CELLS, PROMPTS, TRACES

# An engine, three times.
pytestmark = pytest.mark.long
WORDS = ("experiment=embedded_search", "model=search-33k", "task.size=12", "grid.bin_samples=2")
GRID = ("grid.widths=[1,4]", "grid.budgets=[0,48,96]", "grid.anchor=search-33k", "grid.reference_budget=96")


def run(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "isoquant", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def written(root: Path) -> dict[str, int]:
    """Tokens that the engine wrote, by table."""
    of = {TRACES: "num_thinking_tokens", ANSWERS: "num_answer_tokens"}
    return {table.name: sum(store.scan(root, table)[name].to_pylist()) for table, name in of.items()}


def test_a_sweep_that_calls_a_tool_grows_by_calls_and_is_read_along_them(tmp_path: Path) -> None:
    root, at_once = tmp_path / "run", tmp_path / "at_once"
    run("sweep", *WORDS, *GRID, "grid.calls=[0,2]", "reading='--along calls'", f"run={root}")
    assert inspect(root) == ([], [])
    shards = {path: path.read_bytes() for path in root.glob("traces/*.parquet")}
    rows = store.scan(root, TRACES).num_rows
    said = run("sweep", str(root), "+grid.calls=[1,4]")
    assert "grid.calls=[0,1,2,4]" in said
    # What was drawn stays, and what is drawn goes on from it.
    kept = store.scan(root, TRACES).num_rows
    assert kept > rows and all(not path.exists() or path.read_bytes() == shards[path] for path in shards)
    assert set(store.scan(root, CELLS)["calls"].to_pylist()) >= {0, 1, 2, 4}
    again = written(root)
    assert "0 answers graded" in run("sweep", str(root)) and written(root) == again
    run("sweep", *WORDS, *GRID, "grid.calls=[0,1,2,4]", f"run={at_once}")
    for name, tokens in written(at_once).items():
        assert again[name] == pytest.approx(tokens, rel=0.2)
    loaded = isoquant.load(str(root), along="calls")
    accuracy = loaded.answers().groupby("calls")["correct"].mean()
    assert accuracy[0] < 0.1 < accuracy[1] < accuracy[4]
    calls = loaded.calls()
    assert set(calls["tool"].dropna()) == {"search"} and calls["has_gold"].mean() > 0.3
    assert (calls["place"] > calls["opened"]).all() and calls["result_ids"].map(len).max() == 1
    gold = {row["prompt_id"]: row["gold_ids"] for row in store.scan(root, PROMPTS).to_pylist()}
    assert all(len(ids) == 1 + index % 4 for index, ids in enumerate(gold[name] for name in sorted(gold)))
    health = run("health", str(root))
    assert "tool calls in" in health and "found a document that the answer needs" in health
    told = json.loads(run("health", str(root), "--json"))["calls"]
    assert set(told) == {"search-33k"} and all(each["num_calls"] > 20 for each in told.values())
