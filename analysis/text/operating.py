"""What policies save at the cost or accuracy that was asked for, a line each. Knows rows of policies, no files."""

import numpy as np
import pandas as pd

from analysis.policies.replays import At, near_accuracy, nearest
from analysis.text import wording


def target(line: pd.DataFrame, at: At) -> float:
    """The cost, or the accuracy, that a share of the line's most is."""
    return float(at.share * line[at.by].max())


def chosen(rows: pd.DataFrame, line: pd.DataFrame, at: At) -> pd.DataFrame:
    """Of each policy its setting nearest to the cost that was asked for, or its cheapest that is as accurate."""
    wanted = target(line, at)
    return near_accuracy(rows, wanted) if at.by == "accuracy" else nearest(rows, wanted)


def where(line: pd.DataFrame, at: At, unit: str) -> str:
    """'90% of the mix's best accuracy (82.6%)', '10% of the mix's highest cost (1.4e+08 FLOPs)'."""
    wanted = target(line, at)
    if at.by == "accuracy":
        return f"{100 * at.share:g}% of the mix's best accuracy ({100 * wanted:.1f}%)"
    return f"{100 * at.share:g}% of the mix's highest cost ({wanted:.3g} {unit})"


def first_line(policies: pd.DataFrame, line: pd.DataFrame, at: At, unit: str) -> str:
    """Which policy that can be deployed is best at that point, what it gains there and what it saves."""
    place = f"At {where(line, at, unit)}"
    rows = chosen(policies, line, at) if len(policies) else policies
    rows = rows[rows["times"].notna() & rows["gain"].notna()] if len(rows) else rows
    if rows.empty:
        return f"{place}, no policy can be compared with the mix."
    is_cost = at.by == "cost"
    best = rows.sort_values("gain" if is_cost else "cost", kind="stable").iloc[-1 if is_cost else 0]
    told = f"'{best['policy']}' {'gains most' if is_cost else 'costs least'}, {best['cost']:.3g} {unit}"
    return (
        f"{place}, {told}: {_points(best)} points over the mix at equal cost; at equal accuracy it {saves(best)}."
    )


def saves(row: pd.Series) -> str:
    """'saves 25% [19, 32] of what the mix pays', below 0 where it costs more than the mix."""
    times, low, high = (float(row[f"times{end}"]) for end in ("", "_low", "_high"))
    if np.isinf(times):
        least = "" if np.isinf(low) else f", whose interval begins at {_saved(low):.0f}% saved"
        return f"has no mix to be compared with: none is as accurate{least}"
    top = "all" if np.isinf(high) else f"{_saved(high):.0f}"
    return f"saves {_saved(times):.0f}% [{_saved(low):.0f}, {top}] of what the mix pays"


def saves_cell(row: pd.Series) -> str:
    """The same in a table: '25% [19, 32]'; never: no mix is as accurate; '-' where nothing is compared."""
    ends = [float(row[f"times{end}"]) for end in ("", "_low", "_high")]
    if np.isnan(ends[0]):
        return "-"
    told = ["never" if np.isinf(end) else f"{_saved(end):.0f}" for end in ends]
    return f"{told[0]}{'' if told[0] == 'never' else '%'} [{told[1]}, {told[2]}]"


def _saved(times: float) -> float:
    """Percent of what the mix pays that a policy does not, from how many times as much that is."""
    return float(100 * (1 - 1 / times)) + 0.0 if times > 0 else float("-inf")


def _points(row: pd.Series) -> str:
    return wording.of_row(row, "gain", "{:+.1f}", 100)
