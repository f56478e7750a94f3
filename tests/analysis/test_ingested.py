"""Outcomes from elsewhere, read by everything downstream or refused with the reason."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import numerals
from analysis.questions import exchange_rates
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.stats.estimators import pass_at_k
from isoquant.__main__ import main
from results import schema
from results.ingest.outcomes import Ingested, Known, Sample
from results.ingest.write import write
from tests.door import ingest

RATES = {"small": 0.1, "medium": 0.3, "large": 0.6}
SIZES = ["small=1e9", "medium=3e9", "large=9e9"]
MAP = ["model=model", "prompt=item", "sample=run", "correct=right", "answer=reply"]
TOKENS = ["prompt_tokens=read", "decoded_tokens=wrote"]
Ingest = Callable[..., Path]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Three models, 40 prompts of 6 samples; the answers are a right one and three wrong ones."""
    rng = np.random.default_rng(0)
    rows = [
        (model, f"p{item}", run, right := rng.random() < rate, "right" if right else f"wrong-{rng.integers(3)}")
        for model, rate in RATES.items()
        for item in range(40)
        for run in range(6)
    ]
    frame = pd.DataFrame(rows, columns=["model", "item", "run", "right", "reply"])
    return frame.assign(
        read=20,
        wrote=rng.integers(50, 90, len(frame)),
        usd=frame["model"].map({"small": 1.0, "medium": 4, "large": 9}),
    )


@pytest.fixture
def ingested(table: pd.DataFrame, tmp_path: Path) -> Ingest:
    """ingested(mapping, ...) fills a run from the table, or from another one, and returns where it lies."""

    def fill(*mapping: str, options: tuple[str, ...] = (), rows: pd.DataFrame = table, name: str = "run") -> Path:
        rows.to_csv(tmp_path / "table.csv", index=False)
        assert ingest([str(tmp_path / "table.csv"), str(tmp_path / name), "--map", *mapping, *options]) == 0
        return tmp_path / name

    return fill


def find(root: Path, **choices: str) -> exchange_rates.Findings:
    return exchange_rates.measure(read(outcomes.load(root), Choices(**choices)))


def tally(table: pd.DataFrame) -> pd.DataFrame:
    counts = table.groupby(["model", "item"])["right"].agg(["size", "sum"]).reset_index()
    return counts.rename(columns={"size": "n", "sum": "c"})


COUNTS = ("model=model", "prompt=item", "num_samples=n", "num_correct=c")


def test_counts_say_what_samples_say_of_coverage(ingested: Ingest, table: pd.DataFrame):
    """The same outcomes as counts and as samples, in coverage, samples spent and exchange rates."""
    as_samples = find(ingested(*MAP, name="samples"), cost="samples")
    as_counts = find(ingested(*COUNTS, rows=tally(table), name="counts"))
    assert set(as_counts.curves["rule"]) == {"pass_at_k"} and as_counts.setting.cost_model == "samples"
    for name in ("curves", "exchange_rates"):
        one, other = (getattr(found, name) for found in (as_samples, as_counts))
        one = one[one["rule"] == "pass_at_k"].reset_index(drop=True)
        columns = (
            ["accuracy", "cost", "low", "high"] if name == "curves" else ["exchange_rate", "low", "high", "step"]
        )
        np.testing.assert_allclose(one[columns], other[columns])


def test_uneven_counts_are_read_whole(ingested: Ingest, capsys: pytest.CaptureFixture[str]):
    rows = pd.DataFrame(
        [
            (model, f"p{item}", n, c)
            for model in "ab"
            for item in range(30)
            for n, c in [(50, 20) if item else (80, 32)]
        ],
        columns=["model", "item", "n", "c"],
    )
    loaded = outcomes.load(ingested(*COUNTS, rows=rows))
    assert (loaded.num_samples, len(loaded.prompt_ids)) == (50, 30)
    tally = loaded.arms[0].tally(0)
    assert sorted(zip(tally.num_correct.tolist(), tally.num_samples.tolist(), strict=True))[-2:] == [
        (20, 50),
        (32, 80),
    ]
    assert "Unused" not in capsys.readouterr().out


