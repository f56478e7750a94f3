"""The stored embeddings of a run's prompts. Knows the table, no embedder."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from results import schema, store
from results.embed.embedders import TFIDF


class Vectors(NamedTuple):
    """What one embedder made of the prompts: vectors (P, D), FLOPs (P,) it took, NaN where that is not known.

    are_counts: whether they count terms, so that lengths of vectors mean nothing.
    """

    embedder: str
    version: str
    vectors: Floats
    flops: Floats
    are_counts: bool


def read(root: Path, *, tasks: ArrayLike, prompt_ids: ArrayLike, embedder: str | None = None) -> Vectors | None:
    """The embedding of these prompts of these tasks (P,), by the embedder named or the only one; None without any.

    Of several versions the one that was stored last. A prompt without a vector (it has no text) is at the origin,
    at no FLOPs. Raises ValueError where another embedder is named, where several are stored and none is named, and
    where vectors are none.
    """
    rows = store.scan(root, schema.EMBEDDINGS).to_pandas()
    names = sorted(rows["embedder"].astype(str).unique())
    if not names and embedder is None:
        return None
    if embedder not in names and not (embedder is None and len(names) == 1):
        wanted = f", not {embedder!r}" if embedder else ""
        raise ValueError(
            f"Choose one embedder of {names}{wanted}; `isoquant embed RUN --embedder ...` stores another."
        )
    rows = rows[rows["embedder"].astype(str) == (embedder or names[0])]
    version = str(rows["version"].iloc[-1])
    rows = rows[rows["version"].astype(str) == version].astype({"task": object, "prompt_id": object})
    wanted_keys = pd.MultiIndex.from_arrays(
        [np.asarray(tasks, dtype=object), np.asarray(prompt_ids, dtype=object)]
    )
    stored = rows.set_index(["task", "prompt_id"])
    vectors = _stack(stored, root)
    at = stored.index.get_indexer(wanted_keys)
    flops = np.append(stored["flops"].to_numpy(dtype=float), 0.0)
    name = embedder or names[0]
    # Where there is none, -1 takes the last row: the origin, at no cost.
    return Vectors(name, version, vectors[at], flops[at], name == TFIDF)


def _stack(stored: pd.DataFrame, root: Path) -> Floats:
    """The vectors of all rows and the origin behind them, shape (rows + 1, D);
    raises ValueError where one is none.
    """
    fault = None
    if stored.index.has_duplicates:
        fault = "two vectors for one prompt"
    elif stored["vector"].isna().any():
        fault = "rows without a vector"
    elif len(lengths := sorted(set(map(len, stored["vector"])))) > 1:
        fault = f"vectors of {lengths[0]:,} and of {lengths[-1]:,} numbers"
    else:
        vectors = np.vstack([*stored["vector"], np.zeros(lengths[0])]).astype(float)
        if np.isfinite(vectors).all():
            return vectors
        fault = "vectors with numbers that are infinite or none"
    raise ValueError(
        f"{root / schema.EMBEDDINGS.name} has {fault} by one embedder. Move the folder away and run "
        "`isoquant embed` again."
    )
