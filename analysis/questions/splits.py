"""A budget split between samples and a verifier: over generators, samples and verifiers, which buys most.

Settings are chosen on one half of the prompts and read on the other.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Floats, Ints
from analysis.questions.interval_rows import ENDS, columns, interval_at
from analysis.questions.split_settings import ANY, NONE, Best, Splits
from analysis.reading.bins import Bin
from analysis.stats import intervals, substitution
from analysis.stats.bootstrap import percentile_interval, share_of_replicates
from analysis.stats.substitution import Crossing

Row = dict[str, Any]
# Those of `by_level`, beside what every figure's table has.
COLUMNS = (
    *("bin", "num_prompts", "kind", "verifier", "cost", "spent"),
    *(f"{name}{end}" for name in ("accuracy", "verifier_share", "without", "gain") for end in ENDS),
    "setting",
)
RULE_WORDS: dict[str, str] = {
    **{"maj_at_k": "vote", "best_of_n": "best by score"},
    **{"weighted_vote": "weighted vote", "filtered_vote": "filtered vote"},
}
TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def by_level(splits: Splits) -> pd.DataFrame:
    """Rows by `kind`: line (the best settings of one verifier), split (of all) at each budget in each bin.

    cost: what may be spent a prompt; spent: what is; verifier_share: the part of it that is the verifier's. Of a
    split `without` is the best without a verifier, gain the difference, and setting what the halves chose. Each
    with its 95% interval as NAME_low and NAME_high.
    """
    rows: list[Row] = []
    for part in splits.parts:
        best = {name: splits.best(part, splits.which(verifier=name)) for name in splits.verifiers}
        every = splits.best(part, splits.which())
        place: Row = {"bin": part.name, "num_prompts": int(part.weights[0].sum())}
        for name, found in best.items():
            rows += [place | {"kind": "line", "verifier": name} | row for row in _levels(splits, part, found)]
        split = [
            row | more
            for row, more in zip(
                _levels(splits, part, every), _against(splits, part, every, best[NONE]), strict=True
            )
        ]
        rows += [place | {"kind": "split", "verifier": ANY} | row for row in split]
    return _framed(splits, rows)


def _levels(splits: Splits, part: Bin, best: Best) -> list[Row]:
    """What some settings reach at each level."""
    accuracy = intervals.accuracy_interval(best.frontier.accuracy, splits.reading.num_drawn(part))
    share = percentile_interval(best.share)
    return [
        {"cost": float(level), "spent": float(best.frontier.cost[0, at])}
        | columns("accuracy", interval_at(accuracy, at))
        | columns("verifier_share", interval_at(share, at))
        for at, level in enumerate(splits.levels)
    ]


def _against(splits: Splits, part: Bin, every: Best, none: Best) -> list[Row]:
    """The best of all settings beside the best without a verifier, at each level."""
    without = intervals.accuracy_interval(none.frontier.accuracy, splits.reading.num_drawn(part))
    gain = percentile_interval(every.frontier.accuracy - none.frontier.accuracy)
    return [
        columns("without", interval_at(without, at))
        | columns("gain", interval_at(gain, at))
        | {"setting": _in_words(splits, every.frontier.cell[0, :, at])}
        for at in range(len(splits.levels))
    ]


def by_target(splits: Splits) -> pd.DataFrame:
    """A row a bin and target accuracy: the cheapest setting that reaches it, with a verifier and without.

    cost, without: what it takes a prompt, inf where it is not reached within the grid; rate: cost over without, 0
    where only a verifier gets there, NaN where neither does; verifier_share: the part of the cost that is the
    verifier's; each with its 95% interval. never, without_never: shares of the replicates. at_or_below: the
    cheapest setting of all is already there.
    """
    rows: list[Row] = []
    for part in splits.parts:
        every, none = (splits.best(part, splits.which(verifier=name)) for name in (ANY, NONE))
        for target in TARGETS:
            with_it, without = (_cross(splits, best, target) for best in (every, none))
            row: Row = {"bin": part.name, "num_prompts": int(part.weights[0].sum()), "target": target}
            row |= columns("cost", percentile_interval(with_it.cost))
            row |= columns("without", percentile_interval(without.cost))
            row |= columns("rate", percentile_interval(_rate(with_it.cost, without.cost)))
            row |= columns("verifier_share", percentile_interval(_read(splits, every, with_it, every.share)))
            row |= {"never": _never(with_it), "without_never": _never(without)}
            row |= {"at_or_below": bool(with_it.at_or_below[0])}
            rows.append(row | {"setting": _chosen(splits, every, with_it)})
    return _framed(splits, rows)


def isoquants(splits: Splits) -> pd.DataFrame:
    """A row a bin, target, generator and verifier: the least that this pair spends to reach the target, and how.

    cost as in `by_target`; samples: how many it takes, the mean of what the halves chose, inf where never. Pairs
    of which no row says anything but that are there as well: an isoquant ends where its pairs never get there.
    """
    rows: list[Row] = []
    params = {arm.rung.name: arm.rung.num_params for arm in splits.reading.arms}
    for part in splits.parts:
        for model, num_params in params.items():
            for verifier in splits.verifiers:
                best = splits.best(part, splits.which(verifier=verifier, model=model))
                for target in TARGETS:
                    found = _cross(splits, best, target)
                    row: Row = {"bin": part.name, "num_prompts": int(part.weights[0].sum()), "target": target}
                    row |= {"model": model, "num_params": num_params, "verifier": verifier}
                    row |= {"verifier_params": splits.sizes.get(verifier, 0.0)}
                    row |= columns("cost", percentile_interval(found.cost))
                    row |= columns("verifier_share", percentile_interval(_read(splits, best, found, best.share)))
                    row |= {"samples": _samples(splits, best, found), "never": _never(found)}
                    rows.append(row | {"setting": _chosen(splits, best, found)})
    return _framed(splits, rows)


def _cross(splits: Splits, best: Best, target: float) -> Crossing:
    found = best.frontier
    return substitution.invert(found.accuracy, found.cost, np.log(splits.levels), np.full(len(found.cost), target))


def _never(found: Crossing) -> float:
    return float(share_of_replicates(np.isinf(found.cost), found.cost))


def _rate(cost: Floats, without: Floats) -> Floats:
    """cost over without; 0 where that is infinite alone, NaN where both are."""
    with np.errstate(invalid="ignore"):
        return np.asarray(cost / without)


def _level(splits: Splits, found: Crossing) -> Ints:
    """The level at or above each crossing, (1 + R,); the last where there is none."""
    at = np.searchsorted(np.log(splits.levels), found.step - 1e-9)
    return np.minimum(at, len(splits.levels) - 1)


def _read(splits: Splits, best: Best, found: Crossing, table: Floats) -> Floats:
    """A table by level (1 + R, Q) where the target is reached, NaN where it is not; (1 + R,)."""
    read = np.take_along_axis(table, _level(splits, found)[:, None], axis=1)[:, 0]
    return np.where(np.isfinite(found.cost), read, np.nan)


def _cells_at(splits: Splits, best: Best, found: Crossing) -> Ints:
    """The settings that each half chose where the estimate reaches the target."""
    return np.asarray(best.frontier.cell[0, :, _level(splits, found)[0]])


def _chosen(splits: Splits, best: Best, found: Crossing) -> str:
    return _in_words(splits, _cells_at(splits, best, found)) if np.isfinite(found.cost[0]) else ""


def _samples(splits: Splits, best: Best, found: Crossing) -> float:
    if not np.isfinite(found.cost[0]):
        return float(found.cost[0])
    return float(np.mean([splits.settings[at].width for at in _cells_at(splits, best, found)]))


def _in_words(splits: Splits, chosen: Ints) -> str:
    """'4 of m, weighted vote by v', and what the other half chose where it differs."""
    told = []
    for at in chosen:
        each = splits.settings[at]
        rule = "" if each.width == 1 else f", {RULE_WORDS[each.rule]}"
        by = "" if each.verifier == NONE else f" by {each.verifier}"
        told.append(f"{each.width} of {each.model}{rule}{by}")
    return " or ".join(dict.fromkeys(told))


def _framed(splits: Splits, rows: list[Row]) -> pd.DataFrame:
    """Rows with the setting of the reading beside each."""
    setting = splits.reading.setting
    counted = "; ".join([setting.cost_label, *(f"what {name} reads included" for name in splits.sizes)])
    return pd.DataFrame(rows).assign(**(setting.columns() | {"cost_label": counted}))
