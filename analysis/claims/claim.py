"""What a claim is: what it needs of a run, and how its statistic and controls are read off one."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.claims.held import Held
from analysis.stats.verdicts import Part, Region

Unit = Literal["points", "percent", "doublings"]
Regions = Mapping[str, Region]


class Grid(NamedTuple):
    """What a model's cells yield and cost on each prompt; prompts first, then cells in any order."""

    accuracy: Floats
    cost: Floats


class Measure(NamedTuple):
    """One part of a claim, its unit, and what is compared, in words that a value can follow."""

    part: Part
    unit: Unit
    says: str


class Weighed(NamedTuple):
    """What a run says of a claim.

    measures: what is claimed first, then its controls. num_drawn: prompts, or clusters of them, behind the
    intervals. details: a row a place that the claim is made of (a pair, bin or setting), as other commands print
    it. facts: sentences beside the verdict.
    """

    measures: tuple[Measure, ...]
    num_drawn: int
    details: pd.DataFrame
    facts: tuple[str, ...] = ()


class Claim(NamedTuple):
    """A claim and its test.

    says: the claim as a sentence; source: who made it; needs: what a run has to hold; control: what could explain
    it instead; sweep: a command that draws what is needed, "" where none does; parts: the names of its regions.
    weigh raises UntoldError with what the run lacks; it is None of a claim that is listed alone.
    """

    name: str
    says: str
    source: str
    needs: str
    control: str
    sweep: str
    parts: tuple[str, ...] = ()
    weigh: Callable[[Held, Regions], Weighed] | None = None


def differences(name: str, statistic: Floats, values: Floats, region: Region) -> Part:
    """A part whose statistic is a mean over prompts of these differences (P,)."""
    return Part(name, statistic, region, int(np.count_nonzero(~np.isnan(values) & (np.abs(values) > 1e-12))))
