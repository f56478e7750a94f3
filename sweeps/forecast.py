"""What the missing part of a grid will cost, from what the run has measured. Generates nothing, writes nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from harness.search.verdicts import Verifier
from results import store
from results.cuts import NATURAL
from results.folder import read_object
from results.schema import ANSWERS, CELLS, MODELS, SEARCHES, THROUGHPUT, TRACES, Table
from results.shards import list_shards
from sweeps.identity import differences
from sweeps.plan import PoolState
from sweeps.progress import Expected
from sweeps.rough import SHORTEST, Startup, guess_rate, guess_startup

if TYPE_CHECKING:
    from sweeps.job import Job
    from sweeps.prepare import Prepared

# Where a run holds nothing yet: bytes that a token and a row took in results/reference, rounded up.
BYTES_A_TOKEN, BYTES_A_ROW = 2.0, 40.0


@dataclass(frozen=True)
class Measured:
    """What stored rows say of thinking lengths (tokens, and whether the model ended them) and answers."""

    lengths: np.ndarray
    ended: np.ndarray
    answer_tokens: float | None

    def survival(self, budget_tokens: int) -> np.ndarray:
        """Share of traces longer than t, for t = 0..budget (Kaplan-Meier: a cut trace is only known to be longer).

        All ones where nothing is stored; beyond the longest that is, traces end at their mean rate.
        """
        if not len(self.lengths):
            return np.ones(budget_tokens + 1)
        times = np.arange(budget_tokens + 1)
        at_risk = len(self.lengths) - np.searchsorted(np.sort(self.lengths), times, side="left")
        ends = np.bincount(self.lengths[self.ended], minlength=budget_tokens + 1)[: budget_tokens + 1]
        # One number a token: the chance that a trace of this length ends with it.
        rate = self.ended.sum() / max(self.lengths.sum(), 1)
        return np.asarray(
            np.cumprod(1 - np.divide(ends, at_risk, out=np.full(len(times), rate), where=at_risk > 0))
        )


NOTHING = Measured(np.zeros(0, np.int64), np.zeros(0, bool), None)


class Cost(NamedTuple):
    """What is missing of a pool, in the mean: tokens of thinking, answers that are forced and others, traces."""

    thinking: float
    num_forced: float
    num_natural: float
    num_traces: float

    def tokens(self, answer_tokens: float) -> float:
        return self.thinking + (self.num_forced + self.num_natural) * answer_tokens

    @property
    def num_rows(self) -> float:
        return self.num_forced + self.num_natural + self.num_traces


class Rough(NamedTuple):
    """Hours from low to high before anything was drawn, and what they are based on."""

    low: float
    high: float
    basis: str


@dataclass(frozen=True)
class Forecast:
    """A job's cells and what its missing ones cost, in tokens that the engine writes.

    hours: of drawing, None unmeasured, where `rough` may be told; start-up comes on top. num_forced: answers that
    are forced, beside the samples. verifier: who reads the paths of a search, and about how many tokens of its
    own.
    """

    model: str
    num_cells: int
    num_cells_done: int
    num_samples: int
    num_forced: int
    num_rows: int
    max_tokens: int
    expected_tokens: int
    is_measured: bool
    tokens_per_second: float | None
    num_devices: int
    num_bytes: int
    startup: Startup | None
    rough: Rough | None
    verifier: str = ""
    num_verifier_tokens: int = 0

    @property
    def hours(self) -> float | None:
        return self.expected_tokens / self.tokens_per_second / 3600 if self.tokens_per_second else None


def forecast(prepared: "Prepared") -> Forecast:
    """The cost of what is missing, read from the model's own rows, else from those of other models on the task."""
    job = prepared.job
    measured = read_measured(job.run, prepared)
    costs = [_cost(state, measured, prepared) for state in prepared.every_state]
    tokens = sum(cost.tokens(_mean_answer(prepared, measured)) for cost in costs)
    rows = sum(cost.num_rows for cost in costs)
    rate, is_measured = read_rate(job.run, prepared), measured.answer_tokens is not None
    widths = job.grid.widths if job.strategy is None else (job.strategy.width,)
    done = [cell for state in prepared.states[:1] for cell in _cells_done(state, widths)]
    done += [
        not state.pending_PS.any()
        for layer in prepared.layers
        if layer.node is layer.graph.nodes[-1] and layer.round in job.grid.rounds
        for state in layer.states
    ]
    bytes_a_token, bytes_a_row = _measure_disk(job.run)
    return Forecast(
        model=job.label,
        num_cells=len(done),
        num_cells_done=sum(done),
        num_samples=prepared.num_pending,
        num_forced=round(sum(cost.num_forced for cost in costs)),
        num_rows=round(rows),
        max_tokens=_most_tokens(prepared),
        expected_tokens=round(tokens),
        is_measured=is_measured,
        tokens_per_second=rate,
        num_devices=job.engine.num_devices,
        num_bytes=round(tokens * bytes_a_token + rows * bytes_a_row),
        startup=guess_startup(prepared) if prepared.num_pending else None,
        rough=None if rate or not prepared.num_pending else guess_hours(prepared, tokens, is_measured=is_measured),
        verifier="" if prepared.verifier is None else prepared.verifier.scorer.name,
        num_verifier_tokens=0 if prepared.verifier is None else expect_reading(prepared, prepared.verifier),
    )


