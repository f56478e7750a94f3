"""Who should get the compute, as a section of the report: each study's policies at one mean cost."""

import pandas as pd

from analysis import numerals
from analysis.policies.replays import Replays
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import replayed

ABOUT = (
    "Policies are fitted on some prompts and scored on others. All outcomes are stored; a policy pays for what "
    "it looks at. Gains are over the mix: the best random mixture of settings that are the same for all "
    "prompts, at equal mean cost. The oracle sees the samples that it is scored on. A placebo gives another "
    "policy's choices to random prompts. Brackets: 95% intervals of a paired bootstrap of held-out prompts; "
    "fits are not resampled."
)


def section(found: Replays) -> Section:
    """The studies of a run, a table each, and width against depth."""
    body = html.paragraph(ABOUT)
    for title, rows in replayed.tables(found):
        body += html.table(_policies(rows, found.setting.cost_unit), caption=title)
    if len(found.choices):
        body += html.paragraph(replayed.choice_words(found))
    if len(found.stopping):
        body += html.table(replayed.stopping_rows(found), caption=replayed.stopping_title(found))
        body += html.paragraph(replayed.stopping_words(found))
    if len(found.frontiers):
        body += html.table(_frontiers(found), caption=f"Width against depth: {found.model}")
    return Section("replay", "Who should get the compute?", body)


def _policies(rows: pd.DataFrame, unit: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "policy": rows["policy"],
            unit: [f"{cost:.3g}" for cost in rows["cost"]],
            "accuracy": [numerals.percent(accuracy) for accuracy in rows["accuracy"]],
            "points over the mix": [replayed.gain_words(row) for _, row in rows.iterrows()],
            "share of oracle": [replayed.share_words(row) for _, row in rows.iterrows()],
            "the mix pays": [replayed.times_words(row) for _, row in rows.iterrows()],
        }
    )


def _frontiers(found: Replays) -> pd.DataFrame:
    rows = found.frontiers
    return pd.DataFrame(
        {
            "bin": rows["bin"],
            "counted": rows["axis"],
            "tokens": [f"{level:,.0f}" for level in rows["level"]],
            "samples": [replayed.whole_words(row, "width") for _, row in rows.iterrows()],
            found.setting.words.choice: [replayed.whole_words(row, "budget") for _, row in rows.iterrows()],
            "accuracy": [numerals.percent(accuracy) for accuracy in rows["accuracy"]],
        }
    )
