"""What to serve, in one sentence and a table of every model. Knows the question, no files."""

import numpy as np

from analysis import numerals
from analysis.questions.offers import Offer, Offers
from analysis.text import wording
from analysis.text.tables import aligned, filled

LEGEND = (
    "Brackets: 95% intervals over prompts (paired bootstrap). The setting is chosen on one half of the prompts "
    "and scored on the other. Never: not within the measured grid. ≤: the cheapest setting already reaches the "
    "target. Cheapest in: share of replicates. In series: tokens that a query takes one after the other, on "
    "average; samples are drawn side by side."
)


def render(found: Offers) -> str:
    """What to serve and the next best first, then every model, then how to read it."""
    table = aligned(_rows(found), num_text=1)
    legend = "\n".join([LEGEND, f"Cost: {found.cost_label}.", *wording.together(found.cluster)])
    return filled("\n\n".join([first_line(found), table, legend]))


def first_line(found: Offers) -> str:
    """The cheapest model with its setting and cost, and the next best."""
    first, *others = found.offers
    at = f"{100 * found.target:g}% by {wording.RULES[found.rule]}"
    if found.most_serial is not None:
        at += f" with at most {found.most_serial:g} tokens in series"
    if not first.settings:
        return f"No model reaches {at} within the measured grid."
    told = (
        f"For {at}, serve {first.name} with {_settings(first)}: {_cost(first)} {found.unit} a query, the cheapest "
        f"in {numerals.percent(first.share_cheapest)} of replicates."
    )
    if not others:
        return told
    if not others[0].settings:
        return f"{told} No other model gets there."
    return f"{told} Next best: {others[0].name} with {_settings(others[0])}, {_times(others[0])} times the cost."


def _rows(found: Offers) -> list[list[str]]:
    rows = [["model", f"{found.unit} a query", "times", "cheapest in", "in series", "samples and thinking"]]
    for each in found.offers:
        rows.append(
            [
                each.name,
                _cost(each),
                _times(each),
                numerals.percent(each.share_cheapest),
                " or ".join(dict.fromkeys(f"{setting.serial_tokens:.0f}" for setting in each.settings)) or "-",
                _settings(each) or "-",
            ]
        )
    return rows


def _cost(offer: Offer) -> str:
    return wording.bounded(wording.with_ends(offer.cost, "{:.3g}"), offer.serving.at_or_below)


def _times(offer: Offer) -> str:
    if np.isnan(offer.times.estimate):
        return "-"
    return wording.with_ends(offer.times, "{:.2g}")


def _settings(offer: Offer) -> str:
    """'k = 5 at 64 tokens', and the other half's choice where it differs."""
    told = (f"k = {each.width} at {each.budget} tokens" for each in offer.settings)
    return " or ".join(dict.fromkeys(told))
