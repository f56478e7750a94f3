"""Which curves and laws a run's outcomes follow, and how far each is to be trusted. Knows outcomes, no files."""

from typing import NamedTuple

import numpy as np

from analysis import bins, coverage, curves, fits, surface, wording
from analysis import choices as choose
from analysis.arrays import Floats
from analysis.choices import Choices
from analysis.costs import CostModel
from analysis.coverage import PowerLaw
from analysis.curves import Rule
from analysis.estimators import pass_at_k
from analysis.families import FAMILIES
from analysis.fits import CurveFit
from analysis.outcomes import Outcomes
from analysis.summary import aligned
from analysis.surface import Surface

FAMILY_WORDS = {"logit_linear": "logit-linear", "logistic": "logistic", "saturating": "saturating"}


class CoverageLaw(NamedTuple):
    """A power law of coverage, and the largest difference from the coverage it was fitted to."""

    law: PowerLaw
    largest_miss: float


class Laws(NamedTuple):
    """curves: by model, every family that has cells enough; coverage: by model, None where it is 0 or 1 somewhere.

    surfaces: by bin, empty below three models of known size and tokens.
    """

    curves: dict[str, list[CurveFit]]
    coverage: dict[str, CoverageLaw | None]
    surfaces: dict[str, Surface]
    cost: CostModel


def find(outcomes: Outcomes, choices: Choices, *, rule: Rule, rng: np.random.Generator) -> Laws:
    """Fits to every model's accuracy against cost along widths, to its coverage, and to all models at once."""
    choices = choose.settle(outcomes.arms, choices)
    cost, arms = choose.price(outcomes.arms, choices)
    path = curves.width_path(len(outcomes.budgets), outcomes.num_samples, rule)
    fitted: dict[str, list[CurveFit]] = {}
    laws: dict[str, CoverageLaw | None] = {}
    for arm in arms:
        curve = curves.prompt_curve(arm, path, rule, cost, rng=rng)
        fitted[arm.rung.name] = _fit(curve.cost.mean(axis=0), curve.accuracy)
        laws[arm.rung.name] = _law(arm.grid.correct[-1].sum(axis=1), outcomes.num_samples)
    return Laws(fitted, laws, _surfaces(outcomes, choices, rule, rng), cost)


def _fit(compute: Floats, accuracy: Floats) -> list[CurveFit]:
    """Every family to expected accuracies (P, J): a prompt counts as one trial."""
    trials = np.full(accuracy.shape[1], float(len(accuracy)))
    return [
        fits.fit_curve(compute, accuracy.sum(axis=0), trials, family=family)
        for family, kind in FAMILIES.items()
        if kind.num_parameters < accuracy.shape[1]
    ]


def _law(num_correct: Floats, num_samples: int) -> CoverageLaw | None:
    widths = np.unique(np.geomspace(1, num_samples, 30).round())
    covered = pass_at_k(num_samples, num_correct[:, None], widths).mean(axis=0)
    if len(widths) < 2 or not np.all((covered > 0) & (covered < 1)):
        return None
    law = coverage.fit_power_law(widths, covered)
    return CoverageLaw(law, float(np.abs(law.coverage(widths) - covered).max()))


