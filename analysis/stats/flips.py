"""Answers that more thinking turns from right to wrong and back, and what its tokens buy. Arrays in,
arrays out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats

# Accuracy is told for so many tokens more.
STEP_TOKENS = 500


class Flips(NamedTuple):
    """Shares of each prompt's samples that a step to the next budget turns, (P, B - 1) each.

    lost: right before and wrong after; gained: wrong before and right after.
    """

    lost: Floats
    gained: Floats

    @property
    def change(self) -> Floats:
        """What the step adds to each prompt's accuracy, (P, B - 1). Source: by definition, gained less lost."""
        return self.gained - self.lost


def between(correct: ArrayLike) -> Flips:
    """What each step from a budget to the next does to the same samples; (B, P, S) -> (P, B - 1) each.

    correct: whether each sample is right where its thinking is cut at the budget, or ended before; budgets in
    rising order. Raises ValueError below two budgets and one sample. Source: McNemar 1947, the discordant pairs.
    """
    correct = np.asarray(correct, dtype=bool)
    if correct.ndim != 3 or len(correct) < 2 or not correct.shape[2]:
        raise ValueError(f"Flips need samples at two budgets or more, (B, P, S); got shape {correct.shape}.")
    before, after = correct[:-1], correct[1:]
    lost, gained = (turned.mean(axis=2).T for turned in (before & ~after, after & ~before))
    return Flips(lost, gained)


def per_tokens(change: ArrayLike, tokens: ArrayLike, *, step: float = STEP_TOKENS) -> Floats:
    """Accuracy that `step` more thinking tokens buy between two budgets; (...) each -> (...), in accuracy (0 to
    1).

    change: what accuracy changes by; tokens: thinking tokens more that a sample spends; both means over prompts,
    under each weighting of an interval. NaN where no sample thinks on. Source: by definition; so many tokens are
    those of arXiv 2604.10739.
    """
    change, tokens = np.asarray(change, dtype=float), np.asarray(tokens, dtype=float)
    return np.asarray(np.divide(step * change, tokens, out=np.full(tokens.shape, np.nan), where=tokens > 0))
