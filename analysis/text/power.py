"""How many prompts and samples a comparison of two models needs, as a table."""

import numpy as np

from analysis.questions.power import Goal
from analysis.runs.arms import Arm
from analysis.stats import power
from analysis.stats.power import Variances
from analysis.text.tables import aligned, filled

NUM_SAMPLES = (1, 2, 4, 8, 16, 32, 64)


def render_run(pair: tuple[Arm, Arm], goal: Goal) -> str:
    """What the run itself can tell apart at full budget with one answer scored at a time, then the plan.

    Raises ValueError where no answer differs, which tells nothing of how answers vary.
    """
    tallies = [arm.tally(-1) for arm in pair]
    given = power.variances(*tallies)
    names, num_prompts = [arm.rung.name for arm in pair], len(tallies[0].share)
    if max(given) == 0:
        raise ValueError(
            f"All answers of {names[0]} are graded alike, and all of {names[1]}: this run does not show how "
            "answers vary. Give --variances DIFFERENCE WITHIN_A WITHIN_B."
        )
    # Where prompts have unlike many, their noise is that of the harmonic mean.
    samples = [float(1 / np.mean(1 / tally.num_samples)) for tally in tallies]
    found = float((tallies[1].share - tallies[0].share).mean())
    least = power.detectable_effect(
        num_prompts, given, num_samples_a=samples[0], num_samples_b=samples[1], power=goal.power, level=goal.level
    )
    head = (
        f"{names[0]} against {names[1]} on {num_prompts} prompts, {samples[0]:,.0f} and {samples[1]:,.0f} samples "
        f"each: {100 * found:+z.1f} points. A run of this size finds {100 * float(least):.1f} points or more with "
        f"{100 * goal.power:g}% power."
    )
    return filled(f"{head}\n\n{render(given, goal)}")


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
            f"Variance between prompts of the true difference {given.difference:.4f}, within prompts of one "
            f"answer {given.within_a:.4f} and {given.within_b:.4f} (Miller 2024).",
        ]
    )