@pytest.mark.parametrize("thinking", [(), ("thinking_tokens=thought",)], ids=["unknown", "known"])
def test_an_answer_without_a_limit_serves_no_smaller_budget(ingested: Ingest, thinking: tuple[str, ...]):
    """Two runs of their own: at 1,000 tokens every answer is wrong,
    without a limit right, though half think less.
    """
    rows = pd.DataFrame(
        [
            ("small", f"p{item}", run, budget == "", "x", budget, 600, 500 if run % 2 else 550)
            for item in range(10)
            for run in range(4)
            for budget in (1000, "")
        ],
        columns=["model", "item", "run", "right", "reply", "limit", "wrote", "thought"],
    )
    mapping = (*MAP, "budget=limit", "decoded_tokens=wrote", *thinking)
    loaded = outcomes.load(ingested(*mapping, rows=rows))
    assert loaded.budgets.tolist() == [1000, schema.UNLIMITED]
    assert loaded.arms[0].samples.correct.mean(axis=(1, 2)).tolist() == [0, 1]


def test_as_many_samples_are_unused_as_is_said_where_they_are_ingested(
    ingested: Ingest, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
):
    """A fourth of the small model's prompts has one sample, of the medium one's two; all others six."""
    most = (
        table["model"]
        .map({"small": 1, "medium": 2, "large": 6})
        .where(table["item"].isin([f"p{item}" for item in range(10)]), 6)
    )
    rows = table[table["run"] < most]
    loaded = outcomes.load(ingested(*MAP, rows=rows))
    num_read = sum(arm.samples.present[0].sum() for arm in loaded.arms)
    assert loaded.num_samples == 1 and not loaded.dropped
    told = re.findall(r"Unused (\d+) of (\w+) on outside: beyond (\d+) a prompt", capsys.readouterr().out)
    assert [(model, number) for _, model, number in told] == [("small", "1"), ("medium", "2")]
    assert sum(int(number) for number, _, _ in told) == len(rows) - num_read


def test_models_without_a_budget_in_common_are_refused(
    ingested: Ingest, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
):
    rows = table.assign(limit=table["model"].map({"small": 1000, "medium": 2000, "large": 4000}))
    root = ingested(*MAP, "budget=limit", rows=rows)
    assert main(["summary", str(root)]) == 2
    assert "have no thinking budget in common in" in capsys.readouterr().err


def test_a_vote_on_counts_is_refused_with_the_reason(
    ingested: Ingest, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
):
    root = ingested(*COUNTS, rows=tally(table))
    assert main(["summary", str(root), "--rule", "maj_at_k"]) == 2
    assert "this run holds only counts of correct samples of small, medium, large" in (capsys.readouterr().err)


@pytest.mark.parametrize(
    ("mapping", "options", "cost"),
    [
        ((*MAP, *TOKENS), ("--params", *SIZES), "c1"),
        ((*MAP, *TOKENS, "usd=usd"), (), "c5"),
        ((*MAP, "usd=usd"), ("--params", *SIZES), "c5"),
        ((*MAP, *TOKENS), (), "tokens"),
        ((*MAP, "decoded_tokens=wrote"), ("--params", *SIZES), "c1"),
        ((*MAP, "decoded_tokens=wrote"), (), "tokens"),
        (tuple(MAP), ("--params", *SIZES), "samples"),
    ],
)
def test_what_is_spent_is_told_in_the_best_unit_that_is_known(
    ingested: Ingest, mapping: tuple[str, ...], options: tuple[str, ...], cost: str
):
    found = find(ingested(*mapping, options=options))
    assert found.setting.cost_model == cost
    one = found.curves[(found.curves["rule"] == "maj_at_k") & (found.curves["width"] == 1)].drop_duplicates(
        "model"
    )
    cost_of = one.set_index("model")["cost"]
    assert list(cost_of.index) == ["small", "medium", "large"]
    ratio = {"c1": 9, "c5": 9, "tokens": 1, "samples": 1}[cost]
    assert cost_of["large"] / cost_of["small"] == pytest.approx(ratio, rel=0.03)
    assert one["total_tokens"].isna().all() == ("decoded_tokens=wrote" not in mapping)


@pytest.mark.parametrize("tokens", [(*TOKENS,), ("decoded_tokens=wrote",), ()], ids=["all", "decoded", "none"])
def test_dollars_are_those_that_were_charged(ingested: Ingest, tokens: tuple[str, ...]):
    found = find(ingested(*MAP, *tokens, "usd=usd"), cost="c5")
    one = found.curves[(found.curves["width"] == 1) & (found.curves["rule"] == "maj_at_k")]
    assert one.drop_duplicates("model")["cost"].tolist() == pytest.approx([1, 4, 9])


