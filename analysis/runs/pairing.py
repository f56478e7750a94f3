"""A model and a ladder on the same prompts, or the reason why not. Knows stored runs, nothing of statistics."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Array, Ints
from analysis.runs import outcomes
from analysis.runs.along import Along
from analysis.runs.arms import Arm, StoredRun, weighed
from analysis.runs.outcomes import Outcomes
from analysis.runs.rungs import OWN, settings
from analysis.runs.verifiers import Scoring
from results import schema, store
from results.graders import count_graded


class Source(NamedTuple):
    """What a person named: a run, and one model of it or all."""

    root: Path
    model: str | None

    def __str__(self) -> str:
        return str(self.root) if self.model is None else f"{self.root}:{self.model}"


@dataclass(frozen=True, eq=False)
class Pairing:
    """The rungs of the base and the new arm at the same budgets of the same prompts;
    notes say what to bear in mind.
    """

    base: Outcomes
    new: Arm
    notes: tuple[str, ...]

    @property
    def outcomes(self) -> Outcomes:
        """All of them as one, the new arm last."""
        arms = weighed([*self.base.arms, self.new])
        return replace(self.base, arms=arms, num_samples=self.num_samples)

    @property
    def num_samples(self) -> int:
        """The most samples that all of them have of every prompt."""
        return min(self.base.num_samples, self.new.num_samples)


def read(
    base: Source,
    new: Source,
    *,
    task: str | None = None,
    anchor: str | None = None,
    is_overlap: bool = False,
    scoring: Scoring | None = None,
    along: Along | None = None,
) -> Pairing:
    """Both sides on the prompts that they share.

    The ladder of a run that holds the new model as well is what else it holds. Raises ValueError where NEW does
    not name one model, or the one that BASE names; where the prompts, their rendering or the grader differ (unless
    is_overlap, which takes the prompts of equal text and the last grader of both), where nothing is shared, and
    where two verifiers scored the runs. along: the serial axis that is read of both, held alike.
    """
    runs, reasons = _open(base, new, task, is_overlap, scoring, along or Along())
    of_base, of_new = runs
    name = _the_one(of_new, new)
    if of_base is of_new and base.model == name:
        raise ValueError(f"BASE and NEW are both {name} of {base.root}; name two models, or two runs.")
    rungs = _ladder(of_base, base, "" if of_base is not of_new or base.model is not None else name)
    shared, differing = _shared(of_base, of_new)
    if (reasons := reasons + differing) and not is_overlap:
        hint = f"; --overlap compares the {len(shared)} that are the same in both" if len(shared) else ""
        raise ValueError(
            f"{base} and {new} do not have the same prompts and settings: {'; '.join(reasons)}{hint}."
        )
    with outcomes.telling_damage(base.root):
        ladder = outcomes.pair(of_base, anchor=anchor, models=rungs)
    with outcomes.telling_damage(new.root):
        other = outcomes.pair(of_new, models=[name], has_bins=False)
    at, also = _both(ladder.prompt_ids, other.prompt_ids, shared)
    if not len(at):
        raise ValueError(
            f"{base} and {new} share no finished prompt{': ' if reasons else ''}{'; '.join(reasons)}."
        )
    budgets, same = _both(ladder.budgets, other.budgets, ladder.budgets)
    words = ladder.along.words
    if not len(budgets):
        raise ValueError(
            f"{base} and {new} share no {words.name}: {ladder.budgets.tolist()} and {other.budgets.tolist()} "
            f"{words.steps}."
        )
    arm = other.take(budgets=same, prompts=also).arms[0]
    label = f"{name} (new)" if name in rungs else name
    notes = [*reasons, *_left_out(ladder, other, len(at), len(shared)), *_settings(of_base, of_new, rungs, name)]
    return Pairing(
        ladder.take(budgets=budgets, prompts=at), replace(arm, rung=replace(arm.rung, name=label)), tuple(notes)
    )


def _open(
    base: Source, new: Source, task: str | None, is_overlap: bool, scoring: Scoring | None, along: Along
) -> tuple[tuple[StoredRun, StoredRun], list[str]]:
    """Both runs, one object where they are one, and what sets their tasks and graders apart."""
    with outcomes.telling_damage(base.root):
        of_base = StoredRun(base.root, task=task, scoring=scoring, along=along)
    if base.root.resolve() == new.root.resolve():
        return (of_base, of_base), []
    with outcomes.telling_damage(new.root):
        of_new = StoredRun(new.root, task=task, scoring=scoring, along=along)
    _refuse_two_verifiers(of_base, of_new)
    reasons = _other_task(of_base, of_new)
    if of_base.grader == of_new.grader or (of_base.is_from_elsewhere and of_new.is_from_elsewhere):
        return (of_base, of_new), reasons
    graders = f"{' '.join(of_base.grader)} and {' '.join(of_new.grader)}"
    reasons.append(f"graded by {graders}, and `isoquant grade` grades them again")
    graded = [count_graded(run.root, {rung.identity for rung in run.rungs}) for run in (of_base, of_new)]
    common = [grader for grader in graded[1] if grader in graded[0]]
    if not is_overlap:
        return (of_base, of_new), reasons
    if not common:
        raise ValueError(f"{base} and {new} have no grader in common: {reasons[-1]}.")
    grader = common[-1]
    reasons[-1] = f"read by {' '.join(grader)}, the latest grader that both have"
    return (
        StoredRun(base.root, task=of_base.task, grader=grader, scoring=scoring, along=along),
        StoredRun(new.root, task=of_new.task, grader=grader, scoring=scoring, along=along),
    ), reasons


def _refuse_two_verifiers(base: StoredRun, new: StoredRun) -> None:
    """Raise ValueError where the runs were scored by two verifiers, or two versions of one."""
    named = [sorted({(each.name, each.version) for each in run.verifiers.values()}) for run in (base, new)]
    names = [sorted({name for name, _ in of_run}) for of_run in named]
    outside = any(not each.is_known for run in (base, new) for each in run.verifiers.values())
    if names[0] != names[1] or (named[0] != named[1] and not outside):
        told = " and ".join(numerals.listed([" ".join(each) for each in of_run]) for of_run in named)
        raise ValueError(
            f"{base.root} and {new.root} are scored by {told}, and scores of two verifiers do not compare. Score "
            "both with one, or choose --rule maj_at_k."
        )


def _the_one(run: StoredRun, source: Source) -> str:
    """The model that NEW names, or the only one there is."""
    names = [rung.name for rung in run.rungs]
    if source.model is None and len(names) > 1:
        raise ValueError(f"NEW must be one model; write {source.root}:MODEL with one of {', '.join(names)}.")
    return _named(names, source)[0]


def _ladder(run: StoredRun, source: Source, without: str) -> list[str]:
    """The models that BASE names: one, or all but the new one."""
    names = _named([rung.name for rung in run.rungs], source)
    rungs = [name for name in names if name != without]
    if not rungs:
        raise ValueError(f"{source.root} has no model other than {without} to compare with it.")
    return rungs


def _named(names: list[str], source: Source) -> list[str]:
    if source.model is not None and source.model not in names:
        raise ValueError(f"No model {source.model!r} in {source.root}; its models: {', '.join(names)}.")
    return names if source.model is None else [source.model]


def _other_task(base: StoredRun, new: StoredRun) -> list[str]:
    if base.task == new.task:
        return []
    parts = [_parts(run, run.rungs[0].name) for run in (base, new)]
    told = [line for line in _differing(*parts) if line.startswith("task.")]
    return [f"the tasks are {base.task} and {new.task}" + (f" ({'; '.join(told)})" if told else "")]


def _shared(base: StoredRun, new: StoredRun) -> tuple[pd.Index, list[str]]:
    """Prompts that both were asked in the same words, and what keeps the others apart."""
    if base is new:
        return base.prompt_ids, []
    asked, other = (_prompts(run) for run in (base, new))
    both = asked.index.intersection(other.index)
    alike = both[(asked[both] == other[both]).to_numpy()]
    counts = {
        f"only in {base.root}": len(asked) - len(both),
        f"only in {new.root}": len(other) - len(both),
        "different under the same id": len(both) - len(alike),
    }
    return alike, [f"{count} prompts are {what}" for what, count in counts.items() if count]


def _prompts(run: StoredRun) -> pd.Series:
    """Hash of each prompt's text, by id."""
    rows = store.scan(run.root, schema.PROMPTS, columns=["task", "prompt_id", "prompt_hash"]).to_pandas()
    rows = rows[rows["task"] == run.task].drop_duplicates("prompt_id").astype({"prompt_id": object})
    return rows.set_index("prompt_id")["prompt_hash"]


