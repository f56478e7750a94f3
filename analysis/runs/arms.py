"""The outcomes of a stored run, a rung at a time. Knows the tables, nothing of pairing or statistics."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.arrays import Floats, Ints
from analysis.costs import cost_models
from analysis.costs.cost_models import CostModel, Later, Verdicts
from analysis.runs import counts, rounds, rungs, samples, scores, verifiers
from analysis.runs.along import Along, Everywhere
from analysis.runs.counts import Counted
from analysis.runs.rungs import Rung
from analysis.runs.samples import Samples
from analysis.runs.scores import Scores
from analysis.runs.verifiers import EVALUATION, Scoring, Verifier
from analysis.stats.tallies import Tally
from results import schema, store
from results.cuts import Caps
from results.folder import read_object
from results.graders import present_grader
from results.ingest.write import GRADER as OUTSIDE
from results.searching import read_searching

COUNTED = "counts"


def is_outside(grader: str) -> bool:
    """Whether these grades were ingested with outcomes from elsewhere, which no sweep of ours can add to."""
    return grader in (OUTSIDE, COUNTED)


@dataclass(frozen=True, eq=False)
class Arm:
    """One rung's outcomes: budgets (B,), samples (B, P, S) or counts (B,
    P), the prompts' lengths in its tokens (P,).

    Counts are read as they are, each prompt's own number of samples; whoever needs the samples asks for `grid`.
    verifier: who scored the samples, None where a reader asked for nobody.
    """

    rung: Rung
    budgets: Ints
    stored: Samples | Counted
    prompt_tokens: Ints
    verifier: Verifier | None = None

    @property
    def scores(self) -> Scores:
        """What the verifier gave each sample."""
        assert self.samples.scores is not None, f"Nobody scored {self.rung.name}."
        return self.samples.scores

    @property
    def is_scored(self) -> bool:
        """Whether a verifier read every sample."""
        return (
            self.verifier is not None
            and isinstance(self.stored, Samples)
            and self.stored.scores is not None
            and self.stored.scores.is_whole
        )

    @property
    def samples(self) -> Samples:
        """The samples."""
        assert isinstance(self.stored, Samples), f"Of {self.rung.name} there are only counts."
        return self.stored

    @property
    def num_samples(self) -> int:
        """The most samples that every prompt has at every budget: as wide as a cell of it can be."""
        return int(self.stored.num_samples.min())

    def tally(self, at: int) -> Tally:
        """Right samples and all of each prompt at a budget's position."""
        return Tally(self.stored.num_correct[at], self.stored.num_samples[at])

    @property
    def accuracy(self) -> Floats:
        """Share of right samples, of scores from 0 to 1 their mean; (B, P)."""
        if isinstance(self.stored, Samples) and self.stored.score is not None:
            return np.asarray(self.stored.score.mean(axis=2))
        return np.asarray(self.stored.num_correct / self.stored.num_samples)

    @property
    def decoded_tokens(self) -> Ints | Floats:
        """Tokens that were written after the prompt, with the marker that closes thinking;
        (B, P, S), of counts their mean (B, P, 1).
        """
        if isinstance(self.stored, Counted):
            return (self.stored.thinking_tokens + self.stored.answer_tokens)[..., None]
        return self.stored.thinking_tokens + self.stored.closing_tokens + self.stored.answer_tokens

    @property
    def given_tokens(self) -> Ints | None:
        """Tokens after the prompt that were read and not written; (B, P, S), None where there are none."""
        return None if isinstance(self.stored, Counted) else self.stored.given_tokens

    @property
    def later(self) -> Later | None:
        """What later rounds read and wrote; (B, P, S, R), None of one round."""
        if isinstance(self.stored, Counted) or self.stored.later_read is None or self.stored.later_written is None:
            return None
        return Later(self.stored.later_read, self.stored.later_written)

    def sample_cost(self, cost: CostModel, at: Any = slice(None), which: Any = slice(None)) -> Floats:
        """Cost of each sample beside the prompt's one reading, at these budgets; (B, P, S), of counts (B, P, 1).

        which: the samples. Source: `cost_models.sample_cost`.
        """
        decoded, given, later = self._spent(at, which)
        return cost_models.sample_cost(
            cost, self.rung.shape, self.prompt_tokens, decoded, given_tokens=given, later=later
        )

    def cell_cost(
        self,
        cost: CostModel,
        widths: Sequence[int],
        at: Any = slice(None),
        which: Any = slice(None),
        verdicts: Verdicts | None = None,
    ) -> Floats:
        """Expected cost of so many of these samples, at these budgets; (B, P, K). Source:
        `cost_models.cell_cost`.
        """
        decoded, given, later = self._spent(at, which)
        return cost_models.cell_cost(
            cost,
            self.rung.shape,
            prompt_tokens=self.prompt_tokens,
            decoded_tokens=decoded,
            widths=widths,
            given_tokens=given,
            later=later,
            verdicts=verdicts,
        )

    def _spent(self, at: Any, which: Any) -> tuple[Ints | Floats, Ints | None, Later | None]:
        """Tokens that were decoded, and read between and in later rounds, of these samples at these budgets."""
        given, later = self.given_tokens, self.later
        return (
            self.decoded_tokens[at][..., which],
            None if given is None else given[at][..., which],
            None if later is None else later.take(at).take((..., which, slice(None))),
        )

    def split(self, num_samples: int) -> "tuple[Arm, Arm]":
        """The first `num_samples` samples of each prompt, of counts so many drawn ones, and the rest."""
        first, rest = (replace(self, stored=part) for part in self.stored.split(num_samples))
        return first, rest

    def turned(self, start: int) -> "Arm":
        """The same samples, those from `start` on first."""
        return replace(self, stored=self.samples.turned(start))

    def drawn(self, num_samples: int) -> "Arm":
        """At most so many samples of each prompt one by one, of counts drawn ones."""
        if isinstance(self.stored, Counted):
            return replace(self, stored=self.stored.draw(min(num_samples, self.num_samples)))
        return replace(self, stored=self.stored.pick(slice(num_samples)))

    def take(self, *, budgets: Ints, prompts: Ints, num_samples: int) -> "Arm":
        """The part at these positions, and each prompt's first `num_samples` samples; counts stay whole."""
        if isinstance(self.stored, Counted):
            part: Samples | Counted = self.stored.take(budgets=budgets, prompts=prompts)
        else:
            part = self.stored.take(budgets=budgets, prompts=prompts, num_samples=num_samples)
        return replace(self, budgets=self.budgets[budgets], stored=part, prompt_tokens=self.prompt_tokens[prompts])


