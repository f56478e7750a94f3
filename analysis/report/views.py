"""What a run says under every cost model it can tell, and that as data for the page's switches. Knows no HTML."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.questions import exchange_rates
from analysis.questions.exchange_rates import Findings
from analysis.reading.curves import Rule
from analysis.reading.reading import Reading
from analysis.runs.outcomes import Outcomes
from analysis.text import wording

# The reader's own words for a figure's axis.
COSTS = {
    "c1": "FLOPs, weights alone",
    "c2": "FLOPs, with attention",
    "c4": "device-seconds, measured",
    "c5": "dollars",
    "tokens": "tokens, model size not counted",
    "samples": "samples, their cost not counted",
}


def measure(reading: Reading) -> dict[str, Findings]:
    """Findings by cost model, the reader's own first: from the same draws of prompts,
    so that only cost differs.
    """
    return {each.setting.cost_model: each for each in exchange_rates.measure_each(reading)}


def data(found: Mapping[str, Findings], outcomes: Outcomes, *, rule: Rule) -> dict[str, Any]:
    """The frames of `measure` by column, and what the switches offer, in the order of the frames."""
    first = next(iter(found.values()))
    curves, words = first.curves, first.setting.words
    names = [arm.rung.name for arm in outcomes.arms]
    short = wording.short_names(names)
    return {
        "models": [{"name": name, "short": short[name]} for name in names],
        "bins": list(dict.fromkeys(curves["bin"])),
        "rules": [[name, wording.RULES[name]] for name in dict.fromkeys(curves["rule"])],
        "paths": [["width", "more samples"], *([[words.name, words.more]] if len(outcomes.budgets) > 1 else [])],
        "axis": words.choice,
        "steps": words.steps,
        "costs": [
            [name, _cost_words(name, of), of.setting.cost_unit, of.setting.cost_label]
            for name, of in found.items()
        ],
        "rule": rule,
        "num_samples": _num_samples(first, names),
        "budget_words": words.at(first.setting.max_budget),
        "is_own": first.setting.difficulty == "own",
        "curves": _columns(curves.drop(columns=["cost", "num_params"])),
        "cost": {name: of.curves["cost"].tolist() for name, of in found.items()},
        "rates": _rates(found),
    }


def _num_samples(found: Findings, names: Sequence[str]) -> list[int]:
    """The samples a prompt of each model: where they are unlike, its curve of widths ends at all of them."""
    if not found.setting.most_samples:
        return [found.setting.num_samples] * len(names)
    widest = found.curves.groupby("model")["width"].max()
    return [int(widest[name]) for name in names]


def _cost_words(name: str, found: Findings) -> str:
    return COSTS.get(name, f"{found.setting.cost_unit}, {found.setting.cost_label.partition(',')[0]}")


def _rates(found: Mapping[str, Findings]) -> dict[str, Any]:
    """Exchange rates by column: those that are the same under every cost model once, the others by cost model."""
    frames = {name: _in_words(of) for name, of in found.items()}
    first = next(iter(frames.values()))
    shared = [name for name in first if all(first[name].equals(frame[name]) for frame in frames.values())]
    return {
        "shared": _columns(first[shared]),
        "by_cost": {name: _columns(frame.drop(columns=shared)) for name, frame in frames.items()},
    }


def _in_words(found: Findings) -> pd.DataFrame:
    """Exchange rates with the words that the summary and the figures use for them, and what is needed."""
    rates = found.exchange_rates
    if rates.empty:
        return rates
    words = [
        wording.rate(
            exchange_rate=row.exchange_rate,
            low=row.low,
            high=row.high,
            at_or_below=bool(row.at_or_below),
            target_accuracy=row.target_accuracy,
            axis=row.path,
            max_step=row.max_step,
            unit=found.setting.cost_unit,
        )
        for row in rates.itertuples()
    ]
    needs = [wording.steps(row.step, row.path) if np.isfinite(row.step) else "" for row in rates.itertuples()]
    return rates.assign(words=words, needs=needs)


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): frame[name].tolist() for name in frame.columns}
