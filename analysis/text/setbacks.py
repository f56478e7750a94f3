"""Where a new model lost, and what its comparison could have seen, in plain text. Knows no files."""

import math

import pandas as pd

from analysis import numerals
from analysis.questions.compare import Comparison
from analysis.reading.bins import ALL_PROMPTS
from analysis.stats import intervals
from analysis.text.tables import aligned

LISTED = 5


def losses(found: Comparison) -> str:
    """Cells and prompts with the largest losses, and how many of them are more than chance."""
    return f"Where it lost.\n{lost_cells(found)}\n\n{lost_prompts(found)}"


def lost_cells(found: Comparison) -> str:
    worse = found.differences[found.differences["high"] < 0].sort_values("difference")
    if worse.empty:
        return "No cell is certainly worse."
    listed = [
        f"  {numerals.points(row['difference'])} points against {row['base']} on {row['bin']}"
        f"{'' if row['bin'] == ALL_PROMPTS else ' prompts'}, {row['width']} "
        f"sample{'s' if row['width'] > 1 else ''} "
        f"{found.words.at(row['budget'])}"
        for _, row in worse.head(LISTED).iterrows()
    ]
    more = f" The largest of {len(worse)}:" if len(worse) > LISTED else ""
    return "\n".join([f"Cells that are certainly worse.{more}", *listed])


def lost_prompts(found: Comparison) -> str:
    """The prompts with the largest losses against the nearest rung, with what the many looks leave of them."""
    rows = lost_prompt_rows(found)
    if len(rows) == 1:
        return f"No prompt has fewer right answers than with {found.nearest}."
    return f"{lost_prompts_title(found)}:\n\n{aligned(rows, num_text=1)}\n\n{lost_prompts_legend(found)}"


def lost_prompts_title(found: Comparison) -> str:
    return f"Prompts with the largest losses in single full answers against {found.nearest}"


def lost_prompt_rows(found: Comparison) -> list[list[str]]:
    """Header, then a row a prompt, the largest loss first."""
    table = [["prompt", found.nearest, found.new, "points", "p", "p, corrected"]]
    for _, row in _lost(found).head(LISTED).iterrows():
        shares = [f"{row[f'{side}_correct']}/{row[f'{side}_samples']}" for side in ("base", "new")]
        table.append(
            [
                row["prompt_id"],
                *shares,
                numerals.points(row["difference"]),
                numerals.p_value(row["p_value"]),
                numerals.p_value(row["p_bh"]),
            ]
        )
    return table


def lost_prompts_legend(found: Comparison) -> str:
    lost = _lost(found)
    sure = int((lost["p_bh"] <= intervals.FALSE_SHARE).sum())
    which = f"{sure} of {len(lost)} prompts that lost are" if sure else f"None of {len(lost)} prompts that lost is"
    return (
        f"{which} beyond chance (Fisher's exact test of the samples; the last column is corrected by Benjamini "
        f"and Hochberg over all {found.num_prompts} prompts, at 5% false discoveries)."
    )


def _lost(found: Comparison) -> pd.DataFrame:
    rows = found.prompts[found.prompts["base"] == found.nearest]
    return rows[rows["difference"] < 0].sort_values(["difference", "p_value"], kind="stable")


def power(found: Comparison) -> str:
    """The least differences that single full answers could have shown, over all prompts and in the bins."""
    rows = found.single_full()
    first = rows.iloc[0]
    if math.isnan(first["detectable_alone"]):
        return "Too few prompts differ: the smallest difference that could be found is not known."
    bins = [
        f"{row['bin']} {100 * row['detectable']:.1f}"
        for _, row in rows.iloc[1:].iterrows()
        if row["detectable"] > 0
    ]
    inside = f" ({', '.join(bins)})" if bins else ""
    return (
        f"With 80% power, single full answers to these {numerals.prompts(found.num_prompts)} can show a "
        f"difference of {100 * first['detectable_alone']:.1f} points as the only question, and of "
        f"{100 * first['detectable']:.1f} as one of {len(found.differences)} cells{inside}. `isoquant power` "
        "computes what more prompts or samples could show."
    )
