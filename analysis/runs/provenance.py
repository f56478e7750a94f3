"""Where the rows of a run came from: RUN/provenance/*.json."""

from pathlib import Path
from typing import Any

from results.folder import find_visible, read_object

Record = dict[str, Any]


def read(root: Path) -> list[Record]:
    """Every record of the run in the order of their files' names.
    Raises ValueError that names one that is no JSON.
    """
    records = []
    for path in find_visible(root / "provenance", "*.json"):
        record = read_object(path.read_text(encoding="utf-8", errors="replace"), where=path)
        packages = record.get("packages")
        records.append(
            {"record": path.stem} | record | {"packages": packages if isinstance(packages, dict) else {}}
        )
    return records
