"""Asking rungs in order until one's votes agree, beside the best mixtures of single arms; votes are needed."""

from collections.abc import Sequence

import numpy as np

from analysis.arrays import Ints
from analysis.policies import cascade, menu, orders
from analysis.policies.allocation import Each, Planned
from analysis.policies.cascade import Rung
from analysis.policies.menu import Cell, Menu
from analysis.policies.orders import First
from analysis.policies.replay import join
from analysis.policies.studies.stage import Reference, Row, Stage, levels, rows
from analysis.runs.arms import Arm

STUDY = "cascades"
WIDTHS = (1, 3, 5, 9, 15)
MAX_RUNGS = 4
LADDER = "the ladder"
SINGLE, BEST, CASCADE = "each arm alone", "best mixture of arms", "with cascades"
# How the placebo of a policy is called.
SHUFFLED = "{}, agreement shuffled"


def climb(stage: Stage, at: int) -> list[Row]:
    """Rows of cascades up the ladder, and of the model at this place thinking only
    where quick answers disagree.
    """
    widths = [width for width in WIDTHS if width <= stage.arms[0].samples.correct.shape[2]]
    wider = [width for width in widths if width > 1]
    found: list[Row] = []
    if len(stage.arms) > 1 and wider:
        rungs = [up_the_ladder(stage, width) for width in wider]
        found += _rows(stage, singles(stage, stage.arms, widths), rungs, (LADDER, CASCADE))
    arm = stage.arms[at]
    if len(arm.budgets) > 1 and wider:
        rungs = _quick_then_slow(stage, at, wider)
        think = f"with {stage.reading.words.buys} if in doubt"
        found += _rows(stage, singles(stage, [arm], widths), rungs, (arm.rung.name, think))
    return found


def _rows(stage: Stage, singles: Menu, ladders: Sequence[Sequence[Rung]], names: tuple[str, str]) -> list[Row]:
    """Rows of cascades beside single arms.

    What they must beat is the best mixture of single arms (every budget and odd width), chosen on the same train
    prompts; cascades are chosen from beside the same arms. The placebo accepts by the agreement of other prompts.
    """
    model, policy = names
    placebo = SHUFFLED.format(policy)
    wanted = levels(singles.cost.mean(axis=0), most=12)
    shuffled = [blind(rungs, stage.rng(7, at)) for at, rungs in enumerate(ladders)]
    parts = [stage.replay(singles, [Each(SINGLE), Planned(BEST, wanted)])]
    parts += [
        stage.replay(with_singles(singles, asked), [Planned(name, wanted)])
        for name, asked in ((policy, ladders), (placebo, shuffled))
    ]
    place = {"study": STUDY, "model": model, "rule": "maj_at_k"}
    return rows(join(parts), stage, Reference(BEST, "", (placebo,), SINGLE), **place)


def singles(stage: Stage, arms: Sequence[Arm], widths: Sequence[int]) -> Menu:
    return menu.build(arms, stage.cost, rule="maj_at_k", widths=widths, rng=stage.rng(6))


def with_singles(singles: Menu, ladders: Sequence[Sequence[Rung]]) -> Menu:
    """The single arms, and every cascade of these ladders of rungs that asks more than one."""
    menus = [cascade.menu(rungs) for rungs in ladders]
    return menu.join(
        [singles, *(found.pick([at for at, name in enumerate(found.names) if " if " in name]) for found in menus)]
    )


def up_the_ladder(stage: Stage, width: int) -> list[Rung]:
    """Each model's votes at its largest budget, in orders of its own; at most MAX_RUNGS models."""
    found = []
    for at in spread(len(stage.arms)):
        arm = stage.arms[at]
        drawn = orders.draw(*arm.samples.correct.shape[1:], rng=stage.rng(8, at))
        found.append(_rung(stage, at, len(arm.budgets) - 1, drawn, width))
    return found


def _quick_then_slow(stage: Stage, at: int, widths: Sequence[int]) -> list[list[Rung]]:
    """A model at each smaller budget and then at its largest, in the same orders, so that thinking goes on."""
    arm = stage.arms[at]
    drawn = orders.draw(*arm.samples.correct.shape[1:], rng=stage.rng(9, at))
    last = len(arm.budgets) - 1
    return [
        [_rung(stage, at, budget, drawn, width) for budget in (quick, last)]
        for quick in range(last)
        for width in widths
    ]


def _rung(stage: Stage, at: int, budget: int, drawn: Ints, width: int) -> Rung:
    arm = stage.arms[at]
    tokens = int(arm.budgets[budget])
    cell = Cell(f"{arm.rung.name} b={tokens} k={width}", arm.rung.name, tokens, width)
    return Rung(cell, orders.first(orders.pool(arm, budget, stage.cost), drawn, width))


def blind(rungs: Sequence[Rung], rng: np.random.Generator) -> list[Rung]:
    """The rungs with agreement dealt out anew among prompts and orders."""
    return [Rung(rung.cell, First(rng.permuted(rung.said.agreement, axis=None), *rung.said[1:])) for rung in rungs]


def spread(num_models: int) -> list[int]:
    """At most MAX_RUNGS of the models, smallest and largest among them."""
    return sorted({round(at) for at in np.linspace(0, num_models - 1, min(num_models, MAX_RUNGS))})