def weighed(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms with what each score weighs in a vote, which is told from the scores of all of them."""
    scored = [arm for arm in arms if isinstance(arm.stored, Samples) and arm.stored.scores is not None]
    found = dict(zip(map(id, scored), scores.weigh([arm.scores for arm in scored]), strict=True))
    return tuple(
        replace(arm, stored=replace(arm.samples, scores=found[id(arm)])) if id(arm) in found else arm
        for arm in arms
    )


def score(
    arm: Arm, root: Path, *, pool: str, prompt_ids: pd.Index, grader: tuple[str, str], verifier: Verifier | None
) -> Arm:
    """The arm, read at thinking budgets alone, with what a verifier made of its samples, in place of what another
    did; counts as they are. Held-out samples need no scores, and mostly have none.
    """
    if isinstance(arm.stored, Counted):
        return arm
    if verifier is not None:
        read = samples.score(
            arm.stored,
            root,
            identity=arm.rung.identity,
            pool=pool,
            budgets=arm.budgets.tolist(),
            prompt_ids=prompt_ids,
            grader=grader,
            verifier=verifier,
        )
        if pool == EVALUATION or (read.scores is not None and read.scores.known.any()):
            return replace(arm, stored=read, verifier=verifier)
    return replace(arm, stored=replace(arm.stored, scores=None), verifier=None)


class StoredRun:
    """One task of a run: its rungs, what is declared of each, and their arms on the union of its prompts.

    grader: a grader and its version, by default the highest that graded any of them. scoring: whose scores are
    read beside the grades, and how; nobody's by default. along: the axis that is read, thinking budgets by
    default, or every setting; its values stand in place of budgets. Raises ValueError where nothing is graded,
    where the run holds several tasks and none is named, where scores are asked for that it has not, and as
    `Along.settle`.
    """

    def __init__(
        self,
        root: Path,
        *,
        task: str | None = None,
        grader: tuple[str, str] | None = None,
        scoring: Scoring | None = None,
        along: Along | Everywhere | None = None,
    ):
        models = read_models(root)
        if models.empty:
            raise ValueError(nothing_in(root))
        self.root = root
        self.task = only("task", sorted(models["task"].unique()), task)
        self.rungs = rungs.read(root, models[models["task"] == self.task])
        self.grader = grader or _grader(root, [rung.identity for rung in self.rungs if not rung.is_counted])
        sampled = [rung.identity for rung in self.rungs if not rung.is_counted]
        self.verifiers = {} if scoring is None else verifiers.find(root, sampled, scoring)
        cells = store.scan(root, schema.CELLS).to_pandas()
        self.goes_on = bool(cells[["extensions", "calls"]].notna().any(axis=None))
        along = along or Along()
        self.strategy = rounds.choose(root, cells, along.strategy, is_asked=along.asks("rounds"))
        self.cells = rounds.as_cells(cells.fillna({"extensions": 0, "calls": 0}), self.strategy)
        self.along = self._settle(along if self.strategy is None else replace(along, strategy=self.strategy.name))
        self.dials = _dials(root, self.task)
        self.prompt_tokens = _prompt_tokens(root, {rung.identity for rung in self.rungs})
        self.prompt_ids = self.prompt_tokens.index

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Success counts of all rungs, read once: a run may hold a shard a model."""
        return store.scan(self.root, schema.COUNTS).to_pandas()

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether the outcomes were ingested, so that there are no traces and no engine's record of them."""
        return is_outside(self.grader[0])

    def _settle(self, along: Along | Everywhere) -> Along | Everywhere:
        identities = [rung.identity for rung in self.rungs]
        cells = self.cells[self.cells["identity"].isin(identities) & (self.cells["pool"] == EVALUATION)]
        return along if cells.empty else along.settle(cells)

    def declared(self, rung: Rung, pool: str) -> pd.DataFrame:
        """The cells declared of one pool, a row for each time the grid was declared or grown.

        Of samples that are evaluated those on the axis, with their values as budgets.
        """
        own = self.cells[(self.cells["identity"] == rung.identity) & (self.cells["pool"] == pool)]
        return self.along.take(own) if pool == EVALUATION else own

    def _caps(self, rung: Rung, pool: str, budget: int) -> Caps:
        """The cell of a pool at this budget, or other value of the axis."""
        if pool == EVALUATION:
            return self.along.caps(budget)
        declared = self.declared(rung, pool)
        # The fewest calls as well as the least budget: a grid that grows leaves both as they were.
        return Caps(budget, calls=int(declared.loc[declared["budget"] == budget, "calls"].min()))

    def arm(self, rung: Rung, pool: str, budgets: list[int]) -> Arm:
        """The rung's outcomes at these budgets, or other values of the axis, on every prompt, holes included."""
        prompt_tokens = self.prompt_tokens[rung.identity].fillna(0).to_numpy(dtype=np.int64)
        if rung.is_counted:
            rows = self.counts.loc[self.counts["identity"] == rung.identity]
            counted = counts.read(rows, identity=rung.identity, budgets=budgets, prompt_ids=self.prompt_ids)
            return Arm(rung, np.asarray(budgets, dtype=np.int64), counted, prompt_tokens)
        verifier = self.verifiers.get(rung.identity)
        settings = [self._caps(rung, pool, budget) for budget in budgets]

        def read_pool(name: str, settings: Sequence[Caps]) -> Samples:
            return samples.read(
                self.root,
                identity=rung.identity,
                pool=name,
                settings=settings,
                prompt_ids=self.prompt_ids,
                prompt_tokens=prompt_tokens,
                grader=self.grader,
                verifier=verifier if name == pool else None,
                goes_on=self.goes_on,
                keeps_asked=name != pool,
            )

        has_rounds = self.strategy is not None and any(caps.rounds > 1 for caps in settings)
        if has_rounds:
            verifier = None
            assert self.strategy is not None
            read = rounds.read(self.strategy, settings, read_pool)
        else:
            read = read_pool(pool, settings)
        # Held-out samples need no scores, and mostly have none.
        if pool != EVALUATION and (read.scores is None or not read.scores.known.any()):
            read, verifier = replace(read, scores=None), None
        return Arm(rung, np.asarray(budgets, dtype=np.int64), read, prompt_tokens, verifier)


def read_models(root: Path) -> pd.DataFrame:
    """The rows of the models whose samples a run holds. Paths of a search are no samples: what they cost, and of a
    beam how many there are, is another question.
    """
    models = store.scan(root, schema.MODELS).to_pandas()
    return models[~models["identity"].isin(list(read_searching(root)))]


def nothing_in(root: Path) -> str:
    return f"No graded answers in {root}. Run `isoquant sweep`, or give results/reference as RUN."


def only(noun: str, names: list[str], wanted: str | None) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        told = f", not {wanted!r}" if wanted else f": --{noun} {names[0]}" if noun == "task" and names else ""
        raise ValueError(f"Choose one {noun} of {names}{told}.")
    return wanted


def _grader(root: Path, identities: list[str]) -> tuple[str, str]:
    """The one whose grades of these identities stand."""
    if not identities:
        return COUNTED, ""
    if (grader := present_grader(root, identities)) is None:
        raise ValueError(nothing_in(root))
    return grader


def _dials(root: Path, task: str) -> pd.DataFrame:
    """What is known of each prompt beside its text; a row a prompt, a column a dial."""
    prompts = store.scan(root, schema.PROMPTS, columns=["task", "prompt_id", "dials"]).to_pandas()
    prompts = prompts[prompts["task"] == task].drop_duplicates("prompt_id").astype({"prompt_id": object})
    return pd.DataFrame(
        [read_object(text, where="dials of a prompt") for text in prompts["dials"].fillna("{}").replace("", "{}")],
        index=prompts["prompt_id"],
    )


def _prompt_tokens(root: Path, identities: set[str]) -> pd.DataFrame:
    """Length of every prompt in each model's tokens; a row a prompt, a column an identity.

    A trace's first request holds the prompt alone. Where no thinking was sampled the shortest answer request
    tells.
    """
    key = ["identity", "prompt_id"]
    traces = store.scan(root, schema.TRACES, columns=[*key, "start_token", "num_prompt_tokens"])
    answers = store.scan(root, schema.ANSWERS, columns=[*key, "num_thinking_tokens", "num_prompt_tokens"])
    of_traces = _shortest(traces.filter(pc.field("start_token") == 0))
    spent = pc.subtract(answers["num_prompt_tokens"], answers["num_thinking_tokens"])
    of_answers = _shortest(answers.drop_columns("num_prompt_tokens").append_column("num_prompt_tokens", spent))
    counted = store.scan(root, schema.COUNTS, columns=[*key, "mean_prompt_tokens"]).to_pandas()
    counted = counted.astype({"identity": object, "prompt_id": object})
    of_counts = counted.groupby(["prompt_id", "identity"])["mean_prompt_tokens"].min()
    # Outcomes from elsewhere may not tell the length of a prompt: the prompt is there nonetheless.
    lengths = pd.concat([of_traces.combine_first(of_answers), of_counts])
    mine = lengths[lengths.index.get_level_values("identity").isin(identities)]
    return mine.unstack("identity").reindex(columns=sorted(identities)).sort_index()


def _shortest(requests: pa.Table) -> pd.Series:
    least = requests.group_by(["identity", "prompt_id"]).aggregate([("num_prompt_tokens", "min")]).to_pandas()
    least = least.astype({"identity": object, "prompt_id": object})
    return least.set_index(["prompt_id", "identity"])["num_prompt_tokens_min"]
