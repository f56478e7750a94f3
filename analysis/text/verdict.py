"""A comparison in plain text: what differs, where it stands on the ladder, where it lost. Knows no files."""

import math

import pandas as pd

from analysis import numerals
from analysis.questions.compare import Comparison
from analysis.reading import limits
from analysis.stats import intervals
from analysis.stats.differences import NUM_FLIPS
from analysis.text import setbacks, wording
from analysis.text.tables import aligned, filled


def render(found: Comparison) -> str:
    """The headline, then a table a question, each with what its columns mean."""
    num_text = 3 if len(found.rungs) > 1 else 2
    table = aligned(difference_rows(found), num_text=num_text)
    parts = [headline(found), f"{differences_title(found)}:\n\n{table}\n\n{differences_legend(found)}"]
    if not found.sizes.empty:
        parts.append(f"{sizes_title(found)}:\n\n{aligned(size_rows(found), num_text=1)}\n\n{sizes_legend(found)}")
    parts += [
        f"{needs_title(found)}:\n\n{aligned(need_rows(found), num_text=2)}\n\n{needs_legend(found)}",
        setbacks.losses(found),
        setbacks.power(found),
    ]
    if found.notes:
        parts.append("Limits: " + "; ".join(found.notes) + ".")
    return filled("\n\n".join(parts))


def headline(found: Comparison) -> str:
    """One sentence on single full answers to all prompts, and one on how many cells differ."""
    row, cells = found.single_full().iloc[0], found.differences
    new, base = numerals.percents(row["new_accuracy"], row["base_accuracy"])
    sure = cells[(cells["low"] > 0) | (cells["high"] < 0)]
    better = int((sure["low"] > 0).sum())
    aside = (
        ""
        if not found.mostly_unread
        else (
            f"No verdict, because most full answers could not be graded: {'; '.join(found.mostly_unread)}. The "
            "accuracies that could be computed:\n"
        )
    )
    return (
        f"{aside}On {found.task}, one answer {found.words.at(row['budget'])}: {found.new} {new}, {row['base']} "
        f"{base}: {numerals.points(row['difference'])} points [{numerals.points(row['alone_low'])}, "
        f"{numerals.points(row['alone_high'])}] over {numerals.prompts(found.num_prompts)} (p = "
        f"{numerals.p_value(row['p_value'])}).{_worth(found)}\nOf {_together(cells)}, {better} "
        f"{'is' if better == 1 else 'are'} certainly better and {len(sure) - better} certainly worse"
        f"{_confirmed(cells, sure)}."
    )


def _together(cells: pd.DataFrame) -> str:
    return "1 cell" if len(cells) == 1 else f"{len(cells)} cells together"


def _confirmed(cells: pd.DataFrame, sure: pd.DataFrame) -> str:
    """How many of the cells whose joint interval leaves out 0 the other test of the same says as well."""
    if sure.empty or not _is_fine_enough(cells):
        return ""
    confirmed = int((sure["p_holm"] <= intervals.FALSE_SHARE).sum())
    return f" by joint intervals; corrected p-values confirm {confirmed or 'none'} of them"


def _is_fine_enough(cells: pd.DataFrame) -> bool:
    """Whether so few swaps can leave a p-value that is small after Holm's correction over so many cells."""
    return len(cells) / (NUM_FLIPS + 1) <= intervals.FALSE_SHARE


def _worth(found: Comparison) -> str:
    """Its place on the ladder by single full answers to all prompts, in a sentence; "" without a ladder."""
    if found.sizes.empty:
        return ""
    sizes = found.sizes
    row = sizes[(sizes["budget"] == sizes["budget"].max()) & (sizes["width"] == 1)].iloc[0]
    if math.isnan(row["size"]):
        return " No prompt is certainly solved, so it has no place on the ladder."
    ends = [size(row[end], row) for end in ("size", "size_low", "size_high")]
    own = "" if math.isnan(found.new_params) else f"; it has {numerals.parameters(found.new_params)}"
    return f" On this ladder that equals {ends[0]} parameters [{ends[1]}, {ends[2]}]{own}."


