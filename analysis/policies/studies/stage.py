"""What every study of one run shares: priced arms, folds, weights, features; and rows of what was replayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from analysis.arrays import Array, Floats, Ints
from analysis.costs.cost_models import CostModel
from analysis.policies import features, gains, replay
from analysis.policies.menu import Menu
from analysis.policies.policy import Known, Policy
from analysis.policies.replay import Means, Replayed
from analysis.reading import bins, choices
from analysis.reading.bins import Bin
from analysis.reading.choices import Choices
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.stats import bootstrap
from analysis.stats.bootstrap import Interval

Row = dict[str, Any]
NUM_FOLDS = 5
DIFFICULTY = "bins"


@dataclass(frozen=True, eq=False)
class Stage:
    """What all studies read.

    arms are priced, by size; weights (1 + R, P), drawn by prompt or by clusters (P,); folds (P,); known: features by
    name; seed of all that is drawn.
    """

    arms: tuple[Arm, ...]
    cost: CostModel
    weights: Floats
    clusters: Array | None
    folds: Ints
    known: dict[str, Known]
    bins: list[Bin]
    datasets: Array
    seed: int

    def replay(self, menu: Menu, policies: Sequence[Policy], **known: Known) -> Replayed:
        """Policies on the run's folds, with what is known of its prompts and what is given here."""
        rng = np.random.default_rng(self.seed)
        shown = self.known | known
        return replay.replay(menu, policies, folds=self.folds, known=shown, datasets=self.datasets, rng=rng)

    def rng(self, *place: int) -> np.random.Generator:
        """A generator of this place's own."""
        return np.random.default_rng([self.seed, *place])

    @property
    def num_drawn(self) -> int:
        """How many prompts, or clusters of them, are drawn in a resampling."""
        return bins.num_drawn(Bin(bins.ALL_PROMPTS, self.weights), self.clusters)

    def features(self) -> tuple[str, ...]:
        """The sets that are known of every prompt for nothing."""
        return tuple(name for name in ("text", "dials") if name in self.known)


def prepare(
    outcomes: Outcomes, wanted: Choices, *, texts: Sequence[str], num_folds: int = NUM_FOLDS, seed: int
) -> tuple[Stage, Choices]:
    """The stage of a run under the reader's choices, and these with a cost model.

    texts are of the prompts, in their order. Where the choices name a cluster its prompts share a fold and are
    resampled together.
    """
    settled = choices.settle(outcomes.arms, wanted)
    cost, arms = choices.price(outcomes.arms, settled)
    clusters = bins.clusters(outcomes, settled.cluster)
    num_prompts, rng = len(outcomes.prompt_ids), np.random.default_rng([seed, 0])
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=settled.num_replicates, rng=rng, clusters=clusters)
    known = {"text": features.of_text(texts)}
    if outcomes.dials:
        known["dials"] = features.of_dials(outcomes.dials)
    if outcomes.bins is not None:
        known[DIFFICULTY] = features.free(outcomes.bins.accuracy[-1][:, None])
    found = Stage(
        arms=arms,
        cost=cost,
        weights=weights,
        clusters=clusters,
        folds=replay.prompt_folds(num_prompts, num_folds=num_folds, rng=rng, clusters=clusters),
        known=known,
        bins=bins.draw(outcomes, outcomes.bins, settled.binning, weights),
        datasets=np.zeros(num_prompts),
        seed=seed,
    )
    return found, settled


class Reference(NamedTuple):
    """Which policies' points make the line that others are compared with, and the oracle's curve; "" for none.

    placebos: those that must not win; arms: no policy, just every arm by itself; half: an oracle that is read on other
    samples than it knows.
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
    """A row a point: accuracy, cost, gain over the line at equal cost, share of the oracle's gain, cost of the line."""
    means = replay.resample(replayed, stage.weights)
    oracle = replayed.columns(reference.oracle) if reference.oracle else None
    every = np.arange(len(replayed.points))
    read = gains.gains(means, every, line=replayed.columns(reference.line), oracle=oracle, num_drawn=stage.num_drawn)
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
    """Mean costs at which policies are asked: at most so many of those of single arms, spread evenly in their log."""
    costs = np.unique(np.asarray(mean_costs, dtype=float))
    costs = costs[costs > 0]
    if len(costs) <= most:
        return tuple(costs.tolist())
    wanted = np.geomspace(costs[0], costs[-1], most)
    nearest = np.abs(np.log(costs[None, :] / wanted[:, None])).argmin(axis=1)
    return tuple(np.unique(costs[nearest]).tolist())


def _most_chosen(replayed: Replayed, at: int) -> str:
    return replayed.arms[int(replayed.shares[at].argmax())]
