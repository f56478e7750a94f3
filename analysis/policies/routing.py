"""Routers beside everything they have to beat, replayed over several seeds and splits, as tidy frames."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn import config_context
from threadpoolctl import threadpool_limits

from analysis.arrays import Floats, Ints
from analysis.policies import hull, measures
from analysis.policies.allocation import Once
from analysis.policies.gains import cost_at
from analysis.policies.groups import EMBEDDING, LENGTH, ClusterRouter, DatasetRouter, LengthRouter
from analysis.policies.measures import BEST, CHEAPEST, COSTLIEST, HULL, VERTICES, Seed
from analysis.policies.menu import Menu
from analysis.policies.metrics import Point, Points
from analysis.policies.mixtures import BestSingle, CheapestSingle, CostliestSingle, HullMixtures, Vertices, corners
from analysis.policies.neighbours import NeighbourRouter
from analysis.policies.policy import Known, Policy
from analysis.policies.predictor import PredictedRouter
from analysis.policies.replay import (
    Means,
    Replayed,
    Tell,
    dataset_folds,
    join,
    prompt_folds,
    replay,
    resample,
    untold,
)
from analysis.policies.space import Space, by_fold
from analysis.policies.tuned import TUNED, Tuned
from analysis.stats import bootstrap, intervals
from analysis.stats.bootstrap import Interval
from analysis.stats.substitution import to_match

Split = Literal["prompts", "data sets"]
NUM_SEEDS = 5
NUM_FOLDS = 5
LINES: tuple[Policy, ...] = (
    Vertices(VERTICES),
    CostliestSingle(COSTLIEST),
    BestSingle(BEST),
    CheapestSingle(CHEAPEST),
)
ORACLE = "oracle"
ORACLE_LEVELS = 65
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Routing:
    """Frames of one split.

    measures: a row a router and measure, with its interval over prompts and its spread over seeds. settings: a row
    a policy and setting: cost, accuracy with interval, what mixtures and hindsight reach at that cost, the gain,
    and times, what mixtures pay for the same accuracy over that cost. arms: a row a single arm.
    """

    split: Split
    measures: pd.DataFrame
    settings: pd.DataFrame
    arms: pd.DataFrame


def routers(known: Mapping[str, Known], *, num_datasets: int) -> list[Any]:
    """The routers that what is known of the prompts allows, the cheap controls first."""
    controls: list[Any] = [DatasetRouter()] if num_datasets > 1 else []
    controls += [LengthRouter()] if LENGTH in known else []
    return controls + ([ClusterRouter(), NeighbourRouter(), PredictedRouter()] if EMBEDDING in known else [])


def replay_routers(
    menu: Menu,
    known: Mapping[str, Known],
    *,
    space: Space,
    datasets: ArrayLike,
    clusters: ArrayLike | None = None,
    split: Split = "prompts",
    num_seeds: int = NUM_SEEDS,
    weights: Floats,
    rng: np.random.Generator,
    tell: Tell = untold,
) -> Routing:
    """Every router, tuned and at all its settings, against single arms, mixtures of them and hindsight.

    weights (1 + R, P) from `bootstrap.prompt_weights` resample held-out prompts; nothing is fitted again. clusters
    (P,) labels prompts that share a fold. Accuracy and cost of a prompt are means over the seeds, which draw folds
    and whatever is random in a router. Raises ValueError where nothing is known to route by.
    """
    datasets = np.asarray(datasets)
    seeds = replay_seeds(
        menu, known, space=space, datasets=datasets, clusters=clusters, split=split, num_seeds=num_seeds, rng=rng,
        tell=tell,
    )  # fmt: skip
    contenders = routers(known, num_datasets=len(np.unique(datasets)))
    tell("intervals")
    names = [policy.name for policy in contenders]
    num_drawn = len(datasets) if clusters is None else len(np.unique(np.asarray(clusters)))
    return Routing(
        split,
        _measure_frame(seeds, menu, weights, names, num_drawn),
        _setting_frame(seeds, menu, weights, contenders, num_drawn),
        _arm_frame(menu, weights, num_drawn),
    )


def replay_seeds(
    menu: Menu,
    known: Mapping[str, Known],
    *,
    space: Space,
    datasets: ArrayLike,
    clusters: ArrayLike | None = None,
    split: Split = "prompts",
    num_seeds: int = NUM_SEEDS,
    rng: np.random.Generator,
    only: Sequence[str] | None = None,
    tell: Tell = untold,
) -> list[Seed]:
    """A replay a seed of every router, tuned and at all its settings, and of the lines that they must beat.

    Arguments and errors as in `replay_routers`; only: names of the routers that are replayed, which changes none
    of their results.
    """
    datasets = np.asarray(datasets)
    every = routers(known, num_datasets=len(np.unique(datasets)))
    contenders = [each for each in every if only is None or each.name in only]
    if not contenders:
        raise ValueError("These prompts have nothing to route by: no embedding, no length, and only one data set.")
    draw = _folds(split, datasets, clusters, rng)
    # The matrices are small: threads would wait for each other, and checks take longer than fits.
    with threadpool_limits(1), config_context(assume_finite=True, skip_parameter_validation=True):
        seeds = _replay(
            menu, contenders, known, draw, space=space, datasets=datasets, num_seeds=num_seeds, rng=rng, tell=tell
        )
        return _with_hull(menu, seeds, rng)


def num_steps(known: Mapping[str, Known], *, num_datasets: int, num_seeds: int) -> int:
    """How often `find` tells what it does of one split."""
    return num_seeds * (1 + len(LINES) + 2 * len(routers(known, num_datasets=num_datasets))) + 1


def _replay(
    menu: Menu,
    contenders: Sequence[Any],
    known: Mapping[str, Known],
    draw: Callable[[], Ints],
    *,
    space: Space,
    datasets: Any,
    num_seeds: int,
    rng: np.random.Generator,
    tell: Tell,
) -> list[Seed]:
    """A replay a seed, of the routers and what they must beat.

    Where embeddings lie is fitted once a fold, for all routers that read them.
    """
    seeds: list[Seed] = []
    shown = dict(known)
    for at in range(num_seeds):
        folds = draw()
        policies: list[Policy] = [*LINES]
        for router in contenders:
            once = Once(router)
            policies += [once, Tuned(router, once)]
        tell(f"seed {at + 1}, embeddings")
        if EMBEDDING in known and (not seeds or (folds != seeds[-1].folds).any()):
            values, cost = known[EMBEDDING]
            assert not isinstance(values, tuple)
            shown[EMBEDDING] = Known(by_fold(space, values, folds), cost)
        replayed = replay(
            menu, policies, folds=folds, known=shown, datasets=datasets, rng=rng,
            tell=partial(_tell_of, tell, at + 1),
        )  # fmt: skip
        seeds.append(Seed(replayed, folds))
    return seeds


def _tell_of(tell: Tell, seed: int, policy: str) -> None:
    tell(f"seed {seed}, {policy}")


def _with_hull(menu: Menu, seeds: Sequence[Seed], rng: np.random.Generator) -> list[Seed]:
    """The seeds with mixtures of single arms at every corner of their hulls,
    so that no measure of them is rounded.
    """
    policy = HullMixtures(corners(menu, [folds for _, folds in seeds]), HULL)
    return [
        Seed(join([replayed, replay(menu, [policy], folds=folds, known={}, rng=rng)]), folds)
        for replayed, folds in seeds
    ]


def average(seeds: Sequence[Seed]) -> Replayed:
    """What a prompt yields and costs in the mean over replays of the same policies on the same prompts."""
    tables = [
        np.mean([getattr(part.replayed, name) for part in seeds], axis=0)
        for name in ("accuracy", "cost", "serial_tokens", "shares")
    ]
    first = seeds[0].replayed
    return Replayed(first.points, first.arms, *tables)


def _folds(
    split: Split, datasets: Any, clusters: ArrayLike | None, rng: np.random.Generator
) -> Callable[[], Ints]:
    if split == "data sets":
        return lambda: dataset_folds(datasets, rng=rng)
    return lambda: prompt_folds(len(datasets), num_folds=NUM_FOLDS, rng=rng, clusters=clusters)


def _measured(
    seeds: Sequence[Seed], menu: Menu, weights: Floats, names: Sequence[str]
) -> dict[str, dict[str, Floats]]:
    """Every measure of every router, and of the hull where it has them; (R,) each."""
    replayed = average(seeds)
    means = resample(replayed, weights)
    most = measures.costliest(menu, weights)
    best, cheapest = (
        Point(means.cost[:, at], means.accuracy[:, at]) for at in _places(replayed, (BEST, CHEAPEST))
    )
    every = {name: replayed.columns(name) for name in (HULL, *names)}
    found = {
        name: measures.of_curve(
            Points(means.cost[:, at], means.accuracy[:, at]), best, cheapest, most=most, is_mixed=name == HULL
        )
        for name, at in every.items()
    }
    chosen = _places(replayed, [BEST, *(f"{name}{TUNED}" for name in names)])
    beside = measures.matched(seeds, weights, chosen, menu=menu)
    single = {name: measures.of_setting(beside, at) for at, name in enumerate((BEST, *names))}
    return {name: single.get(name, {}) | found.get(name, {}) for name in (BEST, HULL, *names)}


def _places(replayed: Replayed, names: Sequence[str]) -> Ints:
    """The first setting of each policy."""
    return np.array([replayed.columns(name)[0] for name in names])


def _measure_frame(
    seeds: Sequence[Seed], menu: Menu, weights: Floats, names: Sequence[str], num_drawn: int
) -> pd.DataFrame:
    found = _measured(seeds, menu, weights, names)
    each = [_measured([part], menu, weights[:1], names) for part in seeds]
    rows: list[Row] = []
    for router, measured in found.items():
        for name, statistic in measured.items():
            interval = (
                intervals.accuracy_interval(statistic, num_drawn)
                if name == measures.ACCURACY
                else bootstrap.percentile_interval(statistic)
            )
            spread = np.array([one[router][name][0] for one in each])
            rows.append(
                {"router": router, "measure": name}
                | {end: float(value) for end, value in interval._asdict().items()}
                | {
                    "seed_sd": float(spread.std(ddof=1))
                    if np.isfinite(spread).all() and len(spread) > 1
                    else np.nan
                }
            )
    return pd.DataFrame(rows)


def _setting_frame(
    seeds: Sequence[Seed], menu: Menu, weights: Floats, contenders: Sequence[Any], num_drawn: int
) -> pd.DataFrame:
    replayed = average(seeds)
    columns = np.array(
        [at for at, point in enumerate(replayed.points) if point.policy not in (VERTICES, COSTLIEST, HULL)]
    )
    found = measures.matched(seeds, weights, columns)
    # Hindsight has no interval here.
    hindsight = measures.matched(seeds, weights[:1], columns, menu=menu).oracle
    found = found._replace(oracle=hindsight)
    alphas = {policy.name: policy.alphas for policy in contenders}
    means, at_hull = resample(replayed, weights), replayed.columns(HULL)
    gains, times = found.gain, bootstrap.percentile_interval(_times(means, columns, at_hull))
    accuracy, gain = intervals.accuracy_interval(found.accuracy, num_drawn), bootstrap.percentile_interval(gains)
    rows = []
    for at, (name, setting) in enumerate(replayed.points[column] for column in columns):
        row: Row = {
            "policy": name,
            "setting": setting,
            "alpha": alphas[name][setting] if name in alphas else np.nan,
        }
        row |= {field: float(table[0, at]) for field, table in found._asdict().items()}
        row |= {"low": float(accuracy.low[at]), "high": float(accuracy.high[at]), "gain": float(gains[0, at])}
        row |= {"gain_low": float(gain.low[at]), "gain_high": float(gain.high[at])}
        rows.append(row | {"times": float(times.estimate[at])} | _ends_of("times", times, at))
    rows += [
        {"policy": HULL, "setting": at, "cost": float(cost), "accuracy": float(accuracy)}
        for at, (cost, accuracy) in enumerate(zip(means.cost[0, at_hull], means.accuracy[0, at_hull], strict=True))
    ]
    return pd.DataFrame([*rows, *_oracle_rows(menu, weights[:1])])


def _times(means: Means, columns: Ints, at_hull: Ints) -> Floats:
    """What mixtures pay for the accuracy of these points over what the points cost, inf where none is as accurate
    and NaN where a point is not surely right; (R, J).
    """
    line = means.cost[:, at_hull], means.accuracy[:, at_hull]
    with np.errstate(divide="ignore", invalid="ignore"):
        return cost_at(*line, to_match(means.accuracy[:, columns])) / means.cost[:, columns]


def _ends_of(name: str, interval: Interval, at: int) -> Row:
    return {f"{name}_low": float(interval.low[at]), f"{name}_high": float(interval.high[at])}


def _oracle_rows(menu: Menu, weights: Floats) -> list[Row]:
    """What hindsight reaches, from every prompt's cheapest arm to its own most accurate."""
    steps = hull.upgrades(menu.accuracy, menu.cost)
    least = steps.base_cost.mean()
    costs = least + steps.cost.sum() / len(steps.base_cost) * np.linspace(0, 1, ORACLE_LEVELS) ** 2
    accuracy = hull.oracle(steps, weights, costs[None])[0]
    return [
        {"policy": ORACLE, "setting": at, "cost": float(cost), "accuracy": float(reached)}
        for at, (cost, reached) in enumerate(zip(costs, accuracy, strict=True))
    ]


def _arm_frame(menu: Menu, weights: Floats, num_drawn: int) -> pd.DataFrame:
    accuracy = intervals.accuracy_interval(bootstrap.weighted_means(weights, menu.accuracy), num_drawn)
    columns = {"cost": menu.cost.mean(axis=0), "accuracy": accuracy.estimate}
    return pd.DataFrame([cell._asdict() for cell in menu.cells]).assign(
        **columns, low=accuracy.low, high=accuracy.high
    )
