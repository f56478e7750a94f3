"""Hard caps of a job: what is sent, what is stored, what is said, and what is paid when it goes on."""

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.rendering import load_tokenizer
from harness.types import Completion, Model, Request, Sampling
from results import store
from results.inspection import inspect
from results.schema import ANSWERS, FAILURES, SEARCHES, TRACES
from sweeps.caps import Cap, Capped, Spent, check_cap, price_tokens
from sweeps.counted import Counted
from sweeps.job import Job, run_job
from sweeps.launchers.plan import show_plan
from sweeps.made_with import is_plain
from sweeps.prepare import prepare
from tests import forked
from tests.capped_jobs import LOG, write
from tests.drawn_rounds import make
from tests.sweeps.test_searches import job_of

IN_FLIGHT = 8
PACED = ("engine._target_=tests.capped_jobs.Paced", f"engine.max_num_seqs={IN_FLIGHT}")
GRID = ("task.size=6", "grid.budgets=[0,12,40]", "grid.reference_budget=40")
ROUNDS = (*GRID, "task.size=3", "strategies=[embedded_revision]", "grid.rounds=[1,3]")
CALLS = ("experiment=embedded_search", "model=search-33k", "grid.calls=[0,1,3]", "grid.budgets=[0,30,60]")
OPEN = load_tokenizer("ladder/checkpoints/search-33k", None).convert_tokens_to_ids("{")
TIMES = ["seconds", "tool_seconds"]


def job(root: Path, *words: str, cap: int | None = None) -> Job:
    return dataclasses.replace(make(root, *PACED, *words), cap=Cap(tokens=cap))


@pytest.fixture(autouse=True)
def clear() -> Iterator[None]:
    LOG.clear()
    yield
    assert not LOG.under_way, "requests under way come to their end"


def rows(root: Path, table: Any) -> pd.DataFrame:
    found = store.scan(root, table).to_pandas().drop(columns=TIMES, errors="ignore")
    found = found.astype({name: object for name in ("prompt_id", "pool") if name in found})
    return found.sort_values([*table.key], ignore_index=True)


def written(root: Path) -> int:
    """Tokens of all stored rows."""
    tokens = rows(root, TRACES)["num_thinking_tokens"].sum() + rows(root, ANSWERS)["num_answer_tokens"].sum()
    return int(tokens)


