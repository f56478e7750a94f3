"""Whether rounds and graphs of calls beat samples of the same compute, as a section of the report."""

from collections.abc import Sequence

from analysis.questions.strategies import Found
from analysis.reading.reading import Reading
from analysis.report import html
from analysis.report.sections import Section
from analysis.runs.graphs import Played
from analysis.text import strategies as words


def section(reading: Reading, played: Sequence[Played], found: Found, notes: Sequence[str]) -> Section:
    """What each strategy is worth beside samples, what its rounds change, and how its chains are best split."""
    body = html.bullets([*words.intro(reading, played).splitlines(), *notes])
    about = words.ABOUT_STRATEGIES.format(unit=reading.cost.unit, label=reading.cost.label)
    rows = words.strategy_rows(found.strategies)
    body += html.table(rows, caption="Each strategy beside samples of its cost", right=list(rows.columns[2:]))
    body += html.paragraph(about, kind="note")
    if len(found.rounds):
        rows = words.round_rows(found.rounds)
        body += html.table(rows, caption="What each round changes", right=list(rows.columns[1:]))
        body += html.paragraph(words.about_rounds(found.rounds), kind="note")
    if len(rows := words.ratio_rows(found.ratios)):
        body += html.table(rows, caption="Chains in series and in parallel", right=list(rows.columns[2:]))
        body += html.paragraph(words.ABOUT_RATIOS, kind="note")
    body += "".join(map(html.paragraph, words.verdicts(found.strategies)))
    return Section("strategies", "Do rounds beat samples?", body)
