"""Whether a model thinks well: what each step to the next budget turns in the same samples, what each budget
loses by being too large or too small for some prompts, and how long right and wrong thinking is.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.questions.interval_rows import Row, by_bin, columns, interval_at
from analysis.reading.bins import Bin
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.runs.arms import Arm, is_outside
from analysis.stats import differences, flips, intervals, lengths, overthinking, pairs
from analysis.stats.bootstrap import LEVEL, Interval, means_of_each, percentile_interval
from analysis.stats.differences import Differences
from analysis.stats.overthinking import Losses

# What an interval that holds over all steps, bins and models at once says of a step; "" where it says nothing.
Direction = Literal["rises", "falls", ""]
# Prompts with right and wrong samples from which on an interval says whose thinking is shorter.
LEAST_MIXED = intervals.FEW_EITHER_WAY


def require_same_samples(reading: Reading) -> None:
    """Raise UntoldError where the same samples are not read at two budgets or more."""
    outcomes = reading.outcomes
    if reading.words.name != "budget":
        raise UntoldError("Thinking is judged along thinking budgets. Leave --along out.")
    if outcomes.holds_counts or is_outside(reading.asked.grader):
        raise UntoldError(
            "Outcomes from elsewhere do not tell what one sample answers at several budgets. Draw samples with "
            "`isoquant sweep`."
        )
    if len(outcomes.budgets) < 2:
        raise UntoldError(
            f"Two thinking budgets are needed, and this run has only {outcomes.budgets[0]}. Draw more with "
            "grid.budgets=[...]."
        )


def steps(reading: Reading) -> pd.DataFrame:
    """A row a model, bin and step from a budget to the next, at one sample; intervals as NAME, NAME_low,
    NAME_high.

    lost, gained: shares of the samples that are right before and wrong after, and the reverse; change: accuracy
    after less before; tokens: thinking tokens more; per_500: accuracy that 500 more tokens buy, NaN where no
    sample thinks on. change_joint_low and change_joint_high hold in all rows at once; direction is what they say.
    Raises UntoldError as `require_same_samples`. Source: `flips.between`, `flips.per_tokens`,
    `differences.together`.
    """
    require_same_samples(reading)
    turned = [_turn(arm) for arm in reading.arms]
    rows = [
        row
        for subjects, parts in _groups(reading)
        for row in _steps_of(reading, subjects, parts, turned, level=1 - (1 - LEVEL) / len(reading.groups))
    ]
    return pd.DataFrame(by_bin(rows))


def budgets(reading: Reading) -> pd.DataFrame:
    """A row a model, bin and budget, at one sample; intervals as NAME, NAME_low, NAME_high.

    least: share of the samples for which this budget is the least that suffices; solved: right at it or at a
    smaller one. over, under: accuracy lost against the budget that suits a prompt, as half of its samples say it
    and the other half shows it, where that one is smaller (overthinking tax) or larger (starvation loss); NaN of
    one sample. Raises UntoldError as `require_same_samples`. Source: `overthinking.losses`,
    `overthinking.solved_by`.
    """
    require_same_samples(reading)
    tables = [_of_budgets(reading, at) for at in range(len(reading.arms))]
    rows: list[Row] = []
    for subjects, parts in _groups(reading):
        for part in parts:
            means = iter(means_of_each(part.weights, [table for at in subjects for table in tables[at].values()]))
            for at in subjects:
                told = {name: _interval(name, next(means), reading.num_drawn(part)) for name in tables[at]}
                for number, budget in enumerate(reading.outcomes.budgets):
                    row = place(reading, at, part) | {"budget": int(budget)}
                    for name, interval in told.items():
                        row |= columns(name, interval_at(interval, number))
                    rows.append(row)
    return pd.DataFrame(by_bin(rows))


def _of_budgets(reading: Reading, at: int) -> dict[str, Floats]:
    """What each budget does on each prompt, (P, B) each, by name."""
    solved, lost = overthinking.solved_by(reading.arms[at].samples.correct), _losses(reading, at)
    return {"least": np.diff(solved, axis=1, prepend=0), "solved": solved, "over": lost.over, "under": lost.under}


def _interval(name: str, means: Floats, num_drawn: int) -> Interval:
    """That of a share, or of a loss, which may be below 0."""
    is_share = name in ("least", "solved")
    return intervals.accuracy_interval(means, num_drawn) if is_share else percentile_interval(means)


def steps_frame(reading: Reading) -> pd.DataFrame:
    """`steps`, with what a caption needs."""
    return steps(reading).assign(**_beside(reading))


def budgets_frame(reading: Reading) -> pd.DataFrame:
    """`budgets`, with what a caption needs. Raises UntoldError of one sample a prompt,
    of which no half is left.
    """
    found = budgets(reading)
    if found["over"].isna().all():
        raise UntoldError("What a budget loses takes two samples of each prompt: one chooses, the other is read.")
    return found.assign(**_beside(reading))


def _beside(reading: Reading) -> dict[str, Any]:
    return reading.setting.columns() | {"rule": reading.rule}


def prompts(reading: Reading) -> pd.DataFrame:
    """A row a model and prompt: what it needs, and what the largest budget loses on it.

    accuracy: at the largest budget; least_budget: the least at which at least half of its samples are right, inf
    where none is; over: overthinking tax of the largest budget; under: starvation loss of the smallest. Raises
    UntoldError as `require_same_samples`. Source: `overthinking.least_budget`, `overthinking.losses`.
    """
    require_same_samples(reading)
    outcomes, frames = reading.outcomes, []
    for at, arm in enumerate(reading.arms):
        lost, correct = _losses(reading, at), arm.samples.correct
        frames.append(
            pd.DataFrame(
                {
                    "model": arm.rung.name,
                    "prompt_id": outcomes.prompt_ids,
                    "accuracy": correct[-1].mean(axis=1),
                    "least_budget": overthinking.least_budget(correct, outcomes.budgets),
                    "over": lost.over[:, -1],
                    "under": lost.under[:, 0],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def trace_lengths(reading: Reading) -> pd.DataFrame:
    """A row a model and bin, at the largest budget; the interval as shorter, shorter_low, shorter_high.

    shorter: the share of pairs of a right and a wrong sample of one prompt in which the right one thought less, of
    two that were cut or alike half; num_mixed: prompts that have such pairs; cut_share: of samples that were cut.
    direction is shorter or longer where at least LEAST_MIXED prompts have pairs and the interval lies on one side
    of one half. Raises UntoldError as `require_same_samples`. Source: `lengths.shorter`.
    """
    require_same_samples(reading)
    rows: list[Row] = []
    for subjects, parts in _groups(reading):
        for at in subjects:
            samples = reading.arms[at].samples
            found = lengths.shorter(samples.thinking_tokens[-1], samples.cut[-1], samples.correct[-1])
            is_cut = samples.cut[-1].mean(axis=1)
            for part in parts:
                inside = part.weights[0] > 0
                num_mixed = int((found.total[inside] > 0).sum())
                area = percentile_interval(pairs.area(found, part.weights))
                rows.append(
                    place(reading, at, part)
                    | {"num_mixed": num_mixed, "cut_share": float(is_cut[inside].mean())}
                    | columns("shorter", area)
                    | {"direction": _whose(area) if num_mixed >= LEAST_MIXED else ""}
                )
    return pd.DataFrame(by_bin(rows))


def _whose(area: Interval) -> str:
    if area.low > 0.5:
        return "shorter"
    return "longer" if area.high < 0.5 else ""


def _losses(reading: Reading, at: int) -> Losses:
    correct = reading.arms[at].samples.correct
    if correct.shape[2] < 2:
        return Losses(*(np.full((correct.shape[1], len(correct)), np.nan) for _ in range(2)))
    return overthinking.losses(correct, overthinking.draw_halves(correct.shape[2], rng=reading.rng("halves", at)))


def _groups(reading: Reading) -> Iterator[tuple[list[int], list[Bin]]]:
    """As those of the reading, without bins that hold no prompt."""
    for subjects, parts in reading.groups:
        yield subjects, [part for part in parts if part.weights[0].any()]


class _Turned(NamedTuple):
    """Flips of one model at each step, and the thinking tokens that it spends more; (..., B - 1) each."""

    lost: Floats
    gained: Floats
    tokens: Floats

    @property
    def change(self) -> Floats:
        return self.gained - self.lost


def _turn(arm: Arm) -> _Turned:
    tokens = np.diff(arm.samples.thinking_tokens.mean(axis=2), axis=0).T
    return _Turned(*flips.between(arm.samples.correct), tokens)


def _steps_of(
    reading: Reading, subjects: Sequence[int], parts: Sequence[Bin], turned: Sequence[_Turned], *, level: float
) -> Iterator[Row]:
    """The rows of models that share their bins."""
    num_steps = len(reading.outcomes.budgets) - 1
    means = [_resampled(part, [turned[at] for at in subjects]) for part in parts]
    joint = _together([turned[at] for at in subjects], parts, means, level)
    for which, part in enumerate(parts):
        for number, at in enumerate(subjects):
            cells = slice(number * num_steps, (number + 1) * num_steps)
            own = [interval_at(interval, (which, cells)) for interval in (joint.alone, joint.interval)]
            yield from _rows_of(reading, at, part, means[which][number], *own)


def _rows_of(
    reading: Reading, at: int, part: Bin, found: _Turned, alone: Interval, joint: Interval
) -> Iterator[Row]:
    """The rows of one model and bin, from what its steps do under each weighting,
    and the intervals of the change.
    """
    budgets, drawn = reading.outcomes.budgets, reading.num_drawn(part)
    told = {name: intervals.accuracy_interval(getattr(found, name), drawn) for name in ("lost", "gained")}
    told |= {"change": alone, "per_500": percentile_interval(flips.per_tokens(found.change, found.tokens))}
    for step, (budget, following) in enumerate(pairwise(budgets.tolist())):
        row = place(reading, at, part) | {"budget": budget, "next_budget": following}
        for name, interval in told.items():
            row |= columns(name, interval_at(interval, step))
        row |= {f"change_joint_{end}": float(getattr(joint, end)[step]) for end in ("low", "high")}
        yield row | {"tokens": float(found.tokens[0, step]), "direction": _direction(interval_at(joint, step))}


def _resampled(part: Bin, turned: Sequence[_Turned]) -> list[_Turned]:
    """The same of each model under each weighting of a bin, (1 + R, B - 1) each."""
    means = iter(means_of_each(part.weights, [table for each in turned for table in each]))
    return [_Turned(*(next(means) for _ in each)) for each in turned]


def _together(
    turned: Sequence[_Turned], parts: Sequence[Bin], means: Sequence[Sequence[_Turned]], level: float
) -> Differences:
    """Each bin's mean changes of all models side by side, (B, C), with intervals that
    hold in all cells at once.
    """
    changes = np.concatenate([each.change for each in turned], axis=1)
    values = [changes[part.weights[0] > 0] for part in parts]
    statistic = np.stack([np.concatenate([each.change for each in of], axis=1) for of in means], axis=1)
    return differences.together(values, statistic, np.full(statistic.shape[1:], np.nan), level=level)


def place(reading: Reading, at: int, part: Bin) -> Row:
    """What a row is about: a model and a bin."""
    rung = reading.arms[at].rung
    named: Row = {"model": rung.name, "num_params": rung.num_params, "bin": part.name}
    return named | {"num_prompts": int(part.weights[0].sum())}


def _direction(joint: Interval) -> Direction:
    if joint.low > 0:
        return "rises"
    return "falls" if joint.high < 0 else ""
