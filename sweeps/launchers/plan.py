"""A launcher that starts nothing: prints what a sweep has, lacks and will cost, and what of it cannot run."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from results import store
from results.inspection import inspect
from sweeps.forecast import Forecast, chosen_settings, forecast, missing_anchor, unusable_rows
from sweeps.job import Job, prepare
from sweeps.recognised import Setting, tell_settings
from sweeps.trusted import tell_code

# The forecasts of the plan that was printed: Hydra hands nothing back to the command that started it.
shown: list[Forecast] = []
HEADER = ("model", "cells done", "samples to draw", "tokens to write", "at most", "tokens/s", "hours", "disk")


def show_plan(jobs: Sequence[Job]) -> None:
    """Print the plan of these jobs; raises ValueError with what is invalid, and why, where something is."""
    for note in inspect(jobs[0].run).notes:
        print(note)
    if damaged := store.find_damaged(jobs[0].run):
        named = "\n".join(f"  {path}" for path in damaged)
        raise ValueError(f"Damaged or missing:\n{named}\n`isoquant sweep` sets them aside and draws their rows again.")
    forecasts: list[Forecast] = []
    notes: list[str] = []
    problems: list[str] = []
    told: list[tuple[str, Sequence[Setting]]] = []
    for job in jobs:
        try:
            prepared = prepare(job)
        except ValueError as error:
            problems.append(f"{job.model.name}: {error}")
            continue
        told.append((job.model.name, prepared.settings))
        forecasts.append(forecast(prepared))
        notes += [f"{job.model.name}: {line}" for line in (*chosen_settings(job, prepared), *unusable_rows(prepared))]
    shown[:] = forecasts
    if forecasts:
        print(*tell_settings(told), sep="\n")
        print_table([HEADER, *(_row(plan) for plan in forecasts), _totals(forecasts)])
    code = tell_code(jobs) if forecasts else []
    for line in [*notes, *code, *missing_anchor(jobs), *_remarks(forecasts, jobs[0].run)]:
        print(line)
    if problems:
        raise ValueError("\n".join(["Cannot run:", *problems]))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of text in columns, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True))]
        print("  ".join(cells).rstrip())


def _row(plan: Forecast) -> tuple[str, ...]:
    return (
        plan.model,
        f"{plan.num_cells_done} of {plan.num_cells}",
        f"{plan.num_samples:,}",
        f"{plan.expected_tokens:,}" if plan.is_measured else "?",
        f"{plan.max_tokens:,}",
        f"{plan.tokens_per_second:,.0f}" if plan.tokens_per_second else "?",
        _hours(plan.hours) if plan.num_samples else "0",
        _bytes(plan.num_bytes),
    )


def _totals(plans: Sequence[Forecast]) -> tuple[str, ...]:
    measured = all(plan.is_measured for plan in plans)
    pending = [plan for plan in plans if plan.num_samples]
    hours = [plan.hours * max(plan.num_devices, 1) for plan in pending if plan.hours is not None]
    return (
        "in all",
        f"{sum(plan.num_cells_done for plan in plans)} of {sum(plan.num_cells for plan in plans)}",
        f"{sum(plan.num_samples for plan in plans):,}",
        f"{sum(plan.expected_tokens for plan in plans):,}" if measured else "?",
        f"{sum(plan.max_tokens for plan in plans):,}",
        "",
        _hours(sum(hours)) if len(hours) == len(pending) else "?",
        _bytes(sum(plan.num_bytes for plan in plans)),
    )


def _remarks(plans: Sequence[Forecast], root: Path) -> list[str]:
    remarks = []
    unmeasured = [plan.model for plan in plans if plan.num_samples and plan.hours is None]
    if unmeasured:
        remarks.append(
            f"?: nothing is measured in {root} yet for {', '.join(unmeasured)}. Draw a few prompts (task.size=8), "
            "then plan again."
        )
    if any(plan.num_devices > 1 for plan in plans):
        remarks.append("The hours of all models together are device hours.")
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free, needed = shutil.disk_usage(existing).free, sum(plan.num_bytes for plan in plans)
    if needed > free:
        remarks.append(f"The disk of {root} has {_bytes(free)} free, and {_bytes(needed)} are needed.")
    return remarks


def _hours(hours: float | None) -> str:
    return "?" if hours is None else f"{hours:.2g}" if hours < 10 else f"{hours:,.0f}"


def _bytes(num_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:,.0f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.1f} TB"
