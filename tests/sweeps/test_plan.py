"""What is pending, from what is stored: nothing twice, nothing forgotten."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from harness.checkpoint import read_checkpoint
from harness.rendering import Renderer
from harness.samples import Pending, finish_sample
from harness.traces import Context
from harness.types import Grid, Model, Prompt, Sampling, Thinking
from ladder.tokenizer import build_tokenizer
from results import store
from results.cuts import along_budgets
from sweeps.identity import hash_identity
from sweeps.plan import PoolSpec, check_context, iterate_pending, pool_specs, read_states
from sweeps.provenance import Device
from sweeps.writer import Writer
from tests.harness.scripted_engine import ScriptedEngine

RENDERER = Renderer(build_tokenizer(), Thinking(open="<think>", close="</think>", force="</think>"), eos_ids=(0,))
CONTEXT = Context("identity", RENDERER, Sampling(max_answer_tokens=8))
PROMPTS = [Prompt(f"countdown/{i:05d}", f"{i} 2 3=6", {}) for i in range(4)]
SPECS = [PoolSpec("evaluation", 4, along_budgets((0, 8, 32)))]


def pending(root: Path, specs: list[PoolSpec] = SPECS, prompts: list[Prompt] = PROMPTS) -> list[Pending]:
    states = read_states(root, "identity", prompts, specs)
    by_prompt = iterate_pending(root, "identity", prompts, states, renderer=RENDERER)
    found = [sample for samples in by_prompt for sample in samples]
    assert len(found) == sum(state.pending_PS.sum() for state in states)
    assert all(each.unreached(each.rollout) or each.lacking_answers(each.rollout) for each in found)
    return found


def draw(root: Path, samples: list[Pending]) -> ScriptedEngine:
    engine, writer = (
        ScriptedEngine(stop_chance=0.03),
        Writer(root, "model", "identity", device=Device("CPU", 1), samples_in_flight=16, flush_seconds=60),
    )
    for sample in samples:
        writer.add(asyncio.run(finish_sample(engine, CONTEXT, sample)))
    writer.flush()
    return engine


def test_everything_is_pending_at_first_and_nothing_at_last(tmp_path: Path) -> None:
    assert len(pending(tmp_path)) == 16
    draw(tmp_path, pending(tmp_path))
    assert pending(tmp_path) == []


@pytest.mark.parametrize(
    ("specs", "num_more"),
    [
        ([PoolSpec("evaluation", 6, along_budgets((0, 8, 32)))], 8),
        ([PoolSpec("evaluation", 3, along_budgets((0, 8, 32)))], 0),
        ([PoolSpec("evaluation", 4, along_budgets((8,)))], 0),
        ([*SPECS, PoolSpec("bins", 2, along_budgets((32,)))], 8),
    ],
    ids=["wider", "narrower", "fewer budgets", "a pool for bins"],
)
def test_asking_for_more_leaves_only_the_difference(tmp_path: Path, specs: list[PoolSpec], num_more: int) -> None:
    draw(tmp_path, pending(tmp_path))
    more = pending(tmp_path, specs)
    assert len(more) == num_more
    draw(tmp_path, more)
    assert pending(tmp_path, specs) == []


def test_more_prompts_leave_only_the_new_prompts(tmp_path: Path) -> None:
    draw(tmp_path, pending(tmp_path, prompts=PROMPTS[:3]))
    assert {sample.key.prompt.prompt_id for sample in pending(tmp_path)} == {PROMPTS[3].prompt_id}


def test_a_deeper_budget_is_continued_where_a_trace_was_cut(tmp_path: Path) -> None:
    draw(tmp_path, pending(tmp_path))
    deeper = [PoolSpec("evaluation", 4, along_budgets((0, 8, 32, 64)))]
    more = pending(tmp_path, deeper)
    assert 0 < len(more) <= 16
    assert all(not sample.rollout.closes and len(sample.rollout.written) == 32 for sample in more)
    engine = draw(tmp_path, more)
    assert pending(tmp_path, deeper) == []
    assert sum(request.max_tokens == 32 for request in engine.requests) == len(more)


def test_thinking_is_read_back_once_however_many_shards_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for prompt in PROMPTS:
        draw(tmp_path, pending(tmp_path, prompts=[prompt]))
    monkeypatch.setattr("sweeps.plan.READ_TOKENS", 1)
    opened: list[Path] = []
    read = store.read_shard

    def note(path: Path, *given: Any, **more: Any) -> pa.Table:
        opened.append(path)
        return read(path, *given, **more)

    monkeypatch.setattr(store, "read_shard", note)
    more = pending(tmp_path, [PoolSpec("evaluation", 4, along_budgets((0, 4, 8, 32)))])
    assert len(more) > 4 and all(sample.rollout.written for sample in more)
    shards = sorted((tmp_path / "traces").glob("*.parquet"))
    # Read to compare, to find each prompt's, and for its tokens.
    assert {path: opened.count(path) for path in shards} == dict.fromkeys(shards, 3)


def test_another_identity_shares_no_rows(tmp_path: Path) -> None:
    draw(tmp_path, pending(tmp_path))
    (state,) = read_states(tmp_path, "another", PROMPTS, SPECS)
    assert state.pending_PS.all()


def test_only_the_anchor_draws_samples_for_bins() -> None:
    grid = Grid(widths=(1, 4), budgets=(0, 64), anchor="large", bin_samples=3)
    assert pool_specs(grid, Model("x", name="small")) == [PoolSpec("evaluation", 4, along_budgets((0, 64)))]
    assert pool_specs(grid, Model("x", name="large"))[1] == PoolSpec("bins", 3, along_budgets((64,)))


def test_an_identity_is_a_function_of_its_parts_alone() -> None:
    parts = {"weights": "w", "sampling": {"temperature": 1.0, "top_p": 1.0}}
    assert hash_identity(parts) == hash_identity(dict(reversed(parts.items())))
    assert hash_identity(parts) != hash_identity(parts | {"weights": "v"})


def test_a_context_too_short_is_told_with_the_largest_budget_that_fits() -> None:
    checkpoint = replace(read_checkpoint(Model("ladder/checkpoints/countdown-33k")), context=100)

    def check(budget: int) -> int:
        grid = Grid(widths=(1,), budgets=(0, budget))
        return check_context(
            checkpoint,
            model=Model("m"),
            longest_prompt=10,
            grid=grid,
            renderer=RENDERER,
            sampling=CONTEXT.sampling,
        )

    with pytest.raises(ValueError, match="Lower grid.budgets to at most 81") as error:
        check(90)
    assert "context of 100" in str(error.value)
    assert check(81) == 100
