"""Runs that no sweep adds to, and how a run says so:
what is drawn or graded for them would not fit what is there.
"""

from pathlib import Path

# Lies in a run that was packed without its texts.
NO_TEXTS = "texts-left-out.txt"
# Lies in a run of several seeds of a task, and tells which rows are of which.
POOLED = "pooled.json"
WITHOUT = (
    "Left out when this run was packed: texts of prompts, thinking and answers, token ids, embeddings. "
    "Votes are codes."
)


def lacks_texts(root: Path) -> bool:
    """Whether the run was packed without its texts."""
    return (root / NO_TEXTS).exists()


def leave_out_texts(root: Path) -> None:
    """Have the run say that it is without its texts."""
    (root / NO_TEXTS).write_text(f"{WITHOUT}\n")


def tell_closed(root: Path) -> list[str]:
    """What a reader of the run is told, a line each."""
    return (
        [f"{root} was packed without texts, so no prompt and no answer can be shown."] if lacks_texts(root) else []
    )


def check_open(root: Path) -> None:
    """Raise ValueError where a sweep cannot add to the run, nor grade it."""
    if lacks_texts(root):
        raise ValueError(
            f"{root} was packed without texts, so it cannot be graded or drawn further. Get a pack with texts, "
            "or do this where the run was made."
        )
    if (root / POOLED).exists():
        raise ValueError(
            f"{root} was merged from several seeds of a task, and a sweep draws only one seed. Draw or grade the "
            "runs that it was merged from, and merge them again."
        )
