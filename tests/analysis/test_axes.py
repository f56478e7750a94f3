"""Two axes of one run: planted exponents, peaks and gold, on arrays and on a run; and what the command says."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.questions import axes as question
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.runs import calls, outcomes
from analysis.runs.along import Along
from analysis.stats.bootstrap import prompt_weights, weighted_means
from analysis.stats.exponents import Rise, compare_exponents
from analysis.stats.mediation import Cell, mediate
from analysis.stats.peaks import MARGIN, find_peak
from analysis.validation import axes as validation
from isoquant.__main__ import main
from results.cuts import NEVER
from tests.results.made_axes import Axes
from tests.results.made_calls import BUDGETS, CALLS, CLOSES, RESULT_TOKENS, Searching

STEPS, TOKENS = np.arange(6.0), np.array([0.0, 16, 32, 48, 64, 96, 128])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Searching().write(tmp_path_factory.mktemp("calls") / "run")


def both(root: Path) -> tuple[Reading, Reading]:
    along, thinking = (read(outcomes.load(root, along=Along(axis)), Choices()) for axis in ("calls", "budget"))
    return along, thinking


def still(*rises: Rise) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies on the curves, in every one of some replicates."""
    first, second = (np.tile(rise.accuracy(x), (40, 1)) for rise, x in zip(rises, (STEPS, TOKENS), strict=True))
    return first, second


def test_a_curve_is_at_its_floor_without_steps_and_half_way_at_its_scale():
    rise = Rise(0.1, 0.7, 30.0, 1.8)
    assert rise.accuracy([0.0, 30.0, 1e12]) == pytest.approx([0.1, 0.4, 0.7])
    # What is missing to the ceiling falls as a power of the steps, and what is won over the floor rises as one.
    far, near = 0.7 - rise.accuracy([3e4, 3e5]), rise.accuracy([3e-4, 3e-3]) - 0.1
    assert np.log10(far[0] / far[1]) == pytest.approx(1.8, abs=1e-3) == np.log10(near[1] / near[0])


@pytest.mark.parametrize(("of_calls", "of_tokens"), [(1.5, 1.5), (0.8, 2.5), (4.0, 1.0)])
def test_planted_curves_are_found_and_told_apart_where_their_exponents_differ(of_calls: float, of_tokens: float):
    planted = Rise(0.02, 0.9, 2.0, of_calls), Rise(0.1, 0.95, 40.0, of_tokens)
    found = compare_exponents(still(*planted), (STEPS, TOKENS), num_prompts=50_000)
    for curve, truth in zip(found.own.curves, planted, strict=True):
        assert tuple(curve) == pytest.approx(tuple(truth), rel=0.02)
    assert found.ratio.estimate == pytest.approx(of_calls / of_tokens, rel=0.02) and found.own.converged
    assert max(found.own.misses) < 1e-3 and found.share_converged == 1
    is_one = of_calls == of_tokens
    assert (found.likelihood_ratio < 0.01) == is_one == (max(found.common.misses) < 1e-3)
    assert found.common.curves[0].exponent == pytest.approx(found.common.curves[1].exponent)


def test_the_units_of_an_axis_change_its_scale_alone():
    planted = Rise(0.02, 0.9, 2.0, 2.5), Rise(0.1, 0.95, 40.0, 1.2)
    noise = np.random.default_rng(0).normal(0, 0.01, (40, 13))
    first, second = (
        curve + noise[:, at] for curve, at in zip(still(*planted), (slice(6), slice(6, 13)), strict=True)
    )
    found = compare_exponents((first, second), (STEPS, TOKENS), num_prompts=300)
    scaled = compare_exponents((first, second), (STEPS * 7, TOKENS / 1000), num_prompts=300)
    swapped = compare_exponents((second, first), (TOKENS, STEPS), num_prompts=300)
    assert scaled.own.curves[0].scale == pytest.approx(7 * found.own.curves[0].scale, rel=1e-3)
    for other in (scaled, swapped):
        assert other.likelihood_ratio == pytest.approx(found.likelihood_ratio, abs=1e-3)
        assert other.p_value == pytest.approx(found.p_value, abs=0.05)
    assert swapped.ratio.estimate == pytest.approx(1 / found.ratio.estimate, rel=1e-3)


