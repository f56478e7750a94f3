"""Samples of unknown length at the dollars charged for them. Knows arms, no formula of a cost."""

from dataclasses import replace

import numpy as np

from analysis.costs.shapes import PerToken
from analysis.runs.arms import Arm
from analysis.runs.counts import Counted
from analysis.runs.samples import Samples

# What stands where tokens would: so small that whole numbers hold any charge.
DOLLARS_A_UNIT = 1e-12


def are_told(arm: Arm) -> bool:
    """Whether a sample's mean charge is known at every budget of the arm, and its tokens are not."""
    charged = dict(arm.rung.usd)
    return not arm.rung.has_tokens and all(int(budget) in charged for budget in arm.budgets)


def in_place_of_tokens(arm: Arm) -> Arm:
    """The arm whose samples decode what one is charged on average at their budget,
    at a price that says it in dollars.

    Raises KeyError for an arm of which `are_told` is not true.
    """
    charged = dict(arm.rung.usd)
    units = np.asarray([round(charged[int(budget)] / DOLLARS_A_UNIT) for budget in arm.budgets], dtype=np.int64)
    stored: Samples | Counted
    if isinstance(arm.stored, Counted):
        free = np.zeros(arm.stored.num_samples.shape)
        stored = replace(arm.stored, thinking_tokens=free, answer_tokens=free + units[:, np.newaxis])
    else:
        none = np.zeros(arm.stored.correct.shape, dtype=np.int64)
        written = none + units[:, np.newaxis, np.newaxis]
        stored = replace(arm.stored, thinking_tokens=none, closing_tokens=none, answer_tokens=written)
    shape = arm.rung.shape._replace(price=PerToken(0.0, 1e6 * DOLLARS_A_UNIT))
    return replace(arm, stored=stored, rung=replace(arm.rung, shape=shape))
