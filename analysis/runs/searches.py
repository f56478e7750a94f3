"""The searches of a run on the prompts of its samples: what their paths answered, were scored and spent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from analysis.arrays import Array, Floats, Ints
from analysis.costs.searches import Spent
from analysis.runs import samples, scores
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.runs.samples import Samples
from analysis.runs.scores import Scores
from analysis.runs.searched import name_searches
from analysis.runs.slots import floats, ints
from analysis.runs.verifiers import EVALUATION
from results import schema, store
from results.cuts import along_budgets
from results.folder import read_object
from results.searching import STRATEGY, count_paths, read_count, read_strategies

COLUMNS = (
    *("prompt_id", "pool", "sample", "scorer", "scorer_version", "score"),
    *(
        "expansion_starts",
        "expansion_tokens",
        "reading_tokens",
        "num_steps",
        "num_written_tokens",
        "num_read_tokens",
    ),
)


@dataclass(frozen=True, eq=False)
class Searched:
    """A search of one of the outcomes' arms, on all of their prompts at one of their budgets.

    of: the arm's position, at: the budget's. together: its paths are chosen among each other, so that only all of
    them are a search. arm: paths as samples, with the scores of the search's own verifier. strategy: how was
    searched.
    """

    name: str
    strategy: Mapping[str, Any]
    of: int
    at: int
    together: bool
    arm: Arm
    spent: Spent
    num_steps: float
    written_tokens: float
    read_tokens: float

    @property
    def num_paths(self) -> int:
        return self.arm.num_samples

    @property
    def expansions(self) -> int:
        return read_count(self.strategy, "expansions")


class Found(NamedTuple):
    """The searches that can be read beside the samples, and why others cannot, a line each."""

    searches: list[Searched]
    notes: list[str]


class _LackingError(ValueError):
    """Why a search cannot be read."""


def scorers(root: Path, task: str) -> list[str]:
    """Who chose in the searches of a task of a run, in order of their names; nobody in a run without a search."""
    models = store.scan(root, schema.MODELS, columns=["identity", "task"]).to_pylist()
    mine = {row["identity"] for row in models if row["task"] == task}
    rows = store.scan(root, schema.SEARCHES, columns=["identity", "scorer"])
    return sorted(rows.filter(store.among("identity", mine))["scorer"].unique().to_pylist())


def read(root: Path, outcomes: Outcomes) -> Found:
    """Every search of the outcomes' models and task. Raises ValueError where the run holds none."""
    strategies = read_strategies(root)
    models = store.scan(root, schema.MODELS).to_pylist()
    rows = {row["identity"]: row for row in models if row["task"] == outcomes.task}
    asked = [identity for identity in rows if identity in strategies]
    if not asked:
        raise ValueError(f"{root} holds no search. Draw one with strategy=dvts, as in `isoquant sweep search`.")
    names = name_searches({identity: rows[identity]["model"] for identity in asked}, strategies)
    searches, notes = [], []
    for identity, name in names.items():
        try:
            searches.append(_read(root, identity, name, rows, strategies[identity], outcomes))
        except _LackingError as lacking:
            notes.append(f"A search of {rows[identity]['model']} ({name}) is left out: {lacking}.")
    return Found(sorted(searches, key=lambda each: (each.of, each.together, each.num_paths)), notes)


def _read(
    root: Path,
    identity: str,
    name: str,
    rows: Mapping[str, dict[str, Any]],
    strategy: Mapping[str, Any],
    outcomes: Outcomes,
) -> Searched:
    of = _find_arm(identity, rows, outcomes)
    base = outcomes.arms[of]
    declared = store.scan(root, schema.CELLS, identity=identity).to_pandas()
    budgets = outcomes.budgets.tolist()
    if declared.empty:
        raise _LackingError("the run does not say what was asked of it; run the sweep again")
    if (budget := int(declared["budget"].max())) not in budgets:
        raise _LackingError(f"its budget is {budget:,}, at which there are no samples")
    together = bool(strategy.get("together"))
    paths = samples.read(
        root,
        identity=identity,
        pool=EVALUATION,
        settings=along_budgets([budget]),
        prompt_ids=pd.Index(outcomes.prompt_ids),
        prompt_tokens=base.prompt_tokens,
        grader=(outcomes.grader, outcomes.grader_version),
    )
    ready = paths.num_ready()[0]
    wanted = count_paths(strategy) if together else max(int(ready.min()), 1)
    if lacking := int((ready < wanted).sum()):
        raise _LackingError(f"{lacking:,} of {len(ready):,} prompts lack graded paths; run the sweep to its end")
    paths = paths.pick(slice(wanted))
    told = _read_spent(root, identity, outcomes, paths)
    if base.verifier is not None and base.verifier.version != told.version:
        raise _LackingError(
            f"it asked another version of the verifier than scored the samples ({told.version[:8]})"
        )
    scored = replace(paths, scores=scores.weigh([_scores(told)])[0])
    arm = replace(base, budgets=outcomes.budgets[[budgets.index(budget)]], stored=scored)
    return Searched(
        name,
        strategy,
        of,
        budgets.index(budget),
        together,
        arm,
        told.spent,
        num_steps=told.num_steps,
        written_tokens=told.written_tokens,
        read_tokens=told.read_tokens,
    )


