"""A rung that was never run, in plain text: what it would do, what it is worth, and how such forecasts did."""

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.questions.unrun import Unrun
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.reading import Reading
from analysis.text import wording
from analysis.text.tables import aligned, filled

# So many numbers of samples are shown, the last among them.
MAX_ROWS = 8


def render(found: Unrun, reading: Reading) -> str:
    """The forecast in a sentence, the curve, the exchange rates, and each rung left out in turn."""
    parts = [f"{first_line(found, reading)}\n{rate_line(found)}", _how(found, reading)]
    parts += [f"{title}\n{aligned(rows, num_text=0)}" for title, rows in _curves(found, reading)]
    parts.append("\n".join([_rates_title(found, reading), aligned(_rate_rows(found, reading), num_text=3)]))
    parts.append("\n".join([left_out_line(found), aligned(_left_out_rows(found), num_text=1)]))
    parts += wording.together(reading.choices.cluster)
    return filled("\n\n".join(parts))


def first_line(found: Unrun, reading: Reading) -> str:
    """What a rung of this size would be right on, with one answer and with most samples."""
    rows = _told(found, "width")
    models = f"by the trend of {len(reading.arms)} models from {_size(reading, 0)} to {_size(reading, -1)}"
    if rows.empty:
        why = found.curves.iloc[0]["why"]
        return f"A model of {found.name} parameters cannot be forecast: {why}."
    one, most = rows.iloc[0], rows.iloc[-1]
    told = [f"{_percent(one)} of prompts with {numerals.samples(one['width'])}"]
    if len(rows) > 1:
        told.append(f"{_percent(most)} with {numerals.samples(most['width'])} ({wording.RULES[reading.rule]})")
    return f"A model of {found.name} parameters, never run, would be right on {' and '.join(told)}, {models}."


def rate_line(found: Unrun) -> str:
    """What its nearest neighbours pay for its answer, or it for theirs, by sampling more."""
    rates = found.rates[(found.rates["bin"] == ALL_PROMPTS) & (found.rates["path"] == "width")]
    below, above = rates[rates["large"] == found.name], rates[rates["small"] == found.name]
    told = [
        f"{row['small']} for one of its answers: {_rate(row, row['cost_unit'])}"
        for _, row in below[-1:].iterrows()
    ]
    told += [f"It for one of {row['large']}: {_rate(row, row['cost_unit'])}" for _, row in above[:1].iterrows()]
    return f"{'. '.join(told)}."


def left_out_line(found: Unrun) -> str:
    """How many of the models that others can forecast lay in their intervals, at one sample."""
    rows = found.left_out
    if "holds" not in rows or (first := rows[rows["holds"].notna()].drop_duplicates("model")).empty:
        return "No model of this run can be forecast from the others, so nothing is known of how well that goes:"
    held = int(first["holds"].astype(bool).sum())
    return f"Each model left out in turn and forecast from the others: {held} of {len(first)} lay in the interval:"


def _how(found: Unrun, reading: Reading) -> str:
    low, high = (numerals.parameters(end) for end in found.reach[:2])
    free = len(reading.arms) - 2
    return (
        "Logits of accuracy and logarithms of cost lie on a line in log size, but for each model's own deviation. "
        "Brackets: 95% intervals; prompts are resampled, and the model deviates as those that were run do, whose "
        f"spread {len(reading.arms)} models tell with {free} degree{'s' if free > 1 else ''} of freedom. Within "
        f"one step of the ladder, {found.reach.step:.3g}x, sizes from {low} to {high} can be forecast."
    )


def _curves(found: Unrun, reading: Reading) -> list[tuple[str, list[list[str]]]]:
    """A title and a table of each path, beside the nearest models that were run."""
    told = []
    for path in dict.fromkeys(found.curves["path"]):
        rows = _whole(found.curves, path)
        is_width = path == "width"
        title = f"All prompts, {wording.RULES[reading.rule]}, {reading.words.full}:" if is_width else "One answer:"
        step = "width" if is_width else "budget"
        near = _neighbours(found)
        head = ["samples" if is_width else reading.words.steps, found.name, *near, reading.cost.unit]
        shown = rows.iloc[_spread(len(rows))]
        body = [
            [_step(row[step]), _percent(row), *_ran(found, row, near), _spent(row)] for _, row in shown.iterrows()
        ]
        told.append((title, [head, *body]))
        if why := next((why for why in rows["why"] if why), ""):
            told[-1] = (f"{title[:-1]} (-: not told; {why} there):", told[-1][1])
    return told


