"""What is known of prompts before an arm is chosen: text, lengths, dials, and what a few probe samples say."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.arrays import Array, Floats
from analysis.costs.cost_models import CostModel
from analysis.policies.policy import Known
from analysis.runs.arms import Arm
from analysis.stats import difficulty

# A dial with more values that are not numbers than this names prompts rather than describes them.
MAX_VALUES = 20


def of_text(written: Sequence[str]) -> Known:
    """Cheap counts of each text (P, 7): characters, words, lines, digits,
    numbers, the largest of them, other signs.
    """
    rows = []
    for text in written:
        numbers = [float(found) for found in re.findall(r"\d+(?:\.\d+)?", text)]
        signs = sum(not (letter.isalnum() or letter.isspace()) for letter in text)
        digits = sum(letter.isdigit() for letter in text)
        largest = np.log1p(min(max(numbers, default=0.0), 1e12))
        rows.append([len(text), len(text.split()), text.count("\n"), digits, len(numbers), largest, signs])
    return free(np.asarray(rows, dtype=float).reshape(len(written), 7))


def of_dials(dials: dict[str, Array]) -> Known:
    """Dials as numbers, or one column a value where they are words; those of too many values are left out."""
    columns = []
    num_prompts = len(next(iter(dials.values()), []))
    for values in dials.values():
        numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=float)
        if np.isfinite(numbers).all():
            columns.append(numbers[:, None])
        elif len(names := np.unique(np.asarray(values).astype(str))) <= MAX_VALUES:
            columns.append((np.asarray(values).astype(str)[:, None] == names).astype(float))
    return free(np.concatenate([np.zeros((num_prompts, 0)), *columns], axis=1))


def of_probe(arm: Arm, at: int, cost: CostModel, *, samples: ArrayLike, sees_reward: bool) -> Known:
    """What these samples of each prompt say at the arm's budget `at`, charged as a cell of their width run alone.

    Columns: share of the votes that agree, share that vote, log of the mean and spread of decoded tokens, share
    cut by the budget; with a verifiable reward the share that is right too. Evaluate on other samples.
    """
    which, stored = np.asarray(samples), arm.samples
    votes, correct, decoded, forced = (
        table[at][:, which] for table in (stored.votes, stored.correct, arm.decoded_tokens, stored.forced)
    )
    columns = [
        difficulty.vote_agreement(votes),
        (votes >= 0).mean(axis=1),
        np.log1p(decoded.mean(axis=1)),
        np.log1p(decoded.std(axis=1)),
        forced.mean(axis=1),
    ]
    columns += [correct.mean(axis=1)] if sees_reward else []
    return Known(np.stack(columns, axis=1), arm.cell_cost(cost, [len(which)], at, which)[:, 0])


def free(values: Floats) -> Known:
    """Features that cost nothing to know."""
    return Known(values, np.zeros(len(values)))
