"""Which curves and laws a run's outcomes follow, and how far each is to be trusted. Knows outcomes, no files."""

from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats
from analysis.reading import curves
from analysis.reading.bins import Bin
from analysis.reading.curves import Curve
from analysis.reading.reading import Reading
from analysis.runs.arms import Arm
from analysis.stats import bootstrap, coverage, fits, surface
from analysis.stats.bootstrap import Interval, percentile_interval
from analysis.stats.coverage import PowerLaw
from analysis.stats.estimators import pass_at_k
from analysis.stats.families import FAMILIES
from analysis.stats.fits import CurveFit
from analysis.stats.flatness import CEILING, FLOOR, why_untold
from analysis.stats.surface import Surface


class BoundedCurve(NamedTuple):
    """A fit to all prompts, its parameters' intervals by name, and the share of replicates whose search converged.

    untold: why the accuracies tell no curve, wherever the search ended; "" where they do.
    """

    fit: CurveFit
    parameters: dict[str, Interval]
    share_converged: float
    untold: str


class CoverageLaw(NamedTuple):
    """A power law, its exponent's interval, and the largest difference from the coverage it was fitted to.

    share_full is of the replicates whose coverage is 0 or 1 somewhere: no finite exponent falls as fast, so that
    they count as inf and leave the interval open above where they are more than 2.5%.
    """

    law: PowerLaw
    exponent: Interval
    share_full: float
    largest_miss: float


class BinSurface(NamedTuple):
    """The surface of a bin, the intervals of its two rates at the middle of the grid, and why not, or ""."""

    fit: Surface
    width_rate: Interval
    tokens_rate: Interval
    untold: str


class Laws(NamedTuple):
    """curves: by model, every family that has cells enough; coverage: by model, None where it is 0 or 1 somewhere.

    surfaces: by bin, empty below three models of known size and tokens. Intervals come from one paired bootstrap
    over prompts in which costs, bins and fits are made anew each time.
    """

    curves: dict[str, list[BoundedCurve]]
    coverage: dict[str, CoverageLaw | None]
    surfaces: dict[str, BinSurface]


def fit(reading: Reading) -> Laws:
    """Fits to every model's accuracy against cost along widths, to its coverage, and to all models at once.

    Raises ValueError for bins of each model's own, in which no two models answer the same prompts.
    """
    if reading.has_own_bins:
        raise ValueError(
            "With --difficulty own each model has bins of its own, so no surface can be fitted over all models. "
            "Use --difficulty anchor, agreement or label."
        )
    fitted: dict[str, list[BoundedCurve]] = {}
    laws: dict[str, CoverageLaw | None] = {}
    for at, arm in enumerate(reading.arms):
        curve = reading.curve(at, reading.path(at, "width"))
        fitted[arm.rung.name] = _fit(curves.resample(curve, reading.weights), len(reading.outcomes.prompt_ids))
        laws[arm.rung.name] = _law(arm, reading.weights)
    return Laws(fitted, laws, _surfaces(reading))


def _fit(resampled: Curve, num_prompts: int) -> list[BoundedCurve]:
    """Every family to expected accuracies (1 + R, J), the run's own first: a prompt counts as one trial."""
    successes = np.clip(resampled.accuracy, 0, 1) * num_prompts
    trials = np.full(successes.shape[1], float(num_prompts))
    untold = why_untold(resampled.accuracy)
    return [
        _with_intervals(
            fits.fit_curve(resampled.cost[0], successes[0], trials, family=family),
            resampled.cost,
            successes,
            trials,
        )._replace(untold=untold)
        for family, kind in FAMILIES.items()
        if kind.num_parameters < successes.shape[1]
    ]


def _with_intervals(fit: CurveFit, cost: Floats, successes: Floats, trials: Floats) -> BoundedCurve:
    again = fits.refit_curve(fit, cost[1:], successes[1:], trials)
    tables = np.array([list(curve._asdict().values()) for curve in (fit.curve, *again.curves)])
    ends = percentile_interval(np.where(np.append(True, again.converged)[:, None], tables, np.nan))
    named = zip(fit.curve._asdict(), zip(*ends, strict=True), strict=True)
    return BoundedCurve(fit, {name: Interval(*end) for name, end in named}, float(again.converged.mean()), "")


