"""Who scored the answers of a run, and how its scores are read. Knows the tables, nothing of single answers."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from analysis import numerals
from analysis.costs.shapes import Shape
from analysis.runs.rungs import shape_of
from analysis.runs.scores import STEPS, Steps
from analysis.stats.filtered import SHARE
from results import schema, store

# Kinds of scorers: sampled verdicts, what the model itself knew, and one of which nothing but the name is known.
GENERATIVE, GENERATOR, OUTSIDE = "generative", "generator", "outside"
STEPS_IN_WORDS = {
    **{"last": "score of the last step", "min": "lowest score of a step"},
    **{"product": "product of the steps' scores", "mean": "mean of the steps' scores"},
}


@dataclass(frozen=True)
class Scoring:
    """How a verifier's scores are read.

    scorer: its name, None for the only one there is. steps: how the scores of an answer's steps become one; None
    takes the scorer's own score, and the last step's where it gave none. verdicts: of a generative scorer how many
    of each answer are averaged, None for as many as every answer has. filter_share: what a filtered vote drops.
    """

    scorer: str | None = None
    steps: Steps | None = None
    verdicts: int | None = None
    filter_share: float = SHARE


@dataclass(frozen=True)
class Verifier:
    """Who read a model's answers, and how its scores are used.

    shape: what its reading costs by, and is_counted whether that is; filter_share: what a filtered vote drops;
    num_verdicts: how many of each answer are averaged.
    """

    name: str
    version: str
    kind: str
    shape: Shape
    steps: Steps | None
    filter_share: float
    num_verdicts: int
    is_counted: bool = True

    @property
    def is_known(self) -> bool:
        """Whether its size can be known: not where scores came with their outcomes."""
        return self.kind != OUTSIDE

    @property
    def in_words(self) -> str:
        """'prm (process, version 1a2b3c4d, lowest score of a step)'."""
        told = [self.kind, f"version {self.version[:8]}"]
        if self.steps is not None:
            told.append(STEPS_IN_WORDS[self.steps])
        if self.kind == GENERATIVE:
            told.append(f"mean of {self.num_verdicts} verdicts" if self.num_verdicts > 1 else "one verdict")
        return f"{self.name} ({', '.join(told)})"

    @property
    def is_free(self) -> bool:
        """Whether the model's own probabilities are the scores, so that nothing more is read."""
        return self.kind == GENERATOR


def find(root: Path, identities: Collection[str], scoring: Scoring) -> dict[str, Verifier]:
    """Who scored each of these identities; those that it did not score are left out.

    One version read all of them, that of most scores; of outcomes from elsewhere each model's own. Raises
    ValueError where no scorer is there, or several and none is named, or the choices ask for what it lacks.
    """
    if scoring.steps is not None and scoring.steps not in STEPS:
        raise ValueError(f"Scores of steps become one by {list(STEPS)}, not by {scoring.steps!r}.")
    if not 0 <= scoring.filter_share < 1:
        raise ValueError(f"--filter-share must be at least 0 and below 1; got {scoring.filter_share:g}.")
    counted = _count(root, identities)
    name = _choose(root, counted, scoring.scorer)
    rows = {
        row.scorer_version: row
        for row in store.scan(root, schema.SCORERS).to_pandas().itertuples()
        if row.scorer == name
    }
    versions = {identity: _most(of) for identity, of in counted[name].items()}
    if missing := sorted(set(versions.values()) - set(rows)):
        raise ValueError(
            f"{root} is damaged: it holds scores of {name} {missing[0]} and no row that says what that is. `isoquant "
            f"score {root}` writes it again."
        )
    if any(rows[version].kind != OUTSIDE for version in versions.values()):
        totals: dict[str, int] = {}
        for of in counted[name].values():
            for version, number in of.items():
                totals[version] = totals.pop(version, 0) + number
        version = _most(totals)
        versions = {identity: version for identity, of in counted[name].items() if version in of}
    is_generative = any(rows[version].kind == GENERATIVE for version in versions.values())
    if scoring.verdicts is not None and not is_generative:
        raise ValueError(f"{name} gave one score an answer, not verdicts; leave out --verdicts.")
    num_verdicts = _count_verdicts(root, name, set(versions.values()), scoring.verdicts) if is_generative else 1
    return {
        identity: Verifier(
            name=name,
            version=version,
            kind=rows[version].kind,
            shape=shape_of(rows[version]),
            steps=scoring.steps,
            filter_share=scoring.filter_share,
            num_verdicts=num_verdicts,
        )
        for identity, version in versions.items()
    }


def only(root: Path, task: str | None) -> Scoring | None:
    """How the scores are read of the one scorer that scored a task of a run, of all where none is named;
    None where there is none, or several.
    """
    models = store.scan(root, schema.MODELS, columns=["identity", "task"]).to_pandas()
    identities = models.loc[models["task"].eq(task) | (task is None), "identity"]
    names = list(_count(root, set(identities)))
    return Scoring(names[0]) if len(names) == 1 else None


def _count(root: Path, identities: Collection[str]) -> dict[str, dict[str, dict[str, int]]]:
    """How many scores of each identity each version of each scorer gave: by scorer, identity and version, in the
    order they were stored.
    """
    found: dict[str, dict[str, dict[str, int]]] = {}
    keys = ["identity", "scorer", "scorer_version"]
    for shard in store.iterate(root, schema.SCORES, columns=keys):
        mine = shard.filter(store.among("identity", identities))
        for row in mine.group_by(keys).aggregate([([], "count_all")]).to_pylist():
            versions = found.setdefault(row["scorer"], {}).setdefault(row["identity"], {})
            versions[row["scorer_version"]] = versions.pop(row["scorer_version"], 0) + row["count_all"]
    return found


def _choose(root: Path, found: Collection[str], wanted: str | None) -> str:
    """The wanted scorer, or the only one. Raises ValueError that lists them, or says how a run gets scores."""
    names = sorted(found)
    if not names:
        raise ValueError(
            f"No verifier has scored answers in {root}. Run `isoquant score {root}`, or ingest scores with --map "
            "verifier=COLUMN."
        )
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        told = f"No scorer {wanted!r} in {root}" if wanted else f"{root} has scores of {len(names)} verifiers"
        raise ValueError(f"{told}; give --scorer with one of {numerals.listed(names)}.")
    return wanted


def _most(versions: dict[str, int]) -> str:
    """The version that scored most answers, of several the last."""
    return max(list(versions)[::-1], key=versions.__getitem__)


def _count_verdicts(root: Path, name: str, versions: Collection[str], wanted: int | None) -> int:
    """How many verdicts of each answer are read: as many as wanted, or as every answer has that has any.

    Raises ValueError where no answer has as many as are wanted.
    """
    keys = ["identity", "prompt_id", "pool", "sample", "budget"]
    columns = [*keys, "scorer", "scorer_version", "verdict"]
    table = store.scan(root, schema.SCORES, columns=columns)
    table = table.filter((pc.field("scorer") == name) & store.among("scorer_version", versions))
    counts = table.group_by(keys).aggregate([("verdict", "count_distinct")])["verdict_count_distinct"]
    least, most = pc.min(counts).as_py(), pc.max(counts).as_py()
    if wanted is not None and not 1 <= wanted <= most:
        raise ValueError(
            f"{name} gave {most} verdicts on an answer; --verdicts must be 1 to {most}, not {wanted}."
        )
    return int(least if wanted is None else wanted)
