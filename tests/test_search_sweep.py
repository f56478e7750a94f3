"""A sweep that searches with two real engines in one job: the rung that writes, and the verifier that reads."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from results import store
from results.inspection import inspect
from results.schema import ANSWERS, GRADES, SAMPLE_KEY, SCORES, SEARCHES, THROUGHPUT

# Two engines a job.
pytestmark = pytest.mark.long
STRATEGIES = "strategy=sampling,embedded_dvts,embedded_beam_2"
WORDS = ("experiment=search", STRATEGIES, "task.size=4", "grid.widths=[1,8]", "grid.bin_samples=2")


def isoquant(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "isoquant", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_a_sweep_of_samples_and_searches_is_scored_alike_and_compared(tmp_path: Path) -> None:
    root = tmp_path / "run"
    isoquant("sweep", *WORDS, f"run={root}")
    assert inspect(root) == ([], [])
    searches = store.scan(root, SEARCHES).to_pandas()
    assert len(searches) == 4 * (4 + 2) and searches["score"].notna().mean() > 0.9
    answers = store.scan(root, ANSWERS).to_pandas()
    assert len(store.scan(root, GRADES)) == len(answers)
    throughput = store.scan(root, THROUGHPUT).to_pandas()
    for identity, own in searches.groupby(searches["identity"].astype(str)):
        assert (
            throughput.loc[throughput["identity"] == identity, "num_tokens"].sum()
            == own["num_written_tokens"].sum()
        )
    said = isoquant("score", str(root), "scorer=step_verifier_125k", "engine=embedded")
    assert said.startswith("0 answers scored and 0 refused")
    # A scoring pass of its own, by the same weights under another name, gives a path the score that its search
    # did.
    isoquant("score", str(root), "scorer=step_verifier_125k", "scorer.name=again", "engine=embedded")
    again = store.scan(root, SCORES).to_pandas()
    both = searches.merge(again[again["scorer"] == "again"], on=list(SAMPLE_KEY), suffixes=("", "_again"))
    assert len(both) == len(searches)
    assert np.allclose(both["score"], both["score_again"], atol=1e-3, equal_nan=True)
    said = isoquant("search", str(root), "--scorer", "step-verifier-125k")
    assert "dvts 4" in said and "beam 2" in said
