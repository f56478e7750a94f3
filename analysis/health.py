"""What each cell is made of: cut or ended, forced, unparsed, truncated, tokens spent against allowed, device seconds.

Reads stored rows of the evaluation pool; knows nothing of bins, curves or selection rules.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from analysis import throughput
from analysis.arms import StoredRun
from results import schema, store
from results.graders import present_grader

SAMPLE = ["prompt_id", "sample"]
OUTCOMES = ("correct", "wrong", "unparsed", "unanswered", "truncated", "timeout")


def read_health(root: Path, identity: str, budgets: Sequence[int]) -> pd.DataFrame:
    """A row a budget: shares of samples in [0, 1], mean tokens, and device seconds a thousand samples would take alone.

    cut: the trace was still going at the budget. forced: its answer was given the close marker. The outcomes add up to
    `graded`, the share that has a grade. device_seconds is null where no throughput was logged. Shape (B, columns).
    """
    traces, answers = _read_traces(root, identity), _read_answers(root, identity)
    logged = throughput.read(root).get(identity)
    rate = None if logged is None else 1 / logged.per_token.decoded
    return pd.DataFrame([_cell(traces, answers, budget, rate) for budget in budgets])


def _read_traces(root: Path, identity: str) -> pd.DataFrame:
    """(length, ended) of every evaluation sample, segments joined."""
    columns = [*SAMPLE, "pool", "num_thinking_tokens", "ended"]
    rows = store.scan(root, schema.TRACES, columns=columns, identity=identity).to_pandas()
    rows = rows[rows["pool"] == "evaluation"].astype({"prompt_id": object})
    return rows.groupby(SAMPLE).agg(length=("num_thinking_tokens", "sum"), ended=("ended", "any"))


def _read_answers(root: Path, identity: str) -> pd.DataFrame:
    """Answers with what the grader whose grades stand makes of them; null where it has not seen them."""
    key, by = [*SAMPLE, "pool", "budget"], ["grader", "grader_version"]
    answers = store.scan(root, schema.ANSWERS, columns=[*key, "num_answer_tokens", "forced"], identity=identity)
    grades = store.scan(root, schema.GRADES, columns=[*key, *by, "outcome"], identity=identity)
    grader = present_grader(root, [identity]) or ("", "")
    standing = grades.filter((pc.field(by[0]) == grader[0]) & (pc.field(by[1]) == grader[1])).drop_columns(by)
    frames = [table.to_pandas().astype({"prompt_id": object, "pool": object}) for table in (answers, standing)]
    rows = frames[0].merge(frames[1], on=key, how="left")
    return rows[rows["pool"] == "evaluation"].set_index(SAMPLE)


def _cell(
    traces: pd.DataFrame, answers: pd.DataFrame, budget: int, rate: float | None
) -> dict[str, float | int | None]:
    # Budget 0 needs no trace, so that samples are those with an answer of their own there or a trace.
    cut = ~(traces["ended"] & (traces["length"] <= budget))
    natural = answers[answers["budget"].isna()]
    natural = natural[natural.index.isin(traces.index[~cut])]
    serving = pd.concat([natural, answers[answers["budget"] == budget]])
    num_samples = max(len(serving), 1)
    spent = traces["length"].reindex(serving.index).fillna(0).clip(upper=budget)
    tokens = float(np.mean(spent + serving["num_answer_tokens"])) if len(serving) else 0.0
    shares = {name: float((serving["outcome"] == name).sum()) / num_samples for name in OUTCOMES}
    return {
        "budget": budget,
        "num_samples": len(serving),
        "cut": float((serving["budget"] == budget).sum()) / num_samples,
        "forced": float(serving["forced"].sum()) / num_samples,
        "graded": float(serving["outcome"].notna().sum()) / num_samples,
        **shares,
        "thinking_tokens": float(spent.mean()) if len(serving) else 0.0,
        "answer_tokens": float(serving["num_answer_tokens"].mean()) if len(serving) else 0.0,
        "device_seconds_a_thousand": None if rate is None else 1000 * tokens * rate,
    }


def render(run: StoredRun) -> str:
    """The health of every model's cells as a table; shares in percent."""
    if run.is_from_elsewhere:
        raise ValueError(f"The health of a cell is read from its traces, and {run.root} holds outcomes from elsewhere.")
    lines = []
    for rung in run.rungs:
        budgets = sorted(int(budget) for budget in run.declared(rung, "evaluation")["budget"].unique())
        cells = read_health(run.root, rung.identity, budgets)
        lines += [f"{rung.name}", *_render_cells(cells), ""]
    return "\n".join(lines + [LEGEND])


LEGEND = """\
cut: still thinking at the budget, so that its answer is forced. forced: the close marker was given. Shares of samples.
spent: mean thinking tokens. dev-s: device seconds that a thousand samples of the cell alone would take, by the log."""


def _render_cells(cells: pd.DataFrame) -> list[str]:
    shares = ["cut", "forced", *OUTCOMES]
    header = f"{'budget':>8} {'samples':>9}" + "".join(f"{name:>11}" for name in shares) + f"{'spent':>8}{'dev-s':>9}"
    lines = [header]
    for cell in cells.itertuples():
        seconds = cell.device_seconds_a_thousand
        lines.append(
            f"{cell.budget:>8,} {cell.num_samples:>9,}"
            + "".join(f"{100 * getattr(cell, name):>10.1f}%" for name in shares)
            + f"{cell.thinking_tokens:>8.1f}"
            + (f"{'-':>9}" if pd.isna(seconds) else f"{seconds:>9.2f}")
        )
    return lines
