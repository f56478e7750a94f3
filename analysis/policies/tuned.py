"""A router at the one setting that training prompts choose,
so that what it gains is read where nothing was chosen.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.arrays import Floats
from analysis.policies import measures
from analysis.policies.measures import COSTLIEST, VERTICES, Seed
from analysis.policies.mixtures import CostliestSingle, Vertices
from analysis.policies.policy import Fitted, Known, Policy, Prompts, Train
from analysis.policies.replay import replay
from analysis.stats.frontier import draw_folds

SHOWN = "shown"
TUNED = ", tuned"
NUM_FOLDS = 2


@dataclass(frozen=True)
class Tuned:
    """A policy of several settings, at the one that gains most over the hull within the training prompts.

    There it is fitted on one half and read on the other, as is the hull. policy is a dataclass that has `reads`;
    whole is the same where another asks for its fit to all training prompts too.
    """

    policy: Any
    whole: Policy | None = None

    @property
    def name(self) -> str:
        return f"{self.policy.name}{TUNED}"

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(self.policy.reads)

    def fit(self, train: Train, rng: np.random.Generator) -> "OneSetting":
        folds = draw_folds(len(train.prompts.at), num_folds=NUM_FOLDS, rng=rng)
        known = {SHOWN: Known(train.prompts.features, np.zeros(len(folds)))}
        contenders = [replace(self.policy, reads=(SHOWN,)), Vertices(VERTICES), CostliestSingle(COSTLIEST)]
        found = replay(train.menu, contenders, folds=folds, known=known, datasets=train.prompts.datasets, rng=rng)
        read = measures.matched([Seed(found, folds)], np.ones((1, len(folds))), found.columns(self.policy.name))
        setting = int(read.gain[0].argmax())
        return OneSetting((self.whole or self.policy).fit(train, rng), setting)


@dataclass(frozen=True, eq=False)
class OneSetting:
    """A fitted policy at one of its settings."""

    fitted: Fitted
    setting: int

    def choose(self, prompts: Prompts) -> Floats:
        return np.asarray(self.fitted.choose(prompts)[self.setting])
