"""Trains one rung, from scratch or from another, to one length or to several, and writes it in Hugging Face
format. Resumes from its last saved state.
"""

import json
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from ladder.examples import POOL, Course, Example, batches
from ladder.muon import Muon
from ladder.rungs import HEAD_DIM, Rung

ADAM_LR, MUON_LR, WARMUP_STEPS = 3e-3, 2e-2, 100
WEIGHT_DECAY = 0.01
DECAY_SHARE = 0.4
# Of these rates, where training begins with the weights of a rung.
LATER_RATE_SHARE = 0.5
SAVE_EVERY_STEPS = 160
IGNORED = -100


def build_model(rung: Rung, *, vocab_size: int, context: int) -> Qwen3ForCausalLM:
    """A randomly initialised Qwen3 of the rung's shape, in float32."""
    config = Qwen3Config(
        vocab_size=vocab_size,
        hidden_size=rung.hidden_size,
        intermediate_size=rung.intermediate_size,
        num_hidden_layers=rung.num_layers,
        num_attention_heads=rung.num_heads,
        num_key_value_heads=rung.num_heads,
        head_dim=HEAD_DIM,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
        initializer_range=1 / math.sqrt(rung.hidden_size),
    )
    return Qwen3ForCausalLM(config)


def collate(examples: list[Example], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels, (B, T) each, padded right; labels that do not count are IGNORED."""
    ids = pad_sequence([torch.tensor(e.ids) for e in examples], batch_first=True)
    labels = [torch.tensor(e.ids).masked_fill(~torch.tensor(e.counted), IGNORED) for e in examples]
    return ids.to(device), pad_sequence(labels, batch_first=True, padding_value=IGNORED).to(device)


def next_token_loss(model: torch.nn.Module, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the counted tokens, in nats. Padding stands right,
    so causal attention never sees it.
    """
    logits = model(input_ids=ids, use_cache=False).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED)


