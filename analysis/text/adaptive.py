"""How a run that was drawn towards a goal is to be read. Knows stored decisions and the frame of `goals.story`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.goals.story import Known, Look, numbers
from analysis.text.goals import ENDS, found_words
from analysis.text.tables import filled

Row = Mapping[str, Any]
# Goals that end at the first look that is sure.
DECIDED = ("Decide", "Compare")
FIGURE_TITLE = "How many tokens did it take to know?"
AXES = {
    "rate": "exchange rate",
    "accuracy": "accuracy of one answer",
    "gain": "gain in points",
    "at_1": "gain in points at equal cost",
    "at_end": "gain in points at the path's end",
}


def asked(settings: Row) -> str:
    """What a goal asks, as a sentence; settings: `asked` of a decision."""
    pairs = numerals.listed([pair.replace(":", " against ") for pair in settings.get("pairs") or ()])
    of = f" of {pairs}" if pairs else " of every smaller model against the largest"
    along = "" if settings.get("along", "width") == "width" else f", along {settings['along']}"
    sure = f"wrong in at most {100 * settings.get('alpha', 0):g}% of runs"
    bins = ", over all prompts and in each difficulty bin" if settings["bins"] else ""
    return {
        "ExchangeRates": f"The exchange rate{of}{along}{bins}: to within {_factor(settings)}, or that it is never "
        "reached within the grid.",
        "Accuracy": f"Every model's accuracy with one answer{bins}: to within {settings.get('points', 0):g} "
        "points.",
        "Compare": f"Whether {settings.get('new') or 'the largest model'} is better than "
        f"{settings.get('base') or 'the one before it'} by at least {settings.get('effect', 0):g} points{bins}; "
        f"{sure}.",
        "Decide": f"Whether the exchange rate{of}{along}{bins} is below 1, above 1 or never reached; {sure}, over "
        "all "
        "questions and looks.",
    }[settings["goal"]]


def line(rows: Sequence[Row], name: str) -> str:
    """That a run was drawn towards a goal, how that ended, and which command says more."""
    known, open_ones = _count(rows[-1]["known"])
    rounds = _rounds(rows)
    met = f"{known} of {known + open_ones} questions answered" if known + open_ones else "nothing known yet"
    return filled(
        f"Drawn towards a goal in {rounds}, {met}. `isoquant goal {name}` shows what was asked and found."
    )


def how_to_read(rows: Sequence[Row], last: Look) -> list[str]:
    """That the run was adaptive, and what this means for its intervals and for tables over all models."""
    lines = [
        "This run was adaptive: what each round drew was decided from what the rounds before it had found. All "
        "prompts of a model have the same number of samples, and no single answer decided what was drawn.",
    ]
    if rows[0]["asked"]["goal"] in DECIDED:
        lines.append(
            "A decision counts at the first look that is sure. Its interval is a confidence sequence, which holds "
            "at all looks together (Robbins 1970): it is wider than the interval of one look, and over all its "
            f"questions a run decides falsely with a chance of at most {100 * rows[0]['asked']['alpha']:g}%."
        )
    else:
        lines.append(
            "A question was answered once its interval was narrow enough. With many prompts such intervals hold "
            "the truth as often as those of a run of fixed size (Chow and Robbins 1965); with few, somewhat less "
            "often. `isoquant validate` simulates how often."
        )
    prompts = {name: drawn.prompts for name, drawn in last.drawn.items()}
    if len(set(prompts.values())) > 1:
        listed = ", ".join(f"{name} {number:,}" for name, number in prompts.items())
        lines.append(
            f"Models whose questions were answered early have fewer prompts ({listed}). Tables over all models "
            f"read only the {min(prompts.values()):,} prompts that all of them have, so their intervals can be "
            "wider than those of the goal."
        )
    return lines


def round_rows(rows: Sequence[Row]) -> pd.DataFrame:
    """A row a decision after the pilot began: what was spent, how much was known, and what came next."""
    found = []
    for row, number in zip(rows[1:], numbers(rows), strict=True):
        known, open_ones = _count(row["known"])
        found.append(
            {
                "after": f"round {number}" if number else "the pilot",
                "tokens": row["num_tokens"] - rows[0]["num_tokens"],
                "answered": f"{known} of {known + open_ones}",
                "furthest from known": row["worst"] if open_ones else "-",
                "times as wide as wanted": _ratio(row["ratio"]) if open_ones else "-",
                "drawn next (prompts x samples)": ENDS[row["end"]] if row["end"] else _targets(row["targets"]),
            }
        )
    return pd.DataFrame(found)


def end_rows(frame: pd.DataFrame, known: Sequence[Known]) -> pd.DataFrame:
    """A row a question: what is known of it at the end, and what a uniform grid is expected to take for that."""
    uniform = frame.drop_duplicates("question", keep="last").set_index("question")["uniform_tokens"]
    tokens = [uniform[each["name"]] for each in known]
    return pd.DataFrame(
        {
            "question": [each["name"] for each in known],
            "found": [found_words(each) for each in known],
            "state": ["open" if each["state"] == "open" else "known" for each in known],
            "tokens of a uniform grid": [f"{number:,.0f}" if np.isfinite(number) else "-" for number in tokens],
        }
    )


def beside_uniform(frame: pd.DataFrame) -> str:
    """What the uniform grid of a run is, and what it is expected to take; "" where no question tells."""
    most = frame["uniform_tokens"].max()
    if np.isnan(most):
        return ""
    samples, spent = int(frame["uniform_samples"].iloc[0]), int(frame["tokens"].max())
    some = frame.drop_duplicates("question", keep="last")["uniform_tokens"].isna().any()
    intervals = f"intervals as narrow as the last ones{' that have two ends' if some else ''}"
    return (
        f"A uniform grid (the same prompts and {numerals.samples(samples)} a prompt for every model) is expected "
        f"to take {_round(most)} tokens for {intervals}; the run took {_round(spent)}."
    )


def figure_key(frame: pd.DataFrame) -> str:
    """What the marks of the figure are."""
    first = frame.iloc[0]
    lane = " Grey lane: not reached." if _has_lane(frame) else ""
    if first["quantity"] in ("rate", "accuracy"):
        wanted, interval = "Band: as narrow as wanted.", "95% interval"
    else:
        wanted = "Dark line: what it is held against."
        interval = "interval of all looks together"
    return (
        f"Dot and line: estimate and {interval} after each round, hollow while open. {wanted} Dashed: expected of "
        f"a uniform grid.{lane}"
    )


def caption(frame: pd.DataFrame) -> str:
    """What was asked, of whom, and what the uniform grid is."""
    first = frame.iloc[0]
    against = ""
    if first["against"] and frame["against"].nunique() == 1:
        against = f"Base: {first['against']}." if first["quantity"] == "gain" else f"To match: {first['against']}."
    how = "Expected from the variances between and within prompts at the end."
    beside = beside_uniform(frame)
    return " ".join(filter(None, (first["asked"], against, beside, how if beside else "")))


def _has_lane(frame: pd.DataFrame) -> bool:
    return bool((frame["quantity"] == "rate").any() and np.isinf(frame[["estimate", "high"]]).any(axis=None))


def _count(known: Sequence[Known]) -> tuple[int, int]:
    open_ones = sum(each["state"] == "open" for each in known)
    return len(known) - open_ones, open_ones


def _rounds(rows: Sequence[Row]) -> str:
    more = max(len([row for row in rows if row["end"] is None]) - 1, 0)
    return "a pilot" if not more else f"a pilot and {more} more round{'s' if more > 1 else ''}"


def _factor(settings: Row) -> str:
    width = settings.get("half_width", 0.0)
    return f"{width:g} in log10 (a factor of {10**width:.2f})"


def _targets(targets: Mapping[str, Sequence[int]]) -> str:
    return ", ".join(f"{name} {prompts:,} x {samples}" for name, (prompts, samples) in targets.items())


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None or ratio >= 1000 else f"{ratio:.1f}"


def _round(tokens: float) -> str:
    """To three digits."""
    return f"{float(f'{tokens:.3g}'):,.0f}"
