"""The serial axes of a grid and every word that is said of one. Knows no cells and no outcomes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd

from analysis import numerals
from results.schema import UNLIMITED

AxisName = Literal["budget", "extensions", "calls", "rounds"]
AXES: tuple[AxisName, ...] = get_args(AxisName)
# What each counts of a model that nothing is done to.
LEAST: dict[AxisName, int] = {"budget": 0, "extensions": 0, "calls": 0, "rounds": 1}
# A frame's columns that stand only where they say something: an axis that is not thinking budgets, what others are
# held at, and what tells settings apart where all are read.
ALONG, HELD, AMONG = "along", "held", "among"
# The columns that name the axes of a map over two of them.
DOWN, ACROSS = "down", "across"


class Axis(NamedTuple):
    """The words of one axis, and what the others are held at beside it, "" where that goes without saying.

    steps: what is counted along it. unit, one_unit, form: what stands behind a number of them, and the number's
    form. grid: the option that draws more of it. phrases: of 0, of 1, and of any other value, with `{}` for it.
    values: what its values are called; choice: one of them, as a setting; largest, at_its_largest: at the last of
    them; at_every: at each. more, more_of, longer, does, ask, how: to spend more along it, as a thing, as what
    somebody does, as what a model does, and in questions; less: to spend less; one_or_many: against more samples;
    by_one: by a single one; buys: as what is paid for. cut_at: where a sample that still goes on is cut. left_out:
    the title of a caution. head: of a column; file: how the name of a figure ends.
    """

    name: AxisName
    steps: str
    unit: str
    one_unit: str
    form: str
    grid: str
    phrases: tuple[str, str, str]
    values: str
    choice: str
    largest: str
    more: str
    less: str
    more_of: str
    longer: str
    does: str
    how: str
    ask: str
    one_or_many: str
    cut_at: str
    at_its_largest: str
    at_every: str
    by_one: str
    head: str
    buys: str
    left_out: str
    file: str
    held: str = ""

    def alone(self, value: float) -> str:
        """'at 256 thinking tokens', 'extended 2 times', 'with 1 tool call'."""
        if self.name == "budget" and value >= UNLIMITED:
            return "with no limit on thinking"
        return self._phrase(value).format(f"{value:.0f}")

    def counted(self, number: int) -> str:
        """'64 thinking tokens', '1 extension', '3 tool calls'."""
        return f"{number} {self.one_unit if number == 1 and self.name != 'budget' else self.steps}"

    @property
    def full(self) -> str:
        """'at the full budget', 'at 128 thinking tokens, with all extensions'."""
        return self._beside(self.largest)

    def at(self, value: float) -> str:
        """The same with what the other axes are held at: 'at 256 thinking tokens, extended 2 times'."""
        return self._beside(self.alone(value))

    def at_each(self, values: Sequence[int]) -> str:
        """Several of them: 'at 0 and 64 thinking tokens', 'at 64 thinking tokens, extended 0 and 1 times'."""
        phrase = self._phrase(values[0]) if len(values) == 1 else self.phrases[-1]
        return self._beside(phrase.format(numerals.listed([short(value) for value in values])))

    def steps_of(self, step: float) -> str:
        """'114 tokens', '1.4 extensions': a place on a path, which may lie between two cells."""
        return f"{step:{self.form}} {self.unit}"

    def within(self, most: float) -> str:
        """The end of a path: 'within 512 tokens', 'within any number of tokens' where thinking had no limit."""
        if self.name == "budget" and most >= UNLIMITED:
            return f"within any number of {self.unit}"
        return f"within {most:,.0f} {self.one_unit if most == 1 else self.unit}"

    def rename(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the columns of its budgets under this axis' name, as it leaves for a reader."""
        named = {f"budget{end}": f"{self.name}{end}" for end in ("", "_low", "_high")}
        return frame.rename(columns=named | {"max_budget": f"max_{self.name}"})

    def _phrase(self, value: float) -> str:
        return self.phrases[int(min(value, 2))]

    def _beside(self, told: str) -> str:
        """Thinking tokens first, as every other cap is counted within them."""
        parts = [told, self.held] if self.name == "budget" else [self.held, told]
        return ", ".join(part for part in parts if part)


