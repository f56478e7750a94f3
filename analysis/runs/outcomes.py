"""Stored rows of a run -> outcomes of every model on the same prompts. Knows the tables, nothing of statistics."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.arrays import Array, Bools, Ints
from analysis.runs import verifiers
from analysis.runs.along import Along, Everywhere
from analysis.runs.arms import Arm, StoredRun, is_outside, nothing_in, read_models, score, weighed
from analysis.runs.rungs import Rung
from analysis.runs.samples import Samples
from analysis.runs.verifiers import EVALUATION, Scoring
from results import schema, store
from results.growth import GROWN_SHARE, num_grown
from results.progress import step
from results.prompts import in_order
from results.shortage import raise_shortage


@dataclass(frozen=True)
class Dropped:
    """A prompt left out of every arm, and the arms that lack a sample of it."""

    prompt_id: str
    lacking: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Every arm's outcomes on the prompts that all of them have, arms by size.

    bins is the anchor's held-out pool on the same prompts, at its one reference budget; None where none was drawn.
    dials (P,) each: what is known of the prompts beside their text, by name. num_grown: samples a prompt that each
    arm has and is read at, and num_samples the least of them; budgets_aside: budgets that were declared and are
    not read, with the models that lack answers there. along: what `budgets` are values of.
    """

    task: str
    grader: str
    grader_version: str
    budgets: Ints
    num_samples: int
    prompt_ids: Array
    arms: tuple[Arm, ...]
    bins: Arm | None
    dials: dict[str, Array]
    dropped: tuple[Dropped, ...]
    unfinished: tuple[str, ...]
    num_grown: tuple[int, ...] = ()
    budgets_aside: tuple[tuple[int, tuple[str, ...]], ...] = ()
    along: Along | Everywhere = Along()

    @property
    def most_samples(self) -> int:
        """The most samples a prompt that an arm is read at."""
        return max(arm.num_samples for arm in self.arms)

    @property
    def holds_counts(self) -> bool:
        """Whether of some arm there are only counts."""
        return not all(arm.rung.has_votes for arm in self.arms)

    def unverified(self) -> "Outcomes":
        """The same where no rule reads a verifier's scores, so that nobody is charged for them."""
        if all(arm.verifier is None for arm in self.arms):
            return self
        return replace(self, arms=tuple(replace(arm, verifier=None) for arm in self.arms))

    def drawn(self, num_samples: int) -> "Outcomes":
        """Of every arm as many samples of each prompt one by one, where some have more or are counts: the least
        that one of them has, of counts at most so many. Else the same.
        """
        if not self.holds_counts and self.most_samples == self.num_samples:
            return self
        num_samples = min(num_samples, self.num_samples) if self.holds_counts else self.num_samples
        return replace(self, num_samples=num_samples, arms=tuple(arm.drawn(num_samples) for arm in self.arms))

    def take(self, *, budgets: Ints, prompts: Ints) -> "Outcomes":
        """The part at these positions."""
        return replace(
            self,
            budgets=self.budgets[budgets],
            prompt_ids=self.prompt_ids[prompts],
            arms=tuple(
                arm.take(budgets=budgets, prompts=prompts, num_samples=arm.num_samples) for arm in self.arms
            ),
            bins=self.bins
            and self.bins.take(budgets=np.arange(1), prompts=prompts, num_samples=self.bins.num_samples),
            dials={name: column[prompts] for name, column in self.dials.items()},
        )

    def first(self, num_prompts: int, num_samples: Mapping[str, int]) -> "Outcomes":
        """The first prompts in the task's order, and of each model by name at most so many samples of each."""
        order = sorted(range(len(self.prompt_ids)), key=lambda at: in_order(str(self.prompt_ids[at])))
        taken = self.take(budgets=np.arange(len(self.budgets)), prompts=np.sort(order[:num_prompts]))
        arms = tuple(
            arm.take(
                budgets=np.arange(len(arm.budgets)),
                prompts=np.arange(len(taken.prompt_ids)),
                num_samples=min(arm.num_samples, num_samples[arm.rung.name]),
            )
            for arm in taken.arms
        )
        return replace(taken, arms=arms, num_samples=min(arm.num_samples for arm in arms))


def load(
    root: Path,
    *,
    task: str | None = None,
    anchor: str | None = None,
    scoring: Scoring | None = None,
    along: Along | Everywhere | None = None,
) -> Outcomes:
    """The outcomes of one task of a run.

    Budgets are those every arm has; each arm's number of samples is the largest declared one that at least
    GROWN_SHARE of its prompts have reached; success counts are read whole, each prompt's own. A prompt that lacks
    any arm's sample is dropped from every arm and listed; a model without any graded answer is listed as
    unfinished. The anchor is the model with a pool for bins, the largest where several have one. scoring: whose
    scores stand beside the grades, and how they are read; nobody's by default. along: the axis that takes the
    place of thinking budgets, or every setting. Raises ValueError where nothing is graded, where the run holds
    several tasks and none is named, where the named anchor has no pool for bins, where scores are asked for that
    the run has not, and as `Along.settle`.
    """
    with telling_damage(root):
        return pair(StoredRun(root, task=task, scoring=scoring, along=along), anchor=anchor)


