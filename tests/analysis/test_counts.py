"""Success counts stay counts from the table to the interval, each prompt's own, beside a direct computation."""

from fractions import Fraction
from functools import cache
from math import exp, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.questions import exchange_rates, matches, votes
from analysis.reading import curves
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.runs.counts import Counted
from analysis.stats.bootstrap import MIN_REPLICATES, prompt_weights
from analysis.stats.vote_bounds import majority
from analysis.text import matches as matches_text
from isoquant.__main__ import main
from tests.door import ingest

MAP = ["--map", "model=model", "prompt=item", "num_samples=n", "num_correct=c"]
# The least samples a prompt of each model; some prompts have more, one a great many.
LEAST = {"small": 40, "middle": 150, "large": 12}
CHANCES = {"small": 0.02, "middle": 0.05, "large": 0.2}
NUM_PROMPTS, MANY = 25, 2_980_608


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for model, least in LEAST.items():
        for item, ease in enumerate(rng.uniform(0.2, 2, NUM_PROMPTS)):
            n = MANY if item == 4 and model == "small" else least + int(rng.choice([0, 0, 7, 1000]))
            rows.append((model, f"p{item:02}", n, rng.binomial(n, CHANCES[model] * ease)))
    return pd.DataFrame(rows, columns=["model", "item", "n", "c"])


@pytest.fixture(scope="module")
def root(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counts")
    table.to_csv(folder / "table.csv", index=False)
    assert ingest([str(folder / "table.csv"), str(folder / "run"), *MAP, "--task", "t"]) == 0
    return folder / "run"


@cache
def solved(n: int, c: int, k: int) -> Fraction:
    """1 - C(n-c, k) / C(n, k), by taking k samples one after another."""
    wrong = Fraction(1)
    for taken in range(k):
        if n - c - taken <= 0:
            return Fraction(1)
        wrong *= Fraction(n - c - taken, n - taken)
    return 1 - wrong


def direct(table: pd.DataFrame, model: str, k: int) -> np.ndarray:
    """Of each prompt, in order."""
    part = table[table["model"] == model].sort_values("item")
    return np.array([float(solved(n, c, k)) for n, c in zip(part["n"], part["c"], strict=True)])


def test_coverage_of_every_prompt_is_the_formula_of_its_own_counts(root: Path, table: pd.DataFrame):
    loaded = outcomes.load(root)
    assert not loaded.dropped and loaded.num_samples == 12
    for arm in loaded.arms:
        path = curves.own_path(arm, "pass_at_k")
        assert path.widths[-1] == arm.num_samples == LEAST[arm.rung.name]
        (found,) = curves.rule_accuracy(arm, path.widths, "pass_at_k", rng=np.random.default_rng(0))
        wanted = np.stack([direct(table, arm.rung.name, k) for k in path.widths], axis=1)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=0)


def test_curves_matches_and_intervals_equal_a_direct_computation(root: Path, table: pd.DataFrame):
    """Everything but the draw of the resamples is worked out again, a replicate at a time."""
    found = exchange_rates.measure(read(outcomes.load(root), Choices(), seed=5))
    weights = prompt_weights(NUM_PROMPTS, num_replicates=MIN_REPLICATES, rng=np.random.default_rng(5))
    rates = found.exchange_rates.set_index(["small", "large", "path"])
    targets = {model: weights @ direct(table, model, 1) / weights.sum(axis=1) for model in LEAST}
    for small, large in (("small", "middle"), ("small", "large"), ("middle", "large")):
        curve = found.curves[(found.curves["model"] == small) & (found.curves["path"] == "width")]
        widths = curve["width"].tolist()
        means = np.stack([weights @ direct(table, small, k) / weights.sum(axis=1) for k in widths], axis=1)
        np.testing.assert_allclose(curve["accuracy"], means[0], rtol=1e-9)
        steps = np.array([crossing(widths, row, aim) for row, aim in zip(means, targets[large], strict=True)])
        row = rates.loc[small, large, "width"]
        assert row["max_step"] == LEAST[small] == widths[-1]
        assert row["step"] == pytest.approx(steps[0], rel=1e-7)
        # Samples are the unit, so that a rate is a number of samples.
        assert row["exchange_rate"] == pytest.approx(steps[0], rel=1e-7)
        ordered = np.sort(steps[1:])
        assert row["low"] == pytest.approx(ordered[49], rel=1e-7)
        assert row["high"] == pytest.approx(ordered[1949], rel=1e-7)
        assert row["share_never"] == np.isinf(steps[1:]).mean()


