"""The health of a run's cells as a table."""

import pandas as pd

from analysis import numerals
from analysis.runs import degenerate, texts
from analysis.runs.arms import StoredRun
from analysis.runs.degenerate import Traces
from analysis.runs.health import read_health
from analysis.runs.samples import OUTCOMES

LEGEND = """\
cut: still thinking at the budget, so that its answer is forced. forced: the close marker was given. Shares of samples.
spent: mean thinking tokens. dev-s: device seconds that a thousand samples of the cell alone would take, by the log."""


def render(run: StoredRun) -> str:
    """The health of every model's cells as a table; shares in percent."""
    if run.is_from_elsewhere:
        raise ValueError(f"The health of a cell is read from its traces, and {run.root} holds outcomes from elsewhere.")
    lines = []
    for rung in run.rungs:
        budgets = sorted(int(budget) for budget in run.declared(rung, "evaluation")["budget"].unique())
        cells = read_health(run.root, rung.identity, budgets)
        lines += [
            f"{rung.name}",
            *_render_cells(cells),
            *traces(degenerate.read(run.root, rung.identity)),
            *left_out(cells),
            "",
        ]
    return "\n".join([*lines, LEGEND, *texts.left_out(run.root)])


def left_out(cells: pd.DataFrame) -> list[str]:
    """A line for each of `read_health`'s rows from which samples that were asked for are left out."""
    return [
        f"Left out at {cell.budget:,}: {cell.num_left_out:,} of {cell.num_samples + cell.num_left_out:,} samples asked "
        "for, missing or beside missing ones of their prompt"
        + ("; too few prompts are left to tell shares." if pd.isna(cell.cut) else ".")
        for cell in cells.itertuples()
        if cell.num_left_out
    ]


def traces(found: Traces) -> list[str]:
    """A line, where a trace is empty or goes round."""
    named = ((found.empty, "without a word"), (found.looping, "repeating one token or a short cycle to the cap"))
    parts = [f"{numerals.percent(share)} {what}" for share, what in named if share > 0]
    return [f"Of {found.num_traces:,} traces {' and '.join(parts)}."] if parts else []


def _render_cells(cells: pd.DataFrame) -> list[str]:
    shares = ["cut", "forced", *OUTCOMES]
    header = f"{'budget':>8} {'samples':>9}" + "".join(f"{name:>11}" for name in shares) + f"{'spent':>8}{'dev-s':>9}"
    lines = [header]
    for cell in cells.itertuples():
        lines.append(
            f"{cell.budget:>8,} {cell.num_samples:>9,}"
            + "".join(_padded(100 * getattr(cell, name), 11, ".1f", "%") for name in shares)
            + _padded(cell.thinking_tokens, 8, ".1f")
            + _padded(cell.device_seconds_a_thousand, 9, ".2f")
        )
    return lines


def _padded(value: float | None, width: int, spec: str, unit: str = "") -> str:
    return f"{'-' if value is None or pd.isna(value) else f'{value:{spec}}{unit}':>{width}}"