def differences_title(found: Comparison) -> str:
    what = found.words.at_its_largest if len(found.rungs) > 1 else found.words.at_every
    over = "" if len(found.rungs) > 1 else f" over {found.rungs[0]}"
    return f"Points that {found.new} gains{over}, read by {wording.RULES[found.rule]}, {what}"


def difference_rows(found: Comparison) -> list[list[str]]:
    """Header, then a row a rung, bin and budget and a column a width; of a whole ladder the full budget alone."""
    cells = found.differences
    if len(found.rungs) > 1:
        cells = cells[cells["budget"] == cells["budget"].max()]
    widths = sorted(cells["width"].unique())
    rows = [
        ["against", "bin", found.words.head, *(f"{width} sample{'s' if width > 1 else ''}" for width in widths)]
    ]
    for (base, name, budget), part in cells.groupby(["base", "bin", "budget"], sort=False):
        told = part.set_index("width")
        size = f"{name} ({told['num_prompts'].iloc[0]})"
        limit = "no limit" if budget >= limits.UNLIMITED else str(budget)
        rows.append([str(base), size, limit, *(_difference(told.loc[width]) for width in widths)])
    return rows if len(found.rungs) > 1 else [row[1:] for row in rows]


def _difference(row: pd.Series) -> str:
    star = "*" if row["low"] > 0 or row["high"] < 0 else " "
    return f"{numerals.points(row['difference'])} [{numerals.points(row['low'])}, {numerals.points(row['high'])}]{star}"


def differences_legend(found: Comparison) -> str:
    """What the brackets and stars promise."""
    cells = found.differences
    which = "a 95% interval" if len(cells) == 1 else f"95% intervals that hold for all {len(cells)} cells at once"
    lines = [f"Brackets: {which} (max-t over prompts, bins drawn again). *: not 0."]
    if found.bins_are is not None and cells["bin"].nunique() > 1:
        lines.append(f"Bins: {found.bins_are}.")
    if found.cluster is not None:
        lines.append(f"Prompts of one {found.cluster} are resampled and swapped together.")
    holm, bh = (int((cells[name] <= intervals.FALSE_SHARE).sum()) for name in ("p_holm", "p_bh"))
    by_holm = (
        f"{holm} {'differs' if holm == 1 else 'differ'}"
        if _is_fine_enough(cells)
        else (f"no difference is certain in any of {len(cells)} cells")
    )
    lines.append(
        f"By p-values of {NUM_FLIPS:,} random swaps of the two models' answers, {by_holm} after Holm's correction "
        f"and {bh} after Benjamini and Hochberg's, at 5%; the smallest is "
        f"{numerals.p_value(cells['p_value'].min())}."
    )
    return "\n".join(lines)


def sizes_title(found: Comparison) -> str:
    own = "" if math.isnan(found.new_params) else f", which has {numerals.parameters(found.new_params)}"
    return f"Parameters on the ladder that are as accurate as {found.new}{own}"


def size_rows(found: Comparison) -> list[list[str]]:
    """Header, then a row a bin: one answer and the widest, at the full budget."""
    sizes = found.sizes[found.sizes["budget"] == found.sizes["budget"].max()]
    widths = sorted({1, int(sizes["width"].max())})
    heads = [f"{'one answer' if width == 1 else f'{width} samples'}" for width in widths]
    rows = [["bin", *(word for head in heads for word in (head, "beyond", "dips"))]]
    for name, part in sizes.groupby("bin", sort=False):
        told = part.set_index("width")
        rows.append([str(name), *(word for width in widths for word in _size_words(told.loc[width]))])
    return rows


