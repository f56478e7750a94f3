"""Commands of README and docs on the reference run, run on a copy of it; what a page shows is what they print."""

import shutil
from pathlib import Path

import pytest

from isoquant.__main__ import main
from tests.docs.pages import PAGES, ROOT, Command, blocks, commands, name

pytestmark = pytest.mark.long

REFERENCE = "results/reference"
# Runs that are drawn first.
NOT_HERE = ("results/runs", "mine")
RUN = [
    command
    for command in dict.fromkeys(command for page in PAGES for command in commands(page))
    if command.words[0] == "isoquant"
    and not command.is_marked
    and any(word.startswith(REFERENCE) for word in command.words)
    and not any(word.startswith(NOT_HERE) for word in command.words)
]
# Page -> the command whose output it shows, and which of its text blocks show it.
SHOWN = {
    "README.md": (f"summary {REFERENCE}", slice(0, 1)),
    "docs/analysis.md": (f"summary {REFERENCE}", slice(0, 1)),
    "docs/claims.md": (f"claims {REFERENCE}", slice(0, 1)),
    "docs/votes.md": (f"votes {REFERENCE}", slice(0, 1)),
    "docs/rung.md": (f"laws {REFERENCE} --rung 3M", slice(0, 1)),
    "docs/train-or-serve.md": (f"serve {REFERENCE} --target 0.6 --queries 1e3 1e5 1e7", slice(0, 1)),
    "docs/policies.md": (f"replay {REFERENCE}", slice(0, 2)),
    "docs/gallery.md": (f"compare {REFERENCE} {REFERENCE}:countdown-0.4m", slice(0, 1)),
}


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a copy of the reference run without its figures."""
    shutil.copytree(ROOT / REFERENCE, tmp_path / REFERENCE, ignore=shutil.ignore_patterns("figures"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", RUN, ids=lambda command: " ".join(command.words))
def test_a_command_on_the_reference_run_ends_well(command: Command, copied: Path) -> None:
    assert main(list(command.words[1:])) == 0


@pytest.mark.parametrize("page", SHOWN)
def test_what_a_page_shows_is_what_the_command_prints(
    page: str, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, which = SHOWN[page]
    assert main(words.split()) == 0
    printed = capsys.readouterr().out
    shown = [block.text for block in blocks(ROOT / page) if block.kind == "text"][which]
    assert len(shown) == which.stop - which.start
    assert [line for text in shown for line in text.splitlines() if line and line not in printed] == []


def test_every_page_that_shows_output_is_one_of_these() -> None:
    with_commands = {name(page) for page in PAGES if any(block.kind == "text" for block in blocks(page))}
    # Of models and tools that are not here, folder trees, and what `test_goals.py` compares.
    assert with_commands - set(SHOWN) == {
        "docs/architecture.md",
        "docs/goals.md",
        "docs/ingest.md",
        "docs/large.md",
        "docs/models.md",
        "ladder/README.md",
    }
