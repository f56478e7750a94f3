"""Small checkpoints that score: an embedded rung under another name, or real classes with random weights."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.harness.byte_tokenizer import build_byte_tokenizer

TAG = "<extra_0>"
RUNG = Path("ladder/checkpoints/countdown-33k")


def write_renamed(
    folder: Path, architecture: str = "Qwen3ForSequenceClassification", *, num_labels: int = 1, **config: Any
) -> Path:
    """A rung's folder as a checkpoint of another class. It can be read and encoded with, and not be loaded."""
    shutil.copytree(RUNG, folder)
    labels = {str(label): f"LABEL_{label}" for label in range(num_labels)}
    told = json.loads((folder / "config.json").read_text())
    told |= {"architectures": [architecture], "id2label": labels, **config}
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def write_asked(folder: Path, architecture: str = "Qwen3ForCausalLM") -> Path:
    """The same with the tokenizer of bytes, and a context that holds a question of them."""
    tokenizer = build_tokenizer()
    write_renamed(folder, architecture, max_position_embeddings=4096, eos_token_id=tokenizer.eos_token_id)
    (folder / "generation_config.json").unlink()
    tokenizer.save_pretrained(folder)
    return folder


def build_tokenizer() -> Any:
    """The byte tokenizer with a step tag."""
    tokenizer = build_byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": [TAG]})
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def write_heads(root: Path) -> dict[str, Path]:
    """Random weights of the real classes: `outcome`, `tokens`, `tags` (Qwen's process reward model) and `causal`.

    Large enough that labels differ from text to text by more than a sigmoid would leave.
    """
    import torch
    import transformers

    tokenizer = build_tokenizer()
    shape = {
        **{"vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
        **{"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 512},
        **{
            "initializer_range": 0.1,
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
    }
    qwen3 = transformers.Qwen3Config(**shape, head_dim=32, num_labels=1)
    qwen2 = transformers.Qwen2Config(**shape, architectures=["Qwen2ForProcessRewardModel"])
    torch.manual_seed(20262488)
    models = {
        "outcome": transformers.Qwen3ForSequenceClassification(qwen3),
        "tokens": transformers.Qwen3ForTokenClassification(transformers.Qwen3Config(**shape, head_dim=32)),
        "tags": build_process_model(qwen2),
        "causal": transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape)),
    }
    for name, model in models.items():
        if name == "tags":
            _save(model, root / name)
            qwen2.save_pretrained(root / name)
        else:
            model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    return {name: root / name for name in models}


def build_process_model(config: Any) -> Any:
    """Qwen2.5-Math-PRM as its own code builds it, which transformers does not hold: two layers on every token."""
    import torch
    from transformers import Qwen2Model

    class ProcessModel(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = Qwen2Model(config)
            hidden = config.hidden_size
            self.score = torch.nn.Sequential(
                torch.nn.Linear(hidden, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 2)
            )
            torch.nn.init.normal_(self.score[2].weight, std=0.5)

        def forward(self, ids: Any) -> Any:
            return self.score(self.model(ids).last_hidden_state)

    return ProcessModel()


def load_process_model(folder: Path) -> Any:
    from safetensors.torch import load_file
    from transformers import Qwen2Config

    model = build_process_model(Qwen2Config.from_pretrained(folder))
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval()


def _save(model: Any, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    weights = {name: weight.contiguous() for name, weight in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
