"""Every answer of a run by model, prompt, budget and sample, natural ones at each budget that they serve."""

import numpy as np
import pandas as pd

from analysis.arrays import Array
from analysis.reading.reading import Reading
from analysis.runs.arms import Arm
from analysis.runs.samples import OUTCOMES
from analysis.runs.scores import Scores

# Columns of answers that a verifier scored.
OF_VERIFIER = ("verifier_score", "verifier_refused", "verifier_read_tokens", "verifier_written_tokens")


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model, prompt, budget and sample, in that order;
    dials of the prompts are columns of their own names.

    score is what an answer is worth, 0 or 1 where it is right or not; vote numbers the answers that are alike
    within a prompt and model, -1 where there is none. Where a verifier's scores were loaded, OF_VERIFIER are
    columns too. Raises ValueError where of some model there are only counts.
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
    if arm.given_tokens is not None:
        columns["given_tokens"] = arm.given_tokens.ravel()
    if samples.scores is not None:
        columns |= _of_verifier(samples.scores)
    return pd.DataFrame(columns | {name: values[prompt] for name, values in outcomes.dials.items()})


def _of_verifier(scores: Scores) -> dict[str, Array]:
    """Its score and tokens, NaN where it gave none or they are not known, and whether it refused the answer."""
    parts = (scores.score, scores.refused, scores.read_tokens, scores.written_tokens.sum(axis=-1))
    return {name: part.ravel() for name, part in zip(OF_VERIFIER, parts, strict=True)}
