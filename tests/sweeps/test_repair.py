"""Damage of any shard of a finished run: what was lost and what leaned on it is made again, once."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from results import store
from results.cuts import along_budgets
from results.ingest.outcomes import Ingested, Known, Sample, Tokens
from results.ingest.write import write
from results.inspection import inspect
from results.mending import withdraw
from results.schema import ANSWERS, GRADES, MODELS, TRACES, Table
from results.shards import digest, encode, list_shards
from sweeps.plan import PoolSpec
from sweeps.repair import Usable, read_usable, repair, repair_writer
from tests.faults.runs import flip_bit
from tests.sweeps.test_more import PROMPTS, Run

DEEPER = (PoolSpec("evaluation", 8, along_budgets((0, 16, 64, 128))),)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two flushes of traces and answers, the second continuing what the first cut; a grade for every answer."""
    run = Run(tmp_path)
    run.finish(DEEPER, PROMPTS[:8])
    grade(run)
    return run


def grade(run: Run) -> None:
    answers = store.scan(run.root, ANSWERS, columns=ANSWERS.key).to_pylist()
    graded = {tuple(row.values()) for row in store.scan(run.root, GRADES, columns=ANSWERS.key).to_pylist()}
    said = {"grader": "g", "grader_version": "1", "correct": False, "outcome": "wrong"}
    rows = [row | said for row in answers if tuple(row.values()) not in graded]
    store.append(run.root, GRADES, rows, writer="grades")


def lay_twice(run: Run) -> None:
    """A shard of answers that are stored already, which no manifest lists, as hands lay it there."""
    [first, *_] = list_shards(run.root / "answers")
    content = encode(pq.read_table(first, partitioning=None).slice(0, 5))
    first.with_name(f"model.000007.{digest(content)}.parquet").write_bytes(content)


def keys(run: Run, table: Table) -> list[tuple]:
    rows = store.scan(run.root, table, columns=table.key).to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=str)


@pytest.mark.parametrize("loss", ["flipped", "gone"])
@pytest.mark.parametrize("index", range(5))
def test_a_run_with_any_shard_lost_is_made_whole(
    run: Run, index: int, loss: str, capsys: pytest.CaptureFixture
) -> None:
    whole = {table.name: keys(run, table) for table in (TRACES, ANSWERS, GRADES)}
    shards = [
        path for table in (TRACES, ANSWERS, GRADES) for path in sorted(run.root.glob(f"{table.name}/*.parquet"))
    ]
    assert len(shards) == 5
    path = shards[index]
    if loss == "gone":
        path.unlink()
    else:
        flip_bit(path, np.random.default_rng(0))
    repair(run.root)
    said = capsys.readouterr().out
    assert f"{path} is {'gone' if loss == 'gone' else 'damaged'}" in said and "drawn again" in said
    assert_nothing_leans_on_what_is_lost(run)
    if index < 4:
        assert run.finish(DEEPER, PROMPTS[:8]) > 0
    grade(run)
    found = {table.name: keys(run, table) for table in (TRACES, ANSWERS, GRADES)}
    # Traces whose beginning is lost are drawn in one piece, where they had been drawn in two.
    assert found == whole or index == 0
    assert all(len(set(rows)) == len(rows) for rows in found.values())
    assert len(found["answers"]) == len(found["grades"])
    assert_nothing_leans_on_what_is_lost(run)
    repair(run.root)
    assert run.finish(DEEPER, PROMPTS[:8]) == 0


def assert_nothing_leans_on_what_is_lost(run: Run) -> None:
    lengths: dict[tuple, int] = {}
    ended = set()
    for row in store.scan(run.root, TRACES).sort_by("start_token").to_pylist():
        key = tuple(row[name] for name in TRACES.key[:-1])
        assert lengths.get(key, 0) == row["start_token"]
        lengths[key] = row["start_token"] + row["num_thinking_tokens"]
        if row["ended"]:
            ended.add(key)
    answers = set()
    for row in store.scan(run.root, ANSWERS).to_pylist():
        key = tuple(row[name] for name in TRACES.key[:-1])
        assert row["num_thinking_tokens"] <= lengths.get(key, 0)
        assert row["budget"] is not None or key in ended
        answers.add((*key, row["budget"]))
    assert all(
        tuple(row.values()) in answers for row in store.scan(run.root, GRADES, columns=ANSWERS.key).to_pylist()
    )


