"""Who scored the answers of a run, and how its scores are read. Knows the tables, nothing of single answers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.compute as pc

from analysis import numerals
from analysis.costs.shapes import Shape
from analysis.runs.rungs import shape_of
from analysis.runs.scores import STEPS, Steps
from analysis.stats.filtered import SHARE
from results import schema, store

# The pool whose answers are chosen among.
EVALUATION = "evaluation"
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
    num_verdicts: how many of each answer are averaged; parts: what its version is the hash of, as JSON.
    """

    name: str
    version: str
    kind: str
    shape: Shape
    steps: Steps | None
    filter_share: float
    num_verdicts: int
    is_counted: bool = True
    parts: str | None = field(default=None, repr=False)

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
    scanned = store.scan(root, schema.SCORERS).to_pandas()
    rows = {row.scorer_version: row for row in scanned[scanned["scorer"] == name].itertuples()}
    versions = _versions(root, name, counted[name], {version: row.kind for version, row in rows.items()})
    num_verdicts = 1
    if any(rows[version].kind == GENERATIVE for version in versions.values()):
        num_verdicts = _count_verdicts(root, name, versions, scoring.verdicts)
    elif scoring.verdicts is not None:
        raise ValueError(f"{name} gave one score an answer, not verdicts; leave out --verdicts.")
    return {
        identity: Verifier(
            name=name,
            version=version,
            kind=rows[version].kind,
            shape=shape_of(rows[version]),
            steps=scoring.steps,
            filter_share=scoring.filter_share,
            num_verdicts=num_verdicts,
            # Null in the store is NaN in a frame.
            parts=rows[version].scorer_parts if isinstance(rows[version].scorer_parts, str) else None,
        )
        for identity, version in versions.items()
    }


def _versions(
    root: Path, name: str, counted: Mapping[str, dict[str, int]], kinds: Mapping[str, str]
) -> dict[str, str]:
    """By identity the version that is read: of scores that came with their outcomes each model's own, else one of
    all, and those that it did not score are left out. Raises ValueError where no row says what a version is.
    """
    own = {identity: _most(of) for identity, of in counted.items()}
    if missing := sorted(set(own.values()) - set(kinds)):
        raise ValueError(
            f"{root} is damaged: it holds scores of {name} {missing[0]} and no row that says what that is. "
            f"`isoquant score {root}` writes it again."
        )
    if all(kinds[version] == OUTSIDE for version in own.values()):
        return own
    totals: dict[str, int] = {}
    for of in counted.values():
        for version, number in of.items():
            totals[version] = totals.pop(version, 0) + number
    most = _most(totals)
    return {identity: most for identity, of in counted.items() if most in of}


def only(root: Path, task: str | None) -> Scoring | None:
    """How the scores are read of the one scorer that scored a task of a run, of all where none is named;
    None where there is none, or several.
    """
    names = named(root, task)
    return Scoring(names[0]) if len(names) == 1 else None


def named(root: Path, task: str | None) -> list[str]:
    """Who scored answers of a task of a run, of all where none is named, in order of their names."""
    models = store.scan(root, schema.MODELS, columns=["identity", "task"]).to_pandas()
    identities = models.loc[models["task"].eq(task) | (task is None), "identity"]
    return sorted(_count(root, set(identities)))


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


def _most(versions: Mapping[str, int]) -> str:
    """The version that scored most answers, of several the last."""
    return max(list(versions)[::-1], key=versions.__getitem__)


def _count_verdicts(root: Path, name: str, versions: Mapping[str, str], wanted: int | None) -> int:
    """How many verdicts of each answer are read: as many as wanted, or as every answer has that has any.

    versions: that of each identity. Raises ValueError where no answer has as many as are wanted.
    """
    keys = ["identity", "prompt_id", "sample", "budget"]
    table = store.scan(root, schema.SCORES, columns=[*keys, "pool", "scorer", "scorer_version", "verdict"])
    table = table.filter((pc.field("scorer") == name) & (pc.field("pool") == EVALUATION))
    table = table.filter(
        store.among("scorer_version", set(versions.values())) & store.among("identity", set(versions))
    )
    counts = table.group_by(keys).aggregate([("verdict", "count_distinct")])["verdict_count_distinct"]
    least, most = pc.min(counts).as_py() or 1, pc.max(counts).as_py() or 1
    if wanted is not None and not 1 <= wanted <= most:
        raise ValueError(
            f"{name} gave {most} verdicts on an answer; --verdicts must be 1 to {most}, not {wanted}."
        )
    return int(least if wanted is None else wanted)
