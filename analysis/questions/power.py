"""What a comparison of two arms needs, in plain text. Knows outcomes and power, no files."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.stats import power
from analysis.stats.power import Variances
from analysis.text.summary import aligned

NUM_SAMPLES = (1, 2, 4, 8, 16, 32, 64)


class Goal(NamedTuple):
    """The difference in accuracy to find, how often, and at which level of the interval."""

    effect: float
    power: float
    level: float


def two_arms(outcomes: Outcomes, names: Sequence[str] | None) -> tuple[Arm, Arm]:
    """The two named arms of a run, or its two largest. Raises ValueError that lists those there are."""
    arms = {arm.rung.name: arm for arm in outcomes.arms}
    if len(arms) < 2:
        raise ValueError(f"Power is about two models; this run has only {', '.join(arms)}.")
    wanted = list(names) if names is not None else list(arms)[-2:]
    if len(wanted) != 2 or any(name not in arms for name in wanted):
        raise ValueError(f"Power needs two models of {list(arms)}, not {wanted}.")
    if wanted[0] == wanted[1]:
        others = ", ".join(name for name in arms if name != wanted[0])
        raise ValueError(f"Power is about two models, and {wanted[0]} is named twice; beside it there is {others}.")
    return arms[wanted[0]], arms[wanted[1]]


def render_run(pair: tuple[Arm, Arm], goal: Goal) -> str:
    """What the run itself can tell apart at full budget with one answer scored at a time, then the plan.

    Raises ValueError where no answer differs, which tells nothing of how answers vary.
    """
    tallies = [arm.tally(-1) for arm in pair]
    given = power.variances(*tallies)
    names, num_prompts = [arm.rung.name for arm in pair], len(tallies[0].share)
    if max(given) == 0:
        raise ValueError(
            f"Every answer of {names[0]} is as right or wrong as the others, and so for {names[1]}: this run tells "
            "nothing of how answers vary. Give --variances DIFFERENCE WITHIN_A WITHIN_B."
        )
    # Where prompts have unlike many, their noise is that of the harmonic mean.
    samples = [float(1 / np.mean(1 / tally.num_samples)) for tally in tallies]
    found = float((tallies[1].share - tallies[0].share).mean())
    least = power.detectable_effect(
        num_prompts, given, num_samples_a=samples[0], num_samples_b=samples[1], power=goal.power, level=goal.level
    )
    head = (
        f"{names[0]} against {names[1]} on {num_prompts} prompts, {samples[0]:,.0f} and {samples[1]:,.0f} samples "
        f"each: {100 * found:+.1f} points. A run of this size finds {100 * float(least):.1f} points or more with "
        f"{100 * goal.power:g}% power."
    )
    return f"{head}\n\n{render(given, goal)}"


def render(given: Variances, goal: Goal) -> str:
    """A row a number of samples a prompt: prompts needed, and answers in both arms together."""
    rows = [["samples a prompt", "prompts", "answers"]]
    for number in (*NUM_SAMPLES, np.inf):
        needed = power.num_prompts_needed(
            goal.effect, given, num_samples_a=number, num_samples_b=number, power=goal.power, level=goal.level
        )
        is_finite = np.isfinite(number)
        answers = f"{2 * float(needed) * number:,.0f}" if is_finite else "-"
        rows.append([f"{number:g}" if is_finite else "no sampling noise", f"{float(needed):,.0f}", answers])
    return "\n".join(
        [
            f"To find a difference of {100 * goal.effect:g} points with {100 * goal.power:g}% power at the "
            f"{100 * goal.level:g}% level, paired over prompts:",
            "",
            aligned(rows, num_text=0),
            "",
            f"Variance between prompts of the true difference {given.difference:.4f}, within prompts of one answer "
            f"{given.within_a:.4f} and {given.within_b:.4f} (Miller 2024).",
        ]
    )
