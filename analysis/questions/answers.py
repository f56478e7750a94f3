"""Every answer of a run by model, prompt, budget and sample, natural ones at each budget that they serve."""

import numpy as np
import pandas as pd

from analysis.reading.reading import Reading
from analysis.runs.arms import Arm
from analysis.runs.samples import OUTCOMES


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model, prompt, budget and sample, in that order;
    dials of the prompts are columns of their own names.

    score is what an answer is worth, 0 or 1 where it is right or not; vote numbers the answers that are alike
    within a prompt and model, -1 where there is none. Raises ValueError where of some model there are only counts.
    """
    counted = [arm.rung.name for arm in reading.arms if not arm.rung.has_votes]
    if counted:
        raise ValueError(f"This run has no answers of {', '.join(counted)}, only counts of correct samples.")
    return pd.concat([_of_model(reading, arm) for arm in reading.arms], ignore_index=True).astype(
        {"model": pd.CategoricalDtype([arm.rung.name for arm in reading.arms])}
    )


def _of_model(reading: Reading, arm: Arm) -> pd.DataFrame:
    samples, outcomes = arm.samples, reading.outcomes
    shape = samples.correct.shape
    budget, prompt, sample = (places.ravel() for places in np.indices(shape))
    columns = {
        "model": arm.rung.name,
        "num_params": arm.rung.num_params,
        "prompt_id": pd.Categorical.from_codes(prompt, categories=outcomes.prompt_ids.astype(str)),
        "budget": outcomes.budgets[budget],
        "sample": sample,
        "correct": samples.correct.ravel(),
        "score": samples.worth.astype(float).ravel(),
        "vote": samples.votes.ravel(),
        "outcome": pd.Categorical.from_codes(samples.outcome.ravel(), categories=list(OUTCOMES)),
        "cut": samples.cut.ravel(),
        "forced": samples.forced.ravel(),
        "thinking_tokens": samples.thinking_tokens.ravel(),
        "answer_tokens": samples.answer_tokens.ravel(),
        "decoded_tokens": arm.decoded_tokens.ravel(),
        "prompt_tokens": arm.prompt_tokens[prompt],
    }
    return pd.DataFrame(columns | {name: values[prompt] for name, values in outcomes.dials.items()})