def _law(arm: Arm, weights: Floats) -> CoverageLaw | None:
    widths = np.unique(np.geomspace(1, arm.num_samples, 30).round())
    num_correct, num_samples = arm.tally(-1)
    covered = bootstrap.weighted_means(weights, pass_at_k(num_samples[:, None], num_correct[:, None], widths))
    if len(widths) < 2 or not np.all((covered[0] > 0) & (covered[0] < 1)):
        return None
    law = coverage.fit_power_law(widths, covered[0])
    exponents = coverage.power_law_exponents(widths, covered)
    return CoverageLaw(
        law=law,
        exponent=percentile_interval(exponents),
        share_full=float(bootstrap.share_of_replicates(np.isinf(exponents), exponents)),
        largest_miss=float(np.abs(law.coverage(widths) - covered[0]).max()),
    )


def _surfaces(reading: Reading) -> dict[str, BinSurface]:
    outcomes = reading.outcomes
    rungs = [arm.rung for arm in reading.arms]
    sizes = {float(rung.shape.num_matmul_params) for rung in rungs if rung.has_tokens}
    if len(rungs) < surface.MIN_SIZES or len(sizes) < len(rungs) or any(np.isnan(size) for size in sizes):
        return {}
    widths = curves.width_path(len(outcomes.budgets), outcomes.num_samples, reading.rule).widths
    ladder = [_rung(reading, at, widths) for at in range(len(rungs))]
    return {part.name: _surface(part, ladder, widths) for part in reading.bins if part.weights[0].any()}


class _Rung(NamedTuple):
    """A model's name and size, its accuracy at every budget and width (P, B x K), and tokens a sample (P, B)."""

    name: str
    size: float
    accuracy: Floats
    tokens: Floats


def _rung(reading: Reading, at: int, widths: tuple[int, ...]) -> _Rung:
    arm, table = reading.arms[at], reading.accuracy(at, widths).mean
    flat = np.moveaxis(table, 1, 0).reshape(table.shape[1], -1)
    return _Rung(arm.rung.name, float(arm.rung.shape.num_matmul_params), flat, arm.decoded_tokens.mean(axis=2).T)


def _surface(part: Bin, ladder: list[_Rung], widths: tuple[int, ...]) -> BinSurface:
    """The surface of a bin from its own prompts' successes and tokens,
    and its rates under every weighting of them.
    """
    trials = part.weights.sum(axis=1)
    accuracy = np.concatenate([rung.accuracy for rung in ladder], axis=1)
    successes = np.minimum(bootstrap.weighted_sums(part.weights, accuracy), trials[:, None])
    means = [bootstrap.weighted_means(part.weights, rung.tokens) for rung in ladder]
    tokens = np.repeat(np.concatenate(means, axis=1), len(widths), axis=1)
    # A replicate without prompts has no tokens, nor any say.
    tokens = np.where(trials[:, None] > 0, tokens, tokens[0])
    size = np.repeat([rung.size for rung in ladder], [rung.accuracy.shape[1] for rung in ladder])
    width = np.tile(np.asarray(widths, dtype=float), len(size) // len(widths))
    every, model = np.full(size.shape, trials[0]), {"interactions": True, "saturates": True}
    fit = surface.fit_surface(size, width, tokens[0], successes[0], every, **model)
    rates = surface.resample_rates(fit, size, width, tokens[1:], successes[1:], trials[1:], **model)
    middle = fit.exchange(*np.exp(fit.centre))
    widths_rate, tokens_rate = (
        percentile_interval(np.append(at, again)) for at, again in zip(middle, rates, strict=True)
    )
    return BinSurface(fit, widths_rate, tokens_rate, _why_untold(part, ladder))


def _why_untold(part: Bin, ladder: list[_Rung]) -> str:
    """Why no rate of size is told: a model that is never, or always,
    right leaves the slope in size open; or "".
    """
    reasons = {rung.name: why_untold(bootstrap.weighted_means(part.weights, rung.accuracy)) for rung in ladder}
    stuck = [f"{name} {why}" for name, why in reasons.items() if why in (FLOOR, CEILING)]
    return stuck[0] if stuck else ""
