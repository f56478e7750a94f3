"""What a sweep with a goal says after each round, and in the end."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.goals.planner import Action
from analysis.goals.question import Drawn, Question
from analysis.goals.settings import Goal
from analysis.goals.story import Known, floats, numbers
from analysis.text.tables import filled

ENDS = {
    "known": "Every question is answered.",
    "limits": "All prompts and samples that the sweep may draw are drawn, or none of them would help.",
    "cap": "The cap is reached.",
    "rounds": "No more rounds are allowed (goal.max_rounds).",
    "pilot": "The cap cut the pilot short, so that nothing is known yet. Raise it and run the same command again.",
    "failed": "Nothing that is asked can be answered without the models that failed.",
}


SIDES = {-1.0: "the rate is below 1", 1.0: "the rate is above 1", np.inf: "never within the grid"}


def round_lines(
    number: int, goal: Goal, questions: Sequence[Question], action: Action, used: int, failed: Sequence[str]
) -> list[str]:
    """What is known after a round, a line a question, and what comes next or why nothing does."""
    share = f" ({used / goal.max_tokens:.0%} of the cap)" if goal.max_tokens else ""
    lines = [f"{_after(number)}: {used:,} tokens so far{share}."]
    lines += [f"  {tell(each)}" for each in questions]
    lines += [f"  {name}: failed, so that what is asked of it stays open." for name in failed]
    return [*lines, *(_next(action) if action.end is None else _end(action, questions))]


def pilot_lines(goal: Goal) -> list[str]:
    """Behind the plan of a pilot."""
    return [
        filled(
            "This is the pilot. After it, rounds draw where that narrows the answer most for a token, until it is "
            "known, a cap is reached or the grid is drawn. Plan again once the pilot is drawn, to see how many "
            "rounds and tokens to expect."
        )
    ]


def forecast_lines(rounds: Sequence[Action]) -> list[str]:
    """The rounds that are expected, and where they lead."""
    if not rounds:
        return []
    total = sum(each.tokens for each in rounds)
    last = ", ".join(f"{name} {_numbers(drawn)}" for name, drawn in rounds[-1].targets.items())
    more = "1 more round" if len(rounds) == 1 else f"{len(rounds)} more rounds"
    return [
        filled(
            f"Expected: {more}, about {total:,.0f} tokens with engine starts, up to {last} (prompts x samples)."
        )
    ]


def tell(question: Question) -> str:
    """One question in a line: its name, what is found, and whether that is enough."""
    return f"{question.name}: {_found(question.found, question.state)}; {_state(question.state, question.ratio)}"


def story(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rounds of a goal as they are stored."""
    asked = ", ".join(
        f"{name}={value}" for name, value in rows[0]["asked"].items() if value not in (None, False, [])
    )
    lines = [filled(f"Asked: {asked}."), ""]
    for row, number in zip(rows[1:], numbers(rows), strict=True):
        lines.append(f"{_after(number)}: {row['num_tokens'] - rows[0]['num_tokens']:,} tokens so far.")
        for known in row["known"]:
            lines.append(f"  {known['name']}: {found_words(known)}; {_state(known['state'], known['ratio'])}")
        drawn = ", ".join(f"{name} {prompts:,} x {samples}" for name, (prompts, samples) in row["targets"].items())
        lines.append(f"  {ENDS[row['end']]}" if row["end"] else filled(f"  Next: {drawn} (prompts x samples)."))
    return lines


def found_words(known: Known) -> str:
    """What a stored record of a question found."""
    return _found(floats(known), known["state"])


def _found(found: Mapping[str, float], state: str) -> str:
    if "rate" in found:
        return _rate(found, state)
    if "accuracy" in found:
        return f"{found['accuracy']:.1%} [{found['low']:.1%}, {found['high']:.1%}]"
    if "gain" in found:
        ends = f"[{100 * found['low']:+.1f}, {100 * found['high']:+.1f}]"
        side = "at least" if found["gain"] >= found["effect"] else "less than"
        sure = (
            f"surely {side} {100 * found['effect']:g}"
            if state == "known"
            else f"against {100 * found['effect']:g}"
        )
        return f"{100 * found['gain']:+.1f} points {ends}, {sure}"
    return SIDES.get(found["side"], "not yet sure on which side of 1 the rate is")


def _rate(found: Mapping[str, float], state: str) -> str:
    if state == "never":
        return f"never within the grid ({found['never']:.1%} of replicates)"
    if np.isnan(found["rate"]):
        return "nothing to match yet"
    ends = ", ".join("never" if np.isinf(found[name]) else f"{found[name]:.3g}x" for name in ("low", "high"))
    at = "at most " if state == "at most" else ""
    estimate = "not within what is drawn" if np.isinf(found["rate"]) else f"{at}{found['rate']:.3g}x"
    return f"{estimate} [{ends}]"


def _state(state: str, ratio: float) -> str:
    if state == "open":
        return f"open, {ratio:.1f} times as wide as wanted" if ratio < 1000 else "open"
    return "known"


def _next(action: Action) -> list[str]:
    drawn = ", ".join(f"{name} {_numbers(each)}" for name, each in action.targets.items())
    return [
        filled(
            f"Next, for {action.worst}: {drawn} (prompts x samples), about {action.tokens:,.0f} tokens, engine "
            "starts counted."
        )
    ]


def _end(action: Action, questions: Sequence[Question]) -> list[str]:
    open_ones = [each for each in questions if each.is_open]
    lines = [ENDS[action.end or "known"]]
    for each in open_ones:
        lines.append(filled(f"Not known: {each.name}. {_takes(each, action.targets)}"))
    return lines


def _takes(question: Question, drawn: Mapping[str, Drawn]) -> str:
    """What it would take, by how an interval falls with the number of prompts."""
    prompts = min(drawn[name].prompts for name in question.models)
    needed = prompts * question.ratio**2
    if question.ahead is not None and question.small and drawn[question.small].samples < question.most_width:
        return f"More samples of {question.small} might reach it; it has {drawn[question.small].samples} a prompt."
    return (
        f"It would take about {needed:,.0f} prompts instead of {prompts:,}."
        if needed < 1e7
        else "More would not help."
    )


def _after(number: int) -> str:
    return "After the pilot" if number == 0 else f"After round {number}"


def _numbers(drawn: Drawn) -> str:
    return f"{drawn.prompts:,} x {drawn.samples}"
