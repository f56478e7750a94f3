"""Claim: routing beats one better model (Avengers-Pro, arXiv 2508.12631)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.claims.claim import Claim, Measure, Regions, Weighed
from analysis.claims.held import MIN_PROMPTS, Held
from analysis.policies import measures as measured
from analysis.policies import routes, routing
from analysis.policies.groups import ClusterRouter, DatasetRouter, LengthRouter
from analysis.policies.measures import Seed
from analysis.policies.menu import Menu
from analysis.policies.tuned import TUNED
from analysis.reading.untold import UntoldError
from analysis.stats.verdicts import Part

ROUTER = ClusterRouter.name


class Routed(NamedTuple):
    """Accuracy of the tuned router over the best random mixtures of single arms at its own cost, and what of that
    gain each control leaves; (1 + R,) each.
    """

    over_hull: Floats
    over_controls: dict[str, Floats]


def routed(seeds: Sequence[Seed], controls: Sequence[str], *, weights: Floats) -> Routed:
    """Gains of tuned routers over the hull, means over seeds. Source: `measures.matched`."""
    replayed = routing.average(seeds)
    names = [f"{name}{TUNED}" for name in (ROUTER, *controls)]
    columns = np.array([replayed.columns(name)[0] for name in names])
    gain = measured.matched(seeds, weights, columns).gain
    over = {name: gain[:, 0] - gain[:, at] for at, name in enumerate(controls, start=1)}
    return Routed(gain[:, 0], over)


def parts(found: Routed, arms: Menu, regions: Regions) -> list[Part]:
    """The gain and what controls leave of it; prompts on which the arms differ tell."""
    num_telling = int((np.ptp(arms.accuracy, axis=1) > 0).sum())
    first = Part("over the hull", found.over_hull, regions["over_hull"], num_telling)
    return [
        first,
        *(
            Part(f"over {name}", over, regions["over_controls"], num_telling)
            for name, over in found.over_controls.items()
        ),
    ]


def weigh(held: Held, regions: Regions) -> Weighed:
    """The router that clusters embeddings, beside mixtures and beside what data sets and lengths alone tell."""
    reading = held.reading
    if reading.words.name != "budget":
        raise UntoldError("Routing is asked along thinking budgets. Leave --along out.")
    stage = routes.prepare(
        held.root, reading.wanted, task=reading.asked.task, rule=reading.rule, seed=reading.seed
    )
    run = stage.run
    if stage.embedding is None:
        raise UntoldError(f"No embeddings of its prompts are stored: `isoquant embed {held.root}` first.")
    num_drawn = len(run.prompt_ids) if run.clusters is None else len(np.unique(run.clusters))
    if num_drawn < MIN_PROMPTS or len(run.menu.cells) < 2:
        raise UntoldError(f"{MIN_PROMPTS} prompts and two settings are needed.")
    controls = [
        each.name
        for each in routing.routers(stage.known, num_datasets=len(np.unique(run.datasets)))
        if isinstance(each, DatasetRouter | LengthRouter)
    ]
    seeds = routing.replay_seeds(
        run.menu, stage.known, space=stage.space, datasets=run.datasets, clusters=run.clusters, rng=stage.rng,
        only=[ROUTER, *controls],
    )  # fmt: skip
    found = parts(routed(seeds, controls, weights=stage.weights), run.menu, regions)
    says = "A router by clusters of prompts against {beside}"
    mixtures = "random mixtures of single settings at its cost"
    alone = [
        f"a router that reads the {name.removeprefix('best of ')} alone, both over mixtures" for name in controls
    ]
    measures = tuple(
        Measure(part, "points", says.format(beside=beside))
        for part, beside in zip(found, [mixtures, *alone], strict=True)
    )
    return Weighed(measures, num_drawn, pd.DataFrame())


CLAIM = Claim(
    name="routing",
    says="routing beats one better model",
    source="Avengers-Pro, arXiv 2508.12631",
    needs="two models or settings, and embeddings of the prompts",
    control="random mixtures of single settings; routers that know the data set, or the prompt's length, alone",
    sweep="isoquant embed RUN",
    parts=("over_hull", "over_controls"),
    weigh=weigh,
)
