"""What a run, a log or a file says in names reaches a terminal as words."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

from results.terminal import guard, show

RUN = Path("results/real/chain_sum")
CONTROLS = {
    "a window's title": "\x1b]0;owned\x07",
    "a cleared screen": "\x1b[2J",
    "a clipboard": "\x1b]52;c;aGk=\x07",
    "a line that is gone back in": "all is well\rerror",
    "letters taken back": "error\b\b\b\b\bfine ",
    "eight-bit controls": "\x9b2J",
    "text turned around": "\u202etxt.exe",
    "hidden text": "a\u200bb\U000e0041",
    "concealed text": "\x1b[8mhidden",
    "text of no colour": "\x1b[30;40mhidden",
    "half a character": "\ud800",
    "a form feed": "\x0c",
    "nul": "\0",
}


def write(text: str, *, encoding: str = "utf-8") -> str:
    kept = io.BytesIO()
    stream = io.TextIOWrapper(kept, encoding=encoding)
    guard(stream)
    print(text, file=stream, flush=True)
    return kept.getvalue().decode(encoding)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_is_shown_by_its_name(name: str) -> None:
    shown = write(f"model {CONTROLS[name]}")
    assert "‹U+" in shown and all(letter.isprintable() for letter in shown.rstrip("\n"))
    assert show(shown) == shown


@pytest.mark.parametrize(
    "text", ["two\nlines\tand a tab", "模型 ‹é› 😀", "\x1b[1;32mgreen\x1b[0m and \x1b[mplain"]
)
def test_words_lines_and_colours_stay(text: str) -> None:
    assert write(text) == f"{text}\n"


def test_what_a_stream_has_no_letter_for_is_written_all_the_same() -> None:
    assert write("模 \x1b[2J", encoding="ascii") == "\\u6a21 \\u2039U+001B\\u203a[2J\n"


def test_progress_bars_still_move_and_their_words_are_shown() -> None:
    kept = io.BytesIO()
    stream = io.TextIOWrapper(kept, encoding="utf-8")
    guard(stream)
    for position in (0, 2):
        with tqdm(total=2, desc="a\x1b[2J", file=stream, position=position, mininterval=0) as bar:
            bar.update()
    said = kept.getvalue().decode()
    assert "\x1b[2J" not in said and "a‹U+001B›[2J" in said and "\r" in said and "\x1b[A" in said


@pytest.mark.parametrize(
    "words", ["isoquant health {run}", "isoquant grade {run}", "isoquant ingest {run} {run}/x"]
)
def test_a_command_shows_the_names_of_files_as_words(words: str, tmp_path: Path) -> None:
    # Named from beside it: of a long path a message shows the two ends alone.
    run = Path(shutil.copytree(RUN, tmp_path / "\x1b[2J\u202erun"))
    (run / "answers" / "\x1b]0;owned\x07.txt").write_text("stray")
    given = [sys.executable, "-m", *(word.format(run=run.name) for word in words.split())]
    done = subprocess.run(given, capture_output=True, text=True, check=False, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert "‹U+001B›[2J‹U+202E›" in said and "Traceback" not in said, said
    assert not any(control in said for control in "\x1b\x07\u202e")


def test_names_of_no_alphabet_of_the_locale_end_no_command(tmp_path: Path) -> None:
    run = Path(shutil.copytree(RUN, tmp_path / "模型"))
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "isoquant", "summary", f"{run}/nowhere"],
        capture_output=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 2 and b"Traceback" not in done.stderr and b"\\u6a21" in done.stderr