def crossing(widths: list[int], accuracy: np.ndarray, target: float) -> float:
    """Where a curve first reaches the target, linear in log k; inf where it never does."""
    for at, reached in enumerate(accuracy):
        if reached >= target:
            if at == 0:
                return 1.0
            share = (target - accuracy[at - 1]) / (reached - accuracy[at - 1])
            return exp(log(widths[at - 1]) + share * log(widths[at] / widths[at - 1]))
    return np.inf


def test_each_match_goes_as_far_as_the_models_own_samples(root: Path):
    reading = read(outcomes.load(root), Choices(), rule="pass_at_k")
    found = matches.match(reading)
    assert {match.small: match.max_width for match in found} == {"small": 40, "middle": 150}
    assert "within the 40 to 150 samples that each has" in matches_text.render(found, reading)


def test_samples_held_out_of_counts_and_the_rest_add_up(root: Path):
    arm = outcomes.load(root).arms[0]
    assert isinstance(arm.stored, Counted)
    first, rest = arm.split(8)
    assert set(first.stored.num_samples.ravel()) == {8} and first.num_samples == 8
    np.testing.assert_array_equal(first.stored.num_correct + rest.stored.num_correct, arm.stored.num_correct)
    np.testing.assert_array_equal(rest.stored.num_samples + 8, arm.stored.num_samples)
    assert np.all(rest.stored.num_correct <= rest.stored.num_samples)
    again, _ = arm.split(8)
    np.testing.assert_array_equal(first.stored.num_correct, again.stored.num_correct)


def test_samples_drawn_from_counts_are_right_as_often():
    shape = (1, 4000)
    counted = Counted(
        np.full(shape, 1_000_000), np.full(shape, 300_000), np.zeros(shape), np.full(shape, 7.4), seed=1
    )
    drawn = counted.draw(6)
    assert drawn.correct.shape == (1, 4000, 6) and set(drawn.answer_tokens.ravel()) == {7}
    # 24,000 of them: four standard errors.
    assert drawn.correct.mean() == pytest.approx(0.3, abs=0.012)
    assert np.abs(drawn.correct.mean(axis=(0, 1)) - 0.3).max() < 0.03


def test_bins_of_each_models_own_accuracy_are_read_from_counts(root: Path):
    found = exchange_rates.measure(read(outcomes.load(root), Choices(Binning("own", num_bins=2))))
    widest = found.curves.groupby("model")["width"].max()
    assert {model: widest[model] + found.setting.bin_samples for model in LEAST} == LEAST


@pytest.mark.parametrize("command", ["summary", "match", "laws", "figures", "report", "power", "replay"])
def test_every_command_reads_uneven_counts(root: Path, command: str, capsys: pytest.CaptureFixture[str]):
    assert main([command, str(root)]) == 0
    said = capsys.readouterr().out
    if command == "summary":
        assert "25 prompts, 12 to 150 samples each" in said and "at 150" in said
    if command == "replay":
        assert "12 of each prompt were drawn from them" in said


def test_counts_tell_how_alike_answers_are_and_bound_votes_of_right_against_wrong(root: Path):
    loaded = read(outcomes.load(root), Choices())
    cells, bounds = votes.measure(loaded)[:2]
    assert cells["modal"].isna().all() and bounds["voted"].isna().all()
    small = bounds[(bounds["model"] == "small") & bounds["measured"].notna()].iloc[-1]
    assert small["width"] <= small["num_votes"] == LEAST["small"]
    tally = next(arm for arm in loaded.arms if arm.rung.name == "small").tally(-1)
    assert small["measured"] == pytest.approx(majority(*tally, [small["width"]]).mean())