@pytest.mark.parametrize("is_counted", [False, True], ids=["samples", "counts"])
def test_dollars_without_tokens_are_those_of_each_budget(ingested: Ingest, table: pd.DataFrame, is_counted: bool):
    rows = pd.concat([table.assign(limit=limit, usd=table["usd"] * limit / 1e6) for limit in (1000, 4000)])
    mapping = [pair for pair in MAP if not (is_counted and pair.startswith("answer"))]
    found = find(ingested(*mapping, "usd=usd", "budget=limit", rows=rows))
    assert found.setting.cost_label == "the mean charge of a sample"
    deeper = found.curves[(found.curves["path"] == "budget") & (found.curves["rule"] == "pass_at_k")]
    costs = deeper.set_index(["model", "budget"])["cost"]
    assert [costs[model, 4000] for model in RATES] == pytest.approx([0.004, 0.016, 0.036])
    assert [costs[model, 1000] for model in RATES] == pytest.approx([0.001, 0.004, 0.009])


def test_dollars_of_samples_stand_beside_dollars_of_tokens(ingested: Ingest, table: pd.DataFrame):
    rows = table.assign(wrote=table["wrote"].where(table["model"] != "small"))
    found = find(ingested(*MAP, *TOKENS, "usd=usd", rows=rows), cost="c5")
    assert found.setting.cost_label == "price per token, of small the mean charge of a sample"
    one = found.curves[(found.curves["width"] == 1) & (found.curves["rule"] == "maj_at_k")]
    assert one.drop_duplicates("model")["cost"].tolist() == pytest.approx([1, 4, 9])
    assert one.drop_duplicates("model")["total_tokens"].isna().tolist() == [True, False, False]


def test_prompts_of_unknown_length_are_counted_for_no_model_and_the_label_says_so(
    ingested: Ingest, table: pd.DataFrame
):
    rows = table.assign(read=table["read"].where(table["model"] != "small"))
    found = find(ingested(*MAP, *TOKENS, rows=rows))
    assert found.setting.cost_label == (
        "model size not counted; prompts are not counted, because their lengths are not known"
    )
    one = found.curves[(found.curves["width"] == 1) & (found.curves["rule"] == "maj_at_k")]
    expected = table.groupby("model", sort=False)["wrote"].mean().tolist()
    assert one.drop_duplicates("model")["cost"].tolist() == pytest.approx(expected)


def test_a_cost_that_cannot_be_told_is_refused_with_what_can(ingested: Ingest, capsys: pytest.CaptureFixture[str]):
    root = ingested(*MAP, *TOKENS)
    for cost, lacking in (("c1", "size"), ("c2", "size"), ("c5", "price")):
        assert main(["summary", str(root), "--cost", cost]) == 2
        error = capsys.readouterr().err
        assert f"Cost model {cost} needs the {lacking} of every model; small has none." in error
        assert "Known in this run: tokens, samples." in error
    assert main(["summary", str(ingested(*MAP, name="bare")), "--cost", "c5"]) == 2
    error = capsys.readouterr().err
    assert "Cost model c5 needs the tokens or dollars of every model; small has none." in error


def test_models_of_unknown_size_are_ordered_by_accuracy(ingested: Ingest):
    loaded = outcomes.load(ingested(*MAP, options=("--params", "large=1e9")))
    assert [arm.rung.name for arm in loaded.arms] == ["small", "medium", "large"]
    assert all(np.isnan(arm.rung.num_params) for arm in loaded.arms)


def test_figures_and_summary_come_from_an_ingested_run(
    ingested: Ingest, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
):
    root = ingested(*COUNTS, rows=tally(table))
    capsys.readouterr()
    assert main(["figures", str(root), "--summary"]) == 0
    printed = capsys.readouterr().out
    assert "1.00x: the same samples as one answer of the larger model" in printed
    assert "with no limit on thinking" in printed and " nan" not in printed and "2147483647" not in printed
    assert "its samples [" in printed and "its compute" not in printed
    drawn = [Path(line) for line in printed.splitlines() if line.endswith(".png")]
    assert [path.name for path in drawn][:2] == ["substitution.png", "exchange_rates.png"]
    lines = [line.split(": not drawn.")[0] for line in printed.splitlines() if ": not drawn." in line]
    left_out = [name for line in lines for name in line.split(", ")]
    # Success counts hold no thinking budgets to choose among.
    assert "grid" in left_out and not {path.stem for path in drawn} & set(left_out)


