"""What several answers to one prompt are worth together, in every cell. Knows readings, no files."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.questions.interval_rows import columns, interval_at
from analysis.reading.bins import Bin
from analysis.reading.cells import Row
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.runs.arms import Arm
from analysis.stats import intervals, intraclass, modes
from analysis.stats.bootstrap import Interval, bias_corrected_interval, percentile_interval, weighted_means
from analysis.stats.posteriors import bayes_at_n

MISSING = Interval(*(np.asarray(np.nan),) * 3)


class Modal(NamedTuple):
    """What the modal answer of all samples is worth on each prompt, and the vote of half of them in expectation;
    whether right and wrong tie for it, and which leads is settled; (P, B) each.
    """

    worth: Floats
    half: Floats
    tied: Floats
    settled: Floats


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model, bin and budget: how alike the answers to one prompt are, and what their mode is.

    rho: intraclass correlation of right and wrong answers; effective: independent answers that num_votes of them,
    all that every prompt has, are worth; NaN where all answers are right, or all wrong. modal: share of prompts
    whose modal answer among all samples is right, and moved: that less the vote of half of the samples, in
    expectation over halves. tied: share of prompts where a right and a wrong answer tie for the mode; settled: of
    those where it is settled which leads; NaN of counts, as modal. one_sample: accuracy of one answer with its
    interval over prompts, which is of all prompts like these; bayes: Bayes@N with its posterior interval, which is
    of these very prompts. Each but tied and settled with its 95% interval. Sources: `intraclass.correlation`,
    `modes.modal_answers`, `posteriors.bayes_at_n`. Raises UntoldError where no model has two samples of each
    prompt.
    """
    found = {at: _modal(reading, at) for _, at in places(reading)}
    return pd.DataFrame([row for part, at in places(reading) for row in _rows(reading, part, at, found[at])])


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


def _modal(reading: Reading, at: int) -> Modal | None:
    """The modal answers of a model at every budget; None where there are only counts."""
    arm: Arm = reading.arms[at]
    if not arm.rung.has_votes:
        return None
    every = [modes.modal_answers(*both) for both in zip(arm.samples.votes, arm.samples.worth, strict=True)]
    worth, tied, settled = (np.stack(part, axis=1).astype(float) for part in zip(*every, strict=True))
    half = reading.read_by("maj_at_k").accuracy(at, [arm.num_samples // 2]).mean[..., 0]
    return Modal(worth, half.T, tied, settled)


def _rows(reading: Reading, part: Bin, at: int, modal: Modal | None) -> Iterator[Row]:
    arm = reading.arms[at]
    told = zip(
        alike(arm, part),
        _of_modes(reading, part, modal),
        _one_answer(arm, part, reading.num_drawn(part)),
        strict=True,
    )
    for budget, (worth, of_modes, one_answer) in zip(reading.outcomes.budgets, told, strict=True):
        yield place_columns(reading, part, at) | {"budget": int(budget)} | worth | of_modes | one_answer


def _one_answer(arm: Arm, part: Bin, num_drawn: int) -> list[Row]:
    """Columns of the accuracy of one answer, over prompts and on these, a row a budget."""
    right, total = arm.stored.num_correct, arm.stored.num_samples
    over = intervals.accuracy_interval(weighted_means(part.weights, (right / total).T), num_drawn)
    inside = part.weights[0] > 0
    these = bayes_at_n(np.stack([total - right, right], axis=-1)[:, inside], [0, 1])
    return [
        columns("one_sample", Interval(*drawn)) | columns("bayes", Interval(*posterior))
        for drawn, posterior in zip(zip(*over, strict=True), zip(*these, strict=True), strict=True)
    ]


def alike(arm: Arm, part: Bin) -> list[Row]:
    """Columns of rho, and of what all samples are worth, a row a budget."""
    rho = intraclass.correlation(arm.stored.num_correct.T, arm.stored.num_samples.T, part.weights)
    rows = []
    for ends in zip(*bias_corrected_interval(rho), strict=True):
        estimate, low, high = ends
        effective = Interval(*intraclass.effective_votes([estimate, high, low], arm.num_samples))
        rows.append(columns("rho", Interval(*ends)) | columns("effective", effective))
    return rows


def _of_modes(reading: Reading, part: Bin, modal: Modal | None) -> list[Row]:
    """Columns of the modal answers in a bin, a row a budget."""
    num_budgets = len(reading.outcomes.budgets)
    if modal is None:
        nothing = columns("modal", MISSING) | columns("moved", MISSING) | {"tied": np.nan, "settled": np.nan}
        return [nothing] * num_budgets
    worth, half = (weighted_means(part.weights, table) for table in (modal.worth, modal.half))
    ends, moved = intervals.accuracy_interval(worth, reading.num_drawn(part)), percentile_interval(worth - half)
    tied, settled = (weighted_means(part.weights[:1], table)[0] for table in (modal.tied, modal.settled))
    return [
        columns("modal", interval_at(ends, number))
        | columns("moved", interval_at(moved, number))
        | {"tied": float(tied[number]), "settled": float(settled[number])}
        for number in range(num_budgets)
    ]
