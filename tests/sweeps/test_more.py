"""Asking a finished run for more: tokens generated are tokens needed, and every stored byte stays."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from harness.rendering import Renderer
from harness.samples import finish_samples
from harness.traces import Context
from harness.types import Prompt, Sampling, Thinking
from ladder.tokenizer import build_tokenizer
from results import store
from results.cuts import Caps, along_budgets
from results.schema import ANSWERS, TRACES
from sweeps.plan import PoolSpec, iterate_pending, read_states
from sweeps.provenance import Device
from sweeps.writer import Writer
from tests.harness.scripted_engine import ScriptedEngine

BUDGETS = (0, 16, 64)
PROMPTS = [Prompt(f"countdown/{i:05d}", f"{i} 2 3=6", {}) for i in range(12)]
FINISHED = (PoolSpec("evaluation", 8, along_budgets(BUDGETS)),)
AT_MOST = 1.02


class Run:
    """A run on disk, finished with a scripted engine that counts what it writes."""

    def __init__(self, root: Path) -> None:
        thinking = Thinking(open="<think>", close="</think>", force="</think>", extend="+")
        self.root = root
        self.renderer = Renderer(build_tokenizer(), thinking, eos_ids=(0,))
        self.finish(FINISHED, PROMPTS[:8])

    def finish(self, specs: tuple[PoolSpec, ...], prompts: list[Prompt], identity: str = "identity") -> int:
        """Draw what is missing; return how many tokens were generated."""
        engine = ScriptedEngine(stop_chance=0.03)
        writer = Writer(
            self.root, "model", identity, device=Device("CPU", 1), samples_in_flight=16, flush_seconds=60
        )
        states = read_states(self.root, identity, prompts, specs)
        asyncio.run(
            finish_samples(
                engine,
                Context(identity, self.renderer, Sampling(max_answer_tokens=8)),
                iterate_pending(self.root, identity, prompts, states, renderer=self.renderer),
                samples_in_flight=16,
                on_sample=writer.add,
            )
        )
        writer.flush()
        return engine.num_tokens

    def tokens_needed(self, specs: tuple[PoolSpec, ...], prompts: list[Prompt], identity: str = "identity") -> int:
        """Tokens of the stored rows that this grid is made of, and of no other: counted row by row."""
        traces = store.scan(self.root, TRACES, identity=identity).to_pylist()
        answers = store.scan(self.root, ANSWERS, identity=identity).to_pylist()
        for table, rows in ((TRACES, traces), (ANSWERS, answers)):
            assert len({tuple(row[name] for name in table.key) for row in rows}) == len(rows)
        num_needed = 0
        for spec in specs:
            wanted = {(prompt.prompt_id, spec.pool, s) for prompt in prompts for s in range(spec.num_samples)}
            closes: dict[tuple[str, str, int], list[int]] = {key: [] for key in wanted}
            for row in traces:
                if row["ended"] and (key := (row["prompt_id"], row["pool"], row["sample"])) in wanted:
                    closes[key].append(row["start_token"] + row["num_thinking_tokens"])
            cuts = {key: [cut(cell, sorted(closes[key])) for cell in spec.cells] for key in wanted}
            for row in traces:
                if (key := (row["prompt_id"], row["pool"], row["sample"])) in wanted:
                    length = max(place for place, _ in cuts[key]) - row["start_token"]
                    num_needed += max(min(row["num_thinking_tokens"], length), 0)
            for row in answers:
                if (key := (row["prompt_id"], row["pool"], row["sample"])) in wanted:
                    num_needed += row["num_answer_tokens"] * (row["budget"] in {name for _, name in cuts[key]})
        return num_needed

    def shards(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.root.glob("*/*.parquet")}


def cut(cell: Caps, closes: list[int]) -> tuple[int, int | None]:
    """Where a run with these caps would have ended, and what the budget of its answer is stored as."""
    for number, close in enumerate(close for close in closes if close <= cell.budget):
        if number == cell.extensions or close == cell.budget:
            return close, close if number else None
    return cell.budget, cell.budget


def extended(specs: tuple[PoolSpec, ...], most: int) -> tuple[PoolSpec, ...]:
    """The same with every budget extended up to so often."""
    return tuple(
        replace(spec, cells=tuple(Caps(cell.budget, e) for cell in spec.cells for e in range(most + 1)))
        for spec in specs
    )


MORE = {
    "wider": ((PoolSpec("evaluation", 16, along_budgets(BUDGETS)),), PROMPTS[:8]),
    "a budget between": ((PoolSpec("evaluation", 8, along_budgets((0, 16, 32, 64))),), PROMPTS[:8]),
    "deeper": ((PoolSpec("evaluation", 8, along_budgets((*BUDGETS, 256))),), PROMPTS[:8]),
    "more prompts": (FINISHED, PROMPTS),
    "a pool for bins": ((*FINISHED, PoolSpec("bins", 4, along_budgets((64,)))), PROMPTS[:8]),
    "all at once": (
        (
            PoolSpec("evaluation", 16, along_budgets((0, 8, 16, 64, 128))),
            PoolSpec("bins", 4, along_budgets((128,))),
        ),
        PROMPTS,
    ),
}


@pytest.mark.parametrize("extensions", [0, 2], ids=["plain", "extended"])
@pytest.mark.parametrize("kind", MORE)
def test_more_costs_the_difference_and_leaves_every_shard(tmp_path: Path, kind: str, extensions: int) -> None:
    run = Run(tmp_path)
    specs, prompts = MORE[kind]
    specs = extended(specs, extensions)
    before, had = run.shards(), run.tokens_needed(specs, prompts)
    generated = run.finish(specs, prompts)
    needed = run.tokens_needed(specs, prompts) - had
    assert needed > 0 and generated <= AT_MOST * needed
    assert {path: run.shards()[path] for path in before} == before
    assert run.finish(specs, prompts) == 0


@pytest.mark.parametrize("what", ["another model", "another task"])
def test_another_identity_costs_a_whole_grid_and_leaves_every_shard(tmp_path: Path, what: str) -> None:
    run = Run(tmp_path)
    before = run.shards()
    generated = run.finish(FINISHED, PROMPTS[:8], identity=what)
    assert generated <= AT_MOST * run.tokens_needed(FINISHED, PROMPTS[:8], identity=what)
    assert {path: run.shards()[path] for path in before} == before


def test_extensions_cost_what_is_written_behind_each_close_and_one_answer_a_cut(tmp_path: Path) -> None:
    run, specs = Run(tmp_path), extended(FINISHED, 2)
    had = run.tokens_needed(specs, PROMPTS[:8])
    before = run.shards()
    generated = run.finish(specs, PROMPTS[:8])
    needed = run.tokens_needed(specs, PROMPTS[:8]) - had
    assert 0 < generated <= AT_MOST * needed
    assert {path: run.shards()[path] for path in before} == before
    rows = store.scan(tmp_path, TRACES).filter(store.pc.field("extend_ids").is_valid()).to_pylist()
    assert rows and all(row["extend_ids"] == list(run.renderer.extend_ids) for row in rows)
    # From the other end: what was drawn with extensions holds the grid without.
    assert run.finish(FINISHED, PROMPTS[:8]) == 0
    again = Run(tmp_path / "again")
    again.finish(specs, PROMPTS[:8])
    assert again.finish(FINISHED, PROMPTS[:8]) == 0


def test_less_costs_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.finish((PoolSpec("evaluation", 2, along_budgets((0, 16))),), PROMPTS[:3]) == 0


def test_what_was_cut_goes_on_where_it_was_cut_and_what_had_ended_is_left_alone(tmp_path: Path) -> None:
    run = Run(tmp_path)
    ended = store.scan(tmp_path, TRACES).filter(store.pc.field("ended")).num_rows
    assert 0 < ended < 64
    run.finish(*MORE["deeper"])
    rows = store.scan(tmp_path, TRACES).to_pylist()
    assert {row["start_token"] for row in rows} == {0, 64}
    assert len(rows) == 64 + (64 - ended)
