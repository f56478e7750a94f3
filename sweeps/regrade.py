"""What another grader made of answers that were graded before: counts of what changed, and a few examples."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from results import store
from results.graders import Grader
from results.schema import ANSWERS, GRADES, MODELS

NUM_EXAMPLES = 3
MAX_TEXT_CHARS = 40
_COLUMNS = [*ANSWERS.key, "grader", "grader_version", "outcome", "vote_key", "extracted"]


class Change(NamedTuple):
    """Answers of one model whose outcome went from one to another, or whose vote alone changed."""

    identity: str
    before: str
    after: str
    num_answers: int
    examples: list[str]


class Comparison(NamedTuple):
    """By identity, how many answers both graded; and what changed, the most frequent first."""

    num_compared: dict[str, int]
    changes: list[Change]


def compare_graders(root: Path, before: Grader, after: Grader) -> Comparison:
    """What changed from one grader's grades to another's, over the answers that both have graded."""
    old = pd.concat([_digest(grades) for grades in _grades_of(root, before)]).set_index("key")
    parts, compared = [], pd.Series(dtype="int64")
    for grades in _grades_of(root, after):
        new = grades.join(old, on="key", how="inner", rsuffix="_before")
        compared = compared.add(new["identity"].value_counts(), fill_value=0)
        new["vote"] = _hash_votes(new)
        parts.append(new[(new["outcome"] != new["outcome_before"]) | (new["vote"] != new["vote_before"])])
    changed = pd.concat(parts)
    shown = changed.groupby(["identity", "outcome_before", "outcome"], observed=True).head(NUM_EXAMPLES)
    shown = shown.merge(_extracted(root, before, shown["key"]), on="key", how="left", suffixes=("", "_before"))
    changes = [
        Change(str(identity), str(one), str(other), len(rows), [*_show_examples(shown, identity, one, other)])
        for (identity, one, other), rows in changed.groupby(
            ["identity", "outcome_before", "outcome"], observed=True
        )
    ]
    changes.sort(key=lambda change: (change.identity, -change.num_answers, change.before, change.after))
    return Comparison({str(name): int(count) for name, count in compared.items()}, changes)


def describe_changes(root: Path, before: Grader, after: Grader) -> list[str]:
    """The comparison as lines to print, a paragraph a model."""
    num_compared, changes = compare_graders(root, before, after)
    names = store.scan(root, MODELS, columns=["identity", "model"]).to_pandas().set_index("identity")["model"]
    lines = [f"{after.name} {after.version} beside {_tell(before, after)}:"]
    for identity, total in sorted(num_compared.items(), key=lambda item: str(names[item[0]])):
        mine = [change for change in changes if change.identity == identity]
        gained = sum(c.num_answers for c in mine if c.after == "correct" != c.before)
        lost = sum(c.num_answers for c in mine if c.before == "correct" != c.after)
        num_changed = sum(change.num_answers for change in mine if change.before != change.after)
        lines.append(
            f"{names[identity]:>16}: {num_changed:,} of {total:,} outcomes changed; correct +{gained:,} -{lost:,}"
        )
        for change in mine:
            is_vote = change.before == change.after
            what = f"{change.before}, another vote" if is_vote else f"{change.before} -> {change.after}"
            lines.append(f"{'':>18}{change.num_answers:,} {what}")
            lines += [f"{'':>20}{example}" for example in change.examples]
    return lines


def _grades_of(root: Path, grader: Grader) -> Iterator[pd.DataFrame]:
    """That grader's rows shard by shard, each with the hash of its answer's key as `key`."""
    for shard in store.iterate(root, GRADES, columns=_COLUMNS):
        grades = shard.to_pandas()
        mine = (grades["grader"] == grader.name) & (grades["grader_version"] == grader.version)
        kept = grades[mine].astype({"identity": object, "outcome": object})
        yield kept.assign(key=store.hash_keys(kept, ANSWERS.key))


def _digest(grades: pd.DataFrame) -> pd.DataFrame:
    """What is kept of millions of grades to compare others with."""
    codes = pd.DataFrame({"key": grades["key"], "outcome_before": grades["outcome"].astype("category")})
    return codes.assign(vote_before=_hash_votes(grades))


def _hash_votes(grades: pd.DataFrame) -> np.ndarray:
    return np.asarray(
        pd.util.hash_array(grades["vote_key"].astype(object).fillna("\0").to_numpy(), categorize=False)
    )


def _extracted(root: Path, grader: Grader, keys: pd.Series) -> pd.DataFrame:
    return pd.concat(
        [grades.loc[grades["key"].isin(keys), ["key", "extracted"]] for grades in _grades_of(root, grader)]
    )


def _show_examples(shown: pd.DataFrame, identity: str, before: str, after: str) -> Iterator[str]:
    is_mine = (shown["identity"] == identity) & (shown["outcome_before"] == before) & (shown["outcome"] == after)
    for row in shown[is_mine].itertuples():
        budget = "" if pd.isna(row.budget) else f" at {row.budget:.0f}"
        yield f"{row.prompt_id} sample {row.sample}{budget}: {_clip(row.extracted_before)} -> {_clip(row.extracted)}"


def _clip(text: str | None) -> str:
    if not isinstance(text, str):
        return "nothing"
    return repr(text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 3] + "...")


def _tell(before: Grader, after: Grader) -> str:
    return before.version if before.name == after.name else f"{before.name} {before.version}"