def _size_words(row: pd.Series) -> list[str]:
    if math.isnan(row["size"]):
        return [wording.NOTHING if row["num_prompts"] else "-", "-", "-"]
    ends = [size(row[end], row) for end in ("size", "size_low", "size_high")]
    text = f"{ends[0]} [{ends[1]}, {ends[2]}]"
    again = f", stays there from {size(row['stays'], row)}" if row["stays"] > row["size"] * (1 + 1e-9) else ""
    outside = numerals.percent(row["share_below"] + row["share_beyond"])
    return [text + again, outside, numerals.percent(row["share_dips"])]


def size(count: float, row: pd.Series) -> str:
    """'213k', '≤32k' at the smallest rung and '>1.1M' beyond the largest."""
    if math.isinf(count):
        return f">{numerals.parameters(row['largest'])}"
    return ("≤" if count <= row["smallest"] else "") + numerals.parameters(count)


def sizes_legend(found: Comparison) -> str:
    return filled(
        f"Interpolated in log size between {', '.join(found.rungs)}, never beyond them (≤, >). Brackets: 95% "
        "intervals over prompts. Beyond: share of replicates outside the ladder. If accuracy falls with size "
        "somewhere, the smallest size that reaches the accuracy counts; dips: share of replicates in which a "
        "larger size is less accurate again."
    )


def needs_title(found: Comparison) -> str:
    return f"What the base needs to match one answer of {found.new}"


def need_rows(found: Comparison) -> list[list[str]]:
    """Header, then a row a rung and bin: along samples, and along thinking where there are budgets."""
    unit, has_budgets = found.cost.unit, bool((found.needs["path"] != "width").any())
    # What is counted in tokens or samples has a column of its own already.
    counts_steps = unit in ("tokens", "samples")
    head = ["base", "bin", "samples", "never", "tokens", *([] if counts_steps else [unit])]
    rows = [[*head, f"of its {wording.spent(unit)}", *([found.words.head, "never"] if has_budgets else [])]]
    for (base, name), part in found.needs.groupby(["base", "bin"], sort=False):
        by_path = part.set_index("path")
        wide = by_path.loc["width"]
        row = [
            str(base),
            str(name),
            _bounded(wide, "step", "{:.1f}"),
            numerals.percent(wide["share_never"]),
            _bounded(wide, "tokens", "{:.0f}"),
            *([] if counts_steps else [_bounded(wide, "cost", "{:.2g}")]),
            _bounded(wide, "exchange_rate", "{:.2f}x"),
        ]
        if found.words.name in by_path.index:
            deep = by_path.loc[found.words.name]
            row += [_bounded(deep, "step", f"{{:{found.words.form}}}"), numerals.percent(deep["share_never"])]
        rows.append(row + ["-"] * (len(rows[0]) - len(row)))
    return rows


def _bounded(row: pd.Series, name: str, form: str) -> str:
    """'≤1.0 [1.0, 2.3]' where the path's first cell already matches; that there is nothing to match once a row."""
    if (row.name, name) == ("width", "step") and row["num_prompts"] and math.isnan(row["exchange_rate"]):
        return wording.NOTHING
    ends = (row[name], row[f"{name}_low"], row[f"{name}_high"])
    return wording.bounded(wording.with_ends(ends, form), row["at_or_below"])


def needs_legend(found: Comparison) -> str:
    wide = found.needs[found.needs["path"] == "width"]["max_step"].iloc[0]
    deep = found.needs[found.needs["path"] != "width"]["max_step"]
    thinking = f" and {found.words.within(deep.iloc[0])} {found.words.by_one}" if len(deep) else ""
    endless = len(deep) and found.words.name == "budget" and deep.iloc[0] >= limits.UNLIMITED
    unnamed = (
        " Thinking -: it lies between the largest budget and no limit, so no number can be given."
        if endless
        else ""
    )
    return (
        f"{wording.RULES[found.rule].capitalize()} {wording.within('width', wide)} {found.words.full}{thinking}; "
        f"{found.cost.unit} a prompt ({found.cost.label}), and that cost over the cost of the new model's "
        "answer.\nNever: share of replicates with no match within the measured grid. ≤: the cheapest cell already "
        f"matches.{unnamed}"
    )
