"""Runs with a planted truth, written through the store as a sweep would write them."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from analysis.questions import exchange_rates
from analysis.questions.exchange_rates import Findings
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.runs.outcomes import Outcomes
from results import schema, store

BUDGETS = (0, 16, 32, 64, 128, 256)
CAP_TOKENS = max(BUDGETS)


class PlantedRung(NamedTuple):
    """A model whose chance on a prompt is a logistic curve of ability - difficulty,
    less what a cut trace costs it.
    """

    name: str
    num_params: int
    num_layers: int
    num_heads: int
    ability: float


LADDER = (
    PlantedRung("33k", 33_000, 3, 1, 0.2),
    PlantedRung("125k", 125_000, 4, 2, 0.8),
    PlantedRung("0.4m", 400_000, 4, 3, 1.3),
    PlantedRung("1.1m", 1_100_000, 6, 4, 1.9),
)
# A trace cut in the middle of its first attempt does worse than none.
CUT_LOSS = {0: 1.6, 16: 2.0, 32: 1.3, 64: 0.8, 128: 0.4, 256: 0.0}

Plant = Callable[..., Path]


class Pythia(NamedTuple):
    """Successes of each model, smallest first, on the same problems (P,), and the widths that were published."""

    num_samples: int
    num_correct: dict[str, np.ndarray]
    k: np.ndarray


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process that draws would import for seconds; test_drawing has one."""
    monkeypatch.setattr("analysis.figures.drawing._start_helper", lambda: None)


@pytest.fixture
def pictures() -> None:
    """For a test of the files: figures as PNG and PDF, with all their dots."""


@pytest.fixture
def few_dots(monkeypatch: pytest.MonkeyPatch, pictures: None) -> None:
    """Figures as PNG and PDF, where it is judged what is drawn and not how finely."""
    monkeypatch.setattr("analysis.figures.save.DOTS_AN_INCH", 30)


@pytest.fixture(autouse=True)
def no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made, and only their bytes are left out, which take most of the time."""
    if "pictures" not in request.fixturenames:
        for kind in ("pdf", "png"):
            monkeypatch.setattr(f"analysis.figures.save._write_{kind}", lambda figure, path: path.write_bytes(b""))


@pytest.fixture(scope="session")
def pythia(outside_data: Callable[[str], Path]) -> Pythia:
    """Brown et al.'s samples of Pythia on MATH, as Schaeffer et al.
    counted them (arXiv 2407.21787, 2502.17578).
    """
    table = pd.read_parquet(outside_data("monkeys/pythia_math_10k.parquet"))
    counts = table.drop_duplicates(["Model", "Problem Idx"]).pivot(
        index="Problem Idx", columns="Model", values="Num. Samples Correct"
    )
    sizes = ("70M", "160M", "410M", "1B", "2.8B", "6.9B", "12B")
    num_correct = {size: counts[f"Pythia {size}"].to_numpy(dtype=np.int64) for size in sizes}
    return Pythia(10_000, num_correct, np.sort(table["Scaling Parameter"].unique()))


@pytest.fixture(scope="session")
def ladder() -> tuple[PlantedRung, ...]:
    return LADDER


@pytest.fixture(scope="session")
def write_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """write_once(rungs, budgets, num_prompts=..., ...) is a run of that shape, written once for all tests.

    It is there to be copied. budgets: those that a run has just then.
    """

    @cache
    def write(rungs: tuple[PlantedRung, ...], budgets: tuple[int, ...], **shape: int) -> Path:
        assert budgets == BUDGETS
        root = tmp_path_factory.mktemp("planted") / "run"
        write_run(root, rungs, **shape)
        return root

    return write


@pytest.fixture
def plant(tmp_path: Path, write_once: Callable[..., Path]) -> Plant:
    """plant(rungs, ...) puts a run below the test's own folder and returns where it lies."""

    def planted(rungs: Sequence[PlantedRung] = LADDER, *, name: str = "run", **shape: int) -> Path:
        return Path(shutil.copytree(write_once(tuple(rungs), BUDGETS, **shape), tmp_path / name))

    return planted


@pytest.fixture(scope="session")
def ladder_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four rungs, 120 prompts, 16 samples, six budgets, 8 samples held out for bins by the largest."""
    root = tmp_path_factory.mktemp("runs") / "ladder"
    write_run(root, LADDER, num_prompts=120)
    return root


@pytest.fixture(scope="session")
def copied(ladder_run: Path) -> Outcomes:
    """The ladder's outcomes with every prompt four times over; the label `original` says of which it is a copy."""
    loaded = outcomes.load(ladder_run)
    originals = np.repeat(np.arange(len(loaded.prompt_ids)), 4)
    taken = loaded.take(budgets=np.arange(len(loaded.budgets)), prompts=originals)
    return replace(taken, dials={"original": originals})


@pytest.fixture(scope="session")
def found(ladder_run: Path) -> Findings:
    """What the ladder's run says."""
    return exchange_rates.measure(read(outcomes.load(ladder_run), Choices()))


