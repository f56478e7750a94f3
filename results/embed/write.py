"""The embedding pass: every prompt of a run that an embedder has not seen yet."""

from pathlib import Path

import numpy as np

from results import store
from results.embed.embedders import Embedder
from results.inspection import check, check_folders
from results.schema import EMBEDDINGS, PROMPTS
from results.shards import entered_shards
from results.twice import find_twice, withdraw_twice


def embed_run(root: Path, embedder: Embedder) -> int:
    """Embed what is not embedded yet; return how many prompts that were.

    Raises ValueError where the run holds no prompts, or none with a text.
    """
    writer = f"embed-{embedder.name}"
    _mend(root, writer)
    prompts = store.scan(root, PROMPTS, columns=["task", "prompt_id", "text"]).to_pylist()
    by_key = {(row["task"], row["prompt_id"]): row["text"] for row in prompts if row["text"]}
    if not by_key:
        raise ValueError(
            f"No prompt in {root} has a text to embed"
            + (
                ". Ingest the run again with --map prompt_text=COLUMN."
                if prompts
                else ". Run `isoquant sweep` or `isoquant ingest` first."
            )
        )
    version = embedder.version
    with store.lock(root, writer, wait=True):
        embedded = _embedded(root, embedder.name, version)
        missing = [key for key in by_key if key not in embedded]
        if missing:
            found = embedder.embed([by_key[key] for key in missing])
            rows = [
                dict(zip(EMBEDDINGS.key, (*key, embedder.name, version), strict=True))
                | {"flops": None if np.isnan(flops) else float(flops), "vector": vector.tolist()}
                for key, flops, vector in zip(missing, found.flops, found.vectors, strict=True)
            ]
            store.append(root, EMBEDDINGS, rows, writer=writer)
    return len(missing)


def _mend(root: Path, writer: str) -> None:
    """Put aside what is damaged of the embedder's own, a line each; raises ValueError where other tables are."""
    check_folders(root)
    entered = entered_shards(root)
    with store.lock(root, writer, wait=True):
        lines = [*store.tidy_up(root, writer), *map(str, store.set_damaged_aside(root, writer))]
        lines += withdraw_twice(root, find_twice(root, entered), writer)
        store.enter(root, writer)
    for line in (*lines, *check(root)):
        print(line)


def _embedded(root: Path, name: str, version: str) -> set[tuple[str, str]]:
    rows = store.scan(root, EMBEDDINGS, columns=EMBEDDINGS.key).to_pylist()
    return {
        (row["task"], row["prompt_id"]) for row in rows if (row["embedder"], row["version"]) == (name, version)
    }
