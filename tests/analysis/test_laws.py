import re
from pathlib import Path

import numpy as np
import pytest

from analysis.questions import laws
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.stats import bootstrap, flatness
from analysis.stats.coverage import fit_power_law
from analysis.stats.difficulty import quantile_bins
from analysis.stats.estimators import pass_at_k
from analysis.text import law_table
from isoquant.__main__ import main


@pytest.fixture(scope="module")
def found(ladder_run: Path) -> laws.Laws:
    choices = Choices(Binning(num_bins=2), num_replicates=400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "MIN_REPLICATES", 400)
        return laws.fit(read(outcomes.load(ladder_run), choices, rule="maj_at_k"))


def test_every_model_has_every_family_and_its_held_out_errors(found: laws.Laws):
    assert set(found.curves) == {"33k", "125k", "0.4m", "1.1m"}
    for each in found.curves.values():
        assert [curve.fit.family for curve in each] == ["logit_linear", "logistic", "saturating"]
        assert all(np.isfinite(curve.fit.held_out).all() for curve in each)
        # Votes of one to fifteen samples of a planted ladder are smooth: four parameters are off by a point at
        # most.
        assert abs(each[1].fit.held_out.last_error) < 0.015


def test_the_exponent_is_that_of_coverage_at_the_full_budget(found: laws.Laws, ladder_run: Path):
    arm = outcomes.load(ladder_run).arms[0]
    found_law = found.coverage["33k"]
    assert found_law is not None
    widths = np.arange(1, 17)
    observed = pass_at_k(16, arm.samples.correct[-1].sum(axis=1)[:, None], widths).mean(axis=0)
    assert found_law.law == pytest.approx(fit_power_law(widths, observed), rel=0.1)
    assert found_law.largest_miss == pytest.approx(
        np.abs(found_law.law.coverage(widths) - observed).max(), abs=1e-6
    )


def test_a_surface_a_bin_has_an_error_a_size(found: laws.Laws):
    assert list(found.surfaces) == ["all prompts", "easier", "harder"]
    for fit, width_rate, *_ in found.surfaces.values():
        assert len(fit.size_errors) == 4
        assert fit.optimum.converged
        assert width_rate.low < width_rate.estimate < width_rate.high


def test_a_bins_surface_is_over_the_tokens_of_its_own_prompts(found: laws.Laws, ladder_run: Path):
    loaded = outcomes.load(ladder_run)
    assert loaded.bins is not None
    labels = quantile_bins(loaded.bins.samples.correct[0].mean(axis=1), np.ones((1, 120)), num_bins=2)[0]
    for number, name in enumerate(("easier", "harder")):
        tokens = [arm.decoded_tokens[:, labels == number].mean(axis=(1, 2)) for arm in loaded.arms]
        extent = found.surfaces[name].fit.extent
        assert (extent.low[2], extent.high[2]) == pytest.approx((np.min(tokens), np.max(tokens)))


def test_parameters_and_exponents_lie_in_their_intervals(found: laws.Laws):
    for each in found.curves.values():
        for curve in each:
            assert all(ends.low <= ends.estimate <= ends.high for ends in curve.parameters.values())
        assert each[0].share_converged > 0.99
    exponents = [law.exponent for law in found.coverage.values() if law is not None]
    assert exponents and all(ends.low < ends.estimate < ends.high for ends in exponents)


def test_an_exponent_is_open_above_where_replicates_cover_every_prompt(capsys: pytest.CaptureFixture[str]):
    """One of 120 prompts is solved by no sample:
    a bootstrap leaves it out in (119/120)^120 = 37% of replicates.
    """
    assert main(["laws", "results/reference", "--bins", "1"]) == 0
    told = capsys.readouterr().out
    row = re.search(r"countdown-125k +1\.42 \[([\d.]+), any\] +(\d+)%", told)
    assert row is not None and float(row[1]) < 1.42
    assert int(row[2]) == pytest.approx(100 * (119 / 120) ** 120, abs=3)
    assert re.search(r"countdown-33k +0\.738 \[[\d.]+, [\d.]+\] +0%", told)


def test_bins_of_each_models_own_are_refused(ladder_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["laws", str(ladder_run), "--difficulty", "own"]) == 2
    assert "Use --difficulty anchor, agreement or label" in capsys.readouterr().err


def test_the_command_prints_the_laws_of_a_run_of_two_models_without_a_surface(
    plant, ladder, capsys: pytest.CaptureFixture[str]
):
    assert main(["laws", str(plant(ladder[:2], num_prompts=20, num_samples=8)), "--bins", "1"]) == 0
    text = capsys.readouterr().out
    assert "logit-linear" in text and "converged" in text and "exponent b" in text
    assert "All models at once" not in text


HOPELESS = -99.0


def told(root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["laws", str(root), "--bins", "1"]) == 0
    return capsys.readouterr().out


def test_a_fit_at_the_floor_has_not_converged_to_anything(plant, ladder, capsys: pytest.CaptureFixture[str]):
    rungs = [rung._replace(ability=HOPELESS) for rung in ladder[:3]]
    said = told(plant(rungs, num_prompts=20, num_samples=8, bin_samples=0), capsys)
    rows = [line for line in said.splitlines() if line.startswith(("33k", "125k", "0.4m", "all prompts"))]
    fitted = [row for row in rows if "logit-linear" in row or "saturating" in row or row.startswith("all prompts")]
    assert len(fitted) == 7 and all("cannot tell" in row and "at the floor" in row for row in fitted)
    assert not any("yes" in row or "x [" in row or "intercept" in row for row in fitted)


def test_a_model_at_the_floor_leaves_the_rates_of_all_untold(plant, ladder, capsys: pytest.CaptureFixture[str]):
    rungs = [ladder[0]._replace(ability=HOPELESS), *ladder[2:]]
    said = told(plant(rungs, num_prompts=30, num_samples=6, bin_samples=0), capsys)
    assert re.search(r"^all prompts +- +- .*cannot tell +33k at the floor", said, re.MULTILINE)
    assert re.search(r"^1\.1m +logit-linear .* yes, \d+% ", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([0.0, 0.0, 0.0], flatness.FLOOR),
        ([1.0, 1.0, 1.0], flatness.CEILING),
        ([0.0, 0.0, 0.3], ""),
        ([0.2, 0.3, 0.4], ""),
        ([0.4, 0.3, 0.2], ""),
        ([0.5, 0.5, 0.5], flatness.FLAT),
    ],
)
def test_a_curve_is_told_where_some_cell_is_sure_and_two_differ(cells: list[float], why: str):
    rng = np.random.default_rng(0)
    prompts = (rng.random((200, 3)) < np.asarray(cells)).astype(float)
    weights = bootstrap.prompt_weights(200, num_replicates=2000, rng=rng)
    assert flatness.why_untold(bootstrap.weighted_means(weights, prompts)) == why


def test_a_rate_between_nothing_and_never_cannot_be_told():
    rate = bootstrap.Interval(*(np.asarray(end) for end in (-24.3, -141.7, np.inf)))
    assert law_table._factor(rate) == "cannot tell"
    assert (
        law_table._factor(bootstrap.Interval(*(np.asarray(end) for end in (1.0, 0.8, 1.2)))) == "2x [1.7x, 2.3x]"
    )
    assert (
        law_table._factor(bootstrap.Interval(*(np.asarray(end) for end in (1.0, 0.8, np.inf))))
        == "2x [1.7x, never]"
    )
