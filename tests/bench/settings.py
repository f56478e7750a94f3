"""make bench PART=settings: what reading ten million outcomes takes over budgets alone,
and over settings of axes.
"""

import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.arrays import Bools, Ints
from analysis.runs import samples
from results.cuts import NATURAL, NEVER, Caps, Events, answer_places, every_cell
from results.schema import ANSWERS, GRADES, TRACES, Table
from results.shards import write_shard
from tests.bench.synthetic import BUDGETS

IDENTITY, POOL, GRADER = "model-0", "evaluation", ("exact", "1")
PROMPT_TOKENS, CALL_TOKENS = 50, 5
NUM_CALLS = 3


class Grid(NamedTuple):
    """The settings that are stored, and samples a prompt."""

    settings: tuple[Caps, ...]
    num_samples: int


# As many outcomes of each: 8 budgets, 4 x 4 of two axes, 4 x 4 x 2 of three.
PLAIN = Grid(tuple(Caps(budget) for budget in BUDGETS), 128)
TWO_AXES = Grid(tuple(every_cell(BUDGETS[::2], (0,), range(1 + NUM_CALLS))), 64)
THREE_AXES = Grid(tuple(every_cell(BUDGETS[::2], (0, 1), range(1 + NUM_CALLS))), 32)
TABLE = Path("results/bench/settings.md")
NUM_PROMPTS, NUM_MODELS, NUM_TRIES = 1000, 10, 3
MOST = 1.2


class Reading(NamedTuple):
    """What is read of a grid: those of its settings."""

    words: str
    grid: Grid
    settings: tuple[Caps, ...]


def _held(grid: Grid, **caps: int) -> tuple[Caps, ...]:
    """The settings of a grid with these caps."""
    return tuple(each for each in grid.settings if all(getattr(each, name) == cap for name, cap in caps.items()))


READINGS = (
    Reading("every budget of a run that has budgets alone", PLAIN, PLAIN.settings),
    Reading("every setting of budgets x calls", TWO_AXES, TWO_AXES.settings),
    Reading("along budgets, with the most calls", TWO_AXES, _held(TWO_AXES, calls=NUM_CALLS)),
    Reading("along calls, with the most thinking", TWO_AXES, _held(TWO_AXES, budget=BUDGETS[-2])),
    Reading("every setting of budgets x extensions x calls", THREE_AXES, THREE_AXES.settings),
)


def main() -> None:
    """Read each as often, keep the table, and raise where every setting takes more than
    MOST times every budget.
    """
    with tempfile.TemporaryDirectory() as folder:
        spent = {each: min(_tries(Path(folder), each)) for each in READINGS}
    text = _render(spent)
    TABLE.write_text(text)
    print(text)
    plain = spent[READINGS[0]]
    worst = max(used for each, used in spent.items() if len(each.settings) == len(each.grid.settings)) / plain
    assert worst <= MOST, f"Every setting takes {worst:.2f} times what every budget takes."


def _tries(folder: Path, reading: Reading) -> list[float]:
    root = _store(folder, reading.grid, NUM_PROMPTS)
    read(root, reading, NUM_PROMPTS)
    return [sum(read(root, reading, NUM_PROMPTS) for _ in range(NUM_MODELS)) for _ in range(NUM_TRIES)]


def _render(spent: dict[Reading, float]) -> str:
    plain = spent[READINGS[0]]
    rows = []
    for each, used in spent.items():
        num_outcomes = NUM_MODELS * NUM_PROMPTS * each.grid.num_samples * len(each.settings)
        rows.append(f"| {each.words} | {num_outcomes / 1e6:.2f} | {used:.1f} | {used / plain:.2f} |")
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "pyarrow"))
    return "\n".join(
        [
            "# How fast outcomes over settings are read",
            "",
            f"{NUM_MODELS} models of {NUM_PROMPTS:,} prompts are read one after the other from stored rows: 128 "
            "samples at 8 budgets, 64 at 4 budgets x 4 numbers of calls, 32 at those x 2 numbers of extensions. "
            "Samples close, call and are extended at random places. Every answer has to be found. The least of "
            f"{NUM_TRIES} tries; the load was {os.getloadavg()[0]:.1f}. `make bench PART=settings` writes this "
            f"page, and fails where every setting takes more than {MOST} times every budget.",
            "",
            "| what is read | million outcomes | CPU seconds | ratio |",
            "|---|---|---|---|",
            *rows,
            "",
            f"{os.cpu_count()} cores, {platform.machine()}; Python {platform.python_version()}, {versions}.",
            "",
        ]
    )


def read(root: Path, reading: Reading, num_prompts: int) -> float:
    """CPU seconds of reading these settings; every one has to be there."""
    used, num_samples = time.process_time(), reading.grid.num_samples
    found = samples.read(
        root,
        identity=IDENTITY,
        pool=POOL,
        settings=reading.settings,
        prompt_ids=pd.Index(_prompt_ids(num_prompts)),
        prompt_tokens=np.full(num_prompts, PROMPT_TOKENS),
        grader=GRADER,
        goes_on=reading.grid is not PLAIN,
    )
    assert found.present.all() and found.present.shape == (len(reading.settings), num_prompts, num_samples)
    return time.process_time() - used


def _prompt_ids(num_prompts: int) -> list[str]:
    return [f"sums/{number:05d}" for number in range(num_prompts)]


