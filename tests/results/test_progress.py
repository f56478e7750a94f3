"""What a long command says of how far it is, and a short one does not."""

import os
import pty
import re
import subprocess
import sys
import termios
import time

import pytest

from results import progress

SCRIPT = """
import time
from results import progress
progress.SILENT_SECONDS = 0.1
with progress.working("summary"):
    progress.step("reading small")
    time.sleep(0.5)
    print("a line of the summary")
    progress.step("matching models")
    time.sleep(2.5)
print("done")
"""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.1)


def test_a_short_command_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.working("summary"):
        progress.step("reading small")
    assert capfd.readouterr().err == ""


def test_a_long_command_says_what_it_is_at(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.working("summary"):
        progress.step("reading small")
        time.sleep(0.5)
        print("a line of the summary")
    found = capfd.readouterr()
    assert found.err == "summary  reading small, 0:00 so far\n" and found.out == "a line of the summary\n"


def test_what_a_command_raises_goes_on_and_its_line_ends() -> None:
    with pytest.raises(ValueError, match="no such run"), progress.working("summary"):
        raise ValueError("no such run")
    with progress.working("summary"):
        assert progress._At.step == "starting"


def test_on_a_terminal_one_line_changes_and_what_is_printed_stands_above_it() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=theirs, stderr=theirs) as command:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:
                break
    os.close(ours)
    assert command.returncode == 0
    text = shown.decode()
    # Where the machine is slow the first of it may come before the first step.
    assert re.search(r"summary: (starting|reading small), 0:0\d so far", text)
    assert re.search(r"summary: matching models, 0:0\d so far", text)
    lines = [line.rpartition("\r")[2].strip() for line in text.replace("\r\n", "\n").split("\n")]
    assert [line for line in lines if line] == ["a line of the summary", "done"]
