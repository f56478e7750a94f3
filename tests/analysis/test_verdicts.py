"""Verdicts from resampled effects: sides, controls, Holm's steps, and prompts that would decide."""

import numpy as np
import pytest

from analysis.stats import intervals, verdicts
from analysis.stats.bootstrap import percentile_interval
from analysis.stats.verdicts import Part, Region, judge

REGION = Region(-0.01, 0.01)
REPLICATES = 2000


def part(
    effect: float, error: float = 0.01, *, num_telling: int = 100, region: Region = REGION, seed: int = 0
) -> Part:
    """An effect whose replicates are normal around it."""
    drawn = np.random.default_rng(seed).standard_normal(REPLICATES)
    return Part("of it", np.append(effect, effect + error * drawn), region, num_telling)


def judged(*parts: Part) -> verdicts.Judged:
    return judge([parts], num_drawn=[200])[0]


@pytest.mark.parametrize(
    ("effect", "error", "verdict", "reason"),
    [
        (0.05, 0.01, "supported", "beyond"),
        (-0.05, 0.01, "refuted", "reverse"),
        (0.0, 0.002, "refuted", "equivalent"),
        (-0.015, 0.005, "refuted", "short"),
        (0.02, 0.01, "undetermined", "open"),
        (0.0, 0.02, "undetermined", "open"),
    ],
)
def test_the_verdict_is_where_the_interval_lies(effect: float, error: float, verdict: str, reason: str) -> None:
    found = judged(part(effect, error))
    assert (found.verdict, found.reason, found.level) == (verdict, reason, pytest.approx(0.95))


def test_a_control_that_leaves_nothing_refutes_and_one_that_may_leaves_it_open() -> None:
    assert judged(part(0.05), part(0.05, seed=1)).verdict == "supported"
    killed = judged(part(0.05), part(-0.05, seed=1))
    assert (killed.verdict, killed.reason, killed.decided_by) == ("refuted", "control", 1)
    unsure = judged(part(0.05), part(0.015, seed=1))
    assert (unsure.verdict, unsure.decided_by) == ("undetermined", 1)


def test_what_refutes_one_of_several_parts_does_so_at_its_share_of_the_error() -> None:
    # 2.1 standard errors below the border: enough for one part, too little for one of three.
    below = part(0.01 - 2.1 * 0.01)
    assert judged(below).verdict == "refuted"
    assert judged(below, part(0.5), part(0.5)).verdict == "undetermined"


def test_few_prompts_that_tell_decide_nothing() -> None:
    for effect in (0.5, -0.5):
        found = judged(part(effect, num_telling=9))
        assert (found.verdict, found.reason) == ("undetermined", "few")
    assert judged(part(0.0, error=0.0, num_telling=0)).verdict == "undetermined"
    assert judged(part(0.0, error=0.0)).reason == "equivalent"


def test_the_steps_are_those_of_holm() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        effects = rng.uniform(-0.03, 0.05, size=5)
        claims = [(part(effect, seed=int(rng.integers(1 << 30))),) for effect in effects]
        found = judge(claims, num_drawn=[200] * 5)
        # One part a claim, so that a two-sided p-value is that of its border.
        beyond = [min((of.statistic[1:] >= 0.01).mean(), (of.statistic[1:] <= 0.01).mean()) for (of,) in claims]
        adjusted = intervals.holm(np.minimum(2 * np.asarray(beyond), 1))
        assert [each.verdict != "undetermined" for each in found] == (adjusted < 0.05).tolist()
        for each, (of,) in zip(found, claims, strict=True):
            assert each.intervals[0] == percentile_interval(of.statistic, level=each.level)
            assert each.alone[0] == percentile_interval(of.statistic)


def test_steps_end_at_the_first_claim_that_stays_open() -> None:
    # 2.1 standard errors are enough at 95%, and too few at 97.5%.
    near = 0.01 + 2.1 * 0.01
    alone, [first, second] = judged(part(near)), judge([(part(near),), (part(0.02),)], num_drawn=[9, 9])
    assert alone.verdict == "supported"
    assert first.verdict == second.verdict == "undetermined"
    assert first.level == second.level == pytest.approx(0.975)
    # A claim that is surely decided leaves the next a level of its own.
    [sure, next_to_it] = judge([(part(0.9),), (part(near),)], num_drawn=[9, 9])
    assert (sure.verdict, next_to_it.verdict) == ("supported", "supported")
    assert (sure.level, next_to_it.level) == (pytest.approx(0.975), pytest.approx(0.95))


def test_as_many_prompts_as_are_said_to_decide_do_so_four_times_of_five() -> None:
    rng, num, spread = np.random.default_rng(5), 200, 0.3
    effect = 0.03
    needed = judged(part(effect, spread / np.sqrt(num))).needed
    assert 1700 < needed < 1850
    decided = 0
    for _ in range(300):
        drawn = rng.normal(effect, spread, size=int(needed))
        own = part(drawn.mean(), drawn.std() / np.sqrt(len(drawn)), seed=int(rng.integers(1 << 30)))
        decided += judged(own).verdict == "supported"
    assert 0.73 < decided / 300 < 0.87


def test_an_effect_on_the_border_is_decided_by_no_number_of_prompts() -> None:
    assert judged(part(0.01)).needed == np.inf
    assert np.isnan(judged(part(0.05)).needed)


def test_the_part_that_takes_most_prompts_counts_and_of_those_that_refute_the_least() -> None:
    slow, quick = part(0.0125, 0.01), part(0.02, 0.01, seed=1)
    assert judged(quick, slow).needed == judged(slow, quick).needed > judged(quick).needed
    near, far = part(0.0075), part(-0.005, seed=1)
    assert judged(near, far).decided_by == 1 and judged(near, far).needed < judged(near).needed
