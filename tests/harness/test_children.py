"""Processes that are bound to the one that started them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.children import bind_children, bound_python
from tests.sweeps.launchers.conftest import is_running, wait_until

PARENT = """
import os, signal, subprocess, sys, time
from harness.children import bound_python
with bound_python() as python:
    code = "import time; print(1, flush=True); time.sleep(600)"
    child = subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    os.kill(child.pid, signal.SIGSTOP)
    print(child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux binds processes, others do not")
def test_a_child_that_is_stopped_ends_with_a_parent_that_is_killed() -> None:
    done = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    wait_until(lambda: not is_running(pid))


def test_a_path_with_a_space_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spaced = tmp_path / "my venv" / "python"
    spaced.parent.mkdir()
    spaced.symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setattr(sys, "executable", str(spaced))
    with bound_python() as python:
        said = subprocess.run([python, "-c", "import sys; print(sys.argv[1:])", "a b", "'c'"], capture_output=True)
    assert said.stdout.decode().strip() == "['a b', \"'c'\"]", said.stderr


def test_what_multiprocessing_starts_by_is_put_back() -> None:
    from multiprocessing import spawn

    before = spawn.get_executable()
    with bind_children():
        assert spawn.get_executable() != before or sys.platform != "linux"
    assert spawn.get_executable() == before
