"""The answers of a run that a scorer has not read yet, and what it reads of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.rendering import load_tokenizer
from harness.scorers.protocol import Item
from harness.types import Prompt
from results import store
from results.places import find_shipped
from results.schema import ANSWERS, MODELS, PROMPTS, SCORES, SEARCHES, TRACES
from results.shards import list_shards
from sweeps.identity import is_of

# Answers are read so many at a time.
BATCH_ROWS = 2_000
VERDICT_KEY = (*ANSWERS.key, "verdict")
READ = ("text", "num_thinking_tokens", "num_answer_tokens", "forced")


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
        tasks: Sequence[str] = (),
    ) -> None:
        self._root, self._pools, self._num_verdicts, self._reads_thinking = (
            root,
            pools,
            num_verdicts,
            reads_thinking,
        )
        self._shards = list_shards(root / ANSWERS.name)
        self._scored = _hash_scored(root, scorer, version)
        models = store.scan(root, MODELS, columns=["identity", "task", "path", "revision"]).to_pylist()
        self._models = {row["identity"]: row for row in models if not tasks or is_of(row["task"], tasks)}
        if models and not self._models:
            held = ", ".join(sorted({row["task"] for row in models}))
            raise ValueError(
                f"{scorer} knows answers to {', '.join(tasks)}, and {root} holds {held}. scorer.tasks=[] has it read "
                "them all the same."
            )
        prompts = store.scan(root, PROMPTS, columns=["task", "prompt_id", "text"]).to_pylist()
        self._prompts = {(row["task"], row["prompt_id"]): row["text"] or "" for row in prompts}
        self._traces: dict[str, dict[str, list[Path]]] = {}
        self._decoders: dict[tuple[str, str | None], Any] = {}

    def iterate(self) -> Iterator[list[tuple[Due, Item]]]:
        """What is due, at most BATCH_ROWS at a time, and what is read of it."""
        for rows in self._batches():
            thoughts = self._read_thinking([due.row for due in rows])
            yield [(due, self._item(due.row, thinking)) for due, thinking in zip(rows, thoughts, strict=True)]

    def _batches(self) -> Iterator[list[Due]]:
        rows: list[Due] = []
        for shard in store.iterate(self._root, ANSWERS, columns=[*ANSWERS.key, *READ], shards=self._shards):
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

    def _item(self, row: Mapping[str, Any], thinking: str) -> Item:
        task = self._models[row["identity"]]["task"]
        prompt = Prompt(row["prompt_id"], self._prompts.get((task, row["prompt_id"]), ""), {})
        return Item(prompt, thinking, row["text"] or "")

    def _read_thinking(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Of each answer the thinking in front of it, as text, without what ended it."""
        # A plain chain of thought that ended by itself is its own answer.
        wanted = [
            self._reads_thinking
            and row["num_thinking_tokens"] > 0
            and (row["forced"] or (row["num_answer_tokens"] or 0) > 0)
            for row in rows
        ]
        thoughts: list[str] = [""] * len(rows)
        for identity in sorted({row["identity"] for row, wants in zip(rows, wanted, strict=True) if wants}):
            own = [at for at, row in enumerate(rows) if wanted[at] and row["identity"] == identity]
            tokens, decode = self._read_tokens(identity, [rows[at] for at in own]), self._decoder(identity)
            for at in own:
                row = rows[at]
                thought = tokens[row["prompt_id"], row["pool"], row["sample"]][: row["num_thinking_tokens"]]
                thoughts[at] = decode(thought if row["budget"] is not None else thought[:-1])
        return thoughts

    def _read_tokens(
        self, identity: str, rows: Sequence[Mapping[str, Any]]
    ) -> dict[tuple[str, str, int], list[int]]:
        """By sample the tokens of its trace, segments joined."""
        if identity not in self._traces:
            self._traces[identity] = store.locate(self._root, TRACES, identity=identity)
        prompt_ids = sorted({row["prompt_id"] for row in rows})
        shards = sorted({path for prompt_id in prompt_ids for path in self._traces[identity].get(prompt_id, ())})
        columns = ["prompt_id", "pool", "sample", "start_token", "token_ids"]
        segments = store.scan(
            self._root, TRACES, columns=columns, identity=identity, prompt_ids=prompt_ids, shards=shards
        )
        tokens: dict[tuple[str, str, int], list[int]] = {}
        for segment in segments.sort_by("start_token").to_pylist():
            key = (segment["prompt_id"], segment["pool"], segment["sample"])
            tokens[key] = tokens.get(key, []) + (segment["token_ids"] or [])
        missing = [row for row in rows if (row["prompt_id"], row["pool"], row["sample"]) not in tokens]
        if missing:
            raise ValueError(
                f"{self._root} has answers without their traces, such as to {missing[0]['prompt_id']}, and this "
                "scorer reads the thinking. Give scorer.reads_thinking=false."
            )
        return tokens

    def _decoder(self, identity: str) -> Callable[[list[int]], str]:
        model = self._models[identity]
        place = (find_shipped(model["path"] or ""), model["revision"])
        if place not in self._decoders:
            self._decoders[place] = load_tokenizer(*place)
        tokenizer = self._decoders[place]
        return lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True))


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