def test_two_exponents_are_never_less_likely_than_one():
    rng = np.random.default_rng(3)
    for _ in range(8):
        noisy = tuple(np.tile(np.sort(rng.random(num)), (3, 1)) for num in (6, 7))
        found = compare_exponents((noisy[0], noisy[1]), (STEPS, TOKENS), num_prompts=50)
        assert found.likelihood_ratio >= 0 and 0 < found.p_value <= 1


def test_a_replicate_without_prompts_does_not_count():
    planted = Rise(0.02, 0.9, 2.0, 2.5), Rise(0.1, 0.95, 40.0, 1.2)
    first, second = still(*planted)
    first[7], second[7] = np.nan, np.nan
    found = compare_exponents((first, second), (STEPS, TOKENS), num_prompts=500)
    assert found.share_converged == 1 and np.isfinite(found.ratio).all()


def test_a_curve_needs_a_cell_more_than_it_has_parameters():
    with pytest.raises(ValueError, match="at least 5 cells on each axis, not 4"):
        compare_exponents((np.ones((3, 4)), np.ones((3, 7))), (STEPS[:4], TOKENS), num_prompts=9)


@pytest.fixture
def few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("stats.bootstrap", "validation.axes"):
        monkeypatch.setattr(f"analysis.{module}.MIN_REPLICATES", 400)


@pytest.mark.usefixtures("few_replicates")
def test_one_exponent_is_rejected_where_there_are_two_and_seldom_where_there_is_one():
    checks = validation.exponents(120, num_prompts=200, rng=np.random.default_rng(1))
    assert len(checks) == 3 and [check for check in checks if not check.holds] == []
    assert checks[-1].observed == 1


@pytest.mark.usefixtures("few_replicates")
def test_a_chi_squared_of_cells_that_share_samples_would_miss_what_the_bootstrap_finds():
    """Were the cells taken for independent, a ratio would have to be above 3.84."""
    rng = np.random.default_rng(2)
    found = [validation._test(validation.plant(2.5, 1.25), 60, rng) for _ in range(12)]
    by_bootstrap = sum(test.p_value <= 0.05 for test in found)
    assert by_bootstrap > sum(test.likelihood_ratio >= 3.84 for test in found)


def test_a_peak_is_told_where_it_is_and_not_on_a_flat_end():
    rng = np.random.default_rng(0)
    hardness = rng.random((400, 1))
    weights = prompt_weights(400, num_replicates=2000, rng=rng)
    cases = {"peak": [0.3, 0.7, 0.8, 0.6], "no peak": [0.3, 0.5, 0.6, 0.8]}
    for verdict, chances in cases.items():
        right = np.where(rng.random((400, 4)) < 0.1, rng.random((400, 4)), hardness) < chances
        found = find_peak(right.astype(float), weights)
        assert (found.verdict, found.at) == (verdict, 2)
        assert (found.excess.low > 0) == (verdict == "peak") and (found.most <= MARGIN) == (verdict == "no peak")
        means = right.mean(axis=0)
        assert found.excess.estimate == pytest.approx(means[2] - means[3])
    few = find_peak(np.tile([0.0, 1.0, 0.5], (3, 1)), np.ones((2001, 3)))
    assert few.verdict == "not known"


@pytest.mark.usefixtures("few_replicates")
def test_peaks_of_a_flat_end_are_seldom_seen_and_planted_ones_are():
    checks = validation.peaks(200, num_prompts=200, rng=np.random.default_rng(1))
    assert len(checks) == 2 and [check for check in checks if not check.holds] == []


