"""Accuracy against compute, and exchange rates: the data that the page's switches show."""

from collections.abc import Mapping

from analysis.questions.exchange_rates import Findings
from analysis.reading.curves import Rule
from analysis.report import html, views
from analysis.report.sections import Section
from analysis.runs.outcomes import Outcomes

KEY = (
    "Solid: the rule that is chosen, with the 95% interval of each cell. Dotted: the other rule. Dashes: what one "
    "answer of the reference reaches. Ring: where a smaller model gets there. Faded: beyond half the samples, where "
    "few subsets are left to average."
)
RATES = (
    "An exchange rate is what the smaller model spends over what the reference spends, at equal accuracy: below 1x the "
    "smaller one is cheaper. Triangle to the right: never, or an interval open to never. Triangle to the left and ≤: "
    "it is there at its first cell, an upper bound. P(never): share of replicates in which it does not get there "
    "within the measured grid."
)


def sections(found: Mapping[str, Findings], outcomes: Outcomes, *, rule: Rule) -> list[Section]:
    """The curves with their switches and, where there are two models or more, the exchange rates."""
    first = next(iter(found.values()))
    bins = first.setting.bins_are
    about = html.paragraph(f"{KEY} Bins are {bins}." if bins else KEY, kind="note")
    data = html.embed(views.data(found, outcomes, rule=rule), name="findings")
    parts = [Section("curves", "Accuracy against compute", f'<div id="curves-view"></div>{about}{data}')]
    if not first.exchange_rates.empty:
        rates = html.paragraph(RATES) + '<div id="rates-view"></div>'
        parts.append(Section("rates", "Exchange rates", rates))
    return parts
