"""A cap on the real engine, which tells what is under way."""

import subprocess
import sys
from pathlib import Path

import pytest

from results import store
from results.inspection import inspect
from results.schema import ANSWERS, TRACES

# An engine, twice.
pytestmark = pytest.mark.long
CAP, IN_FLIGHT, BUDGET, ANSWER = 3000, 16, 64, 16
WORDS = ("experiment=embedded", "model=countdown-33k", "task.size=40", "grid.widths=[4]", "grid.anchor=null")
SMALL = (f"grid.budgets=[0,{BUDGET}]", f"grid.reference_budget={BUDGET}", f"sampling.max_answer_tokens={ANSWER}")
ENGINE = (f"engine.max_num_seqs={IN_FLIGHT}", "hydra.mode=RUN")


def sweep(*words: str) -> str:
    command = [sys.executable, "-m", "sweeps", *WORDS, *SMALL, *ENGINE, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def written(root: Path) -> int:
    of = {TRACES: "num_thinking_tokens", ANSWERS: "num_answer_tokens"}
    return sum(sum(store.scan(root, table)[name].to_pylist()) for table, name in of.items())


def test_the_engine_is_stopped_by_what_it_tells_and_goes_on(tmp_path: Path) -> None:
    told = sweep("probe=false", f"cap.tokens={CAP}", f"run={tmp_path}/run")
    assert f"stopped at its cap of {CAP:,} tokens, " in told and inspect(tmp_path / "run") == ([], [])
    # Answers stop at strings too, of which what stands behind is no row's.
    assert 0.9 * CAP < written(tmp_path / "run") < CAP + IN_FLIGHT * (BUDGET + 2 * ANSWER)
    assert "stopped" not in sweep("probe=false", f"run={tmp_path}/run")
    answers = store.scan(tmp_path / "run", ANSWERS, columns=["prompt_id", "sample"]).to_pandas()
    assert len(answers.drop_duplicates()) == 160
