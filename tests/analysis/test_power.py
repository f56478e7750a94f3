import numpy as np
import pytest

from analysis.stats.power import Variances, detectable_effect, num_prompts_needed, variances
from analysis.stats.tallies import Tally

# Miller 2411.00640: omega_d^2 = 1/9 for uniform chances, sigma^2 = 1/6 each.
MILLER = Variances(1 / 9, 1 / 6, 1 / 6)


@pytest.mark.parametrize(("num_samples", "expected"), [(np.inf, 969), (1, 3876), (4, 1696), (16, 1151)])
def test_three_points_at_eighty_percent_power_need_the_prompts_of_millers_formula(
    num_samples: float, expected: int
):
    assert num_prompts_needed(0.03, MILLER, num_samples_a=num_samples, num_samples_b=num_samples) == expected


def test_the_effect_that_is_found_is_the_one_that_was_planned_for():
    num_prompts = num_prompts_needed(0.03, MILLER, num_samples_a=4, num_samples_b=8)
    found = detectable_effect(num_prompts, MILLER, num_samples_a=4, num_samples_b=8)
    assert found == pytest.approx(0.03, rel=1e-3)
    assert found <= 0.03


def test_the_planned_number_of_prompts_finds_the_effect_as_often_as_promised():
    rng = np.random.default_rng(0)
    given = Variances(0.02, 0.15, 0.15)
    num_prompts = int(num_prompts_needed(0.05, given, num_samples_a=4, num_samples_b=4))
    noise = np.sqrt(given.difference + given.within_a / 4 + given.within_b / 4)
    means = 0.05 + noise * rng.standard_normal((4000, num_prompts)).mean(axis=1)
    assert np.mean(means > 1.96 * noise / np.sqrt(num_prompts)) == pytest.approx(0.8, abs=0.02)


def test_variance_components_are_those_that_were_planted():
    rng = np.random.default_rng(0)
    chance = rng.beta(2, 2, size=(1_000_000, 1))
    other = np.clip(chance + rng.choice([-0.1, 0.1], size=chance.shape), 0, 1)
    # Prompts of either arm have unlike many samples.
    sizes = [rng.choice(each, size=len(chance)) for each in ((4, 9), (8, 30))]
    tallies = [Tally(rng.binomial(n, p[:, 0]), n) for n, p in zip(sizes, (chance, other), strict=True)]
    found = variances(*tallies)
    assert found.difference == pytest.approx((chance - other).var(), rel=0.05)
    assert found.within_a == pytest.approx((chance * (1 - chance)).mean(), rel=0.01)
    assert found.within_b == pytest.approx((other * (1 - other)).mean(), rel=0.01)


def every_right(num_prompts: int, num_samples: int) -> Tally:
    return Tally(*(np.full(num_prompts, num_samples),) * 2)


def test_arms_of_other_prompts_or_single_samples_are_refused():
    with pytest.raises(ValueError, match="same in both arms"):
        variances(every_right(5, 4), every_right(4, 4))
    with pytest.raises(ValueError, match="two samples"):
        variances(every_right(5, 4), every_right(5, 1))


def test_an_effect_that_cannot_be_is_refused():
    for effect in (0.0, -0.1, 3.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"such as 0\.03"):
            num_prompts_needed(effect, MILLER, num_samples_a=1, num_samples_b=1)
    for given in (Variances(np.nan, 0.1, 0.1), Variances(0.1, np.inf, 0.1)):
        with pytest.raises(ValueError, match="at least 0 and finite"):
            num_prompts_needed(0.1, given, num_samples_a=1, num_samples_b=1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        num_prompts_needed(0.1, MILLER, num_samples_a=1, num_samples_b=1, power=80)
