"""What a command imports and does first, done once in the process that `forked` forks its commands from."""

import gc
from importlib import import_module

import numba

from analysis.figures import drawing
from harness.pages import collapse_pages
from sweeps.launchers import lanes
from tests import forked_jobs

MODULES = (
    *("hydra._internal.hydra", "hydra._internal.core_plugins.basic_sweeper", "pydantic", "openai", "submitit"),
    *("transformers.models.auto.tokenization_auto", "reasoning_gym", "tokenizers", "huggingface_hub"),
    *("sweeps.__main__", "sweeps.job", "sweeps.launchers.jobs", "sweeps.launchers.plan", "sweeps.start"),
    *("harness.engines.vllm", "harness.engines.server", "harness.tasks.reasoning_gym", "harness.fingerprint"),
    *(f"sweeps.commands.{name}" for name in ("export", "grade", "plan", "score")),
    *(f"analysis.commands.{name}" for name in ("compare", "figures", "health", "report", "summary")),
    *(
        "results.ingest.command",
        "analysis.report.page",
        "plotly.offline",
        "matplotlib.backends.backend_pdf",
        "fontTools.subset",
        "pyarrow.dataset",
        "sympy.combinatorics",
    ),
)


def warm_up() -> None:
    """Hydra's grammars and plugins, numba's types, jobs that are forked too, and memory that is quickly forked."""
    from sweeps.configs import admit_launchers, compose

    for name in MODULES:
        import_module(name)
    admit_launchers()
    compose(["experiment=embedded", "model=countdown-33k", "run=x", "grid.budgets=[0,16]"])
    # A second process that draws would import for seconds; tests/analysis/test_drawing.py has one.
    drawing._start_helper = lambda: None  # type: ignore[assignment]
    lanes.subprocess = forked_jobs.SUBPROCESS  # type: ignore[assignment]
    numba.njit(lambda number: number + 1)(1)
    gc.collect()
    gc.freeze()
    collapse_pages()


warm_up()
