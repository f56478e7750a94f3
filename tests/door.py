"""Commands as tests call them: in this process, the exit status returned."""

from collections.abc import Sequence

from isoquant.__main__ import main


def ingest(arguments: Sequence[str]) -> int:
    return main(["ingest", *arguments])


def embed(arguments: Sequence[str]) -> int:
    return main(["embed", *arguments])