def _rate_rows(found: Unrun, reading: Reading) -> list[list[str]]:
    paths = list(dict.fromkeys(found.rates["path"]))
    named = {"width": "by sampling more"} | {
        path: f"by {reading.words.longer}" for path in paths if path != "width"
    }
    rows = [["who pays", "for one answer of", "bin", *(named[path] for path in paths)]]
    for (name, small, large), part in found.rates.groupby(["bin", "small", "large"], sort=False):
        by_path = {row["path"]: row for _, row in part.iterrows()}
        rows.append([small, large, name, *(_rate(by_path[path], reading.cost.unit) for path in paths)])
    return rows


def _rates_title(found: Unrun, reading: Reading) -> str:
    never = " Never: not within the grid that was drawn." if np.isinf(found.rates["high"]).any() else ""
    cost = reading.cost
    return (
        f"{cost.unit} of the smaller of two at equal accuracy, over what one answer costs ({cost.label}).{never}"
    )


def _left_out_rows(found: Unrun) -> list[list[str]]:
    rows = [["model", "size", "samples", "forecast", "was", ""]]
    for name, part in found.left_out.groupby("model", sort=False):
        size = numerals.parameters(part["num_params"].iloc[0])
        if part["why"].iloc[0]:
            rows.append([str(name), size, "-", "-", "-", part["why"].iloc[0]])
            continue
        for _, row in part.iloc[sorted({0, len(part) - 1})].iterrows():
            told = "" if row["holds"] is None else "within" if row["holds"] else "outside"
            ends = wording.of_row(row, "forecast", "{:.0f}", 100)
            forecast = "-" if ends == "-" else ends.replace(" [", "% [", 1)
            rows.append([str(name), size, _step(row["width"]), forecast, numerals.percent(row["measured"]), told])
    return rows


def _whole(frame: pd.DataFrame, path: str) -> pd.DataFrame:
    return frame[(frame["bin"] == ALL_PROMPTS) & (frame["path"] == path)]


def _told(found: Unrun, path: str) -> pd.DataFrame:
    rows = _whole(found.curves, path)
    return rows[rows["accuracy"].notna()]


def _neighbours(found: Unrun) -> list[str]:
    """The next smaller and the next larger model that were run."""
    sizes = found.measured.drop_duplicates("model").set_index("model")["num_params"]
    below, above = sizes[sizes < found.size], sizes[sizes >= found.size]
    return [*below.index[-1:], *above.index[:1]]


def _ran(found: Unrun, row: pd.Series, models: list[str]) -> list[str]:
    """What these models that were run did in the same cell."""
    cell = found.measured
    for name in ("bin", "path", "budget", "width"):
        cell = cell[cell[name] == row[name]]
    return [numerals.percent(float(cell.loc[cell["model"] == model, "accuracy"].iloc[0])) for model in models]


def _rate(row: pd.Series, unit: str) -> str:
    return wording.rate(
        **{name: float(row[name]) for name in ("exchange_rate", "low", "high", "target_accuracy", "max_step")},
        at_or_below=bool(row["at_or_below"]),
        axis=str(row["path"]),
        unit=unit,
    )


def _percent(row: pd.Series) -> str:
    """'63% [45, 78]'."""
    told = wording.of_row(row, "accuracy", "{:.0f}", 100)
    return told if told == "-" else told.replace(" [", "% [", 1)


def _spent(row: pd.Series) -> str:
    return wording.of_row(row, "cost", "{:.2g}")


def _step(step: float) -> str:
    return f"{step:,.0f}"


def _size(reading: Reading, at: int) -> str:
    return numerals.parameters(reading.arms[at].rung.num_params)


def _spread(count: int) -> list[int]:
    """At most MAX_ROWS places, in even steps of their logarithm, first and last among them."""
    return sorted({round(place) - 1 for place in np.geomspace(1, count, min(count, MAX_ROWS))})
