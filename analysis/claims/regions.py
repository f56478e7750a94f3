"""Regions of equivalence as they were stated beforehand, by claim and part."""

from collections.abc import Mapping
from typing import Any

from analysis.claims.claim import Claim, Regions
from analysis.stats.verdicts import Region


def read(stated: Any, claims: Mapping[str, Claim]) -> dict[str, Regions]:
    """What a file of regions says, checked: every claim that is weighed, each with its parts.

    Raises ValueError that says what is wrong with the file.
    """
    if not isinstance(stated, Mapping):
        raise ValueError("Regions are written as `claim: {part: [low, high]}`.")
    weighed = {name for name, claim in claims.items() if claim.weigh is not None}
    if unknown := sorted(map(str, set(stated) - weighed)):
        raise ValueError(f"No claim {', '.join(unknown)}; choose from {', '.join(sorted(weighed))}.")
    return {name: _parts(name, claims[name], stated.get(name)) for name in weighed}


def _parts(name: str, claim: Claim, stated: Any) -> Regions:
    given = stated if isinstance(stated, Mapping) else {}
    if set(given) != set(claim.parts):
        raise ValueError(
            f"The regions of {name} are {', '.join(claim.parts)}; got {', '.join(map(str, given)) or '-'}."
        )
    return {part: _region(f"{name}.{part}", values) for part, values in given.items()}


def _region(name: str, values: Any) -> Region:
    try:
        low, high = (float(value) for value in values)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        raise ValueError(f"The region {name} is [low, high], two numbers in order; got {values!r}.")
    return Region(low, high)