def expect_reading(prepared: "Prepared", verifier: Verifier) -> int:
    """Tokens that the verifier of a search will read, in the mean of the paths that the run has of it; where it
    has none, at most: every way on with all that a path may hold.
    """
    rows = store.scan(prepared.job.run, SEARCHES, columns=["num_read_tokens"], identity=prepared.identity)
    if rows.num_rows:
        return round(prepared.num_pending * float(pc.mean(rows["num_read_tokens"]).as_py()))
    strategy = prepared.job.strategy
    assert strategy is not None
    num_steps = min(strategy.max_steps, max(prepared.job.grid.budgets))
    longest = min(prepared.max_model_len, verifier.longest)
    return int(prepared.num_pending * (strategy.expansions * num_steps + 1) * longest)


def guess_hours(prepared: "Prepared", tokens: float, *, is_measured: bool) -> Rough | None:
    """Hours for so many tokens at a rate that is only guessed; None where none can be.

    Tokens that are not measured are the most that there can be.
    """
    if (rate := guess_rate(prepared)) is None:
        return None
    fewest = tokens if is_measured else tokens * SHORTEST
    lengths = "" if is_measured else f"; traces of {SHORTEST:.0%} to 100% of their length"
    return Rough(fewest / rate.high / 3600, tokens / rate.low / 3600, f"{rate.basis}{lengths}")


def expect_tokens(prepared: "Prepared") -> Expected:
    """Tokens that are still to be written: at most,
    and by the lengths that the run has stored, where it has any.
    """
    measured = read_measured(prepared.job.run, prepared)
    if measured.answer_tokens is None:
        return Expected(_most_tokens(prepared))
    costs = [_cost(state, measured, prepared) for state in prepared.every_state]
    return Expected(_most_tokens(prepared), sum(cost.tokens(measured.answer_tokens) for cost in costs))


def _most_tokens(prepared: "Prepared") -> int:
    longest_answer = prepared.job.sampling.max_answer_tokens
    return round(sum(_cost(state, NOTHING, prepared).tokens(longest_answer) for state in prepared.every_state))


def _mean_answer(prepared: "Prepared", measured: Measured) -> float:
    return measured.answer_tokens or prepared.job.sampling.max_answer_tokens


def read_measured(root: Path, prepared: "Prepared") -> Measured:
    """Lengths of this identity's traces and answers, else of every model's on the task."""
    traces = _on_task(root, prepared, TRACES, ["prompt_id", "pool", "sample", "num_thinking_tokens", "ended"])
    answers = _on_task(root, prepared, ANSWERS, ["num_answer_tokens"])
    joined = traces.groupby(["identity", "prompt_id", "pool", "sample"], observed=True).agg(
        length=("num_thinking_tokens", "sum"), ended=("ended", "any")
    )
    mean = float(answers["num_answer_tokens"].mean()) if len(answers) else None
    return Measured(joined["length"].to_numpy(dtype=np.int64), joined["ended"].to_numpy(dtype=bool), mean)


