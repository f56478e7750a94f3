"""How many samples each prompt gets, of one model at its largest budget,
beside random mixtures of uniform widths.
"""

from collections.abc import Sequence

import numpy as np

from analysis.arrays import Ints
from analysis.policies import features, menu, orders, probed, stopping
from analysis.policies.allocation import Each, Once, Oracle, Planned, Shuffled, bins, linear
from analysis.policies.certificate import by_certificate
from analysis.policies.menu import Cell, Menu
from analysis.policies.orders import Pool
from analysis.policies.policy import Known, Policy
from analysis.policies.replay import Replayed, join
from analysis.policies.studies.stage import DIFFICULTY, Reference, Row, Stage, average, levels, rows
from analysis.reading import curves
from analysis.reading.curves import Rule

STUDY = "allocation"
NUM_PROBE = 2
MAX_PROBES = 8
THRESHOLDS = (0.6, 0.75, 0.85, 0.9, 0.95, 0.98, 0.995)
UNIFORM, ORACLE, HALF = "uniform", "oracle", "knows half the samples"


def allocate(stage: Stage, at: int, rule: Rule, *, num_probe: int = NUM_PROBE) -> list[Row]:
    """Rows of every policy for the model at this place, under this rule."""
    replayed = replay(stage, at, rule, num_probe=num_probe)
    place = {"study": STUDY, "model": stage.arms[at].rung.name, "rule": rule}
    placebos = tuple(point.policy for point in replayed.points if point.policy.startswith("shuffled "))
    return rows(replayed, stage, Reference(UNIFORM, ORACLE, placebos, half=HALF), **place)


def replay(stage: Stage, at: int, rule: Rule, *, num_probe: int = NUM_PROBE) -> Replayed:
    """Every allocation of one model's samples at its largest budget.

    Widths are those of `curves.width_path`, and none at all. What all must beat is the best random mixture of
    widths: where votes are not concave in the width it lies above single ones. The oracle sees the samples that it
    is read on; beside it stands one that knows half of them and is read on the other half. What a probe draws
    counts towards the answer and is paid for. "per bin" is told the difficulty bins for nothing.
    """
    arm = stage.arms[at]
    num_samples = arm.samples.correct.shape[2]
    path = curves.width_path(len(arm.budgets), num_samples, rule)
    plain = _menu(stage, at, rule, path.widths)
    wanted = levels(plain.cost.mean(axis=0))
    planned: list[Policy] = []
    if DIFFICULTY in stage.known:
        planned.append(Planned("per bin", wanted, bins(5), reads=(DIFFICULTY,)))
    by_features = Once(Planned("features", wanted, linear(), reads=stage.features()))
    policies: list[Policy] = [
        Each(UNIFORM), Oracle(plain, wanted, name=ORACLE), *planned, by_features, Shuffled(by_features),
        Shuffled(Oracle(plain, wanted, name=ORACLE)),
    ]  # fmt: skip
    parts = [stage.replay(plain, policies), stage.replay(stopped(stage, at, rule), [Each(STOPPING[rule])])]
    if num_samples >= 2 * num_probe:
        parts.append(_probed(stage, at, rule, num_probe))
    if num_samples >= 4:
        parts.append(_half_known(stage, at, rule))
    if rule == "maj_at_k":
        parts.append(stage.replay(_certificates(stage, at), [Each(CERTIFIED)]))
    return join(parts)


STOPPING: dict[Rule, str] = {"maj_at_k": "stop when votes agree", "pass_at_k": "stop at the first success"}
CERTIFIED = "stop when the mode is certified"


def _menu(stage: Stage, at: int, rule: Rule, widths: tuple[int, ...], samples: slice | None = None) -> Menu:
    """No sample, and every width, of one model at its largest budget."""
    arm = stage.arms[at]
    which = None if samples is None else np.arange(arm.samples.correct.shape[2])[samples]
    built = menu.build(
        [arm], stage.cost, rule=rule, widths=widths, rng=stage.rng(1, at), budgets=[-1], samples=which
    )
    return menu.join([menu.nothing(len(stage.folds)), built])


def named_cell(stage: Stage, at: int, name: str, width: int) -> Cell:
    arm = stage.arms[at]
    return Cell(name, arm.rung.name, int(arm.budgets[-1]), width)