def write_run(
    root: Path,
    rungs: Sequence[PlantedRung],
    *,
    num_prompts: int,
    num_samples: int = 16,
    bin_samples: int = 8,
    seed: int = 0,
) -> None:
    """All tables of one run; the last rung is the anchor."""
    difficulty = np.random.default_rng(seed).normal(size=num_prompts)
    for number, rung in enumerate(rungs):
        rng = np.random.default_rng((seed, number))
        store.append(root, schema.MODELS, [_model_row(rung)], writer=rung.name)
        pools = [("evaluation", BUDGETS, num_samples)]
        pools += [("bins", (CAP_TOKENS,), bin_samples)] if rung == rungs[-1] and bin_samples else []
        for pool, budgets, samples in pools:
            cells = [
                {
                    "identity": identity(rung),
                    "pool": pool,
                    "budget": b,
                    "num_samples": samples,
                    "num_prompts": num_prompts,
                }
                for b in budgets
            ]
            store.append(root, schema.CELLS, cells, writer=rung.name)
            rows = sample_rows(
                rung, pool=pool, budgets=budgets, difficulty=difficulty, num_samples=samples, rng=rng
            )
            for table, stored in zip((schema.TRACES, schema.ANSWERS, schema.GRADES), rows, strict=True):
                store.append(root, table, stored, writer=rung.name)


def identity(rung: PlantedRung) -> str:
    return f"{rung.name}-identity"


def sample_rows(
    rung: PlantedRung,
    *,
    pool: str,
    budgets: Sequence[int],
    difficulty: np.ndarray,
    num_samples: int,
    rng: np.random.Generator,
) -> tuple[list[dict], list[dict], list[dict]]:
    """Rows of traces, answers and grades of one rung and pool."""
    traces, answers, grades = [], [], []
    for prompt, hardness in enumerate(difficulty):
        lengths = rng.lognormal(3.6 + 0.5 * hardness, 0.7, size=num_samples).astype(int) + 4
        for sample, length in enumerate(lengths):
            key = {
                "identity": identity(rung),
                "prompt_id": f"planted/{prompt:04d}",
                "pool": pool,
                "sample": sample,
            }
            ended = bool(length <= CAP_TOKENS)
            thinking = int(min(length, CAP_TOKENS))
            traces.append(_trace_row(key, thinking, ended))
            for budget in [*(b for b in budgets if b < length), *([None] if ended else [])]:
                chance = 1 / (
                    1
                    + np.exp(-1.4 * (rung.ability - hardness) + CUT_LOSS[CAP_TOKENS if budget is None else budget])
                )
                answers.append(_answer_row(key, budget, thinking))
                grades.append(_grade_row(key, budget, chance, rng))
    return traces, answers, grades


def _model_row(rung: PlantedRung) -> dict:
    return {
        "identity": identity(rung),
        "model": rung.name,
        "task": "planted",
        "num_params": rung.num_params,
        "num_matmul_params": rung.num_params,
        "num_layers": rung.num_layers,
        "hidden_size": 32 * rung.num_heads,
        "num_heads": rung.num_heads,
        "num_kv_heads": rung.num_heads,
        "head_dim": 32,
    }


def _trace_row(key: dict, thinking: int, ended: bool) -> dict:
    stop = "stop" if ended else "length"
    request = {"num_prompt_tokens": 14, "finish_reason": stop}
    return key | request | {"start_token": 0, "num_thinking_tokens": thinking, "ended": ended}


def _answer_row(key: dict, budget: int | None, thinking: int) -> dict:
    spent = thinking if budget is None else budget
    return key | {
        "budget": budget,
        "num_thinking_tokens": spent,
        "num_answer_tokens": 10,
        "forced": budget is not None,
        "num_prompt_tokens": 14 + spent + (budget is not None),
        "finish_reason": "stop",
    }


def _grade_row(key: dict, budget: int | None, chance: float, rng: np.random.Generator) -> dict:
    """Two right answers, a dozen wrong ones of falling popularity, and one in fifty that cannot be read."""
    correct, readable = bool(rng.random() < chance), bool(rng.random() > 0.02)
    right, wrong = f"right-{int(rng.random() < 0.2)}", f"wrong-{min(int(rng.geometric(0.25)), 12)}"
    outcome = ("correct" if correct else "wrong") if readable else "unparsed"
    return key | {
        "budget": budget,
        "grader": "planted",
        "grader_version": "1",
        "vote_key": (right if correct else wrong) if readable else None,
        "correct": correct and readable,
        "score": float(correct and readable),
        "outcome": outcome,
    }


def forget_grades(root: Path) -> None:
    """Leave a run as one that was never graded."""
    shutil.rmtree(root / "grades")
    for manifest in (root / "manifest").iterdir():
        entries = manifest.read_text().splitlines(keepends=True)
        manifest.write_text("".join(entry for entry in entries if '"grades/' not in entry))
