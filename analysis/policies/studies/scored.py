"""Stopping and climbing on a verifier's scores, beside votes that agree:
its reading is charged wherever it reads.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.costs import cost_models
from analysis.policies import menu, orders, stopping
from analysis.policies.allocation import Each, Oracle, Planned
from analysis.policies.cascade import Rung
from analysis.policies.menu import Cell, Menu
from analysis.policies.policy import Policy
from analysis.policies.replay import join
from analysis.policies.studies import allocation, cascades
from analysis.policies.studies.stage import Reference, Row, Stage, levels, rows
from analysis.reading import chosen, curves

STOPPING, CASCADES = "stopping on scores", "cascades on scores"
RULES: tuple[curves.Rule, ...] = ("maj_at_k", "best_of_n")
ORACLE = "oracle"
STOP, STOP_VOTES, STOP_BLIND = "stop at a high score", "stop when votes agree", "stop at a high score, shuffled"
UNIFORM, MIX = "each number of samples", "best mixture of numbers of samples"
SINGLE, BEST = cascades.SINGLE, cascades.BEST
CLIMB, CLIMB_VOTES, CLIMB_BLIND = "cascades on scores", "cascades on agreement", "cascades on scores, shuffled"
NUM_THRESHOLDS = 12


def stop(stage: Stage, at: int) -> list[Row]:
    """Rows of drawing one after another until a score passes a threshold, for the model at this place.

    The threshold, or a mixture of two, is chosen on the other folds for each mean cost. The line that all must
    beat is the best random mixture of numbers of samples, read by vote or by score. The placebo stops by the
    scores of another prompt and answers by its own.
    """
    arm = stage.arms[at]
    plain = _widths(stage, at)
    wanted = levels(plain.cost.mean(axis=0))
    scores, reading = _scores(stage, at), _reading(stage, at)
    shuffled = scores[stage.rng(11, at).permutation(len(scores))]
    policies: list[Policy] = [Each(UNIFORM), Planned(MIX, wanted), Oracle(plain, wanted, name=ORACLE)]
    parts = [stage.replay(plain, policies)]
    for name, watched in ((STOP, scores), (STOP_BLIND, shuffled)):
        parts.append(stage.replay(_stopped(stage, at, scores, reading, watched), [Planned(name, wanted)]))
    if arm.rung.has_votes:
        parts.append(stage.replay(allocation.stopped(stage, at, "maj_at_k"), [Planned(STOP_VOTES, wanted)]))
    place = {"study": STOPPING, "model": arm.rung.name, "rule": "best_of_n"}
    return rows(join(parts), stage, Reference(MIX, ORACLE, (STOP_BLIND,), UNIFORM), **place)


def climb(stage: Stage) -> list[Row]:
    """Rows of asking the next larger model where the best score is low, beside asking it where votes disagree.

    The line is the best random mixture of single settings, read by vote or by score, at the largest budget; all
    are chosen on the same prompts. A verifier reads every sample that may be accepted, also a single one; the last
    model's single answer is not read.
    """
    widths = [width for width in cascades.WIDTHS if width <= stage.arms[0].samples.correct.shape[2]]
    if len(stage.arms) < 2:
        return []
    singles = menu.join([_widths(stage, at) for at in range(len(stage.arms))])
    wanted = levels(singles.cost.mean(axis=0), most=12)
    ladders = [_up_the_ladder(stage, width) for width in widths]
    blind = [cascades.blind(rungs, stage.rng(12, number)) for number, rungs in enumerate(ladders)]
    parts = [stage.replay(singles, [Each(SINGLE), Planned(BEST, wanted)])]
    asked: dict[str, Sequence[Sequence[Rung]]] = {CLIMB: ladders, CLIMB_BLIND: blind}
    if all(arm.rung.has_votes for arm in stage.arms) and (wider := [width for width in widths if width > 1]):
        asked = {CLIMB: ladders, CLIMB_VOTES: [cascades.up_the_ladder(stage, width) for width in wider]} | asked
    for name, rungs in asked.items():
        parts.append(stage.replay(cascades.with_singles(singles, rungs), [Planned(name, wanted)]))
    place = {"study": CASCADES, "model": cascades.LADDER, "rule": "best_of_n"}
    return rows(join(parts), stage, Reference(BEST, "", (CLIMB_BLIND,), SINGLE), **place)


def _widths(stage: Stage, at: int) -> Menu:
    """Every width of one model at its largest budget, read by vote and by score; one sample once."""
    arm = stage.arms[at]
    found: list[Menu] = []
    for number, rule in enumerate(RULES):
        if rule == "maj_at_k" and not arm.rung.has_votes:
            continue
        widths = curves.own_path(arm, rule).widths
        widths = widths if not found else widths[1:]
        if widths:
            built = menu.build(
                [arm], stage.cost, rule=rule, widths=widths, rng=stage.rng(10, at, number), budgets=[-1]
            )
            cells = tuple(cell._replace(name=f"{cell.name} {rule}") for cell in built.cells)
            found.append(replace(built, cells=cells))
    return menu.join(found)


def _stopped(stage: Stage, at: int, scores: Floats, reading: Floats, watched: Floats) -> Menu:
    """An arm for every threshold: quantiles of the scores, and one that no score reaches."""
    samples = orders.pool(stage.arms[at], len(stage.arms[at].budgets) - 1, stage.cost)
    num_prompts, most = samples.correct.shape
    quantiles = np.quantile(scores, np.linspace(0, 1, NUM_THRESHOLDS), method="nearest")
    thresholds = [*np.unique(quantiles).tolist(), np.inf]
    drawn = orders.draw(num_prompts, most, rng=stage.rng(13, at))
    found = stopping.by_score(
        samples, scores, drawn, most=most, thresholds=thresholds, reading=reading, watched=watched
    )
    names = [f"stop at a score of {threshold:.9g}, at most {most}" for threshold in thresholds]
    return stopping.menu(found, [allocation.named_cell(stage, at, name, most) for name in names])


def _scores(stage: Stage, at: int) -> Floats:
    """What the verifier gave each sample at the largest budget, refused ones lowest of their prompt; (P, S)."""
    ranked: Floats = stage.arms[at].scores.ranked[-1]
    return ranked


def _reading(stage: Stage, at: int) -> Floats:
    """What the verifier spends on each sample at the largest budget, 0 where it is not counted; (P, S)."""
    arm = stage.arms[at]
    verdicts = chosen.verdicts(arm, np.array([len(arm.budgets) - 1]))
    if verdicts is None:
        return np.zeros(arm.samples.correct.shape[1:])
    return np.asarray(cost_models.verdict_cost(stage.cost, verdicts)[0])


def _up_the_ladder(stage: Stage, width: int) -> list[Rung]:
    """Each model's best by score of so many samples at its largest budget; the last one's single answer unread."""
    found, places = [], cascades.spread(len(stage.arms))
    for at in places:
        arm = stage.arms[at]
        drawn = orders.draw(*arm.samples.correct.shape[1:], rng=stage.rng(14, at))
        is_read = width > 1 or at != places[-1]
        found.append(_rung(stage, at, drawn, width, is_read=is_read))
    return found


def _rung(stage: Stage, at: int, drawn: Ints, width: int, *, is_read: bool) -> Rung:
    arm = stage.arms[at]
    tokens = int(arm.budgets[-1])
    samples = orders.pool(arm, len(arm.budgets) - 1, stage.cost)
    if is_read:
        samples = samples._replace(cost=samples.cost + _reading(stage, at))
    cell = Cell(f"{arm.rung.name} b={tokens} k={width} scored", arm.rung.name, tokens, width)
    return Rung(cell, orders.best_scored(samples, _scores(stage, at), drawn, width))
