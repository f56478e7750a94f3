"""Prompts of several seeds of a task as prompts of one: their rows under one task,
the seed in their names and dials.

What becomes of a row depends on it alone, so that runs can be merged in any order, and again when one has grown.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from results import store
from results.closed import POOLED
from results.folder import read_object
from results.reading import read_shard
from results.schema import CELLS, PROMPTS
from results.travel.ladders import Rung, read_rungs

# The label of a prompt that its seed becomes.
DIAL = "task_seed"
# Columns that name a task, a model on it or a prompt.
NAMING = ("identity", "task", "prompt_id", "dials", "identity_parts")
BATCH_ROWS = 100_000
# Seeds whose prompts are the same by more than this share are no further prompts.
MOST_SHARED = 0.1
# By pooled task, seed and pooled identity: what they were before, and the cells that were declared of them.
Seeds = dict[str, dict[str, dict[str, Any]]]
Cell = tuple[str, int, int, int]


class Pooling:
    """How the rows of one run are stored beside those of other seeds; those of other tasks stay as they are."""

    def __init__(self, root: Path, stored: Mapping[str, Rung]):
        rungs = {rung.identity: rung for rung in read_rungs(root)}
        self._rungs = {identity: rung for identity, rung in stored.items() if rung.identity != identity}
        self._seeds = {identity: _seed(rungs[identity]) for identity in self._rungs}
        self._tasks = {rungs[name].task: (rung.task, self._seeds[name]) for name, rung in self._rungs.items()}
        self.pooled = {rung.identity for rung in self._rungs.values()}
        self.seeds = self._describe(root, rungs)

    @property
    def changes(self) -> bool:
        return bool(self._rungs)

    def read(self, path: Path, schema: pa.Schema) -> pa.Table:
        """The rows of a shard as they are stored; raises ValueError where a prompt has such a dial of its own."""
        rows = read_shard(path, schema)
        if not self._rungs or not {"identity", "task"} & set(schema.names):
            return rows
        # A merged shard holds millions, which as Python objects take gigabytes.
        parts = [self._as_stored(rows.slice(start, BATCH_ROWS)) for start in range(0, rows.num_rows, BATCH_ROWS)]
        return pa.concat_tables([schema.empty_table(), *parts]).unify_dictionaries()

    def _as_stored(self, rows: pa.Table) -> pa.Table:
        names = rows.schema.names
        told = {name: rows[name].to_pylist() for name in names if name in NAMING}
        if "identity" in told:
            seeds = [self._seeds.get(identity) for identity in told["identity"]]
        else:
            seeds = [self._tasks[task][1] if task in self._tasks else None for task in told["task"]]
        change: dict[str, Callable[[int, str], str]] = {
            "prompt_id": lambda at, seed: name_prompt(told["prompt_id"][at], seed),
            "dials": lambda at, seed: _label(told["dials"][at], seed),
            "task": lambda at, _: self._tasks[told["task"][at]][0],
            "identity": lambda at, _: self._rungs[told["identity"][at]].identity,
            "identity_parts": lambda at, _: store.encode_json(self._rungs[told["identity"][at]].parts),
        }
        for name, before in told.items():
            after = [
                value if seed is None else change[name](at, seed)
                for at, (value, seed) in enumerate(zip(before, seeds, strict=True))
            ]
            field = rows.schema.field(name)
            rows = rows.set_column(names.index(name), field, pa.array(after, pa.string()).cast(field.type))
        return rows

    def _describe(self, root: Path, rungs: Mapping[str, Rung]) -> Seeds:
        """What is pooled here, and was before."""
        seeds = read_seeds(root)
        for identity, rung in self._rungs.items():
            cells = store.scan(root, CELLS, identity=identity).to_pylist()
            told = sorted({(row["pool"], row["budget"], row["num_samples"], row["num_prompts"]) for row in cells})
            of_seed = seeds.setdefault(rung.task, {}).setdefault(self._seeds[identity], {"identities": {}})
            of_seed["task"] = rungs[identity].task
            of_seed["identities"][rung.identity] = {"identity": identity, "cells": [list(cell) for cell in told]}
        return seeds


def name_prompt(prompt_id: str, seed: str) -> str:
    """countdown/00007 of seed 12 as countdown/12/00007."""
    head, slash, tail = prompt_id.partition("/")
    return f"{head}/{seed}/{tail}" if slash else f"{seed}/{prompt_id}"


def read_seeds(root: Path) -> Seeds:
    """What a run tells of the seeds that it pools; raises ValueError where that cannot be read."""
    path = root / POOLED
    if not path.exists():
        return {}
    told = read_object(path.read_text(encoding="utf-8", errors="replace"), where=path)
    try:
        return {
            str(task): {
                str(seed): {
                    "identities": {
                        str(name): {
                            "identity": str(one["identity"]),
                            "cells": [_as_cell(cell) for cell in one["cells"]],
                        }
                        for name, one in of_seed["identities"].items()
                    },
                    "task": str(of_seed["task"]),
                }
                for seed, of_seed in seeds.items()
            }
            for task, seeds in told["seeds"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(
            f"{path} does not show what was merged here. Move the run away, and merge again."
        ) from None


def join_seeds(first: Seeds, second: Seeds) -> Seeds:
    """What both pool; of a seed that is in both, the cells of either."""
    joined: Seeds = json.loads(json.dumps(first))
    for task, seeds in second.items():
        for seed, of_seed in seeds.items():
            there = joined.setdefault(task, {}).setdefault(seed, {"task": of_seed["task"], "identities": {}})
            for name, one in of_seed["identities"].items():
                cells = there["identities"].setdefault(name, {"identity": one["identity"], "cells": []})["cells"]
                cells += [cell for cell in one["cells"] if list(cell) not in cells]
    return joined


def pooled_cells(seeds: Seeds) -> list[dict[str, Any]]:
    """The cells of the pooled grid: as many prompts as have so many samples over all seeds."""
    by_identity: dict[str, list[list[Cell]]] = defaultdict(list)
    for of_task in seeds.values():
        for of_seed in of_task.values():
            for name, one in of_seed["identities"].items():
                by_identity[name].append([tuple(cell) for cell in one["cells"]])
    return [
        {"identity": name, "pool": pool, "budget": budget, "num_samples": size, "num_prompts": num_prompts}
        for name, each in sorted(by_identity.items())
        for pool, budget, size in sorted({cell[:3] for cells in each for cell in cells})
        if (num_prompts := sum(_most_prompts(cells, pool, budget, size) for cells in each))
    ]


def check_seeds(stage: Path, seeds: Seeds) -> list[str]:
    """A note where some prompts are the same under two seeds; raises ValueError where many are."""
    notes = []
    for task in seeds:
        rows = store.scan(stage, PROMPTS, columns=["task", "prompt_id", "prompt_hash"]).filter(
            pc.field("task") == task
        )
        hashes: dict[str, set[str]] = defaultdict(set)
        for prompt_id, prompt_hash in zip(
            rows["prompt_id"].to_pylist(), rows["prompt_hash"].to_pylist(), strict=True
        ):
            hashes[_seed_of(prompt_id)].add(prompt_hash)
        for at, seed in enumerate(names := sorted(hashes)):
            for other in names[:at]:
                shared, least = len(hashes[seed] & hashes[other]), min(len(hashes[seed]), len(hashes[other]))
                if shared > MOST_SHARED * least:
                    raise ValueError(
                        f"Seeds {other} and {seed} of {task} have {shared:,} of {least:,} prompts in common, "
                        "which would count twice, because prompt i is drawn from seed + i. Choose seeds that "
                        "differ by more than the sizes."
                    )
                if shared:
                    notes.append(
                        f"{shared:,} prompts of {task} are the same under seeds {other} and {seed}; each is "
                        "counted."
                    )
    return notes


def _seed_of(prompt_id: str) -> str:
    parts = prompt_id.split("/")
    return parts[1] if len(parts) > 2 else parts[0]


def _most_prompts(cells: list[Cell], pool: str, budget: int, size: int) -> int:
    """How many prompts a seed's grid asks so many samples of."""
    return max((cell[3] for cell in cells if cell[:2] == (pool, budget) and cell[2] >= size), default=0)


def _as_cell(told: Any) -> list[Any]:
    pool, budget, size, num_prompts = told
    if not all(isinstance(count, int) and 0 <= count < 2**31 for count in (budget, size, num_prompts)):
        raise ValueError
    return [str(pool), budget, size, num_prompts]


def _seed(rung: Rung) -> str:
    assert rung.seed is not None
    return str(rung.seed)


def _label(dials: str | None, seed: str) -> str:
    told = read_object(dials or "{}", where="dials of a prompt")
    if DIAL in told:
        raise ValueError(
            f"The prompts already have a label {DIAL}, which merging needs for the seed. The runs are not merged."
        )
    return store.encode_json(told | {DIAL: int(seed)})
