"""What a smaller model needs against both references: the largest one's single answer, and its own best settings."""

import pandas as pd

from analysis import numerals
from analysis.questions.matches import Match
from analysis.reading.curves import Rule
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import matches as matches_text
from analysis.text import wording


def section(found: list[Match], *, unit: str, rule: Rule) -> Section:
    """A row a smaller model and bin. found: of two models or more."""
    large = found[0].large
    frame = pd.DataFrame([_row(match, unit) for match in found])
    legend = (
        f"One full answer of {large} is a reference that flatters the smaller model: {large} may itself be run at a "
        f"smaller budget or with more samples. On own frontiers both use the best settings they have for what that one "
        f"answer costs, chosen on one half of the prompts and read on the other. R*: served over pretraining tokens "
        "below which training the smaller model and sampling it is the cheaper way, at 2N a token; any: always. "
        "≤ (of R*, ≥): one sample, or the cheapest cell, is there already."
    )
    table = html.table(
        frame,
        caption=f"To match {large}, read by {wording.RULES[rule]}; brackets are 95% intervals",
        right=list(frame.columns[3:]),
    )
    return Section("frontier", "Against the largest model's own best settings", html.paragraph(legend) + table)


def _row(match: Match, unit: str) -> dict[str, str | int]:
    return {
        "model": match.small,
        "bin": match.bin,
        "prompts": match.num_prompts,
        "samples for one answer": matches_text.samples(match),
        "never, one answer": numerals.percent(float(match.needs.share_never)),
        f"{unit} on own frontiers": wording.bounded(
            wording.with_ends(match.frontier_rate, "{:.2f}x"), match.frontier_at_or_below
        ),
        "never, own frontiers": numerals.percent(match.frontier_never),
        "R*": wording.bounded(
            wording.with_ends(match.workload, "{:.2g}", unreached="any"), bool(match.needs.at_or_below), "≥"
        ),
    }
