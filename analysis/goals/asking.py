"""What a goal asks of readings of a run, each of the models that one question is about. Knows readings,
no files.
"""

from collections.abc import Mapping, Sequence
from functools import singledispatch

import numpy as np

from analysis.goals.means import ask_accuracy, ask_difference
from analysis.goals.question import Drawn, Question
from analysis.goals.rates import Pair, ask_rate, ask_side
from analysis.goals.settings import Accuracy, Compare, Decide, ExchangeRates, Goal
from analysis.reading.bins import ALL_PROMPTS, Bin
from analysis.reading.reading import Reading

Models = tuple[str, ...]


def models_asked(goal: Goal, names: Sequence[str], failed: Sequence[str] = ()) -> list[Models]:
    """The models of each question, those with a failed model left out. Raises ValueError as `_every_question`."""
    return [models for models in _every_question(goal, names) if not set(models) & set(failed)]


def _every_question(goal: Goal, names: Sequence[str]) -> list[Models]:
    """The models of each question, of those that are drawn, smallest first; raises ValueError as `check_names`.

    A rate is of two models, the smaller first; a comparison of the base and the new one; an accuracy of one.
    """
    check_names(goal, names)
    if isinstance(goal, Accuracy):
        return [(name,) for name in names]
    if isinstance(goal, Compare):
        new = goal.new or names[-1]
        base = goal.base or [name for name in names if name != new][-1]
        if base == new:
            raise ValueError(f"goal.base and goal.new are both {base}; name two models.")
        return [(base, new)]
    pairs = [tuple(pair.split(":")) for pair in getattr(goal, "pairs", ())]
    return pairs or [(name, names[-1]) for name in names[:-1]]


def check_names(goal: Goal, names: Sequence[str]) -> None:
    """Raise ValueError where a goal names models that are not drawn, or asks of two where there is one."""
    if isinstance(goal, Accuracy):
        return
    if len(names) < 2:
        raise ValueError(f"goal={_short(goal)} needs at least two models, and {names[0]} is the only one.")
    if isinstance(goal, Compare):
        asked = {"goal.new": [goal.new], "goal.base": [goal.base]}
        if goal.new is not None and goal.base == goal.new:
            raise ValueError(f"goal.base and goal.new are both {goal.base}; name two models.")
    else:
        asked = {"goal.pairs": [name for pair in getattr(goal, "pairs", ()) for name in pair.split(":")]}
    for option, given in asked.items():
        for name in filter(None, given):
            _known(option, name, names)


def ask(goal: Goal, readings: Mapping[Models, Reading], *, most_width: int) -> list[Question]:
    """Every question of the goal, over all prompts and, where it asks for them, in each bin.

    readings: of the models of each question, on the prompts that these have; most_width: the most samples a model
    may have. An error is spent over all questions together.
    """
    parts = [(models, reading, part) for models, reading in readings.items() for part in _parts(goal, reading)]
    return [_ask(goal, models, reading, part, most_width, len(parts)) for models, reading, part in parts]


def drawn_of(readings: Mapping[Models, Reading]) -> dict[str, Drawn]:
    """How far each model is drawn: the most of its prompts that some question is read on, and its samples."""
    found: dict[str, Drawn] = {}
    for reading in readings.values():
        prompts = len(reading.outcomes.prompt_ids)
        for arm in reading.arms:
            before = found.get(arm.rung.name, Drawn(0, 0))
            found[arm.rung.name] = Drawn(max(prompts, before.prompts), arm.num_samples)
    return found


def _parts(goal: Goal, reading: Reading) -> list[Bin]:
    return [part for part in reading.bins if goal.bins or part.name == ALL_PROMPTS]


@singledispatch
def _ask(goal: Goal, models: Models, reading: Reading, part: Bin, most_width: int, num_asked: int) -> Question:
    raise TypeError(f"No question for {type(goal).__name__}.")


@_ask.register
def _(
    goal: ExchangeRates, models: Models, reading: Reading, part: Bin, most_width: int, num_asked: int
) -> Question:
    return ask_rate(_pair(goal, models, reading, part, most_width), half_width=goal.half_width)


@_ask.register
def _(goal: Decide, models: Models, reading: Reading, part: Bin, most_width: int, num_asked: int) -> Question:
    pair = _pair(goal, models, reading, part, most_width)
    return ask_side(pair, alpha=goal.alpha / num_asked, tuned_at=_tuned_at(goal))


@_ask.register
def _(goal: Accuracy, models: Models, reading: Reading, part: Bin, most_width: int, num_asked: int) -> Question:
    [name] = models
    return ask_accuracy(
        name,
        part.name,
        _one_answer(reading, 0),
        part.weights,
        num_drawn=reading.num_drawn(part),
        drawn=_drawn(reading)[name],
        points=goal.points,
    )


@_ask.register
def _(goal: Compare, models: Models, reading: Reading, part: Bin, most_width: int, num_asked: int) -> Question:
    base, new = models
    at = _places(reading)
    return ask_difference(
        base,
        new,
        (_one_answer(reading, at[base]), _one_answer(reading, at[new])),
        part.weights[0],
        drawn=_drawn(reading),
        effect=goal.effect,
        alpha=goal.alpha / num_asked,
        tuned_at=_tuned_at(goal),
        part=part.name,
    )


def _pair(goal: ExchangeRates | Decide, models: Models, reading: Reading, part: Bin, most_width: int) -> Pair:
    """The smaller model's path, and the larger one's answer where the reading matches it."""
    small, large = models
    at, drawn = _places(reading), _drawn(reading)
    is_width = goal.along == "width"
    path = reading.path(at[small], "width" if is_width else reading.words.name)
    longer, reference = reading.with_reference(reading.path(at[large], path.axis))
    curve, target = reading.curve(at[small], path), reading.curve(at[large], longer)
    steps = np.log(path.widths) if is_width else reading.outcomes.budgets[list(path.budget_index)].astype(float)
    return Pair(
        small=small,
        large=large,
        bin=part.name,
        accuracy=curve.accuracy,
        cost=curve.cost,
        steps=steps,
        target=target.accuracy[:, reference],
        target_cost=target.cost[:, reference],
        weights=part.weights,
        drawn=drawn,
        most_width=most_width if is_width else drawn[small].samples,
        is_width=is_width,
    )


def _one_answer(reading: Reading, at: int) -> np.ndarray:
    """Accuracy of one answer at the largest budget on each prompt, (P,)."""
    return reading.accuracy(at, [1], budgets=[len(reading.outcomes.budgets) - 1]).mean[0, :, 0]


def _places(reading: Reading) -> dict[str, int]:
    return {arm.rung.name: place for place, arm in enumerate(reading.arms)}


def _drawn(reading: Reading) -> dict[str, Drawn]:
    prompts = len(reading.outcomes.prompt_ids)
    return {arm.rung.name: Drawn(prompts, arm.num_samples) for arm in reading.arms}


def _tuned_at(goal: Goal) -> float:
    """The variance at which a confidence sequence is tightest: that of a difference of two answers, which are
    right half of the time, after eight pilots. It must not depend on what is drawn.
    """
    return 0.5 / (8 * goal.pilot_prompts)


def _known(option: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise ValueError(f"{option} names {name}, which this sweep does not draw; it draws {', '.join(names)}.")


def _short(goal: Goal) -> str:
    return {ExchangeRates: "exchange_rates", Decide: "decide", Accuracy: "accuracy", Compare: "compare"}[
        type(goal)
    ]
