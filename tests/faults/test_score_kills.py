"""A scoring pass with a scripted head, killed at random moments and finished each time."""

import shutil
from pathlib import Path

import numpy as np

from harness.scorers.outcome import Outcome
from results import store
from results.inspection import inspect
from results.schema import ANSWERS, MODELS, PROMPTS, SCORERS, SCORES, TRACES
from results.shards import list_shards
from sweeps import score as scoring
from sweeps.repair import repair
from tests import forked
from tests.faults.runs import assert_kept, keys, rows
from tests.faults.test_kills import KILLS
from tests.harness.heads import write_renamed
from tests.scripted_settings import Scripted

SEED = 20262488
SCORED_PROMPTS = [f"countdown/{index:05d}" for index in range(8)]
SCORE_KILLS, MOST_SHARDS = max(10, KILLS), 12


def score(root: Path, checkpoint: Path, *, kill_at: int | None = None, wait: float = 0.0) -> bool:
    """Score in a process of its own, which is killed so long after so many more shards are there.

    Whether it was still at work.
    """

    def work() -> None:
        # Some answers at once, and a file every few of them.
        engine = Scripted(dtype="float32", max_num_seqs=8, seconds_a_request=0.002)
        repair(root)
        scorer = Outcome(str(checkpoint), chat=False).prepare(engine)
        scoring.score_run(root, scorer, pools=("evaluation",), flush_seconds=0.02)

    return forked.work_until_killed(
        work, kill_at=kill_at, wait=wait, count=lambda: len(list_shards(root / SCORES.name))
    )


def test_a_scoring_pass_killed_at_random_moments_loses_no_score_and_doubles_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(SEED)
    checkpoint = write_renamed(tmp_path / "reward")
    root = tmp_path / "run"
    for table in (MODELS, PROMPTS, TRACES, ANSWERS):
        wanted = SCORED_PROMPTS if table in (TRACES, ANSWERS) else None
        drawn = store.scan(Path("results/reference"), table, prompt_ids=wanted).to_pylist()
        store.append(root, table, drawn, writer="m")
    due = {key for key in keys(root, ANSWERS) if "evaluation" in key}
    num_met = 0
    for _ in range(SCORE_KILLS):
        before = rows(root)
        was_at_work = score(root, checkpoint, kill_at=int(rng.integers(MOST_SHARDS)), wait=rng.uniform(0, 0.02))
        assert_kept({SCORES.name: before[SCORES.name]}, root)
        found = keys(root, SCORES)
        assert max(found.values(), default=1) == 1
        num_met += was_at_work and 0 < len(found) < len(due)
        if not was_at_work:
            # Finished: the next kill meets a pass that begins.
            for name in (SCORES.name, SCORERS.name):
                shutil.rmtree(root / name)
            for manifest in root.glob("manifest/*-scores.jsonl"):
                manifest.unlink()
    assert num_met >= SCORE_KILLS // 2, "kills met passes at work"
    score(root, checkpoint)
    found = keys(root, SCORES)
    assert {key[:-3] for key in found} == due and max(found.values()) == 1
    assert inspect(root) == ([], []) and max(keys(root, SCORERS).values()) == 1