def scored(root: Path, loaded: Outcomes, scoring: Scoring, *, anchor: str | None = None) -> Outcomes:
    """Outcomes of a run as `load` gives them with these scores, of which the scores alone are read where it can
    be.

    anchor: that of `loaded`. Raises ValueError where the run has no such scores.
    """
    if not loaded.along.is_plain:
        return load(root, task=loaded.task, anchor=anchor, scoring=scoring, along=loaded.along)
    with telling_damage(root):
        models = read_models(root)
        found = verifiers.find(root, models.loc[models["task"] == loaded.task, "identity"].tolist(), scoring)

        def read(arm: Arm, pool: str) -> Arm:
            verifier, prompt_ids = found.get(arm.rung.identity), pd.Index(loaded.prompt_ids)
            return score(arm, root, pool=pool, prompt_ids=prompt_ids, grader=grader, verifier=verifier)

        grader = loaded.grader, loaded.grader_version
        arms = weighed([read(arm, EVALUATION) for arm in loaded.arms])
        return replace(loaded, arms=arms, bins=loaded.bins and read(loaded.bins, "bins"))


def tasks(root: Path) -> list[str]:
    """The tasks that a run holds outcomes of, in order of their names."""
    return sorted(store.scan(root, schema.MODELS, columns=["task"]).to_pandas()["task"].astype(str).unique())


@contextlib.contextmanager
def telling_damage(root: Path) -> Iterator[None]:
    """Raises ValueError, with what to do, where a table of the run cannot be read."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise_shortage(error)
        damage = str(error).splitlines()[0]
        raise ValueError(
            f"Damaged tables in {root} ({damage}); `isoquant sweep` sets them aside and draws the lost rows again."
        ) from None


def pair(
    run: StoredRun, *, anchor: str | None = None, models: Collection[str] | None = None, has_bins: bool = True
) -> Outcomes:
    """As `load`, of these models of the run alone; the anchor may be another, and has no say without bins."""
    rungs = [rung for rung in run.rungs if models is None or rung.name in models]
    arms = _ordered(_arms(run, rungs))
    at = _grown_budgets(arms)
    if not len(at):
        raise ValueError(
            f"No cell of {run.root} has been reached by nearly all prompts of every model; {_way_on(run)}."
        )
    sampled = {
        arm.rung.name: _grown(arm.samples.num_ready()[at], run.declared(arm.rung, "evaluation"))
        for arm in arms
        if isinstance(arm.stored, Samples)
    }
    grown_to = {name: grown.num_samples for name, grown in sampled.items()}
    complete = {name: grown.num_ready >= grown.num_samples for name, grown in sampled.items()}
    complete |= _complete_counts([arm for arm in arms if arm.rung.name not in sampled], at)
    held_out = _held_out(run, anchor) if has_bins else None
    if held_out is not None:
        pool = _grown(held_out.stored.num_ready(), run.declared(held_out.rung, "bins"))
        complete[f"{held_out.rung.name} (bins)"] = pool.num_ready >= pool.num_samples
    keep = np.flatnonzero(np.all(list(complete.values()), axis=0))
    if not len(keep):
        raise ValueError(f"No prompt in {run.root} has all samples of every model; {_way_on(run)}.")
    taken = weighed(
        [arm.take(budgets=at, prompts=keep, num_samples=grown_to.get(arm.rung.name, 0)) for arm in arms]
    )
    return Outcomes(
        task=run.task,
        grader=run.grader[0],
        grader_version=run.grader[1],
        budgets=arms[0].budgets[at],
        num_samples=min(arm.num_samples for arm in taken),
        prompt_ids=run.prompt_ids.to_numpy()[keep],
        arms=taken,
        bins=held_out and held_out.take(budgets=np.arange(1), prompts=keep, num_samples=pool.num_samples),
        dials={name: column.to_numpy() for name, column in run.dials.reindex(run.prompt_ids[keep]).items()},
        dropped=_dropped(run.prompt_ids, complete),
        unfinished=tuple(rung.name for rung in rungs if rung.name not in [arm.rung.name for arm in arms]),
        num_grown=tuple(grown_to.get(arm.rung.name, arm.num_samples) for arm in taken),
        budgets_aside=_aside(run, arms, at),
        along=run.along,
    )


def _way_on(run: StoredRun) -> str:
    """What to do where models share too little to be read together."""
    if is_outside(run.grader[0]):
        return "compare two of them, or ingest again with --keep or --models"
    return "run `isoquant sweep` to its end"


def _aside(run: StoredRun, arms: list[Arm], at: Ints) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Budgets declared for an arm and read of none,
    with the arms that lack them or have answers of too few prompts.
    """
    declared = {arm.rung.name: set(run.declared(arm.rung, "evaluation")["budget"].astype(int)) for arm in arms}
    read = arms[0].budgets.tolist()
    behind = {read[place]: _behind(arms, place) for place in range(len(read)) if place not in at}
    apart = sorted(set().union(*declared.values()) - set(read))
    lacking = {budget: tuple(name for name, own in declared.items() if budget not in own) for budget in apart}
    return tuple(sorted((lacking | behind).items()))