def _store(folder: Path, grid: Grid, num_prompts: int) -> Path:
    """The run of a grid, written when it is first asked for."""
    root = folder / f"{len(grid.settings)}"
    if root.exists():
        return root
    rng, shape = np.random.default_rng(0), (num_prompts, grid.num_samples)
    closes = _closes(rng, grid, num_prompts)
    events = _events(closes, grid, rng)
    places = answer_places(grid.settings, events)
    every = np.sort(np.moveaxis(places, 0, -1), axis=-1)
    is_first = np.concatenate([np.ones((*shape, 1), dtype=bool), np.diff(every, axis=-1) > 0], axis=-1)
    prompt, sample, at = np.nonzero(is_first)
    place = every[prompt, sample, at]
    extended = (place == events.closes[-1][prompt, sample]) & (len(events.closes) > 1)
    _write_answers(root, prompt, sample, place, closes[prompt, sample], extended, rng)
    if grid is not PLAIN:
        _write_traces(root, events)
    return root


def _closes(rng: np.random.Generator, grid: Grid, num_prompts: int) -> Ints:
    """After how many tokens each sample closes for the first time."""
    drawn = rng.lognormal(6, 1.2, (num_prompts, grid.num_samples))
    return np.asarray(np.clip(drawn, 60, 3 * BUDGETS[-1]), dtype=np.int64)


def _events(closes: Ints, grid: Grid, rng: np.random.Generator) -> Events:
    """Where samples close, once more where they are extended, and where their calls begin."""
    num_closes = 1 + max(setting.extensions for setting in grid.settings)
    every = np.stack([closes, 2 * closes][:num_closes])
    finals = np.zeros(every.shape, dtype=bool)
    if grid is PLAIN:
        none = np.zeros((0, *closes.shape), dtype=np.int64)
        return Events(every, finals, none, none)
    opens = np.sort((closes * rng.uniform(0.05, 0.9, (NUM_CALLS, *closes.shape))).astype(np.int64), axis=0)
    opens += 2 * CALL_TOKENS * np.arange(NUM_CALLS)[:, None, None]
    opens = np.where(opens + CALL_TOKENS < closes, opens, NEVER)
    return Events(every, finals, opens, np.where(opens < NEVER, opens + 1, NEVER))


def _write_answers(
    root: Path, prompt: Ints, sample: Ints, place: Ints, closes: Ints, extended: Bools, rng: np.random.Generator
) -> None:
    is_own = place == NATURAL
    key = _key(prompt, sample) | {"budget": pa.array(np.where(is_own, 0, place), mask=is_own)}
    written = np.where(is_own, closes, place)
    correct = rng.random(len(place)) < 0.5
    spent = {"num_thinking_tokens": written, "num_answer_tokens": np.full(len(place), 2)}
    spent |= {"num_prompt_tokens": PROMPT_TOKENS + written, "forced": ~is_own & ~extended}
    spent |= {"extension": pa.array(extended.astype(np.int32), mask=~extended), "seed": np.zeros(len(place))}
    _write(root, ANSWERS, key | spent | {"finish_reason": ["stop"] * len(place)})
    graded = {"grader": [GRADER[0]] * len(place), "grader_version": [GRADER[1]] * len(place), "correct": correct}
    votes = np.where(correct, 0, rng.integers(1, 12, len(place))).astype(str)
    graded |= {"vote_key": votes, "outcome": np.where(correct, "correct", "wrong")}
    _write(root, GRADES, key | graded)


def _write_traces(root: Path, events: Events) -> None:
    """A segment for each call, and for each close."""
    calls, prompt, sample = np.nonzero(events.opens < NEVER)
    opens = events.opens[calls, prompt, sample]
    closing, of_prompt, of_sample = np.nonzero(events.closes < NEVER)
    ends = np.concatenate([opens + CALL_TOKENS, events.closes[closing, of_prompt, of_sample]])
    is_call = np.arange(len(ends)) < len(opens)
    opened = np.concatenate([opens, np.zeros(len(closing), dtype=np.int64)])
    told = {"start_token": np.zeros(len(ends)), "num_thinking_tokens": ends, "ended": ~is_call}
    told |= {"opened": pa.array(opened, mask=~is_call), "opened_by": pa.array(opened + 1, mask=~is_call)}
    key = _key(np.concatenate([prompt, of_prompt]), np.concatenate([sample, of_sample]))
    _write(root, TRACES, key | told)


def _key(prompt: Ints, sample: Ints) -> dict[str, object]:
    names = np.array(_prompt_ids(int(prompt.max()) + 1), dtype=object)
    return {
        "identity": [IDENTITY] * len(prompt),
        "prompt_id": pa.DictionaryArray.from_arrays(pa.array(prompt.astype(np.int32)), pa.array(names)),
        "pool": [POOL] * len(prompt),
        "sample": sample,
    }


def _write(root: Path, table: Table, columns: dict[str, object]) -> None:
    """The columns as one shard, those that are not given empty."""
    num_rows = len(columns["sample"])  # type: ignore[arg-type]
    every = []
    for field in table.schema:
        given = columns.get(field.name)
        if given is None:
            every.append(pa.nulls(num_rows, field.type))
            continue
        array = given if isinstance(given, pa.Array) else pa.array(given)
        every.append(
            array.cast(field.type) if not pa.types.is_dictionary(field.type) else _encoded(array, field.type)
        )
    write_shard(root / table.name, pa.Table.from_arrays(every, schema=table.schema), writer="bench")


def _encoded(array: pa.Array, kind: pa.DataType) -> pa.Array:
    encoded = array if isinstance(array, pa.DictionaryArray) else array.dictionary_encode()
    return encoded.cast(kind)


if __name__ == "__main__":
    main()
