"""What several answers to one prompt are worth together, in every cell. Knows readings, no files."""

from collections.abc import Iterator

import pandas as pd

from analysis.questions.verifier import columns
from analysis.reading.bins import Bin
from analysis.reading.cells import Row
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.stats import intraclass
from analysis.stats.bootstrap import Interval, bias_corrected_interval


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model, bin and budget: how alike the answers to one prompt are.

    rho: intraclass correlation of right and wrong answers; effective: independent answers that num_votes of them,
    all that every prompt has, are worth. Each with its 95% interval; NaN where all answers are right, or all wrong.
    Raises UntoldError where no model has two samples of each prompt.
    """
    return pd.DataFrame([row for part, at in places(reading) for row in _rows(reading, part, at)])


def places(reading: Reading) -> Iterator[tuple[Bin, int]]:
    """Each bin with some prompt and each of its models with two samples or more, bins in the order they come.

    Raises UntoldError where there is none.
    """
    voting = [at for at, arm in enumerate(reading.arms) if arm.num_samples > 1]
    if not voting:
        raise UntoldError("A vote takes two samples of each prompt, and this run has one.")
    every = [(part, at) for subjects, parts in reading.groups for part in parts for at in subjects if at in voting]
    order = list(dict.fromkeys(part.name for part, _ in every))
    yield from sorted(
        (each for each in every if each[0].weights[0].any()), key=lambda each: order.index(each[0].name)
    )


def place_columns(reading: Reading, part: Bin, at: int) -> Row:
    """What a row is about: a model with the votes it has, and a bin."""
    arm = reading.arms[at]
    names: Row = {"model": arm.rung.name, "num_params": arm.rung.num_params, "bin": part.name}
    return names | {"num_prompts": int((part.weights[0] > 0).sum()), "num_votes": arm.num_samples}


def _rows(reading: Reading, part: Bin, at: int) -> Iterator[Row]:
    arm = reading.arms[at]
    rho = intraclass.correlation(arm.stored.num_correct.T, arm.stored.num_samples.T, part.weights)
    for number, budget in enumerate(reading.outcomes.budgets):
        alike = bias_corrected_interval(rho[:, number])
        effective = Interval(*intraclass.effective_votes([alike.estimate, alike.high, alike.low], arm.num_samples))
        row = place_columns(reading, part, at) | {"budget": int(budget)}
        yield row | columns("rho", alike) | columns("effective", effective)