def _both(first: Array, second: Array, among: Array | pd.Index) -> tuple[Ints, Ints]:
    """Positions in both arrays of what they share, in the order of the first."""
    shared = [value for value in first.tolist() if value in set(second.tolist()) & set(pd.Index(among).tolist())]
    return np.asarray(pd.Index(first).get_indexer(shared)), np.asarray(pd.Index(second).get_indexer(shared))


def _left_out(ladder: Outcomes, other: Outcomes, num_compared: int, num_shared: int) -> Iterator[str]:
    if num_compared < num_shared:
        short = sorted({name for part in (ladder, other) for drop in part.dropped for name in drop.lacking})
        why = f": {', '.join(short)} lacks samples" if short else ""
        yield f"{num_shared - num_compared} prompts are left out, because they are not finished{why}"
    drawn = [
        (number, arm.rung.name)
        for part in (ladder, other)
        for number, arm in zip(part.num_grown, part.arms, strict=True)
    ]
    if (least := min(drawn)[0]) < (most := max(drawn)[0]):
        has = ", ".join(name for number, name in drawn if number == least)
        yield (
            f"widths end at {numerals.samples(least)} a prompt, because {has} has no more (others have up to "
            f"{most:,})"
        )
    budgets = sorted(set(ladder.budgets.tolist()) ^ set(other.budgets.tolist()))
    if budgets:
        values = ladder.along.words.values
        yield f"{values} that only one side has are left out: {', '.join(map(str, budgets))}"


