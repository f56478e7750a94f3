"""Files that stand for others which were not fetched."""

from pathlib import Path

POINTER = b"version https://git-lfs.github.com/spec/"


def check_fetched(path: Path) -> None:
    """Raise ValueError where the file is a pointer of Git LFS, and what it stands for is elsewhere."""
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise ValueError(
                f"{path.name} is a Git LFS pointer, not the file itself. `git lfs pull` fetches the file."
            )
