"""Accuracy against compute, and exchange rates: the data that the page's switches show."""

from collections.abc import Mapping

from analysis.questions.exchange_rates import Findings
from analysis.reading.curves import CHOSEN_RULES, Rule
from analysis.report import html, views
from analysis.report.sections import Section
from analysis.runs.outcomes import Outcomes

KEY = (
    "Solid line: the chosen rule, with the 95% interval of each cell. Dotted line: the other rule. Dashed line: "
    "the accuracy of one answer of the reference. Ring: where a smaller model reaches it. Faded: more than half "
    "the samples, where few subsets are left to average."
)
RATES = (
    "An exchange rate is the cost of the smaller model over the cost of the reference, at equal accuracy. Below "
    "1x the smaller model is cheaper. Triangle to the right: never matched, or the interval reaches never. "
    "Triangle to the left and ≤: its cheapest cell already matches, so the rate is at most this. P(never): "
    "share of replicates with no match within the measured grid."
)


def sections(found: Mapping[str, Findings], outcomes: Outcomes, *, rule: Rule) -> list[Section]:
    """The curves with their switches and, where there are two models or more, the exchange rates."""
    first = next(iter(found.values()))
    bins = first.setting.bins_are
    key = KEY.replace("line: the other rule.", "lines: the other rules.") if rule in CHOSEN_RULES else KEY
    about = html.paragraph(f"{key} Bins are {bins}." if bins else key, kind="note")
    data = html.embed(views.data(found, outcomes, rule=rule), name="findings")
    parts = [Section("curves", "Accuracy against compute", f'<div id="curves-view"></div>{about}{data}')]
    if not first.exchange_rates.empty:
        rates = html.paragraph(RATES) + '<div id="rates-view"></div>'
        parts.append(Section("rates", "Exchange rates", rates))
    return parts
