"""What tells apart runs of one name that were made under different settings. Knows settings, nothing of logs."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any


def tell_apart(named: Sequence[tuple[Hashable, Mapping[str, Any]]]) -> list[str]:
    """For each name with its settings, what else has to be in the name; '' where all of that name have the same.

    'temperature 0.7, top_p 0.9': the settings that differ among those of one name, where they are set.
    """
    groups: dict[Hashable, list[dict[str, str]]] = defaultdict(list)
    for name, settings in named:
        groups[name].append({key: str(value) for key, value in settings.items()})
    differing = {name: _differing(each) for name, each in groups.items()}
    return [
        ", ".join(f"{key} {settings[key]}" for key in differing[name] if key in settings)
        for name, settings in named
    ]


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names, without those that are not set."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        elif value is not None:
            flat[prefix + str(key)] = value
    return flat


def _differing(settings: Sequence[Mapping[str, str]]) -> list[str]:
    keys = sorted({key for each in settings for key in each})
    return [key for key in keys if len({each.get(key) for each in settings}) > 1]
