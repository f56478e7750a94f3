"""python -m tests.bench.replay: time the replay of 20 arms x 12,000 prompts x 16 samples,
the best of three rounds.
"""

import argparse
import os
import time

import numpy as np

from analysis.costs import cost_models
from analysis.policies import allocation, gains, menu, orders, stopping
from analysis.policies.allocation import Each, Mixed, Once, Oracle, Planned, Shuffled
from analysis.policies.features import free
from analysis.policies.menu import Cell
from analysis.policies.policy import Policy
from analysis.policies.replay import join, prompt_folds, replay, resample
from analysis.reading import curves
from analysis.runs.arms import Arm
from analysis.stats import bootstrap
from tests.bench import synthetic
from tests.bench.synthetic import BUDGETS, Size

NUM_SAMPLES = 16
WIDTHS = (1, 3, 5, 9, 15)
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--prompts", type=int, default=12_000)
    options = parser.parse_args()
    size = Size(options.models, options.prompts)
    arms = [
        synthetic.draw_arm(size, model, budgets=BUDGETS[-1:], num_samples=NUM_SAMPLES)
        for model in range(options.models)
    ]
    rounds = [_time(arms) for _ in range(ROUNDS)]
    best = min(rounds, key=lambda parts: sum(parts.values()))
    print(", ".join(f"{part} {seconds:.1f} s" for part, seconds in best.items()))
    every = ", ".join(f"{sum(parts.values()):.1f}" for parts in rounds)
    print(f"{sum(best.values()):.1f} s in all, best of {every}; load {os.getloadavg()[0]:.1f}")


def _time(arms: list[Arm]) -> dict[str, float]:
    """Seconds of each part: estimators, stopping early, fitting and choosing, 2,000 paired bootstraps."""
    started, parts, rng = time.perf_counter(), {}, np.random.default_rng(0)

    def lap(part: str) -> None:
        nonlocal started
        parts[part] = time.perf_counter() - started
        started = time.perf_counter()

    num_prompts = len(arms[0].prompt_tokens)
    cells = menu.build(arms, cost_models.choose("c2"), rule=curves.RULES[0], widths=WIDTHS, rng=rng)
    lap("menu")
    stopped = []
    for arm in arms:
        samples = orders.pool(arm, 0, cost_models.choose("c2"))
        drawn = orders.draw(*samples.correct.shape, rng=rng)
        found = stopping.by_agreement(samples, drawn, most=15)
        stopped.append(stopping.menu(found, [Cell(f"stop {arm.rung.name}", arm.rung.name, 0, 15)]))
    lap("stopping early")
    known = {"features": free(np.column_stack([cells.cost[:, :4], rng.random((num_prompts, 8))]))}
    least, most = cells.cost.mean(axis=0)[[0, -1]]
    levels = tuple(np.geomspace(least, most, 8))
    planned = Once(Planned("features", levels, allocation.linear(), reads=("features",)))
    policies: list[Policy] = [
        Each(), Oracle(cells, levels), Planned("mix", levels), planned, Shuffled(planned), Mixed(planned),
        Planned("per bin", levels, allocation.bins(5), reads=("features",)),
    ]  # fmt: skip
    folds = prompt_folds(num_prompts, rng=rng)
    replayed = join(
        [
            replay(cells, policies, folds=folds, known=known, rng=rng),
            replay(menu.join(stopped), [Each("stop")], folds=folds, known=known, rng=rng),
        ]
    )
    lap("policies")
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=2000, rng=rng)
    means = resample(replayed, weights)
    every = np.arange(len(replayed.points))
    gains.gains(
        means, every, line=replayed.columns("uniform"), oracle=replayed.columns("oracle"), num_drawn=num_prompts
    )
    lap("bootstrap")
    return parts


if __name__ == "__main__":
    main()
