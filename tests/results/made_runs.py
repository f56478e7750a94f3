"""Small runs as sweeps write them, whose rows follow from their keys: two draws of one sample are the same."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from results import store
from results.schema import (
    ANSWERS,
    CELLS,
    FAILURES,
    GRADES,
    MODELS,
    PROMPTS,
    SCORERS,
    SCORES,
    THROUGHPUT,
    TRACES,
)

GRADER = "reasoning_gym.sums.read_whole.identical"
SIZES = {"small": 1_000, "large": 10_000}
SHAPE = {
    **{name: 1 for name in ("num_layers", "num_heads", "num_kv_heads")},
    **{"hidden_size": 8, "head_dim": 8, "dtype": "float32"},
}


def hash_parts(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Made:
    """What a run was asked for, with its own defaults; `write` makes it."""

    models: Sequence[str] = ("small", "large")
    seed: int = 1000
    size: int = 6
    samples: Iterable[int] = range(4)
    budgets: Sequence[int] = (0, 16)
    bin_samples: int = 2
    run_seed: int = 0
    sampling: dict[str, Any] = field(default_factory=dict)
    weights: str = "sha256:w"
    path: str = "/home/someone/checkpoints"
    version: str = "1"
    params: dict[str, Any] = field(default_factory=dict)
    texts: str = ""
    score_shift: float = 0.0
    is_scored: bool = True

    @property
    def task_parts(self) -> dict[str, Any]:
        return {"source": "reasoning_gym", "name": "sums", "seed": self.seed, "params": self.params}

    @property
    def task(self) -> str:
        return f"sums-{hash_parts(self.task_parts)[:8]}"

    def parts(self, model: str) -> dict[str, Any]:
        return {
            "weights": f"{self.weights}-{model}",
            "dtype": "float32",
            "engine_options": {},
            "task": self.task_parts,
            "sampling": self.sampling,
            "seed": self.run_seed,
        }

    def identity(self, model: str) -> str:
        return hash_parts(self.parts(model))

    def write(self, root: Path) -> Path:
        prompts = [
            {
                "task": self.task,
                "prompt_id": f"sums/{index:05d}",
                "prompt_hash": hash_parts([self.seed + index, self.params]),
                "text": f"{self.seed + index} + 1 =",
                "dials": json.dumps({"num_digits": len(str(self.seed + index))}),
            }
            for index in range(self.size)
        ]
        with store.lock(root, self.task):
            store.append(root, PROMPTS, prompts, writer=self.task)
        for model in self.models:
            with store.lock(root, model):
                self._write_model(root, model)
        self._write_records(root)
        return root

    def _write_model(self, root: Path, model: str) -> None:
        identity = self.identity(model)
        size = {name: SIZES.get(model, 100) for name in ("num_params", "num_matmul_params")}
        row = {
            "identity": identity,
            "model": model,
            "task": self.task,
            "path": f"{self.path}/{model}",
            **SHAPE,
            **size,
        }
        row |= {
            "weights_digest": f"{self.weights}-{model}",
            "identity_parts": store.encode_json(self.parts(model)),
        }
        store.append(root, MODELS, [row], writer=model)
        pools = [("evaluation", list(self.samples), self.budgets)]
        if model == "large":
            pools.append(("bins", list(range(self.bin_samples)), (max(self.budgets),)))
        cells = [
            self._cell(identity, pool, 1 + max(samples)) | {"budget": b} for pool, samples, bs in pools for b in bs
        ]
        store.append(root, CELLS, [each for cell in cells for each in self._spread(cell)], writer=model)
        rows = [
            self._sample(identity, index, pool, sample, budgets)
            for pool, samples, budgets in pools
            for index in range(self.size)
            for sample in samples
        ]
        for table in (TRACES, ANSWERS):
            store.append(root, table, [each for row in rows for each in row[table.name]], writer=model)
        with store.lock(root, f"{self.task}-grades"):
            grades = [each for row in rows for each in row[GRADES.name]]
            store.append(root, GRADES, grades, writer=f"{self.task}-grades")
        if self.is_scored:
            self._write_scores(root, model, [each for row in rows for each in row[ANSWERS.name]])
        error = {"time": "2026-01-01T00:00:00", "error": f"{self.path}/x: no file; api_key=sk-abcdefghijklmnop"}
        key = {"identity": identity, "prompt_id": "sums/00000", "pool": "evaluation", "sample": 99}
        store.append(root, FAILURES, [key | error], writer=model)
        logged = {"identity": identity, "job": f"j{self.seed}", "elapsed_seconds": 1.0, "seconds": 1.0}
        store.append(root, THROUGHPUT, [logged | {"num_samples": 1, "num_tokens": 100}], writer=model)

    def _cell(self, identity: str, pool: str, num_samples: int) -> dict[str, Any]:
        return {"identity": identity, "pool": pool, "num_samples": num_samples, "num_prompts": self.size}

    def _spread(self, cell: dict[str, Any]) -> list[dict[str, Any]]:
        """A cell of a budget over the other axes of the grid."""
        return [cell]

    def _write_scores(self, root: Path, model: str, answers: Sequence[dict[str, Any]]) -> None:
        """A scorer a model, which reads the answers of the pool that is chosen from, and refuses the first."""
        parts = {"weights": f"{self.weights}-scorer", "engine_options": {"hf_token": "hf_abcdefghijklmnopqr"}}
        named = {"scorer": f"judge of {model}", "scorer_version": hash_parts(parts)}
        writer = f"{model}-scores"
        told = named | {"kind": "generative", "path": f"{self.path}/judge", **SHAPE}
        rows = [
            {name: row[name] for name in ANSWERS.key}
            | named
            | {
                "verdict": 0,
                "score": row["seed"] % 7 / 3 + self.score_shift,
                "text": f"Yes: {row['text']}{self.texts}",
                "seconds": 0.1,
            }
            for row in answers
            if row["pool"] == "evaluation"
        ]
        rows[0] |= {"score": None, "text": None, "refusal": "no text"}
        with store.lock(root, writer):
            store.append(root, SCORERS, [told | {"scorer_parts": store.encode_json(parts)}], writer=writer)
            store.append(root, SCORES, rows, writer=writer)

    def _sample(self, identity: str, index: int, pool: str, sample: int, budgets: Sequence[int]) -> dict[str, Any]:
        key = {"identity": identity, "prompt_id": f"sums/{index:05d}", "pool": pool, "sample": sample}
        deep = 40
        drawn = int(hash_parts([identity, self.seed + index, pool, sample]), 16)
        request = {"num_prompt_tokens": 5, "finish_reason": "stop", "seed": drawn % 2**40, "seconds": 0.5}
        told = {"num_thinking_tokens": deep, "ended": False, "token_ids": [drawn % 97] * deep}
        trace = key | {"start_token": 0, "text": f"thinking of {drawn % 97}{self.texts}"} | request | told
        answers, grades = [], []
        for budget in budgets:
            is_right = (drawn >> budget) % 3 > 0
            answer = str(self.seed + index + is_right)
            spent = {"num_thinking_tokens": budget, "num_answer_tokens": 2, "forced": True, "text": answer}
            answers.append(key | {"budget": budget} | request | spent | {"num_prompt_tokens": 5 + budget})
            read = {"extracted": answer, "vote_key": answer, "correct": is_right, "score": float(is_right)}
            graded = {
                "outcome": "correct" if is_right else "wrong",
                "grader": GRADER,
                "grader_version": self.version,
            }
            grades.append(key | {"budget": budget} | read | graded)
        return {TRACES.name: [trace], ANSWERS.name: answers, GRADES.name: grades}

    def _write_records(self, root: Path) -> None:
        for model in self.models:
            config = {
                "task": {
                    "_target_": "harness.tasks.reasoning_gym.ReasoningGym",
                    "name": "sums",
                    "seed": self.seed,
                },
                "model": {"path": f"{self.path}/{model}", "name": model},
                "engine": {"url": "http://someone:pass@host.example/v1", "api_key": "sk-abcdefghijklmnop"},
                "command": [
                    "model.path=/home/someone/checkpoints/small",
                    "engine.options.hf_token=hf_abcdefghijklmnopqr",
                ],
            }
            machine = {"environment": {"HOME": "/home/someone"}, "hostname": "node17", "num_cpus": 2, "gpus": []}
            record = {
                "identity": self.identity(model),
                "config": config,
                "time": f"2026-01-01 {self.seed}",
                **machine,
            }
            for folder, told in (("provenance", record), ("probes", {"num_probes": 8, "max_thinking_tokens": 16})):
                (root / folder).mkdir(exist_ok=True)
                name = f"{model}-000" if folder == "provenance" else self.identity(model)
                (root / folder / f"{name}.json").write_text(json.dumps(told))
