"""Compute that each rung needs for an accuracy with its own best cells: substitution curves and isoquants."""

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.reading.cells import BinFrontiers, Cells, Row
from analysis.reading.untold import UntoldError, one_model
from analysis.stats import substitution
from analysis.stats.bootstrap import percentile_interval, share_of_replicates
from analysis.stats.substitution import Crossing

TARGETS = np.arange(1, 40) / 40
# Of these, a bin's isoquants are the ones that two rungs reach, thinned to so many.
CONTOURS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
MAX_CONTOURS = 6


def needs(cells: Cells) -> pd.DataFrame:
    """A row a bin, target accuracy and rung:
    the least compute a prompt that reaches the target on the rung's frontier.

    cost is inf where it does not reach it within the grid, `share_never` of the replicates; `at_or_below` marks a
    target that the cheapest cell already reaches, so that cost is an upper bound. exchange_rate is the cost over
    that of the largest rung for the same target, NaN where the largest does not reach it or has it at its cheapest
    cell. Each with its 95% interval. Raises UntoldError below two prompts.
    """
    rows: list[Row] = []
    for found in cells.frontiers:
        place = {"bin": found.bin.name, "num_prompts": int(found.bin.weights[0].sum())}
        for target in TARGETS:
            crossings = [_invert(cells, found, number, target) for number in range(len(cells.arms))]
            for arm, crossing in zip(cells.arms, crossings, strict=True):
                names = {"model": arm.rung.name, "num_params": arm.rung.num_params}
                is_largest = arm is cells.arms[-1]
                rows.append(
                    names
                    | place
                    | {"target": float(target)}
                    | _columns("cost", crossing.cost)
                    | {"at_or_below": bool(crossing.at_or_below[0])}
                    | {"share_never": float(share_of_replicates(np.isinf(crossing.cost), crossing.cost))}
                    | _rates(_rate(crossing, crossings[-1], is_largest=is_largest))
                )
    return cells.folded_frame(rows)


def substitution_frame(needed: pd.DataFrame) -> pd.DataFrame:
    """The rates of all rungs but the largest, at targets within its reach. Raises UntoldError without any."""
    models = list(dict.fromkeys(needed["model"]))
    if len(models) < 2:
        raise one_model(models[0])
    rows = needed[(needed["model"] != models[-1]) & needed["exchange_rate"].notna()]
    if rows.empty:
        raise UntoldError(
            f"{models[-1]}'s best cells, chosen on one half of the prompts and scored on the other half, gain "
            f"less than {100 * (TARGETS[1] - TARGETS[0]):g} points over its cheapest: there is no accuracy "
            "between them to use as a target."
        )
    return rows.assign(large=models[-1])


def isoquant_frame(needed: pd.DataFrame) -> pd.DataFrame:
    """Rows at the targets that are drawn as contours.
    Raises UntoldError below two rungs, or without known sizes.
    """
    models = list(dict.fromkeys(needed["model"]))
    if len(models) < 2:
        raise one_model(models[0])
    if needed["num_params"].isna().any():
        raise UntoldError("The sizes of some models are not known.")
    drawn = [part[part["target"].isin(_contours(part))] for _, part in needed.groupby("bin", sort=False)]
    rows = pd.concat(drawn)
    if rows.empty:
        raise UntoldError("No accuracy above the cheapest cells is reached by two models within the grid.")
    return rows


def _contours(part: pd.DataFrame) -> list[float]:
    """At most MAX_CONTOURS targets that two rungs reach or more, one of them at a price that is known."""
    reached = part[np.isfinite(part["cost"])]
    known = reached[~reached["at_or_below"]].groupby("target").size()
    num_reached = reached.groupby("target").size()
    told = [
        target for target in part["target"].unique() if num_reached.get(target, 0) > 1 and known.get(target, 0) > 0
    ]
    told = [target for target in told if np.isclose(target, CONTOURS).any()]
    at = np.unique(np.linspace(0, len(told) - 1, min(len(told), MAX_CONTOURS)).round().astype(int))
    return [told[number] for number in at]


def _invert(cells: Cells, found: BinFrontiers, number: int, target: float) -> Crossing:
    of_rung = found.rungs[number]
    targets = np.full(len(of_rung.accuracy), target)
    return substitution.invert(of_rung.accuracy, of_rung.cost, np.log(cells.levels), targets)


def _rate(small: Crossing, large: Crossing, *, is_largest: bool) -> Floats:
    """Cost of the small rung over the large one's, NaN where the large one's is not told."""
    is_told = np.isfinite(large.cost[0]) and not large.at_or_below[0]
    if is_largest or not is_told:
        return np.full(len(small.cost), np.nan)
    # A replicate in which the large one never gets there tells nothing of the rate.
    unknown = np.full(len(small.cost), np.nan)
    return np.asarray(np.divide(small.cost, large.cost, out=unknown, where=np.isfinite(large.cost)))


def _rates(replicates: Floats) -> Row:
    """As in the tables of curves: the exchange rate and, by shorter names, its ends."""
    columns = _columns("rate", replicates)
    return {"exchange_rate": columns.pop("rate")} | columns


def _columns(name: str, replicates: Floats) -> Row:
    estimate, low, high = percentile_interval(replicates)
    return {name: float(estimate), f"{name}_low": float(low), f"{name}_high": float(high)}