def _behind(arms: list[Arm], place: int) -> tuple[str, ...]:
    """The arms of which too few prompts have reached the budget at this place."""
    return tuple(arm.rung.name for arm in arms if not _has_grown(arm)[place])


def _has_grown(arm: Arm) -> Bools:
    """Whether at least GROWN_SHARE of the arm's prompts have reached each budget; (B,)."""
    begun = np.count_nonzero(arm.stored.num_ready(), axis=1)
    return np.asarray(begun >= GROWN_SHARE * begun.max())


def _ordered(arms: list[Arm]) -> list[Arm]:
    """The arms by size; where a size is not known, by accuracy, and then sizes order nothing and are left out."""
    if not any(np.isnan(arm.rung.num_params) for arm in arms):
        return arms
    sizeless = [replace(arm, rung=replace(arm.rung, num_params=np.nan)) for arm in arms]
    return sorted(sizeless, key=_one_answer)


def _one_answer(arm: Arm) -> float:
    """Accuracy of one answer at the largest budget, over what there is."""
    if isinstance(arm.stored, Samples):
        return float(arm.stored.worth[-1][arm.stored.present[-1]].mean())
    there = arm.stored.num_samples[-1] > 0
    return float((arm.stored.num_correct[-1][there] / arm.stored.num_samples[-1][there]).mean())


class _Grown(NamedTuple):
    """Samples each prompt has at every budget (P,), and how many of them count."""

    num_ready: Ints
    num_samples: int


def _grown(num_ready: Ints, declared: pd.DataFrame) -> _Grown:
    """What `results.growth` says of samples (B, P) and the cells declared of them."""
    num_ready = num_ready.min(axis=0)
    return _Grown(num_ready, int(num_grown(num_ready, set(declared["num_samples"]))))


def _complete_counts(arms: Sequence[Arm], at: Ints) -> dict[str, Bools]:
    """By arm of counts, which prompts have enough samples at these budgets to stay.

    Each prompt keeps all of its own, and a curve its prompts, so that it ends where the first of them has no more.
    That the few shortest do not end it, they are left out: those below the most that GROWN_SHARE of the prompts
    that all arms have reach in every arm.
    """
    ready = {arm.rung.name: arm.stored.num_ready()[at].min(axis=0) for arm in arms}
    least = np.min(list(ready.values()), axis=0) if ready else np.zeros(0, dtype=np.int64)
    begun = least[least > 0]
    enough = num_grown(begun, set(begun.tolist())) if len(begun) else 1
    return {name: own >= enough for name, own in ready.items()}


def _arms(run: StoredRun, rungs: Sequence[Rung]) -> list[Arm]:
    """The arms that have graded answers, at the budgets declared for all of them."""
    declared = {rung: {int(budget) for budget in run.declared(rung, "evaluation")["budget"]} for rung in rungs}
    budgets = [
        budget
        for budget in sorted(set().union(*declared.values()))
        if all(budget in cells for cells in declared.values() if cells)
    ]
    if any(declared.values()) and not budgets:
        names = ", ".join(rung.name for rung, cells in declared.items() if cells)
        raise ValueError(
            f"{names} have no {run.along.words.choice} in common in {run.root}. Draw one for all of them."
        )
    arms = []
    for rung in (rung for rung in rungs if budgets and declared[rung]):
        step(f"reading the answers of {rung.name}")
        arms.append(run.arm(rung, "evaluation", budgets))
    arms = [arm for arm in arms if arm.stored.num_ready().any()]
    if not arms:
        raise ValueError(nothing_in(run.root))
    return arms


def _grown_budgets(arms: list[Arm]) -> Ints:
    """Positions of the budgets that at least GROWN_SHARE of every arm's prompts have reached."""
    return np.flatnonzero(np.all([_has_grown(arm) for arm in arms], axis=0))


def _held_out(run: StoredRun, anchor: str | None) -> Arm | None:
    """The anchor's pool for bins at its least budget, which growing the grid leaves; None where none was drawn."""
    pools = {rung.name: rung for rung in run.rungs if len(run.declared(rung, "bins"))}
    if anchor is not None and anchor not in pools:
        raise ValueError(f"{anchor!r} has no samples held out for bins; anchors of this run: {sorted(pools)}.")
    if not pools:
        return None
    rung = pools[anchor] if anchor is not None else list(pools.values())[-1]
    return run.arm(rung, "bins", [int(run.declared(rung, "bins")["budget"].min())])


def _dropped(prompt_ids: pd.Index, complete: dict[str, Bools]) -> tuple[Dropped, ...]:
    short = np.flatnonzero(~np.all(list(complete.values()), axis=0))
    return tuple(
        Dropped(str(prompt_ids[prompt]), tuple(name for name, whole in complete.items() if not whole[prompt]))
        for prompt in short
    )
