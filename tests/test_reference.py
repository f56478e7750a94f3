"""What the embedded ladder must show, read off the committed run: real effects, none of them assumed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.questions import exchange_rates
from analysis.questions.exchange_rates import ALL_PROMPTS, Findings
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes

REFERENCE = Path("results/reference")
RUNGS = ["countdown-33k", "countdown-125k", "countdown-0.4m", "countdown-1.1m"]


@pytest.fixture(scope="module")
def found() -> Findings:
    return exchange_rates.measure(read(outcomes.load(REFERENCE), Choices()))


def rates(found: Findings) -> pd.DataFrame:
    table = found.exchange_rates
    return table[(table["rule"] == "maj_at_k") & (table["path"] == "width") & (table["large"] == RUNGS[-1])]


def single_answers(found: Findings) -> pd.DataFrame:
    table = found.curves
    table = table[(table["rule"] == "maj_at_k") & (table["path"] == "width") & (table["bin"] == ALL_PROMPTS)]
    return table[table["width"] == 1].set_index("model")


def test_accuracy_rises_with_size_and_the_ends_of_the_ladder_are_apart(found: Findings) -> None:
    answers = single_answers(found).loc[RUNGS]
    assert answers["accuracy"].is_monotonic_increasing
    assert answers.loc[RUNGS[0], "high"] < answers.loc[RUNGS[-1], "low"]


def test_thinking_helps_every_rung(found: Findings) -> None:
    accuracy = found.cells.pivot(index="model", columns="budget", values="accuracy")
    assert ((accuracy[256] - accuracy[0]) >= 0.15).all()
    assert set(accuracy.index) == set(RUNGS)


def test_some_exchange_rate_is_finite_and_some_is_never(found: Findings) -> None:
    table = rates(found)
    assert (np.isfinite(table["high"]) & ~table["at_or_below"]).any()
    assert ((table["bin"] != ALL_PROMPTS) & (table["share_never"] >= 0.95)).any()


def test_no_prompt_is_missing_from_the_committed_run() -> None:
    loaded = outcomes.load(REFERENCE)
    assert len(loaded.prompt_ids) == 120 and not loaded.dropped
    assert (loaded.num_samples, list(loaded.budgets)) == (16, [0, 16, 32, 64, 128, 256])


def committed_intervals() -> list[Path]:
    """Tables of committed figures that hold accuracies with their intervals."""
    found = [*REFERENCE.glob("figures/*.csv"), *Path("results/real").glob("*/figures/*.csv")]
    return [
        path
        for path in sorted(found)
        if {"accuracy", "coverage"} & set(columns := head(path)) and "low" in columns
    ]


def head(path: Path) -> list[str]:
    return list(pd.read_csv(path, nrows=0).columns)


@pytest.mark.parametrize("path", committed_intervals(), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_committed_interval_holds_its_accuracy_and_is_told_as_smooth(path: Path) -> None:
    table = pd.read_csv(path).rename(columns={"coverage": "accuracy"}).dropna(subset=["accuracy", "low", "high"])
    if "num_prompts" not in table:
        table["num_prompts"] = table["total_prompts"]
    assert len(table) and ((table["low"] <= table["accuracy"]) & (table["accuracy"] <= table["high"])).all()
    few = table[table["num_prompts"] < 60]
    # As wide at least as what a draw of so many prompts misses with a chance of one in two.
    assert (few["high"] - few["low"] >= 1 - 0.5 ** (1 / few["num_prompts"])).all()
    ends = ["low", "high"]
    if "band_low" in table:
        assert ((table["band_low"] <= table["low"]) & (table["band_high"] >= table["high"])).all()
        ends += ["band_low", "band_high"]
    if "width" in table:
        same = [name for name in ("model", "small", "bin", "rule", "path", "budget", "kind") if name in table]
        for cell, curve in table.dropna(subset="width").sort_values("width").groupby(same, dropna=False):
            moved = curve[["accuracy", *ends]].diff().abs()
            assert (moved.loc[moved["accuracy"] < 0.01, ends] < 0.1).all(axis=None), cell
