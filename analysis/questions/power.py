"""What a comparison of two arms needs, in plain text. Knows outcomes and power, no files."""

from collections.abc import Sequence
from typing import NamedTuple

from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes


class Goal(NamedTuple):
    """The difference in accuracy to find, how often, and at which level of the interval."""

    effect: float
    power: float
    level: float


def two_arms(outcomes: Outcomes, names: Sequence[str] | None) -> tuple[Arm, Arm]:
    """The two named arms of a run, or its two largest. Raises ValueError that lists those there are."""
    arms = {arm.rung.name: arm for arm in outcomes.arms}
    if len(arms) < 2:
        raise ValueError(f"Power compares two models, and this run has only {', '.join(arms)}.")
    wanted = list(names) if names is not None else list(arms)[-2:]
    if len(wanted) != 2 or any(name not in arms for name in wanted):
        raise ValueError(f"--models must name two of {list(arms)}; got {wanted}.")
    if wanted[0] == wanted[1]:
        others = ", ".join(name for name in arms if name != wanted[0])
        raise ValueError(
            f"--models names {wanted[0]} twice, and power compares two models. Give another: {others}."
        )
    return arms[wanted[0]], arms[wanted[1]]
