"""What README and docs hold: their links, headings, blocks and commands. Reads markdown, runs nothing."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# Other pages that they lead to, and that give commands or links of their own.
BESIDE = (
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "results/README.md",
    "results/real/README.md",
    "ladder/README.md",
)
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS, *(ROOT / name for name in BESIDE)]
# What a command needs that a test has not.
NEEDS = re.compile(r"#\s*needs (?:a )?(.*)")
MARKS = ("GPU", "network", "cluster", "browser")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block; kind: the word behind its fence."""

    kind: str
    text: str


class Command(NamedTuple):
    """A command as it is typed; needs: what its line says that it needs, or nothing."""

    page: str
    words: tuple[str, ...]
    needs: str

    @property
    def is_marked(self) -> bool:
        """Whether it needs what a machine of two cores without a network has not."""
        return any(mark in self.needs for mark in MARKS)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def read(page: Path) -> str:
    return page.read_text()


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(read(page))]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return FENCE.sub("", read(page))


def commands(page: Path) -> list[Command]:
    """Every line of its `sh` blocks; one that ends with a backslash goes on in the next."""
    lines = [
        line for block in blocks(page) if block.kind == "sh" for line in block.text.replace("\\\n", "").split("\n")
    ]
    found = []
    for line in filter(None, map(str.strip, lines)):
        needs = NEEDS.search(line)
        words = shlex.split(line, comments=True)
        # What follows is the shell's, not the command's.
        typed = words[: words.index(">")] if ">" in words else words
        found.append(Command(name(page), tuple(typed), needs[1] if needs else ""))
    return [command for command in found if command.words]


def links(page: Path) -> list[str]:
    """Where its links and pictures lead, without those to other sites."""
    return [
        target for target in LINK.findall(prose(page)) if not target.startswith(("http:", "https:", "mailto:"))
    ]


def anchors(page: Path) -> list[str]:
    """What GitHub calls its headings: small letters, spaces as hyphens, no other marks."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
