"""python -m tests.bench.analysis: time the analysis
of 10 million outcomes beside a plain loop, and keep the table.

Every line of the table is a process of its own, so that each has its own peak of memory.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.arrays import Weights
from analysis.costs import cost_models
from analysis.questions import exchange_rates
from analysis.reading import curves
from analysis.reading.choices import Choices
from analysis.reading.curves import Curve, Rule
from analysis.reading.reading import read
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.stats import bootstrap, difficulty, estimators, intervals, substitution
from analysis.stats.bootstrap import MIN_REPLICATES
from analysis.stats.parts import Part
from tests.bench import plain, synthetic
from tests.bench.synthetic import BIN_SAMPLES, BUDGETS, NUM_SAMPLES, VOTE_WIDTHS, WIDTHS, Size

TABLE = Path("results/bench/analysis.md")
PLAIN_PROMPTS = 2
PLAIN_REPLICATES = 1
COST = cost_models.choose("c2")
RULE_WIDTHS: tuple[tuple[Rule, tuple[int, ...]], ...] = (
    ("pass_at_k", tuple(WIDTHS)),
    ("maj_at_k", tuple(VOTE_WIDTHS)),
)


def full(size: Size) -> dict[str, float]:
    """Every curve and exchange rate at every budget: pass@k at 128 widths,
    maj@k at 8, five bins, 2,000 replicates.
    """
    spent = {"draw": 0.0, "estimate": 0.0, "resample": 0.0, "match": 0.0, "cpu": 0.0}
    rng = np.random.default_rng(0)
    with _timed(spent, "resample"):
        weights = bootstrap.prompt_weights(size.num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
    anchor = synthetic.draw_arm(size, size.num_models - 1, budgets=BUDGETS[-1:], num_samples=BIN_SAMPLES)
    with _timed(spent, "resample"):
        scores = anchor.samples.correct[0].mean(axis=1)
        parts: list[Weights | Part] = [weights, *difficulty.quantile_parts(scores, weights, num_bins=5)]
    targets: dict[int, list[Curve]] = {}
    # From the largest down, so that every target is known when a smaller model is matched; one model in memory at
    # once.
    for model in reversed(range(size.num_models)):
        with _timed(spent, "draw"):
            arm = synthetic.draw_arm(size, model)
        for rule, widths in RULE_WIDTHS:
            for budget in reversed(range(len(BUDGETS))):
                path = curves.Path("width", (budget,) * len(widths), tuple(widths))
                with _timed(spent, "estimate"):
                    budgets, _, crossed, _ = curves.crossing(path)
                    accuracy = curves.arm_accuracy(arm, crossed, rule, rng=rng, budgets=budgets)
                    prompts = curves.prompt_curve(arm, path, COST, accuracy, rule=rule)
                with _timed(spent, "resample"):
                    resampled = [curves.resample(prompts, part) for part in parts]
                    for curve in resampled:
                        intervals.accuracy_interval(curve.accuracy, size.num_prompts)
                if rule == "pass_at_k" and budget == len(BUDGETS) - 1:
                    targets[model] = [Curve(*(means[:, :1].copy() for means in curve)) for curve in resampled]
                with _timed(spent, "match"):
                    _match(resampled, widths, model, targets)
    return {"seconds": spent["estimate"] + spent["resample"] + spent["match"]} | spent


def command(size: Size) -> dict[str, float]:
    """What `isoquant summary` computes once the rows are read: paths of widths and of budgets, all pairs."""
    arms = tuple(synthetic.draw_arm(size, model) for model in range(size.num_models))
    anchor = synthetic.draw_arm(size, size.num_models - 1, budgets=BUDGETS[-1:], num_samples=BIN_SAMPLES)
    names = np.arange(size.num_prompts).astype(str)
    loaded = Outcomes("synthetic", "none", "1", np.asarray(BUDGETS), NUM_SAMPLES, names, arms, anchor, {}, (), ())
    spent = {"seconds": 0.0, "cpu": 0.0}
    with _timed(spent, "seconds"):
        exchange_rates.measure(read(loaded, Choices()))
    return spent


def plain_loop(size: Size) -> dict[str, float]:
    """The plain loop on a fraction of the prompts and of the replicates, and what the whole would take.

    Its estimates must agree with ours, or the comparison means nothing.
    """
    rng = np.random.default_rng(0)
    arm = synthetic.draw_arm(size, 3)
    samples = plain.frame(arm, PLAIN_PROMPTS)
    spent = {"estimate": 0.0, "resample": 0.0, "cpu": 0.0}
    with _timed(spent, "estimate"):
        estimates = plain.estimates(samples, rng)
    factors = {"estimate": size.num_models * size.num_prompts / PLAIN_PROMPTS}
    cpu = spent["cpu"] * factors["estimate"]
    spent["cpu"] = 0.0
    _check(estimates, arm)
    wide = _wide(size, estimates)
    with _timed(spent, "resample"):
        for _ in range(PLAIN_REPLICATES):
            plain.replicate(wide, pd.Series(rng.random(size.num_prompts)), size.num_models, len(BUDGETS), rng)
    factors["resample"] = MIN_REPLICATES / PLAIN_REPLICATES
    cpu += spent["cpu"] * factors["resample"]
    return {"seconds": sum(spent[part] * factor for part, factor in factors.items()), "cpu": cpu}


PARTS: dict[str, Callable[[Size], dict[str, float]]] = {"full": full, "command": command, "plain": plain_loop}


def main() -> None:
    """Run one part and print it as JSON, or all of them and keep the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.analysis")
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--prompts", type=int, default=1000)
    options = parser.parse_args()
    if options.part is not None:
        found = PARTS[options.part](Size(num_prompts=options.prompts))
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps(found | {"peak_gib": used.ru_maxrss / 2**20, "load": os.getloadavg()[0]}))
        return
    _run("full", 20)  # Compiles what is compiled once, so that no line pays for it.
    lines = {(part, prompts): _run(part, prompts) for part, prompts in LINES}
    text = _render(lines)
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(text)
    print(text)


