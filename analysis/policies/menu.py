"""What a prompt can be answered with: arms,
and each one's expected accuracy and cost on each prompt. Arrays only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.costs import cost_models
from analysis.costs.cost_models import CostModel
from analysis.reading import curves
from analysis.reading.curves import Rule
from analysis.runs.arms import Arm


class Cell(NamedTuple):
    """One arm: a name that no other has, the model, its thinking budget and the number of samples.

    Where an arm is made of several cells (a cascade, stopping early) they are those of the largest that it may
    visit.
    """

    name: str
    model: str
    budget: int
    width: int


@dataclass(frozen=True, eq=False)
class Menu:
    """A arms on P prompts: expected accuracy under each arm's selection rule,
    cost run alone, serial tokens; (P, A).

    cost is in the unit of the cost model that it was built with; serial tokens are those on the critical path.
    """

    cells: tuple[Cell, ...]
    accuracy: Floats
    cost: Floats
    serial_tokens: Floats

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(cell.name for cell in self.cells)

    def take(self, prompts: ArrayLike) -> "Menu":
        """The part of these prompts."""
        at = np.asarray(prompts)
        return Menu(self.cells, self.accuracy[at], self.cost[at], self.serial_tokens[at])

    def pick(self, arms: Sequence[int]) -> "Menu":
        """The part of these arms."""
        at = list(arms)
        tables = (table[:, at] for table in (self.accuracy, self.cost, self.serial_tokens))
        return Menu(tuple(self.cells[arm] for arm in at), *tables)


def build(
    arms: Sequence[Arm],
    cost: CostModel,
    *,
    rule: Rule,
    widths: Sequence[int],
    rng: np.random.Generator,
    budgets: Sequence[int] | None = None,
    samples: ArrayLike | None = None,
) -> Menu:
    """Every model at every budget and width, in that order,
    read from these samples of each prompt (all by default).

    arms come from `choices.price`; budgets are positions among each arm's, -1 the largest (all by default). Raises
    ValueError where a width exceeds the samples.
    """
    menus = [
        _of_budget(arm, at, cost, rule=rule, widths=widths, rng=rng, samples=samples)
        for arm in arms
        for at in (range(len(arm.budgets)) if budgets is None else budgets)
    ]
    return join(menus)


def join(menus: Sequence[Menu]) -> Menu:
    """The arms of several menus of the same prompts as one. Raises ValueError where two share a name."""
    cells = tuple(cell for menu in menus for cell in menu.cells)
    names = [cell.name for cell in cells]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Each arm needs a name of its own; {repeated} occur twice.")
    return Menu(
        cells,
        np.concatenate([menu.accuracy for menu in menus], axis=1),
        np.concatenate([menu.cost for menu in menus], axis=1),
        np.concatenate([menu.serial_tokens for menu in menus], axis=1),
    )


def nothing(num_prompts: int) -> Menu:
    """No sample at all: never right, free."""
    zeros = np.zeros((num_prompts, 1))
    return Menu((Cell("nothing", "", 0, 0),), zeros, zeros, zeros)


def _of_budget(
    arm: Arm,
    at: int,
    cost: CostModel,
    *,
    rule: Rule,
    widths: Sequence[int],
    rng: np.random.Generator,
    samples: ArrayLike | None,
) -> Menu:
    decoded = arm.decoded_tokens[at]
    if samples is None:
        budget = np.arange(len(arm.budgets))[[at]]
        (accuracy,) = curves.rule_accuracy(arm, widths, rule, rng=rng, budgets=budget)
        (serial,) = curves.serial_tokens(arm, widths, budgets=budget)
        (spent,) = curves.cell_cost(arm, cost, widths, rule=rule, budgets=budget)
    else:
        which = np.asarray(samples)
        votes, correct, decoded = (
            table[:, which] for table in (arm.samples.votes[at], arm.samples.correct[at], decoded)
        )
        accuracy = curves.estimated_accuracy(votes, correct, widths, rule, rng=rng).mean
        serial = cost_models.serial_tokens(decoded, widths)
        spent = arm.cell_cost(cost, widths, at, which)
    return Menu(
        tuple(_cell(arm, int(arm.budgets[at]), width) for width in widths),
        accuracy,
        spent,
        serial + (0.0 if arm.rung.has_tokens else np.nan),
    )


def _cell(arm: Arm, budget: int, width: int) -> Cell:
    return Cell(f"{arm.rung.name} b={budget} k={width}", arm.rung.name, budget, width)
