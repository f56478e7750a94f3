"""What a terminal is shown: words as they stand, controls by their name. Standard library only.

Names in a run, a log or a file may come from anyone, and a terminal obeys what it is told: to clear itself, to
turn words around, to take another title.
"""

import re
import sys
from typing import TextIO

# Controls but for the end of a line and the tabulator; what turns text around or hides it; halves of a character.
UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Colours of text that stays legible, as logs of other packages have them.
COLOURS = re.compile("\x1b\\[(?:(?:0|1|[39][1-7]|90)(?:;(?:0|1|[39][1-7]|90))*)?m")
# What progress bars write: one returns to the start of its line, or goes up to it.
BAR_MOVES = re.compile("\r|\n*(?:\x1b\\[A)*$")


def show(text: str) -> str:
    """Text with controls by their name, as in ‹U+001B›."""
    return UNSEEN.sub(lambda found: f"‹U+{ord(found[0]):04X}›", text)


def guard(*streams: TextIO) -> None:
    """Have these streams show whatever is written to them,
    and write in a way of its own what they have no letter for.

    Progress bars still move, and colours stay. A stream that is none of Python's own is left as it is.
    """
    for stream in streams:
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
            _write_shown(stream)


def guard_terminal() -> None:
    guard(sys.stdout, sys.stderr)


def _write_shown(stream: TextIO) -> None:
    write = stream.write

    def write_shown(text: str) -> int:
        moves = BAR_MOVES.match(text)
        start = moves.end() if moves else 0
        write(text[:start] + _show_but_colours(text[start:]))
        return len(text)

    # Only of the instance: logging and warnings hold on to the stream that they found.
    stream.write = write_shown  # type: ignore[method-assign]


def _show_but_colours(text: str) -> str:
    colours = [*COLOURS.findall(text), ""]
    return "".join(show(part) + colour for part, colour in zip(COLOURS.split(text), colours, strict=True))
