"""The pages under docs/: every command that they give is one that can be composed."""

import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from harness.forms import FORMS
from harness.readers import FUNCTIONS
from harness.recognition import AutoThinking
from harness.tasks.lm_eval import LmEval
from harness.types import Outcome
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


def test_what_the_page_of_trust_names_is_there() -> None:
    text = (ROOT / "docs" / "trust.md").read_text()
    named = re.findall(r"`((?:conf|harness)/[\w./-]*)`", text)
    assert named and all((ROOT / name).exists() for name in named)
    words = re.findall(r"python -m sweeps grade RUN (task\.\w+)=", text)
    assert set(words) <= {f"task.{name}" for name in (*FUNCTIONS, "trust")} and len(words) == 2
    assert "trust" in {field.name for field in fields(LmEval)}
    assert "(docs/trust.md)" in (ROOT / "README.md").read_text() and "(SECURITY.md)" in (ROOT / "README.md").read_text()
    assert "(docs/trust.md)" in (ROOT / "SECURITY.md").read_text()


def rows_of(page: str) -> list[list[str]]:
    lines = (ROOT / "docs" / page).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


def test_the_page_of_answers_gives_every_forms_lead_and_every_tasks_form() -> None:
    rows = rows_of("answers.md")
    leads = {row[0].strip("`"): row[1].strip("`") for row in rows if len(row) == 4 and row[0].strip("`") in FORMS}
    assert leads == {name: form.lead or "nothing" for name, form in FORMS.items()}
    told = {task: row[1].strip("`") for row in rows if len(row) == 2 for task in re.findall(r"`(\w+)`", row[0])}
    for path in (ROOT / "conf" / "task").glob("*.yaml"):
        assert told[path.stem] == (OmegaConf.load(path).form or told["lm_eval"]), path.stem


def test_the_page_of_answers_names_every_style_and_every_outcome() -> None:
    named = {name for row in rows_of("answers.md") for name in re.findall(r"`(\w+)`", row[0])}
    assert named >= {path.stem for path in (ROOT / "conf" / "thinking").glob("*.yaml")} - {"auto"}
    assert named >= set(get_args(Outcome))
