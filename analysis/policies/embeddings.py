"""The stored embeddings of a run's prompts, as features that are paid for. Knows the table, no embedder."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.policies.policy import Known
from analysis.policies.space import Space
from results import schema, store
from results.embed.embedders import TFIDF


class Embedding(NamedTuple):
    """What one embedder made of the prompts; is_charged: whether its cost is known in the unit that is spent."""

    embedder: str
    version: str
    space: Space
    known: Known
    is_charged: bool


def read(
    root: Path, *, tasks: ArrayLike, prompt_ids: ArrayLike, unit: str, embedder: str | None = None
) -> Embedding | None:
    """The embedding of these prompts of these tasks (P,), by the embedder named or the only one; None without any.

    Of several versions the one that was stored last. A prompt without a vector (it has no text) is at the origin. FLOPs
    of the embedder are charged where FLOPs are what is spent. Raises ValueError where another embedder is named, and
    where several are stored and none is named.
    """
    rows = store.scan(root, schema.EMBEDDINGS).to_pandas()
    names = sorted(rows["embedder"].astype(str).unique())
    if not names and embedder is None:
        return None
    if embedder not in names and not (embedder is None and len(names) == 1):
        wanted = f", not {embedder!r}" if embedder else ""
        raise ValueError(f"Choose one embedder of {names}{wanted}; `make embed RUN=... EMBEDDER=...` stores one.")
    rows = rows[rows["embedder"].astype(str) == (embedder or names[0])]
    version = str(rows["version"].iloc[-1])
    rows = rows[rows["version"].astype(str) == version].astype({"task": object, "prompt_id": object})
    wanted_keys = pd.MultiIndex.from_arrays([np.asarray(tasks, dtype=object), np.asarray(prompt_ids, dtype=object)])
    stored = rows.set_index(["task", "prompt_id"])
    at = stored.index.get_indexer(wanted_keys)
    vectors = np.vstack([*stored["vector"], np.zeros(len(stored["vector"].iloc[0]))]).astype(float)
    flops = np.append(stored["flops"].to_numpy(dtype=float), 0.0)
    is_charged = unit == "FLOPs" and bool(np.isfinite(flops).all())
    # Where there is none, -1 takes the last row: the origin, at no cost.
    known = Known(vectors[at], flops[at] if is_charged else np.zeros(len(at)))
    name = embedder or names[0]
    return Embedding(name, version, "counts" if name == TFIDF else "vectors", known, is_charged)
