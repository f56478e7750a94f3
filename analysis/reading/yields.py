"""What the cells of each arm yield on each prompt: every vote is counted once,
whoever asks. Knows arms, no files.
"""

from collections.abc import Callable, Sequence

import numpy as np

from analysis.arrays import Floats
from analysis.reading import curves
from analysis.reading.curves import RULES, Rule
from analysis.runs.arms import Arm
from analysis.stats.estimators import Drawn

# A stream of randomness by its purpose and place.
Streams = Callable[..., np.random.Generator]
# Expected accuracy on each prompt at a width, and the standard error that random subsets add to it; (P,) each.
_Column = tuple[Floats, Floats]


class Yields:
    """Expected accuracies by arm, rule, budget and width.

    All widths of an arm's own path are computed together when the first beyond one sample is asked for.
    """

    def __init__(self) -> None:
        self._columns: dict[tuple[int, Rule, int], dict[int, _Column]] = {}

    def read(
        self, arm: Arm, place: tuple[int, Rule], widths: Sequence[int], budgets: Sequence[int], streams: Streams
    ) -> Drawn:
        """Of the arm at this place, under its rule, at these budgets' positions; (B, P, K) each."""
        tables = [self._at(arm, (*place, int(budget)), widths, streams) for budget in budgets]
        return Drawn(*(np.stack(parts) for parts in zip(*tables, strict=True)))

    def _at(self, arm: Arm, place: tuple[int, Rule, int], widths: Sequence[int], streams: Streams) -> Drawn:
        known = self._columns.setdefault(place, {})
        if set(widths) - known.keys() - {1}:
            self._add(arm, place, curves.own_path(arm, place[1]).widths[1:], streams)
        for width in set(widths) - known.keys():
            self._add(arm, place, (width,), streams)
        means, errors = zip(*(known[width] for width in widths), strict=True)
        return Drawn(np.stack(means, axis=-1), np.stack(errors, axis=-1))

    def _add(self, arm: Arm, place: tuple[int, Rule, int], widths: Sequence[int], streams: Streams) -> None:
        """Widths that are computed together, the same ones whatever was asked for before."""
        known = self._columns[place]
        if set(widths) <= known.keys():
            return
        at, rule, budget = place
        rng = streams("votes", at, RULES.index(rule), budget, widths[0])
        found = curves.arm_accuracy(arm, widths, rule, rng=rng, budgets=np.array([budget]))
        columns = (np.ascontiguousarray(np.moveaxis(table[0], -1, 0)) for table in found)
        known.update(zip(widths, zip(*columns, strict=True), strict=True))
