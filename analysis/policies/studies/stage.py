"""What every study of one run shares: priced arms, folds, weights, features; and rows of what was replayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from analysis.arrays import Array, Floats, Ints, Weights
from analysis.costs.cost_models import CostModel
from analysis.policies import features, gains, replay
from analysis.policies.menu import Menu
from analysis.policies.policy import Known, Policy
from analysis.policies.replay import Means, Replayed
from analysis.reading import bins
from analysis.reading.bins import Bin
from analysis.reading.reading import Reading
from analysis.runs.arms import Arm
from analysis.stats import bootstrap
from analysis.stats.bootstrap import Interval

Row = dict[str, Any]
NUM_FOLDS = 5
DIFFICULTY = "bins"


@dataclass(frozen=True, eq=False)
class Stage:
    """What all studies of a reading read beside it: folds (P,), and known: features by name."""

    reading: Reading
    folds: Ints
    known: dict[str, Known]
    datasets: Array

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Priced, by size."""
        return self.reading.arms

    @property
    def cost(self) -> CostModel:
        return self.reading.cost

    @property
    def weights(self) -> Weights:
        """(1 + R, P), drawn by prompt or by clusters."""
        return self.reading.weights

    @property
    def bins(self) -> list[Bin]:
        return self.reading.bins

    @property
    def num_drawn(self) -> int:
        """How many prompts, or clusters of them, are drawn in a resampling."""
        return self.reading.num_drawn(Bin(bins.ALL_PROMPTS, self.weights))

    def replay(self, menu: Menu, policies: Sequence[Policy], **known: Known) -> Replayed:
        """Policies on the run's folds, with what is known of its prompts and what is given here."""
        shown = self.known | known
        rng = self.reading.rng("policies")
        return replay.replay(menu, policies, folds=self.folds, known=shown, datasets=self.datasets, rng=rng)

    def rng(self, *place: int) -> np.random.Generator:
        """A generator of this place's own."""
        return self.reading.rng("studies", *place)

    def features(self) -> tuple[str, ...]:
        """The sets that are known of every prompt for nothing."""
        return tuple(name for name in ("text", "dials") if name in self.known)


def prepare(reading: Reading, *, texts: Sequence[str], num_folds: int = NUM_FOLDS) -> Stage:
    """The stage of a reading; texts are of the prompts, in their order. Prompts of a cluster share a fold."""
    outcomes, num_prompts = reading.outcomes, len(reading.outcomes.prompt_ids)
    known = {"text": features.of_text(texts)}
    if outcomes.dials:
        known["dials"] = features.of_dials(outcomes.dials)
    if outcomes.bins is not None:
        known[DIFFICULTY] = features.free(outcomes.bins.accuracy[-1][:, None])
    return Stage(
        reading=reading,
        folds=replay.prompt_folds(
            num_prompts, num_folds=num_folds, rng=reading.rng("folds of policies"), clusters=reading.clusters
        ),
        known=known,
        datasets=np.zeros(num_prompts),
    )


class Reference(NamedTuple):
    """Which policies' points make the line that others are compared with, and the oracle's curve; "" for none.

    placebos: those that must not win; arms: no policy, just every arm by itself; half: an oracle that is read on
    other samples than it knows.
    """

    line: str
    oracle: str = ""
    placebos: tuple[str, ...] = ()
    arms: str = ""
    half: str = ""

    def kind(self, policy: str) -> str:
        """What a policy is beside the others."""
        kinds = {self.line: "line", self.oracle: "oracle", self.arms: "arms", self.half: "half"}
        return "placebo" if policy in self.placebos else kinds.get(policy, "policy")


def rows(replayed: Replayed, stage: Stage, reference: Reference, **place: Any) -> list[Row]:
    """A row a point: accuracy, cost, gain over the line at equal cost,
    share of the oracle's gain, cost of the line.
    """
    means = replay.resample(replayed, stage.weights)
    oracle = replayed.columns(reference.oracle) if reference.oracle else None
    every = np.arange(len(replayed.points))
    read = gains.gains(
        means, every, line=replayed.columns(reference.line), oracle=oracle, num_drawn=stage.num_drawn
    )
    serial = bootstrap.percentile_interval(means.serial_tokens)
    found = []
    for at, point in enumerate(replayed.points):
        row = place | {"policy": point.policy, "kind": reference.kind(point.policy), "setting": point.setting}
        row |= {"p_value": float(read.p_value[at])}
        for name in ("accuracy", "cost", "gain", "share", "times"):
            row |= ends(name, getattr(read, name), at)
        found.append(row | ends("serial_tokens", serial, at) | {"most_chosen": _most_chosen(replayed, at)})
    return found


def ends(name: str, interval: Interval, at: int) -> Row:
    """One interval's estimate and ends as columns."""
    return {
        name: float(interval.estimate[at]),
        f"{name}_low": float(interval.low[at]),
        f"{name}_high": float(interval.high[at]),
    }


def means_of(replayed: Replayed, weights: Floats) -> Means:
    """Means of every point under each weighting."""
    return replay.resample(replayed, weights)


def average(parts: Sequence[Replayed]) -> Replayed:
    """The same points replayed on several parts of the samples, as one."""
    assert len({(part.points, part.arms) for part in parts}) == 1
    tables = ("accuracy", "cost", "serial_tokens", "shares")
    means = {name: np.mean([getattr(part, name) for part in parts], axis=0) for name in tables}
    return Replayed(parts[0].points, parts[0].arms, **means)


def levels(mean_costs: Sequence[float] | Floats, *, most: int = 10) -> tuple[float, ...]:
    """Mean costs at which policies are asked: at most so many of those of single arms,
    spread evenly in their log.
    """
    costs = np.unique(np.asarray(mean_costs, dtype=float))
    costs = costs[costs > 0]
    if len(costs) <= most:
        return tuple(costs.tolist())
    wanted = np.geomspace(costs[0], costs[-1], most)
    nearest = np.abs(np.log(costs[None, :] / wanted[:, None])).argmin(axis=1)
    return tuple(np.unique(costs[nearest]).tolist())


def _most_chosen(replayed: Replayed, at: int) -> str:
    return replayed.arms[int(replayed.shares[at].argmax())]