LINES = [("full", 100), ("full", 300), ("full", 1000), ("command", 1000), ("plain", 1000)]
WORDS = {
    "full": "whole grid: pass@k at 128 widths and maj@k at 8, at each of 8 budgets",
    "command": "what `isoquant summary` computes: all widths at the largest budget, all budgets at width 1",
    "plain": f"plain loop for the whole grid, timed on {PLAIN_PROMPTS} prompts of one model and "
    f"{PLAIN_REPLICATES} replicate, extrapolated",
}


def _run(part: str, num_prompts: int) -> dict[str, float]:
    arguments = [sys.executable, "-m", "tests.bench.analysis", "--part", part, "--prompts", str(num_prompts)]
    finished = subprocess.run(arguments, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return found


def _render(lines: dict[tuple[str, int], dict[str, float]]) -> str:
    ours = lines["full", 1000]
    rows = [
        f"| {WORDS[part]} | {Size(num_prompts=prompts).num_rows / 1e6:.2f} | {found['seconds']:.1f} | "
        f"{found['cpu']:.1f} | {found['peak_gib']:.2f} | {found['cpu'] / ours['cpu']:.2f} | {found['load']:.1f} |"
        for (part, prompts), found in lines.items()
    ]
    split = ", ".join(f"{name} {ours[name]:.1f} s" for name in ("estimate", "resample", "match"))
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba", "pandas"))
    return "\n".join(
        [
            "# How fast the statistics are",
            "",
            "A synthetic run of 10 models, 128 samples and 8 budgets: five bins drawn anew in each of "
            f"{MIN_REPLICATES:,} paired replicates, intervals of every curve, exchange rates of all 45 pairs.",
            "Drawing the outcomes is not counted and compiling is done before. The load",
            "is the machine's over the last minute: above its cores, something else was running. "
            "`make bench PART=analysis` writes this page.",
            "",
            "| what | million outcomes | seconds | CPU seconds | peak GiB | CPU ratio | load |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Of the whole grid's {ours['seconds']:.1f} s: {split}.",
            "",
            f"{os.cpu_count()} cores of {_processor()}; Python {platform.python_version()}, {versions}.",
            "",
        ]
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


@contextlib.contextmanager
def _timed(spent: dict[str, float], part: str) -> Iterator[None]:
    started, used = time.perf_counter(), time.process_time()
    yield
    spent[part] += time.perf_counter() - started
    spent["cpu"] += (time.process_time() - used) * (part != "draw")


def _match(
    resampled: list[Curve], widths: range | tuple[int, ...], small: int, targets: dict[int, list[Curve]]
) -> None:
    for large, at_reference in targets.items():
        if large == small:
            continue
        for curve, target in zip(resampled, at_reference, strict=True):
            crossing = substitution.invert(curve.accuracy, curve.cost, np.log(widths), target.accuracy[:, 0])
            substitution.exchange_rate(crossing, target.cost[:, 0])


def _check(estimates: pd.DataFrame, arm: Arm) -> None:
    correct, votes = arm.samples.correct[:, :PLAIN_PROMPTS], arm.samples.votes[:, :PLAIN_PROMPTS]
    passing = estimators.pass_at_k(NUM_SAMPLES, correct.sum(axis=-1)[..., None], np.asarray(WIDTHS))
    leading = estimators.maj_at_k(votes, correct, VOTE_WIDTHS)
    theirs = estimates.filter(like="pass@").to_numpy().reshape(passing.shape)
    np.testing.assert_allclose(theirs, passing, atol=1e-9)
    # The plain loop draws 100 subsets and gives a tie to whoever came first.
    theirs = estimates.filter(like="maj@").to_numpy().reshape(leading.shape)
    np.testing.assert_allclose(theirs, leading, atol=5 * 0.5 / np.sqrt(plain.NUM_DRAWS))


def _wide(size: Size, estimates: pd.DataFrame) -> pd.DataFrame:
    """A table of the full size with a column a model, budget and cell,
    filled with the prompts that were estimated.
    """
    cells = estimates.set_index(["prompt", "budget"]).unstack("budget").swaplevel(axis=1).sort_index(axis=1)
    columns = {(model, *column): cells[column] for model in range(size.num_models) for column in cells}
    table = pd.DataFrame(columns)
    return table.iloc[np.arange(size.num_prompts) % len(table)].reset_index(drop=True)


if __name__ == "__main__":
    main()
