"""A sweep with a goal: rounds of jobs, after each of which what is stored decides how far each model is drawn next.

Every decision is stored before it is carried out, so that a sweep that was stopped anywhere goes on from there and ends
with the same rows. What is known, and what to draw for it, is the analysis's to say: this is the only place where a
sweep reads results.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results import decisions, store
from sweeps.job import Job
from sweeps.words import name_word

if TYPE_CHECKING:
    from analysis.commands.goal import Advice
    from analysis.goals.settings import Goal
    from analysis.runs.spending import Spent

WRITER = "goal"
GOAL = "goal"
# What a launcher runs of one round: words of each job, and whether it may start; it gives the models that failed.
Run = Callable[[Mapping[str, Sequence[str]]], list[str]]


@dataclass(frozen=True)
class Pursuit:
    """A goal, the models that a sweep draws for it, and the most that it may draw of each."""

    root: Path
    goal: "Goal"
    models: tuple[str, ...]
    most_prompts: int
    widths: tuple[int, ...]
    has_anchor: bool

    @property
    def digest(self) -> str:
        """What tells this goal from others of the run; caps have no say, so that a higher one goes on."""
        asked = json.dumps(self.goal.asked | {"models": sorted(self.models)}, sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()[:16]


def plan_pursuit(jobs: Sequence[Job]) -> Pursuit:
    """The pursuit of these jobs' goal; raises ValueError where they do not fit together."""
    first = jobs[0]
    assert first.goal is not None
    names = [job.model.name for job in jobs]
    if len(set(names)) < len(names) or any(job.strategy is not None or job.graphs for job in jobs):
        raise ValueError("A goal is pursued with one job a model, and no search or strategy. Leave these out.")
    return Pursuit(
        first.run,
        first.goal,
        tuple(names),
        min(job.task.size for job in jobs),
        first.grid.widths,
        has_anchor=first.goal.bins,
    )


def pursue(pursuit: Pursuit, run: Run) -> list[str]:
    """Rounds until the goal is met or no more may be drawn; the models that failed, which no later round draws."""
    from analysis.commands import goal as adviser
    from analysis.runs import spending

    failed: list[str] = []
    with store.lock(pursuit.root, WRITER):
        rows = decisions.read(pursuit.root, pursuit.digest)
        if not rows:
            rows = [_enter(pursuit, _pilot(pursuit, spending.read(pursuit.root)))]
        while True:
            if rows[-1]["end"] is None:
                words = words_of_round(pursuit, rows, failed, spending.read(pursuit.root))
                failed += [name for name in run(words) if name not in failed]
            advice = adviser.advise(pursuit, rows, failed)
            print("\n".join(advice.lines), flush=True)
            if advice.action.end is None or rows[-1]["end"] is None:
                rows.append(_enter(pursuit, _row(pursuit, advice, len(rows))))
            if advice.action.end is not None:
                return failed


def words_of_round(
    pursuit: Pursuit, rows: Sequence[Mapping[str, Any]], failed: Sequence[str], spent: "Spent"
) -> dict[str, list[str]]:
    """What each model's job is asked beside the words of the sweep: its prompts, samples and share of what is left."""
    targets = {name: target for name, target in rows[-1]["targets"].items() if name not in failed}
    before = rows[-2]["targets"] if len(rows) > 1 else {}
    new = {
        name: prompts * samples - prompts_before * samples_before
        for name, (prompts, samples) in targets.items()
        for prompts_before, samples_before in [before.get(name, (0, 0))]
    }
    total = sum(new.values()) or 1
    return {
        name: [*_grid(pursuit, prompts, samples), *_caps(pursuit, rows[0], spent, new[name] / total)]
        for name, (prompts, samples) in targets.items()
        if new[name]
    }


def strip_goal(words: Sequence[str]) -> list[str]:
    """The words of a job without those of the goal, which the launcher pursues."""
    return [word for word in words if name_word(word).partition(".")[0] != GOAL]


def _grid(pursuit: Pursuit, prompts: int, samples: int) -> list[str]:
    widths = [width for width in pursuit.widths if width <= samples]
    anchor = [] if pursuit.has_anchor else ["grid.anchor=null"]
    return [f"task.size={prompts}", f"grid.widths=[{','.join(map(str, widths))}]", *anchor]


def _caps(pursuit: Pursuit, first: Mapping[str, Any], spent: "Spent", share: float) -> list[str]:
    """The share of every cap that is left; a job that has none left draws nothing."""
    goal = pursuit.goal
    words = []
    if goal.max_tokens is not None:
        left = goal.max_tokens - (spent.tokens - first["num_tokens"])
        words.append(f"cap.tokens={max(int(share * left), 1)}")
    if goal.max_device_hours is not None:
        left_hours = goal.max_device_hours - (spent.device_seconds - first["device_seconds"]) / 3600
        words.append(f"cap.device_hours={max(share * left_hours, 1e-6):.6g}")
    if goal.max_usd is not None:
        words.append(f"cap.usd={max(share * goal.max_usd, 1e-6):.6g}")
    return words


def _pilot(pursuit: Pursuit, spent: "Spent") -> dict[str, Any]:
    """The first decision: a few prompts and samples of every model."""
    prompts = min(pursuit.goal.pilot_prompts, pursuit.most_prompts)
    samples = next((width for width in pursuit.widths if width >= pursuit.goal.pilot_samples), pursuit.widths[-1])
    return {
        "round": 0,
        "known": [],
        "targets": {name: (prompts, samples) for name in pursuit.models},
        "num_tokens": spent.tokens,
        "device_seconds": spent.device_seconds,
        "expected_tokens": None,
        "worst": None,
        "ratio": None,
        "expected_ratio": None,
        "end": None,
    }


def _row(pursuit: Pursuit, advice: "Advice", number: int) -> dict[str, Any]:
    action = advice.action
    return {
        "round": number,
        "known": [question.record for question in advice.questions],
        "targets": {name: tuple(drawn) for name, drawn in action.targets.items()},
        "num_tokens": advice.spent.tokens,
        "device_seconds": advice.spent.device_seconds,
        "expected_tokens": action.tokens,
        "worst": action.worst,
        "ratio": action.before,
        "expected_ratio": action.after,
        "end": action.end,
    }


def _enter(pursuit: Pursuit, row: dict[str, Any]) -> dict[str, Any]:
    """Store a decision; the row as it is read back."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    row |= {"goal": pursuit.digest, "time": time, "asked": pursuit.goal.asked}
    return decisions.append(pursuit.root, row, writer=WRITER)