def stopped(stage: Stage, at: int, rule: Rule) -> Menu:
    """Drawing one after another, an arm for every threshold, or every most with a verifiable reward."""
    if rule == "pass_at_k":
        arm = stage.arms[at]
        samples = orders.pool(arm, len(arm.budgets) - 1, stage.cost)
        widths = curves.width_path(len(arm.budgets), samples.correct.shape[1], rule).widths
        cells = [named_cell(stage, at, f"stop at success, at most {width}", width) for width in widths]
        return stopping.menu(stopping.at_success(samples, widths=widths), cells)
    samples, drawn, most = in_turn(stage, at)
    cells = [named_cell(stage, at, f"stop at confidence {sure:g}, at most {most}", most) for sure in THRESHOLDS]
    return stopping.menu(stopping.by_agreement(samples, drawn, most=most, thresholds=THRESHOLDS), cells)


def in_turn(stage: Stage, at: int) -> tuple[Pool, Ints, int]:
    """One model's samples, the orders that every rule of stopping draws them in, and the most that it may draw: an
    odd number of votes.
    """
    arm = stage.arms[at]
    samples = orders.pool(arm, len(arm.budgets) - 1, stage.cost)
    num_prompts, num_samples = samples.correct.shape
    drawn = orders.draw(num_prompts, num_samples, rng=stage.rng(2, at))
    return samples, drawn, num_samples - (num_samples + 1) % 2


def _certificates(stage: Stage, at: int) -> Menu:
    samples, drawn, most = in_turn(stage, at)
    found = by_certificate(samples, drawn, most=most, sure=THRESHOLDS)
    cells = [named_cell(stage, at, f"stop at certainty {sure:g}, at most {most}", most) for sure in THRESHOLDS]
    return stopping.menu(found.stopped, cells)


def _probed(stage: Stage, at: int, rule: Rule, num_probe: int) -> Replayed:
    """The first samples tell how many more: their cost is in every arm, so that nothing else is charged.

    Each samples of a prompt are the probe once (at most MAX_PROBES times), and the mean is taken.
    """
    num_samples = stage.arms[at].samples.correct.shape[2]
    starts = range(0, num_samples - num_probe + 1, num_probe)[:MAX_PROBES]
    return average([_probed_from(stage, at, rule, num_probe, start) for start in starts])


def _probed_from(stage: Stage, at: int, rule: Rule, num_probe: int, start: int) -> Replayed:
    """With the samples from `start` on as the probe."""
    arm = stage.arms[at].turned(start)
    last = len(arm.budgets) - 1
    samples = orders.pool(arm, last, stage.cost)
    num_more = samples.correct.shape[1] - num_probe
    path = curves.width_path(1, num_more, "pass_at_k").widths if num_more else ()
    widths = [num_probe, *(num_probe + more for more in path)]
    arms = probed.menu(
        samples, num_probe=num_probe, widths=widths, rule=rule, named=named_cell(stage, at, arm.rung.name, 0),
        rng=stage.rng(3, at, start),
    )  # fmt: skip
    told = features.of_probe(arm, last, stage.cost, samples=range(num_probe), sees_reward=rule == "pass_at_k")
    probe = Known(told.values, np.zeros(len(told.cost)))
    name, reads = f"features and {num_probe} probe samples", (*stage.features(), "probe")
    policy = Once(Planned(name, _levels_probed(stage, at, widths), linear(), reads=reads))
    return stage.replay(arms, [policy, Shuffled(policy)], probe=probe)


def _levels_probed(stage: Stage, at: int, widths: Sequence[int]) -> tuple[float, ...]:
    """The same mean costs whichever samples are the probe."""
    plain = _menu(stage, at, "pass_at_k", tuple(widths)).cost.mean(axis=0)
    return levels(plain)


def _half_known(stage: Stage, at: int, rule: Rule) -> Replayed:
    """The oracle of one half of each prompt's samples read on the other half, both ways."""
    num_samples = stage.arms[at].samples.correct.shape[2]
    half = num_samples // 2
    widths = curves.width_path(1, half, rule).widths
    halves = [_menu(stage, at, rule, widths, part) for part in (slice(half), slice(half, 2 * half))]
    wanted = levels((halves[0].cost + halves[1].cost).mean(axis=0) / 2)
    read = [stage.replay(there, [Oracle(here, wanted, name=HALF)]) for here, there in (halves, halves[::-1])]
    return average(read)
