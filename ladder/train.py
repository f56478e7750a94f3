"""Trains one rung from scratch and writes it in Hugging Face format. Resumes from its last saved state."""

import json
import math
import time
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import Qwen3Config, Qwen3ForCausalLM

from ladder.countdown import MAX_THINKING_TOKENS, Example, Problem, batches
from ladder.muon import Muon
from ladder.rungs import HEAD_DIM, Rung
from ladder.tokenizer import VOCAB_SIZE, build_tokenizer

TOKENS_PER_STEP = 6000
ADAM_LR, MUON_LR, WARMUP_STEPS = 3e-3, 2e-2, 100
WEIGHT_DECAY = 0.01
DECAY_SHARE = 0.4
SAVE_EVERY_STEPS = 160
IGNORED = -100
# The longest prompt, the longest thinking, both markers and the longest answer.
CONTEXT = MAX_THINKING_TOKENS + 64


def build_model(rung: Rung) -> Qwen3ForCausalLM:
    """A randomly initialised Qwen3 of the rung's shape, in float32."""
    config = Qwen3Config(
        vocab_size=VOCAB_SIZE,
        hidden_size=rung.hidden_size,
        intermediate_size=rung.intermediate_size,
        num_hidden_layers=rung.num_layers,
        num_attention_heads=rung.num_heads,
        num_key_value_heads=rung.num_heads,
        head_dim=HEAD_DIM,
        max_position_embeddings=CONTEXT,
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
    """Mean cross-entropy of the counted tokens, in nats. Padding stands right, so causal attention never sees it."""
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


def train(rung: Rung, problems: list[Problem], *, out: Path, cache: Path, seed: int = 0) -> None:
    """Train `rung` and save it under out/<name>; state goes to cache/<name>.pt so that a killed run resumes."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(seed)
    model = build_model(rung).to(device)
    optimizers = build_optimizers(model)
    state_path = cache / f"{rung.name}.pt"
    step, tokens_seen, seconds, losses = 0, 0, 0.0, []
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, tokens_seen, seconds, losses = (state[k] for k in ("step", "tokens_seen", "seconds", "losses"))
    data = batches(problems, tokens_per_batch=TOKENS_PER_STEP, seed=seed, first_batch=step)
    started = time.monotonic() - seconds
    while step < rung.num_steps:
        examples = next(data)
        ids, labels = collate(examples, device)
        loss = next_token_loss(model, ids, labels)
        loss.backward()
        for optimizer, base_lr in zip(optimizers, (MUON_LR, ADAM_LR), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = base_lr * lr_scale(step, rung.num_steps)
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        tokens_seen += sum(len(e.ids) for e in examples)
        losses = [*losses, loss.item()][-200:]
        if step % SAVE_EVERY_STEPS == 0:
            seconds = time.monotonic() - started
            rate = tokens_seen / seconds
            print(
                f"{rung.name} step {step}/{rung.num_steps} loss {sum(losses) / len(losses):.4f} {rate:,.0f} tokens/s",
                flush=True,
            )
            save_state(state_path, model, optimizers, step=step, tokens_seen=tokens_seen, seconds=seconds, losses=losses)
    record = {
        "parameters": model.num_parameters(),
        "tokens_seen": tokens_seen,
        "loss": round(sum(losses) / len(losses), 4),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} threads",
    }
    save_checkpoint(model, out / rung.name, record)


def save_state(path: Path, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], **progress: object) -> None:
    """Everything a resumed run needs, written beside and renamed over the last state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], **progress}, beside)
    beside.replace(path)


def save_checkpoint(model: Qwen3ForCausalLM, folder: Path, record: dict[str, object]) -> None:
    """bf16 safetensors, config, tokenizer and the training record."""
    model.to(torch.bfloat16).save_pretrained(folder)
    build_tokenizer().save_pretrained(folder)
    (folder / "training.json").write_text(json.dumps(record, indent=2) + "\n")
