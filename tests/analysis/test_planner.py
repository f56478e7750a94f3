"""The planner of a goal's rounds by itself: what it draws next of questions that are made by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.goals import planner
from analysis.goals.planner import Limits
from analysis.goals.question import Ahead, Drawn, Question

LIMITS = Limits(10_000, (1, 2, 4, 8, 16), {"small": 300.0, "large": 200.0, "third": 250.0}, {}, start=0.0)
NOW = {"small": Drawn(100, 2), "large": Drawn(100, 2), "third": Drawn(100, 2)}
SPENT = sum(LIMITS.tokens(name, drawn) for name, drawn in NOW.items())


def rate(small: str = "small", *, ratio: float = 4.0, ahead: Ahead | None = None) -> Question:
    """Open, with most of its variance between prompts."""
    within = {small: 0.02, "large": 0.02}
    return Question(
        f"{small} against large", (small, "large"), ratio, "open", {}, 0.2, within, ahead, small, most_width=16
    )


def known(question: Question) -> Question:
    return replace(question, ratio=1.0, state="known", ahead=None)


def short(gap: float = -0.2) -> Ahead:
    """A path that ends below its aim and rises by a tenth a unit of log width."""
    return Ahead(gap=gap, error=0.03, slope=0.15, sharp=1.5)


def choose(*questions: Question, now: planner.Plan = NOW, limits: Limits = LIMITS, left: float = np.inf):
    spent = sum(limits.tokens(name, drawn) for name, drawn in now.items())
    return planner.choose(questions, now, limits, spent=spent, left=left)


def test_it_is_a_function_of_what_it_is_given_and_changes_none_of_it() -> None:
    now, questions = dict(NOW), [rate(), rate("third", ratio=2.0)]
    first, again = (planner.choose(questions, now, LIMITS, spent=SPENT, left=1e6) for _ in range(2))
    assert first == again and now == NOW


def test_where_all_is_answered_nothing_is_drawn() -> None:
    action = choose(known(rate()), known(rate("third")))
    assert (action.end, action.targets, action.tokens) == ("known", NOW, 0.0)


def test_models_of_questions_that_are_answered_get_nothing_more() -> None:
    action = choose(rate(), known(rate("third")))
    assert action.targets["third"] == NOW["third"]
    assert action.targets["small"].prompts > 100 and action.targets["large"].prompts > 100


@pytest.mark.parametrize("gap", [-0.3, -0.2, -0.1])
def test_a_path_that_ends_short_is_continued_before_prompts_are_added(gap: float) -> None:
    action = choose(rate(ahead=short(gap)))
    assert action.targets["small"].samples > 2
    assert action.targets["small"].prompts == action.targets["large"].prompts == 100


def test_a_whole_path_that_ends_short_gets_prompts() -> None:
    now = {"small": Drawn(100, 16), "large": Drawn(100, 2)}
    action = choose(rate(ahead=short(-0.05)), now=now)
    assert action.targets["small"].samples == 16 and action.targets["small"].prompts > 100


def test_widening_that_costs_more_than_a_round_may_is_still_done_before_prompts() -> None:
    """Else rounds would creep, since each adds prompts that make widening dearer."""
    now = {"small": Drawn(100, 8), "large": Drawn(100, 2)}
    action = choose(rate(ahead=short(-0.05)), now=now)
    assert action.targets == {"small": Drawn(100, 16), "large": Drawn(100, 2)}


def test_where_sampling_is_most_of_the_variance_samples_are_added() -> None:
    noisy = replace(rate(), between=0.001, within={"small": 0.2, "large": 0.001})
    assert planner.cheapest([noisy], NOW, LIMITS)["small"].samples > 2
    assert planner.cheapest([replace(noisy, between=1.0)], NOW, LIMITS)["small"].samples == 2


@pytest.mark.parametrize("left", [10, 1_000, 5_000, 20_000, 100_000, 1_000_000])
def test_what_is_left_of_a_cap_is_never_passed(left: float) -> None:
    for question in (rate(), rate(ahead=short()), rate(ratio=30.0)):
        action = choose(question, left=left)
        assert action.tokens <= left
        assert (action.end == "cap") == (action.targets == NOW)


def test_a_chain_of_rounds_ends_at_the_cap_with_less_spent() -> None:
    now, left, question = NOW, 300_000.0, rate(ratio=50.0)
    for _ in range(50):
        action = choose(question, now=now, left=left)
        if action.end is not None:
            break
        now, left = action.targets, left - action.tokens
    assert action.end == "cap" and 0 <= left < 0.2 * 300_000


def test_nothing_passes_the_limits_and_at_them_it_ends() -> None:
    limits = replace(LIMITS, prompts=130)
    action = choose(rate(ratio=50.0), limits=limits)
    assert max(drawn.prompts for drawn in action.targets.values()) <= 130
    full = {"small": Drawn(130, 16), "large": Drawn(130, 16), "third": Drawn(130, 16)}
    assert choose(rate(ratio=50.0), limits=limits, now=full).end == "limits"


def test_rounds_are_fewer_and_larger_where_a_start_is_dear() -> None:
    cheap, dear = LIMITS, replace(LIMITS, start=50_000.0)
    rounds = [
        planner.forecast([rate(ratio=6.0)], NOW, limits, spent=SPENT, left=np.inf, most=30)
        for limits in (cheap, dear)
    ]
    assert len(rounds[1]) < len(rounds[0])
    prompts = [each[0].targets["large"].prompts for each in rounds]
    assert prompts[1] > prompts[0]


def test_a_start_counts_once_for_each_model_that_is_drawn() -> None:
    free, dear = (choose(rate(), limits=replace(LIMITS, start=start)) for start in (0.0, 1000.0))
    new = sum(LIMITS.tokens(name, dear.targets[name]) - LIMITS.tokens(name, NOW[name]) for name in NOW)
    assert dear.tokens == pytest.approx(new + 2 * 1000)
    assert free.tokens == pytest.approx(
        sum(LIMITS.tokens(name, free.targets[name]) - LIMITS.tokens(name, NOW[name]) for name in NOW)
    )


@pytest.mark.parametrize("ahead", [None, short()])
def test_a_forecast_ends_and_sums_to_what_it_takes_to_know(ahead: Ahead | None) -> None:
    rounds = planner.forecast([rate(ahead=ahead)], NOW, LIMITS, spent=SPENT, left=np.inf, most=60)
    assert 0 < len(rounds) < 60
    last = rounds[-1].targets
    new = sum(LIMITS.tokens(name, last[name]) - LIMITS.tokens(name, NOW[name]) for name in NOW)
    assert sum(action.tokens for action in rounds) == pytest.approx(new)
    assert all(
        after.targets[name].prompts >= before.targets[name].prompts
        for before, after in zip(rounds, rounds[1:], strict=False)
        for name in NOW
    )


def test_a_smaller_half_width_never_plans_fewer_tokens() -> None:
    tokens = []
    for ratio in np.geomspace(1.01, 30, 40):
        plan = planner.cheapest([rate(ratio=float(ratio))], NOW, LIMITS)
        tokens.append(sum(LIMITS.tokens(name, drawn) for name, drawn in plan.items()))
    assert tokens == sorted(tokens) and tokens[-1] > 20 * tokens[0]


def test_prompts_that_it_takes_are_the_fewest_at_which_the_expected_ratio_is_the_aim() -> None:
    for question in (rate(), rate(ahead=short(0.1)), rate(ahead=short(0.02))):
        prompts = question.prompts_for(NOW, NOW, aim=0.9)
        then = {name: Drawn(math.ceil(prompts), 2) for name in NOW}
        fewer = {name: Drawn(math.floor(0.98 * prompts), 2) for name in NOW}
        assert question.expect(NOW, then) <= 0.9 < question.expect(NOW, fewer)


def test_no_number_of_prompts_answers_a_path_that_ends_short_but_may_go_on() -> None:
    question = rate(ahead=short(-0.2))
    assert math.isinf(question.prompts_for(NOW, NOW, aim=0.95))
    whole = NOW | {"small": Drawn(100, 16)}
    assert math.isfinite(question.prompts_for(NOW, whole, aim=0.95))
