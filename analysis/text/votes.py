"""What several answers to one prompt are worth together, in plain text. Knows the questions' tables, no files."""

from collections.abc import Iterator

import pandas as pd

from analysis import numerals
from analysis.questions.votes import Votes
from analysis.reading.bins import ALL_PROMPTS
from analysis.reading.reading import Reading
from analysis.text import wording
from analysis.text.tables import aligned, filled

ABOUT_ALIKE = (
    "Rho: the intraclass correlation of right and wrong answers to one prompt, by analysis of variance; 0 where "
    "prompts do not differ, 1 where each is right always or never. Worth: as many independent answers have a "
    "share of right ones that varies as much. In a bin rho counts what still differs between its prompts. -: all "
    "are right, or all wrong."
)
ABOUT_MODES = (
    "Modal answer right: the share of prompts whose most frequent answer is right, ties split; it is what "
    "majority votes come to as samples grow, as far as these samples show the mode. From half: in points, what it "
    "is with all samples less with half of them; where this moves, votes have not come to their end. Tied: "
    "prompts where a right and a wrong answer tie. Settled: prompts where the better of the two leads with a "
    "chance of 95% or more."
)
ABOUT_BOUNDS = (
    "Of right against wrong: an answer counts where more than half of k samples are right. Two samples of each "
    "prompt tell the mean and the spread of solve rates, and with these the vote lies between at least and at "
    "most, whatever else is true of the prompts (Liu 2026); every pair of samples is used, so brackets are as "
    "narrow as they can be. Gains, loses: even the least, or the most, differs from one answer by its interval; "
    "open: both may be. Measured: that vote over the samples that were drawn, which may leave the bounds by "
    "chance. Over answers: the majority vote as it is counted elsewhere, of which the bounds say nothing: there "
    "wrong answers split, and so may right ones."
)
ABOUT_RANKS = (
    "Kendall's tau between the order of the models by so many samples of each prompt and their order by half of "
    "all samples, other ones of the same prompts, in expectation over splits: 1 where every pair would come out "
    "the same again, 0 where chance decides. With all samples in place of other ones tau would be 1 in the end "
    "however unsure the order is. Other prompts may order the models otherwise."
)
ABOUT_SETS = (
    "Over prompts: accuracy of one answer for all prompts like these, by resampling prompts. On these: Bayes@N "
    "(Hariri 2026), for these very prompts, the mean of a Dirichlet posterior of each under a uniform prior. It "
    "counts the noise of samples alone, so that it says nothing of other prompts, and is drawn towards 50% as by "
    "two samples more."
)


def render(found: Votes, reading: Reading) -> str:
    """How alike answers are, where votes end, and what two samples tell of them, in every bin."""
    parts = [intro(found.cells, reading)]
    for title, rows, num_text, about in tables(found, reading):
        parts += [f"{title}\n{aligned(rows, num_text=num_text, is_last_text=False)}", about]
    return filled("\n\n".join(part for part in parts if part))


def intro(cells: pd.DataFrame, reading: Reading) -> str:
    """What is read, and what brackets are."""
    told = numerals.samples_each(int(cells["num_votes"].min()), int(cells["num_votes"].max()))
    return (
        f"{reading.setting.task}: what several answers to one prompt are worth together; {told}. Brackets are 95% "
        "intervals over prompts."
    )


def tables(found: Votes, reading: Reading) -> Iterator[tuple[str, list[list[str]], int, str]]:
    """Each table's title, its rows with the head first, its columns of names, and what its words mean."""
    cells, words = found.cells, reading.words
    last = cells[cells["budget"] == cells["budget"].max()]
    at = int(last["budget"].iloc[0])
    yield f"How alike answers are, {words.at(at)}", _alike(last), 2, ABOUT_ALIKE
    if cells["modal"].notna().any():
        yield f"Where votes end, {words.at(at)}", _modal(last), 2, ABOUT_MODES
    yield "What two samples of each prompt tell of a vote of k", _bounds(found.bounds), 3, ABOUT_BOUNDS
    if len(found.ranks):
        yield (
            f"Would the order of the {found.ranks['num_models'].iloc[0]} models come out again?",
            _ranks(found.ranks),
            1,
            ABOUT_RANKS,
        )
    yield f"Accuracy of one answer {words.at(at)}, over prompts and on these very ones", _sets(last), 2, ABOUT_SETS
    if cells["budget"].nunique() > 1:
        yield f"What all samples are worth along {words.steps}, all prompts", _along(cells), 1, ""


