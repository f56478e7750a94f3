"""The curves and laws of a run in plain text, and where they cannot be told. Knows no files."""

import numpy as np

from analysis import numerals
from analysis.arrays import Floats
from analysis.questions.laws import Laws
from analysis.reading.reading import Reading
from analysis.stats.bootstrap import Interval
from analysis.text import wording
from analysis.text.tables import aligned, filled

CANNOT_TELL = "cannot tell"
# Powers of two.
BEYOND = 10
FAMILY_WORDS = {"logit_linear": "logit-linear", "logistic": "logistic", "saturating": "saturating"}


def render(found: Laws, reading: Reading) -> str:
    """The fits, the exponents with the widths they hold for, and the surface's rates, in plain text."""
    parts = [
        f"Accuracy by {wording.RULES[reading.rule]} against {reading.cost.unit}, along widths "
        f"{reading.words.full}. Errors in points: prediction minus observation at the largest cost (last), fitted "
        "without it, and the root mean square over the other cells, each left out.\nIsotonic: a baseline that "
        "never falls.",
        aligned(_curve_rows(found), num_text=2),
        "Coverage: log c = -a k^-b by least squares; b changes with the widths it is read from. Full: share of "
        "replicates in which all prompts are covered (or none is at first), so b has no upper limit; any: the "
        "interval is open, because these are more than 2.5%.",
        aligned(_coverage_rows(found), num_text=1),
    ]
    if any(untold for each in found.curves.values() for *_, untold in each):
        parts.insert(
            2, f"{CANNOT_TELL.capitalize()}: the search ended, but these accuracies do not follow a curve."
        )
    if found.surfaces:
        parts += [
            "All models at once: logit of accuracy, linear in log size, log samples and log tokens with "
            "interactions, below a ceiling.\nRates at the middle of the grid: to halve the model, multiply "
            "samples "
            "or tokens by this.\nEach size left out: prediction minus observation, the real test of the surface.",
            aligned(_surface_rows(found), num_text=1),
        ]
    return filled("\n\n".join(parts))


def _curve_rows(found: Laws) -> list[list[str]]:
    rows = [["rung", "family", "last", "isotonic", "others", "isotonic", "converged", "parameters"]]
    for name, each in found.curves.items():
        for fit, parameters, share, untold in each:
            errors = [_points(error) for error in fit.held_out]
            named = ", ".join(f"{key} {_with_ends(ends)}" for key, ends in parameters.items())
            verdict = f"yes, {numerals.percent(share)}" if fit.optimum.converged else "NO"
            verdict, named = (CANNOT_TELL, untold) if untold else (verdict, named)
            rows.append([name, FAMILY_WORDS[fit.family], *errors, verdict, named])
    return rows


def _coverage_rows(found: Laws) -> list[list[str]]:
    rows = [["rung", "exponent b", "full", "largest miss", "for k from"]]
    for name, fitted in found.coverage.items():
        if fitted is None:
            rows.append([name, "-", "-", "-", "- (coverage is 0 or 1 somewhere)"])
        else:
            law, exponent, full, miss = fitted
            span = f"{law.k_low:.0f} to {law.k_high:,.0f}"
            ends = wording.with_ends(exponent, "{:.3g}", unreached="any")
            rows.append([name, ends, numerals.percent(full), f"{100 * miss:.1f} points", span])
    return rows


def _surface_rows(found: Laws) -> list[list[str]]:
    rows = [["bin", "samples", "tokens", "ceiling", "converged", "each size left out, smallest first"]]
    for name, (fit, *rates, untold) in found.surfaces.items():
        times = ["-" if untold else _factor(rate) for rate in rates]
        errors = ", ".join(_points(float(error)) for error in fit.size_errors)
        verdict = "yes" if fit.optimum.converged else "NO"
        if untold or all(time == CANNOT_TELL for time in times):
            verdict = CANNOT_TELL
        errors = untold or errors
        rows.append([name, *times, numerals.percent(fit.coefficients.ceiling), verdict, errors])
    return rows


def _with_ends(interval: Interval) -> str:
    estimate, low, high = (f"{float(end):.3g}" for end in interval)
    return f"{estimate} [{low}, {high}]"


def _factor(rate: Interval) -> str:
    """'2x [1.8x, 2.3x]'; from under a thousandth to over a thousand no slope is there to be read."""
    if rate.low < -BEYOND and not rate.high < BEYOND:
        return CANNOT_TELL
    return f"{_halving(rate.estimate)} [{_halving(rate.low)}, {_halving(rate.high)}]"


def _halving(rate: Floats) -> str:
    """A marginal rate of substitution as the factor that makes up for half the size;
    more than a billion is 'never'.
    """
    if not np.isfinite(rate) or rate > 30:
        return "never"
    return "0x" if rate < -30 else f"{2 ** float(rate):.2g}x"


def _points(error: float) -> str:
    return "-" if np.isnan(error) else f"{100 * error:+z.1f}"
