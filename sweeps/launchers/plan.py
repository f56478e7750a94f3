"""A launcher that starts nothing: prints what a sweep has, lacks and will cost, and what of it cannot run."""

import math
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from results import store
from results.inspection import inspect
from sweeps.forecast import Forecast, chosen_settings, forecast, missing_anchor, unusable_rows
from sweeps.job import Job
from sweeps.lines import filled
from sweeps.prepare import prepare
from sweeps.recognised import Setting, tell_settings
from sweeps.shares import tell_caps
from sweeps.trusted import tell_code

# The forecasts of the plans that were printed: Hydra hands nothing back to the command that started it.
shown: list[Forecast] = []
HEADER = (
    *("model", "cells done", "samples", "forced answers", "tokens", "at most", "tokens/s"),
    *("start-up", "hours", "disk"),
)


def show_plan(jobs: Sequence[Job]) -> None:
    """Print the plan of these jobs; raises ValueError with what is invalid, and why, where something is."""
    found = inspect(jobs[0].run)
    for note in found.notes:
        print(filled(note))
    # What is damaged is a fault, and what is gone a note: without either, shards need not be read again.
    if (found.faults or found.notes) and (damaged := store.find_damaged(jobs[0].run)):
        named = "\n".join(f"  {path}" for path in damaged)
        raise ValueError(
            f"Damaged or missing:\n{named}\n`isoquant sweep` sets them aside and draws their rows again."
        )
    forecasts: list[Forecast] = []
    notes: list[str] = []
    problems: list[str] = []
    told: list[tuple[str, Sequence[Setting]]] = []
    for job in jobs:
        try:
            prepared = prepare(job)
        except ValueError as error:
            problems.append(f"{job.label}: {error}")
            continue
        told.append((job.label, prepared.settings))
        forecasts.append(plan := forecast(prepared))
        lines = (*chosen_settings(job, prepared), *unusable_rows(prepared), *tell_caps(prepared, plan))
        notes += [f"{job.label}: {line}" for line in lines]
    shown.extend(forecasts)
    if forecasts:
        print(*tell_settings(told), sep="\n")
        print_table([HEADER, *(_row(plan) for plan in forecasts), _totals(forecasts)])
    code = tell_code(jobs) if forecasts else []
    for line in [*notes, *code, *missing_anchor(jobs), *_remarks(forecasts, jobs[0].run)]:
        print(filled(line))
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
        f"{plan.num_forced:,}",
        f"{plan.expected_tokens:,}" if plan.is_measured else "?",
        f"{plan.max_tokens:,}",
        f"{plan.tokens_per_second:,.0f}" if plan.tokens_per_second else "?",
        _startup(plan),
        _hours_of(plan) if plan.num_samples else "0",
        _bytes(plan.num_bytes),
    )


def _totals(plans: Sequence[Forecast]) -> tuple[str, ...]:
    measured = all(plan.is_measured for plan in plans)
    pending = [plan for plan in plans if plan.num_samples]
    startup = sum(plan.startup.seconds for plan in pending if plan.startup)
    return (
        "in all",
        f"{sum(plan.num_cells_done for plan in plans)} of {sum(plan.num_cells for plan in plans)}",
        f"{sum(plan.num_samples for plan in plans):,}",
        f"{sum(plan.num_forced for plan in plans):,}",
        f"{sum(plan.expected_tokens for plan in plans):,}" if measured else "?",
        f"{sum(plan.max_tokens for plan in plans):,}",
        "",
        f"{startup:,.0f} s",
        _total_hours(pending),
        _bytes(sum(plan.num_bytes for plan in plans)),
    )


def _remarks(plans: Sequence[Forecast], root: Path) -> list[str]:
    pending = [plan for plan in plans if plan.num_samples]
    remarks = ["Hours are those of drawing; the start-up of each job is added to them."] if pending else []
    for basis, models in _group((plan.startup.basis, plan.model) for plan in pending if plan.startup):
        remarks += [f"~: the start-up of {models} is {basis}."] if basis else []
    for basis, models in _group((plan.rough.basis, plan.model) for plan in pending if plan.rough):
        remarks.append(f"~: the hours of {models} are rough, from {basis}.")
    if any(plan.hours is None for plan in pending):
        unknown = [plan.model for plan in pending if plan.hours is None and plan.rough is None]
        why = f"?: the hours of {', '.join(unknown)} are not known. " if unknown else ""
        remarks.append(
            f"{why}Nothing is measured in {root} yet: draw a few prompts (task.size=8), then plan again."
        )
    remarks += [
        f"{plan.model}: {plan.verifier} reads {plan.num_verifier_tokens:,} tokens beside them"
        f"{'' if plan.is_measured else ' at most'}."
        for plan in pending
        if plan.verifier
    ]
    if any(plan.num_devices > 1 for plan in plans):
        remarks.append("The hours of all models together are device hours.")
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free, needed = shutil.disk_usage(existing).free, sum(plan.num_bytes for plan in plans)
    if needed > free:
        remarks.append(f"The disk of {root} has {_bytes(free)} free, and {_bytes(needed)} are needed.")
    return remarks


def _group(told: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is said, and of which models."""
    models: dict[str, dict[str, None]] = defaultdict(dict)
    for said, model in told:
        models[said][model] = None
    is_of_all = len(models) == 1 and len(next(iter(models.values()))) > 1
    return [(said, "all models" if is_of_all else ", ".join(names)) for said, names in models.items()]


def _startup(plan: Forecast) -> str:
    if plan.startup is None:
        return "0 s"
    return f"{'~' if plan.startup.basis else ''}{plan.startup.seconds:,.0f} s"


def _hours_of(plan: Forecast) -> str:
    if plan.hours is not None or plan.rough is None:
        return _hours(plan.hours)
    return _range(plan.rough.low, plan.rough.high)


def _total_hours(pending: Sequence[Forecast]) -> str:
    """Device hours of all: a range as soon as one is rough."""
    if any(plan.hours is None and plan.rough is None for plan in pending):
        return "?"
    low, high = 0.0, 0.0
    for plan in pending:
        bounds = (plan.hours, plan.hours) if plan.hours is not None else (plan.rough.low, plan.rough.high)  # type: ignore[union-attr]
        low, high = (
            total + bound * max(plan.num_devices, 1) for total, bound in zip((low, high), bounds, strict=True)
        )
    return _hours(low) if low == high else _range(low, high)


def _range(low: float, high: float) -> str:
    """Hours that are only roughly known, to one digit."""
    return f"~{_one_digit(low)}-{_one_digit(high)}"


def _one_digit(hours: float) -> str:
    if hours <= 0:
        return "0"
    digits = -math.floor(math.log10(hours))
    return f"{round(hours, digits):,.{max(digits, 0)}f}"


def _hours(hours: float | None) -> str:
    return "?" if hours is None else f"{hours:.2g}" if hours < 10 else f"{hours:,.0f}"


def _bytes(num_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:,.0f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.1f} TB"
