"""The health of a run's cells as a table."""

import pandas as pd

from analysis import numerals
from analysis.runs import calls, degenerate, texts
from analysis.runs.arms import StoredRun
from analysis.runs.degenerate import Traces
from analysis.runs.health import read_health
from analysis.runs.nodes import count_rounds
from analysis.runs.samples import OUTCOMES
from analysis.runs.scored import count_scored
from analysis.runs.searched import count_searched
from analysis.text.tables import aligned, filled
from results.progress import step

LEGEND = """\
cut: still thinking at the budget, so that its answer is forced. forced: the close marker was given. Shares of samples.
spent: mean thinking tokens. dev-s: device-seconds for a thousand samples of this cell alone, from the log."""


def render(run: StoredRun) -> str:
    """The health of every model's cells as a table; shares in percent."""
    if run.is_from_elsewhere:
        raise ValueError(
            f"{run.root} holds outcomes from elsewhere, without traces, and the health of a cell is "
            "read from traces. Run `isoquant health` on a run of `isoquant sweep`."
        )
    lines = []
    for rung in run.rungs:
        step(f"reading the answers of {rung.name}")
        budgets = sorted(int(budget) for budget in run.declared(rung, "evaluation")["budget"].unique())
        cells = read_health(run.root, rung.identity, budgets)
        lines += [
            f"{rung.name}",
            aligned(_cell_rows(cells), num_text=0, is_last_text=False),
            *traces(degenerate.read(run.root, rung.identity)),
            *left_out(cells),
            *scored(count_scored(run.root, rung.identity)),
            *called(calls.read(run.root, rung.identity)),
            *rounds(count_rounds(run.root, rung.identity, grader=run.grader)),
            "",
        ]
    lines += searched(count_searched(run.root, run.task))
    return filled("\n".join([*lines, LEGEND, *texts.left_out(run.root)]))


def left_out(cells: pd.DataFrame) -> list[str]:
    """A line for each of `read_health`'s rows from which samples that were asked for are left out."""
    return [
        f"Left out at {cell.budget:,}: {cell.num_left_out:,} of {cell.num_samples + cell.num_left_out:,} samples "
        "are missing, or are on a prompt with missing samples"
        + ("; too few prompts are left to compute shares." if pd.isna(cell.cut) else ".")
        for cell in cells.itertuples()
        if cell.num_left_out
    ]


def scored(counts: pd.DataFrame) -> list[str]:
    """A line for each scorer that has read answers, of `count_scored`'s rows."""
    return [
        f"{row.scorer} (version {row.scorer_version[:8]}) scored {row.scored:,} answers and refused "
        f"{row.refused:,}."
        for row in counts.itertuples()
    ]


def called(made: pd.DataFrame) -> list[str]:
    """Lines of the calls of tools, of `calls.read`'s rows, where there are any."""
    if made.empty:
        return []
    found = calls.summarize(made)
    each = found["num_calls"] / found["num_samples"]
    lines = [
        f"{found['num_calls']:,} tool calls in {found['num_samples']:,} samples ({each:.1f} each), of "
        f"{1000 * found['tool_seconds']:.0f} ms and {found['num_result_tokens']:.0f} tokens read."
    ]
    troubles = [
        f"{numerals.percent(found[f'{name}_share'])} {what}"
        for name, what in (("malformed", "were malformed"), ("timeout", "took too long"), ("failed", "failed"))
        if found[f"{name}_share"] > 0
    ]
    if troubles:
        lines.append(f"Of these calls {', '.join(troubles)}.")
    if not pd.isna(found["gold_share"]):
        lines.append(f"{numerals.percent(found['gold_share'])} of them found a document that the answer needs.")
    return lines


def rounds(counts: pd.DataFrame) -> list[str]:
    """A table of the rounds of strategies, of `count_rounds`'s rows, where there are any."""
    if counts.empty:
        return []
    head = [
        "strategy",
        "call",
        "budget",
        "round",
        "samples",
        "asked for",
        "spent",
        "answer",
        "cut",
        "full",
        "unparsed",
    ]
    body = [
        [
            *(
                row.strategy,
                row.call,
                f"{row.budget:,}",
                str(row.round),
                f"{row.num_samples:,}",
                f"{row.num_asked:,}",
            ),
            *(_number(each, ".1f") for each in (row.thinking_tokens, row.answer_tokens)),
            *(_number(100 * each, ".1f", "%") for each in (row.cut, row.full, row.unparsed)),
        ]
        for row in counts.itertuples()
    ]
    about = "Rounds behind the first. answer: mean tokens behind thinking. full: these were cut at their limit."
    return ["", aligned([head, *body], num_text=2, is_last_text=False), about]


def searched(counts: pd.DataFrame) -> list[str]:
    """A table of the run's searches, of `count_searched`'s rows, where there are any."""
    if counts.empty:
        return []
    head = ["search", "paths", "asked for", "steps", "ways on", "written", "kept", "read", "no score"]
    rows = [
        [
            f"{row.model} {row.search}",
            f"{row.num_paths:,}",
            f"{row.num_asked:,}",
            _number(row.num_steps, ".1f"),
            _number(row.num_expansions, ".1f"),
            *(
                _number(each, ",.0f")
                for each in (row.num_written_tokens, row.num_kept_tokens, row.num_read_tokens)
            ),
            f"{row.num_refused:,}",
        ]
        for row in counts.itertuples()
    ]
    about = "Searches, means of a path: tokens written, dropped ways on included; kept; read by the verifier."
    return [aligned([head, *rows], num_text=1, is_last_text=False), about, ""]


def traces(found: Traces) -> list[str]:
    """A line, where a trace is empty or goes round."""
    named = ((found.empty, "are empty"), (found.looping, "repeat one token or a short cycle up to the cap"))
    parts = [f"{numerals.percent(share)} {what}" for share, what in named if share > 0]
    return [f"Of {found.num_traces:,} traces {' and '.join(parts)}."] if parts else []


def _cell_rows(cells: pd.DataFrame) -> list[list[str]]:
    shares = ["cut", "forced", *OUTCOMES]
    return [
        ["budget", "samples", *shares, "spent", "dev-s"],
        *(
            [
                f"{cell.budget:,}",
                f"{cell.num_samples:,}",
                *(_number(100 * getattr(cell, name), ".1f", "%") for name in shares),
                _number(cell.thinking_tokens, ".1f"),
                _number(cell.device_seconds_a_thousand, ".2f"),
            ]
            for cell in cells.itertuples()
        ),
    ]


def _number(value: float | None, spec: str, unit: str = "") -> str:
    return "-" if value is None or pd.isna(value) else f"{value:{spec}}{unit}"
