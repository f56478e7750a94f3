"""Which axis of a grid is read, and what the others are held at. Knows declared cells, no outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import pandas as pd

from results.cuts import Caps

AxisName = Literal["budget", "extensions", "calls"]
AXES: tuple[AxisName, ...] = get_args(AxisName)
# What one step of each is called, and what adds to a run along it.
STEPS: dict[AxisName, str] = {"budget": "thinking tokens", "extensions": "extensions", "calls": "tool calls"}
GRIDS: dict[AxisName, str] = {"budget": "grid.budgets", "extensions": "grid.extensions", "calls": "grid.calls"}


@dataclass(frozen=True)
class Along:
    """A serial axis to read a grid along; at: values of the others, by default the most tokens and calls.

    Extensions are held at the fewest: a model by itself is not made to go on.
    """

    axis: AxisName = "budget"
    at: Mapping[AxisName, int] = field(default_factory=dict)

    def settle(self, cells: pd.DataFrame) -> "Along":
        """With a value for every other axis, of the cells that are declared.

        Raises ValueError where a value was asked for that is not among them, and where the axis has one value.
        """
        values = {name: sorted(set(cells[name].astype(int))) for name in AXES}
        asked = {name: value for name, value in self.at.items() if name != self.axis}
        for name, value in asked.items():
            if value not in values[name]:
                raise ValueError(
                    f"No cell has {value} {STEPS[name]}; there are {', '.join(map(str, values[name]))}. "
                    f"`isoquant sweep RUN +{GRIDS[name]}=[{value}]` draws more."
                )
        if self.axis != "budget" and len(values[self.axis]) < 2:
            raise ValueError(
                f"All cells have {values[self.axis][0]} {STEPS[self.axis]}, so that there is nothing to read along. "
                f"`isoquant sweep RUN +{GRIDS[self.axis]}=[1,2]` draws more."
            )
        # At least what a model does by itself: as much as it is given, and not made to go on.
        usual = {name: found[0 if name == "extensions" else -1] for name, found in values.items()}
        return Along(self.axis, {name: asked.get(name, usual[name]) for name in AXES if name != self.axis})

    def caps(self, value: int) -> Caps:
        """The cell at this value of the axis."""
        return Caps(**{**self.at, self.axis: value})

    def take(self, cells: pd.DataFrame) -> pd.DataFrame:
        """The cells on the axis, with their value of it as their budget."""
        on_axis = pd.Series(True, index=cells.index)
        for name, value in self.at.items():
            on_axis &= cells[name] == value
        return cells[on_axis].assign(budget=lambda rows: rows[self.axis])
