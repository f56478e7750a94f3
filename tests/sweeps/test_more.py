"""Asking a finished run for more: tokens generated are tokens needed, and every stored byte stays."""

import asyncio
from pathlib import Path

import pytest

from harness.rendering import Renderer
from harness.samples import finish_samples
from harness.traces import Context
from harness.types import Prompt, Sampling, Thinking
from ladder.tokenizer import build_tokenizer
from results import store
from results.schema import ANSWERS, TRACES
from sweeps.plan import PoolSpec, iterate_pending, read_states
from sweeps.provenance import Device
from sweeps.writer import Writer
from tests.harness.scripted_engine import ScriptedEngine

BUDGETS = (0, 16, 64)
PROMPTS = [Prompt(f"countdown/{i:05d}", f"{i} 2 3=6", {}) for i in range(12)]
FINISHED = (PoolSpec("evaluation", 8, BUDGETS),)
AT_MOST = 1.02


class Run:
    """A run on disk, finished with a scripted engine that counts what it writes."""

    def __init__(self, root: Path, extensions: int = 0) -> None:
        extend = "+" if extensions else ""
        thinking = Thinking(
            open="<think>", close="</think>", force="</think>", extensions=extensions, extend=extend
        )
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
            ends = dict.fromkeys(wanted, None)
            for row in traces:
                if (key := (row["prompt_id"], row["pool"], row["sample"])) in wanted:
                    num_needed += min(row["num_thinking_tokens"], max(spec.budgets) - row["start_token"])
                    if row["ended"]:
                        ends[key] = row["start_token"] + row["num_thinking_tokens"]
            for row in answers:
                if (key := (row["prompt_id"], row["pool"], row["sample"])) in wanted:
                    end = ends[key]
                    serving = {None if end is not None and end <= budget else budget for budget in spec.budgets}
                    num_needed += row["num_answer_tokens"] * (row["budget"] in serving)
        return num_needed

    def shards(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.root.glob("*/*.parquet")}


MORE = {
    "wider": ((PoolSpec("evaluation", 16, BUDGETS),), PROMPTS[:8]),
    "a budget between": ((PoolSpec("evaluation", 8, (0, 16, 32, 64)),), PROMPTS[:8]),
    "deeper": ((PoolSpec("evaluation", 8, (*BUDGETS, 256)),), PROMPTS[:8]),
    "more prompts": (FINISHED, PROMPTS),
    "a pool for bins": ((*FINISHED, PoolSpec("bins", 4, (64,))), PROMPTS[:8]),
    "all at once": ((PoolSpec("evaluation", 16, (0, 8, 16, 64, 128)), PoolSpec("bins", 4, (128,))), PROMPTS),
}


@pytest.mark.parametrize("extensions", [0, 2], ids=["plain", "extended"])
@pytest.mark.parametrize("kind", MORE)
def test_more_costs_the_difference_and_leaves_every_shard(tmp_path: Path, kind: str, extensions: int) -> None:
    run = Run(tmp_path, extensions)
    specs, prompts = MORE[kind]
    before, had = run.shards(), run.tokens_needed(specs, prompts)
    generated = run.finish(specs, prompts)
    # What is put over a close marker is stored as thinking and was never generated; the marker was, and is not
    # stored.
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


def test_less_costs_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.finish((PoolSpec("evaluation", 2, (0, 16)),), PROMPTS[:3]) == 0


def test_what_was_cut_goes_on_where_it_was_cut_and_what_had_ended_is_left_alone(tmp_path: Path) -> None:
    run = Run(tmp_path)
    ended = store.scan(tmp_path, TRACES).filter(store.pc.field("ended")).num_rows
    assert 0 < ended < 64
    run.finish(*MORE["deeper"])
    rows = store.scan(tmp_path, TRACES).to_pylist()
    assert {row["start_token"] for row in rows} == {0, 64}
    assert len(rows) == 64 + (64 - ended)
