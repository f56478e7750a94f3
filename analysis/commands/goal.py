"""goal: what a sweep was to find out, what it knew after each round, and what it drew for that."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from analysis.commands import arguments
from analysis.goals import asking, planner, story
from analysis.goals.asking import Models
from analysis.goals.planner import Action, Limits
from analysis.goals.question import Drawn, Question
from analysis.goals.settings import Decide, ExchangeRates, Goal
from analysis.reading import reading
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.runs import outcomes, spending
from analysis.runs.along import Along
from analysis.runs.arms import StoredRun
from analysis.runs.outcomes import Outcomes
from analysis.runs.spending import Spent
from analysis.text import adaptive
from analysis.text import goals as words
from results import decisions

EXAMPLES = """\
  isoquant goal pilot                               what the sweep of results/runs/pilot was to find out, and did
"""


class Pursued(Protocol):
    """What a sweep with a goal says of itself: what it asks, of whom, and the most that it may draw."""

    @property
    def root(self) -> Path: ...
    @property
    def goal(self) -> Goal: ...
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def most_prompts(self) -> int: ...
    @property
    def widths(self) -> tuple[int, ...]: ...
    @property
    def task(self) -> str: ...
    def used(self, first: Mapping[str, Any], spent: Spent) -> Mapping[str, float]: ...


class NothingWholeError(ValueError):
    """A cap left no round of which all is drawn, and which samples are there depends on how long they are."""


@dataclass(frozen=True)
class Advice:
    """What is known after a round, how far each model is drawn, what to draw next, and lines that say it."""

    questions: list[Question]
    drawn: Mapping[str, Drawn]
    action: Action
    spent: Spent
    lines: list[str]


def add(commands: arguments.Commands) -> None:
    text = "what a sweep with a goal knew after each round, and what it drew for it"
    command = commands.add_parser("goal", help=text, description=text, epilog=EXAMPLES)
    arguments.add_run(command)


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the rounds of the run's last goal. Raises ValueError where it has none."""
    root = arguments.run_folder(options.run)
    rows = decisions.read(root)
    if not rows:
        raise ValueError(f"{root} was drawn without a goal. `isoquant sweep ... goal=accuracy` pursues one.")
    print("\n".join(words.story(rows)))
    return {"run": str(root), "rounds": rows}


