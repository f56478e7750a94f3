"""A small run, the command or the scripted engine that draws it, and what must hold of it once it is finished."""

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from results import store
from results.schema import ANSWERS, GRADES, TABLES, TRACES, Table
from results.shards import list_shards
from tests import forked

# What a sweep of single answers writes where nothing fails: strategies are for rounds and decisions for goals, the
# last five other commands'.
UNWRITTEN = {"failures", "strategies", "decisions", "counts", "embeddings", "scorers", "scores", "searches"}
WRITTEN = [table for table in TABLES if table not in UNWRITTEN]
NUM_PROMPTS, WIDTH, BIN_SAMPLES, BUDGETS = 24, 4, 2, (0, 16, 64)
MODEL = "countdown-33k"
SMALL = [
    *("experiment=embedded", f"task.size={NUM_PROMPTS}", f"grid.widths=[1,{WIDTH}]", "grid.budgets=[0,16,64]"),
    *(f"grid.bin_samples={BIN_SAMPLES}", "grid.reference_budget=64", f"grid.anchor={MODEL}"),
    # Slow enough for several flushes.
    *("engine.max_num_seqs=4", "flush_seconds=2", "engine.gpu_memory_utilization=0.3"),
]
SCRIPTED = [*SMALL, "engine._target_=tests.scripted_settings.Scripted", "probe=false", "flush_seconds=0"]


def shards(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.glob("*/*.parquet"))}


def rows(root: Path, paths: Iterable[Path] | None = None) -> dict[str, Counter[str]]:
    """Every row of a run by its table, or those of some of its shards alone:
    merging moves rows and changes none.
    """
    found: dict[str, Counter[str]] = {name: Counter() for name in TABLES}
    for path in list_all(root) if paths is None else paths:
        table = TABLES[path.parent.name]
        found[table.name] += Counter(map(repr, store.scan(root, table, shards=[root / path]).to_pylist()))
    return found


def list_all(root: Path) -> list[Path]:
    return [path for name in TABLES for path in list_shards(root.absolute() / name)]


def assert_kept(before: dict[str, Counter[str]], root: Path) -> None:
    """Every row from before is there, as it was."""
    now = rows(root)
    assert all(not before[name] - now[name] for name in before), "a row from before is not what it was"


def keys(root: Path, table: Table) -> Counter[tuple]:
    return Counter(tuple(row.values()) for row in store.scan(root, table, columns=table.key).to_pylist())


def assert_complete(root: Path, *models: str) -> None:
    """Every table holds a key once, the grid lacks nothing, every answer is of stored thinking and graded."""
    for table in TABLES.values():
        assert max(keys(root, table).values(), default=1) == 1, table.name
    traces: dict[tuple, tuple[int, bool]] = {}
    for row in store.scan(root, TRACES).sort_by("start_token").to_pylist():
        sample = tuple(row[name] for name in TRACES.key[:-1])
        length, _ = traces.get(sample, (0, False))
        assert row["start_token"] == length, "a segment whose beginning is lost"
        traces[sample] = (length + row["num_thinking_tokens"], row["ended"])
    num_identities = len({sample[0] for sample in traces})
    assert num_identities == len(models)
    answers = keys(root, ANSWERS)
    wanted = {
        (*sample, None if ended and length <= budget else budget)
        for sample, (length, ended) in traces.items()
        for budget in (BUDGETS if sample[2] == "evaluation" else BUDGETS[-1:])
    }
    assert all(ended or length == BUDGETS[-1] for length, ended in traces.values())
    num_bins = NUM_PROMPTS * BIN_SAMPLES if MODEL in models else 0
    assert len(traces) == NUM_PROMPTS * WIDTH * len(models) + num_bins
    assert wanted == set(answers)
    assert {key[:-2] for key in keys(root, GRADES)} == set(answers)
    plan = forked.run("isoquant", "plan", *SMALL, f"model={','.join(models)}", f"run={root}")
    assert plan.code == 0, plan.err
    table = plan.out[plan.out.index("\nmodel ") :]
    rows = [words for line in table.splitlines()[2:] if (words := line.split())]
    of_models = [row for row in rows if row[0] in models and row[2:3] == ["of"]]
    assert {row[0] for row in of_models} == {*models} and all(row[1] == row[3] for row in of_models)
    assert [row for row in rows if row[:2] == ["in", "all"]][0][5] == "0", plan.out


def copy_run(run: Path, root: Path) -> Path:
    return Path(shutil.copytree(run, root, ignore=shutil.ignore_patterns("locks", "logs")))


def flip_bit(path: Path, rng: np.random.Generator) -> str:
    content = bytearray(path.read_bytes())
    at, bit = int(rng.integers(len(content))), int(rng.integers(8))
    content[at] ^= 1 << bit
    path.write_bytes(content)
    return f"bit {bit} of byte {at:,} of {len(content):,}"


def redraw(root: Path, *, flush_seconds: float = 30) -> str:
    """Carry the run on with a scripted engine, without a launcher; what was said."""
    words = [*SCRIPTED[:-1], f"flush_seconds={flush_seconds}", f"model={MODEL}", f"run={root}", "hydra.mode=RUN"]
    grade = ["isoquant", "grade", str(root)]
    grading = [grade] if root.exists() else []
    ended = [forked.run(*given) for given in (*grading, ["sweeps", *words], grade)]
    said = "".join(step.out + step.err for step in ended)
    assert not any(step.code for step in ended) and "Traceback" not in said, said
    return said
