"""Where the rows of a merged run came from, and what probes found: the records of both runs."""

from pathlib import Path

from results.folder import find_visible, read_object
from results.whole import write_whole


def copy_records(stage: Path, first: Path, second: Path) -> None:
    """Where rows came from, and what probes found;
    a record of the second run whose name is taken has the next one.
    """
    for root in (first, second):
        for folder in ("provenance", "probes"):
            for path in find_visible(root / folder, "*.json"):
                (stage / folder).mkdir(exist_ok=True)
                if (place := _place(stage / folder, path)) is not None:
                    write_whole(place, path.read_bytes())


def _place(folder: Path, path: Path) -> Path | None:
    """Where a record goes; None where it is there. Of two probes of a model the deeper one stays."""
    there = folder / path.name
    if not there.exists():
        return there
    one, other = (read_object(each.read_text(errors="replace"), where=each) for each in (there, path))
    if folder.name == "probes":
        depths = [told.get("max_thinking_tokens") for told in (one, other)]
        is_deeper = all(isinstance(depth, int) for depth in depths) and depths[1] > depths[0]  # type: ignore[operator]
        return there if is_deeper else None
    name, dash, number = path.stem.rpartition("-")
    if not (dash and number.isdigit()):
        name = path.stem
    taken = [
        each for each in find_visible(folder, "*.json") if each.stem.rpartition("-")[0] == name or each == there
    ]
    if any(each.read_bytes() == path.read_bytes() for each in taken):
        return None
    numbers = [int(last) for each in taken if (last := each.stem.rpartition("-")[2]).isdigit()]
    return folder / f"{name}-{1 + max(numbers, default=-1):03d}.json"
