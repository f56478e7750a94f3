"""What a plan promises against what drawing then takes, on the scripted engine."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.samples import finish_samples
from harness.types import Grid, Sampling
from results import store
from results.cuts import along_budgets
from results.schema import ANSWERS, TRACES
from sweeps.forecast import Measured, forecast
from sweeps.identity import differences
from sweeps.plan import PoolSpec, PoolState, iterate_pending, read_states
from sweeps.provenance import Device
from sweeps.writer import Writer
from tests.harness.greedy import Greedy
from tests.harness.test_calls import CLOSE_ID, OPEN_ID, PLAIN_IDS, RENDERER, Echo, context_of
from tests.sweeps.test_more import BUDGETS, FINISHED, MORE, PROMPTS, Run


class Prepared(SimpleNamespace):
    """A checked job of samples as they come."""

    @property
    def every_state(self) -> list[PoolState]:
        return list(self.states)


def prepared(run: Run, specs: tuple[PoolSpec, ...], prompts: list) -> Any:
    return prepared_of(run.root, specs, prompts)


def prepared_of(root: Path, specs: tuple[PoolSpec, ...], prompts: list, max_answer_tokens: int = 8) -> Any:
    grid = Grid(widths=(1, specs[0].num_samples), budgets=tuple(cell.budget for cell in specs[0].cells))
    engine, sampling, model = (
        SimpleNamespace(num_devices=1),
        Sampling(max_answer_tokens=max_answer_tokens),
        SimpleNamespace(name="m"),
    )
    told = {"is_here": False, "strategy": None, "label": model.name}
    job = SimpleNamespace(run=root, grid=grid, engine=engine, sampling=sampling, model=model, **told)
    checkpoint = SimpleNamespace(weights_digest="none", architecture=SimpleNamespace(num_matmul_params=1000))
    states = read_states(root, "identity", prompts, specs)
    num_pending = sum(int(state.pending_PS.sum()) for state in states)
    return Prepared(
        verifier=None,
        layers=(),
        job=job,
        identity="identity",
        task_id="task",
        states=states,
        num_pending=num_pending,
        checkpoint=checkpoint,
    )


@pytest.mark.parametrize("kind", MORE)
def test_expected_tokens_and_rows_are_near_those_that_drawing_takes(tmp_path: Path, kind: str) -> None:
    run = Run(tmp_path)
    specs, prompts = MORE[kind]
    plan = forecast(prepared(run, specs, prompts))
    before, forced = num_rows(run), num_forced(run)
    generated = run.finish(specs, prompts)
    assert plan.is_measured and generated <= plan.max_tokens
    assert plan.expected_tokens == pytest.approx(generated, rel=0.25)
    assert plan.num_rows == pytest.approx(num_rows(run) - before, rel=0.25)
    # Counts of independent samples: three standard deviations.
    assert plan.num_forced == pytest.approx(num_forced(run) - forced, abs=3 * plan.num_forced**0.5)


def test_without_a_row_the_plan_is_the_most_that_the_grid_can_take(tmp_path: Path) -> None:
    run = Run(tmp_path)
    job = prepared(run, FINISHED, PROMPTS[:8])
    job.identity, job.states = "other", read_states(run.root, "other", PROMPTS[:8], FINISHED)
    plan = forecast(job)
    # Every trace to the cap, forced at 0, 16 and 64.
    assert plan.max_tokens == plan.expected_tokens == 64 * (64 + 3 * 8)
    assert not plan.is_measured and plan.hours is None and plan.num_forced == 64 * 3


def test_a_finished_grid_costs_nothing_and_has_every_cell(tmp_path: Path) -> None:
    run = Run(tmp_path)
    plan = forecast(prepared(run, FINISHED, PROMPTS[:8]))
    assert (plan.num_samples, plan.expected_tokens, plan.max_tokens, plan.num_rows) == (0, 0, 0, 0)
    assert plan.num_cells_done == plan.num_cells == 2 * len(BUDGETS)


def test_cells_are_done_where_every_prompt_is_answered(tmp_path: Path) -> None:
    run = Run(tmp_path)
    wider = forecast(prepared(run, (PoolSpec("evaluation", 16, along_budgets(BUDGETS)),), PROMPTS[:8]))
    assert (wider.num_cells_done, wider.num_cells) == (len(BUDGETS), 2 * len(BUDGETS))
    between = forecast(prepared(run, (PoolSpec("evaluation", 8, along_budgets((0, 16, 32, 64))),), PROMPTS[:8]))
    assert (between.num_cells_done, between.num_cells) == (6, 8)


def test_survival_without_cuts_is_the_share_that_is_longer() -> None:
    lengths = np.array([3, 3, 5, 9])
    survival = Measured(lengths, np.ones(4, bool), None).survival(10)
    assert np.allclose(survival, [(lengths > t).mean() for t in range(11)])


def test_a_cut_trace_counts_as_longer_than_its_cut() -> None:
    survival = Measured(np.array([2, 4]), np.array([True, False]), None).survival(6)
    # Beyond the longest, one ending in the six tokens that were seen.
    assert np.allclose(survival, [1, 1, 0.5, 0.5, 0.5, 0.5 * 5 / 6, 0.5 * (5 / 6) ** 2])


def test_two_identities_are_told_apart_by_what_differs() -> None:
    stored = {"dtype": "float32", "sampling": {"temperature": 0.6}, "task": {"name": "t"}}
    asked = {"dtype": "float32", "sampling": {}, "task": {"name": "t"}, "seed": 1}
    assert differences(stored, asked) == [
        "sampling.temperature: 0.6 is stored, its default is asked for",
        "seed: its default is stored, 1 is asked for",
    ]
    assert differences(stored, stored) == []


def num_forced(run: Run) -> int:
    return int(store.scan(run.root, ANSWERS).to_pandas()["forced"].sum())


def num_rows(run: Run) -> int:
    return sum(store.scan(run.root, table).num_rows for table in (TRACES, ANSWERS))


def test_answers_from_elsewhere_whose_length_nobody_knows_do_not_hinder_a_plan(tmp_path: Path) -> None:
    run = Run(tmp_path)
    before = forecast(prepared(run, *MORE["wider"]))
    outside = {"identity": "outside", "prompt_id": "maths/0", "pool": "evaluation", "sample": 0, "text": "7"}
    store.append(run.root, ANSWERS, [outside], writer="ingest-outside")
    assert forecast(prepared(run, *MORE["wider"])).expected_tokens == before.expected_tokens


def test_a_grid_without_thinking_is_measured_by_its_answers(tmp_path: Path) -> None:
    run, wider = Run(tmp_path), (PoolSpec("evaluation", 16, along_budgets((0,))),)
    run.finish((PoolSpec("evaluation", 8, along_budgets((0,))),), PROMPTS[:8], identity="shallow")
    job = prepared(run, wider, PROMPTS[:8])
    job.identity, job.states = "shallow", read_states(run.root, "shallow", PROMPTS[:8], wider)
    plan = forecast(job)
    assert plan.is_measured
    assert plan.expected_tokens == pytest.approx(run.finish(wider, PROMPTS[:8], identity="shallow"), rel=0.25)


AXES = {
    "calls": Grid(widths=(4,), budgets=(40,), calls=(0, 1, 2)),
    "calls at budgets": Grid(widths=(4,), budgets=(0, 10, 40), calls=(0, 1, 3)),
    "extensions": Grid(widths=(4,), budgets=(60,), extensions=(0, 1, 2)),
    "all three": Grid(widths=(4,), budgets=(0, 10, 60), extensions=(0, 1, 2), calls=(0, 2, 3)),
}


@pytest.mark.parametrize(
    "begun", [None, Grid(widths=(2,), budgets=(10,)), Grid(widths=(4,), budgets=(30,), calls=(1,))]
)
@pytest.mark.parametrize("kind", AXES)
def test_no_grid_of_calls_and_extensions_takes_more_than_a_plan_says_at_most(
    tmp_path: Path, kind: str, begun: Grid | None
) -> None:
    for grid in filter(None, [begun, AXES[kind]]):
        specs = (PoolSpec("evaluation", max(grid.widths), grid.cells),)
        job = prepared_of(tmp_path, specs, PROMPTS, 4)
        plan, before = forecast(job), num_answers(tmp_path)
        engine = draw_with_calls(tmp_path, job.states)
        assert engine.num_written <= plan.max_tokens
        assert plan.num_rows >= 0 and plan.expected_tokens <= plan.max_tokens
        # Beside all thinking that there can be.
        if not plan.is_measured:
            most_answers = plan.max_tokens - plan.num_samples * max(grid.budgets)
            assert 4 * (num_answers(tmp_path) - before) <= most_answers
    assert forecast(prepared_of(tmp_path, specs, PROMPTS, 4)).max_tokens == 0


def draw_with_calls(root: Path, states: list[PoolState]) -> Greedy:
    """Draw what is missing by an engine that never ends an answer, so that each has its longest length."""
    engine = Greedy(
        PLAIN_IDS,
        {RENDERER.close_id: 0.06, OPEN_ID: 0.08, CLOSE_ID: 0.2},
        decode=lambda ids: RENDERER.decode_whole(tuple(ids)),
    )
    writer = Writer(root, "model", "identity", device=Device("CPU", 1), samples_in_flight=4, flush_seconds=60)
    pending = iterate_pending(root, "identity", PROMPTS, states, renderer=RENDERER)
    asyncio.run(finish_samples(engine, context_of(Echo()), pending, samples_in_flight=4, on_sample=writer.add))
    writer.flush()
    return engine


def num_answers(root: Path) -> int:
    return store.scan(root, ANSWERS).num_rows
