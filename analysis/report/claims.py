"""Verdicts on claims about inference compute, as a section of the report."""

from collections.abc import Sequence

import pandas as pd

from analysis.claims.suite import Outcome
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import claims as words


def section(outcomes: Sequence[Outcome], run: str) -> Section:
    """The table of verdicts, a sentence on each claim that was weighed, and what the others lack."""
    told = [each for each in outcomes if each.judged is not None]
    body = html.paragraph(words.count(outcomes))
    if told:
        head, *rows = words.rows(told)
        frame = pd.DataFrame(rows, columns=head)
        body += html.table(frame, caption="What this run says of each claim", right=head[2:])
        body += html.paragraph(words.ABOUT, kind="note") + html.bullets([words.sentence(each) for each in told])
    return Section("claims", "Which claims hold here?", body + html.bullets(words.not_run(outcomes, run)))
