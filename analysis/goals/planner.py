"""What to draw next: a pure function from what is known, and what it would cost,
to how far each model is drawn.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from analysis.goals.question import Drawn, Question

# A round is planned for a little less than what is wanted, so that none is needed for what was lacking by a hair.
AIM = 0.95
# A round may draw so many times the tokens of all before it, and so many starts of every engine are no waste.
GROWTH = 0.3
WORTHY_STARTS = 4
# What is left over of a cap is planned with a margin: samples differ in length.
SPARE = 0.95
# A question that stays open has at least so many times its prompts, or more samples.
LEAST_STEP = 1.1
# A question that no number of prompts answers counts as if it took so many times those that there may be.
BEYOND = 4
End = Literal["known", "limits", "cap", "rounds", "failed", "pilot"]
Plan = dict[str, Drawn]


@dataclass(frozen=True)
class Limits:
    """The most prompts of every model, and the numbers of samples that it may have, ascending.

    price: tokens of one sample by model; price_of_prompt: what each further prompt takes beside its samples, as
    those for difficulty do; start: what starting an engine is worth in tokens.
    """

    prompts: int
    widths: tuple[int, ...]
    price: Mapping[str, float]
    price_of_prompt: Mapping[str, float]
    start: float

    def tokens(self, name: str, drawn: Drawn) -> float:
        """Of everything that is drawn of a model."""
        return drawn.prompts * (drawn.samples * self.price[name] + self.price_of_prompt.get(name, 0.0))

    def wider(self, samples: int) -> int | None:
        """The next number of samples; None where there may be no more."""
        return next((width for width in self.widths if width > samples), None)


class Action(NamedTuple):
    """How far each model is drawn next, and what that is expected to take and to bring.

    targets: every model's, changed or not; tokens: those of samples that are new; worst: the question with the
    largest ratio, and that before and after; end: why nothing is drawn, None where something is.
    """

    targets: Plan
    tokens: float
    worst: str
    before: float
    after: float
    end: End | None = None


def choose(
    questions: Sequence[Question], drawn: Mapping[str, Drawn], limits: Limits, *, spent: float, left: float
) -> Action:
    """The next round: a step towards the cheapest numbers of prompts and samples that answer every open question.

    A round takes at most GROWTH of the tokens that were spent before, since what is far is only guessed; one job
    of a model serves all that is new of it. spent: tokens of all rounds so far; left: those under every cap.
    """
    now = dict(drawn)
    open_ones = [each for each in questions if each.is_open]
    worst = _worst(questions)
    if not open_ones:
        return _end(now, worst, "known")
    aimed = cheapest(open_ones, now, limits)
    if aimed == now:
        return _end(now, worst, "limits")
    most = max(GROWTH * spent, WORTHY_STARTS * limits.start * len(now))
    plan = _as_far(open_ones, now, aimed, limits, min(most, SPARE * left))
    if plan == now and most < SPARE * left:
        plan = _least(now, aimed, limits)
    tokens = _new_tokens(now, plan, limits)
    if plan == now or tokens > SPARE * left:
        return _end(now, worst, "cap")
    return Action(plan, tokens, worst.name, worst.ratio, worst.expect(now, plan))


def stop(questions: Sequence[Question], drawn: Mapping[str, Drawn], why: End) -> Action:
    """Nothing more, whatever is open."""
    worst = _worst(questions)
    return _end(dict(drawn), worst, why if worst.is_open else "known")


def forecast(
    questions: Sequence[Question],
    drawn: Mapping[str, Drawn],
    limits: Limits,
    *,
    spent: float,
    left: float,
    most: int,
) -> list[Action]:
    """The rounds that are expected from here on: each question is taken to become what was expected of it."""
    rounds: list[Action] = []
    now = dict(drawn)
    while len(rounds) < most:
        action = choose(questions, now, limits, spent=spent, left=left)
        if action.end is not None:
            break
        rounds.append(action)
        questions = [each.as_expected(now, action.targets) for each in questions]
        now, spent, left = action.targets, spent + action.tokens, left - action.tokens
    return rounds


def cheapest(questions: Sequence[Question], now: Plan, limits: Limits) -> Plan:
    """The plan of the fewest tokens at which every open question is expected to be answered.

    Coordinate by coordinate: a model has more samples where they spare more prompts than they cost.
    """
    plan = _with_prompts(questions, now, now, limits)
    names = sorted({name for each in questions for name in each.models})
    while True:
        before = plan
        for name in names:
            wider = [width for width in limits.widths if width > now[name].samples]
            others = [
                _with_prompts(questions, now, {**plan, name: plan[name]._replace(samples=width)}, limits)
                for width in (now[name].samples, *wider)
            ]
            plan = min(others, key=lambda other: _new_tokens(now, other, limits))
        if plan == before:
            return _within(plan, limits)


def _with_prompts(questions: Sequence[Question], now: Plan, plan: Plan, limits: Limits) -> Plan:
    """The plan with as many prompts of each model as the open questions on it are expected to take."""
    needed = {name: drawn.prompts for name, drawn in now.items()}
    for each in questions:
        prompts = _prompts_for(each, now, plan, limits)
        needed |= {name: max(needed[name], prompts) for name in each.models}
    return {name: drawn._replace(prompts=needed[name]) for name, drawn in plan.items()}


def _prompts_for(question: Question, now: Plan, plan: Plan, limits: Limits) -> int:
    """The fewest prompts at which the ratio is expected to be small enough."""
    there = min(now[name].prompts for name in question.models)
    # What is open takes more of something, however sure it is expected to be.
    is_wider = any(plan[name].samples > now[name].samples for name in question.models)
    least = there if is_wider else int(there * LEAST_STEP) + 1
    needed = min(question.prompts_for(now, plan, aim=AIM), BEYOND * limits.prompts)
    return least if needed <= least else _rounded(math.ceil(needed), up=True)


def _rounded(prompts: int, *, up: bool) -> int:
    """To two digits: what is guessed has no more."""
    unit = int(10 ** max(len(str(prompts)) - 2, 0))
    return unit * (-(-prompts // unit) if up else prompts // unit)


def _within(plan: Plan, limits: Limits) -> Plan:
    return {name: drawn._replace(prompts=min(drawn.prompts, limits.prompts)) for name, drawn in plan.items()}


def _as_far(questions: Sequence[Question], now: Plan, aimed: Plan, limits: Limits, most: float) -> Plan:
    """As much of the aimed plan as `most` allows: samples first, one width at a time, those of the worst question
    before all; prompts once every model has the samples that it is to have, since each prompt pays for all of
    them.
    """
    plan = dict(now)
    for each in sorted(questions, key=lambda each: -each.ratio):
        for name in each.models:
            if aimed[name].samples > now[name].samples:
                step = {**plan, name: _widened(now[name], limits)}
                if _new_tokens(now, step, limits) <= most:
                    plan = step
    if any(plan[name].samples != aimed[name].samples for name in plan):
        return plan
    low, high = 0.0, 1.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _new_tokens(now, _towards(plan, aimed, middle), limits) <= most else (low, middle)
        )
    everything = _towards(plan, aimed, 1.0)
    return everything if _new_tokens(now, everything, limits) <= most else _towards(plan, aimed, low)


def _towards(plan: Plan, aimed: Plan, share: float) -> Plan:
    """The plan with this share of the prompts, in log, that the aimed one has more."""
    most = max(drawn.prompts for drawn in aimed.values())
    behind = [plan[name].prompts for name in plan if aimed[name].prompts > plan[name].prompts]
    if not behind:
        return plan
    least = min(behind)
    reached = round(least * (most / least) ** share)
    reached = max(_rounded(reached, up=False), min(reached, least + 1))
    return {
        name: drawn._replace(prompts=max(drawn.prompts, min(reached, aimed[name].prompts)))
        for name, drawn in plan.items()
    }


def _least(now: Plan, aimed: Plan, limits: Limits) -> Plan:
    """The smallest step towards the aimed plan: samples before prompts, as in any round."""
    wider = [{**now, name: _widened(now[name], limits)} for name in now if aimed[name].samples > now[name].samples]
    steps = wider or [_towards(now, aimed, 0.2)]
    return min(steps, key=lambda step: _new_tokens(now, step, limits))


def _widened(drawn: Drawn, limits: Limits) -> Drawn:
    """With the next number of samples, where there is one."""
    return drawn._replace(samples=limits.wider(drawn.samples) or drawn.samples)


def _worst(questions: Sequence[Question]) -> Question:
    """Of the open questions, or of all where none is, the one that is furthest from known."""
    return max([each for each in questions if each.is_open] or questions, key=lambda each: each.ratio)


def _new_tokens(now: Plan, plan: Plan, limits: Limits) -> float:
    """Of what the plan has more, with what its starts are worth."""
    changed = [name for name in plan if plan[name] != now[name]]
    return sum(limits.tokens(name, plan[name]) - limits.tokens(name, now[name]) + limits.start for name in changed)


def _end(now: Plan, worst: Question, why: End) -> Action:
    return Action(now, 0.0, worst.name, worst.ratio, worst.ratio, why)
