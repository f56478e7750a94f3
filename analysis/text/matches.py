"""What matches the largest model's one answer, as a table."""

import numpy as np

from analysis import numerals
from analysis.questions.matches import Match
from analysis.reading.reading import Reading
from analysis.stats.bootstrap import Interval
from analysis.stats.substitution import Needs
from analysis.text import wording
from analysis.text.tables import aligned, filled


def render(found: list[Match], reading: Reading) -> str:
    """A row a smaller model and bin with both references, and what the columns mean, in plain text."""
    large, cost, matched = found[0].large, reading.cost, reading.setting.matched
    answer = wording.one_answer(large, matched)
    cost_of = f"one answer {matched}" if matched else "one full answer"
    rows = [
        [
            "rung",
            "bin",
            "samples k*",
            "tokens*",
            f"{cost.unit}*",
            "never",
            "per doubling",
            "R*",
            "both at best",
            "never",
        ]
    ]
    for match in found:
        rows.append(
            [
                match.small,
                f"{match.bin} ({match.num_prompts})",
                *_needed(match, match.needs, "{:.1f}"),
                numerals.percent(float(match.needs.share_never)),
                _points(match.needs.slope),
                wording.bounded(
                    wording.with_ends(match.workload, "{:.2g}", unreached="any"),
                    bool(match.needs.at_or_below),
                    "≥",
                ),
                wording.bounded(wording.with_ends(match.frontier_rate, "{:.2f}x"), match.frontier_at_or_below),
                numerals.percent(match.frontier_never),
            ]
        )
    legend = [
        f"What matches {answer}, read by {wording.RULES[reading.rule]}, {_within(found)}; "
        "brackets are 95% intervals over prompts.",
        "Per doubling: points of accuracy that twice the samples add at the crossing. Fewer points make k* less "
        "certain.",
        "R*: below this ratio of served to pretraining tokens, the smaller model is cheaper (2N FLOPs a token); "
        "any: always cheaper.",
        f"Both at best: {cost.unit} of the smaller model over {cost.unit} of {large}, both with their best "
        f"settings. The accuracy is what {large} reaches for the cost of {cost_of}. Settings are chosen "
        "on one half of the prompts and scored on the other half.",
        "Never: share of replicates with no match within the measured grid. ≤ (≥ for R*): the cheapest cell "
        "already matches.",
    ]
    legend += wording.nothing(large, [row[2] for row in rows])
    legend += wording.together(reading.choices.cluster)
    parts = ["\n".join([aligned(rows, num_text=2), "", *legend])]
    if found[0].serial is not None:
        heading = f"By one sample, {reading.words.longer} {_within_axis(reading)}, to match {answer}:"
        parts += [heading, aligned(_serial_rows(found, reading), num_text=2, is_last_text=False)]
    return filled("\n\n".join(parts))


def _serial_rows(found: list[Match], reading: Reading) -> list[list[str]]:
    """What one sample needs along the axis that is read."""
    words = reading.words
    rows = [["rung", "bin", f"{words.steps}*", "tokens*", f"{reading.cost.unit}*", "never"]]
    for match in found:
        assert match.serial is not None
        rows.append(
            [
                match.small,
                f"{match.bin} ({match.num_prompts})",
                *_needed(match, match.serial, f"{{:{words.form}}}"),
                numerals.percent(float(match.serial.share_never)),
            ]
        )
    return rows


def _within_axis(reading: Reading) -> str:
    return reading.words.within(reading.outcomes.budgets[-1])


def _within(found: list[Match]) -> str:
    """How far the widths go: of all models alike, or of each to its own samples."""
    least, most = (pick(match.max_width for match in found) for pick in (min, max))
    return (
        wording.within("width", most)
        if least == most
        else f"within the {least:,} to {most:,} samples that each has"
    )


def _needed(match: Match, needs: Needs, form: str) -> list[str]:
    """What is needed, its tokens and its cost in words."""
    told = ((needs.tokens, "{:.0f}"), (needs.cost, "{:.2g}"))
    return [
        _steps(match, needs, form),
        *(wording.bounded(wording.with_ends(ends, spelled), bool(needs.at_or_below)) for ends, spelled in told),
    ]


def samples(match: Match) -> str:
    """k* in words, or that there is nothing to match."""
    return _steps(match, match.needs, "{:.1f}")


def _steps(match: Match, needs: Needs, form: str) -> str:
    """How far along a path, in words, or that there is nothing to match."""
    if match.num_prompts and np.isnan(needs.tokens.estimate) and np.isnan(needs.step.estimate):
        return wording.NOTHING
    return wording.bounded(wording.with_ends(needs.step, form), bool(needs.at_or_below))


def _points(slope: Interval) -> str:
    """Accuracy per unit of log k as points a doubling."""
    return "-" if np.isnan(slope.estimate) else f"{100 * np.log(2) * float(slope.estimate):z.1f}"
