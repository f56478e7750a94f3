"""Rounds of strategies as an axis, on a run drawn with a scripted engine, against its rows read one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.costs.cost_models import COST_MODELS
from analysis.reading import curves
from analysis.runs import outcomes, rounds
from analysis.runs.along import Along, Everywhere
from analysis.runs.arms import Arm, StoredRun
from analysis.runs.nodes import count_rounds
from analysis.text import health
from results import store
from results.cuts import Caps
from results.nodes import NodePool, read_pool
from results.schema import ANSWERS, CELLS, GRADES, MODELS, STRATEGIES, TRACES
from sweeps.grade import grade_run
from tests.drawn_rounds import draw, make

WORDS = ("strategies=[embedded_revision,without_answer]", "grid.rounds=[1,2,4]", "task.size=6")
BUDGETS, LAST = (0, 12), 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rounds")
    draw(root, *WORDS)
    draw(root, *WORDS, "model=countdown-125k")
    grade_run(root, [make(root, *WORDS).task])
    return root


class Rows:
    """Stored rows of one model by their keys."""

    def __init__(self, root: Path, identity: str) -> None:
        answers, grades = (store.scan(root, table, identity=identity).to_pandas() for table in (ANSWERS, GRADES))
        key = ["prompt_id", "pool", "sample", "budget"]
        self.answers = answers.astype({"prompt_id": object, "pool": object}).merge(
            grades.astype({"prompt_id": object, "pool": object})[[*key, "correct", "vote_key"]], on=key
        )

    def of(self, pool: str, prompt_id: str, sample: int, budget: int) -> Any:
        """The answer that serves a budget."""
        own = self.answers[
            (self.answers["pool"] == pool)
            & (self.answers["prompt_id"] == prompt_id)
            & (self.answers["sample"] == sample)
        ]
        natural = own[own["budget"].isna() & (own["num_thinking_tokens"] <= budget)]
        return (natural if len(natural) else own[own["budget"] == budget]).iloc[0]

    def chain(self, strategy: rounds.Strategy, prompt_id: str, sample: int, budget: int, last: int) -> list[Any]:
        pools = [
            str(NodePool(strategy.name, strategy.version, number, "revise", budget))
            for number in range(2, last + 1)
        ]
        return [self.of(pool, prompt_id, sample, budget) for pool in ("evaluation", *pools)]


def read_tokens(row: Any) -> int:
    """The length of the prompt of a round: its request without thinking and the marker that was put behind it."""
    return int(row["num_prompt_tokens"] - row["num_thinking_tokens"] - row["forced"])


def written_tokens(row: Any) -> int:
    return int(row["num_thinking_tokens"] + row["forced"] + row["num_answer_tokens"])


def each_cell(arm: Arm) -> list[tuple[int, int, int]]:
    return [tuple(map(int, at)) for at in np.argwhere(np.ones(arm.samples.correct.shape, bool))]  # type: ignore[misc]


@pytest.mark.parametrize("name", ["revision", "without_answer"])
def test_a_round_is_right_where_its_own_answer_is_and_costs_what_all_before_it_do(root: Path, name: str) -> None:
    loaded = outcomes.load(root, along=Along("rounds", {"budget": 12}, strategy=name))
    strategy = rounds.read_strategies(root)[name]
    assert loaded.budgets.tolist() == [1, 2, 3, 4][:LAST] and len(loaded.arms) == 2 and loaded.num_samples == 4
    for arm in loaded.arms:
        rows = Rows(root, arm.rung.identity)
        costs = {model: arm.sample_cost(COST_MODELS[model]) for model in ("c1", "c2", "tokens")}
        for at, prompt, sample in each_cell(arm):
            chain = rows.chain(strategy, loaded.prompt_ids[prompt], sample, 12, int(loaded.budgets[at]))
            assert arm.samples.correct[at, prompt, sample] == chain[-1]["correct"]
            assert arm.decoded_tokens[at, prompt, sample] == sum(map(written_tokens, chain))
            for model, cost in costs.items():
                priced = COST_MODELS[model]
                told = [
                    np.array([float(size)]) for row in chain for size in (read_tokens(row), written_tokens(row))
                ]
                wanted = sum(
                    priced.decode(arm.rung.shape, *told[2 * each : 2 * each + 2]) for each in range(len(chain))
                )
                wanted = wanted + sum(
                    priced.prefill(arm.rung.shape, told[2 * each]) for each in range(1, len(chain))
                )
                assert cost[at, prompt, sample] == pytest.approx(wanted.item(), rel=1e-12)
        one = curves.cell_cost(arm, COST_MODELS["c2"], [1, 3], rule="maj_at_k")
        prefill = COST_MODELS["c2"].prefill(arm.rung.shape, arm.prompt_tokens.astype(float))
        assert np.allclose(one[..., 1], prefill + 3 * costs["c2"].mean(axis=2))


def test_budgets_are_read_in_any_round(root: Path) -> None:
    loaded = outcomes.load(root, along=Along("budget", {"rounds": 3}, strategy="revision"))
    strategy = rounds.read_strategies(root)["revision"]
    assert loaded.budgets.tolist() == list(BUDGETS)
    for arm in loaded.arms:
        rows = Rows(root, arm.rung.identity)
        for at, prompt, sample in each_cell(arm):
            chain = rows.chain(strategy, loaded.prompt_ids[prompt], sample, BUDGETS[at], 3)
            assert arm.samples.correct[at, prompt, sample] == chain[-1]["correct"]
            assert arm.samples.thinking_tokens[at, prompt, sample] == sum(
                row["num_thinking_tokens"] for row in chain
            )


def test_all_settings_hold_every_round_of_the_strategy_that_is_named(root: Path) -> None:
    loaded = outcomes.load(root, along=Everywhere(strategy="revision"))
    assert isinstance(loaded.along, Everywhere)
    assert set(loaded.along.settings) == {
        Caps(budget, rounds=number) for budget in BUDGETS for number in (1, 2, 3, 4)
    }
    alone = outcomes.load(root, along=Along("rounds", {"budget": 12}, strategy="revision"))
    for number, caps in enumerate(loaded.along.settings):
        if caps.budget == 12:
            for one, other in zip(loaded.arms, alone.arms, strict=True):
                assert (one.samples.correct[number] == other.samples.correct[caps.rounds - 1]).all()
                assert (
                    one.sample_cost(COST_MODELS["c2"], number)
                    == other.sample_cost(COST_MODELS["c2"], caps.rounds - 1)
                ).all()


def test_samples_as_they_come_are_read_as_in_a_run_without_rounds(root: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    for model in ("33k", "125k"):
        draw(plain, f"model=countdown-{model}", "task.size=6")
    grade_run(plain, [make(plain, "task.size=6").task])
    for along in (Along(), Along(strategy="revision")):
        for one, other in zip(outcomes.load(root, along=along).arms, outcomes.load(plain).arms, strict=True):
            for name in ("correct", "thinking_tokens", "answer_tokens", "closing_tokens", "outcome"):
                assert (getattr(one.samples, name) == getattr(other.samples, name)).all()
            assert one.later is None and (one.prompt_tokens == other.prompt_tokens).all()


def test_whose_rounds_has_to_be_said_where_there_are_several(root: Path) -> None:
    with pytest.raises(ValueError, match="with --strategy: revision, without_answer"):
        outcomes.load(root, along=Along("rounds"))
    with pytest.raises(ValueError, match="no strategy 'other' .* choose from revision, without_answer"):
        outcomes.load(root, along=Along("rounds", strategy="other"))
    with pytest.raises(ValueError, match="No cell has 9 rounds; there are 1, 2, 3, 4"):
        outcomes.load(root, along=Along(at={"rounds": 9}, strategy="revision"))


def test_a_chain_ends_where_one_of_its_rounds_is_not_there(tmp_path: Path) -> None:
    """A round is read where all before it are: those behind a hole are left out, though they are stored."""
    draw(tmp_path, *WORDS)
    grade_run(tmp_path, [make(tmp_path, *WORDS).task])
    lost = outcomes.load(tmp_path, along=Along("rounds", strategy="revision")).prompt_ids[2]

    def is_lost(row: dict[str, Any]) -> bool:
        pool = read_pool(row["pool"])
        return row["prompt_id"] == lost and pool is not None and pool[:3] == ("revision", pool.version, 3)

    for path in (tmp_path / "answers").glob("*.parquet"):
        table = pd.read_parquet(path)
        store_rows = [not is_lost(row) for row in table.to_dict("records")]
        table[store_rows].to_parquet(path)
    loaded = outcomes.load(tmp_path, along=Along("rounds", strategy="revision"))
    assert loaded.budgets.tolist() == [1, 2] and [number for number, _ in loaded.budgets_aside] == [3, 4]
    assert len(outcomes.load(tmp_path, along=Along(strategy="revision")).prompt_ids) == 6


def test_two_versions_of_a_strategy_are_told_apart(tmp_path: Path) -> None:
    for version in ("a1", "b2"):
        row = {
            "strategy": "mine",
            "strategy_version": version,
            "strategy_parts": '{"agents": 1, "round": [{"name": "x", "prompt": ""}]}',
        }
        store.append(tmp_path, STRATEGIES, [row], writer="m")
    assert list(rounds.read_strategies(tmp_path)) == ["mine-a1", "mine-b2"]
    row = {"strategy": "bad", "strategy_version": "c", "strategy_parts": '{"agents": "many"}'}
    store.append(tmp_path, STRATEGIES, [row], writer="m")
    with pytest.raises(ValueError, match="its row of strategy bad does not say what its rounds are"):
        rounds.read_strategies(tmp_path)


def test_the_cells_of_later_rounds_are_declared(root: Path) -> None:
    cells = store.scan(root, CELLS).to_pandas()
    assert {pool.round for pool in map(read_pool, cells["pool"].unique()) if pool} == {2, 3, 4}
    assert store.scan(root, TRACES).num_rows


def test_health_counts_what_every_call_of_a_round_wrote(tmp_path: Path) -> None:
    draw(tmp_path, "strategies=[embedded_revision]", "grid.rounds=[1,3]", group=True)
    task = make(tmp_path).task
    grade_run(tmp_path, [task])
    [identity] = store.scan(tmp_path, MODELS)["identity"].to_pylist()
    counted = count_rounds(tmp_path, identity, grader=(task.grader, task.grader_version))
    answers = store.scan(tmp_path, ANSWERS).to_pandas().astype({"pool": object})
    pools = {pool: part for pool, part in answers.groupby("pool") if read_pool(pool)}
    assert len(counted) == len(pools) == 2 * 2 * 5
    for row in counted.itertuples():
        [part] = [
            part
            for pool, part in pools.items()
            if (found := read_pool(pool))
            and found[:1] + found[2:5] == (row.strategy, row.round, row.call, row.budget)
        ]
        assert row.num_samples == row.num_asked == len(part)
        assert row.thinking_tokens == pytest.approx(part["num_thinking_tokens"].mean())
        assert row.cut == part["forced"].mean() and row.full == (part["finish_reason"] == "length").mean()
        assert np.isnan(row.unparsed) == (row.call in ("look", "vote"))
    text = health.render(StoredRun(tmp_path))
    assert "Rounds behind the first" in text and max(map(len, text.splitlines())) <= 120
    assert count_rounds(tmp_path, "another", grader=("a", "b")).empty
