"""When a round of a goal was cut short, of models that were to have unequal numbers of prompts."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from analysis.commands import goal
from analysis.runs.outcomes import Outcomes

TARGETS = {"small": [50, 8], "middle": [200, 2], "large": [200, 2]}


def loaded(num_prompts: int, **num_samples: int) -> Outcomes:
    arms = [
        SimpleNamespace(rung=SimpleNamespace(name=name), num_samples=number)
        for name, number in num_samples.items()
    ]
    return cast(Outcomes, SimpleNamespace(prompt_ids=range(num_prompts), arms=arms))


@pytest.mark.parametrize(
    ("found", "is_cut"),
    [
        (loaded(50, small=8, large=2), False),
        (loaded(200, middle=2, large=2), False),
        (loaded(49, small=8, large=2), True),
        (loaded(50, small=4, large=2), True),
        (loaded(180, middle=2, large=2), True),
        (loaded(200, large=1), True),
    ],
)
def test_models_lack_a_round_where_they_lack_prompts_that_all_of_them_were_to_have(
    found: Any, is_cut: bool
) -> None:
    assert goal.is_cut([{"targets": TARGETS}], found) == is_cut
