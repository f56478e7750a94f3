"""What was replayed, in words and tables for a terminal."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.policies.replays import At, Replays, near_accuracy, nearest
from analysis.policies.stopping import CONFIDENCE
from analysis.policies.studies import allocation, cascades, parallel, scored, stopped, thinking
from analysis.text import operating, wording
from analysis.text.tables import aligned, filled

# Cascades are read this far, in log, from the cheapest to the most expensive mixture.
SHOWN_SHARE = 0.8


def render(found: Replays, at: At | None = None) -> str:
    """Every study of the run, a paragraph each; at: where policies are compared, by default in the middle."""
    setting = found.setting
    head = (
        f"{found.setting.task}: who should get the compute? {setting.total_prompts} prompts x "
        f"{setting.num_samples} "
        f"samples, {setting.cost_unit} ({setting.cost_label}).\nEach policy is fitted on {found.num_folds - 1} of "
        f"{found.num_folds} folds and scored on the last. Brackets: 95% intervals of {setting.num_replicates:,} "
        "paired bootstraps of held-out prompts; fits are not resampled.\nThe mix: the best random mixture of "
        "settings that are the same for all prompts, at the same mean cost. The mix pays: its cost for the same "
        "accuracy.\nThe oracle decides before drawing, so a policy that sees each answer before it draws the next "
        "can beat it."
    )
    asked = [] if at is None else ["\n".join(first_lines(found, at))]
    parts = [*asked, head, *(_table(title, rows) for title, rows in tables(found, at))]
    parts += [choice_words(found)] if len(found.choices) else []
    return filled("\n\n".join([*parts, *_stopping(found), *_search(found), *_parallel(found)]))


def first_lines(found: Replays, at: At) -> list[str]:
    """A line a study: which policy that can be deployed is best at that point, and what it saves there."""
    told = []
    for title, rows, _ in _studies(found):
        line = operating.first_line(rows[rows["kind"] == "policy"], rows[rows["kind"] == "line"], at, _unit(found))
        told.append(f"{title}. {line}")
    return told


def tables(found: Replays, at: At | None = None) -> list[tuple[str, pd.DataFrame]]:
    """A title and the policies of each study, each at the setting whose mean cost is nearest to the title's, or
    the cheapest that is as accurate as that says.
    """
    shown = []
    for title, rows, cost in _studies(found):
        line = rows[rows["kind"] == "line"]
        if at is not None and at.by == "accuracy":
            accuracy = at.share * line["accuracy"].max()
            told = f"at least {100 * accuracy:.1f}% accuracy, {100 * at.share:g}% of the mix's best"
            shown.append((f"{title}; cheapest with {told}", near_accuracy(rows, accuracy)))
            continue
        near = cost if at is None else at.share * line["cost"].max()
        told = "" if at is None else f", {100 * at.share:g}% of the mix's most"
        shown.append((f"{title}; mean cost near {near:.3g}{told}", nearest(rows, near)))
    return shown


def choice_words(found: Replays) -> str:
    """How well features tell whom thinking rescues."""
    choice = found.choices.iloc[0]
    ranks = f"Features rank them with an AUC of {_ends(choice, 'auc', '.2f')} (a coin: 0.50)."
    if np.isnan(choice["auc"]):
        ranks = "With none of them, or all, there is nothing that features could rank."
    return (
        f"Thinking to {choice['budget']} tokens rescues {numerals.percent(choice['rescued'])} of answers: right "
        "with "
        f"it and wrong without.\n{ranks} Compared with random mixing at the same rates, the learned choice gains "
        f"{_points(choice, 'gain_over_mixing')} points at {_ends(choice, 'cost_over_mixing', '.2f')} of its cost."
    )


def stopping_rows(found: Replays) -> pd.DataFrame:
    """The most samples, and each rule that stops at 95%: what they draw, save, lose and certify, in words."""
    rows = found.stopping
    is_all = (rows["rule"] == stopped.FIXED) & (rows["samples"] == rows["most"])
    shown = rows[is_all | (rows["level"] == CONFIDENCE)]
    return pd.DataFrame(
        {
            "rule": [_stopping_name(row) for _, row in shown.iterrows()],
            "samples": [f"{row['samples']:.1f}" for _, row in shown.iterrows()],
            "saved": [_stopping_words(row, "saved", _tenths) for _, row in shown.iterrows()],
            "points lost": [_stopping_words(row, "loss", _points) for _, row in shown.iterrows()],
            "as accurate": [_stopping_words(row, "as_accurate", _same_for_all) for _, row in shown.iterrows()],
            "certified": [_certified_words(row, "certified") for _, row in shown.iterrows()],
            "wrong": [_certified_words(row, "wrong") for _, row in shown.iterrows()],
        }
    )


def stopping_words(found: Replays) -> str:
    """What the columns of `stopping_rows` are, and how many prompts were certified."""
    rows = found.stopping
    row = rows[(rows["rule"] == stopped.CERTIFIED) & (rows["level"] == CONFIDENCE)].iloc[0]
    num_certified = row["certified"] * found.setting.total_prompts
    told = (
        f"{num_certified:.1f} of {found.setting.total_prompts} prompts are certified on average, and "
        f"{_certified_words(row, 'wrong')} of these certificates name a wrong answer: the most likely one "
        "is not always right."
        if row["certified"] > 0
        else "No prompt is certified within so few samples: that takes seven that agree, or more."
    )
    return (
        f"Samples are drawn one after another, at most {row['most']}. Votes agree: once the leading answer beats "
        "the second with a confidence of 95%, judged anew after every sample. Certified: the chance that any "
        "answer which is not the most likely one is ever certified is at most 5%, however often one looks. As "
        f"accurate: the number of samples, the same for all prompts, that is as accurate. {told}"
    )


def headline(found: Replays, rule: str) -> str:
    """What the best-informed policy that can be deployed captures, in a sentence."""
    rows = found.policies
    rows = rows[(rows["study"] == allocation.STUDY) & (rows["rule"] == rule)]
    shown = nearest(rows, _shown_cost(rows, allocation.UNIFORM))
    best = shown[shown["kind"] == "policy"].sort_values("gain").iloc[-1]
    return (
        f"At a mean of {best['cost']:.3g} {found.setting.cost_unit} a prompt, read by {wording.RULES[rule]}, "
        f"'{best['policy']}' gains most over the best mix of widths: {_points(best, 'gain')} points."
    )


_Titled = Iterator[tuple[str, pd.DataFrame, float]]


def _studies(found: Replays) -> _Titled:
    """A title, the rows and the cost at which they are usually compared of each study."""
    for each in (_allocation, _thinking, _cascades, _scored):
        yield from each(found)


def _unit(found: Replays) -> str:
    return found.setting.cost_unit


def _allocation(found: Replays) -> _Titled:
    for rule in ("maj_at_k", "pass_at_k"):
        rows = found.policies
        rows = rows[(rows["study"] == allocation.STUDY) & (rows["rule"] == rule)]
        if len(rows):
            title = f"Allocation of samples: {found.model}, read by {wording.RULES[rule]}"
            yield title, rows, _shown_cost(rows, allocation.UNIFORM)


def _thinking(found: Replays) -> _Titled:
    rows = found.policies[found.policies["study"] == thinking.STUDY]
    line = rows[rows["kind"] == "line"]["cost"]
    if len(rows):
        # Halfway between thinking nothing and thinking all.
        yield f"Thinking or not: {found.model}, one answer", rows, float(line.min() + line.max()) / 2


def _cascades(found: Replays) -> _Titled:
    rows = found.policies[found.policies["study"] == cascades.STUDY]
    for model, part in rows.groupby("model", sort=False):
        part = part[part["kind"] != "arms"]
        line = part[part["kind"] == "line"]["cost"]
        cost = float(np.exp((1 - SHOWN_SHARE) * np.log(line.min()) + SHOWN_SHARE * np.log(line.max())))
        yield f"Cascades on agreement: {model}, read by majority vote", part, cost


def _scored(found: Replays) -> _Titled:
    for study, line, words in (
        (scored.STOPPING, scored.MIX, "Stopping at a high score"),
        (scored.CASCADES, scored.BEST, "Asking the next model where scores are low"),
    ):
        rows = found.policies[(found.policies["study"] == study) & (found.policies["kind"] != "arms")]
        if len(rows):
            yield f"{words}: {rows['model'].iloc[0]}, its reading charged", rows, _shown_cost(rows, line)


def _stopping(found: Replays) -> list[str]:
    if found.stopping.empty:
        return []
    shown = stopping_rows(found)
    table = aligned([list(shown), *shown.to_numpy().tolist()], num_text=1, is_last_text=False)
    return [f"{stopping_title(found)}\n{table}\n{stopping_words(found)}"]


def stopping_title(found: Replays) -> str:
    """Of the table of `stopping_rows`."""
    return f"Enough samples of one prompt: {found.model}, read by {wording.RULES['maj_at_k']}"


def _stopping_name(row: pd.Series) -> str:
    return f"always {row['most']} samples" if row["rule"] == stopped.FIXED else str(row["rule"])


def _stopping_words(row: pd.Series, name: str, write: Callable[[pd.Series, str], str]) -> str:
    return "-" if row["rule"] == stopped.FIXED else write(row, name)


def _tenths(row: pd.Series, name: str) -> str:
    return f"{row[name]:.1f} [{row[f'{name}_low']:.1f}, {row[f'{name}_high']:.1f}]"


def _same_for_all(row: pd.Series, name: str) -> str:
    if np.isnan(row[name]):
        return "not compared"
    middle, low, high = (
        f"{row[f'{name}{end}']:.1f}" if np.isfinite(row[f"{name}{end}"]) else wording.NEVER
        for end in ("", "_low", "_high")
    )
    return f"{middle} [{low}, {high}]"


def _certified_words(row: pd.Series, name: str) -> str:
    if np.isnan(row[name]):
        return "-"
    return f"{100 * row[name]:.0f}% [{100 * row[f'{name}_low']:.0f}, {100 * row[f'{name}_high']:.0f}]"


def _search(found: Replays) -> list[str]:
    if found.search.empty:
        return []
    first = found.search.iloc[0]
    rows = [["rung", "tried", "tau with the largest", "its winner still in"]]
    for _, row in found.search.iterrows():
        rows.append(
            [str(row["model"]), str(row["tried"]), _ends(row, "tau", ".2f"), numerals.percent(row["survives"])]
        )
    title = f"Search up the ladder: {first['num_candidates']} settings of about equal compute, halved at each rung"
    lines = [title, aligned(rows, num_text=1, is_last_text=False)]
    is_same = first["winner"] == first["best"]
    whole = "as trying all on the largest does" if is_same else f"trying all on the largest with {first['best']}"
    lines.append(
        f"The search ends with {first['winner']}, {whole}; it "
        f"costs {_ends(first, 'cost_share', '.2f')} times as much and loses {_points(first, 'regret')} points on "
        "other prompts."
    )
    return ["\n".join(lines)]


def _parallel(found: Replays) -> list[str]:
    rows = found.frontiers
    if rows.empty:
        return []
    rule = wording.RULES[rows["rule"].iloc[0]]
    table = [["bin", "tokens", "counted", "samples k", found.setting.along, "accuracy"]]
    for (name, axis), part in rows.groupby(["bin", "axis"], sort=False):
        row = part.iloc[len(part) // 2]
        low, high = 100 * row["accuracy_low"], 100 * row["accuracy_high"]
        accuracy = f"{numerals.percent(row['accuracy'])} [{low:.0f}, {high:.0f}]"
        level, width, budget = f"{row['level']:,.0f}", whole_words(row, "width"), whole_words(row, "budget")
        table.append([str(name), level, str(axis), width, budget, accuracy])
    title = f"Width against depth: {found.model}, read by {rule}; the best setting at a number of tokens"
    lines = [title, aligned(table, num_text=1, is_last_text=False)]
    lines.append(f"({parallel.SERIES}: the longest of k samples, because they are drawn in parallel.)")
    return ["\n".join(lines)]


def _table(title: str, rows: pd.DataFrame) -> str:
    table = [["policy", "cost", "accuracy", "points over the mix", "share of oracle", "the mix pays"]]
    for _, row in rows.iterrows():
        cost, accuracy = f"{row['cost']:.3g}", f"{100 * row['accuracy']:.1f}%"
        table.append([str(row["policy"]), cost, accuracy, gain_words(row), share_words(row), times_words(row)])
    return f"{title}\n{aligned(table, num_text=1)}"


def _shown_cost(rows: pd.DataFrame, line: str) -> float:
    """The line's setting nearest to the middle, in log, of what it can spend."""
    costs = rows.loc[(rows["policy"] == line) & (rows["cost"] > 0), "cost"].to_numpy()
    middle = np.sqrt(costs.min() * costs.max())
    return float(costs[np.abs(np.log(costs / middle)).argmin()])


