"""Routing over the arms of one stored run: what is known of its prompts, both splits, the figure's rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.policies import merged, routing
from analysis.policies.groups import EMBEDDING, LENGTH
from analysis.policies.measures import BEST, HULL
from analysis.policies.merged import Merged
from analysis.policies.policy import Known
from analysis.policies.replay import Tell, untold
from analysis.policies.routing import ORACLE, Routing, Split
from analysis.policies.space import Space
from analysis.reading.choices import Choices
from analysis.reading.curves import Rule
from analysis.runs import embeddings
from analysis.runs.along import Along
from analysis.runs.embeddings import Vectors
from analysis.runs.verifiers import Scoring
from analysis.stats import bootstrap


@dataclass(frozen=True, eq=False)
class Routes:
    """What was routed over, by which embedding (None where none is stored), and a Routing a split."""

    run: Merged
    embedding: Vectors | None
    num_seeds: int
    num_replicates: int
    cluster: str | None
    splits: tuple[Routing, ...]

    @property
    def is_charged(self) -> bool:
        """Whether what the embedding cost is known in the unit that is spent, and is paid."""
        return is_charged(self.embedding, self.run.cost.unit)


def route(
    root: Path,
    wanted: Choices,
    *,
    task: str | None = None,
    rule: Rule | None = None,
    scoring: Scoring | None = None,
    along: Along | None = None,
    embedder: str | None = None,
    num_seeds: int = routing.NUM_SEEDS,
    seed: int = 0,
    expect: Callable[[int], None] = lambda num_steps: None,
    tell: Tell = untold,
) -> Routes:
    """Every router on the prompts of a run; where it holds several data sets,
    on each when fitted on the others too.

    expect is given how many steps there will be, tell what each one is.
    """
    stage = prepare(root, wanted, task=task, rule=rule, scoring=scoring, along=along, embedder=embedder, seed=seed)
    run, num_datasets = stage.run, len(np.unique(stage.run.datasets))
    splits: list[Split] = ["prompts", "data sets"] if num_datasets > 1 else ["prompts"]
    expect(len(splits) * routing.num_steps(stage.known, num_datasets=num_datasets, num_seeds=num_seeds))
    every = [
        routing.replay_routers(
            run.menu, stage.known, space=stage.space, datasets=run.datasets, clusters=run.clusters, split=split,
            num_seeds=num_seeds, weights=stage.weights, rng=stage.rng, tell=tell,
        )
        for split in splits
    ]  # fmt: skip
    return Routes(run, stage.embedding, num_seeds, wanted.num_replicates, wanted.cluster, tuple(every))


@dataclass(frozen=True, eq=False)
class Prepared:
    """What routers are replayed on: the prompts of a run, what is known of each, and weights (1 + R, P)."""

    run: Merged
    embedding: Vectors | None
    known: dict[str, Known]
    weights: Floats
    rng: np.random.Generator

    @property
    def space(self) -> Space:
        """What the embeddings are."""
        return "counts" if self.embedding is not None and self.embedding.are_counts else "vectors"


def prepare(
    root: Path,
    wanted: Choices,
    *,
    task: str | None = None,
    rule: Rule | None = None,
    scoring: Scoring | None = None,
    along: Along | None = None,
    embedder: str | None = None,
    seed: int = 0,
) -> Prepared:
    """The prompts of a run for routers, with the randomness of this seed."""
    rng = np.random.default_rng([seed, 7])
    run = merged.load(root, wanted, task=task, rule=rule, scoring=scoring, along=along, rng=rng)
    found = embeddings.read(root, tasks=run.tasks, prompt_ids=run.prompt_ids, embedder=embedder)
    known = (
        {} if np.isnan(run.lengths).any() else {LENGTH: Known(run.lengths[:, None], np.zeros(len(run.lengths)))}
    )
    if found is not None:
        known[EMBEDDING] = charge(found, run.cost.unit)
    weights = bootstrap.prompt_weights(
        len(run.prompt_ids), num_replicates=wanted.num_replicates, rng=rng, clusters=run.clusters
    )
    return Prepared(run, found, known, weights, rng)


def is_charged(found: Vectors | None, unit: str) -> bool:
    """Whether what an embedding cost is known in the unit that is spent:
    where these are FLOPs, of every prompt.
    """
    return found is not None and unit == "FLOPs" and bool(np.isfinite(found.flops).all())


def charge(found: Vectors, unit: str) -> Known:
    """An embedding as features, paid for where their cost is known in the unit that is spent."""
    return Known(found.vectors, found.flops if is_charged(found, unit) else np.zeros(len(found.flops)))


def frame(routes: Routes, *, split: Split = "prompts") -> pd.DataFrame:
    """A row a point of the figure: kind arm, mixtures, hindsight, single,
    router or tuned; with what a caption says.
    """
    found = next(part for part in routes.splits if part.split == split)
    kinds = {HULL: "mixtures", ORACLE: "hindsight", BEST: "single"}
    settings = found.settings
    kind = (
        settings["policy"]
        .map(kinds)
        .fillna(
            pd.Series(
                np.where(settings["policy"].str.endswith(", tuned"), "tuned", "router"), index=settings.index
            )
        )
    )
    arms = found.arms.rename(columns={"name": "policy"}).assign(kind="arm")
    # The cheapest arm is one of the arms.
    rows = pd.concat(
        [arms, settings.assign(kind=kind)[settings["policy"] != "cheapest single"]], ignore_index=True
    )
    return rows.assign(
        split=split,
        num_prompts=len(routes.run.prompt_ids),
        num_datasets=len(np.unique(routes.run.datasets)),
        num_replicates=routes.num_replicates,
        num_seeds=routes.num_seeds,
        rule=routes.run.rule,
        cost_unit=routes.run.cost.unit,
        cost_label=routes.run.cost.label,
        embedder=None if routes.embedding is None else routes.embedding.embedder,
        is_charged=routes.is_charged,
        models="|".join(routes.run.models),
    )
