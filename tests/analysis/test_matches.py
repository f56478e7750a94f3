from pathlib import Path

import numpy as np
import pytest

from analysis.questions import exchange_rates, matches
from analysis.questions.exchange_rates import Findings
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.runs.outcomes import Outcomes
from analysis.stats.bootstrap import Interval
from analysis.stats.multiplier import break_even
from analysis.text import matches as matches_text
from analysis.text import wording
from isoquant.__main__ import main


@pytest.fixture(scope="module")
def matched(ladder_run: Path) -> list[matches.Match]:
    loaded = outcomes.load(ladder_run)
    return matches.match(read(loaded, Choices(), rule="maj_at_k"))


def test_needs_are_those_of_the_exchange_rates(matched: list[matches.Match], found: Findings):
    rates = found.exchange_rates
    rates = rates[(rates["large"] == "1.1m") & (rates["rule"] == "maj_at_k") & (rates["path"] == "width")]
    rates = rates.set_index(["small", "bin"])
    assert len(matched) == len(rates) == 12
    for match in matched:
        row = rates.loc[(match.small, match.bin)]
        assert float(match.needs.step.estimate) == pytest.approx(row["step"])
        assert float(match.needs.cost.estimate) == pytest.approx(row["crossing_cost"])
        assert float(match.needs.share_never) == pytest.approx(row["share_never"], abs=0.05)


def test_the_break_even_workload_is_that_of_the_tokens_it_needs(matched: list[matches.Match], ladder_run: Path):
    arms = {arm.rung.name: arm for arm in outcomes.load(ladder_run).arms}
    decoded = {name: float(arm.decoded_tokens[-1].mean()) for name, arm in arms.items()}
    for match in (each for each in matched if each.bin == exchange_rates.ALL_PROMPTS):
        k_star = float(match.needs.step.estimate) * decoded[match.small] / decoded["1.1m"]
        ratio = 1_100_000 / arms[match.small].rung.num_params
        assert float(match.workload.estimate) == pytest.approx(float(break_even(ratio, k_star)), rel=0.02)


def test_a_frontier_never_asks_for_more_than_its_share_of_never_allows(matched: list[matches.Match]):
    for match in matched:
        assert np.isinf(match.frontier_rate.high) == (match.frontier_never > 0.025)
    assert any(np.isfinite(match.frontier_rate.high) for match in matched)


def test_what_the_first_cell_reaches_is_marked_as_an_upper_bound(plant, ladder):
    """A smaller model that is the better one needs at most one sample, whatever less would do."""
    root = plant([ladder[0]._replace(ability=6.0), ladder[2]], num_prompts=40, num_samples=4)
    loaded = outcomes.load(root)
    reading = read(loaded, Choices(Binning(num_bins=1)), rule="maj_at_k")
    found = matches.match(reading)
    assert found[0].needs.at_or_below and found[0].frontier_at_or_below
    row = _row_of(found[0].small, matches_text.render(found, reading))
    assert row.count("≤") == 4 and " ≤1.0 " in row and " any " in row
    workload = Interval(np.float64(2.5), np.float64(2.0), np.float64(np.inf))
    dear = _row_of(found[0].small, matches_text.render([found[0]._replace(workload=workload)], reading))
    assert " ≥2.5 [2, any] " in dear
    assert wording.bounded("any [2, any]", True, "≥") == "any [2, any]"
    assert matches.frame(found)[["at_or_below", "frontier_at_or_below"]].all(axis=None)


def _row_of(small: str, text: str) -> str:
    """That of its samples, above what one sample needs."""
    row, _ = [line for line in text.splitlines() if line.startswith(small)]
    return row


def test_under_own_difficulty_a_pair_is_matched_in_the_smaller_ones_bins(ladder_run: Path):
    choices = Choices(Binning("own", num_bins=2))
    loaded = outcomes.load(ladder_run)
    matched = matches.match(read(loaded, choices, rule="maj_at_k"))
    rates = exchange_rates.measure(read(loaded, choices)).exchange_rates
    rates = rates[(rates["large"] == "1.1m") & (rates["rule"] == "maj_at_k") & (rates["path"] == "width")]
    rates = rates.set_index(["small", "bin"])
    assert [(match.bin, match.small) for match in matched] == [(name, small) for small, name in rates.index]
    for match in matched:
        row = rates.loc[(match.small, match.bin)]
        assert match.num_prompts == row["num_prompts"]
        assert float(match.needs.cost.estimate) == pytest.approx(row["crossing_cost"])
    assert len({match.num_prompts for match in matched if match.bin == "easier"}) > 1


def test_copies_of_a_prompt_are_no_more_evidence_where_they_are_clustered(copied: Outcomes):
    alone, together = (
        matches.match(read(copied, Choices(Binning(num_bins=1), cluster=name), rule="maj_at_k"))
        for name in (None, "original")
    )
    for one, other in zip(alone[1:], together[1:], strict=True):
        assert one.needs.cost.estimate == other.needs.cost.estimate
        widths = [np.log(found.needs.cost.high / found.needs.cost.low) for found in (one, other)]
        # A quarter of the evidence: twice as wide.
        assert 1.5 < widths[1] / widths[0] < 3


def test_a_cluster_that_no_prompt_has_is_refused_and_another_is_told(
    ladder_run: Path, copied: Outcomes, capsys: pytest.CaptureFixture[str]
):
    assert main(["match", str(ladder_run), "--cluster", "nosuch"]) == 2
    assert "These prompts have no label 'nosuch'" in capsys.readouterr().err
    assert main(["match", "results/reference", "--cluster", "target", "--bins", "1"]) == 0
    assert "Prompts of one target are resampled together." in capsys.readouterr().out


def test_the_command_prints_both_references(plant, ladder, capsys: pytest.CaptureFixture[str]):
    root = plant(ladder[:2], num_prompts=20, num_samples=4)
    assert main(["match", str(root), "--bins", "1"]) == 0
    text = capsys.readouterr().out
    assert "both at best" in text and "within 3 samples" in text and "33k" in text
    assert main(["match", str(plant(ladder[:1], name="one", num_prompts=5, num_samples=2))]) == 2
    assert "needs at least two models" in capsys.readouterr().err
