"""Decisions of a goal as a sweep stores them, made by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.goals.question import Question
from analysis.goals.settings import Accuracy, Compare, Decide, ExchangeRates, Goal
from analysis.runs.spending import Written
from results import decisions

Targets = Mapping[str, tuple[int, int]]
GOALS: dict[str, Goal] = {
    "rate": ExchangeRates(half_width=0.15),
    "accuracy": Accuracy(points=2),
    "gain": Compare(effect=2),
    "side": Decide(),
}


def written(names: Sequence[str], *, by_sample: int = 100) -> dict[str, Written]:
    """Models whose samples take so many tokens each."""
    return {name: Written(by_sample * 1000, 1000, 0, 100, 0) for name in names}


def ask(
    models: tuple[str, ...],
    found: Mapping[str, float],
    *,
    state: str = "open",
    bin: str = "all prompts",
    ratio: float = 2.0,
    between: float = 0.1,
    within: float = 0.2,
) -> dict[str, Any]:
    """What is stored of a question."""
    named = models[::-1] if "gain" in found else models
    name = f"{' against '.join(named)}, {bin}"
    spread = dict.fromkeys(models, within)
    return Question(name, models, ratio, state, found, between, spread).record  # type: ignore[arg-type]


def row(
    number: int,
    known: Sequence[Mapping[str, Any]],
    targets: Targets,
    *,
    tokens: int,
    end: str | None = None,
    goal: Goal = GOALS["rate"],
) -> dict[str, Any]:
    """A decision as `decisions.read` gives it."""
    open_ones = [each for each in known if each["state"] == "open"]
    return {
        "goal": "0123456789abcdef",
        "round": number,
        "time": f"2026-01-01T00:00:{number:02}.000+00:00",
        "asked": goal.asked
        | {name: list(value) for name, value in goal.asked.items() if isinstance(value, tuple)},
        "known": list(known),
        "targets": {name: list(target) for name, target in targets.items()},
        "num_tokens": tokens,
        "device_seconds": 0.0,
        "usd": 0.0,
        "expected_tokens": None,
        "worst": open_ones[0]["name"] if open_ones else "",
        "ratio": open_ones[0]["ratio"] if open_ones else 1.0,
        "expected_ratio": None,
        "end": end,
    }


def rates(names: Sequence[str], *, num_rounds: int = 3, never: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rounds in which every smaller model's rate against the last one becomes known, some of them as never."""
    small, large = names[:-1], names[-1]
    rows = [row(0, [], dict.fromkeys(names, (50, 2)), tokens=1000)]
    for number in range(1, num_rounds + 1):
        is_last, factor = number == num_rounds, 10 ** (0.6 / 2 ** (number - 1))
        known = []
        for at, name in enumerate(small):
            rate = 0.4 * 1.6**at
            found = {"rate": rate, "low": rate / factor, "high": rate * factor, "never": 0.0}
            state = "known" if is_last else "open"
            if name in never:
                found = {"rate": np.inf, "low": np.inf if is_last else rate, "high": np.inf, "never": 0.99}
                state = "never" if is_last else "open"
            known.append(ask((name, large), found, state=state))
        targets = dict.fromkeys(names, (50 * 2**number, 4))
        rows.append(
            row(number, known, targets, tokens=1000 + 40_000 * 3**number, end="known" if is_last else None)
        )
    rows[-1]["targets"] = rows[-2]["targets"]
    return rows


def store(root: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Into a run, as a sweep does."""
    for each in rows:
        decisions.append(root, {"words": [], **each}, writer="goal")
