"""Goals pursued on planted ladders by the functions that decide a sweep's rounds. Knows no files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from analysis.goals import means, planner, rates
from analysis.goals.planner import Action
from analysis.goals.question import Drawn, Question
from analysis.goals.settings import Accuracy, Compare, Decide, ExchangeRates, Goal
from analysis.validation import ladders
from analysis.validation.ladders import EVERY_PROMPT, Planted, Prompts

# What a question is asked of: what it is about, with numbers of prompts and samples. It is answered once.
Ask = Callable[[Planted, Prompts], Question]


@dataclass(frozen=True)
class Pursuit:
    """A run that ended: its questions, what it has drawn and spent, and the most that it
    planned to spend in all.
    """

    questions: list[Question]
    drawn: Prompts
    tokens: float
    planned: float
    actions: list[Action]

    @property
    def end(self) -> planner.End | None:
        return self.actions[-1].end


def pursue(planted: Planted, goal: Goal, *, max_tokens: float = np.inf) -> Pursuit:
    """The pilot, and then rounds until they end, as a sweep has them; the cap is one of planned tokens."""
    drawn: Prompts = {rung.name: Drawn(goal.pilot_prompts, goal.pilot_samples) for rung in planted.rungs}
    asked = asks(planted, goal)
    known: dict[tuple[object, ...], Question] = {}
    actions: list[Action] = []
    planned = 0.0
    while not actions or actions[-1].end is None:
        questions = [_ask_once(known, planted, drawn, models, ask) for models, ask in asked]
        spent, limits = planted.spent(drawn), planted.limits(drawn, start=goal.start_tokens)
        if len(actions) < goal.max_rounds:
            action = planner.choose(questions, drawn, limits, spent=spent, left=max_tokens - spent)
        else:
            action = planner.stop(questions, drawn, "rounds")
        planned = max(planned, spent + action.tokens)
        drawn = action.targets
        actions.append(action)
    return Pursuit(questions, drawn, spent, planned, actions)


def asks(planted: Planted, goal: Goal) -> list[tuple[tuple[str, ...], Ask]]:
    """The models of each question of the goal, and how it is asked; defaults as `goals.asking` has them."""
    names = [rung.name for rung in planted.rungs]
    if isinstance(goal, Accuracy):
        return [((name,), partial(ask_accuracy, name, goal)) for name in names]
    if isinstance(goal, Compare):
        return [((names[-2], names[-1]), partial(ask_difference, names[-2], names[-1], goal))]
    pairs = [(name, names[-1]) for name in names[:-1]]
    if isinstance(goal, Decide):
        return [(pair, partial(ask_side, *pair, goal, len(pairs))) for pair in pairs]
    assert isinstance(goal, ExchangeRates)
    return [(pair, partial(ask_rate, *pair, goal)) for pair in pairs]


def ask_rate(small: str, large: str, goal: ExchangeRates, planted: Planted, drawn: Prompts) -> Question:
    return rates.ask_rate(planted.pair(small, large, drawn), half_width=goal.half_width)


def ask_side(small: str, large: str, goal: Decide, num_pairs: int, planted: Planted, drawn: Prompts) -> Question:
    return rates.ask_side(
        planted.pair(small, large, drawn), alpha=goal.alpha / num_pairs, tuned_at=_tuned_at(goal)
    )


def ask_accuracy(name: str, goal: Accuracy, planted: Planted, drawn: Prompts) -> Question:
    prompts, samples = drawn[name]
    return means.ask_accuracy(
        name,
        EVERY_PROMPT,
        planted.accuracy(name, prompts, samples),
        ladders.weights(prompts),
        num_drawn=prompts,
        drawn=drawn[name],
        points=goal.points,
    )


def ask_difference(base: str, new: str, goal: Compare, planted: Planted, drawn: Prompts) -> Question:
    both = planted.paired((base, new), drawn)
    of_base, of_new = (planted.accuracy(name, *both[name]) for name in (base, new))
    return means.ask_difference(
        base,
        new,
        (of_base, of_new),
        np.ones(len(of_base)),
        drawn=both,
        effect=goal.effect,
        alpha=goal.alpha,
        tuned_at=_tuned_at(goal),
        part=EVERY_PROMPT,
    )


def _ask_once(
    known: dict[tuple[object, ...], Question], planted: Planted, drawn: Prompts, models: tuple[str, ...], ask: Ask
) -> Question:
    """What was asked of these very rows is known."""
    key = (models, *planted.paired(models, drawn).values())
    if key not in known:
        known[key] = ask(planted, drawn)
    return known[key]


def _tuned_at(goal: Goal) -> float:
    """As `goals.asking` has it."""
    return 0.5 / (8 * goal.pilot_prompts)
