"""Trains the embedded verifiers: each reads a problem, a trace and its answer, and says whether the answer is
right.

They begin as rungs of the ladder and learn from what all rungs draw on training seeds. Labels are the grader's.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.rnn import pad_sequence
from transformers import Qwen3ForSequenceClassification, Qwen3ForTokenClassification

from harness.rendering import load_tokenizer
from harness.scorers.outcome import Outcome
from harness.scorers.process import Process
from harness.scorers.protocol import Item, RefusedError
from harness.scorers.reading import Reader
from harness.types import Prompt
from ladder.countdown import CONTEXT, EVALUATION_SEEDS, TOKENS_PER_STEP, Problem, load_problems
from ladder.muon import Muon
from ladder.tokenizer import END_THINK, THINK, build_tokenizer
from ladder.train import (
    ADAM_LR,
    LATER_RATE_SHARE,
    MUON_LR,
    SAVE_EVERY_STEPS,
    descend,
    describe,
    load_state,
    lr_scale,
    report,
    save_checkpoint,
    save_state,
)
from results import store
from results.schema import ANSWERS, GRADES, PROMPTS, SAMPLE_KEY, TRACES

Kind = Literal["outcome", "process"]
# What the rungs draw to learn from: problems of the training seeds, and answers that thinking was cut for.
DRAWN = ("experiment=embedded", "task.seed=0", "task.size=1200", "grid.anchor=null")
CELLS = ("grid.widths=[4]", "grid.budgets=[0,64,256]")
# Every so many-th problem is kept back, to tell how good the verifier became.
HELD_OUT_EVERY = 10
# An attempt of a search is a step.
STEP = ";"


@dataclass(frozen=True)
class Verifier:
    """One verifier: what it says of an answer, the rung whose weights it begins with,
    and how long it is trained.
    """

    name: str
    kind: Kind
    rung: str
    num_steps: int


VERIFIERS = (
    Verifier("verifier-33k", "outcome", "countdown-33k", num_steps=1600),
    Verifier("verifier-125k", "outcome", "countdown-125k", num_steps=1600),
    Verifier("step-verifier-33k", "process", "countdown-33k", num_steps=1600),
    Verifier("step-verifier-125k", "process", "countdown-125k", num_steps=1600),
)


class Reading(NamedTuple):
    """An answer as a verifier reads it: token ids, the positions that are scored, and whether it is right."""

    prompt_id: str
    ids: tuple[int, ...]
    scored: tuple[int, ...]
    is_right: bool


def draw(root: Path) -> None:
    """Have every rung answer the training problems; what is drawn already is not drawn again."""
    subprocess.run([sys.executable, "-m", "isoquant", "sweep", *DRAWN, *CELLS, f"run={root}"], check=True)


def layout(kind: Kind, path: str) -> Outcome | Process:
    """How an answer is laid out for a verifier, as its yaml in conf/scorer has it."""
    # The marker stands there also without a trace: the digits of problem and answer would run together.
    shared: dict[str, Any] = {"path": path, "reads_thinking": True, "between": THINK, "close": END_THINK}
    return Outcome(**shared) if kind == "outcome" else Process(**shared, step=STEP)


def load_readings(root: Path, verifier: Verifier, rungs: Path) -> list[Reading]:
    """Every answer of the run to a problem that no evaluation seed draws;
    those that no scorer reads are left out.
    """
    settings = layout(verifier.kind, str(rungs / verifier.rung))
    reader = Reader(load_tokenizer(settings.path), settings, context=CONTEXT)
    markers = [reader.tokenizer.convert_tokens_to_ids(marker) for marker in (THINK, END_THINK)]
    readings = []
    for item, is_right in load_answers(root):
        try:
            read = settings.read(reader, item)
        except RefusedError:
            continue
        # Of an outcome every token of the answer is scored, so that each teaches.
        first = _answer_start(read.token_ids, markers)
        scored = tuple(end - 1 for end in read.step_ends) or tuple(range(first, len(read.token_ids)))
        readings.append(Reading(item.prompt.prompt_id, read.token_ids, scored, is_right))
    return readings


def load_answers(root: Path) -> Iterator[tuple[Item, bool]]:
    """The answers of a run of the ladder and whether each is right, without problems of evaluation seeds."""
    held_out = {problem.key for problem in load_problems(EVALUATION_SEEDS)}
    prompts = {row["prompt_id"]: row["text"] for row in store.scan(root, PROMPTS).to_pylist()}
    kept = {prompt_id: text for prompt_id, text in prompts.items() if _key(text) not in held_out}
    columns = [*SAMPLE_KEY, "start_token", "text"]
    thinking: dict[tuple[Any, ...], str] = {}
    for row in store.scan(root, TRACES, columns=columns).sort_by("start_token").to_pylist():
        key = tuple(row[name] for name in SAMPLE_KEY)
        thinking[key] = thinking.get(key, "") + row["text"]
    graded = store.scan(root, GRADES, columns=[*ANSWERS.key, "correct"]).to_pylist()
    is_right = {tuple(row[name] for name in ANSWERS.key): row["correct"] for row in graded}
    for row in store.scan(root, ANSWERS).to_pylist():
        if row["prompt_id"] in kept:
            trace = thinking[tuple(row[name] for name in SAMPLE_KEY)].removesuffix(END_THINK)
            # One character is one token.
            cut = trace if row["budget"] is None else trace[: row["budget"]]
            prompt = Prompt(row["prompt_id"], kept[row["prompt_id"]], {})
            yield Item(prompt, cut, row["text"]), is_right[tuple(row[name] for name in ANSWERS.key)]


def _key(text: str) -> tuple[tuple[int, ...], int]:
    """As `Problem.key`, of a prompt's text such as "18 20 7 11=16"."""
    numbers, _, target = text.partition("=")
    return Problem(tuple(map(int, numbers.split())), int(target)).key