def frame(root: Path, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Each question after each round beside a uniform grid, and what was asked; rows: the decisions of one goal.

    Raises UntoldError where nothing is known yet.
    """
    told = story.frame(rows, spending.read(root).by_model)
    if told.empty:
        raise UntoldError("The pilot of its goal is not drawn yet. Run the same sweep again to go on.")
    return told.assign(asked=adaptive.asked(rows[0]["asked"]))


def advise(pursued: Pursued, rows: Sequence[Mapping[str, Any]], failed: Sequence[str] = ()) -> Advice:
    """What the stored outcomes say of a goal after its decisions so far, and what to draw next.

    A round that a cap cut short is left out: which of its samples are there depends on how long they are.
    """
    goal, spent = pursued.goal, spending.read(pursued.root)
    used = int(pursued.used(rows[0], spent)["tokens"])
    try:
        readings = read_pairs(pursued, rows, failed)
    except NothingWholeError:
        targets = {name: Drawn(*target) for name, target in rows[-1]["targets"].items()}
        action = Action(targets, 0.0, "", 0.0, 0.0, "pilot")
        return Advice([], targets, action, spent, words.round_lines(0, goal, [], action, used, failed))
    drawn = {name: Drawn(*target) for name, target in rows[-1]["targets"].items()} | asking.drawn_of(readings)
    questions = asking.ask(goal, readings, most_width=pursued.widths[-1])
    if not questions:
        action = Action(drawn, 0.0, "", 0.0, 0.0, "failed")
    elif any(is_cut(rows, reading.asked) for reading in readings.values()):
        action = planner.stop(questions, drawn, "cap")
    elif len(rows) > goal.max_rounds:
        action = planner.stop(questions, drawn, "rounds")
    else:
        left = tokens_left(pursued, rows[0], spent)
        action = planner.choose(questions, drawn, limits_of(pursued, spent), spent=used, left=left)
    lines = words.round_lines(len(rows) - 1, goal, questions, action, used, failed)
    return Advice(questions, drawn, action, spent, lines)


def tell_pilot(pursued: Pursued) -> list[str]:
    """What stands behind the plan of a pilot."""
    return words.pilot_lines(pursued.goal)


def tell_forecast(pursued: Pursued, advice: Advice, first: Mapping[str, Any]) -> list[str]:
    """What is known, and the rounds that are expected from here on."""
    used = pursued.used(first, advice.spent)["tokens"]
    rounds = planner.forecast(
        advice.questions,
        advice.drawn,
        limits_of(pursued, advice.spent),
        spent=used,
        left=tokens_left(pursued, first, advice.spent),
        most=pursued.goal.max_rounds,
    )
    return [*advice.lines, *words.forecast_lines(rounds)]


def tokens_left(pursued: Pursued, first: Mapping[str, Any], spent: Spent) -> float:
    """Tokens under every cap, hours and dollars taken to go as they went so far."""
    used = pursued.used(first, spent)
    written = max(used["tokens"], 1)
    gone = {**used, "tokens": written}
    left = [(most - gone[name]) * written / max(gone[name], 1e-9) for name, most in pursued.goal.caps.items()]
    return float(min(left, default=np.inf))


def limits_of(pursued: Pursued, spent: Spent) -> Limits:
    return Limits(
        prompts=pursued.most_prompts,
        widths=pursued.widths,
        price={name: spent.by_model[name].by_sample for name in pursued.models if name in spent.by_model},
        price_of_prompt={name: each.others_by_prompt for name, each in spent.by_model.items()},
        start=float(pursued.goal.start_tokens),
    )


def is_cut(rows: Sequence[Mapping[str, Any]], loaded: Outcomes) -> bool:
    """Whether these models lack what the last round was to draw of them;
    of prompts what all of them were to have.
    """
    targets = {arm.rung.name: Drawn(*rows[-1]["targets"][arm.rung.name]) for arm in loaded.arms}
    prompts = min(target.prompts for target in targets.values())
    return len(loaded.prompt_ids) < prompts or any(
        arm.num_samples < targets[arm.rung.name].samples for arm in loaded.arms
    )


def read_pairs(
    pursued: Pursued, rows: Sequence[Mapping[str, Any]], failed: Sequence[str] = ()
) -> dict[Models, Reading]:
    """A reading of the models of each question, on the prompts that these have; those that failed left out."""
    goal = pursued.goal
    along = goal.along if isinstance(goal, ExchangeRates | Decide) else "width"
    run = StoredRun(pursued.root, task=pursued.task, along=Along() if along == "width" else Along(axis=along))
    by_size = [rung.name for rung in run.rungs if rung.name in pursued.models]
    choices = Choices(cost=goal.cost)
    readings = {}
    for models in asking.models_asked(goal, by_size, failed):
        try:
            loaded = outcomes.pair(run, models=models, has_bins=goal.bins)
        except ValueError as error:
            raise NothingWholeError(str(error)) from None
        if is_cut(rows, loaded):
            if len(rows) == 1:
                raise NothingWholeError("A cap cut the pilot short.")
            loaded = _as_before(loaded, {name: Drawn(*target) for name, target in rows[-2]["targets"].items()})
        readings[models] = reading.read(loaded, choices, rule=goal.rule)
    return readings


def _as_before(loaded: Outcomes, targets: Mapping[str, Drawn]) -> Outcomes:
    """The prompts and samples of the round before, all of which are there."""
    prompts = min(targets[arm.rung.name].prompts for arm in loaded.arms)
    return loaded.first(prompts, {name: target.samples for name, target in targets.items()})
