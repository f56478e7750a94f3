"""One run read once: what readings share,
and that neither the order nor the number of questions moves a number.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from analysis.questions import exchange_rates, matches
from analysis.reading import cells
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.runs import outcomes
from analysis.stats import estimators

REFERENCE = Path("results/reference")


@pytest.fixture
def reading() -> Reading:
    return read(outcomes.load(REFERENCE), Choices())


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[bytes, int]]:
    """How often votes over the same samples were computed, by width."""
    found: Counter[tuple[bytes, int]] = Counter()
    real = estimators.estimated_maj_at_k

    def compute(votes: np.ndarray, worth: np.ndarray, widths: list[int], **more: object) -> estimators.Drawn:
        found.update((votes.tobytes() + worth.tobytes(), width) for width in widths)
        return real(votes, worth, widths, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(estimators, "estimated_maj_at_k", compute)
    return found


def test_votes_are_computed_once_whatever_is_asked(reading: Reading, counted: Counter[tuple[bytes, int]]) -> None:
    exchange_rates.measure_each(reading)
    matches.match(reading)
    cells.measure(reading)
    num_budgets, num_widths = len(reading.outcomes.budgets), len(reading.path(0, "width").widths)
    assert len(counted) == len(reading.arms) * num_budgets * num_widths
    assert set(counted.values()) == {1}


def test_the_order_of_questions_moves_no_number(reading: Reading) -> None:
    other = read(reading.asked, reading.wanted)
    first = exchange_rates.measure(reading).exchange_rates
    matched = matches.frame(matches.match(other))
    cells.measure(other)
    assert exchange_rates.measure(other).exchange_rates.equals(first)
    assert matches.frame(matches.match(reading)).equals(matched)


def test_another_cost_model_shares_all_but_what_is_spent(reading: Reading) -> None:
    tokens = reading.under("tokens")
    path = reading.path(0, "width")
    ours, theirs = reading.curve(0, path), tokens.curve(0, path)
    assert tokens.shared is reading.shared and tokens.weights is reading.weights and tokens.bins is reading.bins
    np.testing.assert_array_equal(ours.accuracy, theirs.accuracy)
    np.testing.assert_array_equal(theirs.cost, theirs.total_tokens)
    assert (tokens.setting.cost_unit, reading.setting.cost_unit) == ("tokens", "FLOPs")
    with pytest.raises(ValueError, match="Cost model 'c5' is not known in this run; choose from c2, "):
        reading.under("c5")


def test_streams_of_randomness_have_a_purpose_and_a_seed(reading: Reading) -> None:
    drawn = {
        (purpose, place, seed): read(reading.asked, reading.wanted, seed=seed).rng(purpose, *place).random()
        for purpose in ("votes", "folds")
        for place in ((), (0,), (1,), (0, 1))
        for seed in (0, 1)
    }
    assert len(set(drawn.values())) == len(drawn)
    assert reading.rng("votes", 1).random() == drawn["votes", (1,), 0]
