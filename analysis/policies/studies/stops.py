"""How well a model's own stops spend its thinking tokens: beside one budget for all, a learned budget,
hindsight.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats, Ints
from analysis.policies.allocation import Oracle, Planned, linear
from analysis.policies.menu import Cell, Menu
from analysis.policies.replay import Replayed
from analysis.policies.studies.stage import NUM_FOLDS, Row, Stage, average, ends, prepare
from analysis.reading.bins import Bin
from analysis.reading.reading import Reading
from analysis.stats import efficiency, intervals
from analysis.stats.bootstrap import means_of_each, percentile_interval
from analysis.stats.efficiency import Sufficient

OWN, LEARNED, HALF = "own stops", "learned", "knows half the samples"


class Spent(NamedTuple):
    """What a policy yields on each prompt, and the thinking tokens that it is charged; (P,) each."""

    accuracy: Floats
    tokens: Floats


def frame(reading: Reading, *, texts: Sequence[str]) -> pd.DataFrame:
    """A row a model, bin and policy, at one sample; intervals as NAME, NAME_low, NAME_high.

    own stops: thinks until it stops, or to the largest budget, and is charged what it thinks. learned: a budget
    for each prompt by `allocation.Planned` from features, fitted on other prompts; knows half the samples: by
    `allocation.Oracle` from half of a prompt's samples, read on the others. These two give out at most as many
    tokens as own stops take, and a budget is charged whole, used or not. uniform: accuracy of one budget for all
    at the same tokens; hindsight: the most that they buy where it is known what each sample needs. gain: accuracy
    less uniform; efficiency: gain as a share of hindsight's, NaN where that is not surely above 0. Nothing is
    learned of too few prompts to hold some out, nor known of half of one sample. texts (P,): of the prompts, in
    their order.
    """
    stage = _stage(reading, texts)
    rows: list[Row] = []
    every = [_read(reading, at, stage) for at in range(len(reading.arms))]
    for subjects, parts in reading.groups:
        for part in (part for part in parts if part.weights[0].any()):
            means = iter(means_of_each(part.weights, [table for at in subjects for table in every[at].tables]))
            for at in subjects:
                rows += _rows(reading, at, part, [next(means) for _ in every[at].tables], list(every[at].policies))
    order = list(dict.fromkeys(row["bin"] for row in rows))
    return pd.DataFrame(sorted(rows, key=lambda row: order.index(row["bin"])))


def _stage(reading: Reading, texts: Sequence[str]) -> Stage | None:
    """What learned policies read; None of too few prompts, or clusters of them, to hold some out."""
    alone = np.arange(len(reading.outcomes.prompt_ids)) if reading.clusters is None else reading.clusters
    num_folds = min(NUM_FOLDS, len(np.unique(alone)))
    return prepare(reading, texts=texts, num_folds=num_folds) if num_folds > 1 else None


class _Read(NamedTuple):
    """What one model yields at each budget on each prompt, (P, B); what hindsight needs;
    what each policy spends.
    """

    by_budget: Floats
    needs: Sufficient
    policies: dict[str, Spent]

    @property
    def tables(self) -> list[Floats]:
        """All of it, (P, J) each."""
        return [self.by_budget, *self.needs, *(np.stack(spent, axis=1) for spent in self.policies.values())]


def _read(reading: Reading, at: int, stage: Stage | None) -> _Read:
    samples = reading.arms[at].samples
    needs = efficiency.sufficient(samples.correct, reading.outcomes.budgets, samples.thinking_tokens[-1])
    return _Read(samples.correct.mean(axis=2).T, needs, _policies(reading, at, stage))


def _policies(reading: Reading, at: int, stage: Stage | None) -> dict[str, Spent]:
    """What each policy yields and spends, by name."""
    samples = reading.arms[at].samples
    own = Spent(samples.correct[-1].mean(axis=1), samples.thinking_tokens[-1].mean(axis=1))
    found = {OWN: own}
    if stage is None:
        return found
    level = (float(own.tokens.mean()),)
    learned = Planned(LEARNED, level, linear(), reads=stage.features())
    found[LEARNED] = _spent(stage.replay(_menu(reading, at), [learned]))
    half = samples.correct.shape[2] // 2
    if half:
        menus = [_menu(reading, at, part) for part in (slice(half), slice(half, 2 * half))]
        read = [stage.replay(there, [Oracle(here, level, name=HALF)]) for here, there in (menus, menus[::-1])]
        found[HALF] = _spent(average(read))
    return found


def _menu(reading: Reading, at: int, which: slice = slice(None)) -> Menu:
    """Every budget at one sample, charged whole."""
    arm, budgets = reading.arms[at], reading.outcomes.budgets
    cells = tuple(Cell(f"{arm.rung.name} b={budget}", arm.rung.name, int(budget), 1) for budget in budgets)
    accuracy = arm.samples.correct[:, :, which].mean(axis=2).T
    charged = np.broadcast_to(budgets.astype(float), accuracy.shape)
    return Menu(cells, accuracy, charged, charged)


def _spent(replayed: Replayed) -> Spent:
    return Spent(replayed.accuracy[:, 0], replayed.cost[:, 0])


def _rows(reading: Reading, at: int, part: Bin, means: list[Floats], names: list[str]) -> list[Row]:
    """The rows of one model and bin, from the means of `_Read.tables` under each weighting."""
    rung, drawn = reading.arms[at].rung, reading.num_drawn(part)
    by_budget, share, tokens, *policies = means
    rows = []
    for name, policy in zip(names, policies, strict=True):
        row: Row = {"model": rung.name, "num_params": rung.num_params, "bin": part.name}
        row |= {"num_prompts": int(part.weights[0].sum()), "policy": name}
        rows.append(row | _measures(policy, by_budget, Sufficient(share, tokens), reading.outcomes.budgets, drawn))
    return rows


def _measures(policy: Floats, by_budget: Floats, needs: Sufficient, budgets: Ints, drawn: int) -> Row:
    """One policy, its accuracy and tokens (1 + R, 2), beside one budget for all and
    hindsight at its own tokens.
    """
    accuracy, tokens = policy.T
    uniform = efficiency.one_for_all(by_budget, budgets, tokens)
    best = efficiency.in_hindsight(needs, budgets, tokens)
    named = {"accuracy": accuracy, "uniform": uniform, "hindsight": best}
    told = {name: intervals.accuracy_interval(of[:, None], drawn) for name, of in named.items()}
    told |= {"gain": percentile_interval((accuracy - uniform)[:, None])}
    told |= {"efficiency": efficiency.efficiency(*(of[:, None] for of in named.values()))}
    row: Row = {"tokens": float(tokens[0])}
    for name, interval in told.items():
        row |= ends(name, interval, 0)
    return row
