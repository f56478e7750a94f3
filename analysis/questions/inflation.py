"""What another model of the same size writes beside one, at equal budget and at equal accuracy:
a quantized one.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Floats
from analysis.questions.interval_rows import Row, columns, interval_at
from analysis.questions.thinking import place, require_same_samples
from analysis.reading.bins import Bin
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.stats import lengths
from analysis.stats.bootstrap import means_of_each, percentile_interval

# Sizes that differ by less are one: a quantized checkpoint may count its weights a little otherwise.
SAME_SIZE = 0.05


def frame(reading: Reading, against: str) -> pd.DataFrame:
    """A row a model of the size of `against`, bin and budget; intervals as NAME, NAME_low, NAME_high.

    at_budget: tokens that the model writes at this budget over those of `against` there; at_accuracy: tokens with
    which it is first as accurate as `against` is at this budget, over what that one writes there, inf where it
    never is, NaN where there is nothing to match; at_or_below: its smallest budget already is, so that the ratio
    is an upper bound. Written: thinking, what closes it, and the answer, of one sample. accuracy,
    against_accuracy: at this budget. Raises UntoldError as `require_same_samples`, where bins are each model's
    own, and where no other model has the size; ValueError where there is no model `against`. Source:
    `lengths.to_reach`.
    """
    require_same_samples(reading)
    base = _named(reading, against)
    others = _of_its_size(reading, base)
    written = {at: reading.arms[at].decoded_tokens.mean(axis=2).T for at in (base, *others)}
    right = {at: reading.arms[at].samples.correct.mean(axis=2).T for at in (base, *others)}
    rows = [
        row
        for part in reading.bins
        if part.weights[0].any()
        for at in others
        for row in _inflated(reading, part, at, base, written, right)
    ]
    return pd.DataFrame(rows)


def _inflated(
    reading: Reading, part: Bin, at: int, base: int, written: dict[int, Floats], right: dict[int, Floats]
) -> Iterator[Row]:
    """One model beside another in one bin, a row a budget."""
    by_budget = reading.outcomes.budgets
    tables = [table[of] for table in (right, written) for of in (at, base)]
    own, other, tokens, base_tokens = means_of_each(part.weights, tables)
    at_budget = percentile_interval(tokens / base_tokens)
    found = lengths.to_reach(own, tokens, by_budget, other)
    at_accuracy = percentile_interval(found.cost / base_tokens)
    for number, budget in enumerate(by_budget):
        yield (
            place(reading, at, part)
            | {"against": reading.arms[base].rung.name, "budget": int(budget)}
            | {"accuracy": float(own[0, number]), "against_accuracy": float(other[0, number])}
            | columns("at_budget", interval_at(at_budget, number))
            | columns("at_accuracy", interval_at(at_accuracy, number))
            | {"at_or_below": bool(found.at_or_below[0, number])}
        )


def _named(reading: Reading, name: str) -> int:
    names = [arm.rung.name for arm in reading.arms]
    if name not in names:
        raise ValueError(f"No model {name!r} in this run; choose --against from {names}.")
    if reading.has_own_bins:
        raise UntoldError("With --difficulty own no two models share a bin. Choose another --difficulty.")
    return names.index(name)


def _of_its_size(reading: Reading, base: int) -> list[int]:
    """The other models of about as many parameters; those of unknown size are of any."""
    sizes = np.array([arm.rung.num_params for arm in reading.arms])
    is_near = np.isnan(sizes) | np.isnan(sizes[base]) | (np.abs(sizes / sizes[base] - 1) <= SAME_SIZE)
    others = [int(at) for at in np.flatnonzero(is_near) if at != base]
    if not others:
        name, size = reading.arms[base].rung.name, numerals.parameters(float(sizes[base]))
        raise UntoldError(
            f"No other model of this run has the {size} parameters of {name}, and tokens are compared at one "
            "size. Draw one, such as a quantized one, with the same `run=`."
        )
    return others