def read_rate(root: Path, prepared: "Prepared") -> float | None:
    """Tokens a second in this model's jobs of this run; None where there were none."""
    log = store.scan(root, THROUGHPUT, identity=prepared.identity).to_pandas()
    seconds = float(log["seconds"].sum())
    return float(log["num_tokens"].sum()) / seconds if seconds else None


def unusable_rows(prepared: "Prepared") -> list[str]:
    """What sets this job apart from rows of the same model and task
    that the run holds and this grid cannot use.
    """
    task = prepared.task_id.rsplit("-", 1)[0]
    lines = []
    for row in store.scan(prepared.job.run, MODELS).to_pylist():
        same = row["model"] == prepared.job.model.name and row["task"].rsplit("-", 1)[0] == task
        if same and row["identity"] != prepared.identity and row["identity_parts"]:
            apart = differences(
                read_object(row["identity_parts"], where="identity_parts of a model"), prepared.identity_parts
            )
            lines.append(
                f"rows stored under {row['identity']} do not belong to this grid: {'; '.join(apart)}. They stay, "
                "and this grid is drawn from its start beside them."
            )
    return lines


def chosen_settings(asked: "Job", prepared: "Prepared") -> list[str]:
    """What of the engine's settings was left to this machine, and what it chose: a line, where there is any."""
    before, after = vars(asked.engine), vars(prepared.job.engine)
    chosen = [f"{name}={after[name]}" for name in before if before[name] != after.get(name)]
    return [f"chosen for this machine: {', '.join(f'engine.{words}' for words in chosen)}"] if chosen else []


def missing_anchor(jobs: Sequence["Job"]) -> list[str]:
    """That nobody draws the samples which difficulty bins are read from: a line, where that is so."""
    grid, root = jobs[0].grid, jobs[0].run
    models = list(dict.fromkeys(job.model.name for job in jobs))
    if grid.anchor is None or grid.anchor in models or "bins" in store.scan(root, CELLS)["pool"].to_pylist():
        return []
    return [
        f"grid.anchor={grid.anchor} is not one of the models to draw ({', '.join(models)}), and {root} has no "
        "samples for difficulty bins. Without them the summary takes all prompts together. grid.anchor=auto "
        "chooses an anchor among the models."
    ]


def _on_task(root: Path, prepared: "Prepared", table: Table, columns: list[str]) -> pd.DataFrame:
    rows = store.scan(root, table, columns=["identity", *columns], identity=prepared.identity)
    if not rows.num_rows:
        models = store.scan(root, MODELS, columns=["identity", "task"]).to_pylist()
        others = {row["identity"] for row in models if row["task"] == prepared.task_id}
        frame = store.scan(root, table, columns=["identity", *columns]).to_pandas()
        return frame[frame["identity"].isin(others)]
    return rows.to_pandas()


def _cost(state: PoolState, measured: Measured, prepared: "Prepared") -> Cost:
    """What is missing of a pool; every step of a search is written in several ways, of which one stays."""
    strategy = prepared.job.strategy
    cost = _cost_of_kept(state, measured)
    return cost if strategy is None else cost._replace(thinking=cost.thinking * strategy.expansions)


def _cost_of_kept(state: PoolState, measured: Measured) -> Cost:
    """The same where nothing is dropped. Cells that share a cut share its answer."""
    natural, forced = _count_owed(state)
    coming = _expect(state, measured)
    return coming._replace(num_forced=coming.num_forced + forced, num_natural=coming.num_natural + natural)


def _count_owed(state: PoolState) -> tuple[int, int]:
    """Answers that are missing where a trace stands already: its own, and those that are forced."""
    owed_PSB, places_PSB = ~state.answered_PSB & ~state.lacks_thinking_PSB, state.places_PSB
    natural = forced = 0
    for cell in range(owed_PSB.shape[-1]):
        place_PS, owed_PS = places_PSB[..., cell], owed_PSB[..., cell]
        for before in range(cell):
            owed_PS = owed_PS & ~(owed_PSB[..., before] & (places_PSB[..., before] == place_PS))
        own_PS = (place_PS == NATURAL) | (state.events.closes == place_PS).any(axis=0)
        natural += int((owed_PS & own_PS).sum())
        forced += int((owed_PS & ~own_PS).sum())
    return natural, forced


