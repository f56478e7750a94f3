"""What a search is worth beside samples of the same compute, in words. Knows the question, no files."""

import json
import re
from collections.abc import Sequence

import pandas as pd

from analysis import numerals
from analysis.questions.search import NUM_LEVELS
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.reading import Reading
from analysis.runs.searches import Searched
from analysis.text import wording
from analysis.text.tables import aligned, filled

RULES = {"best_of_n": "best", "weighted_vote": "weighted vote", "maj_at_k": "vote"}
ABOUT_SETTINGS = (
    "Cost: over that of one answer, in {unit} ({label}); all that was written, dropped ways on included, and all "
    "that the verifier read. Best path: the finished one of the highest score; weighted: their vote by score. "
    "Best of n and vote: as many samples as cost the same, n in brackets, and what the best path gains over them, "
    "in points; -: that cost takes more samples than were drawn. Other brackets: 95% intervals over prompts, each "
    "by itself."
)
ABOUT_LEVELS = (
    "The best search against the best samples (best of n, vote, weighted vote) that cost at most so much, each "
    "chosen on one half of the prompts and read on the other. Level 1 is the cost of the cheapest search, "
    f"level {NUM_LEVELS} the most that both can spend."
)


def render(settings: pd.DataFrame, levels: pd.DataFrame, reading: Reading, searches: Sequence[Searched]) -> str:
    """What was searched, each search beside samples of its cost, the best of both at each level,
    and what follows.
    """
    parts = [intro(reading, searches), _table(setting_rows(settings))]
    parts.append(ABOUT_SETTINGS.format(unit=reading.cost.unit, label=reading.cost.label))
    if len(levels):
        parts += [_table(level_rows(levels)), ABOUT_LEVELS, *verdicts(levels)]
    return filled("\n\n".join(parts))


def intro(reading: Reading, searches: Sequence[Searched]) -> str:
    """Who chose, and how much of what was written was dropped."""
    lines = []
    for search in searches:
        arm = reading.arms[search.of]
        assert arm.verifier is not None
        kept = float(search.arm.decoded_tokens.mean())
        lines.append(
            f"{arm.rung.name}, {search.name}{_apart(search, searches)}, {search.expansions} ways on a step, "
            f"chosen by {arm.verifier.name}: a path took {search.num_steps:.1f} steps; "
            f"{search.written_tokens:,.0f} tokens were written for the {kept:,.0f} that it kept, and "
            f"{search.read_tokens:,.0f} read."
        )
    return "\n".join(lines)


def _apart(search: Searched, searches: Sequence[Searched]) -> str:
    """In brackets what sets a search apart from those of its model that would be called the same."""
    alike = [each for each in searches if (each.of, called(each)) == (search.of, called(search))]
    names = sorted({name for each in alike for name in each.strategy} - {"expansions", "scorer"})
    told = {name: [json.dumps(each.strategy.get(name)) for each in alike] for name in names}
    own = [f"{name} {json.dumps(search.strategy.get(name))}" for name, of in told.items() if len(set(of)) > 1]
    return f" ({', '.join(own)})" if own else ""


def called(search: Searched) -> str:
    """Its name without a number."""
    return re.sub("#[0-9]+", "", search.name)


def setting_rows(settings: pd.DataFrame) -> pd.DataFrame:
    """A row a search, number of paths and bin, in words."""
    by = ["model", "bin", "search", "paths"]
    voted = settings[settings["rule"] == "weighted_vote"].set_index(by)["accuracy"]
    return pd.DataFrame(
        [
            {
                "bin": row["bin"],
                "search": f"{row['search']} {row['paths']}",
                "cost": f"{row['times_one']:.1f}x",
                "best path": _share(row, "accuracy"),
                "weighted": numerals.percent(float(voted.get(tuple(row[by]), float("nan")))),
                "best of n": _beside(row, "best_of_n"),
                "gain": _points(row, "over_best_of_n"),
                "vote": _beside(row, "maj_at_k"),
                "gain ": _points(row, "over_maj_at_k"),
            }
            for _, row in settings[settings["rule"] == "best_of_n"].iterrows()
        ]
    )


def level_rows(levels: pd.DataFrame) -> pd.DataFrame:
    """A row a bin and level, in words."""
    return pd.DataFrame(
        [
            {
                "bin": row["bin"],
                "level": f"{row['level']}",
                "cost": f"{row['times_one']:.1f}x",
                "samples": _share(row, "sampling"),
                "search": _share(row, "search"),
                "gain": _points(row, "gain"),
                "chosen": _chosen(row),
            }
            for _, row in levels.iterrows()
        ]
    )


def verdicts(levels: pd.DataFrame) -> list[str]:
    """Of each model, whether search wins on hard prompts while compute is short and loses
    on easy ones at the end.
    """
    lines = []
    for model, own in levels.groupby("model", sort=False):
        names = [name for name in dict.fromkeys(own["bin"]) if name != ALL_PROMPTS]
        if len(names) < 2:
            continue
        hard = _row(own, names[-1], 1)
        easy = _row(own, names[0], NUM_LEVELS)
        if hard is None or easy is None:
            continue
        short, long = _says(hard), _says(easy)
        lines.append(
            f"{model}: on {names[-1]} prompts with the least compute search {short[1]} "
            f"({_points(hard, 'gain')} points); on {names[0]} ones with the most it {long[1]} "
            f"({_points(easy, 'gain')}). Snell et al. (2024) found that it wins in the first case and loses in "
            f"the second: {_conclusion(short[0], long[0])}."
        )
    return lines


def _row(own: pd.DataFrame, name: str, level: int) -> pd.Series | None:
    found = own[(own["bin"] == name) & (own["level"] == level)]
    return None if found.empty else found.iloc[0]


def _says(row: pd.Series) -> tuple[int, str]:
    """1, -1 or 0 where the interval holds no difference, and that in words."""
    if row["gain_low"] > 0:
        return 1, "wins"
    return (-1, "loses") if row["gain_high"] < 0 else (0, "neither wins nor loses for certain")


def _conclusion(short: int, long: int) -> str:
    if (short, long) == (1, -1):
        return "so it does in this run"
    if short == -1 or long == 1:
        return "this run says otherwise"
    return "this run does not show it" if (short, long) == (0, 0) else "this run shows one of the two"


def _chosen(row: pd.Series) -> str:
    named = row["search_chosen"]
    if named is None or pd.isna(named):
        return "unlike ones"
    method, size, rule = str(named).split()
    return f"{method} {size}, {RULES[rule]}"


def _beside(row: pd.Series, rule: str) -> str:
    if pd.isna(row[rule]):
        return "-"
    return f"{numerals.percent(row[rule])} ({row[f'{rule}_size']:.1f})"


def _points(row: pd.Series, name: str) -> str:
    return wording.of_row(row, name, "{:+.1f}", 100)


def _share(row: pd.Series, name: str) -> str:
    low, high = (numerals.percent(row[f"{name}_{end}"]).rstrip("%") for end in ("low", "high"))
    return f"{numerals.percent(row[name])} [{low}, {high}]"


def _table(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns)]
    for _, row in frame.iterrows():
        if len(rows) > 1 and row["bin"] != rows[-1][0]:
            rows.append([""] * len(frame.columns))
        rows.append(row.tolist())
    return aligned([[str(cell).strip() for cell in row] for row in rows], num_text=2, is_last_text=False)
