"""A sweep of a rung that revises: drawn, grown by rounds and prompts, read along them, packed and compared."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import isoquant
from results import store
from results.inspection import inspect
from results.nodes import read_pool
from results.schema import ANSWERS

# An engine, three times.
pytestmark = pytest.mark.long
WORDS = ("experiment=embedded_rounds", "model=revise-33k", "task.size=12", "grid.bin_samples=2")
GRID = ("grid.widths=[1,4]", "grid.budgets=[0,48]", "grid.anchor=revise-33k", "grid.reference_budget=48")


def run(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "isoquant", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def rounds(root: Path) -> dict[tuple[str, int], int]:
    """How many answers are stored of each strategy and round, at all budgets."""
    pools = map(read_pool, map(str, store.scan(root, ANSWERS)["pool"].to_pylist()))
    counts: dict[tuple[str, int], int] = {}
    for pool in filter(None, pools):
        counts[pool.strategy, pool.round] = counts.get((pool.strategy, pool.round), 0) + 1
    return counts


def test_a_sweep_that_revises_grows_by_rounds_and_prompts_and_is_read_along_them(tmp_path: Path) -> None:
    root = tmp_path / "run"
    run("sweep", *WORDS, *GRID, "grid.rounds=[1,2]", f"run={root}")
    assert inspect(root) == ([], [])
    names = ("revision", "without_answer", "wrong_answer")
    assert rounds(root) == {(name, 2): 96 for name in names}
    assert "grid.rounds=[1,2,4]" in run("sweep", str(root), "+grid.rounds=[4]")
    assert rounds(root) == {(name, number): 96 for name in names for number in (2, 3, 4)}
    assert "2 more prompts, 14 in all" in run("sweep", str(root), "+task.size=2")
    assert set(rounds(root).values()) == {112}
    assert "0 answers graded" in run("sweep", str(root))
    loaded = isoquant.load(str(root), along="rounds", strategy="revision")
    answers = loaded.answers()
    assert set(answers["rounds"]) == {1, 2, 3, 4} and len(answers) == 4 * 14 * 4
    tokens = answers.groupby("rounds")["decoded_tokens"].mean()
    assert tokens.is_monotonic_increasing and tokens[4] > 3 * tokens[1]
    told = json.loads(run("strategies", str(root), "--json"))
    assert {row["strategy"] for row in told["strategies"]} == set(names)
    assert {row["round"] for row in told["rounds"]} == {2, 3, 4}
    assert all(row["cost"] > 0 for row in told["strategies"])
    run("figures", str(root))
    assert (root / "figures" / "rounds.png").exists()
    run("pack", str(root), "--out", str(tmp_path / "packed"))
    assert "in round 4" in run("summary", str(tmp_path / "packed"), "--along", "rounds", "--strategy", "revision")