def run(job: Job, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a job; what it says in the end."""
    capsys.readouterr()
    run_job(job)
    return capsys.readouterr().out.splitlines()[-1]


def until_whole(asked: Job) -> Iterator[None]:
    """As often as something is missing of a job; each launch brings it on."""
    for _ in range(60):
        if not prepare(asked).num_pending:
            return
        yield
    raise AssertionError("it does not come to an end")


def assert_same(one: Path, other: Path) -> None:
    for table in (TRACES, ANSWERS):
        pd.testing.assert_frame_equal(rows(one, table), rows(other, table), check_categorical=False)


def assert_held(cap: int) -> None:
    """Nothing was sent from the cap on, and what is beyond it was under way by then."""
    assert all(sent_at < cap for sent_at in LOG.sent_at)
    lengths = sorted((len(write(request)[0]) for request in LOG.requests), reverse=True)
    assert LOG.num_paid - cap <= sum(lengths[: LOG.most_under_way])


@pytest.fixture(scope="module")
def uncapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A run without a cap, and what it cost."""
    root = tmp_path_factory.mktemp("uncapped")
    LOG.clear()
    run_job(job(root, *GRID))
    return root, LOG.num_paid


@pytest.mark.parametrize("tells_early", [False, True])
def test_caps_in_sequence_hold_and_come_to_the_rows_of_a_run_without(
    tmp_path: Path, uncapped: tuple[Path, int], capsys: pytest.CaptureFixture[str], tells_early: bool
) -> None:
    whole, cost = uncapped
    rng, root, number, num_stops, was_cut = np.random.default_rng(22), tmp_path / "0", 0, 0, False
    for _ in range(30):
        cap, before = int(rng.integers(1, cost // 3)), written(root)
        LOG.clear()
        told = run(job(root, *GRID, f"+engine.tells_early={str(tells_early).lower()}", cap=cap), capsys)
        # What was paid is stored, and nothing is paid twice.
        assert written(root) - before == LOG.num_paid
        assert not store.scan(root, FAILURES).num_rows and inspect(root) == ([], [])
        is_whole = not prepare(job(root, *GRID)).num_pending
        assert ("stopped at its cap of" in told) == (not is_whole)
        if not is_whole:
            num_stops += 1
            assert LOG.num_paid >= cap and f"cap of {cap:,} tokens, {LOG.num_paid:,} written; " in told
            was_cut |= (
                len(rows(root, TRACES)) > rows(root, ANSWERS).groupby(["prompt_id", "pool", "sample"]).ngroups
            )
        assert_held(cap)
        if is_whole:
            assert_same(whole, root)
            number += 1
            root = tmp_path / str(number)
    assert number >= 2 and num_stops >= 10 and was_cut


def test_a_cap_that_is_reached_ends_the_walk_at_once(tmp_path: Path) -> None:
    wide = job(tmp_path, "task.size=150", "grid.budgets=[12]", "grid.reference_budget=12", cap=1)
    seen: list[str] = []
    kept = dataclasses.replace(wide)
    with pytest.MonkeyPatch.context() as patch:
        from harness import samples

        finish = samples.finish_sample

        async def counting(engine: Any, context: Any, pending: Any) -> Any:
            seen.append(pending.key.prompt.prompt_id)
            return await finish(engine, context, pending)

        patch.setattr(samples, "finish_sample", counting)
        run_job(kept)
    assert prepare(wide).num_samples == 150 * 4 and len(seen) <= 2 * IN_FLIGHT


def test_a_cap_that_the_last_sample_reaches_stops_nothing(
    tmp_path: Path, uncapped: tuple[Path, int], capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cost = uncapped
    assert "24 samples in" in run(job(tmp_path / "exact", *GRID, cap=cost), capsys)
    assert_same(whole, tmp_path / "exact")
    assert not prepare(job(tmp_path / "exact", *GRID, cap=1)).num_pending
    LOG.clear()
    run_job(job(tmp_path / "exact", *GRID, cap=1))
    assert not LOG.requests


def test_caps_with_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_job(job(tmp_path / "whole", *ROUNDS))
    rng, cost, root, stops = np.random.default_rng(0), LOG.num_paid, tmp_path / "often", 0
    for _ in until_whole(job(root, *ROUNDS)):
        cap, before = int(rng.integers(cost // 20, cost // 4)), written(root)
        LOG.clear()
        stops += "stopped at its cap of" in run(job(root, *ROUNDS, cap=cap), capsys)
        assert written(root) - before == LOG.num_paid
        assert_held(cap)
    assert stops >= 4 and not store.scan(root, FAILURES).num_rows
    assert_same(tmp_path / "whole", root)


def test_caps_with_calls_of_a_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trace that was refused behind a call goes on behind what that brought."""
    words = (*CALLS, "task.size=3", "grid.widths=[2]", "grid.reference_budget=60", "engine.max_num_seqs=2")
    words = (*words, f"+engine.often={OPEN}")
    run_job(job(tmp_path / "whole", *words))
    cost, root, stops, behind_call = LOG.num_paid, tmp_path / "often", 0, 0
    rng = np.random.default_rng(1)
    assert (store.scan(tmp_path / "whole", TRACES).to_pandas()["observed_ids"].notna()).sum() > 3
    for _ in until_whole(job(root, *words)):
        cap, before = int(rng.integers(cost // 40, cost // 8)), written(root)
        LOG.clear()
        stops += "stopped at its cap of" in run(job(root, *words, cap=cap), capsys)
        assert written(root) - before == LOG.num_paid and all(sent_at < cap for sent_at in LOG.sent_at)
        last = rows(root, TRACES).groupby(["prompt_id", "pool", "sample"]).tail(1)
        behind_call += int(last["observed_ids"].notna().sum())
    assert stops >= 3 and behind_call
    assert_same(tmp_path / "whole", root)


@pytest.mark.parametrize("kind", ["dvts", "beam"])
def test_a_search_under_a_cap_is_stored_whole_or_not_at_all_and_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    def search(root: Path, cap: int | None = None) -> Job:
        return dataclasses.replace(job_of(root, kind, 3, *PACED), cap=Cap(tokens=cap))

    run_job(search(tmp_path / "whole"))
    cost, root, num_lost = LOG.num_paid, tmp_path / "often", 0
    for _ in until_whole(search(root)):
        before, cap = int(rows(root, SEARCHES)["num_written_tokens"].sum()), cost // 3
        LOG.clear()
        told = run(search(root, cap), capsys)
        stored = int(rows(root, SEARCHES)["num_written_tokens"].sum()) - before
        assert all(sent_at < cap for sent_at in LOG.sent_at)
        if lost := LOG.num_paid - stored:
            assert f"{lost:,} of the tokens are in no row" in told
        num_lost += lost
        assert stored and inspect(root) == ([], []) and not store.scan(root, FAILURES).num_rows
    assert num_lost
    for table in (TRACES, ANSWERS, SEARCHES):
        pd.testing.assert_frame_equal(rows(tmp_path / "whole", table), rows(root, table), check_categorical=False)


def test_hours_count_from_the_start_of_the_engine_for_every_device(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = iter(range(0, 10**9, 36))
    capped = dataclasses.replace(job(tmp_path, *GRID), cap=Cap(device_hours=0.5))
    told = run_with(capped, lambda: float(next(moments)), capsys)
    # Loading ends at the first look, and each request takes .01 hours.
    assert "stopped at its cap of 0.5 device hours, 0.5" in told and len(LOG.requests) == 49
    clock = Clock()
    counted = Counted(Instant(), num_known=100)
    engine = Capped(counted, Cap(device_hours=1), price={}, num_devices=4, started=0, clock=clock)
    for clock.now, held in ((0.0, True), (899.0, True), (900.0, False), (0.0, False)):
        assert sends(engine) == held
    elsewhere = Capped(counted, Cap(device_hours=1), price={}, num_devices=0, started=100, clock=clock)
    for clock.now, held in ((3699.0, True), (3700.0, False)):
        assert sends(elsewhere) == held


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Instant:
    """Writes two tokens at once."""

    async def complete(self, request: Request) -> Completion:
        return Completion((3, 4), "length", 0, 0.0)


def sends(engine: Capped) -> bool:
    before = engine.counted.num_requests
    try:
        asyncio.run(engine.complete(Request((1,) * 10, 2, 0, Sampling())))
    except RuntimeError:
        return False
    return engine.counted.num_requests > before


def run_with(job: Job, clock: Any, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    run_job(job, clock=clock)
    return capsys.readouterr().out.splitlines()[-1]


def test_dollars_are_those_of_tokens_read_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    price = {"prompt": 1000.0, "decoded": 10_000.0}
    clock = Clock()
    engine = Capped(
        Counted(Instant(), num_known=100), Cap(usd=0.1), price=price, num_devices=1, started=0, clock=clock
    )
    # Ten tokens read and two written a request: .03 dollars.
    assert [sends(engine) for _ in range(6)] == [True] * 4 + [False] * 2
    assert engine.tell() == "0.1 dollars, 0.12 spent"
    priced = make(tmp_path, *PACED, *GRID, "model.price={prompt:1000,decoded:10000}", "cap.usd=2")
    told = run(priced, capsys)
    spent = price_tokens(price, num_read=LOG.num_read, num_written=LOG.num_paid)
    assert f"stopped at its cap of 2 dollars, {spent:,.4g} spent; " in told
    assert 2 <= spent < 2 + IN_FLIGHT * price_tokens(price, num_read=80, num_written=40)
    assert prepare(priced).identity == prepare(make(tmp_path, *PACED, *GRID)).identity


def test_the_probe_counts_and_is_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (*GRID, "task.size=8", "probe=true")
    held = dataclasses.replace(make(tmp_path, *PACED, *words), cap=Cap(tokens=60))
    run_job(held)
    told = capsys.readouterr().out
    assert "the cap is reached in the probe of its thinking" in told and "; 0 of 32 samples are drawn." in told
    assert all(sent_at < 60 for sent_at in LOG.sent_at) and not written(tmp_path)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "nan", "inf", "true", "many"])
@pytest.mark.parametrize("name", ["tokens", "device_hours", "usd"])
def test_what_is_no_cap_is_refused(tmp_path: Path, name: str, value: str) -> None:
    if value == "1.5" and name != "tokens":
        assert make(tmp_path, f"cap.{name}={value}").cap.given == {name: 1.5}
        return
    with pytest.raises(ValueError, match=f"cap.{name}"):
        make(tmp_path, f"cap.{name}={value}")


def test_a_cap_in_dollars_needs_a_price_and_a_price_two_numbers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"countdown-33k has none. .* model.price={prompt:0.1,decoded:0.4}"):
        run_job(make(tmp_path, *PACED, "cap.usd=1"))
    assert not LOG.requests and not (tmp_path / "traces").exists()
    for price in (
        "{prompt:1}",
        "{prompt:-1,decoded:1}",
        "{prompt:1,decoded:1,cached:1}",
        "{prompt:nan,decoded:1}",
    ):
        with pytest.raises(ValueError, match="model.price is dollars for a million tokens"):
            make(tmp_path, f"++model.price={price}")
    check_cap(Cap(tokens=1, device_hours=1), Model("x"))
    assert Cap(tokens=5, usd=1).reached(Spent(4, 0, 2)) == "usd"


def test_a_cap_is_recorded_and_no_part_of_what_rows_are(tmp_path: Path) -> None:
    capped = make(tmp_path, *PACED, *GRID, "cap.tokens=50")
    run_job(capped)
    [record] = (json.loads(path.read_text()) for path in (tmp_path / "provenance").glob("*.json"))
    assert record["config"]["cap"]["tokens"] == 50
    assert record["identity"] == prepare(make(tmp_path, *PACED, *GRID)).identity
    assert is_plain("cap.tokens=50") and not is_plain("cap._target_=os.system")


def test_a_capped_job_that_is_killed_goes_on(tmp_path: Path, uncapped: tuple[Path, int]) -> None:
    whole, cost = uncapped
    rng, root, num_met = np.random.default_rng(3), tmp_path / "run", 0
    slow = ("+engine.seconds_a_request=0.001", "flush_seconds=0")

    def work() -> None:
        run_job(job(root, *GRID, *slow, cap=cost // 4))

    for _ in range(6):
        shards = lambda: len(list(root.glob("*/*.parquet")))  # noqa: E731
        was_at_work = forked.work_until_killed(
            work, kill_at=int(rng.integers(3, 12)), wait=rng.uniform(0, 0.01), count=shards
        )
        num_met += was_at_work
    assert num_met >= 3
    run_job(job(root, *GRID))
    assert_same(whole, root)


def test_a_capped_sweep_grades_what_it_has_and_ends_well(tmp_path: Path) -> None:
    words = ["sweep", "experiment=embedded", "model=countdown-33k", "task.size=12", "grid.widths=[1,4]"]
    words += ["grid.budgets=[0,16]", "grid.reference_budget=16", "grid.bin_samples=2", "probe=false", *PACED]
    ended = forked.run("isoquant", *words, "cap.tokens=600", f"run={tmp_path}/run")
    assert ended.code == 0, ended.out + ended.err
    assert "countdown-33k: stopped at its cap of 600 tokens, " in ended.out and "answers graded" in ended.out
    ended = forked.run("isoquant", *words, f"run={tmp_path}/run")
    assert ended.code == 0 and "stopped" not in ended.out


def test_a_plan_says_which_cap_stands_and_what_it_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> str:
        capsys.readouterr()
        show_plan([make(tmp_path / "run", *PACED, *GRID, *words)])
        said = capsys.readouterr().out
        assert max(map(len, said.splitlines())) <= 120
        return " ".join(said.split())

    assert "cap." not in told()
    # 24 samples of 40 tokens and three answers of 12.
    assert "countdown-33k: cap.tokens=456 allows at least 25% of the 24 samples to draw" in told("cap.tokens=456")
    run_job(make(tmp_path / "run", *PACED, *GRID, "cap.tokens=300"))
    assert "cap.tokens=100,000 allows all of the " in told("cap.tokens=100000")
    [line] = [part for part in told("cap.tokens=100").split("countdown-33k: ") if part.startswith("cap.tokens")]
    assert line.startswith("cap.tokens=100 allows about ")
    assert "cap.device_hours=1e-09 allows about 0%" in told("cap.device_hours=1e-9")
    assert "cap.usd=1e-05 allows about 0%" in told("cap.usd=1e-5", "++model.price={prompt:9,decoded:9}")
