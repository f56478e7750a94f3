"""All that is replayed on one run, as tidy frames. Knows the studies and outcomes, no files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.policies.studies import allocation, cascades, parallel, scored, search, stopped, thinking
from analysis.policies.studies.stage import NUM_FOLDS, Row, Stage, prepare
from analysis.reading import curves
from analysis.reading.choices import Setting
from analysis.reading.reading import Reading
from analysis.runs.outcomes import Outcomes
from analysis.runs.serial import ALONG, HELD

# Counts are replayed as samples that are drawn from them, of each prompt at most so many.
MAX_SAMPLES = 1000


@dataclass(frozen=True)
class Asked:
    """What is asked of the replay: the model that is studied alone (the largest), folds, probe samples."""

    model: str | None = None
    num_folds: int = NUM_FOLDS
    num_probe: int = allocation.NUM_PROBE


@dataclass(frozen=True, eq=False)
class Replays:
    """Frames of one run.

    policies: a row a study, model, rule, policy and setting, with accuracy, cost, gain over the study's line at
    equal mean cost, share of the oracle's gain, and the line's cost of equal accuracy in multiples of the
    policy's. choices: a row a model, how well features tell whom thinking rescues. frontiers, surface: width
    against depth, a row a bin and level or cell. search: a row a rung. stopping: a row a number of samples, or a
    rule that stops and its level. Each but policies may be empty.
    """

    setting: Setting
    model: str
    num_folds: int
    policies: pd.DataFrame
    choices: pd.DataFrame
    frontiers: pd.DataFrame
    surface: pd.DataFrame
    search: pd.DataFrame
    stopping: pd.DataFrame


def replay(reading: Reading, asked: Asked, *, texts: Sequence[str]) -> Replays:
    """Every study that the run allows, on the same folds and with the bootstrap of the reading: by a rule that
    reads scores those of scores, beside votes, and else all others.

    texts (P,) of the prompts. Policies are fitted once a fold; the bootstrap resamples held-out prompts, not the
    fits. Raises ValueError where a choice asks for what the run lacks, or there are too few prompts for the folds.
    """
    if reading.reads_scores and reading.rule != "best_of_n":
        raise ValueError(
            f"Policies are replayed on the best score, not by {reading.rule}. Choose --rule best_of_n."
        )
    _refuse(reading.asked, asked)
    if (alike := reading.asked.drawn(MAX_SAMPLES)) is not reading.asked:
        reading = reading.of(alike)
    stage = prepare(reading, texts=texts, num_folds=asked.num_folds)
    at = _place(stage, asked.model)
    if reading.reads_scores:
        return _replayed(stage, at, asked, scored.stop(stage, at) + scored.climb(stage))
    rules = curves.rules(reading.arms)
    found = [row for each in rules for row in allocation.allocate(stage, at, each, num_probe=asked.num_probe)]
    chosen = []
    # Whom to think about is asked of thinking tokens alone.
    if len(reading.outcomes.budgets) > 1 and reading.words.name == "budget":
        rows, choice = thinking.choose_thinking(stage, at)
        found, chosen = found + rows, [choice]
    ended = []
    if "maj_at_k" in rules:
        found += cascades.climb(stage, at)
        ended = stopped.stop(stage, at)
    frontiers, surface = (
        parallel.compare_parallel(stage, at, reading.rule) if stage.arms[at].rung.has_tokens else ([], [])
    )
    return _replayed(
        stage,
        at,
        asked,
        found,
        choices=chosen,
        frontiers=frontiers,
        surface=surface,
        search=search.halve_up_the_ladder(stage, reading.rule),
        stopping=ended,
    )


def _replayed(stage: Stage, at: int, asked: Asked, found: list[Row], **beside: list[Row]) -> Replays:
    """The rows of policies as frames, and those of what else was replayed."""
    every = ("choices", "frontiers", "surface", "search", "stopping")
    return Replays(
        setting=stage.reading.setting,
        model=stage.arms[at].rung.name,
        num_folds=asked.num_folds,
        policies=pd.DataFrame(found),
        **{name: pd.DataFrame(beside.get(name, [])) for name in every},
    )


def policies_frame(found: Replays, *, studies: Sequence[str]) -> pd.DataFrame:
    """The policies of these studies, with what a caption needs."""
    frame = found.policies[found.policies["study"].isin(studies)]
    return frame.assign(**_said(found)).reset_index(drop=True)


def frontier_frame(found: Replays) -> pd.DataFrame:
    """Frontiers and the surface as one frame, `part` telling which, with what a caption needs."""
    parts = [found.frontiers.assign(part="frontier"), found.surface.assign(part="surface")]
    return pd.concat(parts, ignore_index=True).assign(**_said(found))


def stopping_frame(found: Replays) -> pd.DataFrame:
    """What stops one prompt's samples, with what a caption needs."""
    return found.stopping.assign(**_said(found))


def _said(found: Replays) -> dict[str, object]:
    setting = found.setting
    names = ("task", "total_prompts", "num_samples", "max_budget", "num_replicates", "cost_unit", "cost_label")
    beside = {name: value for name, value in setting.columns().items() if name in (ALONG, HELD)}
    return {name: getattr(setting, name) for name in names} | {"num_folds": found.num_folds} | beside


def _refuse(outcomes: Outcomes, asked: Asked) -> None:
    num_prompts = len(outcomes.prompt_ids)
    if num_prompts < 2:
        raise ValueError("A replay fits policies on some prompts and scores them on others; draw more than one.")
    if not 2 <= asked.num_folds <= num_prompts:
        raise ValueError(f"--folds must be 2 to {num_prompts}, the number of prompts; got {asked.num_folds}.")
    if outcomes.num_samples < 2:
        raise ValueError(
            "A replay splits samples among prompts, and this run has only one a prompt. Draw more samples."
        )
    if asked.num_probe < 1:
        raise ValueError(f"--probe must be at least 1; got {asked.num_probe}.")


def _place(stage: Stage, model: str | None) -> int:
    names = [arm.rung.name for arm in stage.arms]
    if model is not None and model not in names:
        raise ValueError(f"No model {model!r} in this run; choose from {names}.")
    return len(names) - 1 if model is None else names.index(model)


@dataclass(frozen=True)
class At:
    """Where policies are compared: at so much of what a study's line can spend at most,
    or of its highest accuracy.
    """

    by: Literal["cost", "accuracy"]
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(
                f"--at-{self.by} must be above 0 and at most 1; got {self.share:g}. Write 10% as 0.1."
            )


def near_accuracy(rows: pd.DataFrame, accuracy: float) -> pd.DataFrame:
    """Of each policy the cheapest row that is at least so accurate; of one that never is, none."""
    enough = rows[rows["accuracy"] >= accuracy - 1e-12]
    return rows.loc[enough.groupby("policy", sort=False)["cost"].idxmin()]


def nearest(rows: pd.DataFrame, cost: float) -> pd.DataFrame:
    """Of each policy's rows the one whose mean cost is nearest in log to this."""
    away = np.abs(np.log(np.maximum(rows["cost"], 1e-300) / cost))
    return rows.loc[away.groupby(rows["policy"], sort=False).idxmin()]