@pytest.mark.usefixtures("few_replicates")
def test_cells_taken_one_by_one_would_see_peaks_that_are_not_there(monkeypatch: pytest.MonkeyPatch):
    from analysis.stats import differences

    together = differences.together
    monkeypatch.setattr(
        "analysis.stats.differences.together",
        lambda *given: (found := together(*given))._replace(interval=found.alone),
    )
    flat, _ = validation.peaks(400, num_prompts=200, rng=np.random.default_rng(1))
    assert flat.observed > 0.05


def drawn(
    found: float, right: float, wrong: float, rng: np.random.Generator, num: int = 20_000
) -> tuple[Cell, Cell]:
    """A first cell without any gold and right with chance `wrong`, a last one that found
    it and is right with it.
    """
    has = rng.random((num, 4)) < found
    first = Cell((rng.random((num, 4)) < wrong).astype(float), np.zeros((num, 4), dtype=bool))
    return first, Cell((rng.random((num, 4)) < np.where(has, right, wrong)).astype(float), has)


@pytest.mark.parametrize(("found", "right", "wrong"), [(0.7, 0.9, 0.1), (0.3, 0.6, 0.2), (0.95, 0.99, 0.0)])
def test_a_gain_that_all_goes_through_gold_is_explained(found: float, right: float, wrong: float):
    rng = np.random.default_rng(0)
    told = mediate(*drawn(found, right, wrong, rng), np.ones((3, 20_000)))
    assert told.found == (0.0, pytest.approx(found, abs=0.01)) and told.right_with == pytest.approx(
        right, abs=0.01
    )
    assert told.share.estimate == pytest.approx(1, abs=0.03) == told.within.estimate
    # The gain is the explained part and what both kinds gained.
    rest = told.right_without - drawn(found, right, wrong, np.random.default_rng(0))[0].worth.mean()
    explained = told.found[1] * (told.right_with - told.right_without)
    assert told.gain.estimate == pytest.approx(explained + rest)


def test_a_gain_without_gold_is_not_explained_and_easy_prompts_explain_nothing_within():
    rng = np.random.default_rng(1)
    easy = rng.random((4000, 1)) < 0.5
    has = rng.random((4000, 8)) < np.where(easy, 0.9, 0.2)
    right = (rng.random((4000, 8)) < np.where(easy, 0.8, 0.3)).astype(float)
    first = Cell(np.zeros((4000, 8)), np.zeros((4000, 8), dtype=bool))
    weights = prompt_weights(4000, num_replicates=2000, rng=rng)
    told = mediate(first, Cell(right, has), weights)
    assert told.share.low > 0.3 and told.within.low < 0 < told.within.high
    assert told.within.high - told.within.low < 0.1


def test_nothing_is_explained_without_a_gain_or_where_all_found_it():
    rng = np.random.default_rng(2)
    first, last = drawn(0.5, 0.2, 0.2, rng, num=60)
    weights = prompt_weights(60, num_replicates=2000, rng=rng)
    assert np.isnan(mediate(first, first, weights).share.estimate)
    every = Cell(np.ones((60, 4)), np.ones((60, 4), dtype=bool))
    told = mediate(first, every, weights)
    assert told.gain.estimate > 0.5 and np.isnan(told.share.estimate) and np.isnan(told.within.estimate)


def test_gold_is_found_where_it_was_planted(run: Path):
    made, loaded = Searching(), outcomes.load(run, along=Along("calls"))
    for arm in loaded.arms:
        gold = calls.find_gold(run, arm.rung.identity, loaded.prompt_ids, loaded.num_samples)
        assert gold is not None and gold.named.all()
        planted = [[made.found_at(arm.rung.name, at, s) for s in range(4)] for at in range(made.size)]
        assert gold.found_at.tolist() == [[NEVER if at is None else at for at in row] for row in planted]
        # An answer has read as many results as stand at or before its cut.
        results = arm.samples.thinking_tokens // 10 * RESULT_TOKENS
        assert arm.given_tokens is not None and (arm.given_tokens == results).all()


