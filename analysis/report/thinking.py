"""Whether models think well, as a section of the report."""

from collections.abc import Mapping

import pandas as pd

from analysis.reading.reading import Reading
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import thinking as words


def section(tables: Mapping[str, pd.DataFrame], reading: Reading) -> Section:
    """What follows from the intervals, then each table with what it means."""
    body = html.paragraph(words.intro(reading)) + html.bullets(words.said(tables))
    for each in words.shown(tables):
        head, *rows = each.rows
        frame = pd.DataFrame([[cell.strip() for cell in row] for row in rows if any(row)], columns=head)
        body += html.table(frame, caption=each.title, right=head[each.num_text :])
        body += html.paragraph(each.about, kind="note")
    return Section("thinking", "Do the models think well?", body)