def test_damage_of_several_writers_at_once_is_made_whole(run: Run, capsys: pytest.CaptureFixture) -> None:
    whole = {table.name: keys(run, table) for table in (ANSWERS, GRADES)}
    torn = [min(run.root.glob(f"{table.name}/*.parquet")) for table in (GRADES, ANSWERS)]
    torn.append(max(run.root.glob("traces/*.parquet")))
    for path in torn:
        path.write_bytes(path.read_bytes()[:-20])
    repair(run.root)
    said = capsys.readouterr().out
    assert all(f"{path} is damaged" in said for path in torn)
    assert_nothing_leans_on_what_is_lost(run)
    run.finish(DEEPER, PROMPTS[:8])
    grade(run)
    assert {table.name: keys(run, table) for table in (ANSWERS, GRADES)} == whole


def test_an_undamaged_run_is_left_byte_for_byte(run: Run, capsys: pytest.CaptureFixture) -> None:
    before = run.shards()
    repair(run.root)
    assert run.shards() == before and capsys.readouterr().out == ""


def test_the_shards_of_a_writer_at_work_are_left_to_it(run: Run) -> None:
    path = next(run.root.glob("traces/model.*.parquet"))
    path.write_bytes(b"torn")
    with store.lock(run.root, "model"):
        repair(run.root)
        assert path.exists()
    repair(run.root)
    assert not path.exists()


def test_an_answer_that_a_job_draws_again_does_not_inherit_the_grade_of_the_lost_one(run: Run) -> None:
    whole = keys(run, ANSWERS)
    repair(run.root)
    flip_bit(max(run.root.glob("answers/*.parquet")), np.random.default_rng(0))
    with store.lock(run.root, "model"):
        repair_writer(run.root, "model")
        lost = set(whole) - set(keys(run, ANSWERS))
        graded = {tuple(row.values()) for row in store.scan(run.root, GRADES, columns=ANSWERS.key).to_pylist()}
        assert lost and not graded & lost
    run.finish(DEEPER, PROMPTS[:8])
    assert keys(run, ANSWERS) == whole


def test_who_is_grading_is_waited_for_before_lost_answers_can_be_drawn_again(run: Run) -> None:
    flip_bit(max(run.root.glob("answers/*.parquet")), np.random.default_rng(0))
    repairing = threading.Thread(target=repair, args=(run.root,))
    with store.lock(run.root, "grades"):
        repairing.start()
        repairing.join(0.5)
        assert repairing.is_alive()
    repairing.join(60)
    assert_nothing_leans_on_what_is_lost(run)


def test_whose_first_grading_has_read_lost_answers_is_waited_for(run: Run) -> None:
    model = {"identity": "identity", "model": "model", "task": "task", "weights_digest": "w"}
    store.append(run.root, MODELS, [model], writer="model")
    lost = max(run.root.glob("answers/*.parquet"))
    for shard in run.root.glob("grades/*.parquet"):
        shard.unlink()
    repair(run.root)
    repairing = threading.Thread(target=repair, args=(run.root,))
    with store.lock(run.root, "task-grades"):
        answers = store.scan(run.root, ANSWERS, columns=ANSWERS.key).to_pylist()
        flip_bit(lost, np.random.default_rng(0))
        repairing.start()
        repairing.join(0.5)
        assert repairing.is_alive()
        grades = [row | {"grader": "g", "grader_version": "1"} for row in answers]
        store.append(run.root, GRADES, grades, writer="task-grades")
    repairing.join(60)
    assert_nothing_leans_on_what_is_lost(run)


