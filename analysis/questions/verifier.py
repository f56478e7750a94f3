"""What a verifier is worth: how it tells right from wrong within prompts, and what its choice gains and leaves."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.questions.interval_rows import ENDS, UNKNOWN, Row, by_bin, columns
from analysis.reading import curves
from analysis.reading.bins import Bin
from analysis.reading.curves import CHOSEN_RULES, RULES, VOTING_RULES
from analysis.reading.reading import Reading
from analysis.runs.arms import Arm
from analysis.runs.scores import Scores
from analysis.stats import intervals, pairs
from analysis.stats.bootstrap import percentile_interval, weighted_means
from analysis.stats.pairs import Pairs

# Accuracy of one sample, beside the rules that choose among all.
ONE = "one_sample"
YIELDS = (ONE, *RULES)
COLUMNS = (
    *("model", "num_params", "bin", "num_prompts", "num_samples", "num_mixed"),
    *(f"{name}{end}" for name in ("auc", *YIELDS, "gap") for end in ENDS),
    *("refused", "cost_with_it"),
)


class _Read(NamedTuple):
    """One model at its full budget: pairs, accuracy by rule (P,), shares refused (P,), and cost with the verifier
    over without.
    """

    pairs: Pairs
    accuracy: dict[str, Floats]
    refused: Floats
    cost: Floats
    plain_cost: Floats


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model and bin, at the full budget and all samples; each interval as NAME, NAME_low and NAME_high.

    auc: the share of pairs of a right and a wrong sample of one prompt in which the right one is scored higher,
    ties half; num_mixed: prompts that have such pairs. one_sample, and by rule the accuracy of all samples, NaN of
    votes where no answers are known. gap: coverage less best_of_n. refused: share of answers that the verifier
    refused. cost_with_it: cost of choosing over that of drawing alone, in the reading's cost model, NaN where what
    the verifier read is not counted. Under own difficulty the bins are each model's. Raises ValueError where the
    reading's rule reads no scores.
    """
    require_scores(reading)
    read = [_read(reading, at) for at in range(len(reading.arms))]
    rows = [
        _row(reading, at, part, read[at])
        for subjects, parts in reading.groups
        for part in parts
        for at in subjects
    ]
    return pd.DataFrame(by_bin(rows))


def require_scores(reading: Reading) -> None:
    """Raise ValueError where the reading's rule reads no scores."""
    if not reading.reads_scores:
        raise ValueError(f"--rule {reading.rule} reads no scores; a verifier is read by {CHOSEN_RULES[0]}.")


def _read(reading: Reading, at: int) -> _Read:
    arm, last = reading.arms[at], np.array([len(reading.outcomes.budgets) - 1])
    scores: Scores = arm.scores
    rng = reading.rng("verifier", at)
    accuracy: dict[str, Floats] = {
        rule: curves.rule_accuracy(arm, [arm.num_samples], rule, rng=rng, budgets=last)[0, :, 0]
        for rule in RULES
        if arm.rung.has_votes or rule not in VOTING_RULES
    }
    cost, plain = (
        curves.cell_cost(arm, reading.cost, [arm.num_samples], rule=rule, budgets=last)[0, :, 0]
        for rule in ("best_of_n", "pass_at_k")
    )
    return _Read(
        pairs.within_prompts(scores.ranked[-1], arm.samples.correct[-1]),
        {ONE: arm.accuracy[-1], **accuracy},
        scores.refused[-1].mean(axis=1),
        cost,
        plain,
    )


def _row(reading: Reading, at: int, part: Bin, read: _Read) -> Row:
    arm: Arm = reading.arms[at]
    inside = part.weights[0] > 0
    found = {name: weighted_means(part.weights, of[:, None])[:, 0] for name, of in read.accuracy.items()}
    drawn = reading.num_drawn(part)
    row: Row = {"model": arm.rung.name, "num_params": arm.rung.num_params, "bin": part.name}
    row |= {"num_prompts": int(part.weights[0].sum()), "num_samples": arm.num_samples}
    row |= {"num_mixed": int((read.pairs.total[inside] > 0).sum())}
    row |= columns("auc", percentile_interval(pairs.area(read.pairs, part.weights)))
    for name in YIELDS:
        row |= columns(name, intervals.accuracy_interval(found[name], drawn) if name in found else UNKNOWN)
    row |= columns("gap", percentile_interval(found["pass_at_k"] - found["best_of_n"]))
    means = weighted_means(part.weights[:1], np.stack([read.refused, read.cost, read.plain_cost], axis=1))[0]
    is_counted = arm.verifier is not None and (arm.verifier.is_counted or arm.verifier.is_free)
    dearer = means[1] / means[2] if is_counted and means[2] > 0 else np.nan
    return row | {"refused": float(means[0]), "cost_with_it": float(dearer)}