def _expect(state: PoolState, measured: Measured) -> Cost:
    """What traces that go on will take; S(t) is the share of traces longer than t.

    One that is extended is taken to go on as one that begins.
    """
    cells, deepest, closes_KPS = state.spec.cells, state.spec.deepest, state.events.closes
    survival, lacks_PS = measured.survival(deepest), state.lacks_thinking_PS
    thought_PS = np.minimum(state.num_thinking_PS, deepest)
    is_open_PS = ~(closes_KPS == state.num_thinking_PS).any(axis=0)
    alive_PS = np.where(is_open_PS, np.maximum(survival[thought_PS], 1e-12), 1.0)
    # Expected tokens from n on: the sum of S(t) / S(n) over n <= t < cap.
    tail = np.append(np.cumsum(survival[-2::-1])[::-1], 0.0)
    num_closed_PS = (closes_KPS <= state.num_thinking_PS).sum(axis=0)
    fresh_PS = state.spec.most_extensions - num_closed_PS + ~is_open_PS
    rest_PS = np.where(is_open_PS, tail[thought_PS] / alive_PS, 0.0) + fresh_PS * tail[0]
    thinking = np.minimum(rest_PS, deepest - thought_PS)[lacks_PS].sum()
    forced = 0.0
    for budget in sorted({cell.budget for cell in cells}):
        alike = [at for at, cell in enumerate(cells) if cell.budget == budget]
        needs_PS = (state.lacks_thinking_PSB & ~state.answered_PSB)[..., alike].any(axis=-1)
        # A trace that is extended reaches nearly every budget.
        still_PS = np.where(any(cells[at].extensions for at in alike), 1.0, survival[budget] / alive_PS)
        forced += still_PS[needs_PS].sum()
    # Nothing says how often a trace will call: at most one answer comes at each number but the last, whose is that
    # of the largest budget.
    num_opened_PS = (state.events.whole <= state.num_thinking_PS).sum(axis=0)
    forced += _levels_left({cell.calls for cell in cells}, num_opened_PS, but_last=True)[lacks_PS].sum()
    # So it is with a trace that is extended, which at most closes each time.
    may_extend = state.spec.most_extensions > 0
    levels_PS = _levels_left({cell.extensions for cell in cells}, num_closed_PS, but_last=may_extend)
    closes_PS = 1 - survival[-1] / alive_PS if len(measured.lengths) or not may_extend else 1.0
    natural = (closes_PS * levels_PS)[lacks_PS].sum()
    return Cost(float(thinking), float(forced), float(natural), float(lacks_PS.sum()))


def _levels_left(levels: Collection[int], num_passed_PS: np.ndarray, *, but_last: bool) -> np.ndarray:
    """How many of these caps of an axis each trace (P, S) has not passed yet,
    the last left out where `but_last`.
    """
    left_PS = np.asarray(sum((num_passed_PS <= level).astype(int) for level in levels))
    return np.asarray(np.maximum(left_PS - but_last, 0))


def _cells_done(state: PoolState, widths: tuple[int, ...]) -> list[bool]:
    """Whether each cell, width by width and cap by cap, is answered on every prompt."""
    return [bool(state.answered_PSB[:, :width, b].all()) for width in widths for b in range(len(state.spec.cells))]


def _measure_disk(root: Path) -> tuple[float, float]:
    """Bytes a token and a row: rows at the default, tokens at what the stored ones take beside them."""
    tables = (TRACES, ANSWERS)
    num_bytes = sum(path.stat().st_size for table in tables for path in list_shards(root / table.name))
    if not num_bytes:
        return BYTES_A_TOKEN, BYTES_A_ROW
    num_rows = num_tokens = 0
    for table, name in ((TRACES, "num_thinking_tokens"), (ANSWERS, "num_answer_tokens")):
        for shard in store.iterate(root, table, columns=[name]):
            num_rows += shard.num_rows
            # Outcomes from elsewhere may not tell how long they are.
            num_tokens += pc.sum(shard[name]).as_py() or 0
    return max((num_bytes - BYTES_A_ROW * num_rows) / max(num_tokens, 1), 1.0), BYTES_A_ROW