def _answer_start(ids: Sequence[int], markers: Sequence[int]) -> int:
    """Where the answer begins: behind the last marker."""
    return max(at for at, token in enumerate(ids) if token in markers) + 1


def train(
    verifier: Verifier, readings: list[Reading], *, rungs: Path, out: Path, cache: Path, seed: int = 0
) -> None:
    """Train a verifier and save it under out/<name>; a killed run resumes from cache/<name>.pt."""
    torch.manual_seed(seed)
    cls = Qwen3ForSequenceClassification if verifier.kind == "outcome" else Qwen3ForTokenClassification
    model = cls.from_pretrained(rungs / verifier.rung, num_labels=1, dtype=torch.float32)
    optimizers = build_optimizers(model)
    state = cache / f"{verifier.name}.pt"
    progress = load_state(state, model, optimizers)
    prompt_ids = sorted({reading.prompt_id for reading in readings})
    kept_back = set(prompt_ids[::HELD_OUT_EVERY])
    data = batches([reading for reading in readings if reading.prompt_id not in kept_back], seed=seed)
    for _ in range(progress.step):
        next(data)
    started = time.monotonic() - progress.seconds
    while progress.step < verifier.num_steps:
        part = next(data)
        rate = LATER_RATE_SHARE * lr_scale(progress.step, verifier.num_steps)
        progress.losses = [*progress.losses, take_step(model, optimizers, part, lr=rate)][-200:]
        progress.step += 1
        progress.tokens_seen += sum(len(reading.ids) for reading in part)
        progress.seconds = time.monotonic() - started
        if progress.step % SAVE_EVERY_STEPS == 0:
            report(verifier.name, verifier.num_steps, progress)
            save_state(state, model, optimizers, progress)
    auc = auc_within_prompts(model, [reading for reading in readings if reading.prompt_id in kept_back])
    record = describe(model, progress, "cpu") | {"held_out_auc_within_prompts": round(auc, 3)}
    print(f"{verifier.name} {json.dumps(record)}", flush=True)
    save_checkpoint(model, build_tokenizer(), out / verifier.name, record)


def build_optimizers(model: torch.nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings, norms and the head."""
    inside = [p for name, p in model.named_parameters() if p.ndim == 2 and name.startswith("model.layers")]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or not name.startswith("model.layers")]
    return [Muon(inside, lr=MUON_LR, weight_decay=0.01), torch.optim.AdamW(others, lr=ADAM_LR, weight_decay=0.0)]


def take_step(
    model: Any, optimizers: list[torch.optim.Optimizer], readings: Sequence[Reading], *, lr: float
) -> float:
    """One update at `lr` times the base rates; the loss before it, in nats a scored position."""
    logits = score(model, readings)
    counts = torch.tensor([len(reading.scored) for reading in readings])
    wanted = torch.tensor([float(reading.is_right) for reading in readings]).repeat_interleave(counts)
    # Each answer counts the same, however many of its tokens are scored.
    weights = (1.0 / counts).repeat_interleave(counts)
    losses = binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return descend((losses * weights).sum() / len(readings), optimizers, lr=lr)


def score(model: Any, readings: Sequence[Reading]) -> torch.Tensor:
    """The raw score at every scored position of every reading, one after another."""
    ids = pad_sequence([torch.tensor(reading.ids) for reading in readings], batch_first=True)
    # Padding stands right, so that causal attention never sees it.
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    rows = [row for row, reading in enumerate(readings) for _ in reading.scored]
    columns = [column for reading in readings for column in reading.scored]
    scores: torch.Tensor = model.score(hidden[rows, columns])[:, 0]
    return scores


def batches(
    readings: list[Reading], *, seed: int, tokens_per_batch: int = TOKENS_PER_STEP
) -> Iterator[list[Reading]]:
    """Endless batches of readings of similar length, each reading once an epoch."""
    epoch = 0
    while True:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(readings))
        drawn = sorted((readings[at] for at in order), key=lambda reading: len(reading.ids))
        ends = np.cumsum([len(reading.ids) for reading in drawn]) // tokens_per_batch
        bounds = [0, *(1 + np.flatnonzero(np.diff(ends))).tolist(), len(drawn)]
        for part in rng.permutation(len(bounds) - 1):
            yield drawn[bounds[part] : bounds[part + 1]]
        epoch += 1


@torch.no_grad()
def auc_within_prompts(model: Any, readings: Sequence[Reading], batch: int = 64) -> float:
    """Share of pairs of a right and a wrong answer to one problem in which the right one scores higher,
    ties half.
    """
    last = [reading._replace(scored=reading.scored[-1:]) for reading in readings]
    scores = np.concatenate([score(model, last[at : at + batch]).numpy() for at in range(0, len(last), batch)])
    by_prompt: dict[str, tuple[list[float], list[float]]] = {}
    for reading, value in zip(last, scores, strict=True):
        by_prompt.setdefault(reading.prompt_id, ([], []))[reading.is_right].append(float(value))
    won = pairs = 0.0
    for wrong, right in by_prompt.values():
        difference = np.subtract.outer(right, wrong)
        won += (difference > 0).sum() + 0.5 * (difference == 0).sum()
        pairs += difference.size
    return float(won / pairs)
