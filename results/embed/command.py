"""embed: what an embedder makes of the prompts of a run, for routers to read."""

import argparse
from pathlib import Path
from typing import Any

from results.embed.embedders import TFIDF, Embedder, HashedTerms, SentenceModel
from results.embed.write import embed_run
from results.places import find_folder
from results.shortage import writing_run

EXAMPLES = """\
  isoquant embed pilot                              hashed terms: no model
  isoquant embed pilot --embedder sentence-transformers/all-MiniLM-L6-v2
"""


def add(commands: Any) -> None:
    text = "store embeddings of a run's prompts, for routers to read"
    command = commands.add_parser("embed", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("run", metavar="RUN", help="a run folder, or a name in results/runs")
    command.add_argument(
        "--embedder",
        metavar="MODEL",
        default=TFIDF,
        help=f"{TFIDF}, or a model of sentence-transformers: folder or id",
    )


def run(options: argparse.Namespace) -> dict[str, object]:
    """Embed one run; print how many prompts that were."""
    root = find_folder(options.run)
    embedder = choose(options.embedder)
    with writing_run(root):
        num_embedded = embed_run(root, embedder)
    print(f"{num_embedded:,} prompts embedded by {embedder.name} ({embedder.version}) in {root}")
    told = {"run": str(root), "num_embedded": num_embedded}
    return told | {"embedder": embedder.name, "version": embedder.version}


def choose(name: str) -> Embedder:
    """The embedder of this name: term counts, or whatever sentence-transformers can load.
    Raises ValueError for none.

    The last part of the name is what its vectors are stored under.
    """
    if not Path(name).name:
        raise ValueError(f"--embedder {name!r} is not a model. Give {TFIDF}, a folder, or a hub id.")
    return HashedTerms() if name == TFIDF else SentenceModel(name)