def test_the_health_of_cells_is_refused_where_there_are_no_traces(
    ingested: Ingest, capsys: pytest.CaptureFixture[str]
):
    assert main(["health", str(ingested(*MAP))]) == 2
    assert "without traces, and" in capsys.readouterr().err


def test_training_is_planned_on_an_ingested_run(ingested: Ingest, capsys: pytest.CaptureFixture[str]):
    tokens = ["--pretraining-tokens", *(size.split("=")[0] + "=1e12" for size in SIZES)]
    options = ["--target", "0.5", "--queries", "1e9"]
    root = ingested(*MAP, *TOKENS, options=("--params", *SIZES, *tokens))
    assert main(["serve", str(root), *options]) == 0
    assert "large" in capsys.readouterr().out
    assert main(["serve", str(ingested(*MAP, name="sizeless")), *options, *tokens]) == 2
    unread = ingested(*MAP, "decoded_tokens=wrote", options=("--params", *SIZES, *tokens), name="unread")
    assert main(["serve", str(unread), *options]) == 2


def test_published_coverage_comes_from_the_ingested_table(outside_data: Callable[[str], Path], tmp_path: Path):
    """Pythia on MATH through the store: coverage at 1 and 10,000, and the samples that match 12B's one answer."""
    source = outside_data("monkeys/pythia_math_10k.parquet")
    mapping = ("model=Model", "prompt=Problem Idx", "num_samples=Num. Samples Total")
    command = [str(source), str(tmp_path / "pythia"), "--map", *mapping, "num_correct=Num. Samples Correct"]
    sizes = {"70M": 7e7, "160M": 1.6e8, "410M": 4.1e8, "1B": 1e9, "2.8B": 2.8e9, "6.9B": 6.9e9, "12B": 1.2e10}
    models = ["Pythia 160M", "Pythia 12B"]
    params = [f"Pythia {name}={size}" for name, size in sizes.items() if f"Pythia {name}" in models]
    assert ingest([*command, "--models", *models, "--params", *params]) == 0
    found = find(tmp_path / "pythia")
    ends = (
        found.curves[found.curves["path"] == "width"]
        .groupby("model", sort=False)["accuracy"]
        .agg(["first", "last"])
    )
    np.testing.assert_allclose(ends, [[0.0027, 0.5703], [0.0232, 0.8750]], atol=5e-5)
    row = found.exchange_rates[found.exchange_rates["path"] == "width"].iloc[0]
    assert row["step"] == pytest.approx(9.2, abs=0.1)


def test_unbiased_coverage_of_counts_is_that_of_their_estimator(ingested: Ingest, table: pd.DataFrame):
    found = find(ingested(*COUNTS, rows=tally(table)))
    for model, rows in tally(table).groupby("model"):
        curve = found.curves[(found.curves["model"] == model) & (found.curves["path"] == "width")]
        expected = pass_at_k(6, rows["c"].to_numpy()[:, None], curve["width"]).mean(axis=0)
        np.testing.assert_allclose(curve["accuracy"], expected)


@pytest.mark.parametrize(
    ("finish", "cut"),
    [
        (["stop"] * 3, "0%"),
        (["length", "stop", "stop"], "33%"),
        (["length", None, "stop"], "-"),
        ([None] * 3, "-"),
    ],
)
def test_what_cut_an_answer_is_never_told_where_the_source_does_not_say(
    tmp_path: Path, finish: list[str | None], cut: str
):
    found = Ingested(models={"m": Known()})
    for number, reason in enumerate(finish):
        truncated = None if reason is None else reason == "length"
        sample = Sample("m", "t", f"p{number}", correct=not truncated, answer="4", truncated=truncated)
        found.samples.append(replace(sample, outcome="truncated" if truncated else None))
        found.prompts["t", f"p{number}"] = {}
    write(tmp_path, found, source="log")
    (cell,) = exchange_rates.measure(read(outcomes.load(tmp_path), Choices())).cells.to_dict("records")
    told = {name: numerals.percent(cell[f"{name}_share"]) for name in ("cut", "forced", "capped", "truncated")}
    assert told == {"cut": "-", "forced": "-", "capped": cut, "truncated": cut}