def _points(row: pd.Series, name: str) -> str:
    """'+1.4 [0.6, 2.4]', in points of accuracy."""
    if np.isnan(row[name]):
        return "not compared"
    return f"{100 * row[name]:+z.1f} [{100 * row[f'{name}_low']:.1f}, {100 * row[f'{name}_high']:.1f}]"


def gain_words(row: pd.Series) -> str:
    """'+1.4 [0.6, 2.4]'; '-' of the reference itself."""
    return "-" if row["kind"] == "line" else _points(row, "gain")


def share_words(row: pd.Series) -> str:
    """'81% [67, 112]' of what the oracle gains; '-' where that is nothing."""
    if row["kind"] == "line" or np.isnan(row["share"]):
        return "-"
    return f"{100 * row['share']:.0f}% [{100 * row['share_low']:.0f}, {100 * row['share_high']:.0f}]"


def times_words(row: pd.Series) -> str:
    """'1.33x [1.24, 1.46]': what the mix pays for the same accuracy; never: not within its arms."""
    if row["kind"] == "line" or np.isnan(row["times"]):
        return "-"
    return f"{numerals.times(row['times'])} {wording.ends(row['times_low'], row['times_high'])}"


def _ends(row: pd.Series, name: str, form: str) -> str:
    """An estimate with its interval; a dash where there is none, as of ranks among equals."""
    if np.isnan(row[name]):
        return "-"
    return f"{row[name]:{form}} [{row[f'{name}_low']:{form}}, {row[f'{name}_high']:{form}}]"


def whole_words(row: pd.Series, name: str) -> str:
    return f"{row[name]:.0f} [{row[f'{name}_low']:.0f}, {row[f'{name}_high']:.0f}]"
