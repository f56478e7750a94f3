"""What the cells are made of: how thinking and answers ended, tokens, device seconds."""

from pathlib import Path

import pandas as pd

from analysis.questions.exchange_rates import Findings
from analysis.reading import limits
from analysis.report import html
from analysis.report.sections import Section
from analysis.runs import degenerate, health
from analysis.runs.outcomes import Outcomes
from analysis.runs.samples import OUTCOMES
from analysis.text import health as health_text

SHARES = ("cut", "forced", *OUTCOMES)
HEADERS = {
    "thinking_tokens": "thinking tokens",
    "answer_tokens": "answer tokens",
    "device_seconds_a_thousand": "device-s",
    "num_samples": "samples",
}
LEGEND = (
    "All samples that the run asks for. Cut: still thinking at the budget, so its answer is forced. Forced: the "
    "close marker was added, not written by the model. Every outcome other than correct counts as not correct. "
    "Refused: the sandbox stopped the grader. Device-s: device-seconds for a thousand samples of this cell alone, "
    "from the log of the run."
)
READ = (
    "All samples that are read. Cut: still thinking where it had to stop, so its answer is forced. Forced: the "
    "close marker was added, not written by the model. Every outcome other than correct counts as not correct. "
    "Refused: the sandbox stopped the grader."
)
FROM_ELSEWHERE = "These outcomes come from elsewhere, without traces or an engine's log. A dash means: not known."


def section(root: Path, outcomes: Outcomes, findings: Findings) -> Section:
    """A row a rung and budget."""
    has_traces, words = health.has_traces(root), outcomes.along.words
    # The health of cells is counted along budgets alone.
    is_counted = has_traces and outcomes.along.is_usual
    frame = _stored(root, outcomes) if is_counted else _paired(findings)
    notes = html.paragraph(LEGEND if is_counted else READ if has_traces else FROM_ELSEWHERE, kind="note")
    notes += (
        html.bullets((_left_out(frame) if is_counted else []) + _degenerate(root, outcomes)) if has_traces else ""
    )
    shown = _in_words(frame.drop(columns="num_left_out", errors="ignore"))
    table = html.table(
        shown,
        caption=f"How thinking and answers ended, by model and {words.choice}",
        headers=HEADERS | {"budget": words.name},
        right=("budget", "accuracy", *SHARES),
    )
    return Section("cells", "How answers end in every cell", notes + table)


def _stored(root: Path, outcomes: Outcomes) -> pd.DataFrame:
    budgets = [int(budget) for budget in outcomes.budgets]
    parts = [
        health.read_health(root, arm.rung.identity, budgets).assign(model=arm.rung.name) for arm in outcomes.arms
    ]
    columns = ["model", "budget", "num_samples", "num_left_out", *SHARES, "thinking_tokens", "answer_tokens"]
    frame = pd.concat(parts, ignore_index=True)
    seconds = pd.to_numeric(frame["device_seconds_a_thousand"])
    return frame[columns].assign(**({} if seconds.isna().all() else {"device_seconds_a_thousand": seconds}))


def _left_out(frame: pd.DataFrame) -> list[str]:
    """What is left out of a model's cells, in a line a cell."""
    models = frame.groupby("model", sort=False)
    return [f"{model}: {line}" for model, cells in models for line in health_text.left_out(cells)]


def _degenerate(root: Path, outcomes: Outcomes) -> list[str]:
    """How many of a model's traces hold nothing, or repeat themselves to the cap, in a line a model."""
    return [
        f"{arm.rung.name}: {line}"
        for arm in outcomes.arms
        for line in health_text.traces(degenerate.read(root, arm.rung.identity))
    ]


def _paired(findings: Findings) -> pd.DataFrame:
    """What the outcomes tell of cells without traces; shares that are not known are left out."""
    cells = findings.cells.rename(columns=lambda name: name.removesuffix("_share"))
    columns = [name for name in ("accuracy", *SHARES, "thinking_tokens", "answer_tokens") if name in cells]
    return cells[["model", "budget", *(name for name in columns if cells[name].notna().any())]]


def _in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """Shares in percent; a budget that is none in words."""
    shares = {
        name: frame[name].map(lambda share: "–" if pd.isna(share) else f"{100 * share:.1f}%")
        for name in ("accuracy", *SHARES)
        if name in frame
    }
    budgets = frame["budget"].map(lambda budget: "no limit" if budget >= limits.UNLIMITED else f"{budget:,}")
    return frame.assign(budget=budgets, **shares)