def _settings(base: StoredRun, new: StoredRun, rungs: list[str], name: str) -> list[str]:
    """How the new model was asked otherwise than rungs of the base; what was not recorded is said so."""
    asked, others = _parts(new, name), {rung: _parts(base, rung) for rung in rungs}
    if not asked or not all(others.values()):
        return ["the settings of a run were not recorded; sampling and thinking are assumed equal"]
    names = sorted(set().union(*(_apart(parts, asked) for parts in others.values())))
    return [_told(setting, others, asked) for setting in names if not setting.startswith("task.")]


def _told(setting: str, others: dict[str, dict[str, Any]], asked: dict[str, Any]) -> str:
    """ "sampling.temperature is 0.6 in BASE and 1.0 in NEW", with the rungs where it is not so of all alike."""
    values: dict[str, list[str]] = {}
    for rung, parts in others.items():
        if parts.get(setting) != asked.get(setting):
            values.setdefault(_show(parts, setting), []).append(rung)
    is_of_all = [len(rungs) for rungs in values.values()] == [len(others)]
    told = [value if is_of_all else f"{value} of {', '.join(rungs)}" for value, rungs in values.items()]
    return f"{setting} is {' and '.join(told)} in BASE and {_show(asked, setting)} in NEW"


def _parts(run: StoredRun, name: str) -> dict[str, Any]:
    """What the identity of a model is the hash of; empty where it was not recorded."""
    identity = next(rung.identity for rung in run.rungs if rung.name == name)
    rows = store.scan(
        run.root, schema.MODELS, columns=["identity", "identity_parts"], identity=identity
    ).to_pylist()
    return settings(rows[0]["identity_parts"])


def _differing(base: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Settings that differ, a line each: "sampling.temperature is 0.6 in BASE and 1.0 in NEW"."""
    return [f"{name} is {_show(base, name)} in BASE and {_show(new, name)} in NEW" for name in _apart(base, new)]


def _apart(base: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Names of the settings that differ and are no model's own."""
    names = sorted(name for name in base.keys() | new.keys() if name.split(".")[0] not in OWN)
    return [name for name in names if base.get(name) != new.get(name)]


def _show(parts: dict[str, Any], name: str) -> str:
    return repr(parts[name])[:60] if name in parts else "its default"
