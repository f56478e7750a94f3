"""How the answers of every rung ended at every budget, at width 1. Knows outcomes, no files."""

import numpy as np
import pandas as pd

from analysis.runs.arms import Arm, is_outside
from analysis.runs.counts import Counted
from analysis.runs.outcomes import Outcomes
from results.schema import OUTCOMES


def frame(outcomes: Outcomes) -> pd.DataFrame:
    """A row a rung and budget: means over prompts and samples, and the share of every outcome."""
    rows = []
    for arm in outcomes.arms:
        for at, budget in enumerate(outcomes.budgets):
            rows.append(
                {"model": arm.rung.name, "num_params": arm.rung.num_params, "budget": int(budget)}
                | {"accuracy": float(arm.accuracy[at].mean())}
                | {
                    name: float(getattr(arm.stored, name)[at].mean()) if arm.rung.has_tokens else np.nan
                    for name in ("thinking_tokens", "closing_tokens", "answer_tokens")
                }
                | _shares(arm, at, is_ours=not is_outside(outcomes.grader))
            )
    return pd.DataFrame(rows)


def _shares(arm: Arm, at: int, *, is_ours: bool) -> dict[str, float]:
    """How the answers at one budget ended; NaN where outcomes from elsewhere, or counts, do not say."""
    ends, part = ("cut", "forced", "capped"), arm.stored
    if isinstance(part, Counted):
        return {f"{name}_share": np.nan for name in (*ends, *OUTCOMES)}
    shares = {f"{name}_share": float(getattr(part, name)[at].mean()) for name in ends}
    shares |= {f"{name}_share": float((part.outcome[at] == code).mean()) for code, name in enumerate(OUTCOMES)}
    untold = [] if is_ours else ["cut_share", "forced_share"]
    untold += [] if arm.rung.has_ends else ["capped_share", "truncated_share"]
    return shares | dict.fromkeys(untold if arm.rung.has_votes else shares, np.nan)
