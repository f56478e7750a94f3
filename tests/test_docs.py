"""The pages under docs/: every command that they give is one that can be composed."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from harness.recognition import AutoThinking
from sweeps.compose import build_job
from sweeps.words import complete

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "models.md"
COMMAND = re.compile(r"^    make (?:plan|sweep) +ARGS=\"(.*?)\"", re.MULTILINE)


def commands() -> list[str]:
    return sorted(set(COMMAND.findall(PAGE.read_text())) - {"model.path=<folder or hub id>"})


@pytest.mark.parametrize("words", commands())
def test_every_command_of_the_page_of_models_is_a_job_of_one_model(words: str) -> None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        job: Any = build_job(compose("sweep", complete(shlex.split(words))))
    assert job.grid.anchor == job.model.name
    assert isinstance(job.thinking, AutoThinking) or "thinking=" in words


def test_every_kind_of_model_has_a_command() -> None:
    assert len(commands()) >= 8 and any("engine=server" in words for words in commands())


def test_what_the_page_names_of_the_project_is_there() -> None:
    named = re.findall(r"`(conf/[\w./-]+|docs/[\w./-]+)`", PAGE.read_text())
    assert named and all((ROOT / name).exists() for name in named)
    assert "(docs/models.md)" in (ROOT / "README.md").read_text()