def test_rows_of_a_job_that_starts_while_another_sweep_checks_the_run_stay(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run.root / "traces" / "model.000099.0000.damaged").touch()
    sample = store.scan(run.root, TRACES).to_pylist()[0] | {"sample": 99, "start_token": 0}

    def draw() -> None:
        with store.lock(run.root, "model"):
            store.append(run.root, TRACES, [sample], writer="model")

    drawing = threading.Thread(target=draw)

    def read_slowly(root: Path, identities: list[str]) -> Usable:
        usable = read_usable(root, identities)
        drawing.start()
        drawing.join(0.5)
        return usable

    monkeypatch.setattr("sweeps.repair.read_usable", read_slowly)
    before = keys(run, TRACES)
    repair(run.root)
    drawing.join(60)
    assert len(keys(run, TRACES)) == len(before) + 1


def test_a_job_waits_for_who_only_checks_its_shards(run: Run) -> None:
    def check() -> None:
        with store.lock(run.root, "model", briefly=True):
            held.set()
            time.sleep(0.5)

    held = threading.Event()
    checking = threading.Thread(target=check)
    checking.start()
    held.wait(10)
    with store.lock(run.root, "model"):
        assert not checking.is_alive() or checking.join(1) is None


def test_outcomes_from_elsewhere_lean_on_no_trace(run: Run, capsys: pytest.CaptureFixture) -> None:
    sample = Sample("theirs", "maths", "0", correct=True, answer="7", tokens=Tokens(thinking=9, decoded=12))
    write(run.root, Ingested([sample], models={"theirs": Known()}), source="a test")
    next(run.root.glob("throughput/*.parquet")).unlink()
    repair(run.root)
    assert "it was a log" in capsys.readouterr().out
    assert "maths/0" in store.scan(run.root, ANSWERS)["prompt_id"].to_pylist()


@pytest.mark.parametrize("killed_at", ["find_twice", "withdraw_twice", "store.enter"])
def test_a_repair_that_is_killed_takes_no_row_that_is_stored_twice_for_another(
    run: Run, killed_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = keys(run, ANSWERS)
    lay_twice(run)

    def die(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(f"sweeps.repair.{killed_at}", die)
        repair(run.root)
    assert inspect(run.root).faults or keys(run, ANSWERS) == whole
    repair(run.root)
    assert keys(run, ANSWERS) == whole and not inspect(run.root).faults


def test_rows_of_a_withdrawal_that_a_kill_cut_short_come_back_of_a_shard_that_no_manifest_lists(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = keys(run, ANSWERS)
    [first, *_] = list_shards(run.root / "answers")
    (run.root / "manifest" / "model.jsonl").unlink()
    rename = Path.rename

    def die(path: Path, target: Path) -> Path:
        if path.suffix == ".kept":
            os._exit(1)
        return rename(path, target)

    child = os.fork()
    if not child:
        monkeypatch.setattr(Path, "rename", die)
        withdraw(first, pq.read_table(first, partitioning=None).slice(0, 5), writer="model")
    os.waitpid(child, 0)
    assert not first.exists() and len(list((run.root / "answers").glob("*.kept"))) == 1
    store.set_damaged_aside(run.root, "model")
    assert set(keys(run, ANSWERS)) < set(whole) and len(list_shards(run.root / "answers")) == 2


def test_outcomes_from_elsewhere_that_hands_doubled_count_once_after_the_next(tmp_path: Path) -> None:
    def ingest(model: str) -> None:
        samples = [
            Sample(model=model, task="t", prompt=f"p{i}", correct=True, number=0, answer=f"{i}") for i in range(20)
        ]
        places = {("t", f"p{i}"): {} for i in range(20)}
        write(tmp_path, Ingested(samples, prompts=places, models={model: Known()}), source="here")

    ingest("a")
    [shard] = list_shards(tmp_path / "answers")
    content = encode(pq.read_table(shard, partitioning=None).slice(0, 5))
    shard.with_name(f"{shard.name.split('.')[0]}.000007.{digest(content)}.parquet").write_bytes(content)
    assert inspect(tmp_path).faults
    ingest("b")
    assert inspect(tmp_path) == ([], []) and store.scan(tmp_path, ANSWERS).num_rows == 40
