"""make bench PART=goal: tokens of a sweep with a goal over those of the cheapest uniform grid that reaches as
much.

The embedded ladder is drawn twice: in rounds, until each rate is known to half_width, and as one grid that has as
many prompts and samples of every model as the rounds had of any, and half as many prompts more. Of that grid the
cheapest part that answers every question is sought with all of it in hand: for each number of samples the fewest
prompts, taken in their order, from which on every question stays answered.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Ints
from analysis.goals import asking
from analysis.goals.settings import ExchangeRates
from analysis.reading import reading
from analysis.reading.choices import Choices
from analysis.runs import outcomes, spending
from analysis.runs.arms import StoredRun
from analysis.runs.outcomes import Outcomes
from results import decisions, schema, store
from results.prompts import in_order

TABLE, KEPT = Path("results/bench/goal.md"), Path("results/bench/goal")
MODELS = ("countdown-1.1m", "countdown-0.4m", "countdown-125k", "countdown-33k")
WIDTHS = (1, 2, 4, 8, 16)
MOST_PROMPTS, MORE = 400, 1.5


class Part(NamedTuple):
    """A part of the uniform grid: prompts, samples of each by every model,
    and the tokens that are stored of them.
    """

    prompts: int
    samples: int
    tokens: int


def words(run: Path, *, size: int, widths: Sequence[int]) -> list[str]:
    return [
        *("experiment=embedded", f"model={','.join(MODELS)}", f"run={run}", "scorers=[]", "grid.anchor=null"),
        *(f"task.size={size}", f"grid.widths=[{','.join(map(str, widths))}]"),
    ]


def draw(command: Sequence[str]) -> None:
    subprocess.run([sys.executable, "-m", "sweeps", *command], check=True)


def cheapest(root: Path, goal: ExchangeRates) -> Part | None:
    """The part of a uniform run with the fewest tokens that answers every question; None where none does."""
    run = StoredRun(root)
    by_size = [rung.name for rung in run.rungs]
    loaded = {
        models: outcomes.pair(run, models=models, has_bins=False) for models in asking.models_asked(goal, by_size)
    }
    tokens = _tokens_of(root)
    found = [part for width in WIDTHS for part in _fewest(loaded, goal, width, tokens)]
    return min(found, key=lambda part: part.tokens, default=None)


def _fewest(
    loaded: dict[tuple[str, ...], Outcomes], goal: ExchangeRates, width: int, tokens: Ints
) -> Iterator[Part]:
    """Of so many samples, the fewest prompts from which on all is answered; nothing where that never is."""
    first = next(iter(loaded.values()))
    if width > first.num_samples:
        return
    sizes = np.unique(np.geomspace(goal.pilot_prompts, len(first.prompt_ids), 25).round().astype(int))
    answered = [_is_answered(loaded, goal, int(size), width) for size in sizes]
    lasting = len(sizes) - next((n for n, met in enumerate(reversed(answered)) if not met), len(sizes))
    if lasting < len(sizes):
        size = int(sizes[lasting])
        yield Part(size, width, int(tokens[:size, :width].sum()))


def _is_answered(loaded: dict[tuple[str, ...], Outcomes], goal: ExchangeRates, size: int, width: int) -> bool:
    readings = {
        models: reading.read(each.first(size, dict.fromkeys(MODELS, width)), Choices(), rule=goal.rule)
        for models, each in loaded.items()
    }
    return not any(each.is_open for each in asking.ask(goal, readings, most_width=WIDTHS[-1]))


def _tokens_of(root: Path) -> Ints:
    """Tokens that all models wrote, thinking and answers, by prompt in order and sample; (P, S)."""
    parts = [
        store.scan(root, table, columns=["prompt_id", "sample", name]).to_pandas().rename(columns={name: "tokens"})
        for table, name in ((schema.TRACES, "num_thinking_tokens"), (schema.ANSWERS, "num_answer_tokens"))
    ]
    rows = pd.concat(parts, ignore_index=True).astype({"prompt_id": object})
    table = rows.groupby(["prompt_id", "sample"])["tokens"].sum().unstack("sample")
    return np.asarray(table.loc[sorted(table.index, key=in_order)])


def render(goal: ExchangeRates, adaptive: Path, part: Part | None) -> str:
    rows, spent = decisions.read(adaptive), spending.read(adaptive)
    used = spent.tokens - spent.probe_tokens - rows[0]["num_tokens"]
    lines = [
        f"| {row['round'] - 1} | {row['num_tokens'] - rows[0]['num_tokens']:,} | "
        + ", ".join(f"{name} {each[0]} x {each[1]}" for name, each in rows[row["round"] - 1]["targets"].items())
        + f" | {max(known['ratio'] for known in row['known']):.2f} |"
        for row in rows[1:]
    ]
    against = (
        "no part of the uniform grid answers every question"
        if part is None
        else f"the cheapest uniform grid that answers as much, {part.prompts} prompts x {part.samples} samples of "
        f"every model, takes {part.tokens:,}: a ratio of **{used / part.tokens:.2f}**"
    )
    return "\n".join(
        [
            "# A sweep that stops when it knows, beside the cheapest uniform grid",
            "",
            f"Embedded ladder, goal=exchange_rates goal.half_width={goal.half_width:g}: every smaller model "
            "against",
            "the largest. `make bench PART=goal` writes this page; both runs lie in goal/, without texts.",
            "",
            f"The rounds ended as *{rows[-1]['end']}* after {used:,} tokens in {len(rows) - 1} rounds; {against}.",
            "",
            "| after round | tokens | drawn so far (prompts x samples) | worst half over what was wanted |",
            "|---|---|---|---|",
            *lines,
            "",
            *(f"- {known['name']}: {known['state']}, {known['found']}" for known in rows[-1]["known"]),
            "",
            f"{os.cpu_count()} cores; Python {platform.python_version()}.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.goal", description=__doc__)
    parser.add_argument("--half-width", type=float, default=0.1)
    parser.add_argument("--folder", type=Path, help="keep the runs here; what is stored there is not drawn again")
    options = parser.parse_args()
    goal = ExchangeRates(half_width=options.half_width)
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        adaptive, uniform = folder / "adaptive", folder / "uniform"
        draw(
            [
                *words(adaptive, size=MOST_PROMPTS, widths=WIDTHS),
                "goal=exchange_rates",
                f"goal.half_width={goal.half_width}",
            ]
        )
        targets = decisions.read(adaptive)[-1]["targets"].values()
        size = min(int(MORE * max(prompts for prompts, _ in targets)), MOST_PROMPTS)
        most = max(samples for _, samples in targets)
        draw(words(uniform, size=size, widths=[width for width in WIDTHS if width <= most]))
        page = render(goal, adaptive, cheapest(uniform, goal))
        KEPT.mkdir(exist_ok=True)
        for root in (adaptive, uniform):
            pack = KEPT / f"{root.name}.isoquant.tar"
            pack.unlink(missing_ok=True)
            subprocess.run(
                [sys.executable, "-m", "isoquant", "pack", str(root), "--no-text", "--out", str(pack)], check=True
            )
    TABLE.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