def _surfaces(outcomes: Outcomes, choices: Choices, rule: Rule, rng: np.random.Generator) -> dict[str, Surface]:
    rungs = [arm.rung for arm in outcomes.arms]
    sizes = {float(rung.shape.num_matmul_params) for rung in rungs if rung.has_tokens}
    if len(rungs) < surface.MIN_SIZES or len(sizes) < len(rungs) or any(np.isnan(size) for size in sizes):
        return {}
    widths = curves.width_path(len(outcomes.budgets), outcomes.num_samples, rule).widths
    columns: list[Floats] = []
    accuracy = []
    for arm in outcomes.arms:
        table = curves.rule_accuracy(arm.grid.votes, arm.grid.correct, widths, rule, rng=rng)
        tokens = arm.decoded_tokens.mean(axis=(1, 2))
        grid = np.broadcast_arrays(float(arm.rung.shape.num_matmul_params), np.asarray(widths), tokens[:, None])
        columns.append(np.stack([array.ravel().astype(float) for array in grid]))
        accuracy.append(np.moveaxis(table, 1, 0).reshape(table.shape[1], -1))
    cells, per_prompt = np.concatenate(columns, axis=1), np.concatenate(accuracy, axis=1)
    ones = np.ones((1, len(outcomes.prompt_ids)))
    found = {}
    for part in bins.draw(outcomes, outcomes.bins, choices.binning, ones):
        trials = np.full(cells.shape[1], part.weights[0].sum())
        if trials[0] > 0:
            successes = np.minimum(part.weights[0] @ per_prompt, trials)
            found[part.name] = surface.fit_surface(
                cells[0], cells[1], cells[2], successes, trials, interactions=True, saturates=True
            )
    return found


def render(found: Laws, *, rule: Rule) -> str:
    """The fits, the exponents with the widths they hold for, and the surface's rates, in plain text."""
    parts = [
        f"Accuracy by {wording.RULES[rule]} against {found.cost.unit}, along widths at the full budget. Errors in "
        "points: prediction less\nobservation at the largest cost, fitted without it, and root mean square over the "
        "other cells, each left out.\nIsotonic: a baseline that cannot fall.",
        aligned(_curve_rows(found), num_text=2),
        "Coverage: log c = -a k^-b by least squares; b changes with the widths it is read from.",
        aligned(_coverage_rows(found), num_text=1),
    ]
    if found.surfaces:
        parts += [
            "All models at once: logit of accuracy, linear in log size, log samples and log tokens with interactions, "
            "below a ceiling.\nRates at the middle of the grid: to halve the model, multiply samples or tokens by "
            "this.\nEach size left out: prediction less observation, which is what the surface is worth.",
            aligned(_surface_rows(found), num_text=1),
        ]
    return "\n\n".join(parts)


def _curve_rows(found: Laws) -> list[list[str]]:
    rows = [["rung", "family", "last", "isotonic", "others", "isotonic", "converged", "parameters"]]
    for name, each in found.curves.items():
        for fit in each:
            errors = [_points(error) for error in fit.held_out]
            named = ", ".join(f"{key} {value:.3g}" for key, value in fit.curve._asdict().items())
            verdict = "yes" if fit.optimum.converged else "NO"
            rows.append([name, FAMILY_WORDS[fit.family], *errors, verdict, named])
    return rows


def _coverage_rows(found: Laws) -> list[list[str]]:
    rows = [["rung", "exponent b", "largest miss", "for k from"]]
    for name, fitted in found.coverage.items():
        if fitted is None:
            rows.append([name, "-", "-", "- (coverage is 0 or 1 somewhere)"])
        else:
            law, miss = fitted
            span = f"{law.k_low:.0f} to {law.k_high:,.0f}"
            rows.append([name, f"{law.exponent:.3f}", f"{100 * miss:.1f} points", span])
    return rows


def _surface_rows(found: Laws) -> list[list[str]]:
    rows = [["bin", "samples", "tokens", "ceiling", "converged", "each size left out, smallest first"]]
    for name, fit in found.surfaces.items():
        rates = fit.exchange(*np.exp(fit.centre))
        times = [_halving(float(rate)) for rate in rates]
        errors = ", ".join(_points(float(error)) for error in fit.size_errors)
        verdict = "yes" if fit.optimum.converged else "NO"
        rows.append([name, *times, wording.percent(fit.coefficients.ceiling), verdict, errors])
    return rows


def _halving(rate: float) -> str:
    """A marginal rate of substitution as the factor that makes up for half the size; more than a billion is 'never'."""
    if not np.isfinite(rate) or rate > 30:
        return "never"
    return f"{2**rate:.2g}x"


def _points(error: float) -> str:
    return "-" if np.isnan(error) else f"{100 * error:+.1f}"
