"""Whether each prompt is thought about: one model, one sample, the choice among its budgets (none included)."""

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.policies import menu, policy, separation
from analysis.policies.allocation import Each, Mixed, Once, Oracle, Planned, Shuffled, guesser, linear
from analysis.policies.menu import Menu
from analysis.policies.policy import Policy, Train
from analysis.policies.replay import Replayed, join, resample
from analysis.policies.studies.stage import Reference, Row, Stage, average, ends, levels, rows
from analysis.reading.curves import Rule
from analysis.stats.bootstrap import percentile_interval

STUDY = "thinking"
EACH, ORACLE, HALF, LEARNED = "one budget for all", "oracle", "knows half the samples", "learned"
PLACEBOS = (f"mixed as {LEARNED}", f"shuffled {LEARNED}")
RULE: Rule = "pass_at_k"


def choose_thinking(stage: Stage, at: int) -> tuple[list[Row], Row]:
    """Rows of every way to choose a budget a prompt for the model at this place,
    one sample each, and its `choice`.
    """
    replayed = replay(stage, at)
    place = {"study": STUDY, "model": stage.arms[at].rung.name, "rule": RULE}
    return rows(replayed, stage, Reference(EACH, ORACLE, PLACEBOS, half=HALF), **place), choice(
        stage, at, replayed
    )


def replay(stage: Stage, at: int) -> Replayed:
    """Budgets chosen by hindsight, by half the samples, by features, and at random at the learned rates."""
    whole = _menu(stage, at)
    wanted = levels(whole.cost.mean(axis=0))
    learned = Once(Planned(LEARNED, wanted, linear(), reads=stage.features()))
    policies: list[Policy] = [
        Each(EACH), Oracle(whole, wanted, name=ORACLE),
        learned, Mixed(learned), Shuffled(learned),
    ]  # fmt: skip
    parts = [stage.replay(whole, policies)]
    num_samples = stage.arms[at].samples.correct.shape[2]
    if num_samples >= 2:
        half = num_samples // 2
        halves = [_menu(stage, at, part) for part in (slice(half), slice(half, 2 * half))]
        read = [stage.replay(there, [Oracle(here, wanted, name=HALF)]) for here, there in (halves, halves[::-1])]
        parts.append(average(read))
    return join(parts)


def choice(stage: Stage, at: int, replayed: Replayed) -> Row:
    """How well features tell, on held-out prompts, which samples thinking to the largest budget rescues.

    auc: the chance that a sample which is right with and wrong without thinking is scored above one of the same
    fold that is not; gain_over_mixing, cost_over_mixing: accuracy over, and cost in multiples of, random mixing at
    the same rates, at the middle setting; rescued: share of the samples.
    """
    arm = stage.arms[at]
    scored = guessed(stage, _menu(stage, at))[0]
    rescued = arm.samples.correct[-1] & ~arm.samples.correct[0]
    num_rescued = rescued.sum(axis=1)
    others = rescued.shape[1] - num_rescued
    area = separation.area(
        scored[:, -1] - scored[:, 0], num_rescued, others, weights=stage.weights, strata=stage.folds
    )
    means = resample(replayed, stage.weights)
    learned, mixed = (replayed.columns(name) for name in (LEARNED, f"mixed as {LEARNED}"))
    middle = len(learned) // 2
    by_name = {
        "auc": area,
        "gain_over_mixing": means.accuracy[:, learned[middle]] - means.accuracy[:, mixed[middle]],
        "cost_over_mixing": means.cost[:, learned[middle]] / means.cost[:, mixed[middle]],
        "rescued": (stage.weights @ (num_rescued / rescued.shape[1])) / stage.weights.sum(axis=1),
    }
    row: Row = {"model": arm.rung.name, "budget": int(arm.budgets[-1])}
    for name, statistic in by_name.items():
        row |= ends(name, percentile_interval(statistic[:, None]), 0)
    return row


def guessed(stage: Stage, arms: Menu) -> tuple[Floats, Floats]:
    """Accuracy and cost of every arm as features foretell them on prompts held out of the fit; (P, A) each."""
    prompts, _ = policy.shown(stage.known, stage.features(), stage.datasets)
    found = np.empty((2, *arms.cost.shape))
    for fold in np.unique(stage.folds):
        held_out: Ints = np.flatnonzero(stage.folds == fold)
        rest = np.flatnonzero(stage.folds != fold)
        train = Train(policy.take(prompts, rest), arms.take(rest))
        found[:, held_out] = guesser(linear(), train, stage.rng(5, int(fold)))(policy.take(prompts, held_out))
    return found[0], found[1]


def _menu(stage: Stage, at: int, samples: slice | None = None) -> Menu:
    arm = stage.arms[at]
    which = None if samples is None else np.arange(arm.samples.correct.shape[2])[samples]
    return menu.build([arm], stage.cost, rule=RULE, widths=[1], rng=stage.rng(4, at), samples=which)
