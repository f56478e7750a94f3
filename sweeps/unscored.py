"""The answers of a run that a scorer has not read yet, and what it reads of each."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.certainty import Certainty
from harness.scorers.protocol import Item
from harness.types import Prompt
from results import store
from results.schema import ANSWERS, CERTAINTY, MODELS, PROMPTS, SCORES, SEARCHES, TRACES
from results.shards import list_shards
from sweeps.identity import is_of
from sweeps.thoughts import Thoughts

# Answers are read so many at a time.
BATCH_ROWS = 2_000
VERDICT_KEY = (*ANSWERS.key, "verdict")
READ = ("text", "num_thinking_tokens", "num_answer_tokens", "forced", "extension")


class Due(NamedTuple):
    """An answer's row, and the numbers of the verdicts that it lacks."""

    row: dict[str, Any]
    verdicts: tuple[int, ...]


class Unscored:
    """What a run holds for one version of one scorer. Its answers are those of the moment it is made in.

    tasks: those whose answers it reads; empty for all. Raises ValueError where the run holds others alone.
    """

    def __init__(
        self,
        root: Path,
        *,
        scorer: str,
        version: str,
        pools: Sequence[str],
        num_verdicts: int,
        reads_thinking: bool,
        reads_certainty: bool = False,
        tasks: Sequence[str] = (),
    ) -> None:
        self._root, self._pools, self._num_verdicts = root, pools, num_verdicts
        self._reads_thinking, self._reads_certainty = reads_thinking, reads_certainty
        if reads_certainty:
            _check_certain(root)
        self._shards = list_shards(root / ANSWERS.name)
        self._scored = _hash_scored(root, scorer, version)
        models = store.scan(root, MODELS, columns=["identity", "task", "path", "revision"]).to_pylist()
        self._models = {row["identity"]: row for row in models if not tasks or is_of(row["task"], tasks)}
        if models and not self._models:
            held = ", ".join(sorted({row["task"] for row in models}))
            raise ValueError(
                f"{scorer} knows answers to {', '.join(tasks)}, and {root} holds {held}. scorer.tasks=[] has it "
                "read them all the same."
            )
        prompts = store.scan(root, PROMPTS, columns=["task", "prompt_id", "text"]).to_pylist()
        self._prompts = {(row["task"], row["prompt_id"]): row["text"] or "" for row in prompts}
        self._thoughts = Thoughts(root, self._models)

    def iterate(self) -> Iterator[list[tuple[Due, Item]]]:
        """What is due, at most BATCH_ROWS at a time, and what is read of it."""
        for rows in self._batches():
            yield list(zip(rows, self._items([due.row for due in rows]), strict=True))

    @property
    def _columns(self) -> list[str]:
        return [*ANSWERS.key, *READ, *(CERTAINTY if self._reads_certainty else ())]

    def _batches(self) -> Iterator[list[Due]]:
        rows: list[Due] = []
        for shard in store.iterate(self._root, ANSWERS, columns=self._columns, shards=self._shards):
            keys = shard.select(list(ANSWERS.key)).to_pandas()
            lacks_NV = self._lacking(keys)
            due_N = lacks_NV.any(axis=1) & keys["pool"].isin(self._pools) & keys["identity"].isin(self._models)
            left, lacks_NV = shard.filter(pa.array(due_N)), lacks_NV[due_N]
            for start in range(0, left.num_rows, BATCH_ROWS):
                part = left.slice(start, BATCH_ROWS).to_pylist()
                lacks = (tuple(np.flatnonzero(row).tolist()) for row in lacks_NV[start : start + BATCH_ROWS])
                rows += map(Due, part, lacks)
                if len(rows) >= BATCH_ROWS:
                    yield rows[:BATCH_ROWS]
                    rows = rows[BATCH_ROWS:]
        if rows:
            yield rows

    def _lacking(self, keys: pd.DataFrame) -> np.ndarray:
        """Which verdicts each answer lacks (N, V)."""
        hashes = (
            store.hash_keys(keys.assign(verdict=verdict), VERDICT_KEY) for verdict in range(self._num_verdicts)
        )
        return np.stack([self._scored.get_indexer(each) < 0 for each in hashes], axis=1)

    def _items(self, rows: Sequence[Mapping[str, Any]]) -> list[Item]:
        """What is read of these answers."""
        thinking = self._thoughts.read_text(rows) if self._reads_thinking else [""] * len(rows)
        unread: list[Certainty | None] = [None] * len(rows)
        before = self._thoughts.read_certainty(rows) if self._reads_certainty else unread
        own = map(_certainty, rows) if self._reads_certainty else unread
        prompts = map(self._prompt, rows)
        texts = (row["text"] or "" for row in rows)
        return list(map(Item, prompts, thinking, texts, before, own))

    def _prompt(self, row: Mapping[str, Any]) -> Prompt:
        task = self._models[row["identity"]]["task"]
        return Prompt(row["prompt_id"], self._prompts.get((task, row["prompt_id"]), ""), {})


def _certainty(row: Mapping[str, Any]) -> Certainty | None:
    """Of an answer's own tokens; None where it is not stored."""
    if not row["num_answer_tokens"]:
        return Certainty()
    values = [row[name] for name in CERTAINTY]
    return None if None in values else Certainty(*map(tuple, values))


def _check_certain(root: Path) -> None:
    """Raise ValueError where no answer and no trace of a run has log-probabilities."""
    name = CERTAINTY[0]
    shards = (shard for table in (ANSWERS, TRACES) for shard in store.iterate(root, table, columns=[name]))
    if not any(shard[name].null_count < shard.num_rows for shard in shards):
        raise ValueError(
            f"{root} holds no log-probabilities. A sweep with sampling.logprobs=true stores them, of what it "
            "draws."
        )


def _hash_scored(root: Path, scorer: str, version: str) -> pd.Index:
    """Hashes of the answers and verdicts that are stored for this scorer."""
    hashes = []
    for shard in store.iterate(root, SCORES, columns=[*VERDICT_KEY, "scorer", "scorer_version"]):
        scores = shard.to_pandas()
        own = (scores["scorer"] == scorer) & (scores["scorer_version"] == version)
        hashes.append(store.hash_keys(scores[own], VERDICT_KEY))
    # The verifier of a search has read its paths with their answers.
    for shard in store.iterate(root, SEARCHES, columns=[*ANSWERS.key, "scorer", "scorer_version"]):
        searches = shard.to_pandas().assign(verdict=0)
        own = (searches["scorer"] == scorer) & (searches["scorer_version"] == version)
        hashes.append(store.hash_keys(searches[own], VERDICT_KEY))
    return pd.Index(np.unique(np.concatenate(hashes)))
