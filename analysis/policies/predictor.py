"""A router that predicts every arm's accuracy and cost on a prompt, accuracies calibrated arm by arm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from analysis.arrays import Floats
from analysis.policies import settings
from analysis.policies.groups import EMBEDDING
from analysis.policies.policy import Prompts, Train

PENALTIES = (1.0, 10.0, 100.0)
NUM_FOLDS = 5


class Step(NamedTuple):
    """Accuracy as a rising function of what was predicted, linear between these points and flat beyond."""

    predicted: Floats
    accuracy: Floats


def calibrate(predicted: Floats, accuracy: Floats) -> Step:
    """The rising function of predictions (P,) that is nearest to the accuracies (P,): isotonic regression."""
    places, which, counts = np.unique(predicted, return_inverse=True, return_counts=True)
    means = np.bincount(which, weights=accuracy) / counts
    return Step(places, np.asarray(isotonic_regression(means, weights=counts).x))


def ridges(features: Floats, values: Floats, penalties: Sequence[float], *, at: Floats) -> Floats:
    """Ridge regression with an intercept, read at other features, under each penalty; (P, D), (P, A), (Q, D).

    -> (number of penalties, Q, A). One eigendecomposition serves all penalties, of the smaller of the two products
    of the features: fewer prompts than features give the same numbers as combinations of prompts. Source: Hoerl
    and Kennard 1970; Saunders et al. 1998.
    """
    middle, mean = features.mean(axis=0), values.mean(axis=0)
    centred, read, wanted = features - middle, at - middle, values - mean
    if len(centred) < centred.shape[1]:
        read, centred = read @ centred.T, centred @ centred.T
    else:
        wanted, centred = centred.T @ wanted, centred.T @ centred
    spread, axes = np.linalg.eigh(centred)
    pulled, shown = axes.T @ wanted, read @ axes
    return np.stack([mean + shown @ (pulled / (spread[:, None] + penalty)) for penalty in penalties])


@dataclass(frozen=True)
class PredictedRouter:
    """The arm of the best score by ridge regression on embeddings,
    which takes shares of right samples as they are.

    Each arm's predictions are calibrated by isotonic regression on predictions for training prompts that the
    regression had not seen (cross-fitted), since those for prompts it has seen are too sure. The penalty is that
    of least error there.
    """

    alphas: tuple[float, ...] = settings.ALPHAS
    name: str = "predictor"
    reads: tuple[str, ...] = (EMBEDDING,)

    def fit(self, train: Train, rng: np.random.Generator) -> "FittedPredictor":
        placed = train.prompts.features
        accuracy, cost = train.menu.accuracy, train.menu.cost
        parts = KFold(NUM_FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
        tried = np.empty((len(PENALTIES), *accuracy.shape))
        for rest, held_out in parts.split(placed):
            tried[:, held_out] = ridges(placed[rest], accuracy[rest], PENALTIES, at=placed[held_out])
        best = int(((tried - accuracy) ** 2).mean(axis=(1, 2)).argmin())
        penalty = PENALTIES[best]
        calibrations = [
            calibrate(predicted, right) for predicted, right in zip(tried[best].T, accuracy.T, strict=True)
        ]
        models = [Ridge(penalty).fit(placed, table) for table in (accuracy, cost)]
        seen, between = (cost.min(axis=0), cost.max(axis=0)), settings.cost_range(train.menu)
        return FittedPredictor(models[0], models[1], calibrations, seen, between, self.alphas)


@dataclass(frozen=True, eq=False)
class FittedPredictor:
    accuracy: Ridge
    cost: Ridge
    calibrations: list[Step]
    seen: tuple[Floats, Floats]
    between: tuple[float, float]
    alphas: tuple[float, ...]

    def predict(self, prompts: Prompts) -> tuple[Floats, Floats]:
        """Calibrated accuracy and cost of every arm on each prompt; (P, A) each."""
        raw = self.accuracy.predict(prompts.features)
        accuracy = np.stack(
            [np.interp(column, *step) for step, column in zip(self.calibrations, raw.T, strict=True)]
        )
        return accuracy.T, np.clip(self.cost.predict(prompts.features), *self.seen)

    def choose(self, prompts: Prompts) -> Floats:
        accuracy, cost = self.predict(prompts)
        return settings.choose_best(settings.scores(accuracy, cost, alphas=self.alphas, between=self.between))
