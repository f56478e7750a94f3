"""Planted runs of tests/analysis, one of them written by a hostile model, and what lies in their pages."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isoquant.__main__ import main
from results import schema, store
from tests.analysis import conftest as planted
from tests.analysis.conftest import ladder, plant, write_once  # noqa: F401
from tests.analysis.planted_scores import score

# What a model may write, and what it may be called.
HOSTILE = [
    "<script>window.harmed = 1</script>",
    "</script><script>window.harmed = 1</script>",
    '<img src="x" onerror="window.harmed = 1">',
    '" onmouseover="window.harmed = 1" x="',
    "<!-- <script> --!> ]]> <![CDATA[",
    "a line\u2028and a paragraph\u2029end",
    "\u202eturned around\u2066 hidden\u200b \ufeff",
    "null \x00, escape \x1b[31m, \x7f",
    "&lt;b&gt; %{x} ${window.harmed} `$title` \\u003cb>",
    '<a href="javascript:window.harmed = 1">click</a><svg onload="window.harmed = 1">',
]
NAMES = ("</script><b onclick='window.harmed = 1'>small</b>", "<img src=x onerror=window.harmed=1>%{x}\u202elarge")


def write_hostile_run(root: Path, *, num_prompts: int = 4, num_samples: int = 3) -> None:
    """Two rungs that write nothing but HOSTILE, on prompts of the same kind."""
    rng = np.random.default_rng(0)
    difficulty = rng.normal(size=num_prompts)
    for number, rung in enumerate(planted.LADDER[:2]):
        model = planted._model_row(rung) | {"model": NAMES[number], "task": HOSTILE[0]}
        store.append(root, schema.MODELS, [model], writer=rung.name)
        cells = [
            {"identity": planted.identity(rung), "pool": "evaluation", "budget": budget}
            | {"num_samples": num_samples, "num_prompts": num_prompts}
            for budget in planted.BUDGETS
        ]
        store.append(root, schema.CELLS, cells, writer=rung.name)
        tables = planted.sample_rows(
            rung,
            pool="evaluation",
            budgets=planted.BUDGETS,
            difficulty=difficulty,
            num_samples=num_samples,
            rng=rng,
        )
        for table, rows in zip((schema.TRACES, schema.ANSWERS, schema.GRADES), tables, strict=True):
            column = "extracted" if table is schema.GRADES else "text"
            words = [row | {column: HOSTILE[at % len(HOSTILE)]} for at, row in enumerate(rows)]
            store.append(root, table, words, writer=rung.name)
    prompts = [
        {"task": HOSTILE[0], "prompt_id": f"planted/{at:04d}", "text": "\n".join(HOSTILE)}
        | {"dials": json.dumps({HOSTILE[2]: HOSTILE[1]})}
        for at in range(num_prompts)
    ]
    store.append(root, schema.PROMPTS, prompts, writer="prompts")


def report(root: Path, *options: str) -> str:
    """The page that `isoquant report` writes."""
    assert main(["report", str(root), *options]) == 0
    return (root / "report.html").read_text(encoding="utf-8")


def data_of(page: str, name: str) -> Any:
    """What lies in the page under a name, as its scripts read it."""
    return json.loads(re.search(f'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="session")
def ladder_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of three rungs on 40 prompts with three bins."""
    root = tmp_path_factory.mktemp("report") / "ladder"
    planted.write_run(root, planted.LADDER[:3], num_prompts=40, num_samples=6, bin_samples=6)
    report(root)
    return root / "report.html"


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report") / "hostile"
    write_hostile_run(root)
    report(root)
    return root / "report.html"


# A verifier's name is shown as well.
HOSTILE_SCORER = "<img src=x onerror=window.harmed=1>"
DELIMITER = " "


def write_step_scores(root: Path) -> None:
    """Scores of every step of the hostile run's traces and answers: what stands between two spaces."""
    key = ["identity", "prompt_id", "sample"]
    written = {
        tuple(row[name] for name in key): row["text"] for row in store.scan(root, schema.TRACES).to_pylist()
    }
    answers = {
        (*(row[name] for name in key), row["budget"]): row["text"]
        for row in store.scan(root, schema.ANSWERS).to_pylist()
    }

    def give(row: Any, rng: np.random.Generator) -> dict[str, Any]:
        place = (row.identity, row.prompt_id, row.sample)
        budget = None if np.isnan(row.budget) else int(row.budget)
        texts = (written[place], answers[(*place, budget)])
        steps = sum(len([part for part in text.split(DELIMITER) if part.strip()]) for text in texts)
        values = (rng.integers(-9, 9, size=steps) / 8).tolist()
        return {"score": values[-1], "step_scores": values}

    parts = {"steps": {"step": DELIMITER}, "layout": {"thinking": ["", ""]}}
    score(root, give, scorer=HOSTILE_SCORER, kind="process", scorer_parts=json.dumps(parts))


@pytest.fixture(scope="session")
def scored_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hostile run as a process reward model scored it, step by step."""
    root = tmp_path_factory.mktemp("report") / "scored"
    write_hostile_run(root)
    write_step_scores(root)
    report(root, "--rule", "best_of_n")
    return root / "report.html"
