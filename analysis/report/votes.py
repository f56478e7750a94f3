"""What several answers to one prompt are worth together, as a section of the report."""

import pandas as pd

from analysis.questions import votes
from analysis.reading.reading import Reading
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import votes as words


def section(reading: Reading) -> Section:
    """Every table of the votes of a run. Raises UntoldError where no model has two samples of each prompt."""
    found = votes.measure(reading)
    body = html.paragraph(words.intro(found.cells, reading))
    for title, (head, *rows), num_text, about in words.tables(found, reading):
        frame = pd.DataFrame(rows, columns=head)
        body += html.table(frame, caption=title, right=head[num_text:])
        body += html.paragraph(about, kind="note") if about else ""
    return Section("votes", "What are votes worth?", body)
