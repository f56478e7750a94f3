"""What rounds and graphs of calls are worth beside samples of the same compute, in words. Knows no files."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.questions.strategies import Found, splits_of
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.reading import Reading
from analysis.runs.graphs import Played
from analysis.text import wording
from analysis.text.tables import aligned, filled

ABOUT_STRATEGIES = (
    "n: chains, or groups of agents, whose answers vote together. Cost: over that of one answer, in {unit} "
    "({label}); all that the answers depend on is charged, free texts and votes too. Tokens: of a prompt, read "
    "and written. Samples: as many as cost the same, and their vote; gain over it in points; -: that cost takes "
    "more samples than were drawn. Brackets: 95% intervals over prompts, each by itself. Further bins and n stand "
    "in --json and --out."
)
ABOUT_ROUNDS = (
    "Shares of the answers of a round, on all prompts. Fixed: wrong in the round before and right in this one; "
    "broken: the reverse; what is no more than between two samples as they come, a round that reads nothing has "
    "too. Kept: the same answer as before, of chains that read it. Shown a wrong one: what its answers are right "
    "more or less often than answers that are shown nothing, in points."
)
ABOUT_RATIOS = (
    "Split: rounds in series x chains in parallel, so many answers in all. Vote of all answers, and of the last "
    "answer of each chain, with what either gains over the same number of samples side by side (1 x n), in "
    "points. Cost: over that of one answer, of the vote of all."
)


def render(found: Found, reading: Reading, played: Sequence[Played]) -> str:
    """Each strategy beside samples of its cost, what rounds change, how chains are best split,
    and what follows.
    """
    parts = [intro(reading, played), _table(strategy_rows(found.strategies), num_text=2)]
    parts.append(ABOUT_STRATEGIES.format(unit=reading.cost.unit, label=reading.cost.label))
    if len(found.rounds):
        parts += [_table(round_rows(found.rounds), num_text=1), about_rounds(found.rounds)]
    if len(ratios := ratio_rows(found.ratios)):
        parts += [_table(ratios, num_text=2), ABOUT_RATIOS]
    return filled("\n\n".join([*parts, "\n".join(verdicts(found.strategies))]))


def intro(reading: Reading, played: Sequence[Played]) -> str:
    """A line a model and strategy: at which budget it is shown, its rounds and chains."""
    largest = {(each.of, each.name): each for each in sorted(played, key=lambda each: each.at)}
    lines = []
    for each in largest.values():
        budget = int(reading.outcomes.budgets[each.at])
        agents, rounds = each.strategy.agents, max(each.num_groups)
        groups = each.num_groups[rounds]
        who = f"{groups} chains" if each.strategy.chained else f"{groups} groups of {numerals.samples(agents)}"
        lines.append(
            f"{reading.arms[each.of].rung.name}, {each.name}: {rounds} rounds, {who} a prompt, "
            f"{reading.outcomes.along.words.alone(budget)}."
        )
    return "\n".join(lines)


def strategy_rows(strategies: pd.DataFrame) -> pd.DataFrame:
    """In words, at the largest budget: on all prompts every round, of one group and of the most that samples of
    their cost are there for; in each bin one group in the last round.
    """
    return pd.DataFrame(
        [
            {
                "bin": row["bin"],
                "strategy": _called(row, strategies),
                "round": f"{row['round']}",
                "n": f"{row['groups']}",
                "accuracy": _share(row, "accuracy"),
                "cost": f"{row['times_one']:.1f}x",
                "tokens": f"{row['tokens']:,.0f}",
                "samples": "-" if np.isnan(row["samples"]) else f"{row['samples']:.1f}",
                "their vote": numerals.percent(row["self_consistency"]),
                "gain": _points(row, "gain"),
            }
            for _, row in _shown(strategies).iterrows()
        ]
    )


def _shown(strategies: pd.DataFrame) -> pd.DataFrame:
    own = _at_largest_budget(strategies)
    of_last = own["round"] == own.groupby(["model", "strategy"])["round"].transform("max")
    known = own[own["samples"].notna()].groupby(["model", "strategy", "round", "bin"])["groups"].max()
    keys = pd.MultiIndex.from_frame(own[known.index.names])
    is_widest = own["groups"].to_numpy() == known.reindex(keys).to_numpy()
    is_whole = own["bin"] == ALL_PROMPTS
    shown = own[(is_whole & ((own["groups"] == 1) | is_widest)) | (~is_whole & of_last & (own["groups"] == 1))]
    order = {name: at for at, name in enumerate(dict.fromkeys(own["bin"]))}
    return shown.sort_values("bin", key=lambda names: names.map(order), kind="stable")


def round_rows(rounds: pd.DataFrame) -> pd.DataFrame:
    """A row a chain and round on all prompts, at the largest budget, in words."""
    own = _at_largest_budget(rounds[rounds["bin"] == ALL_PROMPTS])
    shown = own.dropna(axis="columns", how="all")
    told = [
        {
            "strategy": _called(row, rounds),
            "round": f"{row['round']}",
            "accuracy": _share(row, "accuracy"),
            "change": _points(row, "change"),
            "fixed": _share(row, "fixed"),
            "broken": _share(row, "broken"),
            "kept": _share(row, "kept"),
            "shown a wrong one": _points(row, "anchoring"),
        }
        for _, row in own.iterrows()
    ]
    lacking = {"kept": "kept", "anchoring": "shown a wrong one"}
    return pd.DataFrame(told).drop(columns=[name for column, name in lacking.items() if column not in shown])


def about_rounds(rounds: pd.DataFrame) -> str:
    """What its columns say, and how often two samples as they come agree."""
    own = _at_largest_budget(rounds[rounds["bin"] == ALL_PROMPTS]).drop_duplicates("model")
    alike = [f"{row['model']} {numerals.percent(row['alike'])}" for _, row in own.iterrows()]
    told = (
        f" Two samples as they come answer the same: {numerals.listed(alike)}."
        if own["alike"].notna().all()
        else ""
    )
    return ABOUT_ROUNDS + told


def ratio_rows(ratios: pd.DataFrame) -> pd.DataFrame:
    """A row a chain, bin and split of the most answers that can be compared, in words."""
    return pd.DataFrame(
        [
            {
                "bin": row["bin"],
                "strategy": _called(row, ratios),
                "split": f"{row['series']} x {row['parallel']}",
                "vote of all": _share(row, "accuracy"),
                "gain": _points(row, "gain") if row["series"] > 1 else "",
                "vote of the last": _share(row, "last_accuracy"),
                "gain ": _points(row, "last_gain") if row["series"] > 1 else "",
                "cost": f"{row['times_one']:.1f}x",
            }
            for _, row in _in_order(splits_of(ratios)).iterrows()
        ]
    )


def _in_order(ratios: pd.DataFrame) -> pd.DataFrame:
    """By bin, strategy and rounds."""
    by = ["bin", "strategy", "series"]
    return ratios if ratios.empty else ratios.sort_values(by, key=_rank, kind="stable")


def _rank(values: pd.Series) -> pd.Series:
    """Numbers as they are, names by where they first stand."""
    if pd.api.types.is_numeric_dtype(values):
        return values
    return values.map({name: at for at, name in enumerate(dict.fromkeys(values))})


def verdicts(strategies: pd.DataFrame) -> list[str]:
    """Of each model and strategy what the last round gains over samples of the same cost,
    one group on all prompts.
    """
    own = _at_largest_budget(strategies[(strategies["bin"] == ALL_PROMPTS) & (strategies["groups"] == 1)])
    last = own[own["round"] == own.groupby(["model", "strategy"])["round"].transform("max")]
    return [
        f"{row['model']}, {row['strategy']} in round {row['round']}: {_says(row)}." for _, row in last.iterrows()
    ]


def _says(row: pd.Series) -> str:
    if np.isnan(row["gain"]):
        told = f"it costs {row['times_one']:.1f} answers, more than were drawn"
        return f"{told}, so that nothing can be said at equal compute"
    than = f"than the vote of the {row['samples']:.1f} samples of its cost ({_points(row, 'gain')} points)"
    if row["gain_low"] > 0:
        return f"more often right {than}"
    return f"less often right {than}" if row["gain_high"] < 0 else f"neither better nor worse for certain {than}"


def _at_largest_budget(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["budget"] == frame.groupby(["model", "strategy"])["budget"].transform("max")]


def _called(row: pd.Series, frame: pd.DataFrame) -> str:
    return f"{row['model']} {row['strategy']}" if frame["model"].nunique() > 1 else str(row["strategy"])


def _points(row: pd.Series, name: str) -> str:
    return wording.of_row(row, name, "{:+.1f}", 100)


def _share(row: pd.Series, name: str) -> str:
    if np.isnan(row[name]):
        return "-"
    low, high = (numerals.percent(row[f"{name}_{end}"]).rstrip("%") for end in ("low", "high"))
    return f"{numerals.percent(row[name])} [{low}, {high}]"


def _table(frame: pd.DataFrame, *, num_text: int) -> str:
    rows = [list(frame.columns)]
    for _, row in frame.iterrows():
        if num_text > 1 and len(rows) > 1 and row["bin"] != rows[-1][0]:
            rows.append([""] * len(frame.columns))
        rows.append(row.tolist())
    return aligned([[str(cell).strip() for cell in row] for row in rows], num_text=num_text, is_last_text=False)
