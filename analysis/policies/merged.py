"""The prompts of one task of a run, or of several, as one menu of arms. Knows outcomes, prices and texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.arrays import Array, Floats
from analysis.costs.cost_models import CostModel
from analysis.policies import menu
from analysis.policies.menu import Menu
from analysis.reading import bins, curves
from analysis.reading import choices as choose
from analysis.reading.choices import Choices
from analysis.reading.curves import Rule
from analysis.runs import outcomes
from analysis.runs.along import Along
from analysis.runs.outcomes import Outcomes
from analysis.runs.texts import whole_prompts
from analysis.runs.verifiers import Scoring

# A prompt's label that says which data set it is of, where tasks do not.
DATASET_DIAL = "dataset"
MAX_WIDTHS = 4


@dataclass(frozen=True, eq=False)
class Merged:
    """A menu of the arms that every task has, on all their prompts; arrays are (P,) in its order.

    datasets is the task of a prompt, or its dial `dataset`; lengths its tokens, or its characters where tokens are
    not known, NaN where neither is; clusters labels the prompts that belong together, None where the choices name
    none. models are in order of size.
    """

    menu: Menu
    tasks: Array
    prompt_ids: Array
    datasets: Array
    lengths: Floats
    clusters: Array | None
    cost: CostModel
    rule: Rule
    models: tuple[str, ...]
    num_dropped: int


def load(
    root: Path,
    wanted: Choices,
    *,
    task: str | None = None,
    rule: Rule | None = None,
    scoring: Scoring | None = None,
    along: Along | None = None,
    rng: np.random.Generator,
) -> Merged:
    """All tasks of a run, or the one named. Raises ValueError where they share no arm,
    or one has no such cluster.
    """
    names = outcomes.tasks(root)
    asked = [task] if task is not None or not names else names
    parts = [outcomes.load(root, task=name, scoring=scoring, along=along) for name in asked]
    every = tuple(arm for part in parts for arm in part.arms)
    settled = choose.settle(every, wanted)
    read_by = curves.choose_rule(every, rule)
    num_samples = min(part.num_samples for part in parts)
    menus = []
    for part in parts:
        cost, arms = choose.price(part.arms, settled)
        menus.append(menu.build(arms, cost, rule=read_by, widths=widths(num_samples, read_by), rng=rng))
    shared = [name for name in menus[0].names if all(name in other.names for other in menus)]
    if not shared:
        raise ValueError(
            f"Tasks {names} have no model with the same budget in common. Choose one task with --task."
        )
    stacked = stack([found.pick([found.names.index(name) for name in shared]) for found in menus])
    texts = [whole_prompts(root, part.task, part.prompt_ids) for part in parts]
    kept = {cell.model for cell in stacked.cells}
    return Merged(
        menu=stacked,
        tasks=np.concatenate([np.full(len(part.prompt_ids), part.task, dtype=object) for part in parts]),
        prompt_ids=np.concatenate([part.prompt_ids for part in parts]),
        datasets=np.concatenate([_datasets(part) for part in parts]),
        lengths=np.concatenate([_lengths(part, written) for part, written in zip(parts, texts, strict=True)]),
        clusters=_clusters(parts, wanted.cluster),
        cost=cost,
        rule=read_by,
        models=tuple(dict.fromkeys(arm.rung.name for arm in every if arm.rung.name in kept)),
        num_dropped=sum(len(part.dropped) for part in parts),
    )


def stack(menus: Sequence[Menu]) -> Menu:
    """Menus of the same arms on different prompts as one."""
    assert len({found.names for found in menus}) == 1
    tables = (
        np.concatenate([getattr(found, name) for found in menus]) for name in ("accuracy", "cost", "serial_tokens")
    )
    return Menu(menus[0].cells, *tables)


def widths(num_samples: int, rule: Rule) -> tuple[int, ...]:
    """At most MAX_WIDTHS of the widths that a rule reads, evenly spaced in their log."""
    path = curves.width_path(1, num_samples, rule).widths
    wanted = np.geomspace(1, path[-1], MAX_WIDTHS)
    return tuple(sorted({min(path, key=lambda width: abs(np.log(width / step))) for step in wanted}))


def _clusters(parts: Sequence[Outcomes], name: str | None) -> Array | None:
    """Labels of the clusters over all tasks; prompts of two tasks never belong together."""
    if name is None:
        return None
    return np.concatenate([[f"{at} {value}" for value in bins.label(part, name)] for at, part in enumerate(parts)])


def _datasets(part: Outcomes) -> Array:
    dial = part.dials.get(DATASET_DIAL)
    return (
        np.full(len(part.prompt_ids), part.task, dtype=object) if dial is None else np.asarray(dial, dtype=object)
    )


def _lengths(part: Outcomes, texts: Sequence[str]) -> Floats:
    tokens = part.arms[-1].prompt_tokens
    lengths = (
        tokens if part.arms[-1].rung.has_tokens and tokens.min() > 0 else np.array([len(text) for text in texts])
    )
    return np.where(lengths > 0, lengths, np.nan).astype(float)
