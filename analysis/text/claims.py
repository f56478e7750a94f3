"""Claims, their verdicts and what they rest on, in words. Knows no files."""

from collections.abc import Sequence

import numpy as np

from analysis import numerals
from analysis.claims.claim import Claim, Measure, Unit
from analysis.claims.suite import Outcome
from analysis.reading.reading import Reading
from analysis.stats.bootstrap import Interval
from analysis.stats.verdicts import Judged
from analysis.text import wording
from analysis.text.tables import aligned, filled

UNITS: dict[Unit, tuple[str, float, str]] = {
    "points": ("{:+.1f}", 100, " points"),
    "percent": ("{:+.0f}%", 100, ""),
    "doublings": ("{:+.2f}", 1, " doublings"),
}
ABOUT = (
    "Supported: the intervals of the claim and of its controls lie above the region in which effects are as good "
    "as none; refuted: one of them lies below its end. Brackets: intervals over prompts at the level that Holm's "
    "correction over the claims leaves each, so that a wrong verdict among all of them has a chance of 5%. What "
    "lacks something is not counted."
)
COVERAGE = (
    "Read as any of the samples being right, which nobody can pick out without a checker: a claim that holds here "
    "need not hold for answers that are given."
)


def render(outcomes: Sequence[Outcome], reading: Reading, run: str) -> str:
    """A table of verdicts, a sentence on each claim that was weighed, and what the others lack."""
    told = [each for each in outcomes if each.judged is not None]
    parts = [aligned(rows(told), num_text=2, is_last_text=False), ABOUT, *map(sentence, told)] if told else []
    parts += [COVERAGE] if reading.rule == "pass_at_k" else []
    return filled("\n\n".join([count(outcomes), *parts, *not_run(outcomes, run)]))


def rows(told: Sequence[Outcome]) -> list[list[str]]:
    """Name, verdict, effect, what the control leaves of it, and prompts that would decide."""
    head = ["claim", "verdict", "effect", "after its control", "would decide"]
    return [head, *(_row(each, each.judged) for each in told if each.judged is not None)]


def _row(outcome: Outcome, judged: Judged) -> list[str]:
    assert outcome.weighed is not None
    first, *controls = outcome.weighed.measures
    after = _weakest(controls, judged) if controls else "in the effect"
    effect = value(first, judged.intervals[0])
    return [outcome.claim.name, judged.verdict, effect, after, needed(judged, short=True)]


def _weakest(controls: Sequence[Measure], judged: Judged) -> str:
    """The value of the control that leaves least, each beside its own region."""
    every = list(zip(controls, judged.intervals[1:], strict=True))
    return value(*min(every, key=lambda each: float(each[1].low) - each[0].part.region.high))


def sentence(outcome: Outcome) -> str:
    """What was found of a claim: the verdict, its effect, its controls, and what would decide it."""
    assert outcome.weighed is not None and outcome.judged is not None
    judged = outcome.judged
    said = [
        f"{measure.says}: {value(measure, interval)}."
        for measure, interval in zip(outcome.weighed.measures, judged.intervals, strict=True)
    ]
    first = f"{judged.verdict.capitalize()}: {outcome.claim.says}. {why(outcome)}"
    return " ".join([first, *said, *outcome.weighed.facts, needed(judged)]).strip()


def why(outcome: Outcome) -> str:
    """Why the verdict is what it is, in a sentence."""
    assert outcome.weighed is not None and outcome.judged is not None
    judged, measures = outcome.judged, outcome.weighed.measures
    low, high = (_number(end, measures[0].unit) for end in measures[0].part.region)
    none = f"{low} to {high}{UNITS[measures[0].unit][2]}"
    if judged.reason == "control":
        return f"Its control leaves nothing of it that counts ({measures[judged.decided_by].part.name})."
    whose = "Its interval" if judged.decided_by == 0 else "The interval of its control"
    return {
        "beyond": "Effect and controls lie beyond what is as good as none.",
        "reverse": "The reverse holds.",
        "equivalent": f"The effect is as good as none ({none}).",
        "short": f"The effect is not above what is as good as none ({none}).",
        "few": "Too few prompts differ to tell.",
        "open": f"{whose} holds effects on both sides of what is as good as none ({none}).",
    }[judged.reason]


def needed(judged: Judged, *, short: bool = False) -> str:
    """How many prompts would decide an open claim."""
    if judged.verdict != "undetermined":
        return "-" if short else ""
    if judged.reason == "few" or np.isnan(judged.needed):
        return "-" if short else "Nothing here says how many prompts would decide it."
    if np.isinf(judged.needed):
        return "no number" if short else "If the effect is what it seems, no number of prompts decides it."
    if short:
        return f"{judged.needed:,.0f} prompts"
    return f"If the effect is what it seems, {judged.needed:,.0f} prompts would decide it (80% power)."


def not_run(outcomes: Sequence[Outcome], run: str) -> list[str]:
    """What this run lacks for a claim, with the command that brings it, and which claims are listed alone."""
    lacking = [each for each in outcomes if each.judged is None and each.claim.weigh is not None]
    alone = [each.claim.name for each in outcomes if each.claim.weigh is None]
    parts = [f"Not run: {each.claim.says}. {each.lacks}\n  {command(each.claim, run)}" for each in lacking]
    if alone:
        parts.append(
            f"Not tested on any run yet: {numerals.listed(alone)}. `isoquant claims --list` says what each takes."
        )
    return parts


def command(claim: Claim, run: str) -> str:
    """What draws what a claim needs."""
    return claim.sweep.replace("RUN", run)


def listed(claims: Sequence[Claim]) -> str:
    """Every claim with what it needs, what could explain it instead, and what draws what it needs."""
    return filled("\n\n".join(map(_listed, claims)))


def _listed(claim: Claim) -> str:
    when = "" if claim.weigh is not None else "Not tested on any run yet. "
    lines = [
        f"{claim.name}: {claim.says} ({claim.source}).",
        f"{when}Needs {claim.needs}. Control: {claim.control}.",
        *([f"  {claim.sweep}"] if claim.sweep else []),
    ]
    return "\n".join(lines)


def value(measure: Measure, interval: Interval) -> str:
    """'+1.2 points [-8.3, +5.6]'."""
    form, unit, name = UNITS[measure.unit]
    estimate, *ends = wording.with_ends([unit * float(end) + 0.0 for end in interval], form).split(" ", 1)
    return " ".join([estimate + name, *ends])


def _number(value: float, unit: Unit) -> str:
    form, scale, _ = UNITS[unit]
    return form.format(scale * value)


def count(outcomes: Sequence[Outcome]) -> str:
    """'1 supported, 2 refuted and 3 undetermined; 11 not run.'"""
    told = [each.judged.verdict for each in outcomes if each.judged is not None]
    said = [f"{told.count(name)} {name}" for name in ("supported", "refuted", "undetermined")]
    return f"{numerals.listed(said)}; {len(outcomes) - len(told)} not run."