def build_optimizers(model: torch.nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings and norms."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        Muon(matrices, lr=MUON_LR, weight_decay=WEIGHT_DECAY),
        torch.optim.AdamW(others, lr=ADAM_LR, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def lr_scale(step: int, num_steps: int) -> float:
    """Linear warm-up, a plateau, then a linear decay to zero over the last DECAY_SHARE of the steps."""
    return min((step + 1) / WARMUP_STEPS, 1.0, (num_steps - step) / (DECAY_SHARE * num_steps))


@dataclass
class Progress:
    """How far a training run has come."""

    step: int = 0
    tokens_seen: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)

    @property
    def recent_loss(self) -> float:
        """Mean loss of the last 200 steps, in nats a counted token."""
        return sum(self.losses) / len(self.losses)


def train_lengths(
    rung: Rung, lengths: Sequence[int], course: Course, *, out: Path, cache: Path, seed: int = 0
) -> None:
    """Train `rung` to several numbers of steps and save each under out/<name>-<steps>.

    Each is what training it alone would give: until its rate begins to fall all take the same steps, which are
    taken once, from cache/<name>-plateau.pt. A killed run resumes, and a length that comes later goes on from
    there.
    """
    plateau = replace(rung, name=f"{rung.name}-plateau", num_steps=max(lengths))
    shared = cache / f"{plateau.name}.pt"
    for steps in sorted(lengths):
        one = replace(rung, name=f"{rung.name}-{steps}", num_steps=steps)
        state, until = cache / f"{one.name}.pt", last_plateau_step(steps)
        if not state.exists() and until > 0:
            if shared.exists() and torch.load(shared, weights_only=True)["step"] > until:
                shared.unlink()
            train(plateau, course, out=out, cache=cache, seed=seed, until=until)
            beside = state.with_suffix(".tmp")
            shutil.copyfile(shared, beside)
            beside.replace(state)
        train(one, course, out=out, cache=cache, seed=seed)


def last_plateau_step(num_steps: int) -> int:
    """The last step before the decay of so many at which a state can be resumed."""
    return int((1 - DECAY_SHARE) * num_steps) // POOL * POOL


def train(rung: Rung, course: Course, *, out: Path, cache: Path, seed: int = 0, until: int | None = None) -> None:
    """Train `rung` on a course and save it under out/<name>; a killed run resumes from cache/<name>.pt.

    until: stop at this step, with its state saved and no checkpoint.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(seed)
    model = build_model(rung, vocab_size=course.vocab_size, context=course.context)
    if rung.begins_as is not None:
        model.load_state_dict(Qwen3ForCausalLM.from_pretrained(out / rung.begins_as).state_dict())
    model.to(device)
    rate_share = 1.0 if rung.begins_as is None else LATER_RATE_SHARE
    optimizers = build_optimizers(model)
    state = cache / f"{rung.name}.pt"
    progress = load_state(state, model, optimizers)
    data = batches(course.draw, tokens_per_batch=course.tokens_per_step, seed=seed, first_batch=progress.step)
    started = time.monotonic() - progress.seconds
    last = rung.num_steps if until is None else until
    while progress.step < last:
        examples = next(data)
        lr = rate_share * lr_scale(progress.step, rung.num_steps)
        loss = take_step(model, optimizers, examples, lr=lr, device=device)
        progress.step += 1
        progress.tokens_seen += sum(len(example.ids) for example in examples)
        progress.losses = [*progress.losses, loss][-200:]
        progress.seconds = time.monotonic() - started
        if progress.step % SAVE_EVERY_STEPS == 0:
            report(rung.name, rung.num_steps, progress)
            save_state(state, model, optimizers, progress)
    if until is not None:
        save_state(state, model, optimizers, progress)
        return
    save_checkpoint(model, course.tokenizer, out / rung.name, describe(model, progress, device))


def take_step(
    model: Qwen3ForCausalLM,
    optimizers: list[torch.optim.Optimizer],
    examples: list[Example],
    *,
    lr: float,
    device: str,
) -> float:
    """One update at `lr` times the base rates; the loss before it."""
    ids, labels = collate(examples, device)
    loss = next_token_loss(model, ids, labels)
    return descend(loss, optimizers, lr=lr)


def descend(loss: torch.Tensor, optimizers: list[torch.optim.Optimizer], *, lr: float) -> float:
    """One update down a loss at `lr` times the base rates; the loss before it."""
    loss.backward()  # type: ignore[no-untyped-call]
    for optimizer, base_lr in zip(optimizers, (MUON_LR, ADAM_LR), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = base_lr * lr
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def report(name: str, num_steps: int, progress: Progress) -> None:
    rate = progress.tokens_seen / progress.seconds
    at = f"step {progress.step}/{num_steps}"
    print(f"{name} {at} loss {progress.recent_loss:.4f} {rate:,.0f} tokens/s", flush=True)


def load_state(path: Path, model: Qwen3ForCausalLM, optimizers: list[torch.optim.Optimizer]) -> Progress:
    """Put a saved state back where there is one, and say how far it had come."""
    if not path.exists():
        return Progress()
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state.pop("model"))
    for optimizer, saved in zip(optimizers, state.pop("optimizers"), strict=True):
        optimizer.load_state_dict(saved)
    return Progress(**state)


def save_state(
    path: Path, model: Qwen3ForCausalLM, optimizers: list[torch.optim.Optimizer], progress: Progress
) -> None:
    """Everything a resumed run needs, written beside and renamed over the last state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    weights = {"model": model.state_dict(), "optimizers": [optimizer.state_dict() for optimizer in optimizers]}
    torch.save(weights | asdict(progress), beside)
    beside.replace(path)


def describe(model: Qwen3ForCausalLM, progress: Progress, device: str) -> dict[str, object]:
    """The record that goes beside a checkpoint."""
    return {
        "parameters": model.num_parameters(),
        "steps": progress.step,
        "tokens_seen": progress.tokens_seen,
        "loss": round(progress.recent_loss, 4),
        "minutes": round(progress.seconds / 60, 1),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} threads",
    }


def save_checkpoint(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path, record: dict[str, object]
) -> None:
    """bf16 safetensors, config, tokenizer and the training record."""
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "training.json").write_text(json.dumps(record, indent=2) + "\n")