BUDGET = Axis(
    name="budget",
    steps="thinking tokens",
    unit="tokens",
    one_unit="tokens",
    form=".0f",
    grid="grid.budgets",
    phrases=("at {} thinking tokens",) * 3,
    values="budgets",
    choice="thinking budget",
    largest="at the full budget",
    more="longer thinking",
    less="a smaller budget",
    more_of="more thinking",
    longer="thinking longer",
    does="thinks longer about its one sample",
    how="How much thinking lets",
    ask="think longer",
    one_or_many="one long thought, or many short ones?",
    cut_at="at the budget",
    left_out="A budget left out",
    at_its_largest="at its full thinking budget",
    at_every="at every budget",
    by_one="of thinking by one sample",
    head="thinking",
    buys="thinking",
    file="thinking",
)
EXTENSIONS = Axis(
    name="extensions",
    steps="extensions",
    unit="extensions",
    one_unit="extension",
    form=".1f",
    grid="grid.extensions",
    phrases=("with no extension", "extended once", "extended {} times"),
    values="numbers of extensions",
    choice="number of extensions",
    largest="with all extensions",
    more="more extensions",
    less="fewer extensions",
    more_of="more extensions",
    longer="extending its thinking",
    does="extends the thinking of its one sample",
    how="How many extensions let",
    ask="extend thinking",
    one_or_many="one thought that is extended, or many that are not?",
    cut_at="at the thinking budget",
    left_out="A number of extensions left out",
    at_its_largest="with all extensions",
    at_every="with each number of extensions",
    by_one="of one sample",
    head="extensions",
    buys="extended thinking",
    file="extensions",
)
CALLS = Axis(
    name="calls",
    steps="tool calls",
    unit="tool calls",
    one_unit="tool call",
    form=".1f",
    grid="grid.calls",
    phrases=("with no tool call", "with 1 tool call", "with {} tool calls"),
    values="numbers of tool calls",
    choice="number of tool calls",
    largest="with all tool calls",
    more="more tool calls",
    less="fewer tool calls",
    more_of="more tool calls",
    longer="calling tools more often",
    does="calls tools more often in its one sample",
    how="How many tool calls let",
    ask="call tools",
    one_or_many="one sample with many tool calls, or many with few?",
    cut_at="at the thinking budget, or about to make a call too many",
    left_out="A number of tool calls left out",
    at_its_largest="with all tool calls",
    at_every="with each number of tool calls",
    by_one="by one sample",
    head="tool calls",
    buys="tool calls",
    file="calls",
)
ROUNDS = Axis(
    name="rounds",
    steps="rounds",
    unit="rounds",
    one_unit="round",
    form=".1f",
    grid="grid.rounds",
    phrases=("before any round", "in round 1", "in round {}"),
    values="numbers of rounds",
    choice="number of rounds",
    largest="in the last round",
    more="more rounds",
    less="fewer rounds",
    more_of="more rounds",
    longer="answering again",
    does="answers again in its one sample",
    how="How many rounds let",
    ask="answer again",
    one_or_many="one sample that answers again, or many that answer once?",
    cut_at="at the thinking budget",
    left_out="A number of rounds left out",
    at_its_largest="in its last round",
    at_every="in each round",
    by_one="by one sample",
    head="rounds",
    buys="further rounds",
    file="rounds",
)
BY_NAME: dict[str, Axis] = {axis.name: axis for axis in (BUDGET, EXTENSIONS, CALLS, ROUNDS)}


def of(row: "pd.Series | Mapping[str, Any]") -> Axis:
    """The axis that a row of a frame is read along, with what its columns say of the others."""
    return BY_NAME[str(row.get(ALONG, BUDGET.name))]._replace(held=str(row.get(HELD, "")))


def short(tokens: int) -> str:
    """'256', '16k' of 16,384, or 'all' where thinking had no limit."""
    if tokens >= UNLIMITED:
        return "all"
    return f"{tokens // 1024}k" if tokens >= 1024 and tokens % 1024 == 0 else f"{tokens}"