def _find_arm(identity: str, rows: Mapping[str, dict[str, Any]], outcomes: Outcomes) -> int:
    """The arm that was asked as the search was, but for the search."""
    asked = _parts(rows[identity]) | {STRATEGY: None}
    for at, arm in enumerate(outcomes.arms):
        if _parts(rows[arm.rung.identity]) | {STRATEGY: None} == asked:
            return at
    raise _LackingError("the run has no samples of the same model with the same settings to compare it with")


def _parts(row: Mapping[str, Any]) -> dict[str, Any]:
    return read_object(row["identity_parts"] or "{}", where="identity_parts of a model")


class _Told(NamedTuple):
    """What the searches table tells of P prompts and M paths."""

    version: str
    score: Floats
    spent: Spent
    num_steps: float
    written_tokens: float
    read_tokens: float


def _read_spent(root: Path, identity: str, outcomes: Outcomes, paths: Samples) -> _Told:
    """Raises ValueError where a path's cost is not stored: the run is damaged."""
    table = store.scan(root, schema.SEARCHES, columns=COLUMNS, identity=identity)
    _, num_prompts, num_paths = paths.correct.shape
    prompt = pd.Index(outcomes.prompt_ids).get_indexer(table["prompt_id"].cast("string").to_pandas())
    in_pool = np.asarray(pc.equal(table["pool"].cast("string"), EVALUATION))
    kept = (prompt >= 0) & (ints(table["sample"]) < num_paths) & in_pool
    table = table.filter(kept)
    place = prompt[kept] * num_paths + ints(table["sample"])
    if len(np.unique(place)) != num_prompts * num_paths:
        raise ValueError(f"{root} is damaged: it holds paths of a search without what they cost.")
    versions = table["scorer_version"].unique().to_pylist()
    if len(versions) > 1:
        raise ValueError(
            f"{root} is damaged: {len(versions)} versions of a verifier judged the paths of one search."
        )
    score = np.full(num_prompts * num_paths, np.nan)
    score[place] = floats(table["score"])

    def flat(name: str) -> tuple[Ints, Ints]:
        """The place of the path of each entry of a list, and the entries."""
        return np.repeat(place, ints(pc.list_value_length(table[name]))), ints(pc.list_flatten(table[name]))

    way_path, way_start = flat("expansion_starts")
    read_path, read_tokens = flat("reading_tokens")
    thought = paths.thinking_tokens[0]
    spent = Spent(
        way_path,
        way_start,
        flat("expansion_tokens")[1],
        read_path,
        read_tokens,
        answer_start=thought,
        answer_tokens=paths.closing_tokens[0] + paths.answer_tokens[0],
    )
    means = (float(ints(table[name]).mean()) for name in ("num_steps", "num_written_tokens", "num_read_tokens"))
    return _Told(str(versions[0]), score.reshape(num_prompts, num_paths), spent, *means)


def _scores(told: _Told) -> Scores:
    """The scores of the paths as those of samples, of which nothing is charged again."""
    has_score = scores.can_choose(told.score[None])
    nothing: Array = np.zeros(has_score.shape)
    return Scores(
        known=np.ones(has_score.shape, dtype=bool),
        refused=~has_score,
        score=np.where(has_score, told.score[None], np.nan),
        weight=nothing,
        read_tokens=nothing,
        written_tokens=nothing[..., None],
    )