def _alike(cells: pd.DataFrame) -> list[list[str]]:
    rows = [["model", "bin", "rho", "samples", "worth"]]
    for _, row in cells.iterrows():
        told = [
            wording.of_row(row, "rho", "{:.2f}"),
            f"{row['num_votes']:,}",
            wording.of_row(row, "effective", "{:.1f}"),
        ]
        rows.append([*place(row), *told])
    return rows


def _modal(cells: pd.DataFrame) -> list[list[str]]:
    rows = [["model", "bin", "modal answer right", "from half", "tied", "settled"]]
    for _, row in cells.iterrows():
        told = [wording.of_row(row, "modal", "{:.0f}%", 100), wording.of_row(row, "moved", "{:+.1f}", 100)]
        rows.append([*place(row), *told, numerals.percent(row["tied"]), numerals.percent(row["settled"])])
    return rows


def _bounds(bounds: pd.DataFrame) -> list[list[str]]:
    """Of all prompts three votes, the most that were drawn and the most of all; of a bin those drawn."""
    rows = [["model", "bin", "k", "at least", "at most", "against one", "measured", "over answers"]]
    for (_, part), each in bounds.groupby(["model", "bin"], sort=False):
        drawn = each.loc[each["measured"].notna(), "width"].max()
        told = {3, drawn, each["width"].max()} if part == ALL_PROMPTS else {drawn}
        for _, row in each[each["width"].isin(told - {1})].iterrows():
            votes = [wording.of_row(row, name, "{:.0f}%", 100) for name in ("lower", "upper", "measured", "voted")]
            rows.append([*place(row), f"{row['width']:,}", *votes[:2], against_one(row), *votes[2:]])
    order = list(dict.fromkeys(bounds["bin"]))
    return rows[:1] + sorted(rows[1:], key=lambda row: order.index(row[1].rpartition(" (")[0]))


def against_one(row: pd.Series) -> str:
    """Whether a vote is surely better than one answer, or surely worse, by what two samples tell."""
    return "gains" if row["least_gain_low"] > 0 else "loses" if row["most_gain_high"] < 0 else "open"


def _ranks(ranks: pd.DataFrame) -> list[list[str]]:
    rows = [["bin", *(numerals.samples(width) for width in dict.fromkeys(ranks["width"]))]]
    for name, part in ranks.groupby("bin", sort=False):
        told = [wording.of_row(row, "tau", "{:.2f}") for _, row in part.iterrows()]
        rows.append([f"{name} ({part['num_prompts'].iloc[0]})", *told])
    return rows


def _sets(cells: pd.DataFrame) -> list[list[str]]:
    rows = [["model", "bin", "over prompts", "on these (Bayes@N)"]]
    return rows + [
        [
            *place(row),
            wording.of_row(row, "one_sample", "{:.1f}%", 100),
            wording.of_row(row, "bayes", "{:.1f}%", 100),
        ]
        for _, row in cells.iterrows()
    ]


def _along(cells: pd.DataFrame) -> list[list[str]]:
    whole = cells[cells["bin"] == ALL_PROMPTS]
    rows = [["model", *(f"{budget:,}" for budget in dict.fromkeys(whole["budget"]))]]
    for model, part in whole.groupby("model", sort=False):
        rows.append([str(model), *(wording.of_row(row, "effective", "{:.1f}") for _, row in part.iterrows())])
    return rows


def place(row: pd.Series) -> list[str]:
    """A model and a bin with its prompts."""
    return [str(row["model"]), f"{row['bin']} ({row['num_prompts']})"]
