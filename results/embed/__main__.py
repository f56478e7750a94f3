"""python -m results.embed RUN: what an embedder makes of the prompts of a run, for routers to read."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from results.embed.embedders import TFIDF, Embedder, HashedTerms, SentenceModel
from results.embed.write import embed_run
from results.shortage import explain_refusal
from results.stopping import stopping_in_a_line

RUNS = Path("results/runs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Embed one run and return the exit status: 2, and one line on stderr, for what a user can put right."""
    parser = argparse.ArgumentParser(prog="python -m results.embed", description=main.__doc__)
    parser.add_argument("run", metavar="RUN", help="a run directory, or a name below results/runs")
    parser.add_argument("--embedder", default=TFIDF, help=f"{TFIDF}, or a model of sentence-transformers: folder or id")
    options = parser.parse_args(arguments)
    root = RUNS / options.run if Path(options.run).name == options.run else Path(options.run)
    try:
        if not root.is_dir():
            raise ValueError(f"There is no run {root}.")
        embedder = choose(options.embedder)
        num_embedded = embed_run(root, embedder)
    except BrokenPipeError:
        raise
    except (ValueError, OSError) as error:
        print(f"error: {explain_refusal(error, root)}", file=sys.stderr)
        return 2
    print(f"{num_embedded:,} prompts embedded by {embedder.name} ({embedder.version}) in {root}")
    return 0


def choose(name: str) -> Embedder:
    """The embedder of this name: term counts, or whatever sentence-transformers can load. Raises ValueError for none.

    The last part of the name is what its vectors are stored under.
    """
    if not Path(name).name:
        raise ValueError(f"--embedder {name!r} names no model; give {TFIDF}, a folder, or an id of the hub.")
    return HashedTerms() if name == TFIDF else SentenceModel(name)


if __name__ == "__main__":
    with stopping_in_a_line("Stopped; what was stored is kept, run the same command again to go on."):
        sys.exit(main())
