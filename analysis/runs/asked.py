"""How the models of a run were asked: the settings that set their identities apart,
weights and chat template aside.
"""

from collections.abc import Mapping, Sequence

from analysis.runs.rungs import Rung

# Longer values are cut, and of one group of settings so many are told one by one.
MAX_CHARS = 32
MAX_TOLD = 2
DEFAULT = "its default"


def apart(rungs: Sequence[Rung]) -> list[str]:
    """What differs between the rungs, a phrase a setting or group of them:
    "sampling.temperature 0.6 (a), 1.0 (b, c)".

    Rungs whose settings were not recorded are left out: of them nothing is known.
    """
    known = [rung for rung in rungs if rung.asked]
    asked = {rung.name: dict(rung.asked) for rung in known}
    names = sorted(set().union(*asked.values())) if asked else []
    differing = [name for name in names if len({parts.get(name) for parts in asked.values()}) > 1]
    groups: dict[str, list[str]] = {}
    for name in differing:
        groups.setdefault(name.split(".")[0], []).append(name)
    return [phrase for group, members in groups.items() for phrase in _phrases(group, members, asked)]


def _phrases(group: str, members: list[str], asked: Mapping[str, Mapping[str, str]]) -> list[str]:
    if len(members) <= MAX_TOLD:
        return [f"{name} {_by_value(name, asked)}" for name in members]
    alike: dict[tuple[str | None, ...], list[str]] = {}
    for model, parts in asked.items():
        alike.setdefault(tuple(parts.get(name) for name in members), []).append(model)
    inner = ", ".join(name.removeprefix(f"{group}.") for name in members)
    return [
        f"{group} ({inner}) in {len(alike)} ways: {' | '.join(', '.join(models) for models in alike.values())}"
    ]


def _by_value(name: str, asked: Mapping[str, Mapping[str, str]]) -> str:
    by_value: dict[str, list[str]] = {}
    for model, parts in asked.items():
        by_value.setdefault(parts.get(name, DEFAULT), []).append(model)
    return ", ".join(f"{_cut(value)} ({', '.join(models)})" for value, models in by_value.items())


def _cut(value: str) -> str:
    """Both ends of a long value: templates often differ in the last words alone."""
    half = MAX_CHARS // 2
    return value if len(value) <= MAX_CHARS else f"{value[:half]}…{value[1 - half :]}"
