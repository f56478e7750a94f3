"""What a smaller model needs against both references: the largest one's single answer,
and its own best settings.
"""

import pandas as pd

from analysis import numerals
from analysis.questions.matches import Match
from analysis.reading.curves import Rule
from analysis.report import html
from analysis.report.sections import Section
from analysis.runs.serial import Axis
from analysis.text import matches as matches_text
from analysis.text import wording


def section(found: list[Match], *, unit: str, rule: Rule, words: Axis, matched: str = "") -> Section:
    """A row a smaller model and bin. found: of two models or more; words: of the serial axis that is read;
    matched: where the largest model's answer is, if not at the last value of it.
    """
    large, full = found[0].large, f"one answer {matched}" if matched else "one full answer"
    answer = wording.one_answer(large, matched) if matched else f"one full answer of {large}"
    frame = pd.DataFrame([_row(match, unit) for match in found])
    legend = (
        f"Against {answer} the smaller model looks better than it is, because {large} too can "
        f"be run with {words.less} or more samples. Both at best: both models use their best settings; the "
        f"accuracy is what {large} reaches for the cost of {full}. Settings are chosen on one half of "
        "the prompts and scored on the other half. R*: below this ratio of served to pretraining tokens, the "
        "smaller model is cheaper (2N FLOPs a token); any: always cheaper. ≤ (≥ for R*): the cheapest cell "
        "already matches."
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
        "samples to match one answer": matches_text.samples(match),
        "never, one answer": numerals.percent(float(match.needs.share_never)),
        f"{unit}, both at best": wording.bounded(
            wording.with_ends(match.frontier_rate, "{:.2f}x"), match.frontier_at_or_below
        ),
        "never, both at best": numerals.percent(match.frontier_never),
        "R*": wording.bounded(
            wording.with_ends(match.workload, "{:.2g}", unreached="any"), bool(match.needs.at_or_below), "≥"
        ),
    }
