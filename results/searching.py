"""Which samples of a run are paths of a search against a verifier, by what their identity is the hash of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results import store
from results.folder import read_object
from results.schema import MODELS

# The part of an identity that says how was searched.
STRATEGY = "strategy"


def read_searching(root: Path) -> dict[str, int]:
    """The identities whose samples are paths of a search, and how many of a prompt's paths make one search."""
    return {name: count_paths(told) for name, told in read_strategies(root).items()}


def count_paths(strategy: Mapping[str, Any]) -> int:
    """How many paths of a prompt make one search: those of a beam, of which an identity tells the width."""
    return read_count(strategy, "width")


def read_count(strategy: Mapping[str, Any], name: str) -> int:
    """A number that a strategy tells, 1 where it tells none."""
    count = strategy.get(name)
    return count if isinstance(count, int) and count > 0 else 1


def read_strategies(root: Path) -> dict[str, dict[str, Any]]:
    """By identity how was searched; raises ValueError where that cannot be read."""
    found = {}
    for row in store.scan(root, MODELS, columns=["identity", "identity_parts"]).to_pylist():
        parts = read_object(row["identity_parts"] or "{}", where="identity_parts of a model")
        if isinstance(strategy := parts.get(STRATEGY), dict):
            found[row["identity"]] = strategy
    return found
