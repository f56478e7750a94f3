"""What stands in front of the answers of a run: their thinking as text,
and how sure the model was of its tokens.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.certainty import Certainty
from harness.rendering import load_tokenizer
from harness.rollouts import ROLLOUT, Rollout
from results import store
from results.places import find_shipped
from results.schema import CERTAINTY, TRACES

Row = Mapping[str, Any]
# Of a sample: its prompt, pool and number.
Sample = tuple[str, str, int]


class Thoughts:
    """The traces of a run, read for some answers at a time. models: the row of each identity."""

    def __init__(self, root: Path, models: Mapping[str, Row]) -> None:
        self._root, self._models = root, models
        self._shards: dict[str, dict[str, list[Path]]] = {}
        self._decoders: dict[tuple[str, str | None], Callable[[list[int]], str]] = {}

    def read_text(self, rows: Sequence[Row]) -> list[str]:
        """Of each answer the thinking in front of it, without what ended it;
        raises ValueError where it is lost.
        """
        # A plain chain of thought that ended by itself is its own answer.
        wanted = [
            row["num_thinking_tokens"] > 0 and (row["forced"] or (row["num_answer_tokens"] or 0) > 0)
            for row in rows
        ]
        thoughts: list[str] = [""] * len(rows)
        for identity, own in _by_identity(rows, wanted):
            segments, decode = self._read(identity, [rows[at] for at in own], ROLLOUT), self._decoder(identity)
            for at in own:
                row = rows[at]
                if (found := segments.get(_sample(row))) is None:
                    raise ValueError(
                        f"{self._root} has answers without their traces, such as to {row['prompt_id']}, and this "
                        "scorer reads the thinking. Give scorer.reads_thinking=false."
                    )
                rollout = Rollout()
                for segment in found:
                    rollout = rollout.followed_by(is_final=False, **segment)
                thought = rollout.context(row["num_thinking_tokens"])
                is_own = row["budget"] is None or row["extension"] is not None
                thoughts[at] = decode(list(thought[:-1] if is_own else thought))
        return thoughts

    def read_certainty(self, rows: Sequence[Row]) -> list[Certainty | None]:
        """Of each answer that of the tokens in front of it; None where it is not stored."""
        found: list[Certainty | None] = [Certainty()] * len(rows)
        wanted = [row["num_thinking_tokens"] > 0 for row in rows]
        for identity, own in _by_identity(rows, wanted):
            segments = self._read(identity, [rows[at] for at in own], CERTAINTY)
            for at in own:
                length, told = rows[at]["num_thinking_tokens"], segments.get(_sample(rows[at]), [])
                known = list(itertools.takewhile(lambda segment: all(segment.values()), told))
                values = [sum((tuple(each[name]) for each in known), ())[:length] for name in CERTAINTY]
                found[at] = Certainty(*values) if len(values[0]) == length else None
        return found

    def _read(self, identity: str, rows: Sequence[Row], columns: Sequence[str]) -> dict[Sample, list[Row]]:
        """By sample these columns of its segments, as far as each goes on from the one before."""
        if identity not in self._shards:
            self._shards[identity] = store.locate(self._root, TRACES, identity=identity)
        prompt_ids = sorted({row["prompt_id"] for row in rows})
        stored = store.scan(
            self._root,
            TRACES,
            columns=["prompt_id", "pool", "sample", "start_token", "num_thinking_tokens", *columns],
            identity=identity,
            prompt_ids=prompt_ids,
            shards=sorted({path for each in prompt_ids for path in self._shards[identity].get(each, ())}),
        )
        found: dict[Sample, list[Row]] = {}
        lengths: dict[Sample, int] = {}
        for row in stored.sort_by("start_token").to_pylist():
            sample = _sample(row)
            if lengths.get(sample, 0) == row["start_token"]:
                lengths[sample] = row["start_token"] + row["num_thinking_tokens"]
                found.setdefault(sample, []).append({name: row[name] for name in columns})
        return found

    def _decoder(self, identity: str) -> Callable[[list[int]], str]:
        model = self._models[identity]
        place = (find_shipped(model["path"] or ""), model["revision"])
        if place not in self._decoders:
            tokenizer = load_tokenizer(*place)
            self._decoders[place] = lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True))
        return self._decoders[place]


def _by_identity(rows: Sequence[Row], wanted: Sequence[bool]) -> Iterator[tuple[str, list[int]]]:
    """Each identity, and where its wanted rows stand."""
    for identity in sorted({row["identity"] for row, wants in zip(rows, wanted, strict=True) if wants}):
        yield identity, [at for at, row in enumerate(rows) if wanted[at] and row["identity"] == identity]


def _sample(row: Row) -> Sample:
    return row["prompt_id"], row["pool"], row["sample"]
