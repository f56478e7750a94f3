"""Answers that were graded neither right nor wrong: their shares by model and bin, and the words for them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Floats
from analysis.reading.bins import Bin
from analysis.runs.along import Along, Everywhere
from analysis.runs.arms import Arm
from analysis.runs.samples import OUTCOMES

NAMES = OUTCOMES[2:]
# Above this share an accuracy says how answers end, and hardly what a model can do.
MOSTLY = 0.5
MAX_TOLD = 3


def shares(arm: Arm, at: int, weights: Floats) -> dict[str, float]:
    """The share of every outcome in NAMES at a budget's position, prompts (P,) weighted; NaN of success counts."""
    if not arm.rung.has_votes or not weights.any():
        return dict.fromkeys(NAMES, np.nan)
    of_prompts = {name: (arm.samples.outcome[at] == OUTCOMES.index(name)).mean(axis=1) for name in NAMES}
    return {name: float(np.average(values, weights=weights)) for name, values in of_prompts.items()}


def share(parts: Mapping[str, float]) -> float:
    """All of them together."""
    return float(sum(parts[name] for name in NAMES))


def is_mostly(parts: Mapping[str, float]) -> bool:
    """Whether more than MOSTLY of the answers were graded neither right nor wrong; not where that is not known."""
    return share(parts) > MOSTLY


def told(parts: Mapping[str, float]) -> str:
    """'71% truncated, 12% unparsed', the largest first; of more than MAX_TOLD the others together."""
    named = sorted((name for name in NAMES if parts[name] > 0), key=lambda name: -parts[name])
    told = [f"{numerals.percent(parts[name])} {name}" for name in named[:MAX_TOLD]]
    rest = sum(parts[name] for name in named[MAX_TOLD:])
    return ", ".join(told + ([f"{numerals.percent(rest)} other"] if rest else []))


def frame(
    arms: Sequence[Arm], groups: Sequence[tuple[Sequence[int], Sequence[Bin]]], *, is_own: bool
) -> pd.DataFrame:
    """A row a bin and model at the full budget: its shares;
    `of` is the model whose own bins they are, "" of all.
    """
    rows = [
        {"of": arms[subjects[0]].rung.name if is_own else "", "bin": part.name, "model": arm.rung.name}
        | shares(arm, -1, part.weights[0])
        for subjects, parts in groups
        for part in parts
        for arm in arms
    ]
    return pd.DataFrame(rows)


def lines(arms: Sequence[Arm], along: Along | Everywhere) -> list[str]:
    """At which budgets, or other values that are read, each model is mostly unread, over all prompts,
    and how at the largest of them, a phrase a model.

    "m at 0 and 64 thinking tokens (80% truncated)".
    """
    found = []
    for arm in arms:
        every = np.ones(len(arm.prompt_tokens))
        parts = {int(budget): shares(arm, at, every) for at, budget in enumerate(arm.budgets)}
        mostly = [budget for budget, part in parts.items() if is_mostly(part)]
        if mostly:
            found.append(f"{arm.rung.name} {along.told_each(mostly)} ({told(parts[mostly[-1]])})")
    return found
