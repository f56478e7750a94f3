"""A synthetic run of any size, one model at a time: votes, correctness and tokens with a planted difficulty."""

from dataclasses import dataclass

import numpy as np

from analysis.costs.shapes import Shape
from analysis.runs.arms import Arm
from analysis.runs.rungs import Rung
from analysis.runs.samples import Samples

WIDTHS = range(1, 129)
VOTE_WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128)
BUDGETS = tuple(2**power for power in range(6, 14))
NUM_SAMPLES = 128
BIN_SAMPLES = 8


@dataclass(frozen=True)
class Size:
    """How many models and prompts; samples and budgets are the constants above."""

    num_models: int = 10
    num_prompts: int = 1000

    @property
    def num_rows(self) -> int:
        """Outcomes: models x prompts x samples x budgets."""
        return self.num_models * self.num_prompts * NUM_SAMPLES * len(BUDGETS)


def draw_arm(size: Size, model: int, *, budgets: tuple[int, ...] = BUDGETS, num_samples: int = NUM_SAMPLES) -> Arm:
    """One model's outcomes (B, P, S); a larger model and a larger budget are right more often."""
    rng = np.random.default_rng((model, num_samples))
    hardness = np.random.default_rng(size.num_prompts).normal(size=size.num_prompts)
    ability = -2 + 0.35 * model + 0.3 * np.log2(np.asarray(budgets) / BUDGETS[0])
    chance = 1 / (1 + np.exp(1.3 * hardness - ability[:, None]))
    shape = (len(budgets), size.num_prompts, num_samples)
    correct = rng.random(shape) < chance[:, :, None]
    votes = np.where(correct, 0, np.minimum(rng.geometric(0.25, size=shape), 12))
    thinking = np.minimum(rng.lognormal(5, 1, size=shape[1:]), np.asarray(budgets)[:, None, None]).astype(np.int64)
    none, no = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
    grid = Samples(
        present=~no,
        correct=correct,
        votes=votes,
        thinking_tokens=thinking,
        closing_tokens=none,
        answer_tokens=none,
        cut=no,
        forced=no,
        capped=no,
        outcome=none,
    )
    num_params = 100_000_000 * 2**model
    rung = Rung(f"model-{model}", f"model-{model}", num_params, Shape(num_params, 24, 16, 64))
    return Arm(rung, np.asarray(budgets), grid, np.full(size.num_prompts, 50))
