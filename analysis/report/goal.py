"""What a sweep with a goal was to find out and how its intervals are to be read, as a section of the report."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.goals import story
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import adaptive

EACH = ["question", "round", "tokens", "question_prompts", "state", "estimate", "low", "high"]


def section(rows: Sequence[Mapping[str, Any]], frame: pd.DataFrame) -> Section:
    """What was asked, a table of the rounds, what is known at the end, and how to read it.

    rows: the decisions of one goal; frame: that of `goals.story`, with a look at least.
    """
    last = story.looks(rows)[-1]
    body = html.paragraph(adaptive.asked(rows[0]["asked"]))
    rounds, ended = adaptive.round_rows(rows), adaptive.end_rows(frame, last.known)
    body += html.table(ended, caption="What is known at the end", right=[ended.columns[-1]])
    body += html.paragraph(adaptive.beside_uniform(frame), kind="note")
    body += html.table(rounds, caption="The rounds", right=["answered", "times as wide as wanted"])
    body += html.bullets(adaptive.how_to_read(rows, last))
    each = frame[EACH].assign(round=["pilot" if number == 0 else str(number) for number in frame["round"]])
    table = html.table(each, caption="Questions", headers={"question_prompts": "prompts"}, right=["round"])
    body += html.details("Every question after every round", table)
    return Section("goal", "What the sweep was to find out", body)