def test_what_found_gold_explains_is_what_the_run_was_made_with(run: Path):
    made = Searching()
    along, thinking = both(run)
    gold = {
        arm.rung.name: calls.find_gold(run, arm.rung.identity, along.asked.prompt_ids, along.asked.num_samples)
        for arm in along.arms
    }
    found = question.compare(along, thinking, gold)
    assert found.axes == ("calls", "budget") and {row.bin for row in found.found} >= {"all prompts"}
    row = next(row for row in found.found if (row.model, row.bin) == ("small", "all prompts"))
    places = [(at, s) for at in range(made.size) for s in range(4)]
    has = np.array([made.found_at("small", *place) is not None for place in places])
    right = np.array([made.is_right("small", *place, CLOSES) for place in places])
    before = np.array([made.is_right("small", *place, 6) for place in places])
    assert row.mediation.found == (0.0, pytest.approx(has.mean()))
    share = has.mean() * (right[has].mean() - right[~has].mean()) / (right.mean() - before.mean())
    assert row.mediation.share.estimate == pytest.approx(share) and share > 0.9


def test_held_out_samples_leave_gold_with_the_samples_it_is_of(run: Path, capsys: pytest.CaptureFixture[str]):
    made = Searching()
    assert main(["axes", str(run), "--difficulty", "own", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["found"]
    row = next(row for row in told if (row["model"], row["bin"]) == ("small", "all prompts"))
    has = np.mean([made.found_at("small", at, s) is not None for at in range(made.size) for s in (2, 3)])
    assert row["mediation"]["found"] == [0.0, pytest.approx(has)]


def test_the_command_says_what_can_be_told_and_why_not(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert main(["axes", str(run), "--difficulty", "label", "--label", "hops"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "along tool calls (at 64 thinking tokens) and along thinking tokens (with 5 tool calls)" in said
    assert "all prompts (45)" in said
    assert "one may serve both" in said and "Kitagawa" in said
    unnamed = Searching(names_gold=False, models=("large",)).write(tmp_path / "unnamed")
    assert main(["axes", str(unnamed), "--bins", "1"]) == 0
    said = capsys.readouterr().out
    assert "names no gold documents" in said and "Kitagawa" not in said
    short = Axes().write(tmp_path / "short")
    assert main(["axes", str(short), "--bins", "1"]) == 0
    assert "only 12 prompts" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setattr("analysis.questions.axes.MIN_PROMPTS", 5)
    assert main(["axes", str(short), "--bins", "1"]) == 0
    assert "only 2 numbers of tool calls" in " ".join(capsys.readouterr().out.split())
    assert main(["axes", str(short), "--along", "budget"]) == 2
    assert "--along has to name another" in capsys.readouterr().err
    assert main(["axes", "results/reference"]) == 2
    assert "nothing to read along" in capsys.readouterr().err


def test_the_object_of_the_command_holds_every_number(run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["axes", str(run), "--bins", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["axes"] == ["calls", "budget"] and len(told["exponents"]) == 2 and len(told["peaks"]) == 4
    test = told["exponents"][0]["test"]
    assert {"floor", "ceiling", "scale", "exponent"} == set(test["own"]["curves"][0])
    assert {row["value"] for row in told["peaks"]} <= {*CALLS, *BUDGETS}


def test_accuracies_at_the_ends_of_both_axes_are_those_of_one_cell(run: Path):
    along, thinking = both(run)
    for first, second in zip(along.arms, thinking.arms, strict=True):
        assert (first.accuracy[-1] == second.accuracy[-1]).all()
        assert weighted_means(along.weights, first.accuracy[-1:].T).shape == (2001, 1)
    assert (along.weights == thinking.weights).all()
