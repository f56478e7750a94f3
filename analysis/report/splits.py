"""Samples, or a verifier that chooses among them, and up to which workload: two sections of the report."""

from collections.abc import Sequence

import pandas as pd

from analysis.questions import splits, workloads
from analysis.questions.split_settings import Splits
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import splits as splits_text
from analysis.text import workloads as workloads_text


def section(split: Splits) -> Section:
    """What a budget buys and an accuracy costs, with each verifier of the run and without."""
    frames = splits.by_level(split), splits.by_target(split), splits.isoquants(split)
    intro = splits_text.intro(frames[0])
    body = html.paragraph(intro[0].upper() + intro[1:])
    for title, rows, num_text in splits_text.tables(*frames):
        # The last column of the first two is words.
        body += _table(rows, title, right=rows[0][num_text : None if num_text == 2 else -1])
    return Section("splits", "Samples or a verifier?", body + html.paragraph(splits_text.ABOUT, kind="note"))


def of_workloads(reading: Reading) -> Section | None:
    """Up to which workload the verifier beats the largest model; None where that cannot be told."""
    try:
        found = workloads.frame(reading)
    except UntoldError:
        return None
    rows, intro = workloads_text.rows(found), workloads_text.intro(found, reading)
    body = html.paragraph(f"{intro}. {workloads_text.reads(found)}")
    body += _table(rows, "Workloads up to which the smaller model is cheaper", right=rows[0][2:])
    return Section("workloads", "Up to which workload?", body + html.paragraph(workloads_text.ABOUT, kind="note"))


def _table(rows: Sequence[Sequence[str]], caption: str, *, right: Sequence[str]) -> str:
    """Rows with their head first; those that set groups apart are left out."""
    frame = pd.DataFrame([row for row in rows[1:] if any(row)], columns=list(rows[0]))
    return html.table(frame, caption=caption, right=list(right))
