"""Which settings of a grid are read, in what order. Knows declared cells, no outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pandas as pd

from analysis.runs.serial import AXES, BUDGET, BY_NAME, LEAST, Axis, AxisName
from results.cuts import Caps

Declared = Mapping[AxisName, tuple[int, ...]]


@dataclass(frozen=True)
class Along:
    """A serial axis to read a grid along; at: values of the others, by default the most tokens and calls.

    Extensions and rounds are held at the fewest: a model by itself is not made to go on. declared: every value of
    every axis that the run has, once it is settled. strategy: whose rounds are read, "" where there is one or
    none.
    """

    axis: AxisName = "budget"
    at: Mapping[AxisName, int] = field(default_factory=dict)
    declared: Declared = field(default_factory=dict)
    strategy: str = ""

    def settle(self, cells: pd.DataFrame) -> "Along":
        """With a value for every other axis, of the cells that are declared.

        Raises ValueError where a value was asked for that is not among them, and where the axis has one value.
        """
        declared = _declared(cells)
        asked = {name: value for name, value in self.at.items() if name != self.axis}
        _refuse_undeclared(asked, declared)
        if self.axis == "rounds" and declared[self.axis] == (1,):
            raise ValueError(
                "The run has no rounds behind the first. `isoquant sweep RUN strategy=think_twice "
                "grid.rounds=[1,2,4]` draws some."
            )
        if self.axis != "budget" and len(declared[self.axis]) < 2:
            words = BY_NAME[self.axis]
            raise ValueError(
                f"All cells have {words.counted(declared[self.axis][0])}, so that there is nothing to read along. "
                f"`isoquant sweep RUN +{words.grid}=[1,2]` draws more."
            )
        # What a model does by itself: as much as it is given, and not made to go on.
        usual = {name: found[_usual(name)] for name, found in _shared(cells).items()}
        at = {name: asked.get(name, usual[name]) for name in AXES if name != self.axis}
        return replace(self, at=at, declared=declared)

    def asks(self, name: AxisName) -> bool:
        """Whether somebody asked for an axis, as the one that is read or for a value of it."""
        return self.axis == name or name in self.at

    @property
    def words(self) -> Axis:
        """What is said of the axis, and of the others where the run has several values or one that is not 0."""
        held = [
            _words_of(name, self.strategy).alone(value)
            for name, value in self.at.items()
            if name == "budget" or value > LEAST[name] or len(self.declared.get(name, ())) > 1
        ]
        # A frame carries what is held, and not whose rounds its axis counts.
        whose = [f"strategy {self.strategy}"] if self.axis == "rounds" and self.strategy else []
        return BY_NAME[self.axis]._replace(held=", ".join(held + whose))

    @property
    def others(self) -> tuple[AxisName, ...]:
        """Further axes of which the run has several values."""
        return tuple(name for name in AXES if name != self.axis and len(self.declared.get(name, ())) > 1)

    @property
    def is_plain(self) -> bool:
        """Whether the run has budgets alone, so that every answer serves budgets and nothing else."""
        return self.axis == "budget" and not any(
            value > LEAST[name] for name in AXES if name != "budget" for value in self.declared.get(name, ())
        )

    @property
    def is_usual(self) -> bool:
        """Whether budgets are read, of thinking that is not extended and with the most tool calls."""
        return self.axis == "budget" and all(
            value == self.declared[name][_usual(name)] for name, value in self.at.items()
        )

    def told(self, value: int) -> str:
        """A value of the axis in words, the others beside it."""
        return self.words.at(value)

    def told_each(self, values: Sequence[int]) -> str:
        """Several values in words."""
        return self.words.at_each(values)

    def most(self, values: Sequence[int]) -> int:
        """The largest of those that are read."""
        return int(values[-1])

    def caps(self, value: int) -> Caps:
        """The cell at this value of the axis."""
        return Caps(**{**self.at, self.axis: value})

    def columns(self, value: int) -> dict[str, int]:
        """What a frame says of the cell at this value."""
        return {"budget": value}

    def take(self, cells: pd.DataFrame) -> pd.DataFrame:
        """The cells on the axis, with their value of it as their budget."""
        return cells[_are_at(cells, self.at)].assign(budget=lambda rows: rows[self.axis])


@dataclass(frozen=True)
class Everywhere:
    """Every setting of a grid, numbered from 0, the largest last; at: values that some axes are held at."""

    at: Mapping[AxisName, int] = field(default_factory=dict)
    declared: Declared = field(default_factory=dict)
    settings: tuple[Caps, ...] = ()
    strategy: str = ""
    is_plain: ClassVar[bool] = False

    def settle(self, cells: pd.DataFrame) -> "Everywhere":
        """With the settings that are declared. Raises ValueError where an axis is held at
        a value that no cell has.
        """
        declared = _declared(cells)
        _refuse_undeclared(self.at, declared)
        kept = cells[_are_at(cells, self.at)]
        if kept.empty:
            named = ", ".join(BY_NAME[name].alone(value) for name, value in self.at.items())
            raise ValueError(f"No cell is {named} at once.")
        every = {Caps(*map(int, row)) for row in kept[list(AXES)].itertuples(index=False, name=None)}
        return replace(self, declared=declared, settings=tuple(sorted(every)))

    def asks(self, name: AxisName) -> bool:
        """Whether somebody asked for a value of an axis."""
        return name in self.at

    is_usual: ClassVar[bool] = False
    # None further than those that tell the settings apart.
    others: ClassVar[tuple[AxisName, ...]] = ()

    @property
    def varied(self) -> tuple[AxisName, ...]:
        """The axes of which the settings have several values; budgets where there is one setting."""
        found = tuple(name for name in AXES if len({getattr(caps, name) for caps in self.settings}) > 1)
        return found or ("budget",)

    @property
    def words(self) -> Axis:
        """What is said of budgets, and of the axes that are held."""
        first = self.settings[0]
        held = [
            _words_of(name, self.strategy).alone(getattr(first, name))
            for name in AXES
            if name not in self.varied and (getattr(first, name) > LEAST[name] or len(self.declared[name]) > 1)
        ]
        return BUDGET._replace(held=", ".join(held))

    @property
    def among(self) -> str:
        """'thinking budget, number of extensions': what tells the settings apart."""
        return ", ".join(BY_NAME[name].choice for name in self.varied)

    def told(self, value: int) -> str:
        """A setting in words."""
        caps = self.settings[value]
        return ", ".join(_words_of(name, self.strategy).alone(getattr(caps, name)) for name in self.varied)

    def told_each(self, values: Sequence[int]) -> str:
        """Several settings in words."""
        return "; ".join(map(self.told, values))

    def most(self, values: Sequence[int]) -> int:
        """The largest budget of those that are read."""
        return max(self.settings[value].budget for value in values)

    def caps(self, value: int) -> Caps:
        """The cell of this setting."""
        return self.settings[value]

    def columns(self, value: int) -> dict[str, int]:
        """What a frame says of the cell of this setting."""
        return {"budget": self.settings[value].budget} | {
            name: getattr(self.settings[value], name) for name in self.varied
        }

    def take(self, cells: pd.DataFrame) -> pd.DataFrame:
        """The cells of these settings, with their number as their budget."""
        numbers = {caps: number for number, caps in enumerate(self.settings)}
        caps = [Caps(*map(int, row)) for row in cells[list(AXES)].itertuples(index=False, name=None)]
        found = pd.Series([numbers.get(each, -1) for each in caps], index=cells.index, dtype=int)
        return cells[found >= 0].assign(budget=found[found >= 0])


def _words_of(name: AxisName, strategy: str) -> Axis:
    """The words of an axis, of rounds with the strategy that they are of."""
    words = BY_NAME[name]
    if name != "rounds" or not strategy:
        return words
    first, one, more = words.phrases
    return words._replace(phrases=(first, f"{one} of {strategy}", f"{more} of {strategy}"))


def _usual(name: AxisName) -> int:
    """The position of the value that an axis is held at where nothing is said."""
    return 0 if name in ("extensions", "rounds") else -1


def _declared(cells: pd.DataFrame) -> dict[AxisName, tuple[int, ...]]:
    return {name: tuple(sorted(set(cells[name].astype(int).tolist()))) for name in AXES}


def _shared(cells: pd.DataFrame) -> dict[AxisName, tuple[int, ...]]:
    """The values of each axis that every model has, or all where they share none."""
    of_models = [_declared(own) for _, own in cells.groupby("identity", observed=True)]
    every = _declared(cells)
    return {
        name: tuple(value for value in every[name] if all(value in own[name] for own in of_models)) or every[name]
        for name in AXES
    }


def _refuse_undeclared(asked: Mapping[AxisName, int], declared: Declared) -> None:
    for name, value in asked.items():
        if value not in declared[name]:
            raise ValueError(
                f"No cell has {BY_NAME[name].counted(value)}; there are {', '.join(map(str, declared[name]))}. "
                f"`isoquant sweep RUN +{BY_NAME[name].grid}=[{value}]` draws more."
            )


def _are_at(cells: pd.DataFrame, at: Mapping[AxisName, int]) -> "pd.Series[bool]":
    found = pd.Series(True, index=cells.index)
    for name, value in at.items():
        found &= cells[name] == value
    return found
