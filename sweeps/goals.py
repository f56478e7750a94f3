"""A sweep with a goal: rounds of jobs, after each of which what is stored decides how far each model is drawn
next.

Every decision is stored before it is carried out, so that a sweep that was stopped anywhere goes on from there and
ends with the same rows. What is known, and what to draw for it, is the analysis's to say: this is the only place
where a sweep reads results.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results import decisions, store
from results.decision_checks import is_above
from results.schema import DECISIONS
from sweeps.caps import SECONDS_AN_HOUR, price_tokens
from sweeps.compose import ROUND_OWN
from sweeps.identity import name_task
from sweeps.job import Job
from sweeps.words import name_word

if TYPE_CHECKING:
    from analysis.commands.goal import Advice
    from analysis.goals.settings import Goal
    from analysis.runs.spending import Spent

WRITER = "goal"
GOAL = "goal"
# What a round says anew of each model's grid.
OF_ROUND = ("task.size", "grid.widths", "grid.anchor")
# What decisions tell of what a cap holds.
COUNTED = {"tokens": "num_tokens", "device_hours": "device_seconds", "usd": "usd"}
# What a launcher runs of one round: words of each job, and whether there was a round before; the models that
# failed.
Run = Callable[[Mapping[str, Sequence[str]], bool], list[str]]


@dataclass(frozen=True)
class Pursuit:
    """A goal, the models that a sweep draws for it, and the most that it may draw of each.

    words: what the sweep was told of that, by which it is gone on with.
    """

    root: Path
    task: str
    goal: "Goal"
    models: tuple[str, ...]
    most_prompts: int
    widths: tuple[int, ...]
    prices: Mapping[str, Mapping[str, float]]
    words: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What tells this goal from others of the run; caps have no say, so that a higher one goes on."""
        asked = json.dumps(self.goal.asked | {"models": sorted(self.models)}, sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()[:16]

    def count_usd(self, spent: "Spent") -> float:
        """Dollars for what was read and written, at the models' prices; 0 where they have none."""
        return sum(
            price_tokens(self.prices[name], num_read=each.read_tokens, num_written=each.all_tokens)
            for name, each in spent.by_model.items()
            if name in self.prices
        )

    def amounts(self, spent: "Spent") -> dict[str, float]:
        """What was spent as decisions tell it."""
        return {
            "num_tokens": spent.tokens,
            "device_seconds": spent.device_seconds,
            "usd": self.count_usd(spent),
        }

    def used(self, first: Mapping[str, Any], spent: "Spent") -> dict[str, float]:
        """What is gone since the first decision of what caps may hold, by their names among those of a job."""
        gone = {name: max(amount - first[name], 0) for name, amount in self.amounts(spent).items()}
        hours = gone["device_seconds"] / SECONDS_AN_HOUR
        return {"tokens": gone["num_tokens"], "device_hours": hours, "usd": gone["usd"]}


def plan_pursuit(jobs: Sequence[Job], overrides: Sequence[Sequence[str]]) -> Pursuit:
    """The pursuit of these jobs' goal, composed from these words; raises ValueError where
    they do not fit together.
    """
    first = jobs[0]
    assert first.goal is not None
    from analysis.goals import asking

    names = [job.model.name for job in jobs]
    if len(set(names)) < len(names) or any(job.strategy is not None or job.graphs for job in jobs):
        raise ValueError("A goal is pursued with one job a model, and no search or strategy. Leave these out.")
    asking.check_names(first.goal, names)
    return Pursuit(
        first.run,
        name_task(first.task),
        first.goal,
        tuple(names),
        min(job.task.size for job in jobs),
        first.grid.widths,
        {job.model.name: job.model.price for job in jobs},
        tuple(word for word in overrides[0] if is_of_goal(word) or name_word(word) in OF_ROUND),
    )


def pursue(pursuit: Pursuit, run: Run) -> list[str]:
    """Rounds until the goal is met or no more may be drawn; the models that failed, which no later round draws."""
    from analysis.commands import goal as adviser
    from analysis.runs import spending

    failed: list[str] = []
    is_again = False
    with store.lock(pursuit.root, WRITER):
        spent = spending.read(pursuit.root)
        stored = _read_stored(pursuit, spent)
        if not stored:
            stored = [_enter(pursuit, _pilot(pursuit, spent))]
        rows = _going_on(stored)
        while True:
            # What an earlier sweep left of its last round, and of models that failed in it, comes first.
            is_due = rows[-1]["end"] is None or not is_again
            if is_due and _is_left(_left(pursuit, rows[0], spent)):
                before = rows[-2]["targets"] if is_again else {}
                lost = run(words_of_round(pursuit, rows, before, failed, spent), is_again)
                failed, is_again = list(dict.fromkeys([*failed, *lost])), True
            advice = adviser.advise(pursuit, rows, failed)
            spent = advice.spent
            print("\n".join(advice.lines), flush=True)
            row = _row(pursuit, advice, stored[-1])
            if row["end"] is None or not _is_said(stored[-1], row):
                stored.append(_enter(pursuit, row))
                rows.append(stored[-1])
            if row["end"] is not None:
                return failed


def plan_round(pursuit: Pursuit) -> tuple[dict[str, list[str]], list[str]]:
    """The words of each model's job in the round that comes next, and what is expected after it, in lines.

    Raises ValueError where what is stored cannot be read.
    """
    from analysis.commands import goal as adviser
    from analysis.runs import spending

    spent = spending.read(pursuit.root)
    stored = _read_stored(pursuit, spent)
    rows = _going_on(stored) if stored else [_pilot(pursuit, spent)]
    if not stored and not spent.by_model.keys() >= set(pursuit.models):
        return words_of_round(pursuit, rows, {}, (), spent), adviser.tell_pilot(pursuit)
    advice = adviser.advise(pursuit, rows)
    rows.append(_row(pursuit, advice, stored[-1] if stored else rows[-1]))
    lines = adviser.tell_forecast(pursuit, advice, rows[0])
    if advice.action.end is not None:
        return {}, lines
    return words_of_round(pursuit, rows, rows[-2]["targets"], (), spent), lines


def _read_stored(pursuit: Pursuit, spent: "Spent") -> list[dict[str, Any]]:
    """The decisions of this goal; raises ValueError where the first says that more was spent than is stored: a cap
    counts from there, and would never be reached.
    """
    stored = decisions.read(pursuit.root, pursuit.digest)
    if not stored:
        return stored
    held = {"num_tokens", *(COUNTED[name] for name in pursuit.goal.caps)}
    amounts = pursuit.amounts(spent)
    for name in sorted(held):
        if is_above(stored[0][name], amounts[name]):
            raise ValueError(
                f"The goal of {pursuit.root} was begun at {name} {stored[0][name]:,}, and what is stored comes to "
                f"{amounts[name]:,}: rows were lost, prices changed, or its decisions are another run's. Move "
                f"{pursuit.root / DECISIONS.name} away to begin the goal anew on the rows that are there."
            )
    if stored[0]["targets"].keys() != set(pursuit.models):
        raise ValueError(
            f"The decisions of {pursuit.root} on this goal are of other models. Move "
            f"{pursuit.root / DECISIONS.name} away to begin the goal anew on the rows that are there."
        )
    return stored


def _going_on(stored: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The decisions to go on from: where a cap ended them, the round that it may have cut comes first."""
    return list(stored[:-1] if stored[-1]["end"] in ("cap", "pilot") else stored)


def _is_said(last: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether this end is stored already."""
    return all(last[name] == row[name] for name in ("end", "num_tokens"))


def words_of_round(
    pursuit: Pursuit,
    rows: Sequence[Mapping[str, Any]],
    before: Mapping[str, Sequence[int]],
    failed: Sequence[str],
    spent: "Spent",
) -> dict[str, list[str]]:
    """What each model's job is asked beside the words of the sweep: its prompts, samples and share of what is
    left.

    before: the prompts and samples that are there; a model that is asked no more has no job.
    """
    targets = {name: target for name, target in rows[-1]["targets"].items() if name not in failed}
    new = {
        name: (prompts * samples - prompts_before * samples_before) * _tokens_a_sample(spent, name)
        for name, (prompts, samples) in targets.items()
        for prompts_before, samples_before in [before.get(name, (0, 0))]
    }
    left, total = _left(pursuit, rows[0], spent), sum(new.values()) or 1.0
    return {
        name: [*_grid(pursuit, prompts, samples), *_caps(left, new[name] / total)]
        for name, (prompts, samples) in targets.items()
        if new[name]
    }


def _tokens_a_sample(spent: "Spent", name: str) -> float:
    """As it was so far; of a model of which nothing is known as of the others."""
    known = {each: written.by_sample for each, written in spent.by_model.items() if written.num_samples}
    return known.get(name, sum(known.values()) / len(known) if known else 1.0)


def own_words(jobs: Sequence[Job], overrides: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """By model the words of its job without those of the goal, which the launcher pursues."""
    return {
        job.model.name: [word for word in words if not is_of_goal(word)]
        for job, words in zip(jobs, overrides, strict=True)
    }


def is_of_goal(word: str) -> bool:
    """Whether a word chooses a goal, or one of its settings."""
    return name_word(word).partition(".")[0] == GOAL


def _grid(pursuit: Pursuit, prompts: int, samples: int) -> list[str]:
    widths = [width for width in pursuit.widths if width <= samples]
    # Samples that sort prompts into bins are drawn where bins are asked about.
    anchor = [] if pursuit.goal.bins else ["grid.anchor=null"]
    # Decisions that come with a run may ask for more than the user allows.
    size = min(prompts, pursuit.most_prompts)
    return [f"task.size={size}", f"grid.widths=[{','.join(map(str, widths))}]", *anchor]


def _left(pursuit: Pursuit, first: Mapping[str, Any], spent: "Spent") -> dict[str, float]:
    """What is left of each cap that there is, by its name among those of a job."""
    used = pursuit.used(first, spent)
    return {name: cap - used[name] for name, cap in pursuit.goal.caps.items()}


def _is_left(left: Mapping[str, float]) -> bool:
    return all(each > 0 for each in left.values())


def _caps(left: Mapping[str, float], share: float) -> list[str]:
    """A job's share of every cap, so that all of them together pass none."""
    return [
        f"{ROUND_OWN}{name}={max(int(share * each), 1) if name == 'tokens' else f'{share * each:.9f}'}"
        for name, each in left.items()
    ]


def _pilot(pursuit: Pursuit, spent: "Spent") -> dict[str, Any]:
    """The first decision: a few prompts and samples of every model."""
    prompts = min(pursuit.goal.pilot_prompts, pursuit.most_prompts)
    samples = next((width for width in pursuit.widths if width >= pursuit.goal.pilot_samples), pursuit.widths[-1])
    return {
        "round": 0,
        "known": [],
        "targets": {name: (prompts, samples) for name in pursuit.models},
        **pursuit.amounts(spent),
        "expected_tokens": None,
        "worst": None,
        "ratio": None,
        "expected_ratio": None,
        "end": None,
    }


def _row(pursuit: Pursuit, advice: "Advice", before: Mapping[str, Any]) -> dict[str, Any]:
    """The decision that follows one; what was spent stays spent, though rows were lost since or prices fell."""
    action = advice.action
    return {
        "round": before["round"] + 1,
        "known": [question.record for question in advice.questions],
        "targets": {name: tuple(drawn) for name, drawn in action.targets.items()},
        **{name: max(amount, before[name]) for name, amount in pursuit.amounts(advice.spent).items()},
        "expected_tokens": action.tokens,
        "worst": action.worst,
        "ratio": action.before,
        "expected_ratio": action.after,
        "end": action.end,
    }


def _enter(pursuit: Pursuit, row: dict[str, Any]) -> dict[str, Any]:
    """Store a decision; the row as it is read back."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    row |= {"goal": pursuit.digest, "time": time, "asked": pursuit.goal.asked, "words": pursuit.words}
    return decisions.append(pursuit.root, row, writer=WRITER)
