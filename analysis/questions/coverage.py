"""Coverage of k samples, and what laws fitted to a few of the samples forecast for the rest."""

import numpy as np
import pandas as pd

from analysis.arrays import Floats, Ints
from analysis.reading.cells import Cells, Row
from analysis.reading.untold import UntoldError
from analysis.stats import coverage, intervals, solve_rates
from analysis.stats.bootstrap import weighted_means
from analysis.stats.estimators import pass_at_k
from analysis.stats.tallies import Tally

# A quarter of the samples, at least LEAST_DRAWN and at most MOST_DRAWN, are drawn to forecast the others.
LEAST_DRAWN, MOST_DRAWN = 8, 200
NUM_WIDTHS = 40
MAX_POINTS = 12
FORECASTS = ("power_law", "scaled_beta", "nonparametric")
# A search for the best fit ends within about 1e-8 of where it would on another processor.
DECIMALS = 5


def frame(cells: Cells) -> pd.DataFrame:
    """A row a rung and width: coverage with its 95% interval, each law's forecast,
    and whether k lay beyond the draw.

    Widths go as far as the rung's own samples. `num_drawn` of them a prompt, drawn without replacement, make the
    forecasts; they are NaN where those solve nothing or everything, from which no law can be read. `last_miss` is
    the scaled beta's forecast at the largest width less what is observed there. `is_point` marks the widths that
    are drawn as points. Raises UntoldError where there are too few samples to hold any out.
    """
    least = min(arm.num_samples for arm in cells.arms)
    if least < 2 * LEAST_DRAWN:
        raise UntoldError(
            f"A forecast is checked on held-out samples: it needs at least {2 * LEAST_DRAWN} samples a "
            f"prompt, and this run has {least}."
        )
    reading, every = cells.reading, cells.reading.bins[0]
    rows: list[Row] = []
    for number, arm in enumerate(cells.arms):
        num_drawn = int(np.clip(arm.num_samples // 4, LEAST_DRAWN, MOST_DRAWN))
        widths = np.unique(np.geomspace(1, arm.num_samples, NUM_WIDTHS).round().astype(int))
        points = widths[np.unique(np.linspace(0, len(widths) - 1, MAX_POINTS).round().astype(int))]
        correct, num_samples = arm.tally(-1)
        covered = weighted_means(every.weights, pass_at_k(num_samples[:, None], correct[:, None], widths))
        ends = intervals.accuracy_interval(covered, reading.num_drawn(every))
        forecast = _forecasts(arm.tally(-1), widths, num_drawn, reading.rng("forecasts", number))
        last_miss = float(forecast["scaled_beta"][-1] - covered[0, -1])
        for at, width in enumerate(widths):
            rows.append(
                {"model": arm.rung.name, "num_params": arm.rung.num_params, "width": int(width)}
                | {name: float(end[at]) for name, end in zip(("coverage", "low", "high"), ends, strict=True)}
                | {name: float(values[at]) for name, values in forecast.items()}
                | {
                    "last_miss": last_miss,
                    "num_drawn": num_drawn,
                    "is_held_out": bool(width > num_drawn),
                    "is_point": bool(width in points),
                }
            )
    return cells.frame(rows)


def _forecasts(tally: Tally, widths: Ints, num_drawn: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Each law's forecast at the widths, rounded to DECIMALS; NaN where the draw solves nothing or all.

    A power law is NaN also where coverage is 0 or 1 at some width, for which its scale has no place.
    """
    drawn = rng.hypergeometric(tally.num_correct, tally.num_samples - tally.num_correct, num_drawn)
    found = {name: np.full(len(widths), np.nan) for name in FORECASTS}
    if not 0 < drawn.sum() < num_drawn * len(drawn):
        return found
    few = np.unique(np.geomspace(1, num_drawn, coverage.NUM_WIDTHS_FITTED).round())
    covered = pass_at_k(num_drawn, drawn[:, None], few).mean(axis=0)
    if np.all((covered > 0) & (covered < 1)):
        found["power_law"] = coverage.fit_power_law(few, covered).coverage(widths)
    found["scaled_beta"] = solve_rates.fit_scaled_beta(num_drawn, drawn).rates.coverage(widths)
    found["nonparametric"] = solve_rates.fit_free(num_drawn, drawn).coverage(widths)
    return {name: values.round(DECIMALS) for name, values in found.items()}
